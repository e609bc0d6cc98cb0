//! Numbers of twice the digits. Source: T. J. Dekker, "A floating-point technique for extending the available precision", 1971.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A sum of two floats, the second of which is what the first one lacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

impl Pair {
    pub(crate) const fn of(x: f64) -> Pair {
        Pair { high: x, low: 0.0 }
    }

    /// `x + y` without any error.
    pub(crate) fn sum(x: f64, y: f64) -> Pair {
        let high = x + y;
        let part = high - x;
        Pair { high, low: (x - (high - part)) + (y - part) }
    }

    /// `x y` without any error, of numbers below 1e290.
    pub(crate) fn product(x: f64, y: f64) -> Pair {
        let halves = |x: f64| {
            let scaled = x * 134_217_729.0;
            let high = scaled - (scaled - x);
            (high, x - high)
        };
        let ((a, b), (c, d)) = (halves(x), halves(y));
        let high = x * y;
        Pair { high, low: ((a * c - high) + a * d + b * c) + b * d }
    }
}

impl Neg for Pair {
    type Output = Pair;

    fn neg(self) -> Pair {
        Pair { high: -self.high, low: -self.low }
    }
}

impl Sub for Pair {
    type Output = Pair;

    fn sub(self, other: Pair) -> Pair {
        self + -other
    }
}

impl Add for Pair {
    type Output = Pair;

    fn add(self, other: Pair) -> Pair {
        let high = Pair::sum(self.high, other.high);
        let low = Pair::sum(self.low, other.low);
        let first = Pair::sum(high.high, high.low + low.high);
        Pair::sum(first.high, first.low + low.low)
    }
}

impl Mul for Pair {
    type Output = Pair;

    fn mul(self, other: Pair) -> Pair {
        let product = Pair::product(self.high, other.high);
        Pair::sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Pair {
    type Output = Pair;

    fn div(self, other: Pair) -> Pair {
        let quotient = self.high / other.high;
        let rest = self + other * Pair::of(-quotient);
        let next = rest.high / other.high;
        let rest = rest + other * Pair::of(-next);
        let (first, last) = (Pair::sum(quotient, next), rest.high / other.high);
        Pair::sum(first.high, first.low + last)
    }
}

/// What series are summed in.
pub(crate) trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// How many times as great as a sum its terms may be.
    const MOST_CANCELLATION: f64;
    /// What part of a sum may be left out.
    const SMALL: f64;

    fn of(x: Pair) -> Self;

    fn high(self) -> f64;
}

impl Number for f64 {
    const MOST_CANCELLATION: f64 = 4.0;
    const SMALL: f64 = 1e-17;

    fn of(x: Pair) -> f64 {
        x.high
    }

    fn high(self) -> f64 {
        self
    }
}

impl Number for Pair {
    const MOST_CANCELLATION: f64 = (1u64 << 50) as f64;
    const SMALL: f64 = 1e-33;

    fn of(x: Pair) -> Pair {
        x
    }

    fn high(self) -> f64 {
        self.high
    }
}
