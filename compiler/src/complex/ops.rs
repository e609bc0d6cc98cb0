//! Ops on complex tensors, node by node.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{
    Cast, CompareFn, Constant, Conv, Cumulative, DotGeneral, MatricesOfPairs, MatrixOp, Numbers, Reduce,
    ReduceKind, ScatterKind, Sort, UnaryFn,
};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Node, Op, Scalar, Shape, Value};

use super::functions::{self, magnitude, mul};
use super::{Form, Forms, Parts, form, is_complex, parts, whole, wrong};

/// What stands for the results of an ordinary op with complex operands or results.
pub(super) fn copy(
    b: &mut Builder,
    graph: &Graph,
    node: &Node,
    forms: &mut Forms,
) -> Result<Vec<Form>, BuildError> {
    let operand = |place: usize| node.operands[place];
    let result = match &node.op {
        Op::Constant(constant) => constant_parts(b, constant).into(),
        Op::RealPart(_) => Form::Real(parts(b, forms, operand(0))?.re),
        Op::ImagPart(_) => Form::Real(parts(b, forms, operand(0))?.im),
        Op::Conj(_) => {
            let Parts { re, im } = parts(b, forms, operand(0))?;
            Parts { re, im: b.neg(im)? }.into()
        }
        Op::ComplexOf(_) => {
            let (re, im) = (whole(b, forms, operand(0))?, whole(b, forms, operand(1))?);
            Parts { re, im }.into()
        }
        Op::Unary(function) => {
            let z = parts(b, forms, operand(0))?;
            match (function, functions::unary(b, *function, z)?) {
                (_, Some(parts)) => parts.into(),
                (UnaryFn::Abs, None) => Form::Real(magnitude(b, z)?),
                (_, None) => Form::Real(test(b, *function, z)?),
            }
        }
        Op::Binary(function) => {
            let (x, y) = (parts(b, forms, operand(0))?, parts(b, forms, operand(1))?);
            functions::binary(b, *function, x, y)?.ok_or_else(|| unknown(graph, node))?.into()
        }
        Op::Compare(function) => {
            let (x, y) = (parts(b, forms, operand(0))?, parts(b, forms, operand(1))?);
            Form::Real(compare(b, *function, x, y)?)
        }
        Op::Cast(cast) => convert(b, graph, operand(0), forms, cast.dtype)?,
        Op::DotGeneral(dot) => {
            let (x, y) = (parts(b, forms, operand(0))?, parts(b, forms, operand(1))?);
            product(b, DotGeneral { dtype: dot.dtype.part(), ..dot.clone() }.into(), x, y)?.into()
        }
        Op::Conv(conv) => {
            let (x, y) = (parts(b, forms, operand(0))?, parts(b, forms, operand(1))?);
            product(b, Conv { dtype: conv.dtype.part(), ..conv.clone() }.into(), x, y)?.into()
        }
        Op::Reduce(Reduce { kind: ReduceKind::Prod, axes }) => {
            let x = parts(b, forms, operand(0))?;
            fold(b, x, axes)?.into()
        }
        Op::Cumulative(op) if op.kind == ReduceKind::Prod => {
            let x = parts(b, forms, operand(0))?;
            running(b, x, op)?.into()
        }
        Op::Sort(sort) => return sorted(b, graph, node, sort, forms),
        op if is_planar(op) => by_parts(b, node, forms)?,
        op if MatrixOp::of(op).is_some() => return matrices(b, graph, node, forms),
        _ => return Err(unknown(graph, node)),
    };
    Ok(vec![result])
}

fn unknown(graph: &Graph, node: &Node) -> BuildError {
    wrong(graph, node, TypeError::Other("no rule takes its complex numbers apart".to_owned()))
}

/// Whether the op of a complex tensor is the op of its real and of its imaginary parts: it is linear over the real numbers, and of attributes
/// that do not name dtypes.
fn is_planar(op: &Op) -> bool {
    match op {
        Op::Reshape(_)
        | Op::Transpose(_)
        | Op::BroadcastInDim(_)
        | Op::Slice(_)
        | Op::Reverse(_)
        | Op::Concat(_)
        | Op::Pad(_)
        | Op::DynamicSlice(_)
        | Op::DynamicUpdateSlice(_)
        | Op::Gather(_)
        | Op::Select(_) => true,
        Op::Scatter(op) => matches!(op.kind, ScatterKind::Set | ScatterKind::Add),
        Op::Reduce(op) => op.kind == ReduceKind::Sum,
        Op::Cumulative(op) => op.kind == ReduceKind::Sum,
        _ => false,
    }
}

/// The op of the real parts, and of the imaginary parts.
fn by_parts(b: &mut Builder, node: &Node, forms: &mut Forms) -> Result<Form, BuildError> {
    let (mut re, mut im) = (Vec::new(), Vec::new());
    for &operand in &node.operands {
        match form(forms, operand) {
            Form::Real(value) => {
                re.push(value);
                im.push(value);
            }
            Form::Complex { .. } => {
                let parts = parts(b, forms, operand)?;
                re.push(parts.re);
                im.push(parts.im);
            }
        }
    }
    Ok(Parts { re: b.push_one(node.op.clone(), &re)?, im: b.push_one(node.op.clone(), &im)? }.into())
}

fn constant_parts(b: &mut Builder, constant: &Constant) -> Parts {
    let [re, im] = constant.value.parts();
    Parts { re: b.literal(re), im: b.literal(im) }
}

/// What holds of a complex number that is finite if both parts are, else if a part is.
fn test(b: &mut Builder, function: UnaryFn, z: Parts) -> Result<Value, BuildError> {
    let (re, im) = (b.push_one(function, &[z.re])?, b.push_one(function, &[z.im])?);
    if function == UnaryFn::IsFinite { b.and(re, im) } else { b.or(re, im) }
}

/// Equal if both parts are.
fn compare(b: &mut Builder, function: CompareFn, x: Parts, y: Parts) -> Result<Value, BuildError> {
    let (re, im) = (b.push_one(function, &[x.re, y.re])?, b.push_one(function, &[x.im, y.im])?);
    if function == CompareFn::Ne { b.or(re, im) } else { b.and(re, im) }
}

fn convert(
    b: &mut Builder,
    graph: &Graph,
    operand: Value,
    forms: &mut Forms,
    dtype: DType,
) -> Result<Form, BuildError> {
    let to = Cast { dtype: dtype.part() };
    if !is_complex(graph.ty(operand)) {
        let x = whole(b, forms, operand)?;
        let re = b.push_one(to, &[x])?;
        return Ok(Parts { re, im: b.full_like(0.0, re)? }.into());
    }
    let z = parts(b, forms, operand)?;
    let re = b.push_one(to.clone(), &[z.re])?;
    if dtype.is_complex() {
        return Ok(Parts { re, im: b.push_one(to, &[z.im])? }.into());
    }
    if dtype == DType::Bool {
        let im = b.push_one(to, &[z.im])?;
        return b.or(re, im).map(Form::Real);
    }
    Ok(Form::Real(re))
}

/// A product by four products of parts.
fn product(b: &mut Builder, op: Op, x: Parts, y: Parts) -> Result<Parts, BuildError> {
    let mut of = |x: Value, y: Value| b.push_one(op.clone(), &[x, y]);
    let (of_re, of_im) = (of(x.re, y.re)?, of(x.im, y.im)?);
    let (left, right) = (of(x.re, y.im)?, of(x.im, y.re)?);
    Ok(Parts { re: b.sub(of_re, of_im)?, im: b.add(left, right)? })
}

/// Linear algebra, of wholes.
fn matrices(b: &mut Builder, graph: &Graph, node: &Node, forms: &mut Forms) -> Result<Vec<Form>, BuildError> {
    let op = MatrixOp::of(&node.op).ok_or_else(|| unknown(graph, node))?;
    let numbers = if is_complex(graph.ty(node.operands[0])) { Numbers::Pairs } else { Numbers::Real };
    let operands = node.operands.iter().map(|&operand| whole(b, forms, operand));
    let operands = operands.collect::<Result<Vec<_>, _>>()?;
    let results = b.push(MatricesOfPairs { op, numbers }, &operands)?;
    let form = |(&old, new): (&Value, Value)| Form::of(new, graph.ty(old));
    Ok(node.results.iter().zip(results).map(form).collect())
}

/// Operands that are sorted along come as two, the keys as they are.
fn sorted(
    b: &mut Builder,
    graph: &Graph,
    node: &Node,
    sort: &Sort,
    forms: &mut Forms,
) -> Result<Vec<Form>, BuildError> {
    let mut operands = Vec::new();
    for &operand in &node.operands {
        match form(forms, operand) {
            Form::Real(value) => operands.push(value),
            Form::Complex { .. } => {
                let Parts { re, im } = parts(b, forms, operand)?;
                operands.extend([re, im]);
            }
        }
    }
    let mut results = b.push(sort.clone(), &operands)?.into_iter();
    let mut next = || results.next().expect("a result for each operand");
    let form = |&operand: &Value| match is_complex(graph.ty(operand)) {
        true => Parts { re: next(), im: next() }.into(),
        false => Form::Real(next()),
    };
    Ok(node.operands.iter().map(form).collect())
}

/// The product along `axes`: they become one, whose halves are multiplied until one element is left.
fn fold(b: &mut Builder, x: Parts, axes: &[usize]) -> Result<Parts, BuildError> {
    let shape = b.shape(x.re);
    let kept: Axes = (0..shape.rank()).filter(|axis| !axes.contains(axis)).collect();
    let order: Axes = axes.iter().copied().chain(kept.iter().copied()).collect();
    let rest: Shape = kept.iter().map(|&axis| shape[axis]).collect();
    let mut length: usize = axes.iter().map(|&axis| shape.size(axis)).product();
    let flat: Shape = [length.into()].into_iter().chain(rest.iter().copied()).collect();
    let mut x = each(x, |x| {
        let moved = b.transpose(x, order.clone())?;
        b.reshape(moved, flat.clone())
    })?;
    if length == 0 {
        let dtype = b.tensor(x.re).dtype;
        let mut full = |value: Scalar| b.full(value, &rest);
        return Ok(Parts { re: full(Scalar::one(dtype))?, im: full(Scalar::zero(dtype))? });
    }
    while length > 1 {
        let half = length / 2;
        let mut section = |from: usize, to: usize| each(x, |x| along(b, x, from, to));
        let (first, second, odd) = (section(0, half)?, section(half, 2 * half)?, section(2 * half, length)?);
        x = mul(b, first, second)?;
        if length % 2 == 1 {
            x = Parts { re: b.concat(&[x.re, odd.re], 0usize)?, im: b.concat(&[x.im, odd.im], 0usize)? };
        }
        length = half + length % 2;
    }
    each(x, |x| b.reshape(x, rest.clone()))
}

fn each(x: Parts, mut f: impl FnMut(Value) -> Result<Value, BuildError>) -> Result<Parts, BuildError> {
    Ok(Parts { re: f(x.re)?, im: f(x.im)? })
}

/// Elements `from..to` of axis 0.
fn along(b: &mut Builder, x: Value, from: usize, to: usize) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let mut starts = vec![0; shape.rank()];
    let mut limits: Vec<i64> = shape.sizes().iter().map(|&size| size as i64).collect();
    (starts[0], limits[0]) = (from as i64, to as i64);
    b.slice(x, starts, limits, vec![1; shape.rank()])
}

/// Running products by doubling: each of `log2(n)` steps joins every partial product with the one that ends where it begins (Hillis and
/// Steele 1986).
fn running(b: &mut Builder, x: Parts, op: &Cumulative) -> Result<Parts, BuildError> {
    let extent = b.shape(x.re).size(op.axis);
    let mut x = x;
    if op.exclusive {
        x = shifted(b, x, op, 1.min(extent))?;
    }
    let mut distance = 1;
    while distance < extent {
        let before = shifted(b, x, op, distance)?;
        x = mul(b, x, before)?;
        distance *= 2;
    }
    Ok(x)
}

/// `x` moved on by `distance`, not more than the extent; ones come in.
fn shifted(b: &mut Builder, x: Parts, op: &Cumulative, distance: usize) -> Result<Parts, BuildError> {
    let (rank, dtype) = (b.shape(x.re).rank(), b.tensor(x.re).dtype);
    let distance = if op.reverse { -(distance as i64) } else { distance as i64 };
    let mut low = vec![0; rank];
    low[op.axis] = distance;
    let high: Vec<i64> = low.iter().map(|n| -n).collect();
    let mut pad = |x: Value, value: Scalar| {
        let value = b.scalar(value);
        b.pad(x, value, low.clone(), high.clone(), vec![0; rank])
    };
    Ok(Parts { re: pad(x.re, Scalar::one(dtype))?, im: pad(x.im, Scalar::zero(dtype))? })
}
