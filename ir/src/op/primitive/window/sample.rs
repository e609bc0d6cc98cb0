//! Random windows.

use super::{
    ArgWindow, GatherWindow, ReduceWindow, ScatterWindow, WindowAxes, WindowAxis, real_class, results,
};
use crate::op::Sample;
use crate::op::primitive::{ArgKind, ReduceKind, bulk};
use crate::op::sample::{Draw, Operand, Values};
use crate::{DType, DTypeClass, Shape, TensorType};

fn window(draw: &mut Draw<'_>, ty: &TensorType) -> WindowAxes {
    let mut room = 4096 / bulk(ty).max(1);
    let axis = |_: usize| {
        if draw.below(3) == 0 {
            return WindowAxis::ONE;
        }
        let grows = room >= 4;
        room /= if grows { 4 } else { 1 };
        WindowAxis {
            taps: draw.choose(&[2, 3, 1, 4]),
            stride: draw.choose(&[1, 2, 3]),
            low: draw.between(-1, if grows { 2 } else { 0 }),
            high: draw.between(-1, if grows { 2 } else { 0 }),
            dilation: if grows { draw.choose(&[1, 1, 1, 2, 3]) } else { 1 },
            window_dilation: draw.choose(&[1, 1, 2]),
        }
    };
    (0..ty.rank()).map(axis).collect()
}

pub(super) fn reduction(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ReduceWindow> {
    let kind = draw.choose(ReduceKind::ALL);
    let ty = draw.like(hint, real_class(kind), 1);
    let op = ReduceWindow { kind, window: window(draw, &ty) };
    if kind.depends_on_order(ty.dtype) {
        Sample::epsilons(op, 64, [Operand::moderate(ty)])
    } else {
        Sample::exact(op, [Operand::any(ty)])
    }
}

pub(super) fn arg(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ArgWindow> {
    let ty = draw.like(hint, DTypeClass::Real, 1);
    let op = ArgWindow { kind: draw.choose(ArgKind::ALL), window: window(draw, &ty) };
    Sample::exact(op, [Operand::any(ty)])
}

/// Numbers of taps for windows over such elements, and a few that are none.
fn numbers(window: &WindowAxes, shape: &Shape) -> Operand {
    let taps = window.iter().map(|along| along.taps).product();
    let windows = results(window, shape).unwrap_or_else(|_| shape.clone());
    Operand::new(TensorType::new(DType::I32, windows), Values::Index(taps))
}

pub(super) fn gather(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<GatherWindow> {
    let ty = draw.like(hint, DTypeClass::Real, 1);
    let window = window(draw, &ty);
    let numbers = numbers(&window, &ty.shape);
    Sample::exact(GatherWindow { window }, [Operand::any(ty), numbers])
}

pub(super) fn scatter(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ScatterWindow> {
    let ty = draw.like(hint, DTypeClass::Real, 1);
    let window = window(draw, &ty);
    let numbers = numbers(&window, &ty.shape);
    let updates = ty.with_shape(numbers.ty.tensor().shape.clone());
    let op = ScatterWindow { shape: ty.shape, window };
    if updates.dtype.is_float() {
        Sample::epsilons(op, 64, [Operand::moderate(updates), numbers])
    } else {
        Sample::exact(op, [Operand::any(updates), numbers])
    }
}
