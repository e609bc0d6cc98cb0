//! Settings with numbers for axes.

use serde_json::Value;
use tensorwright::{Error as TensorError, PerAxis};

use super::field::whole;
use super::{Field, Setting};

/// A number for each of the axes of pixels, or one for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(Vec<usize>);

impl Sizes {
    /// The numbers of so many axes.
    pub(crate) fn of(&self, axes: usize) -> Result<Vec<usize>, TensorError> {
        match self.0.len() {
            1 => Ok(vec![self.0[0]; axes]),
            count if count == axes => Ok(self.0.clone()),
            count => Err(TensorError::other(format!("{count} numbers were given for {axes} axes"))),
        }
    }
}

impl From<Sizes> for PerAxis {
    fn from(sizes: Sizes) -> PerAxis {
        if let [size] = sizes.0[..] { size.into() } else { sizes.0.into() }
    }
}

impl Setting<Sizes> for usize {
    fn setting(self) -> Sizes {
        Sizes(vec![self])
    }
}

impl<const N: usize> Setting<Sizes> for [usize; N] {
    fn setting(self) -> Sizes {
        Sizes(self.to_vec())
    }
}

impl Setting<Option<Sizes>> for usize {
    fn setting(self) -> Option<Sizes> {
        Some(Sizes(vec![self]))
    }
}

impl<const N: usize> Setting<Option<Sizes>> for [usize; N] {
    fn setting(self) -> Option<Sizes> {
        Some(Sizes(self.to_vec()))
    }
}

impl Field for Sizes {
    fn to_json(&self) -> Value {
        if let [size] = self.0[..] { size.into() } else { self.0.clone().into() }
    }

    fn from_json(value: &Value) -> Result<Sizes, String> {
        let sizes = numbers(value)?;
        let sizes: Option<Vec<usize>> = sizes.into_iter().map(|size| size.try_into().ok()).collect();
        sizes.map(Sizes).ok_or_else(|| format!("numbers of 0 or more are wanted, found {value}"))
    }
}

/// Axes, from the end if they are negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisList(Vec<i64>);

impl AxisList {
    /// The axes of a tensor of this rank, in ascending order.
    pub(crate) fn of(&self, rank: usize) -> Result<Vec<usize>, TensorError> {
        let mut axes = self.0.iter().map(|&axis| absolute(axis, rank)).collect::<Result<Vec<usize>, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// The axes of a tensor of this rank in the order of the numbers that stand for them, so that those counted from the end come first: the order in which
    /// Keras's normalisation has the extents of its weights.
    pub(crate) fn by_number(&self, rank: usize) -> Result<Vec<usize>, TensorError> {
        let mut given = self.0.clone();
        given.sort_unstable();
        given.iter().map(|&axis| absolute(axis, rank)).collect()
    }

    /// The axes as they were given.
    pub(crate) fn given(&self) -> &[i64] {
        &self.0
    }
}

fn absolute(axis: i64, rank: usize) -> Result<usize, TensorError> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    let found = usize::try_from(counted).ok().filter(|&axis| axis < rank);
    found.ok_or_else(|| TensorError::other(format!("there is no axis {axis} of {rank} axes")))
}

impl Setting<AxisList> for i64 {
    fn setting(self) -> AxisList {
        AxisList(vec![self])
    }
}

impl<const N: usize> Setting<AxisList> for [i64; N] {
    fn setting(self) -> AxisList {
        AxisList(self.to_vec())
    }
}

impl<const N: usize> Setting<Option<AxisList>> for [i64; N] {
    fn setting(self) -> Option<AxisList> {
        Some(AxisList(self.to_vec()))
    }
}

impl Field for AxisList {
    fn to_json(&self) -> Value {
        if let [axis] = self.0[..] { axis.into() } else { self.0.clone().into() }
    }

    fn from_json(value: &Value) -> Result<AxisList, String> {
        numbers(value).map(AxisList)
    }
}

fn numbers(value: &Value) -> Result<Vec<i64>, String> {
    let refused = || format!("a whole number or a list of them is wanted, found {value}");
    match value {
        Value::Array(list) => list.iter().map(|item| whole(item).ok_or_else(refused)).collect(),
        other => whole(other).map(|number| vec![number]).ok_or_else(refused),
    }
}

/// Two numbers for each axis of pixels: before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs(Vec<(usize, usize)>);

impl Pairs {
    /// The pairs of so many axes.
    pub(crate) fn of(&self, axes: usize) -> Result<Vec<(usize, usize)>, TensorError> {
        match self.0.len() {
            1 => Ok(vec![self.0[0]; axes]),
            count if count == axes => Ok(self.0.clone()),
            count => Err(TensorError::other(format!("{count} pairs were given for {axes} axes"))),
        }
    }
}

impl Setting<Pairs> for usize {
    fn setting(self) -> Pairs {
        Pairs(vec![(self, self)])
    }
}

impl<const N: usize> Setting<Pairs> for [(usize, usize); N] {
    fn setting(self) -> Pairs {
        Pairs(self.to_vec())
    }
}

impl<const N: usize> Setting<Pairs> for [usize; N] {
    fn setting(self) -> Pairs {
        Pairs(self.iter().map(|&size| (size, size)).collect())
    }
}

impl Field for Pairs {
    fn to_json(&self) -> Value {
        self.0.iter().map(|&(low, high)| Value::from(vec![low, high])).collect()
    }

    /// `2`, `[1, 2]` as before and after of one axis, or of each of several the same, `[[1, 2], [3, 4]]`.
    fn from_json(value: &Value) -> Result<Pairs, String> {
        let refused = || format!("numbers of 0 or more, or pairs of them, are wanted, found {value}");
        let size = |value: &Value| whole(value).and_then(|size| usize::try_from(size).ok());
        let pair = |value: &Value| match value {
            Value::Array(pair) if pair.len() == 2 => Some((size(&pair[0])?, size(&pair[1])?)),
            one => size(one).map(|size| (size, size)),
        };
        match value {
            Value::Array(list) if list.len() == 2 && list.iter().all(Value::is_number) => {
                Ok(Pairs(vec![pair(value).ok_or_else(refused)?]))
            }
            Value::Array(list) => {
                list.iter().map(pair).collect::<Option<Vec<_>>>().map(Pairs).ok_or_else(refused)
            }
            one => Ok(Pairs(vec![pair(one).ok_or_else(refused)?])),
        }
    }
}
