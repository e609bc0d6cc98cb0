//! Places that are computed: numbers from the start of an axis, out of integer tensors of any dtype.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, Cast, CompareFn, Concat, Reshape, Select};
use tensorwright_ir::{DType, Scalar, Shape, TensorType};

use super::super::nested::nested_at;
use super::selection::{Along, Selection};
use crate::error::CallSite;
use crate::interpret::one;
use crate::tensor::{Repr, Tensor};

/// The indices as i64 numbers from the start of an axis of this extent. What is too large for i64 is beyond any axis all the same.
pub(crate) fn from_start(index: &Tensor, extent: usize, at: CallSite) -> Tensor {
    let Ok(ty) = index.known_type() else { return index.clone() };
    let number = as_i64(index, ty, at);
    if ty.dtype.is_unsigned_int() {
        return number;
    }
    let [zero, extent] = [0, extent as i64].map(|n| Tensor::scalar_at(Scalar::I64(n), at));
    let is_negative = one(CompareFn::Lt, &[&number, &zero], at);
    let from_end = one(BinaryFn::Add, &[&number, &extent], at);
    one(Select {}, &[&is_negative, &from_end, &number], at)
}

/// Integers as i64, saturated.
pub(crate) fn as_i64(index: &Tensor, ty: &TensorType, at: CallSite) -> Tensor {
    let cast = Cast { dtype: DType::I64 };
    match ty.dtype {
        DType::I64 => index.clone(),
        DType::U64 => {
            let most = Tensor::scalar_at(Scalar::U64(i64::MAX as u64), at);
            one(cast, &[&one(BinaryFn::Minimum, &[index, &most], at)], at)
        }
        _ => one(cast, &[index], at),
    }
}

/// Where a section begins along one axis.
#[derive(Clone)]
pub(super) enum Start {
    /// A number from the start of the axis, which may be out of range if an index tensor gave it.
    Number(i64),
    /// An i64 scalar that is known only when the program runs, and the last place where the section lies inside.
    Computed(Tensor, i64),
}

impl Start {
    /// Where `len` elements begin.
    pub(super) fn new(index: &Tensor, len: usize, extent: usize, at: CallSite) -> Start {
        match known(index, at) {
            Some(number) => {
                let from_start = if number < 0 { number + extent as i128 } else { number };
                Start::Number(from_start.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
            }
            None => Start::Computed(from_start(index, extent, at), (extent - len) as i64),
        }
    }
}

/// The value of an index that has one.
fn known(index: &Tensor, at: CallSite) -> Option<i128> {
    match index.repr() {
        Repr::Concrete(..) => index.scalar_value(at).ok().map(Scalar::to_i128),
        _ => None,
    }
}

/// A box of neighbours around all that a selection without index tensors of rank above 0 picks.
pub(super) struct Section {
    pub(super) starts: Vec<Start>,
    pub(super) sizes: Shape,
}

impl Section {
    /// The section of a tensor of `shape`; axes that tensors index are whole.
    pub(super) fn new(selection: &Selection, shape: &Shape, at: CallSite) -> Section {
        let along = |(axis, along): (usize, &Along)| match along {
            Along::Span(span) => {
                let (start, size) = span.hull();
                (Start::Number(start), size)
            }
            Along::Window(start, len) => (Start::new(start, *len, shape.size(axis), at), *len),
            Along::Tensor(_) => (Start::Number(0), shape.size(axis)),
        };
        let (starts, sizes): (Vec<Start>, Vec<usize>) = selection.along.iter().enumerate().map(along).unzip();
        Section { starts, sizes: sizes.into() }
    }

    /// Whether the section certainly lies outside.
    pub(super) fn is_outside(&self, shape: &Shape) -> bool {
        self.starts.iter().enumerate().any(|(axis, start)| match start {
            Start::Number(number) => {
                !(0..=shape.size(axis) as i64 - self.sizes.size(axis) as i64).contains(number)
            }
            Start::Computed(..) => false,
        })
    }

    /// Whether the section lies inside: a bool scalar, or nothing if it is sure to.
    pub(super) fn is_inside(&self, at: CallSite) -> Option<Tensor> {
        let mut inside = None;
        for start in &self.starts {
            let Start::Computed(number, last) = start else { continue };
            let [zero, last] = [0, *last].map(|n| Tensor::scalar_at(Scalar::I64(n), at));
            for half in [one(CompareFn::Ge, &[number, &zero], at), one(CompareFn::Le, &[number, &last], at)] {
                inside = Some(match inside {
                    Some(others) => one(BinaryFn::And, &[&others, &half], at),
                    None => half,
                });
            }
        }
        inside
    }

    /// The starts as `dynamic_slice` takes them: `i64[rank]`.
    pub(super) fn starts(&self, at: CallSite) -> Tensor {
        starts_vector(&self.starts, at)
    }
}

/// Starts as one vector.
fn starts_vector(starts: &[Start], at: CallSite) -> Tensor {
    let number = |start: &Start| match start {
        Start::Number(number) => Some(*number),
        Start::Computed(..) => None,
    };
    if let Some(numbers) = starts.iter().map(number).collect::<Option<Vec<i64>>>() {
        return nested_at(&numbers, at);
    }
    let part = |start: &Start| match start {
        Start::Number(number) => nested_at(&[*number], at),
        Start::Computed(number, _) => one(Reshape { shape: [1].into() }, &[number], at),
    };
    let parts: SmallVec<[Tensor; 4]> = starts.iter().map(part).collect();
    match &parts[..] {
        [single] => single.clone(),
        _ => one(Concat { axis: 0 }, &parts.iter().collect::<SmallVec<[&Tensor; 4]>>(), at),
    }
}
