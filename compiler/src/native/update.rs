//! Changing tensors at computed places: `dynamic_update_slice`, and `scatter` of few updates.
//!
//! A tensor in memory is changed there, one in registers gets others where the place is the register's own.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, Scatter};
use tensorwright_ir::op::rule;
use tensorwright_ir::{DType, Graph, Node, TensorType};

use super::form::MAX_SMALL;
use super::lower::{Lowerer, Tensor};
use super::places::{Site, Slice, reach};
use crate::kernel::{Instr, Reg};
use crate::schedule::scalar::Instructions;

impl Lowerer {
    pub(super) fn dynamic_update_slice(
        &mut self,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Tensor> {
        let [ty, window, starts] = [0, 1, 2].map(|k| graph.tensor(node.operands[k]));
        if self.form.is_wide(ty) || self.form.is_wide(window) || window.elements() == 0 {
            return None;
        }
        let indices = self.registers(&operands[2], starts)?;
        let axes: SmallVec<[usize; 6]> = (0..ty.rank()).collect();
        let slice = Slice { ty, sizes: &window.shape.sizes(), indexed: &axes, indices: &indices };
        let at = self.place(&slice);
        let update = match self.registers(&operands[1], window) {
            Some(update) => update,
            None => return self.update_with_memory(ty, window, operands, &slice, at),
        };
        let mut updated = self.changing(&operands[0], ty)?;
        for (offset, &value) in slice.offsets().into_iter().zip(&update) {
            self.set(&mut updated, Element { at, offset, reach: slice.reach() }, value, None);
        }
        Some(self.finished(updated))
    }

    /// A section that is itself too large for registers.
    fn update_with_memory(
        &mut self,
        ty: &TensorType,
        window: &TensorType,
        operands: &[Tensor],
        slice: &Slice<'_>,
        at: Reg,
    ) -> Option<Tensor> {
        let Tensor::Memory(memory) = self.changing(&operands[0], ty)? else { return None };
        if !slice.is_contiguous() {
            return None;
        }
        self.write_all(memory, at, &operands[1], window)?;
        Some(Tensor::Memory(self.changed(memory)))
    }

    pub(super) fn scatter(
        &mut self,
        op: &Scatter,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Tensor> {
        let [ty, vectors, updates] = [0, 1, 2].map(|k| graph.tensor(node.operands[k]));
        let is_small = (1..=MAX_SMALL).contains(&updates.elements());
        if !is_small || [ty, vectors, updates].into_iter().any(|ty| self.form.is_wide(ty)) {
            return None;
        }
        let sizes = op.sizes(ty.rank(), &updates.shape);
        let indices = self.registers(&operands[1], vectors)?;
        let values = self.registers(&operands[2], updates)?;
        let mut updated = self.changing(&operands[0], ty)?;
        for (flat, &value) in values.iter().enumerate() {
            let index = rule::unravel(flat, &updates.shape);
            let site = Site::new(&op.axes(), &index, &ty.shape, &vectors.shape);
            let (at, inside) = self.target(&site, ty, &sizes, &indices);
            let element = Element { at, offset: site.offset, reach: reach(&sizes, &ty.shape) };
            let value = match op.kind.function() {
                Some(function) => {
                    let old = self.get(&updated, element, ty.dtype);
                    self.binary(function, old, value, ty.dtype)
                }
                None => value,
            };
            self.set(&mut updated, element, value, inside);
        }
        Some(self.finished(updated))
    }

    /// The tensor as one that can be changed.
    fn changing(&mut self, tensor: &Tensor, ty: &TensorType) -> Option<Tensor> {
        match tensor {
            Tensor::Registers(elements) if elements.len() != ty.elements() => None,
            Tensor::Registers(_) => Some(tensor.clone()),
            Tensor::Memory(_) | Tensor::Splat(_) => self.owned(tensor, ty).map(Tensor::Memory),
        }
    }

    fn finished(&mut self, tensor: Tensor) -> Tensor {
        tensor.map_memory(|memory| self.changed(memory))
    }

    fn get(&mut self, tensor: &Tensor, element: Element, dtype: DType) -> Reg {
        match tensor {
            Tensor::Memory(memory) => {
                let cell = self.cell(*memory, element.at, element.offset, element.reach);
                self.read(cell, dtype)
            }
            Tensor::Registers(elements) => {
                let places = element.places(elements.len());
                self.choose_register(&elements[places], element.at, dtype)
            }
            Tensor::Splat(value) => *value,
        }
    }

    /// Changes an element if `holds`.
    fn set(&mut self, tensor: &mut Tensor, element: Element, value: Reg, holds: Option<Reg>) {
        match tensor {
            Tensor::Memory(memory) => {
                let cell = self.cell(*memory, element.at, element.offset, element.reach);
                self.write(cell, value, holds);
            }
            Tensor::Registers(elements) => {
                for (place, k) in element.places(elements.len()).enumerate() {
                    let number = self.number(place as u64);
                    let mut here = self.compare(CompareFn::Eq, element.at, number);
                    if let Some(holds) = holds {
                        here = self.binary(BinaryFn::And, here, holds, DType::Bool);
                    }
                    let dtype = self.dtype(value);
                    elements[k] = self.instr(Instr::Select(here, value, elements[k]), dtype);
                }
            }
            Tensor::Splat(_) => {}
        }
    }
}

/// An element of a window at a computed place.
#[derive(Clone, Copy)]
struct Element {
    at: Reg,
    /// Its distance from the first element of the window, and that of the last one.
    offset: usize,
    reach: u64,
}

impl Element {
    /// The elements that it may be, of so many.
    fn places(self, elements: usize) -> std::ops::Range<usize> {
        self.offset..elements - (self.reach as usize - self.offset)
    }
}
