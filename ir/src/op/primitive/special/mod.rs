//! Special functions: element-wise functions of one to four floats that are calls, of the crate `tensorwright-special`.

mod derivative;
mod table;

use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Operand, Values};
use crate::op::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, Batching, Derivative, Draw, Lowering, OpDef,
    Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, DTypeClass, Literal, Scalar, TensorType, Value};

pub use table::SpecialFn;

/// The columns of the table.
struct Row {
    evaluation: SpecialEvaluation,
    /// The partial derivatives, by each operand.
    derivative: &'static [SlopeFn],
    /// A range of operands without poles and kinks, for tests.
    smooth: (f64, f64),
    seed: Seed,
}

/// Whether the last operand is no number, but random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seed {
    /// All operands are numbers.
    None,
    /// The last operand is u64, 64 bits that scalar code finds as those of an f64; the others, and the result, are f64.
    Last,
}

/// The function, in double precision. Other floats are converted before and rounded after.
#[derive(Clone, Copy, Debug)]
pub enum SpecialEvaluation {
    /// Of one number.
    One(fn(f64) -> f64),
    /// Of two numbers.
    Two(fn(f64, f64) -> f64),
    /// Of three numbers.
    Three(fn(f64, f64, f64) -> f64),
    /// Of four numbers.
    Four(fn(f64, f64, f64, f64) -> f64),
}

/// A partial derivative out of the operands, all in double precision: differences of functions that nearly cancel keep digits enough for narrower floats.
type SlopeFn = fn(&mut Builder, &[Value]) -> Result<Value, BuildError>;

impl SpecialFn {
    /// The function of one element each, of a float dtype.
    pub fn eval(self, x: &[Scalar]) -> Scalar {
        let wide =
            |i: usize| if x[i].dtype() == DType::U64 { f64::from_bits(x[i].bits()) } else { x[i].to_f64() };
        let value = match self.evaluation() {
            SpecialEvaluation::One(f) => f(wide(0)),
            SpecialEvaluation::Two(f) => f(wide(0), wide(1)),
            SpecialEvaluation::Three(f) => f(wide(0), wide(1), wide(2)),
            SpecialEvaluation::Four(f) => f(wide(0), wide(1), wide(2), wide(3)),
        };
        Scalar::from_f64(x[0].dtype(), value)
    }

    /// Number of operands.
    pub fn operands(self) -> usize {
        match self.evaluation() {
            SpecialEvaluation::One(_) => 1,
            SpecialEvaluation::Two(_) => 2,
            SpecialEvaluation::Three(_) => 3,
            SpecialEvaluation::Four(_) => 4,
        }
    }

    /// Whether the last operand is u64, whose bits the scalar code takes for those of an f64; the others are f64 then.
    pub fn is_seeded(self) -> bool {
        self.row().seed == Seed::Last
    }

    /// The function of this name.
    pub fn find(name: &str) -> Option<SpecialFn> {
        SpecialFn::ALL.iter().find(|f| f.name() == name).copied()
    }
}

impl Attributes for SpecialFn {
    const FIELDS: &'static [&'static str] = &[];

    fn to_attrs(&self) -> Vec<(&'static str, AttrValue)> {
        Vec::new()
    }

    fn from_attrs(_attrs: &mut AttrMap) -> Result<SpecialFn, AttributeError> {
        Err(AttributeError::Missing { name: "function" })
    }
}

impl OpDef for SpecialFn {
    const NAME: &'static str = "special";
    const ARITY: Arity = Arity::AtLeast(1);
    const LOWERING: Lowering = Lowering::Map;

    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn names() -> Vec<&'static str> {
        SpecialFn::ALL.iter().map(|f| f.name()).collect()
    }

    fn arity_of(name: &str) -> Arity {
        SpecialFn::find(name).map_or(Self::ARITY, |f| Arity::Exact(f.operands()))
    }

    fn parse(name: &str, _attrs: &mut AttrMap) -> Option<Result<SpecialFn, AttributeError>> {
        SpecialFn::find(name).map(Ok)
    }

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, DTypeClass::Float)?;
        let numbers = operands.len() - usize::from(self.is_seeded());
        for other in 1..operands.len() {
            if other < numbers {
                rule::same_dtype(operands, 0, other)?;
            }
            rule::same_shape(operands, 0, other)?;
        }
        if self.is_seeded() && (dtype != DType::F64 || operands[numbers].dtype != DType::U64) {
            let reason = format!(
                "takes f64 and, last, random bits as u64, found {dtype} and {}",
                operands[numbers].dtype
            );
            return Err(TypeError::Other(reason));
        }
        rule::one(dtype, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let at = |i| {
            let x: Vec<Scalar> = operands.iter().map(|x| x.get(i)).collect();
            (*self).eval(&x)
        };
        vec![Literal::from_fn(results[0].clone(), at)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SpecialFn> {
        let function = SpecialFn::find(name).expect("a name of the family");
        let (low, high) = function.row().smooth;
        if function.is_seeded() {
            let numbers = TensorType::new(DType::F64, draw.like(hint, DTypeClass::Float, 0).shape);
            let seeds = Operand::any(TensorType::new(DType::U64, numbers.shape.clone()));
            let mut operands = vec![Operand::new(numbers, Values::Range(low, high)); function.operands() - 1];
            operands.push(seeds);
            return Sample::exact(function, operands).smooth_within(low, high);
        }
        let ty = draw.like(hint, DTypeClass::Float, 0);
        // Half precision is computed in f32, and rounded twice.
        Sample::ulps(function, 1, vec![Operand::any(ty); function.operands()]).smooth_within(low, high)
    }
}

impl Partials for SpecialFn {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let operands = primal.operands;
        let x: Result<Vec<Value>, BuildError> =
            operands
                .iter()
                .map(|&x| {
                    if primal.b.tensor(x).dtype == DType::U64 {
                        Ok(x)
                    } else {
                        primal.b.convert(x, DType::F64)
                    }
                })
                .collect();
        match self.row().derivative.get(operand) {
            Some(slope) => slope(primal.b, &x?).map(Partial::Times),
            // Of random bits.
            None => Ok(Partial::Zero),
        }
    }
}
