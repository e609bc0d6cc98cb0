//! Folds over windows, and the moves that are their derivatives.
//!
//! All four ops sweep a window over a tensor ([`sweep`]) and do something to a result for each element that it sees ([`inner`]), taps in ascending order. Where a
//! window does not slide along the last axes a unit of results at a time is kept in registers; else a tap at a time goes over a block in L1.
//! A scatter sweeps the other way round: over the windows that see an element, so that every result is written by one thread.

mod element;
mod inner;
mod sweep;

use std::fmt;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::op::primitive::{ArgWindow, GatherWindow, ReduceWindow, ScatterWindow, WindowAxis};
use tensorwright_ir::{Shape, TensorType};

use super::value::with_value;
use super::{Memory, Phase, RoutineKernel};
use crate::library::error::RoutineError;
use inner::{Loops, Place};
use sweep::{Stretch, Sweep};

/// An op on windows.
pub(super) struct Pooling {
    sweep: Sweep,
    loops: Loops,
    /// Bytes of an element of the source, and of a result.
    bytes: [usize; 2],
    numbers: Numbers,
    /// What a tap's number is taken from, if it is counted backwards.
    last_tap: Option<i32>,
}

/// Whose numbers of taps the second operand has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    None,
    OfResults,
    OfElements,
}

impl fmt::Debug for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooling").field("sweep", &self.sweep).field("numbers", &self.numbers).finish()
    }
}

impl Pooling {
    pub(super) fn reduce(op: &ReduceWindow, x: &TensorType, y: &TensorType) -> Result<Pooling, RoutineError> {
        let loops = with_value!(x.dtype, V => inner::fold::<V>(op.kind));
        Pooling::new((&op.window, &x.shape, &y.shape), loops, [x, y], Numbers::None)
    }

    pub(super) fn arg(op: &ArgWindow, x: &TensorType, y: &TensorType) -> Result<Pooling, RoutineError> {
        let loops = with_value!(x.dtype, V => inner::arg::<V>(op.kind));
        Pooling::new((&op.window, &x.shape, &y.shape), loops, [x, y], Numbers::None)
    }

    pub(super) fn gather(op: &GatherWindow, x: &TensorType, y: &TensorType) -> Result<Pooling, RoutineError> {
        let loops = with_value!(x.dtype, V => inner::gather::<V>());
        Pooling::new((&op.window, &x.shape, &y.shape), loops, [x, y], Numbers::OfResults)
    }

    pub(super) fn scatter(
        op: &ScatterWindow,
        x: &TensorType,
        y: &TensorType,
    ) -> Result<Pooling, RoutineError> {
        let loops = with_value!(x.dtype, V => inner::scatter::<V>());
        let window: SmallVec<[WindowAxis; 4]> = op.window.iter().map(reversed).collect();
        let taps: usize = op.window.iter().map(|along| along.taps).product();
        let pooling = Pooling::new((&window, &x.shape, &y.shape), loops, [x, y], Numbers::OfElements)?;
        Ok(Pooling { last_tap: Some((taps as i64 - 1) as i32), ..pooling })
    }

    fn new(
        (window, elements, results): (&[WindowAxis], &Shape, &Shape),
        loops: Loops,
        [x, y]: [&TensorType; 2],
        numbers: Numbers,
    ) -> Result<Pooling, RoutineError> {
        let sweep = Sweep::new(window, elements, results).ok_or(RoutineError::TooFar)?;
        Ok(Pooling { sweep, loops, bytes: [x.dtype.size(), y.dtype.size()], numbers, last_tap: None })
    }
}

/// How the windows that see an element slide, their taps counted from the last one on.
fn reversed(along: &WindowAxis) -> WindowAxis {
    let low = (along.taps as i128 - 1).saturating_mul(along.window_dilation as i128) - i128::from(along.low);
    WindowAxis {
        taps: along.taps,
        stride: along.dilation,
        low: low.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
        high: 0,
        dilation: along.stride,
        window_dilation: along.window_dilation,
    }
}

impl RoutineKernel for Pooling {
    /// About eight elements per nanosecond.
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        let work = self.sweep.most().saturating_mul(self.sweep.taps() + 1);
        smallvec![Phase { tiles: self.sweep.blocks(), tile_ns: (work / 8 + 20) as u64 }]
    }

    fn scratch_bytes(&self) -> usize {
        self.sweep.most() * self.loops.kept
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, scratch: *mut u8) {
        for tile in tiles {
            let block = self.sweep.block(tile);
            let second = || memory.inputs[1].cast::<i32>();
            let place = Place {
                kept: scratch,
                out: memory.outputs[0].wrapping_add(block.first * self.bytes[1]),
                source: memory.inputs[0],
                numbers: match self.numbers {
                    Numbers::None => std::ptr::null(),
                    Numbers::OfResults => second().wrapping_add(block.first),
                    Numbers::OfElements => second(),
                },
            };
            let number = |tap| self.last_tap.map_or(tap, |last| last - tap);
            if self.sweep.goes_by_units() {
                self.sweep.units(&block, number, |results, met| {
                    // SAFETY: blocks are disjoint parts of the result, and units are within a block and the source.
                    unsafe { (self.loops.unit)(&place, results, met) };
                });
                continue;
            }
            // SAFETY: blocks are disjoint parts of the result, and stretches are within a block and the source.
            unsafe {
                (self.loops.begin)(&place, block.length);
                self.sweep.stretches(&block, |stretch| {
                    (self.loops.stretch)(&place, &Stretch { tap: number(stretch.tap), ..*stretch });
                });
                (self.loops.end)(&place, block.length);
            }
        }
    }
}
