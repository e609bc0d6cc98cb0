//! Which element of a value a loop reads: one affine index per axis, and how views change it.

use smallvec::SmallVec;
use tensorwright_ir::{Dim, Graph, Node, Op, Shape};

use crate::kernel::{Affine, Var};

/// For each axis of a value the index that is read, in terms of the loop variables.
pub(crate) type Access = SmallVec<[Affine; 4]>;

/// The access that reads each element at its own index: axis `i` by loop variable `i`.
pub(crate) fn identity(rank: usize) -> Access {
    (0..rank as u32).map(|axis| Affine::var(Var::Dim(axis))).collect()
}

/// Whether reading through the node is free: it only changes indices, and every index stays affine. Such a view is never
/// stored unless somebody needs it as memory.
pub(crate) fn is_index_map(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::BroadcastInDim(_) | Op::Transpose(_) | Op::Slice(_) | Op::Reverse(_) => true,
        Op::Reshape(reshape) => non_unit(&graph.tensor(node.operands[0]).shape) == non_unit(&reshape.shape),
        _ => false,
    }
}

fn non_unit(shape: &Shape) -> SmallVec<[Dim; 6]> {
    shape.dims().iter().copied().filter(|&d| d != Dim::ONE).collect()
}

/// The access to the operand of an index map, of shape `from`, that reads what `access` reads of its result.
pub(crate) fn through(op: &Op, from: &Shape, access: &[Affine]) -> Access {
    match op {
        Op::BroadcastInDim(b) => {
            let read = |(&axis, &dim): (&usize, &Dim)| match dim {
                Dim::ONE => Affine::default(),
                _ => access[axis].clone(),
            };
            b.axes.iter().zip(from.dims()).map(read).collect()
        }
        Op::Transpose(t) => {
            let mut operand: Access = SmallVec::from_elem(Affine::default(), from.rank());
            for (to, &axis) in t.permutation.iter().enumerate() {
                operand[axis] = access[to].clone();
            }
            operand
        }
        Op::Slice(s) => {
            let read =
                |(axis, index): (usize, &Affine)| index.scaled(s.strides[axis]).shifted(s.starts[axis]);
            access.iter().enumerate().map(read).collect()
        }
        Op::Reverse(r) => {
            let read = |(axis, index): (usize, &Affine)| match r.axes.contains(&axis) {
                true => index.scaled(-1).shifted(from.size(axis) as i64 - 1),
                false => index.clone(),
            };
            access.iter().enumerate().map(read).collect()
        }
        Op::Reshape(r) => {
            let mut indices = r
                .shape
                .dims()
                .iter()
                .zip(access)
                .filter(|(d, _)| **d != Dim::ONE)
                .map(|(_, index)| index.clone());
            let read = |&dim: &Dim| if dim == Dim::ONE { None } else { indices.next() };
            from.dims().iter().map(read).map(Option::unwrap_or_default).collect()
        }
        _ => unreachable!("{} is no index map", op.name()),
    }
}

/// The flat index of an access into dense row-major memory.
pub(crate) fn flat(access: &[Affine], shape: &Shape) -> Affine {
    let strides = shape.strides();
    access
        .iter()
        .zip(&strides)
        .fold(Affine::default(), |sum, (index, &stride)| sum.added(&index.scaled(stride as i64)))
}
