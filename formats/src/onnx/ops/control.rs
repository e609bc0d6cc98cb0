//! Branches and loops.

use std::cell::RefCell;
use std::sync::Arc;

use tensorwright::{DType, Tensor, cond, eagerly, scan, while_loop};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, integers};
use crate::onnx::error::{Error, Reason};
use crate::onnx::graph::Graph;
use crate::onnx::spec::tensor_type;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[("If", branch), ("Loop", repeat), ("Scan", scanned)];

fn inner(error: Error) -> Reason {
    Reason::Inner(Box::new(error))
}

/// Runs a graph of an attribute where this node is.
pub(super) fn run(call: &Call<'_>, graph: &Graph, inputs: Vec<Value>) -> Results {
    graph.run(inputs.into_iter().map(Some).collect(), Some(call.scope)).map_err(inner)
}

/// The values as tensors, if they all are some.
fn all_tensors(values: &[Value]) -> Option<Vec<Tensor>> {
    values.iter().map(|value| value.tensor().cloned()).collect()
}

/// The tensor of one element as one of rank 0, with a value if it has one.
fn scalar(tensor: &Tensor) -> Tensor {
    if tensor.is_traced() { tensor.reshape(()) } else { eagerly(|| tensor.reshape(())) }
}

fn is_true(condition: &Tensor) -> Result<bool, Reason> {
    Ok(integers(condition)?.first().is_some_and(|&number| number != 0))
}

/// Where the condition is known, one branch. Else both, if their results are tensors of the same types; else the graph is cut, so that the condition is
/// known.
fn branch(call: &Call<'_>) -> Results {
    let condition = scalar(call.tensor(0)?);
    let (on_true, on_false) = (call.graph("then_branch")?, call.graph("else_branch")?);
    if condition.is_traced()
        && let Some(found) = both(call, &condition, on_true, on_false)?
    {
        return Ok(found);
    }
    run(call, if is_true(&condition)? { on_true } else { on_false }, Vec::new())
}

/// A branch of the compiled graph; `None` if the two have results of different types. What is wrong with a branch is found again when it is run by itself.
fn both(
    call: &Call<'_>,
    condition: &Tensor,
    on_true: &Graph,
    on_false: &Graph,
) -> Result<Option<Vec<Value>>, Reason> {
    let tensors = |graph: &Graph| -> tensorwright::Result<Vec<Tensor>> {
        let found = run(call, graph, Vec::new()).map_err(tensorwright::Error::other)?;
        all_tensors(&found).ok_or_else(|| tensorwright::Error::other("a branch gives more than tensors"))
    };
    match cond(condition, || tensors(on_true), || tensors(on_false)) {
        Ok(found) => Ok(Some(found.into_iter().map(Value::from).collect())),
        Err(_) => Ok(None),
    }
}

/// Where the number of runs and the condition are known, or values change their types, run by run. Else a loop of the compiled graph.
fn repeat(call: &Call<'_>) -> Results {
    let body = call.graph("body")?;
    let most = call.maybe_value(0).map(|_| call.tensor(0)).transpose()?;
    let condition = call.maybe_value(1).map(|_| call.tensor(1)).transpose()?;
    let states: Vec<Value> = (2..call.count()).map(|at| call.value(at).cloned()).collect::<Result<_, _>>()?;
    let count = states.len();
    if body.inputs.len() != count + 2 || body.outputs.len() < count + 1 {
        return Err(Reason::other(format!(
            "{count} values are carried, the body takes {}",
            body.inputs.len()
        )));
    }
    let looped = Loop { call, body, most, condition, count };
    if looped.is_best_as_loop(&states)
        && let Some(found) = looped.compiled(&states)?
    {
        return Ok(found);
    }
    looped.run_by_run(states)
}

/// More runs than these are a loop of the compiled graph, if they can be.
const UNROLLED: i64 = 64;

struct Loop<'l> {
    call: &'l Call<'l>,
    body: &'l Arc<Graph>,
    most: Option<&'l Tensor>,
    condition: Option<&'l Tensor>,
    /// Values that are carried.
    count: usize,
}

impl Loop<'_> {
    fn is_best_as_loop(&self, states: &[Value]) -> bool {
        let traced = |tensor: Option<&Tensor>| tensor.is_some_and(Tensor::is_traced);
        let is_dynamic = traced(self.most) || traced(self.condition);
        // The number of runs is asked for only where it is known: else the question would cut the graph.
        let is_many = |most: &Tensor| integers(most).is_ok_and(|n| n.first().is_some_and(|&n| n > UNROLLED));
        let many = !is_dynamic && self.most.is_none_or(is_many);
        let computes = states.iter().any(Value::is_traced);
        let scans = self.body.outputs.len() > self.count + 1;
        (is_dynamic || many && computes) && !scans && all_tensors(states).is_some()
    }

    /// Inputs of the body.
    fn inputs(number: Tensor, condition: Tensor, states: Vec<Value>) -> Vec<Value> {
        [Value::from(number), condition.into()].into_iter().chain(states).collect()
    }

    /// As a loop; `None` if the body gives what it does not take.
    fn compiled(&self, states: &[Value]) -> Result<Option<Vec<Value>>, Reason> {
        let Some(states) = all_tensors(states) else { return Ok(None) };
        let most =
            self.most.map_or_else(|| Tensor::scalar(i64::MAX), |most| most.cast(DType::I64).reshape(()));
        let condition =
            self.condition.map_or_else(|| Tensor::scalar(true), |condition| condition.reshape(()));
        let goes_on = |(number, condition, _): &(Tensor, Tensor, Vec<Tensor>)| number.lt(&most) & condition;
        let step = |(number, condition, states): (Tensor, Tensor, Vec<Tensor>)| {
            let states = states.into_iter().map(Value::from).collect();
            let found = run(self.call, self.body, Loop::inputs(number.clone(), condition, states));
            let found = found.map_err(tensorwright::Error::other)?;
            let mut found = all_tensors(&found)
                .filter(|found| !found.is_empty())
                .ok_or_else(|| tensorwright::Error::other("the body gives more than tensors"))?;
            let condition = found.remove(0).reshape(());
            Ok((number + 1, condition, found))
        };
        match while_loop((Tensor::scalar(0i64), condition, states), goes_on, step) {
            Ok((_, _, states)) => Ok(Some(states.into_iter().map(Value::from).collect())),
            Err(_) => Ok(None),
        }
    }

    fn run_by_run(&self, mut states: Vec<Value>) -> Results {
        let most = match self.most {
            Some(most) => integers(most)?.first().copied().unwrap_or(0),
            None => i64::MAX,
        };
        let mut condition = self.condition.map_or_else(|| eagerly(|| Tensor::scalar(true)), scalar);
        let mut columns: Vec<Vec<Tensor>> = vec![Vec::new(); self.body.outputs.len() - self.count - 1];
        let mut number = 0;
        while number < most && is_true(&condition)? {
            let inputs = Loop::inputs(eagerly(|| Tensor::scalar(number)), condition, states);
            let mut found = run(self.call, self.body, inputs)?.into_iter();
            condition = match found.next() {
                Some(Value::Tensor(condition)) => scalar(&condition),
                _ => return Err(Reason::other("the body gives no condition")),
            };
            states = found.by_ref().take(self.count).collect();
            for (column, value) in columns.iter_mut().zip(found) {
                match value {
                    Value::Tensor(row) => column.push(row),
                    other => return Err(Reason::other(format!("{} cannot be collected", other.kind()))),
                }
            }
            number += 1;
        }
        for (at, column) in columns.iter().enumerate() {
            states.push(self.collected(at, column)?);
        }
        Ok(states)
    }

    /// The rows of all runs as one tensor.
    fn collected(&self, at: usize, rows: &[Tensor]) -> Result<Value, Reason> {
        if !rows.is_empty() {
            let stacked = || Tensor::stack(rows, 0);
            let is_known = !rows.iter().any(Tensor::is_traced);
            return Ok(if is_known { eagerly(stacked) } else { stacked() }.into());
        }
        let port = &self.body.outputs[self.count + 1 + at];
        let ty = port.ty.as_ref().and_then(tensor_type);
        let (dtype, mut shape) = ty.ok_or_else(|| {
            Reason::other(format!("no run gives `{}`, and its type is not said", port.name))
        })?;
        shape.insert(0, Some(0));
        let shape: Vec<usize> = shape.into_iter().map(|size| size.unwrap_or(0)).collect();
        Ok(eagerly(|| Tensor::zeros(shape, dtype)).into())
    }
}

/// The states, and inputs by their slices; outputs are collected.
fn scanned(call: &Call<'_>) -> Results {
    if call.version() < 9 {
        return batched(call);
    }
    let states = call.count() - call.required_int("num_scan_inputs")?.clamp(0, call.count() as i64) as usize;
    let inputs: Vec<Tensor> = call.tensors()?.into_iter().cloned().collect();
    let flags = |name: &str| call.ints(name).map(Option::unwrap_or_default);
    Scanned {
        call,
        states,
        axes: flags("scan_input_axes")?,
        turned: flags("scan_input_directions")?,
        output_axes: flags("scan_output_axes")?,
        output_turned: flags("scan_output_directions")?,
    }
    .run(inputs)
}

/// Version 8: each example of a batch by itself.
fn batched(call: &Call<'_>) -> Results {
    let inputs: Vec<Tensor> =
        (1..call.count()).map(|at| call.tensor(at).cloned()).collect::<Result<_, _>>()?;
    let states = inputs.len() - call.required_int("num_scan_inputs")?.clamp(0, inputs.len() as i64) as usize;
    let lengths = call.maybe_numbers(0)?;
    let turned = call.ints("directions")?.unwrap_or_default();
    let examples = inputs.first().ok_or(Reason::MissingInput(1))?.shape()?.size(0);
    let mut columns: Vec<Vec<Tensor>> = Vec::new();
    for example in 0..examples {
        let mut own: Vec<Tensor> = inputs.iter().map(|x| x.i(example)).collect();
        if let Some(&length) = lengths.as_ref().and_then(|lengths| lengths.get(example)) {
            own[states..].iter_mut().for_each(|x| *x = x.i(..length));
        }
        let scanned = Scanned {
            call,
            states,
            axes: Vec::new(),
            turned: turned.clone(),
            output_axes: Vec::new(),
            output_turned: Vec::new(),
        };
        let found = scanned.run(own)?;
        columns.resize(found.len(), Vec::new());
        for (column, value) in columns.iter_mut().zip(found) {
            column.extend(value.tensor().cloned());
        }
    }
    Ok(columns.iter().map(|column| Tensor::stack(column, 0).into()).collect())
}

struct Scanned<'s> {
    call: &'s Call<'s>,
    states: usize,
    axes: Vec<i64>,
    turned: Vec<i64>,
    output_axes: Vec<i64>,
    output_turned: Vec<i64>,
}

impl Scanned<'_> {
    fn run(&self, mut inputs: Vec<Tensor>) -> Results {
        let body = self.call.graph("body")?;
        let mut xs = inputs.split_off(self.states);
        for (i, x) in xs.iter_mut().enumerate() {
            let at = axis(self.axes.get(i).copied().unwrap_or(0), x.rank()?)?;
            *x = x.move_axis(at, 0);
            if self.turned.get(i).is_some_and(|&turned| turned != 0) {
                *x = x.reverse([0usize]);
            }
        }
        let failed: RefCell<Option<Reason>> = RefCell::new(None);
        let step = |states: Vec<Tensor>, xs: Vec<Tensor>| {
            let values = states.into_iter().chain(xs).map(Value::from).collect();
            match run(self.call, body, values).map(|values| all_tensors(&values)) {
                Ok(Some(mut found)) => {
                    let ys = found.split_off(self.states.min(found.len()));
                    Ok((found, ys))
                }
                other => {
                    *failed.borrow_mut() = other.err();
                    Err(tensorwright::Error::other(Reason::other("the body of a scan")))
                }
            }
        };
        let found = scan(inputs, xs, step);
        if let Some(reason) = failed.into_inner() {
            return Err(reason);
        }
        let (states, ys) = found?;
        let mut results: Vec<Value> = states.into_iter().map(Value::from).collect();
        for (i, mut y) in ys.into_iter().enumerate() {
            if self.output_turned.get(i).is_some_and(|&turned| turned != 0) {
                y = y.reverse([0usize]);
            }
            let at = axis(self.output_axes.get(i).copied().unwrap_or(0), y.rank()?)?;
            results.push(y.move_axis(0, at).into());
        }
        Ok(results)
    }
}
