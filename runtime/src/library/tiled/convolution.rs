//! Convolutions as steps of programs.

use tensorwright_compiler::program::{Convolution, OperandForm, TileSize};

use super::{Packing, TiledKernel};
use crate::library::conv::ConvolutionPlan;
use crate::library::error::RoutineError;

/// A convolution of a program, planned.
#[derive(Debug)]
pub struct ConvolutionKernel(ConvolutionPlan);

impl ConvolutionKernel {
    /// Bytes that are packed in a nanosecond.
    const PACKED_PER_NS: usize = 4;

    /// Plans a convolution. Fails if there are no such products, or an operand is packed that does not gain by it.
    pub fn plan(routine: &Convolution, forms: &[OperandForm]) -> Result<ConvolutionKernel, RoutineError> {
        let plan = ConvolutionPlan::new(routine)?;
        let is_packed = |operand: usize| forms.get(operand) == Some(&OperandForm::Packed);
        let plan = match (is_packed(0), is_packed(1)) {
            (false, false) => Some(plan),
            (false, true) => plan.prepacked(),
            (true, _) => None,
        };
        plan.map(ConvolutionKernel).ok_or(RoutineError::NotPacked { routine: "conv" })
    }
}

impl TiledKernel for ConvolutionKernel {
    fn tiles(&self) -> u64 {
        self.0.tiles()
    }

    /// About 50 multiplications per nanosecond.
    fn tile_ns(&self) -> u64 {
        self.0.work_per_tile() / 50 + 50
    }

    fn scratch_bytes(&self) -> usize {
        self.0.scratch_bytes()
    }

    fn tile_size(&self) -> TileSize {
        self.0.tile_size().clone()
    }

    fn position(&self, tile: u64) -> u64 {
        tile
    }

    unsafe fn run_tile(&self, tile: u64, operands: &[*const u8], out: *mut u8, scratch: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.0.run_tile(tile, [operands[0], operands[1]], out, scratch) };
    }

    fn packing(&self, operand: usize) -> Option<Packing> {
        let plan = self.0.prepacked().filter(|_| operand == 1)?;
        let (bytes, parts) = (plan.packed_bytes(), plan.packing_parts());
        let part_ns = (bytes / Self::PACKED_PER_NS) as u64 / parts.max(1) + 50;
        Some(Packing { bytes, parts, part_ns })
    }

    unsafe fn pack_part(&self, _operand: usize, part: u64, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.0.pack_part(part, from, to) };
    }
}
