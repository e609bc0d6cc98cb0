//! Rules about conversions.

use tensorwright_ir::op::primitive::{Cast, Iota};
use tensorwright_ir::{DType, Op, Scalar};

use super::matching::Match;
use super::{on, rules};
use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::{Rewriter, Site};

rules! {
    /// Conversions.
    pub(super) RULES:
    cast_cast, on::any, "cast.v(cast.u(x))" => "cast.v(x)" if the_way_may_be_skipped;
    // The new `iota` has the shape and the axis of the old one, which the notation has no words for.
    cast_iota, on::number, "cast(iota.u)" => "iota" by cast_iota;
    // Comparisons do not tell zeros apart.
    ne_cast_bool, on::number, "ne(cast(p), 0)" => "p";
    ne_cast_bool_minus, on::float, "ne(cast(p), -0)" => "p";
    eq_cast_bool, on::number, "eq(cast(p), 1)" => "p";
}

/// Whether converting `x` to `v` at once gives the same as by way of `u`.
fn the_way_may_be_skipped(m: &Match<'_>) -> bool {
    let [through, to] = m.targets();
    may_skip(m.dtype(), through, to)
}

/// Whether converting by way of `through` gives the same as converting at once.
fn may_skip(from: DType, through: DType, to: DType) -> bool {
    if holds(through, from) {
        // Integers wrap into an integer dtype where floats saturate.
        let rule_changes = from.is_int() && through.is_float() && to.is_int();
        return !rule_changes || holds(to, from);
    }
    // Wrapping twice is wrapping once to the narrower.
    from.is_int() && through.is_int() && to.is_int() && to.size() <= through.size()
}

/// Whether every value of `from` is a value of `to`.
fn holds(to: DType, from: DType) -> bool {
    if from == to || from == DType::Bool {
        return true;
    }
    match (from.is_float(), to.is_float()) {
        (true, true) => to.size() > from.size(),
        (false, true) => value_bits(from) <= significand_bits(to),
        (false, false) => {
            to.is_int() && to.size() > from.size() && (to.is_signed_int() || from.is_unsigned_int())
        }
        (true, false) => false,
    }
}

/// Bits of the largest magnitude; that of the lowest signed integer is a power of two.
fn value_bits(dtype: DType) -> u32 {
    dtype.bits() - u32::from(dtype.is_signed_int())
}

fn significand_bits(dtype: DType) -> u32 {
    match dtype {
        DType::F16 => 11,
        DType::BF16 => 8,
        DType::F32 => 24,
        _ => 53,
    }
}

/// Numbers count up in any dtype, if the first dtype holds them all.
fn cast_iota(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let Op::Cast(Cast { dtype: to }) = s.node.op else { return Ok(None) };
    let Some((Op::Iota(iota), _)) = made_by(r.graph(), s.operands[0]) else { return Ok(None) };
    let last = iota.shape.size(iota.axis).saturating_sub(1) as i128;
    let exact = |dtype: DType| Scalar::from_i128(dtype, last).to_i128() == last && last < 1 << 53;
    let all_exact =
        exact(iota.dtype) && (!iota.dtype.is_float() || last <= 1 << significand_bits(iota.dtype));
    // Too large for an integer dtype they wrap if they are integers and saturate if they are floats.
    let same_rule = !iota.dtype.is_float() || to.is_float() || exact(to);
    if to == DType::Bool || !all_exact || !same_rule {
        return Ok(None);
    }
    let iota = Iota { dtype: to, ..iota.clone() };
    r.build().push_one(iota, &[]).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensorwright_testkit::literals::{Random, SPECIAL_FLOATS, random_scalar};

    #[test]
    fn skipped_conversions_change_nothing() {
        let mut random = Random::new(7);
        let mut skipped = 0;
        for from in DType::REAL {
            let mut samples: Vec<Scalar> = (0..300).map(|_| random_scalar(&mut random, from)).collect();
            samples.extend(SPECIAL_FLOATS.map(|x| Scalar::from_f64(from, x)));
            for (through, to) in DType::REAL.into_iter().flat_map(|t| DType::REAL.map(|to| (t, to))) {
                if !may_skip(from, through, to) {
                    continue;
                }
                skipped += 1;
                for &x in &samples {
                    let (long, short) = (x.cast(through).cast(to), x.cast(to));
                    let nan = |s: Scalar| s.to_f64().is_nan();
                    assert!(long == short || nan(long) && nan(short), "{x:?} by {through} to {to}");
                }
            }
        }
        assert!(skipped > 500, "only {skipped} of {} skipped", 13 * 13 * 13);
    }

    #[test]
    fn conversions_that_matter_stay() {
        assert!(!may_skip(DType::F32, DType::F16, DType::F32));
        assert!(!may_skip(DType::I32, DType::F64, DType::I8));
        assert!(!may_skip(DType::I32, DType::I8, DType::I32));
        assert!(!may_skip(DType::I32, DType::Bool, DType::I32));
    }
}
