//! Why a call missed: what differs from the nearest signature that is cached, and what to do about it.

use std::fmt;

use hashbrown::HashMap;
use tensorwright_ir::{DType, Location, TensorType};

use super::signature::{Leaf, LeafValue, Signature};

/// How one leaf changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A tensor of another dtype.
    DType {
        /// Cached.
        old: DType,
        /// Now.
        new: DType,
    },
    /// A tensor with another number of axes.
    Rank {
        /// Cached.
        old: TensorType,
        /// Now.
        new: TensorType,
    },
    /// Another extent of one axis.
    Dim {
        /// The axis.
        axis: usize,
        /// Cached.
        old: usize,
        /// Now.
        new: usize,
    },
    /// Another static value, or another choice of structure.
    Value {
        /// Cached.
        old: LeafValue,
        /// Now.
        new: LeafValue,
    },
    /// A leaf that was not there.
    Added(LeafValue),
    /// A leaf that is gone.
    Removed(LeafValue),
}

impl Change {
    /// How far the signatures are apart by this change: the nearest signature has the least sum.
    fn weight(&self) -> u32 {
        match self {
            Change::Dim { .. } => 1,
            Change::DType { .. } => 3,
            Change::Value { .. } => 4,
            Change::Rank { .. } => 5,
            Change::Added(_) | Change::Removed(_) => 20,
        }
    }

    /// What would make such misses rarer.
    fn suggestion(&self) -> Option<&'static str> {
        match self {
            Change::Dim { .. } | Change::Rank { .. } => {
                Some("one graph is compiled per shape: pad or batch the inputs so that few shapes occur")
            }
            Change::DType { .. } => Some("cast the argument, so that one dtype occurs"),
            Change::Value { new: LeafValue::Static { .. }, .. } => {
                Some("a plain value is part of the signature: pass it as a tensor if it changes often")
            }
            Change::Value { .. } | Change::Added(_) | Change::Removed(_) => {
                Some("the structure of the argument is part of the signature: stack its tensors into one")
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::DType { old, new } => write!(f, "dtype: {old} -> {new}"),
            Change::Rank { old, new } => write!(f, "rank: {} -> {} ({old} -> {new})", old.rank(), new.rank()),
            Change::Dim { axis, old, new } => write!(f, "dim {axis}: {old} -> {new}"),
            Change::Value { old, new } => write!(f, "{old} -> {new}"),
            Change::Added(leaf) => write!(f, "{leaf} was not there"),
            Change::Removed(leaf) => write!(f, "{leaf} is gone"),
        }
    }
}

/// A change and the leaf that it happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Path of the leaf, as in [`Leaf::path`].
    pub path: String,
    /// What changed.
    pub change: Change,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "argument, {}", self.change),
            path => write!(f, "argument `{path}`, {}", self.change),
        }
    }
}

/// All that differs between a cached signature and a new one, in the order of the new one's leaves.
pub fn differences(old: &Signature, new: &Signature) -> Vec<Difference> {
    let mut unmatched: HashMap<&str, &Leaf> = old.leaves.iter().map(|l| (l.path.as_str(), l)).collect();
    let mut found = Vec::new();
    for leaf in &new.leaves {
        let mut push = |change| found.push(Difference { path: leaf.path.clone(), change });
        match unmatched.remove(leaf.path.as_str()) {
            None => push(Change::Added(leaf.value.clone())),
            Some(before) => changes(&before.value, &leaf.value).into_iter().for_each(push),
        }
    }
    let gone = old.leaves.iter().filter(|leaf| unmatched.contains_key(leaf.path.as_str()));
    found.extend(gone.map(|l| Difference { path: l.path.clone(), change: Change::Removed(l.value.clone()) }));
    found
}

fn changes(old: &LeafValue, new: &LeafValue) -> Vec<Change> {
    match (old, new) {
        (old, new) if old == new => Vec::new(),
        (LeafValue::Tensor(old), LeafValue::Tensor(new)) => tensor_changes(old, new),
        (old, new) => vec![Change::Value { old: old.clone(), new: new.clone() }],
    }
}

fn tensor_changes(old: &TensorType, new: &TensorType) -> Vec<Change> {
    let mut found = Vec::new();
    if old.dtype != new.dtype {
        found.push(Change::DType { old: old.dtype, new: new.dtype });
    }
    if old.rank() != new.rank() {
        found.push(Change::Rank { old: old.clone(), new: new.clone() });
        return found;
    }
    let dims = old.shape.sizes().into_iter().zip(new.shape.sizes()).enumerate();
    found.extend(dims.filter(|(_, (old, new))| old != new).map(|(axis, (old, new))| Change::Dim {
        axis,
        old,
        new,
    }));
    found
}

/// Why a call had to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissReason {
    /// Nothing was cached.
    First,
    /// The signature was cached before and made room for others.
    Evicted,
    /// The signature is new.
    Changed {
        /// The cached signature that is most like it.
        nearest: Signature,
        /// What differs from it.
        differences: Vec<Difference>,
    },
    /// The signature is cached, but the data decided a size that they had not before.
    Size {
        /// The line that asks for the size.
        at: Location,
        /// The size.
        size: usize,
        /// The sizes that are cached after the same sizes before.
        known: Vec<usize>,
    },
}

impl MissReason {
    /// Compares a new signature with those that are cached.
    pub fn find<'s>(new: &Signature, cached: impl IntoIterator<Item = &'s Signature>) -> MissReason {
        let distance = |d: &[Difference]| d.iter().map(|d| d.change.weight()).sum::<u32>();
        let candidates = cached.into_iter().map(|old| (old, differences(old, new)));
        match candidates.min_by_key(|(_, d)| distance(d)) {
            None => MissReason::First,
            Some((nearest, differences)) => MissReason::Changed { nearest: nearest.clone(), differences },
        }
    }

    /// What would make such misses rarer, if they are unwanted.
    pub fn suggestion(&self) -> Option<&'static str> {
        match self {
            MissReason::First => None,
            MissReason::Evicted => Some("raise the byte budget of the cache, or pin the signature"),
            MissReason::Changed { differences, .. } => differences.first()?.change.suggestion(),
            MissReason::Size { .. } => Some(
                "one graph is compiled per size: round sizes up, or use a form with a bound, so that few occur",
            ),
        }
    }
}

impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MissReason::First => f.write_str("no signature was cached"),
            MissReason::Evicted => {
                f.write_str("the signature was cached, and evicted to keep within the budget")
            }
            MissReason::Changed { nearest, differences } => {
                let list = differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("; ");
                write!(f, "{list}; against the cached {nearest}")
            }
            MissReason::Size { at, size, known } => {
                let known: Vec<String> = known.iter().map(usize::to_string).collect();
                write!(f, "the data decide size {size} at {at}; cached are {}", known.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(path: &str, dtype: DType, dims: &[usize]) -> Leaf {
        Leaf { path: path.to_owned(), value: LeafValue::Tensor(TensorType::new(dtype, dims)) }
    }

    fn signature(leaves: impl Into<Vec<Leaf>>) -> Signature {
        Signature { leaves: leaves.into() }
    }

    #[test]
    fn the_changed_dim_is_named() {
        let old = signature([tensor("x", DType::F32, &[31, 8]), tensor("w", DType::F32, &[8])]);
        let new = signature([tensor("x", DType::F32, &[37, 8]), tensor("w", DType::F32, &[8])]);
        let reason = MissReason::find(&new, [&old]);
        assert!(reason.to_string().starts_with("argument `x`, dim 0: 31 -> 37;"), "{reason}");
        assert!(reason.suggestion().is_some_and(|s| s.contains("pad")));
    }

    #[test]
    fn the_nearest_signature_is_chosen() {
        let far = signature([tensor("x", DType::F64, &[3, 3, 3])]);
        let near = signature([tensor("x", DType::F32, &[4])]);
        let new = signature([tensor("x", DType::F32, &[5])]);
        let MissReason::Changed { nearest, .. } = MissReason::find(&new, [&far, &near]) else { panic!() };
        assert_eq!(nearest, near);
    }

    #[test]
    fn leaves_that_come_and_go_are_named() {
        let old = signature([tensor("a", DType::F32, &[])]);
        let new = signature([tensor("b", DType::F32, &[])]);
        let text = MissReason::find(&new, [&old]).to_string();
        assert!(text.starts_with("argument `b`, f32[] was not there; argument `a`, f32[] is gone"), "{text}");
    }

    #[test]
    fn the_first_call_has_no_reason_but_that() {
        assert_eq!(MissReason::find(&signature([]), []), MissReason::First);
    }
}
