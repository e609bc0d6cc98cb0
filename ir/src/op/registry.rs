//! What the lines of the table of ops make: the variant of [`Op`], the builder method, the mnemonic of the text form, and the op's place in every
//! generic test. The table is in [`table`](super::table).

use smallvec::SmallVec;

pub use super::argument::Argument;
use super::attribute::{Axes, Offsets, Scalars, ShortAxes, ShortOffsets};
use super::batching::Batching;
use super::composite::*;
use super::control::*;
use super::derivative::Derivative;
use super::primitive::*;
use super::sample::tensor_hint;
use super::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, ControlDef, Draw, Lowering, OpDef, Ports, Results,
    Sample, TensorTypes, TypeError, Types, rule,
};
use crate::builder::BuildError;
use crate::eval::{Datum, EvalError, Evaluator};
use crate::text::MAX_DEPTH;
use crate::{Builder, DType, Graph, Literal, Scalar, Shape, TensorType, Type, Value};

/// One kind of op, for tests and listings.
#[derive(Clone, Copy)]
pub struct OpKind {
    /// The mnemonic.
    pub name: &'static str,
    /// Number of operands that the op takes.
    pub arity: Arity,
    /// Number of regions of the op.
    pub regions: Arity,
    /// Kind of computation that the op is.
    pub lowering: Lowering,
    /// Names of its attributes.
    pub attributes: &'static [&'static str],
    sample: fn(&str, &mut Draw<'_>, &Type) -> Sample<Op>,
}

impl OpKind {
    /// Draws an op of this kind; see [`OpDef::sample`]. Ordinary ops are offered the type of the rows of a list.
    pub fn sample(&self, draw: &mut Draw<'_>, hint: &Type) -> Sample<Op> {
        (self.sample)(self.name, draw, hint)
    }

    fn family<T: OpDef + Into<Op>>() -> impl Iterator<Item = OpKind> {
        T::names().into_iter().map(|name| OpKind {
            name,
            arity: T::arity_of(name),
            regions: Arity::Exact(0),
            lowering: T::LOWERING,
            attributes: T::FIELDS,
            sample: |name, draw, hint| T::sample(name, draw, &tensor_hint(hint)).map(Into::into),
        })
    }

    fn control<T: ControlDef + Into<Op>>() -> OpKind {
        OpKind {
            name: T::NAME,
            arity: T::ARITY,
            regions: T::REGIONS,
            lowering: T::LOWERING,
            attributes: T::FIELDS,
            sample: |_, draw, hint| <T as ControlDef>::sample(draw, hint).map(Into::into),
        }
    }
}

impl std::fmt::Debug for OpKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! define_ops {
    ($($(#[$meta:meta])* $method:ident [$($operands:tt)*] { $($field:ident : $ty:ty),* } $results:tt => $variant:ident $(by $form:ident)?,)*) => {
        define_ops! { @enum
            {
                Constant(Constant), Unary(UnaryFn), Binary(BinaryFn), Compare(CompareFn), Special(SpecialFn),
                $($variant($variant),)*
            }
            // Control flow, effects and lists. Their builder methods take closures: see `control::build`.
            {
                If,
                Case,
                While,
                Scan,
                Map,
                Call,
                CustomGradient,
                Checkpoint,
                TokenNew,
                Print,
                Assert,
                CheckFinite,
                HostCallback,
                PureCallback,
                CustomCall,
                ListNew,
                ListPush,
                ListPop,
                ListGet,
                ListSet,
                ListLen,
                ListStack,
            }
        }

        /// One method per op. Each fails if the op does not accept its operands.
        impl Builder {
            $(define_ops! { @method $(#[$meta])* $method [$($operands)*] { $($field : $ty),* } $results => $variant })*
        }
    };
    (@enum { $($variant:ident($payload:ident),)* } { $($control:ident,)* }) => {
        /// Every op.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is documented on its payload")]
        pub enum Op { $($variant($payload),)* $($control($control),)* }

        $(impl From<$payload> for Op {
            fn from(op: $payload) -> Op { Op::$variant(op) }
        })*

        $(impl From<$control> for Op {
            fn from(op: $control) -> Op { Op::$control(op) }
        })*

        impl Op {
            /// The mnemonic of the text form.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Op::$variant(op) => OpDef::name(op),)*
                    $(Op::$control(_) => <$control as ControlDef>::NAME,)*
                }
            }

            /// Number of operands that the op takes.
            pub fn arity(&self) -> Arity {
                match self {
                    $(Op::$variant(op) => <$payload as OpDef>::arity_of(OpDef::name(op)),)*
                    $(Op::$control(_) => <$control as ControlDef>::ARITY,)*
                }
            }

            /// Number of regions of the op.
            pub fn regions(&self) -> Arity {
                match self {
                    $(Op::$variant(_) => Arity::Exact(0),)*
                    $(Op::$control(_) => <$control as ControlDef>::REGIONS,)*
                }
            }

            /// Kind of computation that the op is.
            pub fn lowering(&self) -> Lowering {
                match self {
                    $(Op::$variant(_) => <$payload as OpDef>::LOWERING,)*
                    $(Op::$control(_) => <$control as ControlDef>::LOWERING,)*
                }
            }

            /// Attributes of the op as the text form shows them.
            pub fn attributes(&self) -> Vec<(&'static str, AttrValue)> {
                match self {
                    $(Op::$variant(op) => op.to_attrs(),)*
                    $(Op::$control(op) => op.to_attrs(),)*
                }
            }

            /// The op with this mnemonic and these attributes; `None` if there is no such op.
            pub fn parse(name: &str, attrs: &mut AttrMap) -> Option<Result<Op, AttributeError>> {
                $(if name == <$control as ControlDef>::NAME {
                    return Some(<$control>::from_attrs(attrs).map(Op::$control));
                })*
                None$(.or_else(|| <$payload as OpDef>::parse(name, attrs).map(|op| op.map(Op::$variant))))*
            }

            /// Every kind of op, in the order of the registry.
            pub fn kinds() -> Vec<OpKind> {
                let mut kinds = Vec::new();
                $(kinds.extend(OpKind::family::<$payload>());)*
                $(kinds.push(OpKind::control::<$control>());)*
                kinds
            }

            /// Whether its definition takes its place in the optimiser.
            pub fn has_definition(&self) -> bool {
                match self {
                    $(Op::$variant(_) => <$payload as OpDef>::LOWERING == Lowering::Expand,)*
                    $(Op::$control(op) => ControlDef::definition(op).is_some(),)*
                }
            }

            /// Appends the definition of an op with these regions to `b`; `None` for an op without definition.
            pub fn expand(
                &self,
                b: &mut Builder,
                operands: &[Value],
                regions: &[Graph],
            ) -> Option<Result<Results, TypeError>> {
                match self {
                    $(Op::$variant(op) => OpDef::expand(op, b, operands),)*
                    $(Op::$control(op) => ControlDef::definition(op).map(|it| it.expand(b, operands, regions)),)*
                }
            }

            /// How the regions of the op run, and how values get in and out; `None` for an op without regions, or with a definition in their place.
            pub fn ports(&self) -> Option<Ports> {
                match self {
                    $(Op::$variant(_) => None,)*
                    $(Op::$control(op) => ControlDef::ports(op),)*
                }
            }

            /// The op that does the same with other numbers of carried and of sliced operands; `None` if there is none.
            pub fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
                match self {
                    $(Op::$variant(_) => None,)*
                    $(Op::$control(op) => ControlDef::with_counts(op, carried, sliced),)*
                }
            }

            /// How the op is differentiated.
            pub fn derivative(&self) -> Derivative<'_> {
                match self {
                    $(Op::$variant(op) => OpDef::derivative(op),)*
                    $(Op::$control(op) => ControlDef::derivative(op),)*
                }
            }

            /// What the op becomes for that many examples at once.
            pub fn batching(&self, examples: usize) -> Batching<'_> {
                match self {
                    $(Op::$variant(op) => OpDef::batching(op, examples),)*
                    $(Op::$control(_) => Batching::Regions,)*
                }
            }

            /// Result values out of operand values of the types that [`Op::infer`] accepted. `None` for ops that run regions or
            /// have an effect: they need an [`Evaluator`].
            pub fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Option<Vec<Literal>> {
                match self {
                    $(Op::$variant(op) => Some(op.eval(operands, results)),)*
                    $(Op::$control(_) => None,)*
                }
            }

            /// Evaluates any op, those with regions too; see [`Op::eval`]. Fails where an effect fails, or if the evaluator's budget is used up.
            pub(crate) fn eval_in(
                &self,
                evaluator: &mut Evaluator<'_>,
                operands: &[&Datum],
                regions: &[Graph],
                results: &[Type],
            ) -> Result<Vec<Datum>, EvalError> {
                match self {
                    $(Op::$variant(op) => Ok(eval_tensors(op, operands, results)),)*
                    $(Op::$control(op) => ControlDef::eval(op, evaluator, operands, regions, results),)*
                }
            }

            fn infer_checked(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
                match self {
                    $(Op::$variant(op) => infer_ordinary(op, operands),)*
                    $(Op::$control(op) => ControlDef::infer(op, operands, regions),)*
                }
            }
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$xs:ident ..] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self, $xs: &[Value] $(, $field: impl Argument<$ty>)*) -> Result<Value, BuildError> {
            self.push_one($variant { $($field: $field.into_attribute()),* }, $xs)
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$($x:ident),*] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self $(, $x: Value)* $(, $field: impl Argument<$ty>)*) -> Result<Value, BuildError> {
            self.push_one($variant { $($field: $field.into_attribute()),* }, &[$($x),*])
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$xs:ident ..] { $($field:ident : $ty:ty),* } many => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self, $xs: &[Value] $(, $field: impl Argument<$ty>)*) -> Result<Results, BuildError> {
            self.push($variant { $($field: $field.into_attribute()),* }, $xs)
        }
    };
    (@method $(#[$meta:meta])* $method:ident [$($x:ident),*] { $($field:ident : $ty:ty),* } many => $variant:ident) => {
        $(#[$meta])*
        pub fn $method(&mut self $(, $x: Value)* $(, $field: impl Argument<$ty>)*) -> Result<Results, BuildError> {
            self.push($variant { $($field: $field.into_attribute()),* }, &[$($x),*])
        }
    };
}
crate::for_each_op!(define_ops);

impl Op {
    /// Whether the op is a scalar function: operands and results have one shape, and each result element depends on the operand elements
    /// at its own index, wherever that is.
    pub fn is_elementwise(&self) -> bool {
        matches!(self.batching(1), Batching::ElementWise)
    }

    /// Whether text that is printed of the op can be read back. What calls a closure is part of the program that made it.
    pub fn has_text(&self) -> bool {
        !matches!(self, Op::HostCallback(_) | Op::PureCallback(_))
    }

    /// Result types out of operand types: the only typing judgement. The builder and the verifier both call it.
    pub fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        let found = operands.len();
        match self.arity() {
            arity if arity.accepts(found) => {}
            expected => return Err(TypeError::Arity { expected, found }),
        }
        let regions_found = regions.len();
        if !self.regions().accepts(regions_found) {
            return Err(TypeError::RegionCount { expected: self.regions(), found: regions_found });
        }
        if regions.iter().any(|region| region.depth() >= MAX_DEPTH) {
            return Err(TypeError::Nesting);
        }
        self.infer_checked(operands, regions)
    }

    /// Types of the results of an ordinary op, which takes and gives tensors alone; see [`Op::infer`].
    pub fn infer_tensors(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let operands: SmallVec<[Type; 4]> = operands.iter().map(|&ty| ty.into()).collect();
        let operands: SmallVec<[&Type; 4]> = operands.iter().collect();
        Ok(self.infer(&operands, &[])?.iter().map(|ty| ty.tensor().clone()).collect())
    }
}

/// As [`OpDef::infer`]. Ordinary ops take and give tensors alone: lists and tokens are refused here, for all of them.
fn infer_ordinary(op: &impl OpDef, operands: &[&Type]) -> Result<Types, TypeError> {
    let mut tensors = SmallVec::<[&TensorType; 4]>::new();
    for (operand, &ty) in operands.iter().enumerate() {
        tensors.push(rule::tensor(ty, operand)?);
    }
    Ok(op.infer(&tensors)?.into_iter().map(Type::Tensor).collect())
}

/// As [`OpDef::eval`].
fn eval_tensors(op: &impl OpDef, operands: &[&Datum], results: &[Type]) -> Vec<Datum> {
    let operands: SmallVec<[&Literal; 4]> = operands.iter().map(|x| x.tensor()).collect();
    let results: SmallVec<[TensorType; 1]> = results.iter().map(|ty| ty.tensor().clone()).collect();
    op.eval(&operands, &results).into_iter().map(Datum::Tensor).collect()
}
