//! Continuous and discrete distributions whose parameters are tensors; derivatives go through the numbers where the distribution allows it.

use std::borrow::Borrow;
use std::f64::consts::PI;

use tensorwright_ir::op::composite::Uniform;
use tensorwright_ir::op::primitive::{BinaryFn, ReduceKind, RngAlgorithm, RngBits, SpecialFn};
use tensorwright_ir::{DType, Scalar, Shape};

use super::{Generator, RandomKey};
use crate::control::scan;
use crate::error::{CallSite, Result, caller};
use crate::interpret::one;
use crate::ops::{Operand, OperandKind, own_like, owned};
use crate::tensor::Tensor;

/// Two parameters of one dtype: a number adopts that of the other one.
fn pair(a: impl Operand, b: impl Operand, op: &'static str, at: CallSite) -> (Tensor, Tensor) {
    let like = match (a.kind(), b.kind()) {
        (OperandKind::Number(_), OperandKind::Tensor(_) | OperandKind::Variable(_)) => own_like(&b, at),
        _ => own_like(&a, at),
    };
    let (a, b) = (a.hold(&like, op, at), b.hold(&like, op, at));
    let (a, b): (&Tensor, &Tensor) = (a.borrow(), b.borrow());
    (a.clone(), b.clone())
}

/// `x` converted to the dtype of `like`.
fn as_dtype_of(x: &Tensor, like: &Tensor) -> Tensor {
    match like.known_type() {
        Ok(ty) => x.cast(ty.dtype),
        Err(_) => like.clone(),
    }
}

/// What the methods of keys and of generators do, with a key.
impl RandomKey {
    /// 64 random bits each.
    fn seeds(&self, shape: &Shape, at: CallSite) -> Tensor {
        let counter = Tensor::scalar_at(Scalar::U64(0), at);
        one(
            RngBits { algorithm: RngAlgorithm::Philox, dtype: DType::U64, shape: shape.clone() },
            &[&self.key, &counter],
            at,
        )
    }

    /// Numbers from 0 to below 1 in double precision.
    fn units(&self, shape: &Shape, at: CallSite) -> Tensor {
        let (low, high) = (Scalar::F64(0.0), Scalar::F64(1.0));
        one(Uniform { dtype: DType::F64, shape: shape.clone(), low, high }, &[&self.key], at)
    }

    /// Numbers in (0, 1): odd multiples of 2^-54.
    fn open_units(&self, shape: &Shape, at: CallSite) -> Tensor {
        let half = Tensor::scalar_at(Scalar::F64(0.5f64.powi(54)), at);
        one(BinaryFn::Add, &[&self.units(shape, at), &half.broadcast_at(shape, at)], at)
    }

    /// Logarithms of gamma-distributed numbers, in double precision.
    #[track_caller]
    fn log_gammas(&self, shape: &Shape, concentration: &Tensor) -> Tensor {
        let at = caller();
        let concentration = concentration.cast(DType::F64).broadcast_at(shape, at);
        one(SpecialFn::LogGammaDraw, &[&concentration, &self.seeds(shape, at)], at)
    }

    /// Standard numbers by inversion, scaled and moved.
    #[track_caller]
    fn quantiles(
        &self,
        shape: &Shape,
        (location, scale): (Tensor, Tensor),
        quantile: impl FnOnce(Tensor) -> Tensor,
    ) -> Tensor {
        let standard = quantile(self.open_units(shape, caller()));
        as_dtype_of(&(standard * scale.cast(DType::F64) + location.cast(DType::F64)), &location)
    }
}

/// The logistic quantile, `ln(p / (1 - p))`, of which others are made too.
#[track_caller]
fn log_odds(p: &Tensor) -> Tensor {
    p.log() - (-p).log1p()
}

macro_rules! distributions {
    ($of:ident) => {
        /// Distributions whose parameters are numbers or tensors. Parameters broadcast to the shape; the dtype is theirs, or i64 for counts.
        impl $of {
            /// Gamma-distributed numbers of the shape parameter `concentration`, with scale 1: `T[shape]`, floats. By Marsaglia and Tsang (2000); the derivative
            /// by `concentration` is that of the quantile (Figurnov, Mohamed and Mnih 2018).
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).gamma([1000], 3.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 3.0).abs() < 0.2);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn gamma(&self, shape: impl Into<Shape>, concentration: impl Operand) -> Tensor {
                self.log_gamma(shape, concentration).exp()
            }

            /// Logarithms of gamma-distributed numbers, which are finite where the numbers are too small: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).log_gamma([1000], 1e-3f32);
            /// assert!(x.is_finite().all(..).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn log_gamma(&self, shape: impl Into<Shape>, concentration: impl Operand) -> Tensor {
                let at = caller();
                let concentration = owned(concentration, "log_gamma", at);
                self.with_key(at, |key| {
                    as_dtype_of(&key.log_gammas(&shape.into(), &concentration), &concentration)
                })
            }

            /// Numbers from 0 to 1 of the beta distribution: `T[shape]`, floats. Of two gamma-distributed numbers.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).beta([1000], 2.0f32, 6.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 0.25).abs() < 0.02);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn beta(&self, shape: impl Into<Shape>, a: impl Operand, b: impl Operand) -> Tensor {
                let at = caller();
                let ((a, b), shape) = (pair(a, b, "beta", at), shape.into());
                self.with_key(at, |key| {
                    let [left, right] = key.split();
                    let (left, right) = (left.log_gammas(&shape, &a), right.log_gammas(&shape, &b));
                    as_dtype_of(&(left - right).logistic(), &a)
                })
            }

            /// Vectors along a last axis that add up to 1, of the Dirichlet distribution: `T[shape.., n]` for `T[n]` or `T[.., n]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).dirichlet([4], [1.0f32, 2.0, 3.0]);
            /// assert_eq!(x.shape()?, &[4, 3].into());
            /// assert!(x.sum(-1).allclose([1.0f32; 4], 1e-6, 0.0).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn dirichlet(&self, shape: impl Into<Shape>, concentration: impl Operand) -> Tensor {
                let at = caller();
                let concentration = owned(concentration, "dirichlet", at);
                let shape = with_last_axis(&shape.into(), &concentration);
                self.with_key(at, |key| {
                    as_dtype_of(&key.log_gammas(&shape, &concentration).softmax(-1), &concentration)
                })
            }

            /// Chi-square-distributed numbers with so many degrees of freedom: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).chi_square([1000], 5.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 5.0).abs() < 0.4);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn chi_square(&self, shape: impl Into<Shape>, freedom: impl Operand) -> Tensor {
                self.gamma(shape, owned(freedom, "chi_square", caller()) * 0.5) * 2.0
            }

            /// Numbers of Student's t distribution with so many degrees of freedom: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).student_t([1000], 5.0f32);
            /// assert!(x.mean(..).item::<f32>()?.abs() < 0.2);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn student_t(&self, shape: impl Into<Shape>, freedom: impl Operand) -> Tensor {
                let at = caller();
                let (freedom, shape) = (owned(freedom, "student_t", at), shape.into());
                self.with_key(at, |key| {
                    let [left, right] = key.split();
                    let wide = freedom.cast(DType::F64);
                    // Half of the logarithm of chi-square over its degrees of freedom.
                    let spread = (right.log_gammas(&shape, &(&wide * 0.5)) - (&wide * 0.5).log()) * 0.5;
                    let normal = left.normal(shape.clone(), 0.0f64, 1.0);
                    as_dtype_of(&(normal * (-spread).exp()), &freedom)
                })
            }

            /// Laplace-distributed numbers: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).laplace([1000], 5.0f32, 2.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 5.0).abs() < 0.4);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn laplace(
                &self,
                shape: impl Into<Shape>,
                location: impl Operand,
                scale: impl Operand,
            ) -> Tensor {
                let parameters = pair(location, scale, "laplace", caller());
                self.located(shape, parameters, |p| {
                    let centred = p - 0.5;
                    -centred.sign() * (centred.abs() * -2.0).log1p()
                })
            }

            /// Gumbel-distributed numbers: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).gumbel([1000], 0.0f32, 1.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 0.577).abs() < 0.2);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn gumbel(
                &self,
                shape: impl Into<Shape>,
                location: impl Operand,
                scale: impl Operand,
            ) -> Tensor {
                let parameters = pair(location, scale, "gumbel", caller());
                self.located(shape, parameters, |p| -(-p.log()).log())
            }

            /// Numbers of the logistic distribution: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).logistic([1000], 5.0f32, 1.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 5.0).abs() < 0.3);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn logistic(
                &self,
                shape: impl Into<Shape>,
                location: impl Operand,
                scale: impl Operand,
            ) -> Tensor {
                let parameters = pair(location, scale, "logistic", caller());
                self.located(shape, parameters, |p| log_odds(&p))
            }

            /// Cauchy-distributed numbers: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).cauchy([1000], 5.0f32, 1.0f32);
            /// assert!((x.median(0).item::<f32>()? - 5.0).abs() < 0.3);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn cauchy(
                &self,
                shape: impl Into<Shape>,
                location: impl Operand,
                scale: impl Operand,
            ) -> Tensor {
                let parameters = pair(location, scale, "cauchy", caller());
                self.located(shape, parameters, |p| ((p - 0.5) * PI).tan())
            }

            /// Numbers whose logarithms are normally distributed: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).lognormal([1000], 1.0f32, 0.5f32);
            /// assert!((x.log().mean(..).item::<f32>()? - 1.0).abs() < 0.1);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn lognormal(
                &self,
                shape: impl Into<Shape>,
                mean: impl Operand,
                std: impl Operand,
            ) -> Tensor {
                let parameters = pair(mean, std, "lognormal", caller());
                self.located(shape, parameters, |p| p.ndtri()).exp()
            }

            /// Weibull-distributed numbers: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).weibull([1000], 2.0f32, 1.0f32);
            /// assert!((x.mean(..).item::<f32>()? - 2.0).abs() < 0.3);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn weibull(
                &self,
                shape: impl Into<Shape>,
                scale: impl Operand,
                concentration: impl Operand,
            ) -> Tensor {
                let (at, shape) = (caller(), shape.into());
                let (scale, concentration) = pair(scale, concentration, "weibull", at);
                self.with_key(at, |key| {
                    let time = -key.open_units(&shape, at).log();
                    let power = (time.log() / concentration.cast(DType::F64)).exp();
                    as_dtype_of(&(power * scale.cast(DType::F64)), &scale)
                })
            }

            /// Pareto-distributed numbers from 1 on: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).pareto([1000], 3.0f32);
            /// assert!(x.ge(1).all(..).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn pareto(&self, shape: impl Into<Shape>, concentration: impl Operand) -> Tensor {
                let (at, shape) = (caller(), shape.into());
                let concentration = owned(concentration, "pareto", at);
                self.with_key(at, |key| {
                    let exponent = -key.open_units(&shape, at).log() / concentration.cast(DType::F64);
                    as_dtype_of(&exponent.exp(), &concentration)
                })
            }

            /// Normally distributed vectors with the mean `T[n]` and the covariance `T[n, n]`: `T[shape.., n]`, f32 or f64. By the Cholesky factor of the
            /// covariance.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).multivariate_normal([1000], [1.0f32, 2.0], [[1.0f32, 0.9], [0.9, 1.0]]);
            /// assert!((x.mean(0).i(1).item::<f32>()? - 2.0).abs() < 0.2);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn multivariate_normal(
                &self,
                shape: impl Into<Shape>,
                mean: impl Operand,
                covariance: impl Operand,
            ) -> Tensor {
                let at = caller();
                let (mean, covariance) =
                    (owned(mean, "multivariate_normal", at), owned(covariance, "multivariate_normal", at));
                let shape = with_last_axis(&shape.into(), &mean);
                self.with_key(at, |key| {
                    let standard = as_dtype_of(&key.open_units(&shape, at).ndtri(), &mean);
                    standard.matmul(covariance.cholesky().t()) + &mean
                })
            }

            /// Numbers of events that are Poisson-distributed with this mean: `i64[shape]`.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).poisson([1000], 4.0f32);
            /// assert!((x.cast(DType::F32).mean(..).item::<f32>()? - 4.0).abs() < 0.3);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn poisson(&self, shape: impl Into<Shape>, rate: impl Operand) -> Tensor {
                let (at, shape) = (caller(), shape.into());
                let rate = owned(rate, "poisson", at).cast(DType::F64).broadcast_at(&shape, at);
                self.with_key(at, |key| one(SpecialFn::PoissonDraw, &[&rate, &key.seeds(&shape, at)], at))
                    .cast(DType::I64)
            }

            /// Numbers of successes in `trials` trials that succeed with probability `p` each: `i64[shape]`.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).binomial([1000], 10, 0.3);
            /// assert!((x.cast(DType::F32).mean(..).item::<f32>()? - 3.0).abs() < 0.3);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn binomial(&self, shape: impl Into<Shape>, trials: impl Operand, p: impl Operand) -> Tensor {
                let (at, shape) = (caller(), shape.into());
                let wide = |x: Tensor| x.cast(DType::F64).broadcast_at(&shape, at);
                let (trials, p) = (wide(owned(trials, "binomial", at)), wide(owned(p, "binomial", at)));
                self.with_key(at, |key| {
                    one(SpecialFn::BinomialDraw, &[&trials, &p, &key.seeds(&shape, at)], at)
                })
                .cast(DType::I64)
            }

            /// How often each of `n` outcomes comes up in `trials` trials: `i64[shape.., n]` for probabilities `T[n]` or `T[.., n]`, which are scaled to add up
            /// to 1. Binomial numbers one after the other, each out of what is left.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).multinomial([100], 10, [0.2, 0.3, 0.5]);
            /// assert_eq!(x.shape()?, &[100, 3].into());
            /// assert!(x.sum(-1).eq(10).all(..).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn multinomial(
                &self,
                shape: impl Into<Shape>,
                trials: impl Operand,
                p: impl Operand,
            ) -> Tensor {
                let (at, shape) = (caller(), shape.into());
                let (trials, p) = (owned(trials, "multinomial", at), owned(p, "multinomial", at));
                self.with_key(at, |key| counts(key, &shape, &trials, &p, at))
            }

            /// Numbers of a distribution that has a location and a scale, by its standard quantile.
            #[track_caller]
            fn located(
                &self,
                shape: impl Into<Shape>,
                parameters: (Tensor, Tensor),
                quantile: impl FnOnce(Tensor) -> Tensor,
            ) -> Tensor {
                let shape = shape.into();
                self.with_key(caller(), |key| key.quantiles(&shape, parameters, quantile))
            }

            /// How many trials until the first success, each of probability `p`: `i64[shape]`, from 1 on.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let x = RandomKey::new(7).geometric([1000], 0.25);
            /// assert!((x.cast(DType::F32).mean(..).item::<f32>()? - 4.0).abs() < 0.5);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn geometric(&self, shape: impl Into<Shape>, p: impl Operand) -> Tensor {
                let (at, shape) = (caller(), shape.into());
                let p = owned(p, "geometric", at).cast(DType::F64);
                self.with_key(at, |key| {
                    let steps = key.open_units(&shape, at).log() / (-&p).log1p();
                    steps.floor().cast(DType::I64) + 1
                })
            }
        }
    };
}
distributions!(RandomKey);
distributions!(Generator);

/// The shape with the last axis of `x`.
fn with_last_axis(shape: &Shape, x: &Tensor) -> Shape {
    let last = x.known_type().ok().and_then(|ty| ty.shape.sizes().last().copied());
    shape.sizes().iter().copied().chain(last).collect()
}

/// Counts of the outcomes of a multinomial distribution.
fn counts(key: &RandomKey, shape: &Shape, trials: &Tensor, p: &Tensor, at: CallSite) -> Tensor {
    let all = with_last_axis(shape, p);
    let wide = p.cast(DType::F64);
    // Of what is left, the share of each.
    let left = wide.cumulative(ReduceKind::Sum, -1, false, true);
    let share = wide.divide_no_nan(left).minimum(1.0).broadcast_at(&all, at);
    let by_outcome = (share.move_axis(-1, 0), key.seeds(&all, at).move_axis(-1, 0));
    let trials = trials.cast(DType::F64).broadcast_at(shape, at);
    let drawn = scan(trials, by_outcome, |left, (share, seed)| {
        let count = left.binomial_draw(share, seed);
        (&left - &count, count)
    });
    match drawn {
        Ok((_, counts)) => counts.move_axis(0, -1).cast(DType::I64),
        Err(error) => Tensor::failed(error),
    }
}

impl RandomKey {
    fn with_key(&self, _at: CallSite, draw: impl FnOnce(&RandomKey) -> Tensor) -> Tensor {
        draw(self)
    }
}

impl Generator {
    /// A draw by a key of its own.
    fn with_key(&self, at: CallSite, draw: impl FnOnce(&RandomKey) -> Tensor) -> Tensor {
        let key: Result<RandomKey> = self.next_at(at);
        match key {
            Ok(key) => draw(&key),
            Err(error) => Tensor::failed(error),
        }
    }
}
