//! Builder methods of control flow and effects: closures build the regions.

use crate::op::Results;
use crate::op::control::{
    Assert, Call, Case, CheckFinite, If, ListGet, ListLen, ListNew, ListPop, ListPush, ListStack, Map, Print,
    Scan, While,
};
use crate::{BuildError, Builder, Graph, Literal, Op, Type, Value};

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

    /// A region that takes these operands, by the names that they have.
    fn region_of<R: AsRef<[Value]>>(
        &self,
        name: &str,
        operands: &[Value],
        build: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Graph, BuildError> {
        self.region(name, &self.types(operands), |b, inputs| {
            self.name_inputs(b, inputs, operands);
            build(b, inputs)
        })
    }

    fn types(&self, values: &[Value]) -> Vec<Type> {
        values.iter().map(|&v| self.ty(v).clone()).collect()
    }

    fn name_inputs(&self, inner: &mut Builder, inputs: &[Value], operands: &[Value]) {
        for (&input, &operand) in inputs.iter().zip(operands) {
            inner.set_name(input, self.graph().value_name(operand).map(str::to_owned));
        }
    }

    /// `if predicate { then(operands) } else { otherwise(operands) }`; the predicate is a bool scalar.
    pub fn cond<R: AsRef<[Value]>, S: AsRef<[Value]>>(
        &mut self,
        predicate: Value,
        operands: &[Value],
        then: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
        otherwise: impl FnOnce(&mut Builder, &[Value]) -> Result<S, BuildError>,
    ) -> Result<Results, BuildError> {
        let regions =
            vec![self.region_of("then", operands, then)?, self.region_of("else", operands, otherwise)?];
        let operands: Vec<Value> = [predicate].iter().chain(operands).copied().collect();
        self.push_with_regions(If {}, &operands, regions)
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
        let region = |i| self.region_of("branch", operands, |b, x| branch(b, i, x));
        let regions = (0..branches).map(region).collect::<Result<_, _>>()?;
        let operands: Vec<Value> = [index].iter().chain(operands).copied().collect();
        self.push_with_regions(Case {}, &operands, regions)
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
        let operands = [state, invariants].concat();
        let regions = vec![
            self.region_of("condition", &operands, |b, x| Ok([condition(b, x)?]))?,
            self.region_of("body", &operands, body)?,
        ];
        self.push_with_regions(While { carried: state.len() }, &operands, regions)
    }

    /// Runs `body` for each slice of the scanned operands along axis 0, as `scan` says: it takes the state, the slices and the
    /// invariants, and gives the new state and slices of stacked results. The operands are in this order too.
    pub fn scan<R: AsRef<[Value]>>(
        &mut self,
        scan: Scan,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        let sliced = scan.carried..scan.carried.saturating_add(scan.scanned);
        let body = self.region("body", &self.sliced_types(operands, sliced), |b, inputs| {
            self.name_inputs(b, inputs, operands);
            body(b, inputs)
        })?;
        self.push_with_regions(scan, operands, vec![body])
    }

    /// Runs `body` for each slice of the mapped operands, the first ones, along axis 0, as `map` says: it takes the slices and the
    /// invariants, and gives slices of stacked results.
    pub fn map<R: AsRef<[Value]>>(
        &mut self,
        map: Map,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        let body = self.region("body", &self.sliced_types(operands, 0..map.mapped), |b, inputs| {
            self.name_inputs(b, inputs, operands);
            body(b, inputs)
        })?;
        self.push_with_regions(map, operands, vec![body])
    }

    /// Types of the operands, of those in `sliced` the types of slices. A scalar has none; the op will say so.
    fn sliced_types(&self, operands: &[Value], sliced: std::ops::Range<usize>) -> Vec<Type> {
        let ty = |(i, &v): (usize, &Value)| {
            let ty = self.ty(v);
            let slice = sliced.contains(&i) && ty.rank() > 0;
            if slice { ty.with_shape(ty.shape.without(&[0])) } else { ty.clone() }
        };
        operands.iter().enumerate().map(ty).collect()
    }

    /// Runs `body` once, as a sub-graph of this name.
    pub fn call<R: AsRef<[Value]>>(
        &mut self,
        name: &str,
        operands: &[Value],
        body: impl FnOnce(&mut Builder, &[Value]) -> Result<R, BuildError>,
    ) -> Result<Results, BuildError> {
        let body = self.region_of(name, operands, body)?;
        self.push_with_regions(Call { name: name.to_owned() }, operands, vec![body])
    }

    /// A token that comes after nothing: the first effect of a graph takes it.
    pub fn token(&mut self) -> Value {
        self.literal(Literal::new([0], &[false; 0]).expect("no elements"))
    }

    /// Prints after the effect that gave `token`: each `{}` of `format` stands for one of the values. Returns the next token.
    pub fn print(&mut self, token: Value, format: &str, values: &[Value]) -> Result<Value, BuildError> {
        let operands: Vec<Value> = [token].iter().chain(values).copied().collect();
        self.push_one(Print { format: format.to_owned() }, &operands)
    }

    /// Stops with an error, after the effect that gave `token`, unless the bool scalar `predicate` holds. Returns the next token.
    pub fn assert(&mut self, token: Value, predicate: Value, message: &str) -> Result<Value, BuildError> {
        self.push_one(Op::from(Assert { message: message.to_owned() }), &[token, predicate])
    }

    /// Stops with an error, after the effect that gave `token`, if an element of `x` is NaN or infinite. Returns the next token.
    pub fn check_finite(&mut self, token: Value, x: Value, message: &str) -> Result<Value, BuildError> {
        self.push_one(Op::from(CheckFinite { message: message.to_owned() }), &[token, x])
    }

    /// An empty list of rows of this type. Fails if that is the type of a list.
    pub fn list_new(&mut self, row: &Type) -> Result<Value, BuildError> {
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
        let row = self.ty(left).row();
        let rows = self.list_new(&row)?;
        let turned = self.while_loop(&[left, right, rows], &[], some_left, |b, x| {
            let (left, one) = b.list_pop(x[0])?;
            let (right, other) = b.list_pop(x[1])?;
            let sum = b.add(one, other)?;
            Ok([left, right, b.list_push(x[2], sum)?])
        })?;
        let rows = self.list_new(&row)?;
        let sums = self.while_loop(&[turned[2], turned[0], rows], &[], some_left, |b, x| {
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
