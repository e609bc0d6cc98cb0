//! How many elements there are, as far as that is known before they are read.

use std::fmt;

/// The number of elements of a dataset, known without reading any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// This many.
    Known(u64),
    /// They never end.
    Infinite,
    /// It depends on the elements, or on files.
    Unknown,
}

impl Cardinality {
    /// The number, if it is known.
    pub fn known(self) -> Option<u64> {
        match self {
            Cardinality::Known(count) => Some(count),
            _ => None,
        }
    }

    /// `f` of the number, if it is known.
    pub(crate) fn map(self, f: impl FnOnce(u64) -> u64) -> Cardinality {
        match self {
            Cardinality::Known(count) => Cardinality::Known(f(count)),
            other => other,
        }
    }

    /// That of one dataset behind another.
    pub(crate) fn plus(self, other: Cardinality) -> Cardinality {
        match (self, other) {
            (Cardinality::Infinite, _) | (_, Cardinality::Infinite) => Cardinality::Infinite,
            (Cardinality::Known(a), Cardinality::Known(b)) => Cardinality::Known(a.saturating_add(b)),
            _ => Cardinality::Unknown,
        }
    }

    /// That of rows of two datasets, which end with the shorter one.
    pub(crate) fn least(self, other: Cardinality) -> Cardinality {
        match (self, other) {
            (Cardinality::Unknown, _) | (_, Cardinality::Unknown) => Cardinality::Unknown,
            (Cardinality::Infinite, other) | (other, Cardinality::Infinite) => other,
            (Cardinality::Known(a), Cardinality::Known(b)) => Cardinality::Known(a.min(b)),
        }
    }
}

impl fmt::Display for Cardinality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cardinality::Known(count) => count.fmt(f),
            Cardinality::Infinite => f.write_str("infinite"),
            Cardinality::Unknown => f.write_str("unknown"),
        }
    }
}
