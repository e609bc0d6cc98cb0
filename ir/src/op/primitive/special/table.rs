//! The table of special functions: a row has all that is known about one, and a forgotten column does not compile.

use tensorwright_special::{bessel, draws, exponential, gamma, gauss, hypergeometric, incomplete, normal};

use super::SpecialEvaluation::{self, Four, One, Three, Two};
use super::derivative::{
    bessel_one, beta_density_by_first, beta_density_by_point, difference, difference_anywhere,
    digamma_minus_sum, erfcx, erfinv, exp_over, gamma_density_by_point, gamma_density_by_shape,
    hyp2f1_by_point, i0e, i1e, log_gamma_draw_by_shape, log_ndtr, mirrored, ndtri, normal_density, of,
    owens_t_by_height, owens_t_by_slope, zeta, zeta_grad_by_point,
};
use super::{Row, Seed};

/// Calls `$callback!` with the table of special functions, by the number of their operands: `method => Variant { columns };`, each with its
/// documentation. The columns mean something in `ir` only.
#[macro_export]
macro_rules! for_each_special {
    ($callback:path) => {
        $callback! {
            one {
                /// The gamma function; NaN at negative integers.
                #[doc(alias = "tgamma")]
                gamma => Gamma {
                    evaluation: One(gamma::gamma),
                    derivative: &[|b, x| {
                        let (gamma, digamma) = (b.gamma(x[0])?, b.digamma(x[0])?);
                        b.mul(gamma, digamma)
                    }],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// `log |gamma(x)|`; infinite at 0 and negative integers.
                #[doc(alias("gammaln", "ln_gamma", "log_gamma"))]
                lgamma => Lgamma {
                    evaluation: One(gamma::lgamma),
                    derivative: &[|b, x| b.digamma(x[0])],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The derivative of `lgamma`; NaN at negative integers.
                #[doc(alias("psi", "polygamma0"))]
                digamma => Digamma {
                    evaluation: One(gamma::digamma),
                    derivative: &[|b, x| zeta(b, 2.0, x[0], 1.0)],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The inverse of the error function; NaN outside -1 to 1.
                #[doc(alias = "erf_inv")]
                erfinv => Erfinv {
                    evaluation: One(normal::erfinv),
                    derivative: &[|b, x| erfinv(b, x[0])],
                    smooth: (-0.9, 0.9),
                    seed: Seed::None,
                };
                /// `e^(x^2) erfc(x)`.
                #[doc(alias = "scaled_erfc")]
                erfcx => Erfcx {
                    evaluation: One(normal::erfcx),
                    derivative: &[|b, x| erfcx(b, x[0])],
                    smooth: (-2.0, 2.0),
                    seed: Seed::None,
                };
                /// The probability that a standard normal number is at most `x`.
                #[doc(alias("norm_cdf", "normal_cdf"))]
                ndtr => Ndtr {
                    evaluation: One(normal::ndtr),
                    derivative: &[|b, x| normal_density(b, x[0])],
                    smooth: (-2.0, 2.0),
                    seed: Seed::None,
                };
                /// The inverse of `ndtr`; NaN outside 0 to 1.
                #[doc(alias("norm_ppf", "probit"))]
                ndtri => Ndtri {
                    evaluation: One(normal::ndtri),
                    derivative: &[|b, x| ndtri(b, x[0])],
                    smooth: (0.1, 0.9),
                    seed: Seed::None,
                };
                /// The logarithm of `ndtr`, accurate in both tails.
                #[doc(alias = "norm_logcdf")]
                log_ndtr => LogNdtr {
                    evaluation: One(normal::log_ndtr),
                    derivative: &[|b, x| log_ndtr(b, x[0])],
                    smooth: (-2.0, 2.0),
                    seed: Seed::None,
                };
                /// Modified Bessel function of the first kind, of order 0.
                #[doc(alias("bessel_i0", "modified_bessel_i0"))]
                i0 => I0 {
                    evaluation: One(bessel::i0),
                    derivative: &[|b, x| b.i1(x[0])],
                    smooth: (-2.0, 2.0),
                    seed: Seed::None,
                };
                /// Modified Bessel function of the first kind, of order 1.
                #[doc(alias("bessel_i1", "modified_bessel_i1"))]
                i1 => I1 {
                    evaluation: One(bessel::i1),
                    derivative: &[|b, x| bessel_one(b, SpecialFn::I0, SpecialFn::I1, x[0], 0.5)],
                    smooth: (-2.0, 2.0),
                    seed: Seed::None,
                };
                /// `e^-|x| i0(x)`.
                #[doc(alias = "bessel_i0e")]
                i0e => I0e {
                    evaluation: One(bessel::i0e),
                    derivative: &[|b, x| i0e(b, x[0])],
                    smooth: (0.25, 3.0),
                    seed: Seed::None,
                };
                /// `e^-|x| i1(x)`.
                #[doc(alias = "bessel_i1e")]
                i1e => I1e {
                    evaluation: One(bessel::i1e),
                    derivative: &[|b, x| i1e(b, x[0])],
                    smooth: (0.25, 3.0),
                    seed: Seed::None,
                };
                /// Bessel function of the first kind, of order 0.
                #[doc(alias = "bessel_j0")]
                j0 => J0 {
                    evaluation: One(bessel::j0),
                    derivative: &[|b, x| {
                        let one = b.j1(x[0])?;
                        b.neg(one)
                    }],
                    smooth: (-3.0, 3.0),
                    seed: Seed::None,
                };
                /// Bessel function of the first kind, of order 1.
                #[doc(alias = "bessel_j1")]
                j1 => J1 {
                    evaluation: One(bessel::j1),
                    derivative: &[|b, x| bessel_one(b, SpecialFn::J0, SpecialFn::J1, x[0], 0.5)],
                    smooth: (-3.0, 3.0),
                    seed: Seed::None,
                };
                /// Bessel function of the second kind, of order 0: minus infinity at 0, NaN below.
                #[doc(alias = "bessel_y0")]
                y0 => Y0 {
                    evaluation: One(bessel::y0),
                    derivative: &[|b, x| {
                        let one = b.y1(x[0])?;
                        b.neg(one)
                    }],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// Bessel function of the second kind, of order 1: minus infinity at 0, NaN below.
                #[doc(alias = "bessel_y1")]
                y1 => Y1 {
                    evaluation: One(bessel::y1),
                    derivative: &[|b, x| bessel_one(b, SpecialFn::Y0, SpecialFn::Y1, x[0], f64::NEG_INFINITY)],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The exponential integral `E1`: of `e^-t / t` from `x` to infinity; NaN below 0.
                #[doc(alias("expint_e1", "e1"))]
                exp1 => Exp1 {
                    evaluation: One(exponential::exp1),
                    derivative: &[|b, x| {
                        let slope = exp_over(b, x[0], -1.0)?;
                        b.neg(slope)
                    }],
                    smooth: (0.25, 2.0),
                    seed: Seed::None,
                };
                /// The exponential integral `Ei`: of `e^t / t` from minus infinity to `x`, a principal value.
                #[doc(alias("expint", "ei"))]
                expi => Expi {
                    evaluation: One(exponential::expi),
                    derivative: &[|b, x| exp_over(b, x[0], 1.0)],
                    smooth: (0.25, 2.0),
                    seed: Seed::None,
                };
            }
            two {
                /// `log |beta(lhs, rhs)|`, of the beta function.
                #[doc(alias("betaln", "ln_beta"))]
                lbeta => Lbeta {
                    evaluation: Two(gamma::lbeta),
                    derivative: &[|b, x| digamma_minus_sum(b, x[0], x[1]), |b, x| digamma_minus_sum(b, x[1], x[0])],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// Hurwitz's zeta function: the sum of `(rhs + k)^-lhs` over `k` from 0; NaN for `lhs < 1`.
                #[doc(alias = "hurwitz_zeta")]
                zeta => Zeta {
                    evaluation: Two(gamma::zeta),
                    derivative: &[|b, x| b.zeta_grad_s(x[0], x[1]), |b, x| {
                        let next = b.add_number(x[0], 1.0)?;
                        let (zeta, order) = (b.zeta(next, x[1])?, b.neg(x[0])?);
                        b.mul(order, zeta)
                    }],
                    smooth: (1.5, 3.0),
                    seed: Seed::None,
                };
                /// The derivative of `zeta` by its first operand, for positive `rhs`.
                zeta_grad_s => ZetaGradS {
                    evaluation: Two(gamma::zeta_grad_s),
                    derivative: &[|b, x| difference(b, SpecialFn::ZetaGradS, x, 0, 1.0), |b, x| zeta_grad_by_point(b, x[0], x[1])],
                    smooth: (1.5, 3.0),
                    seed: Seed::None,
                };
                /// The lower incomplete gamma function of shape `lhs` up to `rhs`, over `gamma(lhs)`.
                #[doc(alias("gammainc", "gamma_cdf", "gammp"))]
                igamma => Igamma {
                    evaluation: Two(incomplete::igamma),
                    derivative: &[|b, x| b.igamma_grad_a(x[0], x[1]), |b, x| b.gamma_density(x[0], x[1])],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The upper incomplete gamma function of shape `lhs` from `rhs` on, over `gamma(lhs)`.
                #[doc(alias("gammaincc", "gammq"))]
                igammac => Igammac {
                    evaluation: Two(incomplete::igammac),
                    derivative: &[|b, x| {
                        let lower = b.igamma_grad_a(x[0], x[1])?;
                        b.neg(lower)
                    }, |b, x| {
                        let lower = b.gamma_density(x[0], x[1])?;
                        b.neg(lower)
                    }],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The derivative of `igamma` by its shape.
                igamma_grad_a => IgammaGradA {
                    evaluation: Two(incomplete::igamma_grad_a),
                    derivative: &[|b, x| difference(b, SpecialFn::IgammaGradA, x, 0, 0.0), |b, x| gamma_density_by_shape(b, x[0], x[1])],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The density at `rhs` of the gamma distribution with shape `lhs`: `rhs^(lhs - 1) e^-rhs / gamma(lhs)`.
                #[doc(alias = "gamma_pdf")]
                gamma_density => GammaDensity {
                    evaluation: Two(incomplete::gamma_density),
                    derivative: &[|b, x| gamma_density_by_shape(b, x[0], x[1]), |b, x| gamma_density_by_point(b, x[0], x[1])],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// Owen's T of `lhs` and `rhs`: the integral of `e^(-lhs^2 (1 + x^2) / 2) / (2 pi (1 + x^2))` over `x` from 0 to `rhs`.
                owens_t => OwensT {
                    evaluation: Two(normal::owens_t),
                    derivative: &[|b, x| owens_t_by_height(b, x[0], x[1]), |b, x| owens_t_by_slope(b, x[0], x[1])],
                    smooth: (-2.0, 2.0),
                    seed: Seed::None,
                };
                /// The exponential integral of order `lhs`: of `e^(-rhs t) / t^lhs` over `t` from 1 to infinity. The order is rounded to an integer; NaN below
                /// -64 and for negative `rhs`.
                #[doc(alias = "exponential_integral")]
                expn => Expn {
                    evaluation: Two(exponential::expn),
                    derivative: &[|b, x| b.full_like(0.0, x[0]), |b, x| {
                        let less = b.add_number(x[0], -1.0)?;
                        let slope = b.expn(less, x[1])?;
                        b.neg(slope)
                    }],
                    smooth: (1.6, 2.4),
                    seed: Seed::None,
                };
                /// The confluent hypergeometric limit function: the sum of `rhs^k / (lhs (lhs + 1) .. k!)`; infinite at integers `lhs` up to 0. NaN where no expansion has
                /// its digits: for `rhs` below -400 or so with an `lhs` that is large beside its root.
                #[doc(alias("hypergeometric_0f1", "confluent_limit"))]
                hyp0f1 => Hyp0f1 {
                    evaluation: Two(hypergeometric::hyp0f1),
                    derivative: &[|b, x| difference(b, SpecialFn::Hyp0f1, x, 0, 0.0), |b, x| {
                        let next = b.add_number(x[0], 1.0)?;
                        let value = b.hyp0f1(next, x[1])?;
                        b.div(value, x[0])
                    }],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// The logarithm of a gamma-distributed number of shape `lhs`, out of random bits `rhs`.
                log_gamma_draw => LogGammaDraw {
                    evaluation: Two(draws::log_gamma_draw),
                    derivative: &[|b, x| log_gamma_draw_by_shape(b, x[0], x[1])],
                    smooth: (0.5, 0.9),
                    seed: Seed::Last,
                };
                /// A Poisson-distributed number of mean `lhs`, out of random bits `rhs`.
                poisson_draw => PoissonDraw {
                    evaluation: Two(draws::poisson_draw),
                    derivative: &[|b, x| b.full_like(0.0, x[0])],
                    smooth: (0.5, 0.9),
                    seed: Seed::Last,
                };
            }
            three {
                /// The incomplete beta function of two shapes up to `x`, over `beta(a, b)`.
                #[doc(alias("betainc_reg", "ibeta", "beta_cdf"))]
                betainc => Betainc {
                    evaluation: Three(incomplete::betainc),
                    derivative: &[|b, x| b.betainc_grad_a(x[0], x[1], x[2]), |b, x| {
                        let turned = mirrored(b, x)?;
                        let slope = of(b, SpecialFn::BetaincGradA, &turned)?;
                        b.neg(slope)
                    }, |b, x| b.beta_density(x[0], x[1], x[2])],
                    smooth: (0.2, 0.8),
                    seed: Seed::None,
                };
                /// The derivative of `betainc` by its first shape.
                betainc_grad_a => BetaincGradA {
                    evaluation: Three(incomplete::betainc_grad_a),
                    derivative: &[|b, x| difference(b, SpecialFn::BetaincGradA, x, 0, 0.0), |b, x| difference(b, SpecialFn::BetaincGradA, x, 1, 0.0), |b, x| beta_density_by_first(b, x)],
                    smooth: (0.2, 0.8),
                    seed: Seed::None,
                };
                /// The density at `x` of the beta distribution with two shapes: `x^(a - 1) (1 - x)^(b - 1) / beta(a, b)`.
                #[doc(alias = "beta_pdf")]
                beta_density => BetaDensity {
                    evaluation: Three(incomplete::beta_density),
                    derivative: &[|b, x| beta_density_by_first(b, x), |b, x| {
                        let turned = mirrored(b, x)?;
                        beta_density_by_first(b, &turned)
                    }, |b, x| beta_density_by_point(b, x)],
                    smooth: (0.2, 0.8),
                    seed: Seed::None,
                };
                /// Kummer's confluent hypergeometric function: the sum of `a (a + 1) .. / (b (b + 1) ..) x^k / k!`; infinite at integers `b` up to 0, unless `a` ends the sum
                /// before. NaN where no expansion has its digits, which is for large negative parameters.
                #[doc(alias("hypergeometric_1f1", "kummer_m"))]
                hyp1f1 => Hyp1f1 {
                    evaluation: Three(hypergeometric::hyp1f1),
                    derivative: &[|b, x| difference_anywhere(b, SpecialFn::Hyp1f1, x, 0), |b, x| difference(b, SpecialFn::Hyp1f1, x, 1, 0.0), |b, x| {
                        let (over, under) = (b.add_number(x[0], 1.0)?, b.add_number(x[1], 1.0)?);
                        let (value, ratio) = (b.hyp1f1(over, under, x[2])?, b.div(x[0], x[1])?);
                        b.mul(value, ratio)
                    }],
                    smooth: (0.5, 3.0),
                    seed: Seed::None,
                };
                /// A binomially distributed number of successes in `a` trials of probability `b`, out of random bits `x`.
                binomial_draw => BinomialDraw {
                    evaluation: Three(draws::binomial_draw),
                    derivative: &[|b, x| b.full_like(0.0, x[0]), |b, x| b.full_like(0.0, x[0])],
                    smooth: (1.0, 1.0),
                    seed: Seed::Last,
                };
            }
            four {
                /// Gauss's hypergeometric function: the sum of `a (a + 1) .. b (b + 1) .. / (c (c + 1) ..) x^k / k!`; infinite at integers `c` up to 0, unless `a` or `b` ends
                /// the sum before, and for `x` beyond 1, unless it is a polynomial, or one times a whole power of `1 - x`. NaN where the digits are not had, which is for large
                /// negative `c`.
                #[doc(alias("hypergeometric_2f1", "gauss_hypergeometric"))]
                hyp2f1 => Hyp2f1 {
                    evaluation: Four(gauss::hyp2f1),
                    derivative: &[|b, x| difference_anywhere(b, SpecialFn::Hyp2f1, x, 0), |b, x| difference_anywhere(b, SpecialFn::Hyp2f1, x, 1), |b, x| difference(b, SpecialFn::Hyp2f1, x, 2, 0.0), |b, x| hyp2f1_by_point(b, x)],
                    smooth: (0.2, 0.8),
                    seed: Seed::None,
                };
            }
        }
    };
}

macro_rules! define_special {
    (
        one { $($(#[$meta1:meta])* $name1:ident => $variant1:ident $row1:tt;)* }
        two { $($(#[$meta2:meta])* $name2:ident => $variant2:ident $row2:tt;)* }
        three { $($(#[$meta3:meta])* $name3:ident => $variant3:ident $row3:tt;)* }
        four { $($(#[$meta4:meta])* $name4:ident => $variant4:ident $row4:tt;)* }
    ) => {
        /// A special function: element-wise, of one to four floats.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum SpecialFn {
            $($(#[$meta1])* $variant1,)*
            $($(#[$meta2])* $variant2,)*
            $($(#[$meta3])* $variant3,)*
            $($(#[$meta4])* $variant4,)*
        }

        static ROWS: &[Row] = &[$(Row $row1,)* $(Row $row2,)* $(Row $row3,)* $(Row $row4,)*];

        impl SpecialFn {
            /// Every function, in the order of the table.
            pub const ALL: &'static [SpecialFn] =
                &[$(SpecialFn::$variant1,)* $(SpecialFn::$variant2,)* $(SpecialFn::$variant3,)* $(SpecialFn::$variant4,)*];

            /// The mnemonic.
            pub const fn name(self) -> &'static str {
                match self {
                    $(SpecialFn::$variant1 => stringify!($name1),)*
                    $(SpecialFn::$variant2 => stringify!($name2),)*
                    $(SpecialFn::$variant3 => stringify!($name3),)*
                    $(SpecialFn::$variant4 => stringify!($name4),)*
                }
            }

            /// The name of its scalar code for f32, by which compiled code imports it, and for f64.
            pub const fn symbols(self) -> (&'static str, &'static str) {
                match self {
                    $(SpecialFn::$variant1 => (concat!("tw_", stringify!($name1), "_f32"), concat!("tw_", stringify!($name1), "_f64")),)*
                    $(SpecialFn::$variant2 => (concat!("tw_", stringify!($name2), "_f32"), concat!("tw_", stringify!($name2), "_f64")),)*
                    $(SpecialFn::$variant3 => (concat!("tw_", stringify!($name3), "_f32"), concat!("tw_", stringify!($name3), "_f64")),)*
                    $(SpecialFn::$variant4 => (concat!("tw_", stringify!($name4), "_f32"), concat!("tw_", stringify!($name4), "_f64")),)*
                }
            }
        }

        /// One method per special function. Each fails if the operands are not floats of one type.
        impl crate::Builder {
            $($(#[$meta1])*
            pub fn $name1(&mut self, x: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(SpecialFn::$variant1, &[x])
            })*
            $($(#[$meta2])*
            pub fn $name2(&mut self, lhs: crate::Value, rhs: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(SpecialFn::$variant2, &[lhs, rhs])
            })*
            $($(#[$meta3])*
            pub fn $name3(
                &mut self,
                a: crate::Value,
                b: crate::Value,
                x: crate::Value,
            ) -> Result<crate::Value, crate::BuildError> {
                self.push_one(SpecialFn::$variant3, &[a, b, x])
            })*
            $($(#[$meta4])*
            pub fn $name4(
                &mut self,
                a: crate::Value,
                b: crate::Value,
                c: crate::Value,
                x: crate::Value,
            ) -> Result<crate::Value, crate::BuildError> {
                self.push_one(SpecialFn::$variant4, &[a, b, c, x])
            })*
        }
    };
}
for_each_special!(define_special);

impl SpecialFn {
    pub(super) const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The function in double precision.
    pub const fn evaluation(self) -> SpecialEvaluation {
        self.row().evaluation
    }
}
