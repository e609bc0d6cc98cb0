//! Tests of the primitives: results worked out by hand (or by NumPy), and one rejected case for each precondition.

mod contraction;
mod convert;
mod create;
mod elementwise;
mod functions;
mod indexing;
mod movement;
mod random;
mod reduction;
mod sorting;

use crate::{DType, Element, Literal, Op, Shape, TensorType};

/// A tensor.
fn t<T: Element>(shape: impl Into<Shape>, elements: &[T]) -> Literal {
    Literal::new(shape, elements).expect("as many elements as the shape has")
}

/// The integers from 0 as a tensor.
fn counting(shape: impl Into<Shape>) -> Literal {
    Literal::from_fn(TensorType::new(DType::I32, shape), |i| (i as i32).into())
}

fn ty(dtype: DType, shape: impl Into<Shape>) -> TensorType {
    TensorType::new(dtype, shape)
}

fn infer(op: &Op, operands: &[TensorType]) -> Result<crate::op::TensorTypes, crate::op::TypeError> {
    op.infer_tensors(&operands.iter().collect::<Vec<_>>())
}

/// Results of an op, which must be of the inferred types.
fn results(op: impl Into<Op>, operands: &[Literal]) -> Vec<Literal> {
    let op = op.into();
    let types: Vec<TensorType> = operands.iter().map(|l| l.ty().clone()).collect();
    let inferred = infer(&op, &types).expect("operands are accepted");
    let results = op.eval(&operands.iter().collect::<Vec<_>>(), &inferred).expect("an ordinary op");
    assert!(results.iter().map(Literal::ty).eq(&inferred), "{op:?} gives the inferred types");
    results
}

/// The result of an op that has one.
fn result(op: impl Into<Op>, operands: &[Literal]) -> Literal {
    results(op, operands).remove(0)
}

/// The result has this shape and these elements, bit for bit.
#[track_caller]
fn gives<T: Element>(op: impl Into<Op>, operands: &[Literal], shape: impl Into<Shape>, elements: &[T]) {
    assert_eq!(result(op, operands), t(shape, elements));
}

/// The op is rejected for these operands, and the message says so.
#[track_caller]
fn rejects(op: impl Into<Op>, operands: &[TensorType], message: &str) {
    let found = infer(&op.into(), operands).expect_err("must be rejected").to_string();
    assert!(found.contains(message), "`{found}` does not say `{message}`");
}
