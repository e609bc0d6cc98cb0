//! Ops that call code of the program around the graph: closures, and kernels that are registered under a name.
//!
//! | op | what it calls | when |
//! |---|---|---|
//! | `host_callback` | a closure, for what it does | in the order that tokens give, whoever needs it |
//! | `pure_callback` | a closure, for its results | if a result is needed; how often and when is not said |
//! | `custom_call` | a kernel, by its name | as `pure_callback` |

use smallvec::smallvec;

use super::rule;
use crate::eval::{Datum, EvalError, Evaluator};
use crate::host::{HostFunction, guarded, registered_kernel};
use crate::op::CallAttributes;
use crate::op::attribute::Axes;
use crate::op::derivative::Differentiable;
use crate::op::sample::{Draw, Operand, tensor_hint};
use crate::op::{
    Arity, ControlDef, Derivative, Derivatives, Lowering, Op, Primal, Sample, TensorTypes, TypeError, Types,
    rule as type_rule,
};
use crate::{BuildError, DType, Graph, Literal, Shape, TensorType, Type, Value, attributes, word_attribute};

word_attribute! {
    /// How code of the program is called for many examples at once.
    pub enum CallBatching {
        /// Once for each example, in any order.
        Sequential = "sequential",
        /// Once, with a new axis 0 of all operands and results, along which the examples are.
        BroadcastAll = "broadcast_all",
    }
}

attributes! {
    /// Calls a closure for what it does: `token, A, B.. -> token`.
    pub struct HostCallback {
        /// The closure.
        pub callback: HostFunction,
        /// Which operands, counted from 0 behind the token, are pairs along a last axis that the closure takes for complex numbers: what the compiler makes of them.
        pub pairs: Axes,
    }
}

attributes! {
    /// Results of a closure that gives the same ones each time for the same operands: `A, B.. -> C, D..`.
    pub struct PureCallback {
        /// The closure.
        pub callback: HostFunction,
        /// Types of the results that the closure gives.
        pub results: TensorTypes,
        /// How it is called for many examples.
        pub batching: CallBatching,
        /// Which operands, and behind them results, are pairs along a last axis in the graph, and complex numbers in the closure: what the compiler makes of them.
        pub pairs: Axes,
    }
}

attributes! {
    /// Results of a registered kernel: `A, B.. -> C, D..`.
    pub struct CustomCall {
        /// Name of the kernel.
        pub name: String,
        /// What it is told besides its operands.
        pub attributes: CallAttributes,
        /// Types of the results that the kernel gives.
        pub results: TensorTypes,
        /// How it is called for many examples.
        pub batching: CallBatching,
        /// As [`PureCallback::pairs`].
        pub pairs: Axes,
    }
}

type Call = dyn Fn(&[Literal]) -> Result<Vec<Literal>, String> + Send + Sync;

/// Code of the program, ready to be called for an op.
pub struct HostCall {
    call: Box<Call>,
    pairs: Axes,
    results: TensorTypes,
}

impl std::fmt::Debug for HostCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCall").field("results", &self.results).finish_non_exhaustive()
    }
}

impl HostCall {
    /// What an op calls for operands of these types, without a token; `None` if it calls nothing. Fails if no kernel is registered under the
    /// name, or the one that is does not give the results that the op says.
    pub fn of(op: &Op, operands: &[TensorType]) -> Option<Result<HostCall, String>> {
        Some(match op {
            Op::HostCallback(op) => Ok(HostCall::new(op.callback.clone(), &op.pairs, &TensorTypes::new())),
            Op::PureCallback(op) => Ok(HostCall::new(op.callback.clone(), &op.pairs, &op.results)),
            Op::CustomCall(op) => op.prepared(operands),
            _ => return None,
        })
    }

    fn new(function: HostFunction, pairs: &[usize], results: &TensorTypes) -> HostCall {
        let call = Box::new(move |operands: &[Literal]| function.call(operands));
        HostCall { call, pairs: pairs.into(), results: results.clone() }
    }

    /// Results for these operands, of the types that the op says. Fails if the code does, panics, or gives other types.
    pub fn run(&self, mut operands: Vec<Literal>) -> Result<Vec<Literal>, String> {
        let count = operands.len();
        for &place in self.pairs.iter().filter(|&&place| place < count) {
            operands[place] = with_type(&operands[place], of_pairs(operands[place].ty()));
        }
        let mut results = (self.call)(&operands)?;
        let found: TensorTypes = results.iter().map(|result| result.ty().clone()).collect();
        if found != self.results {
            return Err(format!("it gave {}, not {}", listed(&found), listed(&self.results)));
        }
        for &place in self.pairs.iter().filter(|&&place| place >= count) {
            let result = &mut results[place - count];
            *result = with_type(result, as_pairs(result.ty()));
        }
        Ok(results)
    }
}

/// The same bytes as a tensor of another type.
fn with_type(literal: &Literal, ty: TensorType) -> Literal {
    Literal::from_bytes(ty, literal.bytes().to_vec()).expect("the types have as many bytes")
}

/// The type of real numbers, in pairs along a new last axis, that has the bytes of this complex one.
fn as_pairs(ty: &TensorType) -> TensorType {
    let sizes = ty.shape.sizes().into_iter().chain([2]);
    TensorType { dtype: ty.dtype.part(), shape: sizes.collect() }
}

/// The complex type that pairs along the last axis have the bytes of.
fn of_pairs(ty: &TensorType) -> TensorType {
    let dtype = if ty.dtype == DType::F32 { DType::C64 } else { DType::C128 };
    let sizes = ty.shape.sizes();
    TensorType { dtype, shape: Shape::from(&sizes[..sizes.len() - 1]) }
}

fn listed(types: &[TensorType]) -> String {
    match types {
        [] => "nothing".to_owned(),
        types => types.iter().map(TensorType::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Checks that what is said to be pairs is.
fn check_pairs(pairs: &[usize], operands: &[&Type], results: &[TensorType]) -> Result<(), TypeError> {
    let is_pair =
        |ty: &TensorType| matches!(ty.dtype, DType::F32 | DType::F64) && ty.shape.sizes().last() == Some(&2);
    let fits = |&place: &usize| match operands.get(place) {
        Some(ty) => ty.as_tensor().is_some_and(is_pair),
        None => results.get(place - operands.len()).is_some_and(|ty| ty.dtype.is_complex()),
    };
    match pairs.iter().find(|place| !fits(place)) {
        None if pairs.is_sorted_by(|one, other| one < other) => Ok(()),
        None => Err(TypeError::attribute("pairs", "must be ascending")),
        Some(place) => {
            Err(TypeError::attribute("pairs", format!("number {place} stands for no complex numbers")))
        }
    }
}

/// Types of the results in the graph.
fn result_types(operands: &[&Type], results: &[TensorType], pairs: &[usize]) -> Result<Types, TypeError> {
    operands.iter().enumerate().try_for_each(|(i, ty)| type_rule::tensor(ty, i).map(drop))?;
    check_pairs(pairs, operands, results)?;
    let own = |(i, ty): (usize, &TensorType)| match pairs.contains(&(operands.len() + i)) {
        true => as_pairs(ty),
        false => ty.clone(),
    };
    let types: TensorTypes = results.iter().enumerate().map(own).collect();
    match types.iter().find(|ty| !ty.shape.check()) {
        Some(ty) => Err(TypeError::TooLarge { shape: ty.shape.clone() }),
        None => Ok(types.into_iter().map(Type::Tensor).collect()),
    }
}

/// Results of the code that an op calls.
fn called(op: &Op, operands: &[&Datum]) -> Result<Vec<Datum>, EvalError> {
    let operands: Vec<Literal> = operands.iter().map(|x| x.tensor().clone()).collect();
    let types: Vec<TensorType> = operands.iter().map(|x| x.ty().clone()).collect();
    let call = HostCall::of(op, &types).expect("it calls the program's code");
    let results = call.and_then(|call| call.run(operands));
    let failed = |message| EvalError::Host { op: op.name(), message, location: None };
    Ok(results.map_err(failed)?.into_iter().map(Datum::Tensor).collect())
}

impl HostCallback {
    /// The op whose operands behind the token that are `complex` come as pairs along a last axis.
    pub fn of_pairs(&self, complex: &[bool]) -> HostCallback {
        HostCallback { pairs: places(complex), ..self.clone() }
    }
}

impl PureCallback {
    /// The op whose operands, and behind them results, that are `complex` are pairs along a last axis.
    pub fn of_pairs(&self, complex: &[bool]) -> PureCallback {
        PureCallback { pairs: places(complex), ..self.clone() }
    }

    /// The op whose results have one slice for each of so many examples, along a new axis 0.
    pub fn of_examples(&self, examples: usize) -> PureCallback {
        PureCallback { results: with_examples(&self.results, examples), ..self.clone() }
    }
}

impl CustomCall {
    /// As [`PureCallback::of_pairs`].
    pub fn of_pairs(&self, complex: &[bool]) -> CustomCall {
        CustomCall { pairs: places(complex), ..self.clone() }
    }

    /// As [`PureCallback::of_examples`].
    pub fn of_examples(&self, examples: usize) -> CustomCall {
        CustomCall { results: with_examples(&self.results, examples), ..self.clone() }
    }

    fn prepared(&self, operands: &[TensorType]) -> Result<HostCall, String> {
        let (name, attributes) = (&self.name, self.attributes.clone());
        let kernel = registered_kernel(name)
            .ok_or_else(|| format!("no kernel is registered as `{name}`: register it in this program"))?;
        let own = |(place, ty): (usize, &TensorType)| match self.pairs.contains(&place) {
            true => of_pairs(ty),
            false => ty.clone(),
        };
        let operands: Vec<TensorType> = operands.iter().enumerate().map(own).collect();
        let given = guarded(|| kernel.result_types(&operands, &attributes));
        let given =
            given.map_err(|error| format!("`{name}` does not take {}: {error}", listed(&operands)))?;
        if given[..] != self.results[..] {
            let (given, results) = (listed(&given), listed(&self.results));
            return Err(format!("the kernel registered as `{name}` gives {given}, not {results}"));
        }
        let call = Box::new(move |operands: &[Literal]| guarded(|| kernel.run(operands, &attributes)));
        Ok(HostCall { call, pairs: self.pairs.clone(), results: self.results.clone() })
    }
}

fn places(flags: &[bool]) -> Axes {
    flags.iter().enumerate().filter(|(_, flag)| **flag).map(|(place, _)| place).collect()
}

fn with_examples(types: &[TensorType], examples: usize) -> TensorTypes {
    types.iter().map(|ty| ty.with_shape(ty.shape.with_leading(crate::Dim::known(examples)))).collect()
}

impl ControlDef for HostCallback {
    const NAME: &'static str = "host_callback";
    const ARITY: Arity = Arity::AtLeast(1);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Effect;

    fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        rule::operand_is(operands, 0, "the token", Type::Token)?;
        operands.iter().enumerate().skip(1).try_for_each(|(i, ty)| type_rule::tensor(ty, i).map(drop))?;
        check_pairs(&self.pairs, &operands[1..], &[])?;
        Ok(smallvec![Type::Token])
    }

    fn eval(
        &self,
        _evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        called(&self.clone().into(), &operands[1..])?;
        Ok(vec![Datum::Token])
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<HostCallback> {
        let callback = HostFunction::new(|_| Ok(Vec::new()));
        let values = std::iter::repeat_n(tensor_hint(hint).into(), draw.below(3));
        let operands = std::iter::once(Type::Token).chain(values).map(Operand::any);
        Sample::exact(HostCallback { callback, pairs: Axes::new() }, operands)
    }
}

impl ControlDef for PureCallback {
    const NAME: &'static str = "pure_callback";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Host;

    fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        result_types(operands, &self.results, &self.pairs)
    }

    fn eval(
        &self,
        _evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        called(&self.clone().into(), operands)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<PureCallback> {
        let (callback, batching) = (HostFunction::new(|x| Ok(x.to_vec())), draw.choose(CallBatching::ALL));
        let results = TensorTypes::from_elem(tensor_hint(hint), draw.below(3));
        let operands = results.clone().into_iter().map(Operand::any);
        Sample::exact(PureCallback { callback, results, batching, pairs: Axes::new() }, operands)
    }
}

impl ControlDef for CustomCall {
    const NAME: &'static str = "custom_call";
    const ARITY: Arity = Arity::AtLeast(0);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Host;

    fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        result_types(operands, &self.results, &self.pairs)
    }

    fn eval(
        &self,
        _evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        called(&self.clone().into(), operands)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<CustomCall> {
        let results = TensorTypes::from_elem(tensor_hint(hint), draw.below(3));
        let operands = results.clone().into_iter().map(Operand::any);
        let (name, batching) = ("identity".to_owned(), draw.choose(CallBatching::ALL));
        let attributes = CallAttributes::sample(draw);
        Sample::exact(CustomCall { name, attributes, results, batching, pairs: Axes::new() }, operands)
    }
}

/// What the program's code computes is not known, so neither is its derivative.
fn no_derivative<T>(primal: &Primal<'_>) -> Result<T, BuildError> {
    let advice = "the program's code has no derivative: say one with `custom_gradient`, or stop the gradient of its operands";
    Err(BuildError {
        op: primal.op.name(),
        operands: primal.operands.iter().map(|&value| primal.b.ty(value).clone()).collect(),
        location: primal.b.location().cloned(),
        source: Box::new(TypeError::Other(advice.to_owned())),
    })
}

macro_rules! without_derivative {
    ($($op:ident),*) => {$(
        impl Differentiable for $op {
            fn jvp(&self, primal: &mut Primal<'_>, _: &[Option<Value>]) -> Result<Derivatives, BuildError> {
                no_derivative(primal)
            }

            fn vjp(&self, primal: &mut Primal<'_>, _: &[Option<Value>]) -> Result<Derivatives, BuildError> {
                no_derivative(primal)
            }
        }
    )*};
}
without_derivative!(PureCallback, CustomCall);
