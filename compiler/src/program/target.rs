//! The runtime, as far as programs are made for it.

use super::{Product, TileSize, Tiled};

/// What the compiler must know of the runtime that will run the program.
pub trait Target {
    /// The size of the tiles in which the runtime computes the result of a routine; `None` if it has none.
    fn tile(&self, routine: &Tiled) -> Option<TileSize>;

    /// In how many partial sums the runtime adds up the terms of each result, if they are no more than a few hundred: term `i` goes to partial
    /// `i` modulo their number, and partials are added pairwise. One is in order. `None` if the runtime does not say, so that no kernel can give
    /// the same bits.
    fn partial_sums(&self, product: &Product) -> Option<usize>;

    /// Bytes of the operand at a position packed ahead for many runs of such a routine; `None` if they would not gain.
    fn packed_bytes(&self, routine: &Tiled, operand: usize) -> Option<usize>;
}

/// A runtime of whose routines nothing is known: they finish no tiles, pack nothing ahead, and add up in an order of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untiled;

impl Target for Untiled {
    fn tile(&self, _routine: &Tiled) -> Option<TileSize> {
        None
    }

    fn partial_sums(&self, _product: &Product) -> Option<usize> {
        None
    }

    fn packed_bytes(&self, _routine: &Tiled, _operand: usize) -> Option<usize> {
        None
    }
}
