//! Routines of the library that compute their result tile by tile: what a step runs of one, and the table of them.

mod convolution;
mod product;

use std::fmt::Debug;

use tensorwright_compiler::program::{OperandForm, TileSize, Tiled};

pub use self::convolution::ConvolutionKernel;
pub use self::product::ProductKernel;
use super::error::RoutineError;

/// A routine, planned for its shapes and strides.
pub trait TiledKernel: Debug + Send + Sync {
    /// The number of tiles; they may run in any order and at the same time.
    fn tiles(&self) -> u64;

    /// Estimated nanoseconds of a tile.
    fn tile_ns(&self) -> u64;

    /// Bytes of scratch memory, aligned to 64 bytes, that each running tile needs for itself.
    fn scratch_bytes(&self) -> usize;

    /// The size of all tiles but those at the far edges.
    fn tile_size(&self) -> TileSize;

    /// The place of a tile among all, in row-major order of the result.
    fn position(&self, tile: u64) -> u64;

    /// Computes one tile.
    ///
    /// # Safety
    /// `tile` is below [`tiles`](Self::tiles). The operands point to memory as large as the routine reaches, or packed as the kernel was planned
    /// for; `out` is writable as far as the routine reaches, nobody else uses the tile's part of it, and it overlaps no operand. `scratch` is aligned to 64 bytes,
    /// writable for [`scratch_bytes`](Self::scratch_bytes), and used by no other running tile.
    unsafe fn run_tile(&self, tile: u64, operands: &[*const u8], out: *mut u8, scratch: *mut u8);

    /// How the operand at a position is packed ahead; `None` if that would not gain.
    fn packing(&self, operand: usize) -> Option<Packing>;

    /// Packs one part of the operand at a position.
    ///
    /// # Safety
    /// [`packing`](Self::packing) gives something for the operand, and `part` is below its parts. `from` points to memory as large as the routine reaches, `to`
    /// is aligned to 64 bytes and writable for the packed bytes, and nobody else uses the part.
    unsafe fn pack_part(&self, operand: usize, part: u64, from: *const u8, to: *mut u8);
}

/// How an operand is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Bytes of the packed operand.
    pub bytes: usize,
    /// Parts that can be packed at the same time.
    pub parts: u64,
    /// Estimated nanoseconds of a part.
    pub part_ns: u64,
}

/// Plans a routine whose operands have these forms.
pub fn planned(routine: &Tiled, forms: &[OperandForm]) -> Result<Box<dyn TiledKernel>, RoutineError> {
    Ok(match routine {
        Tiled::Convolution(routine) => Box::new(ConvolutionKernel::plan(routine, forms)?),
        Tiled::Product(product) => Box::new(ProductKernel::plan(product, forms)?),
    })
}

/// As [`planned`], of operands none of which is packed.
pub fn planned_strided(routine: &Tiled) -> Result<Box<dyn TiledKernel>, RoutineError> {
    planned(routine, &vec![OperandForm::Strided; routine.operand_dtypes().len()])
}
