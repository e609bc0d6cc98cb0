//! Derivatives of control flow: those of its regions, put together.
//!
//! **Forward mode** ([`jvp`]) widens the node: its regions compute values and tangents side by side, so state and its tangents are
//! carried together. Only what varies and is of use gets a tangent ([`Flow`]).
//!
//! **Reverse mode** ([`Site::record`], [`Residuals::back`]) takes each region apart ([`Split`]): a forward part, which does all that the
//! region does and gives what the way back needs as further outputs, and a backward part from that and cotangents of the
//! outputs to cotangents of the inputs. The forward node keeps what its runs save, the backward node runs the backward parts:
//!
//! | op | saves | goes back by |
//! |---|---|---|
//! | `call` | results | `call` |
//! | `if`, `case` | results that the regions share by type; those of the other regions are zeros | the same op on the same predicate |
//! | `map` | stacks | `map`; `scan` if an invariant has a cotangent, to sum it up |
//! | `scan` | stacks | `scan` the other way round, which carries cotangents of the state and sums of those of the invariants |
//! | `while` | pages or lists, and how often it ran; of known length as `scan` | `while`, which reads pages from their ends, or pops |
//! | `checkpoint` | nothing | `checkpoint`, which runs the region again first; as `call` does if it has effects |
//! | `custom_gradient` | what it says | its second region |
//!
//! A list that a run of a loop saves, say what a `while` inside has saved, goes onto a list that the loop carries, row by row, with its
//! length beside it ([`keep`]). Lists have derivatives row by row ([`list`]), so what was gone back through is differentiated again.
//!
//! The alternative for branches is to compute the forward part of the branch again on the way back. It would save memory, but
//! cost the time of the branch again, and effects in it must not take place twice.
//!
//! Sums over the runs of a loop are those of one accumulator, in the order of the runs backwards: the same bits each time. The body adds to it
//! wherever it uses an invariant, and hands it to loops and branches inside, so that a window is added as a window.
//! Regions nest little ([`MAX_DEPTH`](tensorwright_ir::text::MAX_DEPTH)), so the functions here and those that differentiate graphs
//! call each other.

mod branches;
mod custom;
mod flow;
mod forward;
mod keep;
mod list;
mod pages;
mod scan;
mod split;
mod trips;
mod while_loop;

use tensorwright_ir::op::{Derivative, Lowering, Results, Runs};
use tensorwright_ir::{BuildError, Builder, Node, Scalar, Type, Value};

pub(super) use flow::Flow;
pub(super) use forward::jvp;
use split::{Fate, Gone, Request, Split};
pub(super) use trips::{Trips, number};

use super::DifferentiateError;
use crate::passes::has_effect;

/// A node to be gone back through, in the graph that it is appended to.
pub(super) struct Site<'a> {
    pub(super) node: &'a Node,
    /// Values that stand for the operands of the node.
    pub(super) operands: &'a [Value],
    /// For each operand whether it depends on anything whose cotangent is asked for.
    pub(super) varied: &'a [bool],
    /// For each result whether it may get a cotangent.
    pub(super) active: &'a [bool],
}

/// Residuals of a node: what it keeps for the way back.
pub(super) enum Residuals {
    Branches(Box<branches::BranchResiduals>),
    Scan(Box<scan::ScanResiduals>),
    While(Box<while_loop::LoopResiduals>),
    List(list::ListResiduals),
    Custom(custom::CustomResiduals),
    Again(custom::Replay),
}

impl Site<'_> {
    /// Appends the node, with what it saves.
    pub(super) fn record(&self, b: &mut Builder) -> Result<(Results, Residuals), DifferentiateError> {
        match self.node.op.derivative() {
            Derivative::Region(rule) => custom::record(b, self, rule)
                .map(|(results, residuals)| (results, Residuals::Custom(residuals))),
            Derivative::Again { name } if !self.node.regions[0].nodes().iter().any(has_effect) => {
                Ok(custom::record_again(b, self, name)
                    .map(|(results, residuals)| (results, Residuals::Again(residuals)))?)
            }
            _ if self.node.op.lowering() == Lowering::List => {
                Ok(list::record(b, self).map(|(results, residuals)| (results, Residuals::List(residuals)))?)
            }
            _ => self.record_runs(b),
        }
    }

    fn record_runs(&self, b: &mut Builder) -> Result<(Results, Residuals), DifferentiateError> {
        match self.flow().ports.runs {
            Runs::ForEach { length, order } => {
                let (results, residuals) = scan::record(b, self, length, order)?;
                Ok((results, Residuals::Scan(Box::new(residuals))))
            }
            Runs::While => while_loop::record(b, self)
                .map(|(results, residuals)| (results, Residuals::While(Box::new(residuals)))),
            Runs::Once | Runs::Again | Runs::Selected(_) => branches::record(b, self)
                .map(|(results, residuals)| (results, Residuals::Branches(Box::new(residuals)))),
        }
    }

    fn flow(&self) -> Flow {
        Flow::of(self.node).expect("the node has regions")
    }
}

impl Residuals {
    /// Appends the way back: cotangents of the operands from those of the results, added to `sums` where there are sums already.
    pub(super) fn back(
        &self,
        b: &mut Builder,
        cotangents: &[Option<Value>],
        sums: &[Option<Value>],
    ) -> Result<Vec<Option<Value>>, DifferentiateError> {
        let parts = match self {
            Residuals::Scan(residuals) => return Ok(residuals.back(b, cotangents, sums)?),
            Residuals::While(residuals) => return Ok(residuals.back(b, cotangents, sums)?),
            Residuals::Branches(residuals) => return Ok(residuals.back(b, cotangents, sums)?),
            Residuals::List(residuals) => residuals.back(b, cotangents)?,
            Residuals::Custom(residuals) => residuals.back(b, cotangents)?,
            Residuals::Again(residuals) => residuals.back(b, cotangents)?,
        };
        let added = sums.iter().zip(parts).map(|(&sum, part)| b.add_derivatives(sum, part));
        Ok(added.collect::<Result<_, _>>()?)
    }
}

/// A value, or zeros of its type.
fn or_zeros(b: &mut Builder, value: Option<Value>, ty: &Type) -> Result<Value, BuildError> {
    match (value, ty) {
        (Some(value), _) => Ok(value),
        (None, Type::Tensor(ty)) => b.full(Scalar::zero(ty.dtype), &ty.shape),
        // An empty list gives zeros.
        (None, Type::List(row)) => b.list_new(row),
        (None, Type::Token) => Ok(b.token()),
    }
}

/// The positions at which a mask is set.
fn set_positions(mask: &[bool]) -> Vec<usize> {
    (0..mask.len()).filter(|&i| mask[i]).collect()
}
