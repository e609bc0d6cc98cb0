//! Reading tensors at computed places: `gather` with one index vector, and `dynamic_slice`.
//!
//! The place is one number for all elements of the slice. In memory it is the address of a load; among registers it chooses
//! between them.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, DynamicSlice, Gather};
use tensorwright_ir::op::rule;
use tensorwright_ir::{DType, Graph, Node, Scalar, TensorType};

use super::lower::{Elements, Lowerer, Tensor};
use crate::kernel::{Affine, Instr, Reg};
use crate::schedule::scalar::Instructions;

/// A slice of `x` that begins at a computed place.
struct Slice<'a> {
    x: &'a Tensor,
    ty: &'a TensorType,
    /// Its extent along each axis of `x`.
    sizes: &'a [usize],
    /// For each index the axis that it is of.
    indexed: &'a [usize],
    indices: &'a Elements,
    result: &'a TensorType,
}

impl Lowerer {
    pub(super) fn gather(
        &mut self,
        op: &Gather,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Elements> {
        let (ty, result) = (graph.tensor(node.operands[0]), graph.tensor(node.results[0]));
        let [x, indices] = operands else { return None };
        // One index vector, and axes of the slice in the order of the operand's, as they always are.
        let single = graph.tensor(node.operands[1]).elements() == op.indexed.len();
        if !single || !op.batch.is_empty() || op.indexed.is_empty() {
            return None;
        }
        let slice =
            Slice { x, ty, sizes: &op.sizes, indexed: &op.indexed, indices: &indices.elements, result };
        self.slice(&slice)
    }

    pub(super) fn dynamic_slice(
        &mut self,
        op: &DynamicSlice,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Elements> {
        let (ty, result) = (graph.tensor(node.operands[0]), graph.tensor(node.results[0]));
        let [x, starts] = operands else { return None };
        let axes: SmallVec<[usize; 6]> = (0..ty.rank()).collect();
        let sizes = op.sizes.sizes();
        let slice = Slice { x, ty, sizes: &sizes, indexed: &axes, indices: &starts.elements, result };
        self.slice(&slice)
    }

    fn slice(&mut self, slice: &Slice<'_>) -> Option<Elements> {
        let count = self.form.registers(slice.result)?;
        if count == 0 {
            return Some(Elements::new());
        }
        if slice.indices.len() != slice.indexed.len() {
            return None;
        }
        let at = self.place(slice);
        let places = slice.ty.elements() as u64 - slice.reach();
        match slice.x.memory {
            Some(buffer) => {
                let offsets: SmallVec<[Affine; 4]> = match self.form.is_wide(slice.result) {
                    true if slice.is_contiguous() => SmallVec::from_elem(self.point.clone(), 1),
                    true => return None,
                    false => slice.offsets().into_iter().map(|o| Affine::constant(o as i64)).collect(),
                };
                let load =
                    |index| self.instr(Instr::LoadAt { buffer, index, at, count: places }, slice.ty.dtype);
                Some(offsets.into_iter().map(load).collect())
            }
            None if self.form.is_wide(slice.ty) || self.form.is_wide(slice.result) => None,
            // Beside a wide loop.
            None if slice.x.elements.len() < slice.ty.elements() => None,
            None => Some(self.choose_place(slice, at)),
        }
    }

    /// The first element of the slice: indices are clamped, so that all of it is in `x`.
    fn place(&mut self, slice: &Slice<'_>) -> Reg {
        let number = |lowerer: &mut Lowerer, n: usize| lowerer.constant(Scalar::I64(n as i64));
        let strides = slice.ty.shape.strides();
        let mut sum = number(self, 0);
        for (&axis, &index) in slice.indexed.iter().zip(slice.indices) {
            let last = slice.ty.shape.size(axis) - slice.sizes[axis];
            let (zero, last, stride) = (number(self, 0), number(self, last), number(self, strides[axis]));
            let index = self.index(index);
            let index = self.binary(BinaryFn::Maximum, index, zero, DType::I64);
            let index = self.binary(BinaryFn::Minimum, index, last, DType::I64);
            let step = self.binary(BinaryFn::Mul, index, stride, DType::I64);
            sum = self.binary(BinaryFn::Add, sum, step, DType::I64);
        }
        sum
    }

    /// An index as i64; what is too large for that is larger than any place.
    fn index(&mut self, index: Reg) -> Reg {
        if self.dtype(index) != DType::U64 {
            return self.cast(index, DType::I64);
        }
        let most = self.constant(Scalar::U64(i64::MAX as u64));
        let index = self.binary(BinaryFn::Minimum, index, most, DType::U64);
        self.cast(index, DType::I64)
    }

    /// The registers of a slice, whichever of them it is.
    fn choose_place(&mut self, slice: &Slice<'_>, at: Reg) -> Elements {
        let elements = &slice.x.elements;
        let offsets = slice.offsets();
        let places = slice.ty.elements() - slice.reach() as usize;
        let mut chosen: Elements = offsets.iter().map(|&offset| elements[offset]).collect();
        for place in 1..places {
            let number = self.constant(Scalar::I64(place as i64));
            let here = self.compare(CompareFn::Eq, at, number);
            for (chosen, &offset) in chosen.iter_mut().zip(&offsets) {
                let element = elements[place + offset];
                *chosen = self.instr(Instr::Select(here, element, *chosen), slice.ty.dtype);
            }
        }
        chosen
    }
}

impl Slice<'_> {
    /// For each element of the slice its distance from the first.
    fn offsets(&self) -> SmallVec<[usize; 4]> {
        let window: tensorwright_ir::Shape = self.sizes.to_vec().into();
        (0..window.elements())
            .map(|flat| rule::ravel(&rule::unravel(flat, &window), &self.ty.shape))
            .collect()
    }

    /// The distance of the last element from the first.
    fn reach(&self) -> u64 {
        let strides = self.ty.shape.strides();
        self.sizes.iter().zip(&strides).map(|(size, stride)| ((size - 1) * stride) as u64).sum()
    }

    /// Whether its elements lie side by side in memory, in order.
    fn is_contiguous(&self) -> bool {
        let count: usize = self.sizes.iter().product();
        self.reach() + 1 == count as u64
    }
}
