//! Derivatives: what an op's definition says about how its results change with its operands.
//!
//! Notation: at fixed operands `x` an op with results `y` has a Jacobian `J`. Forward mode carries *tangents* `x'` along and
//! needs `y' = J x'` (`jvp`); reverse mode carries *cotangents* back and needs `x^ = J^T y^` (`vjp`). A tangent or cotangent
//! has the type of its value. `None` is zero by structure: nothing is computed for it. Only floats and complex numbers have derivatives;
//! integers and bools are constants to both modes. A cotangent `g` of a complex number says that the value changes by `Re(g z')`: so what is
//! differentiable in the complex sense has the same rules as for real numbers, and whoever asks for gradients gets conjugates.
//!
//! An op states its derivative in the weakest form that it has, and the rest follows:
//!
//! | form | what is stated | whose |
//! |---|---|---|
//! | [`Partials`] | the partial derivative by each operand, element by element | functions of elements |
//! | [`LinearOp`] | the transposed map | ops that are linear in their float operands: movement, sums |
//! | [`Differentiable`] | both products with the Jacobian | products, folds, sorting |
//! | [`Derivative::Expansion`] | nothing: the definition is differentiated | composites, unless they know better |
//! | [`Derivative::Zero`] | nothing: results are constant between jumps | roundings, comparisons, indices, bits, effects |
//! | [`Derivative::Regions`] | nothing: the regions are differentiated | control flow |
//! | [`Derivative::Again`] | nothing: the region is differentiated where it runs again | a checkpoint |
//! | [`Derivative::Region`] | the way back, as a region | a function with a gradient of its own |
//!
//! What rules append are ops like any others, so derivatives have derivatives, and the optimiser sees nothing special. At kinks
//! the convention is that of JAX, and the op's rule says what it is. Derivatives have the dtype of their
//! operands; a rule of several steps may compute in f32 for narrower ones.

use smallvec::{SmallVec, smallvec};

use crate::builder::BuildError;
use crate::{Builder, Op, TensorType, Value};

/// Tangents of results or cotangents of operands, one for each; `None` is zero.
pub type Derivatives = SmallVec<[Option<Value>; 3]>;

/// How an op is differentiated.
#[derive(Clone, Copy, Debug)]
pub enum Derivative<'a> {
    /// By the op's own rule.
    Rule(Rule<'a>),
    /// As its definition is: for composites.
    Expansion,
    /// No result changes with an operand, except in jumps.
    Zero,
    /// As its regions are: control flow, and the lists that it carries, which whoever differentiates graphs knows.
    Regions,
    /// As its only region is, which the way back runs again: of the first run it keeps the operands alone.
    Again {
        /// What the run is called.
        name: &'a str,
    },
    /// By a region of the op.
    Region(RegionRule),
}

/// A derivative in reverse mode that the second region of an op states.
///
/// The first region takes all operands and gives the results, then what it saves. The second one takes the operands that are captured,
/// what was saved, and a cotangent for each float among the first results; it gives a cotangent for each float argument. Other results
/// carry no derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionRule {
    /// How many operands have cotangents, the first ones. The rest are captured.
    pub arguments: usize,
    /// How many results have cotangents, the first ones.
    pub results: usize,
    /// How many values the first region saves.
    pub saved: usize,
}

impl<'a> Derivative<'a> {
    /// The rule of an element-wise op.
    pub fn partials(op: &'a dyn Partials) -> Derivative<'a> {
        Derivative::Rule(Rule(Kind::Partials(op)))
    }

    /// The rule of an op that is linear in its float operands together.
    pub fn linear(op: &'a dyn LinearOp) -> Derivative<'a> {
        Derivative::Rule(Rule(Kind::Linear(op)))
    }

    /// A rule that states both products.
    pub fn both(op: &'a dyn Differentiable) -> Derivative<'a> {
        Derivative::Rule(Rule(Kind::Both(op)))
    }
}

/// The rule of an op, whatever form it was stated in.
#[derive(Clone, Copy)]
pub struct Rule<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Partials(&'a dyn Partials),
    Linear(&'a dyn LinearOp),
    Both(&'a dyn Differentiable),
}

impl std::fmt::Debug for Rule<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Partials(_) => "Partials",
            Kind::Linear(_) => "Linear",
            Kind::Both(_) => "Both",
        })
    }
}

/// An element-wise op with one result.
pub trait Partials {
    /// The derivative of a result element by the element of the operand at the same index. Asked only for float operands.
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError>;
}

/// An op with one result that is linear in its float operands together, for fixed other operands.
pub trait LinearOp {
    /// Cotangents of the operands; `None` for those that [`Primal::wants`] does not ask for.
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError>;
}

/// An op that states both products with its Jacobian.
pub trait Differentiable {
    /// Tangents of the results. At least one tangent is not zero.
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError>;

    /// Cotangents of the operands; those that [`Primal::wants`] does not ask for may be `None`. At least one cotangent is
    /// not zero.
    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError>;
}

/// A node at which its op is differentiated, in the graph that the rule appends to.
#[derive(Debug)]
pub struct Primal<'a> {
    /// Where the rule appends.
    pub b: &'a mut Builder,
    /// The op.
    pub op: &'a Op,
    /// Operands of the node.
    pub operands: &'a [Value],
    /// Results of the node.
    pub results: &'a [Value],
    /// For each operand whether its cotangent is of use. Only floats are wanted.
    pub wanted: &'a [bool],
}

impl Primal<'_> {
    /// Whether somebody needs the cotangent of this operand.
    pub fn wants(&self, operand: usize) -> bool {
        self.wanted[operand]
    }

    /// The cotangent that `compute` makes, if it is wanted.
    pub fn when_wanted(
        &mut self,
        operand: usize,
        compute: impl FnOnce(&mut Builder) -> Result<Value, BuildError>,
    ) -> Result<Option<Value>, BuildError> {
        if self.wants(operand) { compute(self.b).map(Some) } else { Ok(None) }
    }

    /// Type of an operand.
    pub fn operand_type(&self, operand: usize) -> TensorType {
        self.b.tensor(self.operands[operand]).clone()
    }

    fn is_differentiable(&self, operand: usize) -> bool {
        self.b.tensor(self.operands[operand]).dtype.is_differentiable()
    }
}

/// A partial derivative of an element-wise function, as what it does to a tangent or a cotangent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// 0.
    Zero,
    /// 1.
    One,
    /// -1.
    MinusOne,
    /// This factor, in the operand's dtype or a wider one.
    Times(Value),
    /// 1 divided by this, in the operand's dtype or a wider one.
    Over(Value),
    /// 1 where this is true, else 0, whatever it is applied to.
    Where(Value),
    /// The factor where the mask is true, else 0, whatever it is applied to: infinity too, of which 0 times would be NaN.
    Masked {
        /// Where the derivative is not 0.
        mask: Value,
        /// The derivative there, as in [`Partial::Times`].
        factor: Value,
    },
}

impl Partial {
    /// The derivative times a tangent or cotangent.
    pub fn apply(self, b: &mut Builder, to: Value) -> Result<Option<Value>, BuildError> {
        let dtype = b.tensor(to).dtype;
        let result = match self {
            Partial::Zero => return Ok(None),
            Partial::One => to,
            Partial::MinusOne => b.neg(to)?,
            Partial::Times(factor) => times(b, to, factor)?,
            Partial::Over(divisor) => {
                let to = b.convert(to, b.tensor(divisor).dtype)?;
                b.div(to, divisor)?
            }
            Partial::Where(mask) => b.zero_unless(mask, to)?,
            Partial::Masked { mask, factor } => {
                let product = times(b, to, factor)?;
                b.zero_unless(mask, product)?
            }
        };
        b.convert(result, dtype).map(Some)
    }
}

/// The product in the factor's dtype.
fn times(b: &mut Builder, to: Value, factor: Value) -> Result<Value, BuildError> {
    let to = b.convert(to, b.tensor(factor).dtype)?;
    b.mul(to, factor)
}

impl Rule<'_> {
    /// Whether it is that of an op that is linear in its float operands together: a cotangent of 0 gives 0, whatever the operands are.
    pub fn is_linear(&self) -> bool {
        matches!(self.0, Kind::Linear(_))
    }

    /// Tangents of the results out of tangents of the operands. `tangents` has one for each operand, not all `None`, and `None`
    /// for those that are no floats. Fails only if the rule is wrong for its op.
    pub fn jvp(
        &self,
        primal: &mut Primal<'_>,
        tangents: &[Option<Value>],
    ) -> Result<Derivatives, BuildError> {
        match self.0 {
            Kind::Partials(op) => forward_partials(op, primal, tangents),
            Kind::Linear(_) => forward_linear(primal, tangents),
            Kind::Both(op) => op.jvp(primal, tangents),
        }
    }

    /// Cotangents of the wanted operands out of cotangents of the results. `cotangents` has one for each result, not all
    /// `None`, and `None` for those that are no floats. Fails only if the rule is wrong for its op.
    pub fn vjp(
        &self,
        primal: &mut Primal<'_>,
        cotangents: &[Option<Value>],
    ) -> Result<Derivatives, BuildError> {
        match self.0 {
            Kind::Partials(op) => reverse_partials(op, primal, cotangents),
            Kind::Linear(op) => match cotangents[0] {
                Some(cotangent) => op.transpose(primal, cotangent),
                None => Ok(SmallVec::from_elem(None, primal.operands.len())),
            },
            Kind::Both(op) => op.vjp(primal, cotangents),
        }
    }
}

fn forward_partials(
    op: &dyn Partials,
    primal: &mut Primal<'_>,
    tangents: &[Option<Value>],
) -> Result<Derivatives, BuildError> {
    let mut sum = None;
    for (operand, &tangent) in tangents.iter().enumerate() {
        let Some(tangent) = tangent else { continue };
        let part = op.partial(primal, operand)?.apply(primal.b, tangent)?;
        sum = primal.b.add_derivatives(sum, part)?;
    }
    Ok(smallvec![sum])
}

fn reverse_partials(
    op: &dyn Partials,
    primal: &mut Primal<'_>,
    cotangents: &[Option<Value>],
) -> Result<Derivatives, BuildError> {
    let mut results = Derivatives::from_elem(None, primal.operands.len());
    let Some(cotangent) = cotangents[0] else { return Ok(results) };
    for (operand, result) in results.iter_mut().enumerate() {
        if primal.wants(operand) {
            *result = op.partial(primal, operand)?.apply(primal.b, cotangent)?;
        }
    }
    Ok(results)
}

/// The op itself, of tangents in place of the float operands.
fn forward_linear(primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
    let mut operands: SmallVec<[Value; 3]> = primal.operands.into();
    for (operand, value) in operands.iter_mut().enumerate() {
        if primal.is_differentiable(operand) {
            *value = match tangents[operand] {
                Some(tangent) => tangent,
                None => primal.b.full_like(0.0, *value)?,
            };
        }
    }
    let results = primal.b.push(primal.op.clone(), &operands)?;
    Ok(results.into_iter().map(Some).collect())
}
