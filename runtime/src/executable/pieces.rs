//! Element-wise graphs on more elements than they were compiled for.
//!
//! What such a graph computes for one element does not depend on the others, so that code for 512 elements serves any number from 512 on:
//! piece after piece, the last of which ends with the elements and computes some of them once more.

use super::block::OutputPlace;
use super::{BufferPool, Executable, Limits, RunError, SharedBuffer, pointer_to};

impl Executable {
    /// Elements of the pieces, if this graph may be run in pieces: its caller knows that it is element-wise; it has one output, and each input is a vector
    /// of as many elements or a scalar.
    pub fn piece(&self) -> Option<usize> {
        let [output] = &self.outputs[..] else { return None };
        let piece = output.elements();
        let fits = self.inputs.iter().all(|input| input.rank() == 0 || input.shape == output.shape);
        let is_new = matches!(self.block.output_places[..], [OutputPlace::Fresh(0)]);
        (piece > 0 && fits && is_new && self.program.overwritten.is_empty()).then_some(piece)
    }

    /// Runs an element-wise graph on vectors of `elements` elements, of which there are at least those of a [piece](Executable::piece), and on
    /// scalars where it takes some.
    ///
    /// # Errors
    /// As [`Executable::run`].
    ///
    /// # Panics
    /// If the sizes of the inputs are others, or the graph cannot be run in pieces: that is the caller's bug.
    pub fn run_in_pieces(
        &self,
        inputs: &[&SharedBuffer],
        elements: usize,
        threads: usize,
    ) -> Result<SharedBuffer, RunError> {
        let piece = self.piece().expect("the graph can be run in pieces");
        assert!(elements >= piece, "{elements} elements are less than a piece of {piece}");
        // Bytes from one element to the next.
        let steps: Vec<usize> =
            self.inputs.iter().map(|ty| if ty.rank() > 0 { ty.dtype.size() } else { 0 }).collect();
        assert_eq!(inputs.len(), steps.len(), "number of inputs");
        for ((input, ty), &step) in inputs.iter().zip(&self.inputs).zip(&steps) {
            let expected = if step > 0 { elements * step } else { ty.bytes() };
            assert_eq!(input.len(), expected, "bytes of an input of type {ty} for {elements} elements");
            assert!(ty.dtype != tensorwright_ir::DType::Bool || input.holds_bools(), "bools are 0 or 1");
        }
        let (mut arena, step) = (self.arena()?, self.outputs[0].dtype.size());
        let mut output = BufferPool::global().get(elements * step)?;
        let (arena, to) = (pointer_to(&mut arena), output.as_mut_ptr());
        Limits::here(threads, |limits| {
            let starts = (0..elements / piece).map(|k| k * piece);
            let last = (!elements.is_multiple_of(piece)).then_some(elements - piece);
            starts.chain(last).try_for_each(|start| {
                let input = |i: usize| inputs[i].as_ptr().cast_mut().wrapping_add(start * steps[i]);
                // SAFETY: a piece from `start` on lies within inputs and output, whose sizes were checked. The inputs are only read, the arena is
                // that of the block, and nobody else has the output.
                unsafe { self.block.run(input, |_| to.wrapping_add(start * step), arena, limits) }
            })
        })?;
        // SAFETY: the pieces have written all elements.
        let output = unsafe { output.assume_init() };
        if self.outputs[0].dtype == tensorwright_ir::DType::Bool {
            output.vouch_for_bools();
        }
        Ok(output)
    }
}
