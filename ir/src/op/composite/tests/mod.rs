//! Tests of composites. Expected values come from NumPy, SciPy, PyTorch or JAX in double precision; the formula stands
//! beside them.

#![expect(clippy::approx_constant, reason = "values are copied as other libraries print them")]
#![expect(clippy::type_complexity, reason = "the type of a builder method, once")]
#![expect(clippy::cloned_ref_to_slice_refs, reason = "a list of one input reads like the lists of several")]

mod activation;
mod arithmetic;
mod contraction;
mod create;
mod indexing;
mod loss;
mod movement;
mod normalisation;
mod random;
mod reduction;
mod sampled;
mod scan;
mod sort;
mod triangular;

use crate::builder::BuildError;
use crate::eval::evaluate;
use crate::{Builder, DType, Element, Literal, Shape, Value};

/// An f64 tensor.
fn f64s<const N: usize>(shape: impl Into<Shape>, elements: [f64; N]) -> Literal {
    Literal::new(shape, &elements).expect("one element per index")
}

/// A tensor of any native dtype.
fn tensor<T: Element, const N: usize>(shape: impl Into<Shape>, elements: [T; N]) -> Literal {
    Literal::new(shape, &elements).expect("one element per index")
}

/// All results of the ops that `build` appends, for these operands.
fn run_all(
    inputs: &[Literal],
    build: impl FnOnce(&mut Builder, &[Value]) -> Result<Vec<Value>, BuildError>,
) -> Vec<Literal> {
    let mut b = Builder::new("test");
    let values: Vec<Value> = inputs.iter().map(|l| b.input(l.ty().clone())).collect();
    let outputs = build(&mut b, &values).expect("operands are accepted");
    evaluate(&b.finish(&outputs), inputs).expect("inputs have the declared types")
}

/// The one result of the ops that `build` appends.
fn run(
    inputs: &[Literal],
    build: impl FnOnce(&mut Builder, &[Value]) -> Result<Value, BuildError>,
) -> Literal {
    run_all(inputs, |b, x| build(b, x).map(|y| vec![y])).remove(0)
}

/// The message of the error that `build` gives.
fn error(
    inputs: &[Literal],
    build: impl FnOnce(&mut Builder, &[Value]) -> Result<Value, BuildError>,
) -> String {
    let mut b = Builder::new("test");
    let values: Vec<Value> = inputs.iter().map(|l| b.input(l.ty().clone())).collect();
    build(&mut b, &values).expect_err("operands are not accepted").to_string()
}

/// Asserts shape and elements; `tolerance` is relative to the expected element. NaN matches NaN.
#[track_caller]
fn assert_close(found: &Literal, shape: impl Into<Shape>, expected: &[f64], tolerance: f64) {
    assert_eq!(found.ty().shape, shape.into(), "shape");
    let found: Vec<f64> = found.iter().map(|s| s.to_f64()).collect();
    assert_eq!(found.len(), expected.len(), "number of elements");
    for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
        let close = f == e || (f - e).abs() <= tolerance * e.abs() || (f.is_nan() && e.is_nan());
        assert!(close, "element {i}: found {f:?}, expected {e:?}\nfound {found:?}\nexpected {expected:?}");
    }
}

/// As [`assert_close`] with a tolerance that fits double precision.
#[track_caller]
fn assert_f64(found: &Literal, shape: impl Into<Shape>, expected: &[f64]) {
    assert_close(found, shape, expected, 1e-13);
}

/// The elements of an f64 tensor converted to `dtype`.
fn cast(literal: &Literal, dtype: DType) -> Literal {
    Literal::from_scalars(literal.ty().with_dtype(dtype), literal.iter())
}
