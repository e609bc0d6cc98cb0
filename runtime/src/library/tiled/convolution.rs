//! Convolutions as steps of programs.

use tensorwright_compiler::program::{Convolution, OperandForm, TileSize};

use super::{Packing, TiledKernel};
use crate::library::conv::ConvolutionPlan;
use crate::library::error::RoutineError;

/// A convolution of a program, planned.
#[derive(Debug)]
pub struct ConvolutionKernel(ConvolutionPlan);

impl ConvolutionKernel {
    /// Plans a convolution. Fails if there are no such products, or an operand is packed.
    pub fn plan(routine: &Convolution, forms: &[OperandForm]) -> Result<ConvolutionKernel, RoutineError> {
        if forms.contains(&OperandForm::Packed) {
            return Err(RoutineError::NotPacked { routine: "conv" });
        }
        Ok(ConvolutionKernel(ConvolutionPlan::new(routine)?))
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

    fn packing(&self, _operand: usize) -> Option<Packing> {
        None
    }

    unsafe fn pack_part(&self, _operand: usize, _part: u64, _from: *const u8, _to: *mut u8) {}
}
