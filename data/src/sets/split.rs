//! The algebra of splits: `train`, `train[:80%]`, `train[-100:]`, `train[:80%]+test[10:20]`.

use crate::error::{DataError, Result};

/// A bound of a range of elements.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    /// A number of elements; from the end if it is negative.
    Elements(i64),
    /// Percent; from the end if it is negative.
    Percent(f64),
}

impl Bound {
    fn parse(text: &str) -> Result<Bound> {
        let wrong = || DataError::invalid(format!("`{text}` is neither a number of elements nor percent"));
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
                if percent.abs() <= 100.0 { Ok(Bound::Percent(percent)) } else { Err(wrong()) }
            }
            None => text.trim().parse().map(Bound::Elements).map_err(|_| wrong()),
        }
    }

    /// The number of the element, of `count`.
    fn place(self, count: u64) -> u64 {
        let from_end = |place: i64| if place < 0 { count as i64 + place } else { place };
        let place = match self {
            Bound::Elements(place) => from_end(place),
            Bound::Percent(percent) => {
                let place = (percent.abs() / 100.0 * count as f64).round() as i64;
                if percent < 0.0 { count as i64 - place } else { place }
            }
        };
        (place.max(0) as u64).min(count)
    }
}

/// Part of a split.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) split: String,
    from: Option<Bound>,
    to: Option<Bound>,
}

impl Term {
    fn parse(text: &str) -> Result<Term> {
        let text = text.trim();
        let wrong = || {
            DataError::invalid(format!("`{text}` is no part of a split, such as `train` or `train[:80%]`"))
        };
        let Some((split, range)) = text.split_once('[') else {
            let is_name = !text.is_empty() && !text.contains([']', ':', '%']);
            return if is_name {
                Ok(Term { split: text.to_owned(), from: None, to: None })
            } else {
                Err(wrong())
            };
        };
        let range = range.strip_suffix(']').ok_or_else(wrong)?;
        let (from, to) = range.split_once(':').ok_or_else(wrong)?;
        let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { Bound::parse(text).map(Some) };
        if split.trim().is_empty() {
            return Err(wrong());
        }
        Ok(Term { split: split.trim().to_owned(), from: bound(from)?, to: bound(to)? })
    }

    /// The first element and the one behind the last, of `count`.
    pub(super) fn range(&self, count: u64) -> (u64, u64) {
        let from = self.from.map_or(0, |bound| bound.place(count));
        let to = self.to.map_or(count, |bound| bound.place(count));
        (from, to.max(from))
    }
}

/// The parts of a split.
///
/// # Errors
/// When it is written wrongly.
pub(super) fn parse(text: &str) -> Result<Vec<Term>> {
    text.split('+').map(Term::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn splits_are_ranges() {
        let ranges = |text: &str, count| -> Vec<(String, u64, u64)> {
            let terms = parse(text).expect("a split");
            terms.iter().map(|term| (term.split.clone(), term.range(count).0, term.range(count).1)).collect()
        };
        let one = |text: &str, count| (ranges(text, count)[0].1, ranges(text, count)[0].2);
        assert_eq!(one("train", 10), (0, 10));
        assert_eq!(one("train[:80%]", 10), (0, 8));
        assert_eq!(one("train[80%:]", 10), (8, 10));
        assert_eq!(one("train[-3:]", 10), (7, 10));
        assert_eq!(one("train[-25%:]", 8), (6, 8));
        assert_eq!(one("train[5:2]", 10), (5, 5));
        assert_eq!(one("train[2:99]", 10), (2, 10));
        let both = ranges("train[:50%] + test[1:3]", 4);
        assert_eq!(both, [("train".to_owned(), 0, 2), ("test".to_owned(), 1, 3)]);
        for wrong in ["", "train[", "train[1]", "train[a:b]", "[1:2]", "train[:120%]", "train]+test"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
