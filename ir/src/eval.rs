//! The reference evaluator: what a graph means, computed node by node, as plainly as possible.

use crate::{Graph, Literal, Type, Value};

/// Why a graph cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Wrong number of inputs.
    #[error("the graph takes {expected} inputs, found {found}")]
    InputCount {
        /// Inputs of the graph.
        expected: usize,
        /// Inputs given.
        found: usize,
    },
    /// An input of another type than the graph declares.
    #[error("input {index} must be {expected}, found {found}")]
    InputType {
        /// Position of the input.
        index: usize,
        /// Declared type.
        expected: Type,
        /// Type of the value given.
        found: Type,
    },
}

/// Output values of `graph` for these inputs. Fails if the number or the types of inputs are wrong.
pub fn evaluate(graph: &Graph, inputs: &[Literal]) -> Result<Vec<Literal>, EvalError> {
    check_inputs(graph, inputs)?;
    let mut values: Vec<Option<Literal>> = vec![None; graph.values().len()];
    for (&value, input) in graph.inputs().iter().zip(inputs) {
        values[value.index()] = Some(input.clone());
    }
    for node in graph.nodes() {
        let operands: Vec<&Literal> = node.operands.iter().map(|&v| computed(&values, v)).collect();
        let types: Vec<Type> = node.results.iter().map(|&v| graph.ty(v).clone()).collect();
        let results = node.op.eval(&operands, &types);
        for (&value, result) in node.results.iter().zip(results) {
            debug_assert_eq!(result.ty(), graph.ty(value), "eval of {} agrees with infer", node.op.name());
            values[value.index()] = Some(result);
        }
    }
    Ok(graph.outputs().iter().map(|&v| computed(&values, v).clone()).collect())
}

fn computed(values: &[Option<Literal>], value: Value) -> &Literal {
    values[value.index()].as_ref().expect("nodes are in topological order")
}

fn check_inputs(graph: &Graph, inputs: &[Literal]) -> Result<(), EvalError> {
    let (expected, found) = (graph.inputs().len(), inputs.len());
    if expected != found {
        return Err(EvalError::InputCount { expected, found });
    }
    for (index, (&value, input)) in graph.inputs().iter().zip(inputs).enumerate() {
        if graph.ty(value) != input.ty() {
            let (expected, found) = (graph.ty(value).clone(), input.ty().clone());
            return Err(EvalError::InputType { index, expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, DType};

    #[test]
    fn softmax_of_two_equal_elements_is_one_half() {
        let mut b = Builder::new("f");
        let x = b.input(Type::new(DType::F32, [1, 2]));
        let y = b.softmax(x, 1usize).unwrap();
        let graph = b.finish(&[y]);
        let input = Literal::new([1, 2], &[3.0f32, 3.0]).unwrap();
        assert_eq!(evaluate(&graph, &[input]).unwrap()[0].to_vec::<f32>().unwrap(), [0.5, 0.5]);
    }

    #[test]
    fn integer_division_is_total() {
        use crate::Scalar;
        use crate::op::primitive::BinaryFn;
        let i = |f: BinaryFn, x: i8, y: i8| f.eval(Scalar::I8(x), Scalar::I8(y));
        assert_eq!(i(BinaryFn::Div, -7, 2), Scalar::I8(-3));
        assert_eq!(i(BinaryFn::Floordiv, -7, 2), Scalar::I8(-4));
        assert_eq!(i(BinaryFn::Floordiv, 7, -2), Scalar::I8(-4));
        assert_eq!(i(BinaryFn::FloorMod, -7, 2), Scalar::I8(1));
        assert_eq!(i(BinaryFn::Rem, -7, 2), Scalar::I8(-1));
        assert_eq!(i(BinaryFn::Div, -128, -1), Scalar::I8(-128));
        assert_eq!(i(BinaryFn::Div, 5, 0), Scalar::I8(0));
        assert_eq!(i(BinaryFn::Rem, 5, 0), Scalar::I8(5));
        assert_eq!(i(BinaryFn::Pow, -2, 7), Scalar::I8(-128));
    }
}
