//! Values for inputs of graphs, and the comparison of results.

use tensorwright_ir::eval::{EvalError, Evaluator};
use tensorwright_ir::op::{Draw, Operand, Values};
use tensorwright_ir::{DType, Graph, Literal, Scalar, TensorType, Type};
use tensorwright_testkit::literals::random_literal;
use tensorwright_testkit::tolerance::same_values;

/// The most elements that a check reads and writes: inputs are random, so loops may be endless.
const MAX_WORK: u64 = 1 << 30;

/// What a graph means, for checks. Fails if an effect fails or a loop takes too long.
pub(crate) fn evaluated(graph: &Graph, inputs: &[Literal]) -> Result<Vec<Literal>, EvalError> {
    Evaluator::new().with_budget(MAX_WORK).evaluate(graph, inputs)
}

/// A random tensor with numbers of moderate size; with seed 0 the numbers 0, 1, 2..
pub(crate) fn moderate(ty: &TensorType, seed: u32) -> Literal {
    random_literal(&mut Draw::new(&[seed]), &Operand::moderate(ty.clone()))
}

/// Inputs for a graph of tensors: 0, 1, 2.. for seed 0, numbers of moderate size for odd seeds, and all bit patterns for even ones.
pub(crate) fn any_inputs(graph: &Graph, seed: u32) -> Vec<Literal> {
    let values = if seed.is_multiple_of(2) { Values::Any } else { Values::Moderate };
    inputs(graph, seed, values)
}

/// Inputs for a graph of tensors: numbers of moderate size, so that rounding errors stay moderate too; 0, 1, 2.. for seed 0.
pub(crate) fn moderate_inputs(graph: &Graph, seed: u32) -> Vec<Literal> {
    inputs(graph, seed, Values::Moderate)
}

fn inputs(graph: &Graph, seed: u32, values: Values) -> Vec<Literal> {
    let types = graph.input_types();
    types
        .iter()
        .filter_map(Type::as_tensor)
        .enumerate()
        .map(|(position, ty)| {
            let seed =
                if seed == 0 { 0 } else { seed.wrapping_mul(1009).wrapping_add(position as u32).max(1) };
            random_literal(&mut Draw::new(&[seed]), &Operand::new(ty, values))
        })
        .collect()
}

/// How results are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tolerance {
    /// The same bits, but for NaN, which is like every other NaN.
    Exact,
    /// Floats may differ by a small part of the largest number in sight, by default as much as is usual for their dtype.
    Relative(Option<f64>),
}

/// The first elements that differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    output: usize,
    index: Option<Vec<usize>>,
    expected: String,
    found: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Difference { output, index, expected, found } = self;
        write!(f, "output {output}")?;
        if let Some(index) = index {
            write!(f, " at {index:?}")?;
        }
        write!(f, ": {expected} expected, found {found}")
    }
}

/// The first difference between results. `inputs` only set the scale of errors.
pub(crate) fn difference(
    expected: &[Literal],
    found: &[Literal],
    tolerance: Tolerance,
    inputs: &[Literal],
) -> Option<Difference> {
    if expected.len() != found.len() {
        let outputs = |list: &[Literal]| format!("{} outputs", list.len());
        return Some(Difference {
            output: 0,
            index: None,
            expected: outputs(expected),
            found: outputs(found),
        });
    }
    expected.iter().zip(found).enumerate().find_map(|(output, (e, f))| {
        if e.ty() != f.ty() {
            let (expected, found) = (e.ty().to_string(), f.ty().to_string());
            return Some(Difference { output, index: None, expected, found });
        }
        if same_values(e, f) {
            return None;
        }
        let allowed = allowed_error(e, tolerance, inputs);
        let flat = (0..e.len()).find(|&i| !close(e.get(i), f.get(i), allowed))?;
        let index = Some(tensorwright_ir::op::rule::unravel(flat, &e.ty().shape).to_vec());
        Some(Difference { output, index, expected: e.get(flat).to_string(), found: f.get(flat).to_string() })
    })
}

fn allowed_error(expected: &Literal, tolerance: Tolerance, inputs: &[Literal]) -> f64 {
    let Tolerance::Relative(relative) = tolerance else { return 0.0 };
    let relative = relative.unwrap_or(match expected.ty().dtype {
        DType::F64 => 1e-9,
        DType::F32 => 1e-4,
        DType::F16 => 2e-2,
        DType::BF16 => 1e-1,
        _ => return 0.0,
    });
    let magnitudes = inputs.iter().chain([expected]).flat_map(Literal::iter).map(|x| x.to_f64().abs());
    relative * magnitudes.filter(|x| x.is_finite()).fold(0.0, f64::max)
}

fn close(expected: Scalar, found: Scalar, allowed: f64) -> bool {
    let (e, f) = (expected.to_f64(), found.to_f64());
    expected == found
        || (e.is_nan() && f.is_nan())
        || (allowed > 0.0 && expected.dtype().is_float() && (e - f).abs() <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(values: &[f32]) -> Vec<Literal> {
        vec![Literal::new([values.len()], values).unwrap()]
    }

    #[test]
    fn nan_is_nan_and_zeros_have_signs() {
        let exact = |l: &[f32], r: &[f32]| difference(&tensors(l), &tensors(r), Tolerance::Exact, &[]);
        assert_eq!(exact(&[f32::NAN, 1.0], &[-f32::NAN, 1.0]), None);
        assert_eq!(exact(&[0.0], &[-0.0]).unwrap().to_string(), "output 0 at [0]: 0.0 expected, found -0.0");
    }

    #[test]
    fn tolerance_is_relative_to_the_largest_number() {
        let near = Tolerance::Relative(None);
        assert_eq!(difference(&tensors(&[100.0, 0.0]), &tensors(&[100.0, 0.001]), near, &[]), None);
        assert!(difference(&tensors(&[100.0, 0.0]), &tensors(&[100.0, 0.1]), near, &[]).is_some());
        assert!(difference(&tensors(&[1.0]), &tensors(&[f32::INFINITY]), near, &[]).is_some());
    }
}
