//! What the generic code asks of an element type.

use faer::traits::{ComplexField, RealField};
use num_complex::Complex;

/// A real or a complex number.
pub(crate) trait Number: ComplexField + Copy {
    type Part: Part;
    const ZERO: Self;
    const ONE: Self;
    const NAN: Self;

    fn of(part: Self::Part) -> Self;
    fn real(self) -> Self::Part;
    fn conjugate(self) -> Self;
    fn magnitude(self) -> Self::Part;
    /// The sum of the magnitudes of both parts.
    fn cheap_magnitude(self) -> Self::Part;
    fn is_finite(self) -> bool;

    fn times(self, factor: Self::Part) -> Self {
        self * Self::of(factor)
    }

    /// The number of magnitude 1 whose product with this one is real and not negative.
    fn turn(self) -> Self;
}

/// A real number.
pub(crate) trait Part: Number<Part = Self> + RealField {
    const HALF: Self;
    /// Part of the greatest magnitude from which on a component decides about a vector's direction.
    const DECISIVE: Self;
    /// As [`NEAR`](crate::NEAR).
    const NEAR: Self;

    fn hypotenuse(self, other: Self) -> Self;
    fn compare(self, other: Self) -> std::cmp::Ordering;
}

macro_rules! numbers {
    ($($part:ident)*) => {$(
        impl Number for $part {
            type Part = $part;
            const ZERO: $part = 0.0;
            const ONE: $part = 1.0;
            const NAN: $part = $part::NAN;

            fn of(part: $part) -> $part {
                part
            }

            fn real(self) -> $part {
                self
            }

            fn conjugate(self) -> $part {
                self
            }

            fn magnitude(self) -> $part {
                self.abs()
            }

            fn cheap_magnitude(self) -> $part {
                self.abs()
            }

            fn is_finite(self) -> bool {
                $part::is_finite(self)
            }

            fn turn(self) -> $part {
                if self < 0.0 { -1.0 } else { 1.0 }
            }
        }

        impl Part for $part {
            const HALF: $part = 0.5;
            const DECISIVE: $part = 0.7;
            const NEAR: $part = crate::NEAR as $part;

            fn hypotenuse(self, other: $part) -> $part {
                self.hypot(other)
            }

            fn compare(self, other: $part) -> std::cmp::Ordering {
                self.total_cmp(&other)
            }
        }
    )*};
}
numbers!(f32 f64);

impl<T: Part> Number for Complex<T> {
    type Part = T;
    const ZERO: Complex<T> = Complex { re: T::ZERO, im: T::ZERO };
    const ONE: Complex<T> = Complex { re: T::ONE, im: T::ZERO };
    const NAN: Complex<T> = Complex { re: T::NAN, im: T::NAN };

    fn of(part: T) -> Complex<T> {
        Complex { re: part, im: T::ZERO }
    }

    fn real(self) -> T {
        self.re
    }

    fn conjugate(self) -> Complex<T> {
        Complex { re: self.re, im: -self.im }
    }

    fn magnitude(self) -> T {
        self.re.hypotenuse(self.im)
    }

    fn cheap_magnitude(self) -> T {
        self.re.magnitude() + self.im.magnitude()
    }

    fn is_finite(self) -> bool {
        Number::is_finite(self.re) && Number::is_finite(self.im)
    }

    fn times(self, factor: T) -> Complex<T> {
        Complex { re: self.re * factor, im: self.im * factor }
    }

    fn turn(self) -> Complex<T> {
        let magnitude = self.magnitude();
        if magnitude > T::ZERO {
            Complex { re: self.re / magnitude, im: -self.im / magnitude }
        } else {
            <Complex<T> as Number>::ONE
        }
    }
}

/// `x` is NaN everywhere from now on.
pub(crate) fn spoil<T: Number>(x: &mut [T]) {
    x.fill(T::NAN);
}

pub(crate) fn is_finite<T: Number>(x: &[T]) -> bool {
    x.iter().all(|x| x.is_finite())
}

/// `(x + x^H) / 2` into `out`.
pub(crate) fn hermitian_part<T: Number>(n: usize, x: &[T], out: &mut [T]) {
    for i in 0..n {
        for j in 0..=i {
            let mean = (x[i * n + j] + x[j * n + i].conjugate()).times(T::Part::HALF);
            (out[i * n + j], out[j * n + i]) = (mean, mean.conjugate());
        }
    }
}

/// What a vector is multiplied by so that its first component of about the greatest magnitude is real and positive, and which one that is.
pub(crate) fn direction<T: Number>(vector: impl Iterator<Item = T> + Clone) -> (T, usize) {
    let greater = |most: T::Part, x: T| if x.magnitude() > most { x.magnitude() } else { most };
    let bound = vector.clone().fold(T::Part::ZERO, greater) * T::Part::DECISIVE;
    let found = vector.enumerate().find(|(_, x)| x.magnitude() >= bound);
    found.map_or((T::ONE, 0), |(place, x)| (x.turn(), place))
}
