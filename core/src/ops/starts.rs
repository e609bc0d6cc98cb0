//! Where sections begin: tuples and arrays of numbers and scalars, or one vector.

use tensorwright_ir::op::primitive::{Concat, Reshape};
use tensorwright_ir::{DTypeClass, Scalar, Shape};

use super::attribute::AxisNumber;
use super::index::as_i64;
use crate::error::CallSite;
use crate::interpret::one;
use crate::tensor::Tensor;

/// Where a section begins along each axis.
#[derive(Clone, Debug)]
pub struct Starts(Parts);

#[derive(Clone, Debug)]
enum Parts {
    /// One tensor, as it is.
    Whole(Tensor),
    /// One for each axis.
    Each(Vec<Start>),
}

/// Where a section begins along one axis.
#[derive(Clone, Debug)]
pub struct Start(StartOf);

#[derive(Clone, Debug)]
enum StartOf {
    Number(i64),
    Tensor(Tensor),
}

/// What may say where a section begins along one axis: a number, or an integer scalar.
pub trait IntoStart {
    #[doc(hidden)]
    fn start(self) -> Start;
}

/// What [`Tensor::dynamic_slice`] and [`Tensor::dynamic_update_slice`] take for starts: a tuple, an array, a slice or a vector of numbers and
/// integer scalars, one for each axis; one vector of integers; or one number or scalar, for a vector.
pub trait IntoStarts {
    #[doc(hidden)]
    fn starts(self, at: &'static std::panic::Location<'static>) -> Starts;
}

impl IntoStart for Tensor {
    fn start(self) -> Start {
        Start(StartOf::Tensor(self))
    }
}

impl IntoStart for &Tensor {
    fn start(self) -> Start {
        Start(StartOf::Tensor(self.clone()))
    }
}

impl IntoStarts for Tensor {
    fn starts(self, _: CallSite) -> Starts {
        Starts(Parts::Whole(self))
    }
}

impl IntoStarts for &Tensor {
    fn starts(self, _: CallSite) -> Starts {
        Starts(Parts::Whole(self.clone()))
    }
}

macro_rules! numbers {
    ($($native:ty)*) => {$(
        impl IntoStart for $native {
            fn start(self) -> Start {
                Start(StartOf::Number(self.number()))
            }
        }

        impl IntoStart for &$native {
            fn start(self) -> Start {
                Start(StartOf::Number(self.number()))
            }
        }

        impl IntoStarts for $native {
            fn starts(self, _: CallSite) -> Starts {
                Starts(Parts::Each(vec![self.start()]))
            }
        }
    )*};
}
numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl<S: IntoStart, const N: usize> IntoStarts for [S; N] {
    fn starts(self, _: CallSite) -> Starts {
        Starts(Parts::Each(self.into_iter().map(S::start).collect()))
    }
}

impl<S: IntoStart> IntoStarts for Vec<S> {
    fn starts(self, _: CallSite) -> Starts {
        Starts(Parts::Each(self.into_iter().map(S::start).collect()))
    }
}

macro_rules! borrowed {
    ($([$($generics:tt)*] $list:ty),* $(,)?) => {$(
        impl<'s, S, $($generics)*> IntoStarts for &'s $list
        where
            &'s S: IntoStart,
        {
            fn starts(self, _: CallSite) -> Starts {
                Starts(Parts::Each(self.iter().map(<&S>::start).collect()))
            }
        }
    )*};
}
borrowed!([] [S], [] Vec<S>, [const N: usize] [S; N]);

macro_rules! tuples {
    ($(($($name:ident $position:tt),*);)*) => {$(
        impl<$($name: IntoStart),*> IntoStarts for ($($name,)*) {
            fn starts(self, _: CallSite) -> Starts {
                Starts(Parts::Each(vec![$(self.$position.start()),*]))
            }
        }
    )*};
}

tuples! {
    ();
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

impl Starts {
    /// The starts as the ops take them: one vector of integers.
    pub(super) fn vector(self, at: CallSite) -> Tensor {
        match self.0 {
            Parts::Whole(tensor) => whole(&tensor, at),
            Parts::Each(starts) => joined(&starts, at),
        }
    }
}

/// A tensor of starts, or of one, in a dtype in which the ops take them.
fn whole(tensor: &Tensor, at: CallSite) -> Tensor {
    let Ok(ty) = tensor.known_type() else { return tensor.clone() };
    let narrow = ty.dtype.is_int() && !DTypeClass::Index.contains(ty.dtype);
    let starts = if narrow { as_i64(tensor, ty, at) } else { tensor.clone() };
    match ty.rank() {
        0 => one(Reshape { shape: [1].into() }, &[&starts], at),
        _ => starts,
    }
}

fn joined(starts: &[Start], at: CallSite) -> Tensor {
    let number = |start: &Start| match &start.0 {
        StartOf::Number(number) => Some(*number),
        StartOf::Tensor(_) => None,
    };
    if let Some(numbers) = starts.iter().map(number).collect::<Option<Vec<i64>>>() {
        return super::nested::nested_at(&numbers, at);
    }
    let parts: Vec<Tensor> = starts.iter().map(|start| component(start, at)).collect();
    match &parts[..] {
        [single] => single.clone(),
        _ => one(Concat { axis: 0 }, &parts.iter().collect::<Vec<_>>(), at),
    }
}

/// A start as i64[1]. A tensor that is no integer is left as it is, for the op to refuse.
fn component(start: &Start, at: CallSite) -> Tensor {
    let scalar = match &start.0 {
        StartOf::Number(number) => Tensor::scalar_at(Scalar::I64(*number), at),
        StartOf::Tensor(tensor) => match tensor.known_type() {
            Ok(ty) if ty.dtype.is_int() => as_i64(tensor, ty, at),
            _ => tensor.clone(),
        },
    };
    one(Reshape { shape: Shape::from([1]) }, &[&scalar], at)
}
