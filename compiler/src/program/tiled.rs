//! Routines of the library that compute their result tile by tile: what the compiler asks of one, and the table of them.
//!
//! Such a routine is one step, whatever it computes: operands that may have been packed ahead, a result that is computed in independent
//! tiles, and a kernel that finishes each tile while it is in the caches. What differs is what the routine says here.

use std::fmt::{self, Display, Formatter};

use smallvec::SmallVec;
use tensorwright_ir::DType;

use super::{Convolution, KernelCall, Product};
use crate::kernel::GridDim;
use crate::syntax::{Parser, Result};

/// A routine that computes its result tile by tile, described down to strides. It prints as it parses, behind its word.
pub(crate) trait TiledRoutine: Display + Sized {
    /// Its word in the text form.
    const WORD: &'static str;

    /// Dtypes of the operands.
    fn operand_dtypes(&self) -> SmallVec<[DType; 2]>;

    /// Dtype of the result.
    fn result_dtype(&self) -> DType;

    /// Products of two elements that it adds up in all.
    fn products(&self) -> u64;

    /// How far it reaches in its memory; `None` if it begins before the first element of something, or is too large for any memory.
    fn reach(&self) -> Option<Reach>;

    /// The tiles of the result, of such a size, as a grid in row-major order; `None` if no kernel can finish them.
    fn grid(&self, tile: &TileSize) -> Option<SmallVec<[GridDim; 4]>>;

    /// Whether another one reads the packed operand at this position as this one does.
    fn packs_like(&self, operand: usize, other: &Self) -> bool;

    /// The same routine where results may change in their last bits.
    fn reassociated(self) -> Self {
        self
    }

    /// Parses what follows the word.
    fn parse(parser: &mut Parser<'_>) -> Result<Self>;
}

/// Sizes of a tile along the axes that are cut.
pub type TileSize = SmallVec<[u64; 2]>;

/// The first element behind the last one that is read of each operand, and that is written of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Of each operand.
    pub operands: SmallVec<[u64; 2]>,
    /// Of the result.
    pub result: u64,
}

/// A routine as a step runs it.
#[derive(Clone, Debug, PartialEq)]
pub struct TiledCall {
    /// What is computed.
    pub routine: Tiled,
    /// The operands.
    pub operands: SmallVec<[TiledOperand; 2]>,
    /// Slot of the result.
    pub out: usize,
    /// What is done to each tile of the result as soon as it is there. Its grid has the tiles of the result.
    pub epilogue: Option<KernelCall>,
}

/// An operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TiledOperand {
    /// Its slot.
    pub slot: usize,
    /// What the slot holds.
    pub form: OperandForm,
}

/// What the slot of an operand holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperandForm {
    /// Elements, where the strides of the routine say.
    Strided,
    /// Bytes, as [`Step::Pack`](super::Step::Pack) makes them.
    Packed,
}

/// Makes the type of all routines out of their names: each is a [`TiledRoutine`], and a variant.
macro_rules! table {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Any of the routines.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Tiled {
            $($(#[doc = $doc])* $name($name),)*
        }

        impl Tiled {
            /// Its word in the text form.
            pub fn word(&self) -> &'static str {
                match self { $(Tiled::$name(_) => $name::WORD,)* }
            }

            /// Dtypes of the operands.
            pub fn operand_dtypes(&self) -> SmallVec<[DType; 2]> {
                match self { $(Tiled::$name(routine) => routine.operand_dtypes(),)* }
            }

            /// Dtype of the result.
            pub fn result_dtype(&self) -> DType {
                match self { $(Tiled::$name(routine) => routine.result_dtype(),)* }
            }

            /// Products of two elements that it adds up in all.
            pub fn products(&self) -> u64 {
                match self { $(Tiled::$name(routine) => routine.products(),)* }
            }

            /// How far it reaches in its memory; `None` if it begins before the first element of something, or is too large for any memory.
            pub fn reach(&self) -> Option<Reach> {
                match self { $(Tiled::$name(routine) => routine.reach(),)* }
            }

            /// The tiles of the result, of such a size, as a grid in row-major order; `None` if no kernel can finish them.
            pub fn grid(&self, tile: &TileSize) -> Option<SmallVec<[GridDim; 4]>> {
                match self { $(Tiled::$name(routine) => routine.grid(tile),)* }
            }

            /// The same routine where results may change in their last bits.
            pub fn reassociated(self) -> Tiled {
                match self { $(Tiled::$name(routine) => routine.reassociated().into(),)* }
            }

            /// Whether both read the packed operand at this position in the same way.
            pub fn packs_like(&self, operand: usize, other: &Tiled) -> bool {
                match (self, other) {
                    $((Tiled::$name(one), Tiled::$name(other)) => one.packs_like(operand, other),)*
                    _ => false,
                }
            }

        }

        /// As it parses, without its word.
        impl Display for Tiled {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                match self { $(Tiled::$name(routine) => routine.fmt(f),)* }
            }
        }

        $(impl From<$name> for Tiled {
            fn from(routine: $name) -> Tiled {
                Tiled::$name(routine)
            }
        })*

        impl Parser<'_> {
            /// A routine with its word; `None` if there is another word.
            pub(super) fn tiled(&mut self) -> Result<Option<Tiled>> {
                $(if self.accept_word($name::WORD) {
                    return Ok(Some(Tiled::$name($name::parse(self)?)));
                })*
                Ok(None)
            }
        }
    };
}

table! {
    /// A product of matrices.
    Product,
    /// A convolution.
    Convolution,
}
