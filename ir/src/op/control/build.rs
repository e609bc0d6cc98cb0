//! Builder methods of control flow and effects: closures build the regions.

use crate::host::HostFunction;
use crate::op::attribute::Axes;
use crate::op::control::*;
use crate::op::{CallAttributes, Ports, RegionDef, Results};
use crate::{BuildError, Builder, Graph, Op, TensorType, Type, Value};

/// Control flow and effects.
///
/// A closure is given the builder of its region and the region's inputs, and returns its outputs. It can use nothing but these:
/// values of the graph around it go in as operands. Each method fails if a closure does, or if the op does not accept its
/// operands and regions.
impl Builder {
    /// A graph with inputs of these types that a closure builds, to be a region of a node. Inputs and nodes have the location that
    /// this builder has now. Fails if the closure does.
    pub fn region<R: AsRef<[Value]>>(
        &self,
        name: &str,
        inputs: &[Type],
        build: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Graph, BuildError> {
        let mut inner = Builder::new(name);
        inner.set_location(self.location().cloned());
        let inputs: Vec<Value> = inputs.iter().map(|ty| inner.input(ty.clone())).collect();
        let outputs = build(&mut inner, &inputs)?;
        Ok(inner.finish(outputs.as_ref()))
    }

    /// A region for an op with these ports and operands. Its inputs have the names of the operands that they come from.
    pub fn region_of<R: AsRef<[Value]>>(
        &self,
        ports: &Ports,
        name: &str,
        operands: &[Value],
        build: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Graph, BuildError> {
        let operands = operands.get(ports.selectors()..).unwrap_or_default();
        let ty = |(input, &operand): (usize, &Value)| ports.input_type(input, self.ty(operand));
        let types: Vec<Type> = operands.iter().enumerate().map(ty).collect();
        self.region(name, &types, |b, inputs| {
            for (&input, &operand) in inputs.iter().zip(operands) {
                b.set_name(input, self.graph().value_name(operand).map(str::to_owned));
            }
            build(b, inputs)
        })
    }

    /// Appends an op with one region that takes its operands as its ports say.
    fn push_with_body<R: AsRef<[Value]>>(
        &mut self,
        op: impl RegionDef + Into<Op>,
        name: &str,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        let body = self.region_of(&op.ports(), name, operands, body)?;
        self.push_with_regions(op, operands, vec![body])
    }

    /// `if predicate { then(operands) } else { otherwise(operands) }`; the predicate is a bool scalar.
    pub fn cond<R: AsRef<[Value]>, S: AsRef<[Value]>>(
        &mut self,
        predicate: Value,
        operands: &[Value],
        then: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
        otherwise: impl FnOnce(&mut Builder, &[Value]) -> Result<S, BuildError>,
    ) -> Result<Results, BuildError> {
        let (op, operands) = (If {}, [&[predicate], operands].concat());
        let then = self.region_of(&op.ports(), "then", &operands, then)?;
        let otherwise = self.region_of(&op.ports(), "else", &operands, otherwise)?;
        self.push_with_regions(op, &operands, vec![then, otherwise])
    }

    /// The branch number `index`, an i32 scalar, out of `branches`; the last one if there is no such branch. `branch` is called for
    /// each with its number.
    pub fn case<R: AsRef<[Value]>>(
        &mut self,
        index: Value,
        operands: &[Value],
        branches: usize,
        mut branch: impl FnMut(&mut Builder, usize, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        let (op, operands) = (Case {}, [&[index], operands].concat());
        let region = |i| self.region_of(&op.ports(), "branch", &operands, |b, x| branch(b, i, x));
        let regions = (0..branches).map(region).collect::<Result<_, _>>()?;
        self.push_with_regions(op, &operands, regions)
    }

    /// Runs `body` as long as `condition` gives true. Both take the state and the invariants; the body gives the new state. Results
    /// are the last state.
    pub fn while_loop<R: AsRef<[Value]>>(
        &mut self,
        state: &[Value],
        invariants: &[Value],
        condition: impl FnOnce(&mut Builder, &[Value]) -> Result<Value, BuildError>,
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        let (op, operands) = (While { carried: state.len() }, [state, invariants].concat());
        let condition = self.region_of(&op.ports(), "condition", &operands, |b, x| Ok([condition(b, x)?]))?;
        let body = self.region_of(&op.ports(), "body", &operands, body)?;
        self.push_with_regions(op, &operands, vec![condition, body])
    }

    /// Runs `body` for each slice of the scanned operands along axis 0, as `scan` says: it takes the state, the slices and the
    /// invariants, and gives the new state and slices of stacked results. The operands are in this order too.
    pub fn scan<R: AsRef<[Value]>>(
        &mut self,
        scan: Scan,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        self.push_with_body(scan, "body", operands, body)
    }

    /// Runs `body` for each slice of the mapped operands, the first ones, along axis 0, as `map` says: it takes the slices and the
    /// invariants, and gives slices of stacked results.
    pub fn map<R: AsRef<[Value]>>(
        &mut self,
        map: Map,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        self.push_with_body(map, "body", operands, body)
    }

    /// Runs `body` once, as a sub-graph of this name.
    pub fn call<R: AsRef<[Value]>>(
        &mut self,
        name: &str,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        self.push_with_body(Call { name: name.to_owned() }, name, operands, body)
    }

    /// A token that comes after nothing: the first effect of a graph takes it.
    pub fn token(&mut self) -> Value {
        self.push_one(TokenNew {}, &[]).expect("it takes nothing")
    }

    /// Prints after the effect that gave `token`: each `{}` of `format` stands for one of the values. Returns the next token.
    pub fn print(&mut self, token: Value, format: &str, values: &[Value]) -> Result<Value, BuildError> {
        let operands: Vec<Value> = [token].iter().chain(values).copied().collect();
        self.push_one(Print { format: format.to_owned() }, &operands)
    }

    /// Stops with an error, after the effect that gave `token`, unless the bool scalar `predicate` holds: with this message, in which each `{}` stands for
    /// one of the values. Returns the next token.
    pub fn assert(
        &mut self,
        token: Value,
        predicate: Value,
        message: &str,
        values: &[Value],
    ) -> Result<Value, BuildError> {
        let operands: Vec<Value> = [token, predicate].iter().chain(values).copied().collect();
        self.push_one(Op::from(Assert { message: message.to_owned() }), &operands)
    }

    /// Stops with an error, after the effect that gave `token`, if an element of `x` is NaN or infinite. Returns the next token.
    pub fn check_finite(&mut self, token: Value, x: Value, message: &str) -> Result<Value, BuildError> {
        self.push_one(Op::from(CheckFinite { message: message.to_owned() }), &[token, x])
    }

    /// Calls a closure for what it does, after the effect that gave `token`. Returns the next token.
    pub fn host_callback(
        &mut self,
        token: Value,
        callback: HostFunction,
        values: &[Value],
    ) -> Result<Value, BuildError> {
        let operands: Vec<Value> = [token].iter().chain(values).copied().collect();
        self.push_one(Op::from(HostCallback { callback, pairs: Axes::new() }), &operands)
    }

    /// Results of these types that a closure gives.
    pub fn pure_callback(
        &mut self,
        callback: HostFunction,
        values: &[Value],
        results: &[TensorType],
        batching: CallBatching,
    ) -> Result<Results, BuildError> {
        let results = results.iter().cloned().collect();
        self.push(Op::from(PureCallback { callback, results, batching, pairs: Axes::new() }), values)
    }

    /// Results of these types that the kernel registered as `name` gives.
    pub fn custom_call(
        &mut self,
        name: &str,
        values: &[Value],
        attributes: CallAttributes,
        results: &[TensorType],
        batching: CallBatching,
    ) -> Result<Results, BuildError> {
        let (name, results) = (name.to_owned(), results.iter().cloned().collect());
        self.push(Op::from(CustomCall { name, attributes, results, batching, pairs: Axes::new() }), values)
    }

    /// An empty list of rows of this type. Fails if that is too large.
    pub fn list_new(&mut self, row: &TensorType) -> Result<Value, BuildError> {
        self.push_one(ListNew { dtype: row.dtype, shape: row.shape.clone() }, &[])
    }

    /// The list with the row `x` more at its end.
    pub fn list_push(&mut self, list: Value, x: Value) -> Result<Value, BuildError> {
        self.push_one(ListPush {}, &[list, x])
    }

    /// The list without its last row, and that row: of an empty list itself, and zeros.
    pub fn list_pop(&mut self, list: Value) -> Result<(Value, Value), BuildError> {
        self.push(ListPop {}, &[list]).map(|results| (results[0], results[1]))
    }

    /// The row number `index`, an integer scalar, which is clamped into range; zeros of an empty list.
    pub fn list_get(&mut self, list: Value, index: Value) -> Result<Value, BuildError> {
        self.push_one(ListGet {}, &[list, index])
    }

    /// The list with the row `x` in the place of number `index`, an integer scalar, which is clamped into range; of an empty list itself.
    pub fn list_set(&mut self, list: Value, index: Value, x: Value) -> Result<Value, BuildError> {
        self.push_one(ListSet {}, &[list, index, x])
    }

    /// How many rows there are, as `i32[]`.
    pub fn list_len(&mut self, list: Value) -> Result<Value, BuildError> {
        self.push_one(ListLen {}, &[list])
    }

    /// All rows along a new axis 0. Stops with an error if there are not `length` of them.
    pub fn list_stack(&mut self, list: Value, length: usize) -> Result<Value, BuildError> {
        self.push_one(ListStack { length }, &[list])
    }

    /// Sums of the rows of two lists of numbers, the last with the last. Where one list has fewer rows, those of the other remain.
    pub fn list_add(&mut self, left: Value, right: Value) -> Result<Value, BuildError> {
        let row = self.row(left).clone();
        let rows = self.list_new(&row)?;
        let reversed = self.while_loop(&[left, right, rows], &[], some_left, |b, x| {
            let (left, one) = b.list_pop(x[0])?;
            let (right, other) = b.list_pop(x[1])?;
            let sum = b.add(one, other)?;
            Ok([left, right, b.list_push(x[2], sum)?])
        })?;
        let rows = self.list_new(&row)?;
        let sums = self.while_loop(&[reversed[2], reversed[0], rows], &[], some_left, |b, x| {
            let (left, row) = b.list_pop(x[0])?;
            Ok([left, x[1], b.list_push(x[2], row)?])
        })?;
        Ok(sums[2])
    }
}

/// Whether one of the first two values, lists, has rows.
fn some_left(b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
    let (left, right) = (b.list_len(x[0])?, b.list_len(x[1])?);
    let most = b.maximum(left, right)?;
    let zero = b.scalar(0i32);
    b.gt(most, zero)
}
