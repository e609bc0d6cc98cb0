//! What examples compute without needing it: in branches that they do not take, and in a loop that they have left.
//!
//! An example is *active* in a branch that it takes, and in the body of a loop that it has not left. The results of the others are thrown
//! away, but that is not enough for derivatives: `if x > 0 { log(x) } else { 2 x }` at 0 takes the second branch, and yet a cotangent of 0
//! comes to the logarithm, which makes 0 times infinity of it, NaN. So the rule for whatever becomes a selection (`if`, `case`, `while`):
//!
//! - Results are selected: cotangents that enter a branch are 0 for examples that are not active in it.
//! - **Operands are guarded**: a value that enters is `select(active, x, stop_gradient(x))`. It is `x`, and the optimiser knows, but cotangents
//!   that leave the branch, whatever they have become, are 0 for examples that are not active. So it is with tangents the other
//!   way round, and as the derivative is made of such selections, with higher derivatives.
//! - What the examples share has one cotangent, the sum of theirs, and must be guarded before it is summed: an op that multiplies what comes
//!   back by a slope gets its shared operand once for each example, guarded. Ops that are linear hand on a zero as a zero: their results
//!   are guarded. A product with a matrix that the examples share does, too, if the other operand is finite: it is made 0.
//! - Loops within, which might never end for an example that is not meant to run them, end where no example is active.
//!
//! Values alone need none of this, and get none of it but the zeros: the optimiser removes the rest.

use tensorwright_ir::op::{Batching, Derivative};
use tensorwright_ir::{BuildError, Builder, Node, Op, Type, Value};

use super::Item;
use super::control::select_rows;
use super::spread::spread;

/// The values that enter a branch or a body, guarded. Those that all examples share are guarded where they meet others.
pub(super) fn entering(
    b: &mut Builder,
    active: Option<Value>,
    items: &[Item],
) -> Result<Vec<Item>, BuildError> {
    items.iter().map(|&item| guarded(b, active, item)).collect()
}

/// What an op does with the cotangents of an operand that the examples share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shares {
    /// There is no such operand, or what the op becomes takes care of it.
    Nothing,
    /// It moves and adds cotangents up.
    Moves,
    /// It adds them up, multiplied by elements of the other operand.
    Multiplies,
    /// It multiplies them by something.
    Scales,
}

impl Shares {
    fn of(node: &Node, items: &[Item], b: &Builder) -> Shares {
        let shared = items.iter().any(|item| !item.per_example && is_float(b, item.value));
        if !shared || items.iter().all(|item| !item.per_example) {
            return Shares::Nothing;
        }
        match (&node.op, node.op.derivative()) {
            (_, Derivative::Zero) => Shares::Nothing,
            (Op::DotGeneral(_) | Op::Conv(_), _) => Shares::Multiplies,
            (_, Derivative::Rule(rule)) if rule.is_linear() => Shares::Moves,
            (_, Derivative::Region(_)) => Shares::Scales,
            (op, _) if matches!(op.batching(1), Batching::Expansion | Batching::Map | Batching::Regions) => {
                Shares::Nothing
            }
            _ => Shares::Scales,
        }
    }
}

/// A node in a branch or a body, with what stands for its operands.
pub(super) struct Guard<'a> {
    pub(super) node: &'a Node,
    pub(super) size: usize,
    pub(super) active: Option<Value>,
}

impl Guard<'_> {
    /// The operands as the node may take them.
    pub(super) fn operands(&self, b: &mut Builder, items: &[Item]) -> Result<Vec<Item>, BuildError> {
        match (self.active, Shares::of(self.node, items, b)) {
            (Some(active), Shares::Multiplies) => items.iter().map(|&item| zeroed(b, active, item)).collect(),
            (Some(_), Shares::Scales) => items.iter().map(|&item| self.own(b, item)).collect(),
            _ => Ok(items.to_vec()),
        }
    }

    /// The results as others may take them, of these operands.
    pub(super) fn results(
        &self,
        b: &mut Builder,
        items: &[Item],
        results: Vec<Item>,
    ) -> Result<Vec<Item>, BuildError> {
        match Shares::of(self.node, items, b) {
            Shares::Moves | Shares::Multiplies => entering(b, self.active, &results),
            Shares::Nothing | Shares::Scales => Ok(results),
        }
    }

    /// What the node hands on to its regions: a rule for derivatives takes just what it was written for.
    pub(super) fn within(&self) -> Option<Value> {
        self.active.filter(|_| !matches!(self.node.op.derivative(), Derivative::Region(_)))
    }

    /// A shared operand, once for each example and guarded.
    fn own(&self, b: &mut Builder, item: Item) -> Result<Item, BuildError> {
        if item.per_example || !is_float(b, item.value) {
            return Ok(item);
        }
        let own = Item::batched(spread(b, self.size, item)?);
        guarded(b, self.active, own)
    }
}

/// `x` to all but derivatives: these are 0 for examples that are not active.
fn guarded(b: &mut Builder, active: Option<Value>, item: Item) -> Result<Item, BuildError> {
    match active {
        Some(active) if item.per_example && is_float(b, item.value) => {
            let constant = b.stop_gradient(item.value)?;
            Ok(Item::batched(select_rows(b, active, item.value, constant)?))
        }
        _ => Ok(item),
    }
}

/// `x`, and 0 for examples that are not active.
fn zeroed(b: &mut Builder, active: Value, item: Item) -> Result<Item, BuildError> {
    if !item.per_example || !is_float(b, item.value) {
        return Ok(item);
    }
    let zero = b.full_like(0.0, item.value)?;
    Ok(Item::batched(select_rows(b, active, item.value, zero)?))
}

fn is_float(b: &Builder, value: Value) -> bool {
    matches!(b.ty(value), Type::Tensor(ty) if ty.dtype.is_differentiable())
}
