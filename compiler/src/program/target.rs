//! The runtime, as far as programs are made for it.

use super::Product;

/// What the compiler must know of the runtime that will run the program.
pub trait Target {
    /// Rows and columns of the tiles in which the runtime computes a product; `None` if it does not tile it.
    fn matmul_tile(&self, product: &Product) -> Option<(u64, u64)>;

    /// In how many partial sums the runtime adds up the terms of each result, if they are no more than a few hundred: term `i` goes to partial
    /// `i` modulo their number, and partials are added pairwise. One is in order.
    fn partial_sums(&self, _product: &Product) -> usize {
        1
    }

    /// Bytes of the right operand packed ahead for many such products; `None` if they would not gain.
    fn packed_bytes(&self, product: &Product) -> Option<usize>;
}
