//! The facade as its users see it.

mod attention;
mod branches;
mod cache;
mod callbacks;
mod cells;
mod complex;
mod compose;
mod concurrency;
mod control;
mod convolve;
mod create;
mod custom;
mod distributions;
mod embedding;
mod errors;
mod every_op;
mod extremes;
mod fixture;
mod gradient;
mod images;
mod in_place;
mod index;
mod indices;
mod list;
mod loops;
mod modes;
mod names;
mod operators;
mod order;
mod packed;
mod pairs;
mod places;
mod pool;
mod programs;
mod random;
mod signatures;
mod sizes;
mod sparse;
mod spectral;
mod stopping;
mod tape;
mod trees;
mod update;
mod variable;
mod vmap;
mod windows;

use tensorwright::prelude::*;

/// `x * 2 + 1` as users write it.
fn affine() -> Function<Tensor, Tensor> {
    function(|x: Tensor| x * 2 + 1)
}

/// Held by tests that look at what is printed.
static PRINTER: std::sync::Mutex<()> = std::sync::Mutex::new(());
