//! Shapes as far as they are known.

use std::fmt;

/// The extents of an array, each of which may be unknown, as may be how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extents(Option<Vec<Option<usize>>>);

impl Extents {
    /// Extents, outermost first.
    pub fn new(extents: impl IntoIterator<Item = Option<usize>>) -> Extents {
        Extents(Some(extents.into_iter().collect()))
    }

    /// Any number of any extents.
    pub fn unknown() -> Extents {
        Extents(None)
    }

    /// The shape of one number.
    pub fn scalar() -> Extents {
        Extents(Some(Vec::new()))
    }

    /// The extents, if their number is known.
    pub fn known(&self) -> Option<&[Option<usize>]> {
        self.0.as_deref()
    }

    /// The number of axes, if it is known.
    pub fn rank(&self) -> Option<usize> {
        self.0.as_ref().map(Vec::len)
    }

    /// All extents, if they are known.
    pub fn sizes(&self) -> Option<Vec<usize>> {
        self.0.as_ref()?.iter().copied().collect()
    }

    /// With an extent before the others.
    pub fn with_first(&self, first: Option<usize>) -> Extents {
        Extents(self.0.as_ref().map(|extents| [first].into_iter().chain(extents.iter().copied()).collect()))
    }

    /// Without the first extent; `None` of a scalar.
    pub fn without_first(&self) -> Option<Extents> {
        match &self.0 {
            None => Some(Extents(None)),
            Some(extents) => Some(Extents(Some(extents.get(1..)?.to_vec()))),
        }
    }

    /// The first extent, if it is known.
    pub fn first(&self) -> Option<usize> {
        self.0.as_ref()?.first().copied().flatten()
    }

    /// What allows both.
    pub fn relaxed(&self, other: &Extents) -> Extents {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) if a.len() == b.len() => {
                Extents(Some(a.iter().zip(b).map(|(a, b)| a.filter(|_| a == b)).collect()))
            }
            _ => Extents(None),
        }
    }

    /// Whether an array of these sizes is allowed.
    pub fn accepts(&self, sizes: &[usize]) -> bool {
        self.0.as_ref().is_none_or(|extents| {
            extents.len() == sizes.len()
                && extents.iter().zip(sizes).all(|(extent, size)| extent.is_none_or(|extent| extent == *size))
        })
    }

    /// Whether there are sizes that both allow.
    pub fn is_compatible(&self, other: &Extents) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_none() || b.is_none() || a == b)
            }
            _ => true,
        }
    }
}

impl From<&[usize]> for Extents {
    fn from(sizes: &[usize]) -> Extents {
        Extents::new(sizes.iter().copied().map(Some))
    }
}

impl<const N: usize> From<[usize; N]> for Extents {
    fn from(sizes: [usize; N]) -> Extents {
        Extents::from(&sizes[..])
    }
}

impl<const N: usize> From<[Option<usize>; N]> for Extents {
    fn from(extents: [Option<usize>; N]) -> Extents {
        Extents::new(extents)
    }
}

/// `[2, ?]`, or `?` if not even the rank is known.
impl fmt::Display for Extents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(extents) = &self.0 else { return f.write_str("?") };
        f.write_str("[")?;
        for (i, extent) in extents.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match extent {
                Some(extent) => write!(f, "{extent}")?,
                None => f.write_str("?")?,
            }
        }
        f.write_str("]")
    }
}
