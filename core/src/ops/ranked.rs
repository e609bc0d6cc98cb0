//! Applying ops whose attributes are counted in axes of their operands.

use smallvec::SmallVec;
use tensorwright_ir::Op;
use tensorwright_ir::op::TypeError;

use super::refusal::{refused, renamed};
use crate::error::{CallSite, Failure};
use crate::interpret::apply;
use crate::tensor::{Results, Tensor};

/// The numbers of axes of an op's operands.
pub(super) struct Ranks(SmallVec<[usize; 4]>);

impl Ranks {
    fn new(operands: &[&Tensor]) -> Result<Ranks, Failure> {
        let rank = |x: &&Tensor| x.known_type().map(|ty| ty.rank());
        operands.iter().map(rank).collect::<Result<_, _>>().map(Ranks)
    }

    /// Rank of the operand whose axes the attribute `name` counts: the first, but for attributes of the
    /// right-hand side and of indices.
    pub(super) fn of(&self, name: &str) -> usize {
        let operand = usize::from(name.starts_with("rhs") || name == "index_batch");
        self.0.get(operand).copied().unwrap_or(0)
    }
}

/// Applies an op whose attributes depend on the ranks of its operands.
fn with_ranks(
    name: &'static str,
    operands: &[&Tensor],
    at: CallSite,
    op: impl FnOnce(&Ranks) -> Result<Op, TypeError>,
) -> Result<Results, Failure> {
    let op = op(&Ranks::new(operands)?).map_err(|source| refused(name, operands, at, source))?;
    apply(op, operands, at).map_err(|failure| renamed(failure, name))
}

/// Applies an op with one result whose attributes count axes; a failure is a failed tensor.
pub(super) fn one_with_ranks(
    name: &'static str,
    operands: &[&Tensor],
    at: CallSite,
    op: impl FnOnce(&Ranks) -> Result<Op, TypeError>,
) -> Tensor {
    match with_ranks(name, operands, at, op) {
        Ok(mut results) => results.remove(0),
        Err(failure) => Tensor::failed(failure),
    }
}

/// Applies an op with several results whose attributes count axes; a failure is `count` failed tensors.
pub(super) fn all_with_ranks(
    name: &'static str,
    operands: &[&Tensor],
    count: usize,
    at: CallSite,
    op: impl FnOnce(&Ranks) -> Result<Op, TypeError>,
) -> Vec<Tensor> {
    match with_ranks(name, operands, at, op) {
        Ok(results) => results.into_vec(),
        Err(failure) => vec![Tensor::failed(failure); count],
    }
}

/// Applies an op with two results whose attributes count axes.
pub(super) fn two_with_ranks(
    name: &'static str,
    operands: &[&Tensor],
    at: CallSite,
    op: impl FnOnce(&Ranks) -> Result<Op, TypeError>,
) -> (Tensor, Tensor) {
    let mut results = all_with_ranks(name, operands, 2, at, op);
    let second = results.pop();
    match (results.pop(), second) {
        (Some(first), Some(second)) => (first, second),
        _ => unreachable!("{name} has two results"),
    }
}
