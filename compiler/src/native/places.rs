//! Reading tensors at computed places: `gather` and `dynamic_slice`.
//!
//! The place of a slice is one number for all its elements. In memory it is the address of a load; among registers it chooses
//! between them. A slice that is too large for registers is a section of the memory.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, DynamicSlice, Gather, GatherAxes};
use tensorwright_ir::op::rule;
use tensorwright_ir::{DType, Graph, Literal, Node, Op, Scalar, Shape, TensorType};

use super::lower::{Elements, Lowerer, Tensor};
use super::memory::{Memory, Owner};
use crate::fusion::access;
use crate::kernel::{Affine, Instr, Reg};
use crate::schedule::scalar::Instructions;

/// A slice of a tensor that begins at a computed place.
pub(super) struct Slice<'a> {
    /// The type of the tensor.
    pub(super) ty: &'a TensorType,
    /// Its extent along each axis of the tensor.
    pub(super) sizes: &'a [usize],
    /// For each index the axis that it is of.
    pub(super) indexed: &'a [usize],
    pub(super) indices: &'a [Reg],
}

/// An element of the slices that a gather reads, or of the updates of a scatter.
pub(super) struct Site {
    /// Along each axis where the slice begins: at a constant, or at the index with this number.
    starts: SmallVec<[Start; 4]>,
    /// The distance of the element from the first of the slice.
    pub(super) offset: usize,
}

#[derive(Clone, Copy)]
enum Start {
    At(usize),
    Index(usize),
}

impl Lowerer {
    pub(super) fn gather(
        &mut self,
        op: &Gather,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Tensor> {
        let (ty, result) = (graph.tensor(node.operands[0]), graph.tensor(node.results[0]));
        let vectors = graph.tensor(node.operands[1]);
        let indices = self.registers(&operands[1], vectors)?;
        // One index vector, and axes of the slice in the order of the operand's, as they always are.
        if vectors.elements() == op.indexed.len() && op.batch.is_empty() && !op.indexed.is_empty() {
            let slice = Slice { ty, sizes: &op.sizes, indexed: &op.indexed, indices: &indices };
            return self.slice(&operands[0], &slice, result);
        }
        if self.form.is_wide(result) {
            return self.gather_by_point(op, &operands[0], [ty, result], &indices);
        }
        let count = self.form.registers(result)?;
        if count == 0 || self.form.is_wide(ty) || self.form.is_wide(result) {
            return (count == 0).then(Tensor::default);
        }
        let read = |flat: usize| {
            let site = Site::new(&op.axes(), &rule::unravel(flat, &result.shape), &ty.shape, &vectors.shape);
            let at = self.place_of(&site, ty, &op.sizes, &indices);
            self.element(&operands[0], ty, at, site.offset, &op.sizes)
        };
        (0..count).map(read).collect::<Option<Elements>>().map(Tensor::Registers)
    }

    /// One element for each point of a wide loop, at the index that the point has: of a table that all share, or of the point's own part of it.
    fn gather_by_point(
        &mut self,
        op: &Gather,
        x: &Tensor,
        [ty, result]: [&TensorType; 2],
        indices: &[Reg],
    ) -> Option<Tensor> {
        let (&[index], &[axis]) = (indices, &op.indexed[..]) else { return None };
        let slice = Slice { ty, sizes: &op.sizes, indexed: &[axis], indices: &[index] };
        if op.sizes.iter().any(|&size| size != 1) {
            return None;
        }
        let own = match (&op.batch[..], &op.index_batch[..]) {
            ([], []) => None,
            // A part of its own for each point, not one that several points share.
            ([0], [0]) if ty.shape.size(0) == result.elements() => Some(ty.elements() / ty.shape.size(0)),
            _ => return None,
        };
        let at = self.place(&slice);
        match (x, own) {
            (Tensor::Splat(value), _) => Some(Tensor::scalar(*value)),
            (Tensor::Memory(memory), _) if self.is_current(*memory) && memory.first.is_none() => {
                let (index, count) = match own {
                    Some(elements) => (self.point.scaled(elements as i64), elements as u64),
                    None => (Affine::default(), memory.len),
                };
                let load = Instr::LoadAt { buffer: memory.buffer, index, at, count };
                Some(Tensor::scalar(self.instr(load, ty.dtype)))
            }
            (Tensor::Registers(elements), None) if elements.len() == ty.elements() => {
                Some(Tensor::scalar(self.choose_register(elements, at, ty.dtype)))
            }
            _ => None,
        }
    }

    pub(super) fn dynamic_slice(
        &mut self,
        op: &DynamicSlice,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Tensor> {
        let (ty, result) = (graph.tensor(node.operands[0]), graph.tensor(node.results[0]));
        let axes: SmallVec<[usize; 6]> = (0..ty.rank()).collect();
        let indices = self.registers(&operands[1], graph.tensor(node.operands[1]))?;
        let slice = Slice { ty, sizes: &op.sizes.sizes(), indexed: &axes, indices: &indices };
        self.slice(&operands[0], &slice, result)
    }

    fn slice(&mut self, x: &Tensor, slice: &Slice<'_>, result: &TensorType) -> Option<Tensor> {
        if self.form.registers(result) == Some(0) {
            return Some(Tensor::default());
        }
        if slice.indices.len() != slice.indexed.len() {
            return None;
        }
        let at = self.place(slice);
        match *x {
            Tensor::Memory(memory) if self.is_current(memory) => {
                self.slice_of_memory(memory, slice, at, result)
            }
            Tensor::Splat(value) => Some(match self.form.registers(result) {
                Some(count) => Tensor::Registers(SmallVec::from_elem(value, count)),
                None => x.clone(),
            }),
            Tensor::Registers(ref elements)
                if elements.len() == slice.ty.elements() && !self.form.is_wide(result) =>
            {
                Some(Tensor::Registers(self.choose_place(elements, slice, at)))
            }
            // Old, or wide, or beside a wide loop.
            Tensor::Registers(_) | Tensor::Memory(_) => None,
        }
    }

    fn slice_of_memory(
        &mut self,
        memory: Memory,
        slice: &Slice<'_>,
        at: Reg,
        result: &TensorType,
    ) -> Option<Tensor> {
        let reach = slice.reach();
        if self.form.is_wide(result) {
            let (buffer, index, count) = (memory.buffer, self.point.clone(), memory.len - reach);
            let load = Instr::LoadAt { buffer, index, at, count };
            return slice.is_contiguous().then(|| Tensor::scalar(self.instr(load, slice.ty.dtype)));
        }
        if self.form.registers(result).is_none() {
            let first = self.cell(memory, at, 0, reach).at;
            let section = Memory { first: Some(first), owner: Owner::Others, ..memory };
            return slice.is_contiguous().then_some(Tensor::Memory(section));
        }
        let load = |offset| {
            let cell = self.cell(memory, at, offset, reach);
            self.read(cell, slice.ty.dtype)
        };
        Some(Tensor::Registers(slice.offsets().into_iter().map(load).collect()))
    }

    /// The element `offset` behind the place of a window.
    fn element(
        &mut self,
        x: &Tensor,
        ty: &TensorType,
        at: Reg,
        offset: usize,
        sizes: &[usize],
    ) -> Option<Reg> {
        let reach = reach(sizes, &ty.shape);
        match x {
            Tensor::Memory(memory) if self.is_current(*memory) => {
                let cell = self.cell(*memory, at, offset, reach);
                Some(self.read(cell, ty.dtype))
            }
            Tensor::Memory(_) => None,
            Tensor::Splat(value) => Some(*value),
            Tensor::Registers(elements) if elements.len() != ty.elements() => None,
            Tensor::Registers(elements) => {
                let places = &elements[offset..elements.len() - (reach as usize - offset)];
                Some(self.choose_register(places, at, ty.dtype))
            }
        }
    }

    /// Where the slice of a site begins: clamped, so that all of it is in the tensor.
    fn place_of(&mut self, site: &Site, ty: &TensorType, sizes: &[usize], indices: &[Reg]) -> Reg {
        let strides = ty.shape.strides();
        let fixed: usize = site.fixed().map(|(axis, at)| at * strides[axis]).sum();
        let (axes, regs) = site.indexed(indices);
        let at = self.place(&Slice { ty, sizes, indexed: &axes, indices: &regs });
        let fixed = self.number(fixed as u64);
        self.binary(BinaryFn::Add, at, fixed, DType::I64)
    }

    /// Where an update of a scatter goes, and whether its window is inside of the tensor.
    pub(super) fn target(
        &mut self,
        site: &Site,
        ty: &TensorType,
        sizes: &[usize],
        indices: &[Reg],
    ) -> (Reg, Option<Reg>) {
        let (axes, regs) = site.indexed(indices);
        let mut inside = None;
        for (&axis, &reg) in axes.iter().zip(&regs) {
            let last = self.number((ty.shape.size(axis) - sizes[axis]) as u64);
            let (index, zero) = (self.index(reg), self.number(0));
            let low = self.compare(CompareFn::Ge, index, zero);
            let high = self.compare(CompareFn::Le, index, last);
            let both = self.binary(BinaryFn::And, low, high, DType::Bool);
            inside = Some(match inside {
                Some(inside) => self.binary(BinaryFn::And, inside, both, DType::Bool),
                None => both,
            });
        }
        (self.place_of(site, ty, sizes, indices), inside)
    }

    /// A movement of memory: another shape of the same elements, a section, or a few elements at constant places.
    pub(super) fn moved_in_memory(
        &mut self,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Tensor> {
        let result = graph.tensor(node.results[0]);
        let count = self.form.registers(result);
        match (&node.op, operands) {
            (Op::Constant(c), []) if count.is_none() => {
                c.value.splat().map(|scalar| Tensor::Splat(self.constant(scalar)))
            }
            (Op::BroadcastInDim(_), [Tensor::Registers(x)]) if count.is_none() && x.len() == 1 => {
                Some(Tensor::Splat(x[0]))
            }
            (Op::Reshape(_) | Op::BroadcastInDim(_) | Op::Slice(_), [x @ Tensor::Splat(value)]) => {
                match count {
                    Some(count) => Some(Tensor::Registers(SmallVec::from_elem(*value, count))),
                    None => Some(x.clone()),
                }
            }
            (Op::Reshape(_), [x @ Tensor::Memory(_)]) if count.is_none() => Some(x.clone()),
            (op, [Tensor::Memory(memory)])
                if access::is_index_map(graph, node)
                    && self.is_current(*memory)
                    && !self.form.is_wide(result) =>
            {
                self.view_of_memory(op, *memory, graph.tensor(node.operands[0]), result)
            }
            _ => None,
        }
    }

    fn view_of_memory(
        &mut self,
        op: &Op,
        memory: Memory,
        from: &TensorType,
        result: &TensorType,
    ) -> Option<Tensor> {
        let place = |flat: usize| {
            let index = rule::unravel(flat, &result.shape);
            let read: access::Access = index.iter().map(|&i| Affine::constant(i as i64)).collect();
            access::flat(&access::through(op, &from.shape, &read), &from.shape).offset as usize
        };
        let first = place(0);
        if self.form.registers(result).is_none() {
            let is_section = matches!(op, Op::Slice(slice) if slice.strides.iter().all(|&stride| stride == 1))
                && reach(&result.shape.sizes(), &from.shape) + 1 == result.elements() as u64;
            let at = self.number(first as u64);
            let first = self.cell(memory, at, 0, 0).at;
            let section = Memory { first: Some(first), owner: Owner::Others, ..memory };
            return is_section.then_some(Tensor::Memory(section));
        }
        let zero = self.number(0);
        let last = (0..result.elements()).map(place).max()? as u64;
        let load = |flat: usize| {
            let cell = self.cell(memory, zero, place(flat), last);
            self.read(cell, from.dtype)
        };
        Some(Tensor::Registers((0..result.elements()).map(load).collect()))
    }

    /// The first element of the slice: indices are clamped, so that all of it is in `x`.
    pub(super) fn place(&mut self, slice: &Slice<'_>) -> Reg {
        let number = |lowerer: &mut Lowerer, n: usize| lowerer.number(n as u64);
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
    fn choose_place(&mut self, elements: &Elements, slice: &Slice<'_>, at: Reg) -> Elements {
        let places = slice.ty.elements() - slice.reach() as usize;
        let offsets = slice.offsets();
        let element =
            |&offset: &usize| self.choose_register(&elements[offset..offset + places], at, slice.ty.dtype);
        offsets.iter().map(element).collect()
    }

    /// One of these registers.
    pub(super) fn choose_register(&mut self, places: &[Reg], at: Reg, dtype: DType) -> Reg {
        let mut chosen = places[0];
        for (place, &element) in places.iter().enumerate().skip(1) {
            let number = self.number(place as u64);
            let here = self.compare(CompareFn::Eq, at, number);
            chosen = self.instr(Instr::Select(here, element, chosen), dtype);
        }
        chosen
    }
}

/// The distance of the last element of a window from the first.
pub(super) fn reach(sizes: &[usize], shape: &Shape) -> u64 {
    sizes.iter().zip(&shape.strides()).map(|(size, stride)| ((size - 1) * stride) as u64).sum()
}

impl Slice<'_> {
    /// For each element of the slice its distance from the first.
    pub(super) fn offsets(&self) -> SmallVec<[usize; 4]> {
        let window: Shape = self.sizes.to_vec().into();
        (0..window.elements())
            .map(|flat| rule::ravel(&rule::unravel(flat, &window), &self.ty.shape))
            .collect()
    }

    /// The distance of the last element from the first.
    pub(super) fn reach(&self) -> u64 {
        reach(self.sizes, &self.ty.shape)
    }

    /// Whether its elements lie side by side in memory, in order.
    pub(super) fn is_contiguous(&self) -> bool {
        let count: usize = self.sizes.iter().product();
        self.reach() + 1 == count as u64
    }
}

impl Site {
    /// The element at `index` of the slices. That index vectors name places is found by numbering them.
    pub(super) fn new(axes: &GatherAxes<'_>, index: &[usize], x: &Shape, indices: &Shape) -> Site {
        let ty = TensorType::new(DType::I64, indices.clone());
        let numbers = Literal::from_fn(ty, |number| Scalar::I64(number as i64));
        let target = axes.place(index, x, &numbers);
        let start = |axis: usize| match axes.indexed.contains(&axis) {
            true => Start::Index(target.starts[axis] as usize),
            false => Start::At(target.starts[axis] as usize),
        };
        let starts = (0..x.rank()).map(start).collect();
        Site { starts, offset: rule::ravel(&target.offsets, x) }
    }

    /// Axes along which the slice begins at a constant.
    fn fixed(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.starts.iter().enumerate().filter_map(|(axis, start)| match *start {
            Start::At(at) => Some((axis, at)),
            Start::Index(_) => None,
        })
    }

    /// The other axes, and the registers of their indices.
    fn indexed(&self, indices: &[Reg]) -> (SmallVec<[usize; 4]>, SmallVec<[Reg; 4]>) {
        let numbers = self.starts.iter().enumerate().filter_map(|(axis, start)| match *start {
            Start::Index(number) => Some((axis, indices[number])),
            Start::At(_) => None,
        });
        numbers.unzip()
    }
}
