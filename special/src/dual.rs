//! Numbers with a derivative: what a method computes with them, it differentiates.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value and its derivative by some parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dual {
    pub(crate) value: f64,
    pub(crate) slope: f64,
}

impl Dual {
    /// What does not change with the parameter.
    pub(crate) const fn constant(value: f64) -> Dual {
        Dual { value, slope: 0.0 }
    }

    /// The parameter.
    pub(crate) const fn parameter(value: f64) -> Dual {
        Dual { value, slope: 1.0 }
    }

    /// The number itself, unless it is 0: a divisor of a continued fraction.
    pub(crate) fn away_from_zero(self) -> Dual {
        if self.value.abs() < 1e-290 { Dual { value: 1e-290, ..self } } else { self }
    }
}

impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        Dual { value: -self.value, slope: -self.slope }
    }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        Dual { value: self.value + other.value, slope: self.slope + other.slope }
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, other: Dual) -> Dual {
        self + -other
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        Dual { value: self.value * other.value, slope: self.slope * other.value + self.value * other.slope }
    }
}

impl Div for Dual {
    type Output = Dual;
    fn div(self, other: Dual) -> Dual {
        let value = self.value / other.value;
        Dual { value, slope: (self.slope - value * other.slope) / other.value }
    }
}

impl Add<f64> for Dual {
    type Output = Dual;
    fn add(self, other: f64) -> Dual {
        Dual { value: self.value + other, ..self }
    }
}

impl Mul<f64> for Dual {
    type Output = Dual;
    fn mul(self, other: f64) -> Dual {
        Dual { value: self.value * other, slope: self.slope * other }
    }
}
