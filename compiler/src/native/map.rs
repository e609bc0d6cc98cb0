//! A `map` as a kernel: runs are points of the grid, each on small slices of its own, with whatever loops are inside of it.

use tensorwright_ir::op::{Feed, Ports};

use super::lower::Tensor;
use super::{Build, Value};
use crate::kernel::{Affine, Extent, TileStage, Var};

/// The stage that makes all runs of a tile.
pub(super) fn stage(
    build: &mut Build<'_>,
    ports: &Ports,
    stored: &dyn Fn(Value) -> bool,
) -> Option<TileStage> {
    let node = build.node;
    let region = &node.regions[0];
    let mut inputs: Vec<Tensor> = Vec::new();
    for (i, &operand) in node.operands.iter().enumerate() {
        let ty = region.tensor(region.inputs()[i]);
        inputs.push(match ports.feed(i) {
            Feed::Carried => return None,
            Feed::Sliced => {
                build.form.registers(ty)?;
                let places = of_run(build.form.places(ty, 0), ty.elements());
                Tensor::Registers(build.load_at(operand, ty, places))
            }
            Feed::Invariant => build.invariant(operand, 0),
        });
    }
    let before = build.lowerer.changes();
    let results = build.lowerer.region(region, &inputs)?;
    if !build.lowerer.changes_only(&[], &before) {
        return None;
    }
    let mut stores = Vec::new();
    for (k, tensor) in results.iter().enumerate().take(node.results.len()) {
        let (result, ty) = (node.results[k], region.tensor(region.outputs()[k]));
        let values = build.lowerer.registers(tensor, ty)?;
        if stored(result) {
            let places = of_run(build.form.places(ty, 0), ty.elements());
            stores.extend(build.store(result, places, &values));
        }
    }
    // Points of the innermost loop are independent of each other in all they do, loops included; runs are not.
    Some(build.stage(vec![Extent::Tile(0), Extent::Fixed(1)], stores, 0))
}

/// The places of a run's slice, given those of the first.
fn of_run(first: impl IntoIterator<Item = Affine>, elements: usize) -> super::form::Places {
    let step = elements as i64;
    let at = |place: Affine| place.plus(Var::Grid(0), step).plus(Var::Dim(0), step);
    first.into_iter().map(at).collect()
}
