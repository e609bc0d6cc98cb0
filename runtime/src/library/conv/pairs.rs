//! Convolutions of bytes that are added up in 32 bits: two terms in each lane at once.
//!
//! Neighbouring terms of a sum are one number of two 16-bit integers, which `vpmaddwd` (AVX2) multiplies and adds up. What is gathered is one number of 32 bits for each term, as for all
//! other integers; then two rows of depth become one, in place. Integers wrap, so results are the same bits as without pairs.

use super::plan::{ConvolutionPlan, Method};
use crate::library::matmul::{Accumulator, Element, Kernel, Kernels};

/// Terms from which on they are paired.
const LEAST_DEPTH: u64 = 16;

impl ConvolutionPlan {
    /// Whether the convolution is one of bytes for which this machine has kernels of pairs.
    pub(super) fn fits_pairs(&self) -> bool {
        let is_bytes = matches!(self.input, Element::I8 | Element::U8);
        let is_narrow = self.output.accumulator() == Accumulator::I32;
        let is_deep = self.routine.terms() >= LEAST_DEPTH;
        let multiplies = match self.method {
            Method::Products => is_deep,
            Method::Spread => true,
            Method::Lanes | Method::Rows | Method::Minimal => false,
        };
        is_bytes && is_narrow && multiplies && i32::pair_kernels().is_some()
    }

    /// The kernels that multiply the numbers of this convolution.
    pub(super) fn kernels<N: Kernel>(&self) -> &'static Kernels<N> {
        N::pair_kernels().filter(|_| self.pairs).unwrap_or_else(N::kernels)
    }

    /// Numbers of so many terms, which begin where a block of depth does.
    pub(super) fn numbers(&self, terms: usize) -> usize {
        if self.pairs { terms.div_ceil(2) } else { terms }
    }

    /// Pairs the rows of a block: `width` numbers each, one behind the other. A row without a partner is paired with zeros.
    ///
    /// # Safety
    /// `rows` by `width` numbers at `from` are readable, and half as many at `to` are writable, which may be the same memory.
    pub(super) unsafe fn pair_rows<N: Kernel>(&self, from: *const N, to: *mut N, rows: usize, width: usize) {
        if !self.pairs {
            return;
        }
        for row in 0..rows.div_ceil(2) {
            let (even, to) = (from.wrapping_add(2 * row * width), to.wrapping_add(row * width));
            let has_odd = 2 * row + 1 < rows;
            for at in 0..width {
                // SAFETY: both rows are readable, and what is written lies before all that is still to be read.
                unsafe {
                    let odd = if has_odd { *even.add(width + at) } else { N::ZERO };
                    *to.add(at) = N::paired(*even.add(at), odd);
                }
            }
        }
    }
}
