//! What convolutions and pools are told for each of the axes along which they slide: numbers and padding.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;

/// A number for each spatial axis: one for all of them, or one each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerAxis(Numbers);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    All(usize),
    Each(Vec<usize>),
}

impl From<usize> for PerAxis {
    fn from(number: usize) -> PerAxis {
        PerAxis(Numbers::All(number))
    }
}

impl<const N: usize> From<[usize; N]> for PerAxis {
    fn from(numbers: [usize; N]) -> PerAxis {
        PerAxis(Numbers::Each(numbers.into()))
    }
}

impl From<(usize, usize)> for PerAxis {
    fn from((height, width): (usize, usize)) -> PerAxis {
        [height, width].into()
    }
}

impl From<(usize, usize, usize)> for PerAxis {
    fn from((depth, height, width): (usize, usize, usize)) -> PerAxis {
        [depth, height, width].into()
    }
}

impl From<&[usize]> for PerAxis {
    fn from(numbers: &[usize]) -> PerAxis {
        PerAxis(Numbers::Each(numbers.into()))
    }
}

impl From<Vec<usize>> for PerAxis {
    fn from(numbers: Vec<usize>) -> PerAxis {
        PerAxis(Numbers::Each(numbers))
    }
}

impl PerAxis {
    /// The numbers of so many axes, at least 1 each.
    pub(crate) fn positive(&self, name: &'static str, axes: usize) -> Result<Axes, TypeError> {
        let numbers = self.numbers(name, axes)?;
        match numbers.contains(&0) {
            true => Err(TypeError::attribute(name, "must be at least 1")),
            false => Ok(numbers),
        }
    }

    /// The numbers of so many axes.
    pub(crate) fn numbers(&self, name: &'static str, axes: usize) -> Result<Axes, TypeError> {
        match &self.0 {
            Numbers::All(number) => Ok(Axes::from_elem(*number, axes)),
            Numbers::Each(numbers) if numbers.len() == axes => Ok(numbers.as_slice().into()),
            Numbers::Each(numbers) => {
                let reason = format!("{} numbers for {axes} spatial axes", numbers.len());
                Err(TypeError::attribute(name, reason))
            }
        }
    }
}

/// What is around an image: zeros for convolutions, nothing at all for pools.
///
/// A number `n` becomes `n` before and `n` after each spatial axis, `[a, b]` numbers for each axis, `[(a, b), (c, d)]` numbers before and after each
/// axis.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::{ConvOptions, Padding};
/// let (x, kernel) = (Tensor::ones((1, 5, 1), DType::F32), Tensor::ones((3, 1, 1), DType::F32));
/// let conv = |padding: Padding| x.conv(&kernel, ConvOptions::new().padding(padding));
/// assert_eq!(conv(Padding::Valid).to_vec::<f32>()?, [3.0, 3.0, 3.0]);
/// assert_eq!(conv(Padding::Same).to_vec::<f32>()?, [2.0, 3.0, 3.0, 3.0, 2.0]);
/// assert_eq!(conv(Padding::Causal).to_vec::<f32>()?, [1.0, 2.0, 3.0, 3.0, 3.0]);
/// assert_eq!(conv([(0, 1)].into()).to_vec::<f32>()?, [3.0, 3.0, 3.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Padding {
    /// None: only where all taps are inside.
    #[default]
    Valid,
    /// As much as it takes for `n / stride` results, rounded up; an odd one is behind the image.
    Same,
    /// As [`Padding::Same`], but an odd one is before the image.
    SameLower,
    /// All of it before the image: a result sees nothing that comes after it.
    Causal,
    /// So much before and after every axis.
    Uniform(i64),
    /// So much before and after each axis; negative numbers cut off.
    Explicit(Vec<(i64, i64)>),
}

impl From<usize> for Padding {
    fn from(n: usize) -> Padding {
        Padding::Uniform(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl<const N: usize> From<[usize; N]> for Padding {
    fn from(both: [usize; N]) -> Padding {
        let number = |n| i64::try_from(n).unwrap_or(i64::MAX);
        Padding::Explicit(both.into_iter().map(|n| (number(n), number(n))).collect())
    }
}

impl<const N: usize> From<[(i64, i64); N]> for Padding {
    fn from(pairs: [(i64, i64); N]) -> Padding {
        Padding::Explicit(pairs.into())
    }
}

impl From<Vec<(i64, i64)>> for Padding {
    fn from(pairs: Vec<(i64, i64)>) -> Padding {
        Padding::Explicit(pairs)
    }
}

/// One spatial axis of what slides: its elements, and the window that slides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sliding {
    pub(crate) elements: usize,
    pub(crate) taps: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
}

impl Sliding {
    /// Places from the first to the last tap, both included.
    pub(crate) fn span(&self) -> usize {
        self.taps.saturating_sub(1).saturating_mul(self.dilation).saturating_add(self.taps.min(1))
    }

    /// Padding for `elements / stride` results, rounded up.
    fn same(&self) -> usize {
        let results = self.elements.div_ceil(self.stride);
        let needed = results.saturating_sub(1).saturating_mul(self.stride).saturating_add(self.span());
        needed.saturating_sub(self.elements)
    }
}

impl Padding {
    /// How much there is before and after each axis.
    pub(crate) fn of(&self, axes: &[Sliding]) -> Result<Vec<(i64, i64)>, TypeError> {
        let pair = |low: usize, high: usize| match (i64::try_from(low), i64::try_from(high)) {
            (Ok(low), Ok(high)) => Ok((low, high)),
            _ => Err(TypeError::attribute("padding", "is too large")),
        };
        match self {
            Padding::Valid => Ok(vec![(0, 0); axes.len()]),
            Padding::Uniform(n) => Ok(vec![(*n, *n); axes.len()]),
            Padding::Explicit(pairs) if pairs.len() == axes.len() => Ok(pairs.clone()),
            Padding::Explicit(pairs) => {
                let reason = format!("{} pairs for {} spatial axes", pairs.len(), axes.len());
                Err(TypeError::attribute("padding", reason))
            }
            Padding::Same => axes.iter().map(|axis| pair(axis.same() / 2, axis.same().div_ceil(2))).collect(),
            Padding::SameLower => {
                axes.iter().map(|axis| pair(axis.same().div_ceil(2), axis.same() / 2)).collect()
            }
            Padding::Causal => axes.iter().map(|axis| pair(axis.span().saturating_sub(1), 0)).collect(),
        }
    }
}
