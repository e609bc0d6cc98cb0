//! Convolutions as their description has them, term by term.

use tensorwright_compiler::program::{Convolution, ConvolutionAxis, ConvolutionSum, Slide};
use tensorwright_ir::Scalar;
use tensorwright_ir::op::primitive::BinaryFn;

use super::machine::element;

/// The result over what `out` was.
pub(crate) fn convolved(routine: &Convolution, lhs: &[u8], rhs: &[u8], mut out: Vec<u8>) -> Vec<u8> {
    let extents: Vec<u64> = routine.axes.iter().map(ConvolutionAxis::extent).collect();
    let size = routine.output.size();
    for flat in 0..extents.iter().product() {
        let sum = result(routine, &unravel(flat, &extents), [lhs, rhs]);
        let place = flat as usize * size;
        out[place..place + size].copy_from_slice(&sum.bits().to_le_bytes()[..size]);
    }
    out
}

fn unravel(mut flat: u64, extents: &[u64]) -> Vec<i64> {
    let mut index: Vec<i64> = Vec::new();
    for &extent in extents.iter().rev() {
        index.push((flat % extent) as i64);
        flat /= extent;
    }
    index.reverse();
    index
}

fn result(routine: &Convolution, index: &[i64], [lhs, rhs]: [&[u8]; 2]) -> Scalar {
    let mut from = [routine.lhs_offset, routine.rhs_offset];
    let mut slides: Vec<(Slide, i64)> = Vec::new();
    for (axis, &i) in routine.axes.iter().zip(index) {
        match axis {
            ConvolutionAxis::Batch(l) | ConvolutionAxis::Left(l) | ConvolutionAxis::Right(l) => {
                from = [from[0] + i * l.lhs, from[1] + i * l.rhs];
            }
            ConvolutionAxis::Slide(slide) => slides.push((*slide, i)),
        }
    }
    let extent = |sum: &ConvolutionSum| match *sum {
        ConvolutionSum::Loop(l) => l.extent,
        ConvolutionSum::Taps(slide) => slides[slide as usize].0.taps,
    };
    let extents: Vec<u64> = routine.sums.iter().map(extent).collect();
    let (input, output) = (routine.input, routine.output);
    let mut total = Scalar::zero(output);
    for term in 0..extents.iter().product() {
        let (mut at, mut inside) = (from, true);
        for (sum, k) in routine.sums.iter().zip(unravel(term, &extents)) {
            match *sum {
                ConvolutionSum::Loop(l) => at = [at[0] + k * l.lhs, at[1] + k * l.rhs],
                ConvolutionSum::Taps(number) => {
                    let (slide, y) = slides[number as usize];
                    let place = y * slide.by as i64 + k * slide.tap_places as i64 + slide.from;
                    let apart = slide.element_places as i64;
                    inside &= place >= 0 && place % apart == 0 && place / apart < slide.elements as i64;
                    at = [at[0] + place.div_euclid(apart) * slide.lhs, at[1] + k * slide.rhs];
                }
            }
        }
        if inside {
            let x = element(lhs, input, at[0]).cast(output);
            let y = element(rhs, input, at[1]).cast(output);
            total = BinaryFn::Add.eval(total, BinaryFn::Mul.eval(x, y));
        }
    }
    total
}
