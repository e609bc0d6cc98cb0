//! Comparisons, `&&`, `||` and `!`, of tensors and of all that Rust compares.

use super::carry::{Flag, Raised};
use crate::error::{CallSite, Result, caller};
use crate::interpret::one;
use crate::tensor::traced::is_tracing;
use crate::{Operand, Scalar, Tensor};
use tensorwright_ir::op::primitive::{BinaryFn, Reduce, ReduceKind, UnaryFn};

/// A copy of a variable that another block uses too.
#[inline]
pub fn copy<T: Clone>(variable: &T) -> T {
    variable.clone()
}

/// A condition.
pub enum Condition {
    /// It is known: a plain value, or a tensor outside a trace.
    Known(bool),
    /// A run decides.
    Traced(Tensor),
}

/// What may decide: bools, bool tensors, and references to them.
#[diagnostic::on_unimplemented(
    message = "a condition must be a `bool` or a tensor of one, found `{Self}`",
    label = "no condition"
)]
pub trait Truth {
    /// `bool` or `Tensor`.
    type Answer: Answer;

    /// The answer.
    fn answer(&self) -> Self::Answer;
}

/// `bool` or `Tensor`.
pub trait Answer: Sized {
    /// Whether it is the latter.
    const IS_TENSOR: bool;

    /// The value as a condition.
    ///
    /// # Errors
    /// When a tensor has no single element.
    fn condition(self, at: &'static std::panic::Location<'static>) -> Result<Condition>;

    /// The value, if it is a plain one.
    fn known(&self) -> Option<bool>;

    /// Its opposite.
    fn negated(self, at: &'static std::panic::Location<'static>) -> Self;

    /// Whether it holds for all elements.
    fn whole(self, at: &'static std::panic::Location<'static>) -> Self;

    /// As a tensor.
    fn tensor(self, at: &'static std::panic::Location<'static>) -> Tensor;
}

impl Truth for bool {
    type Answer = bool;

    fn answer(&self) -> bool {
        *self
    }
}

impl Truth for Tensor {
    type Answer = Tensor;

    fn answer(&self) -> Tensor {
        self.clone()
    }
}

impl<T: Truth + ?Sized> Truth for &T {
    type Answer = T::Answer;

    fn answer(&self) -> T::Answer {
        (**self).answer()
    }
}

impl Answer for bool {
    const IS_TENSOR: bool = false;

    fn condition(self, _: CallSite) -> Result<Condition> {
        Ok(Condition::Known(self))
    }

    fn known(&self) -> Option<bool> {
        Some(*self)
    }

    fn negated(self, _: CallSite) -> bool {
        !self
    }

    fn whole(self, _: CallSite) -> bool {
        self
    }

    fn tensor(self, at: CallSite) -> Tensor {
        Tensor::scalar_at(Scalar::from(self), at)
    }
}

impl Answer for Tensor {
    const IS_TENSOR: bool = true;

    fn condition(self, at: CallSite) -> Result<Condition> {
        if is_tracing() {
            return self.ok().map(Condition::Traced);
        }
        super::super::branch::check_scalar(&self, "if", crate::DType::Bool, at)?;
        Ok(Condition::Known(self.scalar_value(at)?.to_bool()))
    }

    fn known(&self) -> Option<bool> {
        None
    }

    fn negated(self, at: CallSite) -> Tensor {
        one(UnaryFn::Not, &[&self], at)
    }

    fn whole(self, at: CallSite) -> Tensor {
        let axes = (0..self.known_type().map_or(0, |ty| ty.rank())).collect();
        one(Reduce { kind: ReduceKind::All, axes }, &[&self], at)
    }

    fn tensor(self, _: CallSite) -> Tensor {
        self
    }
}

/// The value as a condition.
///
/// # Errors
/// When a tensor is no bool scalar, or carries an error.
#[track_caller]
pub fn condition<T: Truth + ?Sized>(value: &T) -> Result<Condition> {
    value.answer().condition(caller())
}

/// `!`.
#[track_caller]
pub fn not<T: Truth + ?Sized>(value: &T) -> T::Answer {
    value.answer().negated(caller())
}

/// Whether all is the same, of a comparison by `==`.
#[track_caller]
pub fn whole<T: Truth + ?Sized>(value: &T) -> T::Answer {
    value.answer().whole(caller())
}

/// That no jump was taken.
#[track_caller]
pub fn unless(flags: &[&Flag]) -> Condition {
    let at = caller();
    if flags.iter().any(|flag| matches!(flag.0, Raised::Known(true))) {
        return Condition::Known(false);
    }
    let traced = flags.iter().filter_map(|flag| match &flag.0 {
        Raised::Traced(tensor) => Some(tensor.clone()),
        Raised::Known(_) => None,
    });
    let any = traced.reduce(|l, r| one(BinaryFn::Or, &[&l, &r], at));
    any.map_or(Condition::Known(true), |any| Condition::Traced(any.negated(at)))
}

/// Finds out whether an expression gives a tensor, without running it.
pub struct Kind<T>(std::marker::PhantomData<T>);

impl<T> Kind<T> {
    /// Of an expression to be named.
    #[allow(clippy::new_without_default, reason = "its type is found later")]
    pub fn new() -> Kind<T> {
        Kind(std::marker::PhantomData)
    }

    /// Fixes the type as that of an expression.
    pub fn of(&self, _: &T) {}
}

/// Whether the expression of this kind gives a tensor.
pub fn is_tensor<T: Truth>(_: &Kind<T>) -> bool {
    T::Answer::IS_TENSOR
}

/// `&&` or `||`, whose right side runs unless a plain left side decides.
pub struct Logic<L, R> {
    is_and: bool,
    left: L,
    right: Option<R>,
    at: CallSite,
}

impl<L: Answer, R: Answer> Logic<L, R> {
    /// `&&`.
    #[track_caller]
    pub fn and<T: Truth<Answer = L>>(left: &T) -> Logic<L, R> {
        Logic { is_and: true, left: left.answer(), right: None, at: caller() }
    }

    /// `||`.
    #[track_caller]
    pub fn or<T: Truth<Answer = L>>(left: &T) -> Logic<L, R> {
        Logic { is_and: false, left: left.answer(), right: None, at: caller() }
    }

    /// Whether the right side matters.
    pub fn needs_right(&self) -> bool {
        self.left.known().is_none_or(|known| known == self.is_and)
    }

    /// The right side.
    pub fn right<T: Truth<Answer = R>>(&mut self, right: &T) {
        self.right = Some(right.answer());
    }

    /// The result.
    pub fn finish(self) -> L::Output
    where
        L: Connect<R>,
    {
        L::connect(self)
    }
}

/// What two answers make.
pub trait Connect<R>: Sized {
    /// A tensor if one of them is.
    type Output;

    #[doc(hidden)]
    fn connect(logic: Logic<Self, R>) -> Self::Output;
}

impl Connect<bool> for bool {
    type Output = bool;

    fn connect(logic: Logic<bool, bool>) -> bool {
        logic.right.unwrap_or(logic.left)
    }
}

impl Connect<Tensor> for bool {
    type Output = Tensor;

    fn connect(logic: Logic<bool, Tensor>) -> Tensor {
        logic.right.unwrap_or_else(|| logic.left.tensor(logic.at))
    }
}

impl<R: Answer> Connect<R> for Tensor {
    type Output = Tensor;

    fn connect(logic: Logic<Tensor, R>) -> Tensor {
        let function = if logic.is_and { BinaryFn::And } else { BinaryFn::Or };
        match logic.right {
            Some(right) => one(function, &[&logic.left, &right.tensor(logic.at)], logic.at),
            None => logic.left,
        }
    }
}

/// The left side of a comparison.
pub struct Left<'v, T: ?Sized>(pub &'v T);

macro_rules! comparisons {
    ($($method:ident $bound:ident;)*) => {
        /// Comparisons of a tensor with a tensor or number.
        pub trait TensorLeft: Sized {
            #[doc(hidden)]
            fn tensor(&self) -> &Tensor;
            $(
                /// Element by element.
                #[track_caller]
                fn $method<R: Operand + Clone>(self, right: &R) -> Tensor {
                    Tensor::$method(self.tensor(), right.clone())
                }
            )*
        }

        /// All other comparisons: found after [`TensorLeft`], because it takes one more reference.
        pub trait PlainLeft<L: ?Sized>: Sized {
            #[doc(hidden)]
            fn plain(&self) -> &L;
            $(
                /// As Rust has it, or of a number with a tensor.
                #[track_caller]
                fn $method<R: ?Sized>(self, right: &R) -> <L as $bound<R>>::Output
                where
                    L: $bound<R>,
                {
                    $bound::$method(self.plain(), right)
                }
            )*
        }
    };
}
comparisons! {
    lt CompareOrd;
    le CompareOrd;
    gt CompareOrd;
    ge CompareOrd;
    eq CompareEq;
    ne CompareEq;
}

impl TensorLeft for Left<'_, Tensor> {
    fn tensor(&self) -> &Tensor {
        self.0
    }
}

impl TensorLeft for Left<'_, &Tensor> {
    fn tensor(&self) -> &Tensor {
        self.0
    }
}

impl<L: ?Sized> PlainLeft<L> for &Left<'_, L> {
    fn plain(&self) -> &L {
        self.0
    }
}

macro_rules! plain_comparisons {
    ($bound:ident $plain:ident [$($native:ty)*] $($method:ident $swapped:ident;)*) => {
        /// Comparisons, with a bool or a tensor of bools as result.
        pub trait $bound<R: ?Sized> {
            /// `bool` or `Tensor`.
            type Output;
            $(
                /// One of them.
                fn $method(&self, right: &R) -> Self::Output;
            )*
        }

        impl<L: $plain<R> + ?Sized, R: ?Sized> $bound<R> for L {
            type Output = bool;
            $(
                #[inline]
                fn $method(&self, right: &R) -> bool {
                    $plain::$method(self, right)
                }
            )*
        }

        plain_comparisons!(@tensor $bound [$($native)*] {$($method $swapped;)*});
    };
    (@tensor $bound:ident [$($native:ty)*] $methods:tt) => {$(
        plain_comparisons!(@right $bound $native, Tensor, $methods);
        plain_comparisons!(@right $bound $native, &Tensor, $methods);
    )*};
    (@right $bound:ident $native:ty, $right:ty, {$($method:ident $swapped:ident;)*}) => {
        impl $bound<$right> for $native {
            type Output = Tensor;
            $(
                #[track_caller]
                fn $method(&self, right: &$right) -> Tensor {
                    Tensor::$swapped(right, *self)
                }
            )*
        }
    };
}
plain_comparisons!(CompareOrd PartialOrd [i8 i16 i32 i64 u8 u16 u32 u64 f32 f64] lt gt; le ge; gt lt; ge le;);
plain_comparisons!(CompareEq PartialEq [bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64] eq eq; ne ne;);
