//! Element-wise functions that information theory, statistics and signal processing need, as expressions of others.

use std::f64::consts::PI;

use super::elementwise::{ElementWise, Precision};
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Values};
use crate::op::{Derivative, Primal, TypeError};
use crate::{Builder, DType, Value, attributes};

/// The greatest order of [`Polygamma`]: of greater ones the factorial has no finite value.
const MOST_ORDERS: usize = 170;

attributes! {
    /// `sin(pi x) / (pi x)`, and 1 at 0.
    pub struct Sinc {}
}

impl ElementWise for Sinc {
    const NAME: &'static str = "sinc";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let (turned, is_zero) = (half_turns(b, x[0])?, b.equals(x[0], 0.0)?);
        let (sin, angle) = (b.sin(turned)?, b.mul_number(x[0], PI)?);
        let angle = b.number_where(is_zero, 1.0, angle)?;
        let quotient = b.div(sin, angle)?;
        b.number_where(is_zero, 1.0, quotient)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Sinc {
        Sinc {}
    }
}

/// `pi x` less whole turns, which are taken off before the product rounds.
fn half_turns(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let half = b.mul_number(x, 0.5)?;
    let turns = b.round_even(half)?;
    let turns = b.mul_number(turns, 2.0)?;
    let rest = b.sub(x, turns)?;
    b.mul_number(rest, PI)
}

/// `(cos(pi x) - sinc(x)) / x`; near 0, where that is a difference of equal numbers, its series.
impl Partials for Sinc {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        const SERIES: [f64; 8] = [
            -1.0 / 3.0,
            1.0 / 30.0,
            -1.0 / 840.0,
            1.0 / 45_360.0,
            -1.0 / 3_991_680.0,
            1.0 / 518_918_400.0,
            -1.0 / 93_405_312_000.0,
            1.0 / 22_230_464_256_000.0,
        ];
        let (x, b) = (primal.operands[0], &mut *primal.b);
        let magnitude = b.abs(x)?;
        let bound = b.full_like(0.25, x)?;
        let is_far = b.gt(magnitude, bound)?;
        let far = b.select(is_far, x, bound)?;
        let (turned, sinc) = (half_turns(b, far)?, b.push_one(Sinc {}, &[far])?);
        let cos = b.cos(turned)?;
        let difference = b.sub(cos, sinc)?;
        let quotient = b.div(difference, far)?;
        let near = b.number_where(is_far, 0.0, x)?;
        let angle = b.mul_number(near, PI)?;
        let square = b.mul(angle, angle)?;
        let mut sum = b.full_like(SERIES[7], x)?;
        for &term in SERIES[..7].iter().rev() {
            let product = b.mul(sum, square)?;
            sum = b.add_number(product, term)?;
        }
        let product = b.mul(sum, angle)?;
        let series = b.mul_number(product, PI)?;
        Ok(Partial::Times(b.select(is_far, quotient, series)?))
    }
}

attributes! {
    /// `-x log(x)`, 0 at 0 and minus infinity below.
    pub struct Entr {}
}

impl ElementWise for Entr {
    const NAME: &'static str = "entr";
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let zero = b.full_like(0.0, x[0])?;
        let (is_negative, product) = (b.lt(x[0], zero)?, b.xlogy(x[0], x[0])?);
        let negated = b.neg(product)?;
        b.number_where(is_negative, f64::NEG_INFINITY, negated)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Entr {
        Entr {}
    }
}

/// `-log(x) - 1`.
impl Partials for Entr {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let log = primal.b.log(primal.operands[0])?;
        Ok(Partial::Times(primal.b.number_minus(-1.0, log)?))
    }
}

attributes! {
    /// `lhs log(lhs / rhs)` of positive numbers; 0 where `lhs` is 0 and `rhs` is not negative, else infinity (as SciPy defines it).
    pub struct RelEntr {}
}

impl ElementWise for RelEntr {
    const NAME: &'static str = "rel_entr";
    const OPERANDS: usize = 2;
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let (left, right) = (b.is_positive(x[0])?, b.is_positive(x[1])?);
        let both = b.and(left, right)?;
        let (above, below) = (one_unless(b, both, x[0])?, one_unless(b, both, x[1])?);
        let quotient = b.div(above, below)?;
        let log = b.log(quotient)?;
        let product = b.mul(x[0], log)?;
        let zero = b.full_like(0.0, x[1])?;
        let (is_zero, is_fine) = (b.eq(x[0], zero)?, b.ge(x[1], zero)?);
        let is_nothing = b.and(is_zero, is_fine)?;
        let infinite = b.full_like(f64::INFINITY, x[1])?;
        let rest = b.select(is_nothing, zero, infinite)?;
        // NaN of both, if one is.
        let greater = b.maximum(x[0], x[1])?;
        let is_number = b.eq(greater, greater)?;
        let rest = b.select(is_number, rest, greater)?;
        b.select(both, product, rest)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> RelEntr {
        RelEntr {}
    }
}

/// `x` where `predicate` holds, else 1.
fn one_unless(b: &mut Builder, predicate: Value, x: Value) -> Result<Value, BuildError> {
    let one = b.full_like(1.0, x)?;
    b.select(predicate, x, one)
}

/// `log(lhs / rhs) + 1`, and `-lhs / rhs`.
impl Partials for RelEntr {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let (x, y, b) = (primal.operands[0], primal.operands[1], &mut *primal.b);
        let quotient = b.div(x, y)?;
        let factor = match operand {
            0 => {
                let log = b.log(quotient)?;
                b.add_number(log, 1.0)?
            }
            _ => b.neg(quotient)?,
        };
        Ok(Partial::Times(factor))
    }
}

attributes! {
    /// `log(x / (1 - x))`, the inverse of `logistic`.
    pub struct Logit {}
}

impl ElementWise for Logit {
    const NAME: &'static str = "logit";
    const VALUES: Values = Values::Range(0.1, 0.9);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let negated = b.neg(x[0])?;
        let (log, rest) = (b.log(x[0])?, b.log1p(negated)?);
        b.sub(log, rest)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Logit {
        Logit {}
    }
}

/// `1 / (x (1 - x))`.
impl Partials for Logit {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let (x, b) = (primal.operands[0], &mut *primal.b);
        let rest = b.number_minus(1.0, x)?;
        Ok(Partial::Over(b.mul(x, rest)?))
    }
}

attributes! {
    /// `lhs log(1 + rhs)`, and 0 where `lhs` is 0, unless `rhs` is NaN.
    pub struct Xlog1py {}
}

impl ElementWise for Xlog1py {
    const NAME: &'static str = "xlog1py";
    const OPERANDS: usize = 2;
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let (zero, number) = (b.equals(x[0], 0.0)?, b.eq(x[1], x[1])?);
        let zero = b.and(zero, number)?;
        let safe = b.number_where(zero, 0.0, x[1])?;
        let log = b.log1p(safe)?;
        let product = b.mul(x[0], log)?;
        b.number_where(zero, 0.0, product)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Xlog1py {
        Xlog1py {}
    }
}

/// By `lhs` it is `log(1 + rhs)`, also where `lhs` is 0; by `rhs` it is `lhs / (1 + rhs)`, and 0 where `lhs` is 0.
impl Partials for Xlog1py {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let (x, y, b) = (primal.operands[0], primal.operands[1], &mut *primal.b);
        if operand == 0 {
            return Ok(Partial::Times(b.log1p(y)?));
        }
        let (zero, sum) = (b.equals(x, 0.0)?, b.add_number(y, 1.0)?);
        let divisor = b.number_where(zero, 1.0, sum)?;
        Ok(Partial::Times(b.div(x, divisor)?))
    }
}

attributes! {
    /// The derivative of order `order` of `digamma`; computed in double precision.
    pub struct Polygamma {
        /// The order, at most 170.
        pub order: usize,
    }
}

impl ElementWise for Polygamma {
    const NAME: &'static str = "polygamma";
    const PRECISION: Precision = Precision::Own;
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn check(&self) -> Result<(), TypeError> {
        if self.order <= MOST_ORDERS {
            return Ok(());
        }
        Err(TypeError::Attribute {
            attribute: "order",
            reason: format!("must be at most {MOST_ORDERS}, found {}", self.order),
        })
    }

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        if self.order == 0 {
            return b.digamma(x[0]);
        }
        let dtype = b.tensor(x[0]).dtype;
        let wide = b.convert(x[0], DType::F64)?;
        let order = b.full_like((self.order + 1) as f64, wide)?;
        let zeta = b.zeta(order, wide)?;
        let factorial: f64 = (1..=self.order).map(|k| k as f64).product();
        let scaled = b.mul_number(zeta, if self.order.is_multiple_of(2) { -factorial } else { factorial })?;
        b.convert(scaled, dtype)
    }

    fn draw(draw: &mut Draw<'_>) -> Polygamma {
        Polygamma { order: draw.below(4) }
    }
}

attributes! {
    /// The logarithm of the multivariate gamma function of `dims` dimensions: `dims (dims - 1) / 4 log(pi)` plus the sum of
    /// `lgamma(x - k / 2)` for `k < dims`.
    pub struct Multigammaln {
        /// The number of dimensions, at least 1.
        pub dims: usize,
    }
}

impl ElementWise for Multigammaln {
    const NAME: &'static str = "multigammaln";
    const VALUES: Values = Values::Range(4.0, 8.0);

    fn check(&self) -> Result<(), TypeError> {
        if (1..=1000).contains(&self.dims) {
            return Ok(());
        }
        Err(TypeError::Attribute {
            attribute: "dims",
            reason: format!("must be from 1 to 1000, found {}", self.dims),
        })
    }

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let dims = self.dims as f64;
        let mut sum = b.full_like(dims * (dims - 1.0) / 4.0 * PI.ln(), x[0])?;
        for k in 0..self.dims {
            let shifted = b.add_number(x[0], -(k as f64) / 2.0)?;
            let lgamma = b.lgamma(shifted)?;
            sum = b.add(sum, lgamma)?;
        }
        Ok(sum)
    }

    fn draw(draw: &mut Draw<'_>) -> Multigammaln {
        Multigammaln { dims: 1 + draw.below(3) }
    }
}
