//! Complex numbers in real ones: graphs of complex tensors become graphs of real ones, in which every other part of the compiler works.
//!
//! A complex value has two forms. As *parts* it is two real tensors of its shape; as a *whole* it is one with a last axis of two,
//! `c64[s]` as `f32[s, 2]`, which is how complex numbers lie in memory. Inputs, outputs, rows of lists and what goes into regions and out of them
//! are wholes, so that every value of a region is one value still; all else is computed in parts, and a form is made of the other where
//! it is asked for. Element-wise chains so stay chains of real numbers, which fuse; wholes are read as sections with strides and written as
//! concatenations, which lowering does in place.
//!
//! | ops | what becomes of them |
//! |---|---|
//! | movement, sums, selections, whatever is linear over the real numbers | the op, of the real parts and of the imaginary parts |
//! | functions, quotients, powers | expressions of the parts (`functions`) |
//! | products | four real products; running ones and folds by doubling and halving |
//! | linear algebra | the op on pairs, of wholes |
//! | composites | their definitions |
//! | control flow, lists, effects | the op, of wholes |
//!
//! ```
//! use tensorwright_compiler::complex::in_reals;
//!
//! let graph: tensorwright_ir::Graph = "graph @f(%x: c64[3], %y: c64[3]) { %z = add(%x, %y) return %z }".parse()?;
//! let real = in_reals(&graph)?;
//! assert_eq!(real.output_types()[0].to_string(), "f32[3,2]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod functions;
mod ops;

use std::borrow::Cow;

use tensorwright_ir::op::control::ListNew;
use tensorwright_ir::op::{Lowering, TypeError};
use tensorwright_ir::{
    BuildError, Builder, Copier, DType, Dim, Graph, Literal, Node, Op, Shape, TensorType, Type, Value,
};

/// The graph with real tensors in place of complex ones: inputs and outputs of `c64[s]` are `f32[s, 2]`. A graph without complex numbers is
/// itself. Fails if an axis more makes a tensor too large, else only through a bug.
pub fn in_reals(graph: &Graph) -> Result<Cow<'_, Graph>, BuildError> {
    if !has_complex(graph) {
        return Ok(Cow::Borrowed(graph));
    }
    let mut b = Builder::new(graph.name());
    let mut forms = Copier::new(graph);
    for &input in graph.inputs() {
        let value = match graph.value_name(input) {
            Some(name) => b.named_input(name, real_type(graph.ty(input))),
            None => b.input(real_type(graph.ty(input))),
        };
        forms.set(input, Form::of(value, graph.ty(input)));
    }
    copy_nodes(&mut b, graph, &mut forms)?;
    let outputs = graph.outputs().iter().map(|&output| whole(&mut b, &mut forms, output));
    let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
    Ok(Cow::Owned(b.finish(&outputs)))
}

/// The type of what stands for a value as a whole.
pub fn real_type(ty: &Type) -> Type {
    match ty {
        Type::Tensor(ty) => Type::Tensor(real_tensor_type(ty)),
        Type::List(row) => Type::List(real_tensor_type(row)),
        Type::Token => Type::Token,
    }
}

fn real_tensor_type(ty: &TensorType) -> TensorType {
    match ty.dtype.is_complex() {
        true => TensorType { dtype: ty.dtype.part(), shape: with_pairs(&ty.shape) },
        false => ty.clone(),
    }
}

fn with_pairs(shape: &Shape) -> Shape {
    shape.dims().iter().copied().chain([Dim::known(2)]).collect()
}

/// The same bytes as a value of [`real_type`].
pub fn real_literal(literal: &Literal) -> Literal {
    let ty = real_tensor_type(literal.ty());
    Literal::from_bytes(ty, literal.bytes().to_vec()).expect("as many bytes")
}

fn is_complex(ty: &Type) -> bool {
    match ty {
        Type::Tensor(ty) | Type::List(ty) => ty.dtype.is_complex(),
        Type::Token => false,
    }
}

/// Whether a value of the graph or of a region is complex. Regions nest at most so deep as the builder lets them.
fn has_complex(graph: &Graph) -> bool {
    graph.values().any(|value| is_complex(graph.ty(value)))
        || graph.nodes().iter().flat_map(|node| &node.regions).any(has_complex)
}

/// A complex number's real and imaginary part.
#[derive(Clone, Copy)]
struct Parts {
    re: Value,
    im: Value,
}

impl Parts {
    /// The same number with parts of another dtype.
    fn cast(self, b: &mut Builder, dtype: DType) -> Result<Parts, BuildError> {
        Ok(Parts { re: b.cast(self.re, dtype)?, im: b.cast(self.im, dtype)? })
    }
}

/// What stands for a value.
#[derive(Clone, Copy)]
enum Form {
    /// A value that is not complex.
    Real(Value),
    /// A complex value, in one of its forms or in both.
    Complex { whole: Option<Value>, parts: Option<Parts> },
}

impl Form {
    /// What stands for a value of the type as a whole.
    fn of(value: Value, ty: &Type) -> Form {
        match is_complex(ty) {
            true => Form::Complex { whole: Some(value), parts: None },
            false => Form::Real(value),
        }
    }
}

impl From<Parts> for Form {
    fn from(parts: Parts) -> Form {
        Form::Complex { whole: None, parts: Some(parts) }
    }
}

type Forms = Copier<Form>;

fn form(forms: &Forms, value: Value) -> Form {
    forms.values(&[value])[0]
}

/// The value as one value. The form is kept for the next one who asks.
fn whole(b: &mut Builder, forms: &mut Forms, value: Value) -> Result<Value, BuildError> {
    match form(forms, value) {
        Form::Real(value) | Form::Complex { whole: Some(value), .. } => Ok(value),
        Form::Complex { whole: None, parts } => {
            let Parts { re, im } = parts.expect("one form is there");
            let axis = b.shape(re).rank();
            let joined = b.stack(&[re, im], axis)?;
            forms.set(value, Form::Complex { whole: Some(joined), parts });
            Ok(joined)
        }
    }
}

/// The parts of a complex value. The form is kept for the next one who asks.
fn parts(b: &mut Builder, forms: &mut Forms, value: Value) -> Result<Parts, BuildError> {
    match form(forms, value) {
        Form::Real(_) => unreachable!("only complex values are asked for their parts"),
        Form::Complex { parts: Some(parts), .. } => Ok(parts),
        Form::Complex { parts: None, whole } => {
            let joined = whole.expect("one form is there");
            let parts = Parts { re: part(b, joined, 0)?, im: part(b, joined, 1)? };
            forms.set(value, Form::Complex { whole, parts: Some(parts) });
            Ok(parts)
        }
    }
}

/// One part of a whole.
fn part(b: &mut Builder, whole: Value, place: i64) -> Result<Value, BuildError> {
    let shape = b.shape(whole);
    let axis = shape.rank() - 1;
    let mut limits: Vec<i64> = shape.sizes().iter().map(|&size| size as i64).collect();
    let mut starts = vec![0; shape.rank()];
    (starts[axis], limits[axis]) = (place, place + 1);
    let section = b.slice(whole, starts, limits, vec![1; shape.rank()])?;
    b.reshape(section, shape.without(&[axis]))
}

fn copy_nodes(b: &mut Builder, graph: &Graph, forms: &mut Forms) -> Result<(), BuildError> {
    let outer = b.location().cloned();
    for node in graph.nodes() {
        b.set_location(node.location.clone());
        let results = copy_node(b, graph, node, forms)?;
        forms.set_all(&node.results, &results);
        for (&old, form) in node.results.iter().zip(&results) {
            if let (Some(name), Form::Real(new) | Form::Complex { whole: Some(new), .. }) =
                (graph.value_name(old), form)
            {
                b.set_name(*new, Some(name.to_owned()));
            }
        }
    }
    b.set_location(outer);
    Ok(())
}

fn copy_node(
    b: &mut Builder,
    graph: &Graph,
    node: &Node,
    forms: &mut Forms,
) -> Result<Vec<Form>, BuildError> {
    let touches = node.operands.iter().chain(&node.results).any(|&value| is_complex(graph.ty(value)));
    if !touches && !node.regions.iter().any(has_complex) {
        let operands = real_operands(node, forms);
        let results = b.push_with_regions(node.op.clone(), &operands, node.regions.clone())?;
        return Ok(results.into_iter().map(Form::Real).collect());
    }
    match &node.op {
        Op::AsReal(_) => Ok(vec![Form::Real(whole(b, forms, node.operands[0])?)]),
        Op::AsComplex(_) => {
            let operand = whole(b, forms, node.operands[0])?;
            Ok(vec![Form::of(operand, graph.ty(node.results[0]))])
        }
        Op::CheckFinite(_) => check_parts(b, node, forms),
        op => match op.lowering() {
            Lowering::Region
            | Lowering::List
            | Lowering::Effect
            | Lowering::Token
            | Lowering::Host
            | Lowering::Mark => of_wholes(b, graph, node, forms),
            Lowering::Expand => expand(b, graph, node, forms),
            _ => ops::copy(b, graph, node, forms),
        },
    }
}

fn real_operands(node: &Node, forms: &Forms) -> Vec<Value> {
    let real = |form| match form {
        Form::Real(value) => value,
        Form::Complex { .. } => unreachable!("no operand is complex"),
    };
    forms.values(&node.operands).into_iter().map(real).collect()
}

/// A composite as its definition.
fn expand(b: &mut Builder, graph: &Graph, node: &Node, forms: &mut Forms) -> Result<Vec<Form>, BuildError> {
    let mut definition = Builder::new(node.op.name());
    let inputs: Vec<Value> = node.operands.iter().map(|&v| definition.input(graph.ty(v).clone())).collect();
    let results = node.op.expand(&mut definition, &inputs, &[]).expect("it has a definition");
    let results = results.map_err(|source| wrong(graph, node, source))?;
    let definition = definition.finish(&results);
    let mut inner = Copier::with_inputs(&definition, &forms.values(&node.operands));
    for inner_node in definition.nodes() {
        let results = copy_node(b, &definition, inner_node, &mut inner)?;
        inner.set_all(&inner_node.results, &results);
    }
    Ok(inner.values(definition.outputs()).into_vec())
}

fn wrong(graph: &Graph, node: &Node, source: TypeError) -> BuildError {
    BuildError {
        op: node.op.name(),
        operands: node.operands.iter().map(|&value| graph.ty(value).clone()).collect(),
        location: node.location.clone(),
        source: source.into(),
    }
}

/// Control flow, lists, effects, calls of the program and marks, which take complex values as wholes.
fn of_wholes(
    b: &mut Builder,
    graph: &Graph,
    node: &Node,
    forms: &mut Forms,
) -> Result<Vec<Form>, BuildError> {
    let operands = node.operands.iter().map(|&operand| whole(b, forms, operand));
    let operands = operands.collect::<Result<Vec<_>, _>>()?;
    let shown = |first: usize| -> Vec<bool> {
        node.operands[first..].iter().map(|&value| is_complex(graph.ty(value))).collect()
    };
    let all = node.operands.iter().chain(&node.results).map(|&value| is_complex(graph.ty(value)));
    let all: Vec<bool> = all.collect();
    let op: Op = match &node.op {
        Op::ListNew(op) => {
            let TensorType { dtype, shape } = real_tensor_type(&TensorType::new(op.dtype, op.shape.clone()));
            ListNew { dtype, shape }.into()
        }
        Op::HostCallback(op) => op.of_pairs(&shown(1)).into(),
        Op::PureCallback(op) => op.of_pairs(&all).into(),
        Op::CustomCall(op) => op.of_pairs(&all).into(),
        Op::Print(op) => op.of_pairs(&shown(1)).into(),
        Op::Assert(op) => op.of_pairs(&shown(2)).into(),
        op => op.clone(),
    };
    let regions = node.regions.iter().map(|region| in_reals(region).map(Cow::into_owned));
    let results = b.push_with_regions(op, &operands, regions.collect::<Result<_, _>>()?)?;
    let form = |(&old, new): (&Value, Value)| Form::of(new, graph.ty(old));
    Ok(node.results.iter().zip(results).map(form).collect())
}

/// The real parts are looked at first.
fn check_parts(b: &mut Builder, node: &Node, forms: &mut Forms) -> Result<Vec<Form>, BuildError> {
    let Parts { re, im } = parts(b, forms, node.operands[1])?;
    let token = whole(b, forms, node.operands[0])?;
    let token = b.push_one(node.op.clone(), &[token, re])?;
    Ok(vec![Form::Real(b.push_one(node.op.clone(), &[token, im])?)])
}
