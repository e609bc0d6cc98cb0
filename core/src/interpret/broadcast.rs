//! NumPy's broadcasting: the operands of an element-wise op get one shape before the op sees them.

use smallvec::SmallVec;
use tensorwright_ir::op::TypeError;
use tensorwright_ir::{BuildError, Builder, Op, Shape, Value};

/// The operands as `op` takes them: for element-wise ops broadcast to their common shape.
pub(crate) fn operands(
    b: &mut Builder,
    op: &Op,
    values: SmallVec<[Value; 4]>,
) -> Result<SmallVec<[Value; 4]>, BuildError> {
    if values.len() < 2 || !op.is_elementwise() {
        return Ok(values);
    }
    let mut common = b.shape(values[0]);
    for &value in &values[1..] {
        let shape = &b.tensor(value).shape;
        common = common.broadcast(shape).ok_or_else(|| refusal(b, op, &values, &common, shape))?;
    }
    values.into_iter().map(|value| b.broadcast_to(value, &common)).collect()
}

fn refusal(b: &Builder, op: &Op, values: &[Value], left: &Shape, right: &Shape) -> BuildError {
    let clash = left.iter().rev().zip(right.iter().rev()).find(|(l, r)| l.broadcast(**r).is_none());
    let clash = clash.map_or(String::new(), |(l, r)| format!(": aligned at the end, {l} meets {r}"));
    let message = format!("shapes {left} and {right} do not broadcast{clash}");
    let operands = values.iter().map(|&value| b.ty(value).clone()).collect();
    BuildError { op: op.name(), operands, location: None, source: TypeError::Other(message).into() }
}
