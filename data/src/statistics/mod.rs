//! What the elements of a dataset are like: how many there are, what they look like, and statistics of their components.

mod distinct;
mod feature;

use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::Dataset;
use crate::spec::Spec;

pub use distinct::Distinct;
pub use feature::FeatureStatistics;

use feature::Tally;

/// An error that comes so often in a row comes for ever.
const ENDLESS: u32 = 16;

/// A count of elements.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How many elements there are, without those that have errors.
    pub elements: u64,
    /// How many elements have errors.
    pub failed: u64,
    /// The first of these errors.
    pub first_error: Option<DataError>,
    /// What all elements look like; what the dataset knows of them if there are none.
    pub spec: Spec,
}

/// Statistics of the elements of a dataset.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// How many elements there are.
    pub survey: Survey,
    /// Statistics of components, in order: of vectors of at most 32 numbers, of each place.
    pub features: Vec<FeatureStatistics>,
}

impl Dataset {
    /// Reads all elements to count them; `each` is given every one, and what it refuses has failed too. The same error again and again, as a file gives it that cannot even
    /// be begun, ends the count.
    ///
    /// # Errors
    /// The error of the dataset. Those of elements are counted.
    pub fn survey(&self, mut each: impl FnMut(&Item) -> Result<()>) -> Result<Survey> {
        let mut survey = Survey { elements: 0, failed: 0, first_error: None, spec: self.spec()?.clone() };
        let (mut seen, mut repeated): (Option<Spec>, Option<(String, u32)>) = (None, None);
        for outcome in self.iter()? {
            match outcome.and_then(|item| each(&item).map(|()| item.spec())) {
                Ok(spec) => {
                    survey.elements += 1;
                    seen = Some(match seen {
                        None => spec,
                        Some(seen) if seen == spec => seen,
                        Some(seen) => seen.relaxed(&spec).unwrap_or(Spec::Any),
                    });
                }
                Err(error) => {
                    let text = error.to_string();
                    survey.failed += 1;
                    survey.first_error.get_or_insert(error);
                    let times = repeated.filter(|(last, _)| *last == text).map_or(1, |(_, times)| times + 1);
                    if times == ENDLESS {
                        break;
                    }
                    repeated = Some((text, times));
                }
            }
        }
        survey.spec = seen.unwrap_or(survey.spec);
        Ok(survey)
    }

    /// Reads all elements, and says what their components are like.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, Distinct};
    /// let rows = Dataset::from_iter([(1.0f32, "a"), (f32::NAN, "bc"), (3.0, "a")]);
    /// let statistics = rows.statistics()?;
    /// let [x, text] = &statistics.features[..] else { panic!("there are two") };
    /// assert_eq!((x.count, x.missing, x.mean, x.std), (2, 1, Some(2.0), Some(1.0)));
    /// assert_eq!((text.count, text.mean, text.distinct), (3, Some(4.0 / 3.0), Distinct::Exactly(2)));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The error of the dataset. Those of elements are counted.
    pub fn statistics(&self) -> Result<Statistics> {
        let mut tallies: Option<Vec<Tally>> = None;
        let survey = self.survey(|item| {
            let components = item.components();
            let tallies = tallies.get_or_insert_with(|| Tally::of(self.spec().ok(), item));
            if components.len() != tallies.len() {
                return Err(DataError::invalid(format!(
                    "an element of {} components is among others of {}",
                    components.len(),
                    tallies.len()
                )));
            }
            components.into_iter().zip(tallies).try_for_each(|(item, tally)| tally.add(item))
        })?;
        let tallies = tallies.unwrap_or_default().into_iter().enumerate();
        let features = tallies.flat_map(|(component, tally)| tally.finish(component));
        Ok(Statistics { features: features.collect(), survey })
    }
}
