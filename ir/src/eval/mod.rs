//! The reference evaluator: what a graph means, computed node by node, as plainly as possible.
//!
//! Ordinary ops are functions of their operands. Ops that run regions or have an effect are given the [`Evaluator`], which runs
//! regions, takes what is printed, and counts work. Regions nest at most [`MAX_DEPTH`](crate::text::MAX_DEPTH) deep, so the
//! evaluator calls itself for them.

mod datum;

use std::fmt;

use crate::{Graph, Literal, Location, Node, Type, Value};

pub use datum::{Datum, List};

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
    /// An output that is a list or a token, asked for as a tensor.
    #[error("output {index} is a {found}, no tensor")]
    OutputType {
        /// Position of the output.
        index: usize,
        /// Its type.
        found: Type,
    },
    /// An `assert` found its predicate false.
    #[error("assertion failed: {message}{}", at(location))]
    Assertion {
        /// What the op says.
        message: String,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// A `check_finite` found a number that is not.
    #[error("{message}: element {index} is {element}{}", at(location))]
    NotFinite {
        /// What the op says.
        message: String,
        /// Flat row-major index of the first such element.
        index: usize,
        /// The element.
        element: String,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// A `list_stack` found another number of rows.
    #[error("the list must have {expected} rows to be stacked, found {found}{}", at(location))]
    ListLength {
        /// How many it stacks.
        expected: usize,
        /// How many there are.
        found: usize,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// Code of the program that an op calls failed, panicked, or gave something else than the op says.
    #[error("`{op}` failed: {message}{}", at(location))]
    Host {
        /// Mnemonic of the op.
        op: &'static str,
        /// What it says.
        message: String,
        /// The source line that wrote it.
        location: Option<Location>,
    },
    /// The budget of [`Evaluator::with_budget`] is used up.
    #[error("the evaluation takes more work than allowed")]
    Budget,
}

/// The place as the end of a message.
fn at(location: &Option<Location>) -> String {
    location.as_ref().map_or(String::new(), |location| format!(" (written at {location})"))
}

impl EvalError {
    /// The error with this place, if it has none.
    fn or_at(mut self, place: Option<&Location>) -> EvalError {
        if let EvalError::Assertion { location, .. }
        | EvalError::NotFinite { location, .. }
        | EvalError::Host { location, .. }
        | EvalError::ListLength { location, .. } = &mut self
            && location.is_none()
        {
            *location = place.cloned();
        }
        self
    }
}

/// Output values of `graph`, a function of tensors, for these inputs; what it prints is lost. Fails as [`Evaluator::evaluate`] does.
pub fn evaluate(graph: &Graph, inputs: &[Literal]) -> Result<Vec<Literal>, EvalError> {
    Evaluator::new().evaluate(graph, inputs)
}

/// Evaluates graphs.
#[derive(Default)]
pub struct Evaluator<'s> {
    sink: Option<&'s mut dyn FnMut(&str)>,
    /// Elements that may still be read or written; `None` without limit.
    budget: Option<u64>,
}

impl fmt::Debug for Evaluator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluator").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl<'s> Evaluator<'s> {
    /// An evaluator that drops what is printed and works as long as it takes.
    pub fn new() -> Evaluator<'s> {
        Evaluator::default()
    }

    /// Gives each printed text to `sink`.
    pub fn with_sink(self, sink: &'s mut dyn FnMut(&str)) -> Evaluator<'s> {
        Evaluator { sink: Some(sink), ..self }
    }

    /// Gives up with [`EvalError::Budget`] when nodes have read and written more than so many elements. A node counts as one more,
    /// so that no loop is endless.
    pub fn with_budget(self, elements: u64) -> Evaluator<'s> {
        Evaluator { budget: Some(elements), ..self }
    }

    /// What is left of the budget; `None` without limit.
    pub fn budget_left(&self) -> Option<u64> {
        self.budget
    }

    /// Output values of `graph`, a function of tensors, for these inputs. Fails if the number or the types of inputs are wrong, if an
    /// output is no tensor, if an effect fails, or if the budget is used up.
    pub fn evaluate(&mut self, graph: &Graph, inputs: &[Literal]) -> Result<Vec<Literal>, EvalError> {
        let outputs = self.evaluate_data(graph, inputs.iter().cloned().map(Datum::Tensor).collect())?;
        let tensor = |(index, output): (usize, Datum)| {
            output.into_tensor().map_err(|other| EvalError::OutputType { index, found: other.ty() })
        };
        outputs.into_iter().enumerate().map(tensor).collect()
    }

    /// Evaluates a graph that may take and give lists and tokens; see [`Evaluator::evaluate`].
    pub fn evaluate_data(&mut self, graph: &Graph, inputs: Vec<Datum>) -> Result<Vec<Datum>, EvalError> {
        check_inputs(graph, &inputs)?;
        self.run(graph, inputs)
    }

    /// Results of one node of a graph for these operands, which must have the types of the node's operands. Fails if an effect
    /// fails or the budget is used up.
    pub fn evaluate_node(
        &mut self,
        node: &Node,
        operands: &[&Datum],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        self.spend(operands, results)?;
        let values = node.op.eval_in(self, operands, &node.regions, results);
        values.map_err(|error| error.or_at(node.location.as_ref()))
    }

    /// Runs a graph on inputs of its types.
    pub(crate) fn run(&mut self, graph: &Graph, inputs: Vec<Datum>) -> Result<Vec<Datum>, EvalError> {
        let mut values: Vec<Option<Datum>> = vec![None; graph.values().len()];
        for (&value, input) in graph.inputs().iter().zip(inputs) {
            values[value.index()] = Some(input);
        }
        for node in graph.nodes() {
            let operands: Vec<&Datum> = node.operands.iter().map(|&v| computed(&values, v)).collect();
            let types: Vec<Type> = node.results.iter().map(|&v| graph.ty(v).clone()).collect();
            let results = self.evaluate_node(node, &operands, &types)?;
            for (&value, result) in node.results.iter().zip(results) {
                debug_assert_eq!(
                    result.ty(),
                    *graph.ty(value),
                    "eval of {} agrees with infer",
                    node.op.name()
                );
                values[value.index()] = Some(result);
            }
        }
        Ok(graph.outputs().iter().map(|&v| computed(&values, v).clone()).collect())
    }

    /// Prints for the user.
    pub(crate) fn print(&mut self, text: &str) {
        if let Some(sink) = &mut self.sink {
            sink(text);
        }
    }

    fn spend(&mut self, operands: &[&Datum], results: &[Type]) -> Result<(), EvalError> {
        let Some(budget) = &mut self.budget else { return Ok(()) };
        let read = operands.iter().map(|x| x.elements() as u64);
        let written = results.iter().map(|ty| ty.elements() as u64);
        let work = read.chain(written).fold(1, u64::saturating_add);
        *budget = budget.checked_sub(work).ok_or(EvalError::Budget)?;
        Ok(())
    }
}

fn computed(values: &[Option<Datum>], value: Value) -> &Datum {
    values[value.index()].as_ref().expect("nodes are in topological order")
}

fn check_inputs(graph: &Graph, inputs: &[Datum]) -> Result<(), EvalError> {
    let (expected, found) = (graph.inputs().len(), inputs.len());
    if expected != found {
        return Err(EvalError::InputCount { expected, found });
    }
    for (index, (&value, input)) in graph.inputs().iter().zip(inputs).enumerate() {
        if !input.is_of(graph.ty(value)) {
            let (expected, found) = (graph.ty(value).clone(), input.ty());
            return Err(EvalError::InputType { index, expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, DType, TensorType};

    #[test]
    fn softmax_of_two_equal_elements_is_one_half() {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [1, 2]));
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
