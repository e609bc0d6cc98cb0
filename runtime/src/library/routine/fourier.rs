//! Fourier transforms, one line after the other: one thread computes a line, so that threads change no bits.

use std::mem::MaybeUninit;

use tensorwright_ir::op::primitive::FourierSign;
use tensorwright_ir::{DType, Op, TensorType};
use tensorwright_spectral::{Complex, Number};

use super::RoutineKernel;
use super::slices::{Job, PerSlice};

/// The kernel of a transform; `None` for any other op.
pub(super) fn kernel(
    op: &Op,
    operands: &[TensorType],
    results: &[TensorType],
) -> Option<Box<dyn RoutineKernel>> {
    let sizes = operands.first()?.shape.sizes();
    let (batch, length) = match op {
        Op::Dft(_) => (&sizes[..sizes.len() - 2], sizes[sizes.len() - 2]),
        Op::RealDft(_) => (&sizes[..sizes.len() - 1], sizes[sizes.len() - 1]),
        Op::RealDftBack(op) => (&sizes[..sizes.len() - 2], op.length),
        _ => return None,
    };
    let job = match operands[0].dtype {
        DType::F32 => job::<f32>(op, length)?,
        DType::F64 => job::<f64>(op, length)?,
        _ => return None,
    };
    let count = batch.iter().product();
    Some(Box::new(PerSlice::new(op.name(), count, job, operands, results)))
}

fn job<T: Number + Default>(op: &Op, length: usize) -> Option<Job> {
    let flops = 5 * length as u64 * u64::from(length.max(2).ilog2());
    let pair = size_of::<Complex<T>>();
    match op {
        Op::Dft(dft) => {
            let lines = match dft.sign {
                FourierSign::Forward => T::forward(length),
                FourierSign::Backward => T::backward(length),
            };
            Job::some(
                flops,
                lines.scratch() * pair,
                Box::new(move |one| {
                    let scratch = zeroed::<Complex<T>>(one.scratch(), lines.scratch()).0;
                    lines.run(one.input(0), one.output(0), scratch);
                }),
            )
        }
        Op::RealDft(_) => {
            let lines = T::real_forward(length);
            Job::some(
                flops / 2,
                lines.scratch() * pair + length * size_of::<T>(),
                Box::new(move |one| {
                    let (scratch, rest) = zeroed::<Complex<T>>(one.scratch(), lines.scratch());
                    let copy = zeroed::<T>(rest, length).0;
                    lines.run(one.input(0), one.output(0), copy, scratch);
                }),
            )
        }
        Op::RealDftBack(_) => {
            let lines = T::real_backward(length);
            Job::some(
                flops / 2,
                lines.scratch() * pair,
                Box::new(move |one| {
                    let scratch = zeroed::<Complex<T>>(one.scratch(), lines.scratch()).0;
                    lines.run(one.input(0), one.output(0), scratch);
                }),
            )
        }
        _ => None,
    }
}

/// The first of the memory as so many numbers, all 0, and the rest of it.
fn zeroed<T: Default + Copy>(
    memory: &mut [MaybeUninit<u8>],
    count: usize,
) -> (&mut [T], &mut [MaybeUninit<u8>]) {
    let (numbers, rest) = memory.split_at_mut(count * size_of::<T>());
    // Memory of no bytes may be anywhere.
    if count == 0 {
        return (&mut [], rest);
    }
    let start = numbers.as_mut_ptr();
    assert!(start.cast::<T>().is_aligned(), "scratch memory is aligned to 64 bytes");
    numbers.fill(MaybeUninit::new(0));
    // SAFETY: the memory is aligned, has been written, is as long as that, and zeros are numbers.
    (unsafe { std::slice::from_raw_parts_mut(start.cast(), count) }, rest)
}
