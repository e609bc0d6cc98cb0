//! Statistics of one component.

use tensorwright::{DType, Scalar};

use super::distinct::{Distinct, Seen};
use crate::error::Result;
use crate::item::Item;
use crate::spec::{ElementKind, Spec};

/// Statistics of a component, or of a place in one: over all of its values in all elements. Of texts, least, greatest, mean and deviation are those of their
/// lengths in bytes; complex numbers have none.
#[derive(Clone, Debug)]
pub struct FeatureStatistics {
    /// Which component, in order.
    pub component: usize,
    /// Which place, of components that are short vectors.
    pub place: Option<usize>,
    /// What the values are. `None` of datasets within elements, which are not looked into.
    pub kind: Option<ElementKind>,
    /// How many values there are, without those that are missing.
    pub count: u64,
    /// How many are missing: NaN, or empty texts.
    pub missing: u64,
    /// The least value.
    pub min: Option<Scalar>,
    /// The greatest value.
    pub max: Option<Scalar>,
    /// The mean.
    pub mean: Option<f64>,
    /// The deviation from the mean: the square root of the mean of squares.
    pub std: Option<f64>,
    /// How many different values there are.
    pub distinct: Distinct,
}

/// What has been seen of values.
#[derive(Default)]
struct Column {
    kind: Option<ElementKind>,
    count: u64,
    missing: u64,
    range: Option<(Scalar, Scalar)>,
    mean: f64,
    /// Squares of differences from the mean (Welford, 1962).
    squares: f64,
    seen: Seen,
}

impl Column {
    /// A number that is ordered.
    fn measure(&mut self, number: Scalar) {
        self.count += 1;
        let (least, greatest) = self.range.get_or_insert((number, number));
        if is_less(number, *least) {
            *least = number;
        }
        if is_less(*greatest, number) {
            *greatest = number;
        }
        let value = number.to_f64();
        let difference = value - self.mean;
        self.mean += difference / self.count as f64;
        self.squares += difference * (value - self.mean);
    }

    fn number(&mut self, number: Scalar) {
        let dtype = number.dtype();
        self.kind = Some(dtype.into());
        let is_complex = matches!(dtype, DType::C64 | DType::C128);
        if is_complex && number.parts().iter().any(|part| part.to_f64().is_nan())
            || dtype.is_float() && number.to_f64().is_nan()
        {
            self.missing += 1;
            return;
        }
        self.seen.add(bits(number));
        if is_complex { self.count += 1 } else { self.measure(number) }
    }

    fn text(&mut self, text: &[u8]) {
        self.kind = Some(ElementKind::Text);
        if text.is_empty() {
            self.missing += 1;
            return;
        }
        self.seen.add_text(text);
        self.measure(Scalar::U64(text.len() as u64));
    }

    fn finish(self, component: usize, place: Option<usize>) -> FeatureStatistics {
        let is_measured = self.range.is_some();
        FeatureStatistics {
            component,
            place,
            kind: self.kind,
            count: self.count,
            missing: self.missing,
            min: self.range.map(|(least, _)| least),
            max: self.range.map(|(_, greatest)| greatest),
            mean: is_measured.then_some(self.mean),
            std: is_measured.then(|| (self.squares / self.count as f64).sqrt()),
            distinct: self.seen.count(),
        }
    }
}

/// Numbers that are equal have the same bits.
fn bits(number: Scalar) -> u128 {
    let number = if number.dtype().is_float() && number.to_f64() == 0.0 {
        Scalar::zero(number.dtype())
    } else {
        number
    };
    number.le_bytes().iter().rev().fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

fn is_less(a: Scalar, b: Scalar) -> bool {
    if a.dtype().is_float() { a.to_f64() < b.to_f64() } else { a.to_i128() < b.to_i128() }
}

/// Vectors of at most so many numbers have statistics of each place.
const WIDEST: usize = 32;

/// The columns of a component.
pub(super) struct Tally {
    columns: Vec<Column>,
    is_vector: bool,
}

impl Tally {
    /// One for each component of elements of which this is the first.
    pub(super) fn of(spec: Option<&Spec>, first: &Item) -> Vec<Tally> {
        let own = first.spec();
        let spec = spec.filter(|spec| spec.components().len() == own.components().len());
        spec.unwrap_or(&own).components().into_iter().map(Tally::new).collect()
    }

    fn new(spec: &Spec) -> Tally {
        let width = match spec {
            Spec::Dense(ElementKind::Number(_), shape) => match shape.known() {
                Some([Some(width @ 1..=WIDEST)]) => Some(*width),
                _ => None,
            },
            _ => None,
        };
        let columns = (0..width.unwrap_or(1)).map(|_| Column::default()).collect();
        Tally { columns, is_vector: width.is_some() }
    }

    pub(super) fn add(&mut self, item: &Item) -> Result<()> {
        let width = self.columns.len();
        match item {
            Item::Number(number) => self.columns[0].number(*number),
            Item::Text(text) => self.columns[0].text(text),
            Item::Array(array) => {
                let dtype = array.dtype();
                let numbers = array.bytes()?.chunks_exact(dtype.size()).enumerate();
                numbers.for_each(|(i, bytes)| {
                    self.columns[i % width].number(Scalar::from_le_bytes(dtype, bytes))
                });
            }
            Item::Texts(texts) => texts.values().iter().for_each(|text| self.columns[0].text(text)),
            Item::Ragged(ragged) => {
                let (offsets, rows) = (ragged.offsets(), ragged.rows());
                self.add(&ragged.values().slice(offsets[0]..offsets[rows]))?;
            }
            Item::Sparse(sparse) => self.add(sparse.values())?,
            Item::Window(_) | Item::Tuple(_) | Item::Dict(_) => self.columns[0].count += 1,
        }
        Ok(())
    }

    /// The statistics of a component of this number.
    pub(super) fn finish(self, component: usize) -> Vec<FeatureStatistics> {
        let is_vector = self.is_vector;
        let columns = self.columns.into_iter().enumerate();
        columns.map(|(place, column)| column.finish(component, is_vector.then_some(place))).collect()
    }
}
