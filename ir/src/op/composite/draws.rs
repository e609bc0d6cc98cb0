//! Random draws out of given numbers, and waiting times.

use smallvec::smallvec;

use super::random::{bits, check_float, check_key, digits, key_operand, top_digits, unit};
use super::search::{SearchSide, Searchsorted};
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes, word_attribute};

attributes! {
    /// Exponentially distributed numbers, as the time between events that come `1 / scale` at a time: `key -> dtype[shape]`, floats.
    /// By inversion: `-log(1 - u) * scale`.
    pub struct Exponential {
        /// Dtype of the result.
        pub dtype: DType,
        /// Shape of the result.
        pub shape: Shape,
        /// The mean.
        pub scale: Scalar,
    }
}

impl CompositeDef for Exponential {
    const NAME: &'static str = "exponential";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, key: &[Value]) -> Result<Results, TypeError> {
        check_key(b, key, 0)?;
        check_float(self.dtype)?;
        let dtype = super::build::wide_dtype(self.dtype);
        let number = unit(b, key[0], dtype, &self.shape, digits(dtype))?;
        let negated = b.neg(number)?;
        let log = b.log1p(negated)?;
        let scaled = b.mul_number(log, -self.scale.to_f64())?;
        Ok(smallvec![b.convert(scaled, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Exponential> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let op = Exponential { dtype, shape: draw.shape(3), scale: draw.choose(&[1.0, 0.25]).into() };
        Sample::epsilons(op, 16, [key_operand()])
    }
}

word_attribute! {
    /// Whether what was drawn can be drawn again.
    pub enum Replacement {
        /// Draws are independent of each other.
        With = "with",
        /// Nothing is drawn twice.
        Without = "without",
    }
}

attributes! {
    /// Indices below `n`, drawn with probabilities that are proportional to weights: `T[n], key -> i32[shape]`, float weights, none below 0.
    ///
    /// With replacement by inversion of the distribution function; without by the Gumbel-max method (the greatest of `log w - log(-log(u))`),
    /// in the order drawn: then there must be as many weights above 0 as draws.
    pub struct Choice {
        /// Shape of the result.
        pub shape: Shape,
        /// Whether an index can be drawn again.
        pub replacement: Replacement,
    }
}

impl CompositeDef for Choice {
    const NAME: &'static str = "choice";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 1)?;
        let ty = b.type_of(operands[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Float)?;
        let (1, false) = (ty.rank(), ty.elements() == 0) else {
            return Err(TypeError::Other(format!("the weights must be a vector of some, found {ty}")));
        };
        rule::check_index_dtype("shape", DType::I32, ty.shape[0])?;
        rule::one(DType::I32, self.shape.clone())?;
        let weights = b.widen(operands[0])?;
        let drawn = match self.replacement {
            Replacement::With => self.independent(b, weights, operands[1])?,
            Replacement::Without => self.distinct(b, weights, operands[1])?,
        };
        Ok(smallvec![drawn])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Choice> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let count = draw.extent().max(1);
        let replacement = draw.choose(Replacement::ALL);
        let shape = match replacement {
            Replacement::With => draw.shape(2),
            Replacement::Without => [draw.below(count + 1)].into(),
        };
        let weights = Operand::new(TensorType::new(dtype, [count]), Values::Range(0.25, 1.0));
        Sample::exact(Choice { shape, replacement }, [weights, key_operand()])
    }
}

impl Choice {
    fn independent(&self, b: &mut Builder, weights: Value, key: Value) -> Result<Value, TypeError> {
        let ty = b.type_of(weights);
        let count = ty.shape.size(0);
        let sums = b.cumulative(weights, ReduceKind::Sum, 0usize, false, false)?;
        let total = b.section(sums, 0, count - 1, count)?;
        let total = b.reshape(total, Shape::scalar())?;
        let total = b.broadcast_to(total, &self.shape)?;
        let number = unit(b, key, ty.dtype, &self.shape, digits(ty.dtype))?;
        let scaled = b.mul(number, total)?;
        // How many sums are not above the number; rounding must not reach beyond the last weight that is not 0.
        let place = b.push_one(Searchsorted { side: SearchSide::Right }, &[sums, scaled])?;
        let end = b.push_one(Searchsorted { side: SearchSide::Left }, &[sums, total])?;
        Ok(b.minimum(place, end)?)
    }

    fn distinct(&self, b: &mut Builder, weights: Value, key: Value) -> Result<Value, TypeError> {
        let TensorType { dtype, shape } = b.type_of(weights);
        let drawn = self.shape.elements();
        if drawn > shape.size(0) {
            let reason = format!("{drawn} draws of {}, none of them twice", shape.size(0));
            return Err(TypeError::attribute("shape", reason));
        }
        // Odd multiples of half the last digit: neither 0 nor 1 occurs.
        let digits = digits(dtype) - 1;
        let word = if dtype == DType::F64 { DType::U64 } else { DType::U32 };
        let words = bits(b, key, word, &shape, 0)?;
        let number = top_digits(b, words, dtype, digits)?;
        let number = b.add_number(number, 0.5f64.powi(digits as i32 + 1))?;
        let log = b.log(number)?;
        let time = b.neg(log)?;
        let time = b.log(time)?;
        let weight = b.log(weights)?;
        let perturbed = b.sub(weight, time)?;
        let order = b.top_k(perturbed, drawn, 0usize)?;
        Ok(b.reshape(order[1], self.shape.clone())?)
    }
}

attributes! {
    /// The slices along `axis` that random indices name, each as likely as the others: `T[a.., n, b..], key -> T[a.., s.., b..]`.
    pub struct Draws {
        /// The axis along which slices are drawn.
        pub axis: usize,
        /// How many, as a shape.
        pub shape: Shape,
        /// Whether a slice can be drawn again.
        pub replacement: Replacement,
    }
}

impl CompositeDef for Draws {
    const NAME: &'static str = "draws";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        check_key(b, operands, 1)?;
        let shape = b.shape(operands[0]);
        rule::check_axis(self.axis, shape.rank())?;
        rule::check_index_dtype("axis", DType::I32, shape[self.axis])?;
        let (count, drawn) = (shape.size(self.axis), self.shape.elements());
        let indices = match self.replacement {
            Replacement::With if count == 0 => {
                return Err(TypeError::Other(format!("axis {} has no elements to draw", self.axis)));
            }
            Replacement::With => {
                let (low, high) = (Scalar::I32(0), Scalar::I32(count as i32));
                b.uniform(operands[1], DType::I32, self.shape.clone(), low, high)?
            }
            Replacement::Without if drawn > count => {
                let reason = format!("{drawn} draws of {count}, none of them twice");
                return Err(TypeError::attribute("shape", reason));
            }
            Replacement::Without => {
                let order = b.permutation(operands[1], count)?;
                let order = b.section(order, 0, 0, drawn)?;
                b.reshape(order, self.shape.clone())?
            }
        };
        Ok(smallvec![b.take(operands[0], indices, self.axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Draws> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        let count = ty.shape.size(axis).max(1);
        let ty = ty.with_shape(ty.shape.with_dim(axis, Dim::known(count)));
        let replacement = draw.choose(Replacement::ALL);
        let drawn = draw.below(if ty.elements() > 512 { 2 } else { 4 }.min(count + 1));
        Sample::exact(Draws { axis, shape: [drawn].into(), replacement }, [Operand::any(ty), key_operand()])
    }
}
