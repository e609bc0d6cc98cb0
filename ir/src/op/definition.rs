//! The traits that define an op.

use std::fmt;

use smallvec::SmallVec;

use super::Op;
use super::attribute::{AttrMap, AttributeError, Attributes};
use super::batching::Batching;
use super::control::ports::{self, Ports};
use super::derivative::Derivative;
use super::error::TypeError;
use super::sample::{Draw, Sample};
use crate::eval::{Datum, EvalError, Evaluator};
use crate::{Builder, Graph, Literal, TensorType, Type, Value};

/// Result types of a node.
pub type Types = SmallVec<[Type; 1]>;

/// Result types of an ordinary op: all are tensors.
pub type TensorTypes = SmallVec<[TensorType; 1]>;

/// How many operands an op takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Just that many.
    Exact(usize),
    /// That many or more.
    AtLeast(usize),
}

impl Arity {
    /// Whether `count` operands are right.
    pub const fn accepts(self, count: usize) -> bool {
        match self {
            Arity::Exact(n) => count == n,
            Arity::AtLeast(n) => count >= n,
        }
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arity::Exact(n) => write!(f, "{n}"),
            Arity::AtLeast(n) => write!(f, "{n} or more"),
        }
    }
}

/// What kind of computation an op is: all that a compiler needs to know to choose how to run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lowering {
    /// Element-wise scalar code: every result element depends on the operand elements at the same index.
    Map,
    /// An index map: result elements are operand elements found elsewhere.
    View,
    /// A fold along axes.
    Reduce,
    /// A routine that computes its result tile by tile, such as a product summed over common axes.
    Tiled,
    /// A whole-tensor routine.
    Library,
    /// Replaced by the graph that [`CompositeDef::expand`] builds.
    Expand,
    /// Control flow: runs its regions, never, once or many times.
    Region,
    /// Works on lists: a routine on handles.
    List,
    /// Does something besides giving results, in the order that tokens give; see [`Type::Token`].
    Effect,
    /// Begins an order of effects: there is nothing to run.
    Token,
    /// Calls code of the program around the graph for its results.
    Host,
    /// Names a point of a run, and gives its operand.
    Mark,
}

/// An op.
///
/// Names, types and meaning live here; strategy lives in the compiler. No method mentions a pass. Composites implement
/// [`CompositeDef`] and get this trait from it.
pub trait OpDef: Attributes {
    /// The mnemonic of the text form; for a family of ops (such as [`UnaryFn`](super::primitive::UnaryFn)) its common name.
    const NAME: &'static str;
    /// How many operands it takes, or all ops of a family do.
    const ARITY: Arity;
    /// What kind of computation it is.
    const LOWERING: Lowering;

    /// The mnemonic of this op.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// How many operands the op called `name`, one of [`OpDef::names`], takes.
    fn arity_of(name: &str) -> Arity {
        let _ = name;
        Self::ARITY
    }

    /// Mnemonics of all ops of the family.
    fn names() -> Vec<&'static str> {
        vec![Self::NAME]
    }

    /// The op called `name` with these attributes; `None` if the name is of another op.
    fn parse(name: &str, attrs: &mut AttrMap) -> Option<Result<Self, AttributeError>> {
        (name == Self::NAME).then(|| Self::from_attrs(attrs))
    }

    /// The only typing judgement: result types out of operand types. The builder and the verifier both call it. The
    /// number of operands has been checked, and that all are tensors.
    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError>;

    /// The meaning: result values out of operand values of types that `infer` accepted. `results` are the types it gave.
    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal>;

    /// How it is differentiated.
    fn derivative(&self) -> Derivative<'_>;

    /// What it becomes for that many examples at once.
    fn batching(&self, examples: usize) -> Batching<'_>;

    /// Appends the definition of a composite to `b` and returns its results; `None` for primitives.
    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Option<Result<Results, TypeError>> {
        let _ = (b, operands);
        None
    }

    /// Draws the op called `name` (one of [`OpDef::names`]) together with operands that it accepts. `hint` is the type of
    /// a value at hand; using it for the first operand, where the op can, makes random graphs deep.
    fn sample(name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Self>;
}

/// An op that is more than a function of its operands: it has an effect, works on lists, or runs regions (these implement
/// [`RegionDef`], and get this trait from it). Its meaning needs the evaluator, which ordinary ops never see.
pub trait ControlDef: Attributes {
    /// The mnemonic of the text form.
    const NAME: &'static str;
    /// How many operands it takes.
    const ARITY: Arity;
    /// How many regions it has.
    const REGIONS: Arity;
    /// What kind of computation it is.
    const LOWERING: Lowering;

    /// The only typing judgement: result types out of operand types and regions. Both have been counted.
    fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError>;

    /// The meaning, for operands and regions that `infer` accepted. Fails where an effect or a region fails; the evaluator adds
    /// the place.
    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError>;

    /// How its regions run, and how values get in and out; `None` for an op that has none, or that its definition replaces.
    fn ports(&self) -> Option<Ports> {
        None
    }

    /// As [`RegionDef::with_counts`].
    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
        let _ = (carried, sliced);
        None
    }

    /// How it is differentiated.
    fn derivative(&self) -> Derivative<'_> {
        match Self::LOWERING {
            Lowering::List => Derivative::Regions,
            Lowering::Expand => Derivative::Expansion,
            _ => Derivative::Zero,
        }
    }

    /// Its definition, which takes its place in the optimiser; `None` for an op that means something to the optimiser itself.
    fn definition(&self) -> Option<&dyn RegionDefinition> {
        None
    }

    /// As [`OpDef::sample`], regions included.
    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Self>;
}

/// A definition of an op with regions in terms of other ops.
pub trait RegionDefinition {
    /// Appends what the op does to `b`, and returns its results. Fails as [`CompositeDef::expand`] does.
    fn expand(&self, b: &mut Builder, operands: &[Value], regions: &[Graph]) -> Result<Results, TypeError>;
}

/// An op that runs regions. Its [`Ports`] say how; the type rule follows from them, and so does what the compiler makes of the op. It gets
/// [`ControlDef`] from this trait.
pub trait RegionDef: Attributes {
    /// The mnemonic of the text form.
    const NAME: &'static str;
    /// How many operands it takes.
    const ARITY: Arity;
    /// How many regions it has.
    const REGIONS: Arity;

    /// How its regions run, and how values get in and out.
    fn ports(&self) -> Ports;

    /// The op that does the same with other numbers of carried and of sliced operands; `None` if there is none.
    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op>;

    /// What must hold besides what [`RegionDef::ports`] asks of operands and regions, which has been checked.
    fn check(&self, operands: &[&Type], regions: &[Graph]) -> Result<(), TypeError> {
        let _ = (operands, regions);
        Ok(())
    }

    /// As [`ControlDef::derivative`].
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Regions
    }

    /// As [`ControlDef::definition`].
    fn definition(&self) -> Option<&dyn RegionDefinition> {
        None
    }

    /// As [`ControlDef::eval`].
    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError>;

    /// As [`OpDef::sample`], regions included.
    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Self>;
}

impl<T: RegionDef> ControlDef for T {
    const NAME: &'static str = <T as RegionDef>::NAME;
    const ARITY: Arity = <T as RegionDef>::ARITY;
    const REGIONS: Arity = <T as RegionDef>::REGIONS;
    const LOWERING: Lowering = Lowering::Region;

    fn infer(&self, operands: &[&Type], regions: &[Graph]) -> Result<Types, TypeError> {
        let results = ports::infer(&RegionDef::ports(self), operands, regions)?;
        self.check(operands, regions)?;
        Ok(results)
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        regions: &[Graph],
        results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        RegionDef::eval(self, evaluator, operands, regions, results)
    }

    fn ports(&self) -> Option<Ports> {
        Some(RegionDef::ports(self))
    }

    fn with_counts(&self, carried: usize, sliced: usize) -> Option<Op> {
        RegionDef::with_counts(self, carried, sliced)
    }

    fn derivative(&self) -> Derivative<'_> {
        RegionDef::derivative(self)
    }

    fn definition(&self) -> Option<&dyn RegionDefinition> {
        RegionDef::definition(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<T> {
        <T as RegionDef>::sample(draw, hint)
    }
}

/// Results of a node under construction.
pub type Results = SmallVec<[Value; 1]>;

/// An op that is defined by its expansion: its types and its meaning are those of the graph that `expand` builds.
pub trait CompositeDef: Attributes {
    /// The mnemonic of the text form.
    const NAME: &'static str;
    /// How many operands it takes.
    const ARITY: Arity;

    /// Appends the op's definition to `b` and returns its results. Errors are about the op's own operands; an error of an
    /// inner op is passed on.
    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError>;

    /// How it is differentiated and batched, if not as its definition.
    fn own_rules(&self) -> Option<&dyn OwnRules> {
        None
    }

    /// As [`OpDef::sample`].
    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Self>;
}

/// Rules of a composite whose definition would lose digits, give NaN where a derivative exists, or cost more. One that states its
/// derivative cannot do so without saying how examples keep it.
pub trait OwnRules {
    /// As [`OpDef::derivative`].
    fn derivative(&self) -> Derivative<'_>;

    /// As [`OpDef::batching`].
    fn batching(&self, examples: usize) -> Batching<'_>;
}

impl<T: CompositeDef> OpDef for T {
    const NAME: &'static str = <T as CompositeDef>::NAME;
    const ARITY: Arity = <T as CompositeDef>::ARITY;
    const LOWERING: Lowering = Lowering::Expand;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let definition = definition(self, operands.iter().copied())?;
        Ok(definition.outputs().iter().map(|&v| definition.tensor(v).clone()).collect())
    }

    fn eval(&self, operands: &[&Literal], _results: &[TensorType]) -> Vec<Literal> {
        evaluated(<T as CompositeDef>::NAME, operands, |b, operands| {
            Some(CompositeDef::expand(self, b, operands))
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        self.own_rules().map_or(Derivative::Expansion, OwnRules::derivative)
    }

    fn batching(&self, examples: usize) -> Batching<'_> {
        self.own_rules().map_or(Batching::Expansion, |rules| rules.batching(examples))
    }

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Option<Result<Results, TypeError>> {
        Some(CompositeDef::expand(self, b, operands))
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<T> {
        <T as CompositeDef>::sample(draw, hint)
    }
}

/// Results of an op that means its definition, for operands of types that it accepts.
pub(in crate::op) fn evaluated(
    name: &str,
    operands: &[&Literal],
    expand: impl FnOnce(&mut Builder, &[Value]) -> Option<Result<Results, TypeError>>,
) -> Vec<Literal> {
    let mut b = Builder::new(name);
    let inputs: SmallVec<[Value; 4]> = operands.iter().map(|x| b.input(x.ty().clone())).collect();
    let results =
        expand(&mut b, &inputs).expect("it has a definition").expect("operand types were accepted before");
    let inputs: Vec<Literal> = operands.iter().map(|&l| l.clone()).collect();
    crate::eval::evaluate(&b.finish(&results), &inputs).expect("inputs have the types of the operands")
}

/// The graph that defines a composite for operands of these types.
fn definition<'a, T: CompositeDef>(
    op: &T,
    operands: impl Iterator<Item = &'a TensorType>,
) -> Result<Graph, TypeError> {
    let mut b = Builder::new(T::NAME);
    let inputs: SmallVec<[Value; 4]> = operands.map(|ty| b.input(ty.clone())).collect();
    let results = CompositeDef::expand(op, &mut b, &inputs)?;
    Ok(b.finish(&results))
}
