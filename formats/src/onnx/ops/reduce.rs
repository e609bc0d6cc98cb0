//! Folds along axes, running folds, order, and softmax.

use tensorwright::{DType, NormOrder, ReduceKind, Tensor, keep};

use super::Apply;
use crate::onnx::call::{Call, Results, axes, axis, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("ReduceSum", |call| reduced(call, |x, axes| x.sum(keep(axes)))),
    ("ReduceProd", |call| reduced(call, |x, axes| x.prod(keep(axes)))),
    ("ReduceMean", |call| reduced(call, |x, axes| x.mean(keep(axes)))),
    ("ReduceMax", |call| {
        reduced(call, |x, axes| if is_bool(x) { x.any(keep(axes)) } else { x.max(keep(axes)) })
    }),
    ("ReduceMin", |call| {
        reduced(call, |x, axes| if is_bool(x) { x.all(keep(axes)) } else { x.min(keep(axes)) })
    }),
    ("ReduceL1", |call| reduced(call, |x, axes| x.abs().sum(keep(axes)))),
    ("ReduceL2", |call| reduced(call, |x, axes| x.norm(NormOrder::L2, keep(axes)))),
    ("ReduceLogSum", |call| reduced(call, |x, axes| x.sum(keep(axes)).log())),
    ("ReduceLogSumExp", |call| reduced(call, |x, axes| x.logsumexp(keep(axes)))),
    ("ReduceSumSquare", |call| reduced(call, |x, axes| (x * x).sum(keep(axes)))),
    ("ArgMax", |call| arg(call, |x, at| x.argmax(at))),
    ("ArgMin", |call| arg(call, |x, at| x.argmin(at))),
    ("CumSum", |call| running(call, ReduceKind::Sum)),
    ("CumProd", |call| running(call, ReduceKind::Prod)),
    ("TopK", top_k),
    ("Softmax", |call| along_axis(call, |x, at| x.softmax(at))),
    ("LogSoftmax", |call| along_axis(call, |x, at| x.log_softmax(at))),
    ("Hardmax", |call| along_axis(call, hardmax)),
];

fn is_bool(x: &Tensor) -> bool {
    x.dtype().is_ok_and(|dtype| dtype == DType::Bool)
}

fn reduced(call: &Call<'_>, fold: impl FnOnce(&Tensor, Vec<usize>) -> Tensor) -> Results {
    let x = call.tensor(0)?;
    let rank = x.rank()?;
    let given = call.list(1, "axes")?.unwrap_or_default();
    if given.is_empty() && call.flag("noop_with_empty_axes", false)? {
        // The axes are none, and what is done to each element is done.
        return one(fold(x, Vec::new()));
    }
    let along = if given.is_empty() { (0..rank).collect() } else { axes(&given, rank)? };
    let kept = fold(x, along.clone());
    one(if call.flag("keepdims", true)? { kept } else { kept.squeeze(along) })
}

fn arg(call: &Call<'_>, place: impl FnOnce(&Tensor, usize) -> Tensor) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.int("axis", 0)?, x.rank()?)?;
    let found = if call.flag("select_last_index", false)? {
        let last = x.shape()?.size(at) as i64 - 1;
        Tensor::scalar(last) - place(&x.reverse([at]), at).cast(DType::I64)
    } else {
        place(x, at).cast(DType::I64)
    };
    one(if call.flag("keepdims", true)? { found.expand_dims(at) } else { found })
}

fn running(call: &Call<'_>, kind: ReduceKind) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.number(1)?, x.rank()?)?;
    one(x.cumulative(kind, at, call.flag("exclusive", false)?, call.flag("reverse", false)?))
}

/// The greatest elements, or the least ones, of equal ones the first.
fn top_k(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.int("axis", -1)?, x.rank()?)?;
    let k = match call.version() {
        ..10 => call.required_int("k")?,
        _ => call.number(1)?,
    };
    let k = usize::try_from(k).map_err(|_| Reason::other(format!("k is {k}")))?;
    if call.flag("largest", true)? {
        let (values, places) = x.top_k(k, at);
        return Ok(vec![values.into(), places.cast(DType::I64).into()]);
    }
    let order = x.argsort(at).cast(DType::I64);
    let mut limits: Vec<i64> = sizes(x)?.iter().map(|&size| size as i64).collect();
    if limits[at] < k as i64 {
        return Err(Reason::other(format!("{k} of {} elements are asked for", limits[at])));
    }
    limits[at] = k as i64;
    let places = order.slice(vec![0i64; limits.len()], limits.clone(), vec![1i64; limits.len()]);
    Ok(vec![x.take_along_axis(&places, at).into(), places.into()])
}

/// Along an axis; before version 13 along all axes from it on, as if they were one.
fn along_axis(call: &Call<'_>, compute: impl FnOnce(&Tensor, usize) -> Tensor) -> Results {
    let x = call.tensor(0)?;
    let own = sizes(x)?;
    if call.version() >= 13 {
        return one(compute(x, axis(call.int("axis", -1)?, own.len())?));
    }
    let at = axis(call.int("axis", 1)?, own.len())?;
    let outer: usize = own[..at].iter().product();
    let rows = x.reshape([outer, own[at..].iter().product()]);
    one(compute(&rows, 1).reshape(own))
}

fn hardmax(x: &Tensor, at: usize) -> Tensor {
    let (Ok(dtype), Ok(shape)) = (x.dtype(), x.shape()) else { return x.clone() };
    let mut along = vec![1; shape.rank()];
    along[at] = shape.size(at);
    let places = Tensor::arange(shape.size(at), DType::I64).reshape(along);
    x.argmax(at).cast(DType::I64).expand_dims(at).eq(places).cast(dtype)
}
