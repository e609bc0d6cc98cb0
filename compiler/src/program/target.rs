//! The runtime, as far as programs are made for it.

use super::Product;

/// What the compiler must know of the runtime that will run the program.
pub trait Target {
    /// Rows and columns of the tiles in which the runtime computes a product; `None` if it does not tile it.
    fn matmul_tile(&self, product: &Product) -> Option<(u64, u64)>;

    /// Bytes of the right operand packed ahead for many such products; `None` if they would not gain.
    fn packed_bytes(&self, product: &Product) -> Option<usize>;
}
