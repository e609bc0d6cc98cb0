//! Functions of one complex number, in double precision: principal values. Which side of a branch cut a number is on is what the sign of its
//! zero says. After W. Kahan, "Branch cuts for complex elementary functions, or much ado about nothing's sign bit" (1987).

use num_complex::Complex;

type C = Complex<f64>;

/// From here on the real part of the hyperbolic tangent is 1.
const SATURATED: f64 = 22.0;
/// The square of this is finite.
const LARGE: f64 = 1e153;

/// `x * factor`, and `x` itself if it is 0, whatever the factor is.
fn scaled(x: f64, factor: f64) -> f64 {
    if x == 0.0 { x } else { x * factor }
}

/// `i z`.
fn turned(z: C) -> C {
    C::new(-z.im, z.re)
}

/// `-i z`.
fn turned_back(z: C) -> C {
    C::new(z.im, -z.re)
}

pub(in crate::op) fn exp(z: C) -> C {
    let magnitude = z.re.exp();
    C::new(magnitude * z.im.cos(), scaled(z.im.sin(), magnitude))
}

pub(in crate::op) fn log(z: C) -> C {
    let (greater, lesser) = (z.re.abs().max(z.im.abs()), z.re.abs().min(z.im.abs()));
    let distance = z.re.hypot(z.im);
    // Near the unit circle, the square of the distance less 1 has more digits than the distance.
    let re = match 0.5 < distance && distance < 2.0 {
        true => ((greater - 1.0) * (greater + 1.0) + lesser * lesser).ln_1p() / 2.0,
        false => distance.ln(),
    };
    C::new(re, z.im.atan2(z.re))
}

/// The sine of half the angle keeps what the cosine is less than 1.
pub(super) fn expm1(z: C) -> C {
    let half = (z.im / 2.0).sin();
    let re = z.re.exp_m1() * z.im.cos() - 2.0 * half * half;
    C::new(re, scaled(z.im.sin(), z.re.exp()))
}

/// Near -1 and 0, the square of the distance of `1 + z` less 1 has more digits than the distance.
pub(super) fn log1p(z: C) -> C {
    if z.re.abs().max(z.im.abs()) > 1.0 {
        return log(C::new(1.0 + z.re, z.im));
    }
    let excess = z.re * (2.0 + z.re) + z.im * z.im;
    C::new(excess.ln_1p() / 2.0, z.im.atan2(1.0 + z.re))
}

pub(super) fn exp2(z: C) -> C {
    let (magnitude, angle) = (z.re.exp2(), z.im * std::f64::consts::LN_2);
    C::new(magnitude * angle.cos(), scaled(angle.sin(), magnitude))
}

pub(super) fn log2(z: C) -> C {
    log(z) * std::f64::consts::LOG2_E
}

pub(super) fn sqrt(z: C) -> C {
    let greater = z.re.abs().max(z.im.abs());
    if greater == 0.0 {
        return C::new(0.0, z.im);
    }
    if greater.is_infinite() {
        return match (z.im.is_infinite(), z.re > 0.0) {
            (true, _) => C::new(f64::INFINITY, z.im),
            (false, true) => C::new(f64::INFINITY, scaled(z.im, 0.0)),
            (false, false) => C::new(z.im.abs() * 0.0, f64::INFINITY.copysign(z.im)),
        };
    }
    let (x, y) = (z.re.abs() / greater, z.im / greater);
    let root = greater.sqrt() * ((x + x.hypot(y)) / 2.0).sqrt();
    let other = z.im.abs() / root / 2.0;
    if z.re >= 0.0 { C::new(root, other.copysign(z.im)) } else { C::new(other, root.copysign(z.im)) }
}

pub(super) fn cbrt(z: C) -> C {
    let (root, angle) = (z.re.hypot(z.im).cbrt(), z.im.atan2(z.re) / 3.0);
    C::new(root * angle.cos(), scaled(angle.sin(), root))
}

pub(super) fn rsqrt(z: C) -> C {
    let root = sqrt(z);
    // The conjugate over the square of the distance, without its overflow.
    let distance = root.re.hypot(root.im);
    C::new(root.re / distance / distance, -root.im / distance / distance)
}

pub(super) fn sinh(z: C) -> C {
    C::new(scaled(z.re.sinh(), z.im.cos()), scaled(z.im.sin(), z.re.cosh()))
}

pub(super) fn cosh(z: C) -> C {
    C::new(z.re.cosh() * z.im.cos(), scaled(z.re.sinh(), z.im.sin()))
}

pub(super) fn sin(z: C) -> C {
    turned_back(sinh(turned(z)))
}

pub(super) fn cos(z: C) -> C {
    cosh(turned(z))
}

pub(super) fn tanh(z: C) -> C {
    let tan = z.im.tan();
    if z.re.abs() > SATURATED {
        let rest = 4.0 * z.im.sin() * z.im.cos() * (-2.0 * z.re.abs()).exp();
        return C::new(1f64.copysign(z.re), rest);
    }
    let (slope, sinh) = (1.0 + tan * tan, z.re.sinh());
    let divisor = 1.0 + slope * sinh * sinh;
    C::new(slope * (1.0 + sinh * sinh).sqrt() * sinh / divisor, tan / divisor)
}

pub(super) fn tan(z: C) -> C {
    turned_back(tanh(turned(z)))
}

/// `sqrt(1 - z)` and `sqrt(1 + z)`.
fn roots(z: C) -> (C, C) {
    (sqrt(C::new(1.0 - z.re, -z.im)), sqrt(C::new(1.0 + z.re, z.im)))
}

pub(super) fn asin(z: C) -> C {
    let (less, more) = roots(z);
    C::new(z.re.atan2(less.re * more.re - less.im * more.im), (less.re * more.im - less.im * more.re).asinh())
}

pub(super) fn acos(z: C) -> C {
    let (less, more) = roots(z);
    C::new(2.0 * less.re.atan2(more.re), (more.re * less.im - more.im * less.re).asinh())
}

pub(super) fn asinh(z: C) -> C {
    turned_back(asin(turned(z)))
}

pub(super) fn acosh(z: C) -> C {
    let (less, more) = (sqrt(C::new(z.re - 1.0, z.im)), sqrt(C::new(z.re + 1.0, z.im)));
    C::new((less.re * more.re + less.im * more.im).asinh(), 2.0 * less.im.atan2(more.re))
}

pub(super) fn atanh(z: C) -> C {
    let (x, y) = (z.re.abs().min(LARGE), z.im.clamp(-LARGE, LARGE));
    let re = (4.0 * x / ((1.0 - x) * (1.0 - x) + y * y)).ln_1p() / 4.0;
    C::new(re.copysign(z.re), (2.0 * y).atan2((1.0 - x) * (1.0 + x) - y * y) / 2.0)
}

pub(super) fn atan(z: C) -> C {
    turned_back(atanh(turned(z)))
}
