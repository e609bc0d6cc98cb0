//! Comparing what was computed with what should have been, within the [`Tolerance`] that an op declares.

use std::fmt;

use tensorwright_ir::op::Tolerance;
use tensorwright_ir::{DType, Literal, Scalar};

/// The first element that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Place of the element in row-major order.
    pub index: usize,
    /// The element that was expected.
    pub expected: Scalar,
    /// The element that was found.
    pub found: Scalar,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "element {}: {:?} expected, found {:?}", self.index, self.expected, self.found)
    }
}

/// Whether two scalars of one dtype are the same: same bits, or both NaN.
pub fn same_scalar(left: Scalar, right: Scalar) -> bool {
    let both_nan = |l: Scalar, r: Scalar| l.dtype().is_float() && l.to_f64().is_nan() && r.to_f64().is_nan();
    let same = |(l, r): (Scalar, Scalar)| l == r || both_nan(l, r);
    left == right || left.dtype() == right.dtype() && left.parts().into_iter().zip(right.parts()).all(same)
}

/// Whether two tensors are the same: same type, and same bits but for NaN, which is like every other NaN.
pub fn same_values(left: &Literal, right: &Literal) -> bool {
    let same = |(l, r)| same_scalar(l, r);
    left.ty() == right.ty() && (left.bytes() == right.bytes() || left.iter().zip(right.iter()).all(same))
}

/// The first element of `found` that is further from `expected`, the evaluator's, than the tolerance allows. `operands` set the
/// scale of [`Tolerance::Epsilons`]. Panics if the types differ.
///
/// [`Tolerance::Ulps`] is about the true value. The evaluator computes functions of smaller floats in f64 and rounds, but those of
/// f64 by the platform's functions, which are an ULP off themselves; so f64 has one more.
pub fn first_difference(
    expected: &Literal,
    found: &Literal,
    tolerance: Tolerance,
    operands: &[&Literal],
) -> Option<Difference> {
    assert_eq!(expected.ty(), found.ty(), "only tensors of one type are compared by element");
    if expected.bytes() == found.bytes() {
        return None;
    }
    let largest = match tolerance {
        Tolerance::Epsilons(_) => magnitude(operands.iter().copied().chain([expected])),
        _ => 0.0,
    };
    let pairs = expected.iter().zip(found.iter()).enumerate();
    pairs
        .map(|(index, (expected, found))| Difference { index, expected, found })
        .find(|d| !close(d.expected, d.found, tolerance, largest))
}

/// The largest finite magnitude of an element.
fn magnitude<'a>(literals: impl Iterator<Item = &'a Literal>) -> f64 {
    let parts = literals.flat_map(Literal::iter).flat_map(Scalar::parts);
    parts.map(|x| x.to_f64().abs()).filter(|x| x.is_finite()).fold(0.0, f64::max)
}

/// Whether `found` is as near to `expected` as the tolerance asks; `largest` is the unit of [`Tolerance::Epsilons`].
fn close(expected: Scalar, found: Scalar, tolerance: Tolerance, largest: f64) -> bool {
    if same_scalar(expected, found) {
        return true;
    }
    if expected.dtype().is_complex() {
        let near = |(e, f)| close(e, f, tolerance, largest);
        return expected.parts().into_iter().zip(found.parts()).all(near);
    }
    if !expected.dtype().is_float() {
        return false;
    }
    let (e, f) = (expected.to_f64(), found.to_f64());
    match tolerance {
        Tolerance::Exact => false,
        _ if e.is_nan() || f.is_nan() => false,
        Tolerance::Ulps(count) => {
            let of_evaluator = u64::from(expected.dtype() == DType::F64);
            ulps_between(expected, found) <= u64::from(count) + of_evaluator
        }
        Tolerance::Epsilons(count) => {
            e == f || (e - f).abs() <= f64::from(count) * epsilon(expected.dtype()) * largest
        }
    }
}

/// The distance of 1 to the next number.
fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => f64::from(half::f16::EPSILON),
        DType::BF16 => f64::from(half::bf16::EPSILON),
        DType::F32 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    }
}

/// How many numbers of the dtype lie from one to the other; -0 and 0 are one number.
fn ulps_between(left: Scalar, right: Scalar) -> u64 {
    let place = |x: Scalar| {
        let bits = x.bits();
        let sign = 1u64 << (x.dtype().size() * 8 - 1);
        let place = (bits & (sign - 1)) as i64;
        if bits & sign == 0 { place } else { -place }
    };
    place(left).abs_diff(place(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(expected: f32, found: f32, tolerance: Tolerance) -> bool {
        let [e, f] = [expected, found].map(|x| Literal::new([1], &[x]).expect("one element"));
        first_difference(&e, &f, tolerance, &[]).is_none()
    }

    #[test]
    fn exactly_means_the_same_bits_or_two_nans() {
        assert!(compare(f32::NAN, -f32::NAN, Tolerance::Exact));
        assert!(!compare(0.0, -0.0, Tolerance::Exact));
        assert!(!compare(1.0, 1.0 + f32::EPSILON, Tolerance::Exact));
    }

    #[test]
    fn ulps_count_numbers_across_zero_and_up_to_infinity() {
        let tiny = f32::from_bits(1);
        assert!(compare(tiny, -tiny, Tolerance::Ulps(2)));
        assert!(!compare(tiny, -tiny, Tolerance::Ulps(1)));
        assert!(compare(0.0, -0.0, Tolerance::Ulps(1)));
        assert!(compare(f32::MAX, f32::INFINITY, Tolerance::Ulps(1)));
        assert!(!compare(f32::NAN, f32::INFINITY, Tolerance::Ulps(1 << 20)));
    }

    #[test]
    fn epsilons_are_relative_to_the_largest_magnitude() {
        let e = Literal::new([2], &[100.0f32, 1.0]).expect("two elements");
        let near = Literal::new([2], &[100.0f32, 1.0 + 64.0 * f32::EPSILON]).expect("two elements");
        assert_eq!(first_difference(&e, &near, Tolerance::Epsilons(1), &[]), None);
        let far = Literal::new([2], &[100.0f32, 1.0 + 128.0 * f32::EPSILON]).expect("two elements");
        let difference = first_difference(&e, &far, Tolerance::Epsilons(1), &[]).expect("too far");
        assert_eq!(difference.index, 1);
    }
}
