//! Regularisers and constraints.

use serde_json::Value;
use tensorwright::prelude::*;
use tensorwright_nn::constraints::Constraint;
use tensorwright_nn::regularizers::Regularizer;

use crate::case::{Cases, cases};
use crate::compare::Tolerance;
use crate::small::{configuration, written_and_read};
use crate::tally::Tally;

#[test]
fn regularizers() {
    let cases = cases();
    Tally::of(cases.of("regularizer"), |case| regularizer(cases, case)).report("regularizer");
}

fn regularizer(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, fields) = configuration(case);
    let regularizer = Regularizer::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&regularizer)?;
    let (weight, tolerance) = (cases.tensor(&case["call"]["weight"]), Tolerance::of(case));
    let cost = value_and_grad(move |x: Tensor| regularizer.call(&x));
    let (cost, slope) = cost.call(&weight).map_err(|e| e.to_string())?;
    tolerance.check("output", &cost, &cases.tensor(&case["output"]))?;
    tolerance.check("gradient", &slope, &cases.tensor(&case["gradient"]))
}

#[test]
fn constraints() {
    let cases = cases();
    Tally::of(cases.of("constraint"), |case| constraint(cases, case)).report("constraint");
}

fn constraint(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, fields) = configuration(case);
    let constraint = Constraint::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&constraint)?;
    let weight = cases.tensor(&case["call"]["weight"]);
    Tolerance::of(case).check("output", &constraint.call(&weight), &cases.tensor(&case["output"]))
}

#[test]
fn an_orthogonal_regularizer_takes_matrices_only() {
    let regularizer: Regularizer = "orthogonal_regularizer".parse().expect("a regulariser");
    let refused = regularizer.call(&Tensor::zeros([3], DType::F32));
    assert!(refused.is_err_and(|e| e.to_string().contains("matrix")));
}
