//! Special functions of one number in double precision.
//!
//! | module | functions |
//! |---|---|
//! | [`gamma`] | the gamma function, its logarithm and the derivatives of that, the beta function, zeta |
//! | [`incomplete`] | incomplete gamma and beta functions, their densities and derivatives by parameters |
//! | [`normal`] | error functions, the normal distribution, Owen's T |
//! | [`bessel`] | Bessel functions |
//! | [`draws`] | random numbers of distributions that are drawn by rejection |
//! | [`exponential`] | exponential integrals |
//! | [`hypergeometric`] | confluent hypergeometric functions |
//! | [`gauss`] | Gauss's hypergeometric function |
//!
//! Relative errors against numbers of 40 digits are a few units in the last place, and below 1e-12 where a function has several parameters, unless its
//! documentation says otherwise (`tests/accuracy.rs`, `scripts/special.py`). Outside its domain a function is NaN, at a pole infinite or NaN; none panics.

pub mod bessel;
pub mod draws;
pub mod exponential;
pub mod gamma;
pub mod gauss;
pub mod hypergeometric;
pub mod incomplete;
pub mod normal;

mod dual;
mod pair;
