//! Element-wise ops; their operands broadcast.

use std::borrow::Borrow;

use tensorwright_ir::op::primitive::{BinaryFn, Clamp, CompareFn, Select, SpecialFn, UnaryFn};

use super::docs::scalar::scalar_doc;
use super::operand::{Operand, OperandKind, own_like};
use crate::error::caller;
use crate::interpret::one;
use crate::tensor::Tensor;

macro_rules! methods_of_one {
    (#[doc = $about:literal] $function:ident: $($(#[$meta:meta])* $name:ident => $variant:ident $row:tt;)*) => {
        #[doc = $about]
        impl Tensor {
            $($(#[$meta])*
            #[doc = scalar_doc!($name)]
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                one($function::$variant, &[self], caller())
            })*
        }
    };
}

macro_rules! unary_methods {
    ($($rows:tt)*) => {
        methods_of_one! {
            /// Functions of each element.
            UnaryFn: $($rows)*
        }
    };
}
tensorwright_ir::for_each_unary!(unary_methods);

macro_rules! methods_of_two {
    (#[doc = $about:literal] $function:ident: $($(#[$meta:meta])* $name:ident => $variant:ident $row:tt;)*) => {
        #[doc = $about]
        impl Tensor {
            $($(#[$meta])*
            #[doc = scalar_doc!($name)]
            #[track_caller]
            pub fn $name(&self, rhs: impl Operand) -> Tensor {
                let at = caller();
                one($function::$variant, &[self, rhs.hold(self, stringify!($name), at).borrow()], at)
            })*
        }
    };
}

macro_rules! binary_methods {
    ($($rows:tt)*) => {
        methods_of_two! {
            /// Functions of two elements; shapes broadcast, numbers adopt the dtype.
            BinaryFn: $($rows)*
        }
    };
}
tensorwright_ir::for_each_binary!(binary_methods);

macro_rules! special_methods {
    (
        one { $($one:tt)* }
        two { $($two:tt)* }
        three { $($(#[$meta:meta])* $name:ident => $variant:ident $row:tt;)* }
        four { $($(#[$meta4:meta])* $name4:ident => $variant4:ident $row4:tt;)* }
    ) => {
        methods_of_one! {
            /// Special functions of each element.
            SpecialFn: $($one)*
        }
        methods_of_two! {
            /// Special functions of two elements; shapes broadcast, numbers adopt the dtype.
            SpecialFn: $($two)*
        }
        /// Special functions of three elements; shapes broadcast, numbers adopt the dtype.
        impl Tensor {
            $($(#[$meta])*
            #[doc = scalar_doc!($name)]
            #[track_caller]
            pub fn $name(&self, b: impl Operand, x: impl Operand) -> Tensor {
                let at = caller();
                let (b, x) = (b.hold(self, stringify!($name), at), x.hold(self, stringify!($name), at));
                one(SpecialFn::$variant, &[self, b.borrow(), x.borrow()], at)
            })*
        }
        /// Special functions of four elements; shapes broadcast, numbers adopt the dtype.
        impl Tensor {
            $($(#[$meta4])*
            #[doc = scalar_doc!($name4)]
            #[track_caller]
            pub fn $name4(&self, b: impl Operand, c: impl Operand, x: impl Operand) -> Tensor {
                let (at, name) = (caller(), stringify!($name4));
                let (b, c, x) = (b.hold(self, name, at), c.hold(self, name, at), x.hold(self, name, at));
                one(SpecialFn::$variant4, &[self, b.borrow(), c.borrow(), x.borrow()], at)
            })*
        }
    };
}
tensorwright_ir::for_each_special!(special_methods);

macro_rules! compare_methods {
    ($($rows:tt)*) => {
        methods_of_two! {
            /// Comparisons of two elements, as bool tensors; shapes broadcast, numbers adopt the dtype.
            CompareFn: $($rows)*
        }
    };
}
tensorwright_ir::for_each_compare!(compare_methods);

/// Choices.
impl Tensor {
    /// Where this bool tensor is true the elements of `on_true`, elsewhere those of `on_false`. Shapes
    /// broadcast; a number adopts the dtype of the other choice.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([-1.5f32, 2.0]);
    /// assert_eq!(x.gt(0).select(&x, 0.0).to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("where", "where_cond", "mask_where", "masked_fill", "if_else", "select_n", "piecewise"))]
    #[track_caller]
    pub fn select(&self, on_true: impl Operand, on_false: impl Operand) -> Tensor {
        let at = caller();
        let like = match (on_true.kind(), on_false.kind()) {
            (OperandKind::Number(_), OperandKind::Tensor(_) | OperandKind::Variable(_)) => {
                own_like(&on_false, at)
            }
            _ => own_like(&on_true, at),
        };
        let on_true = on_true.hold(&like, "select", at);
        let on_false = on_false.hold(&like, "select", at);
        one(Select {}, &[self, on_true.borrow(), on_false.borrow()], at)
    }
}

/// Limits.
impl Tensor {
    /// Each element, but at least `low` and at most `high`: `minimum(maximum(x, low), high)`.
    ///
    /// `T[s], T[s], T[s] -> T[s]`, any dtype; shapes broadcast.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([-1.0f32, 0.5, 7.0]);
    /// assert_eq!(x.clamp(0.0, 1.0).to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("clip", "clip_by_value"))]
    #[track_caller]
    pub fn clamp(&self, low: impl Operand, high: impl Operand) -> Tensor {
        let at = caller();
        let (low, high) = (low.hold(self, "clamp", at), high.hold(self, "clamp", at));
        one(Clamp {}, &[low.borrow(), self, high.borrow()], at)
    }
}
