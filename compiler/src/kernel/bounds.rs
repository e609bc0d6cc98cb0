//! What is known of computed places: between which numbers they are, whatever the memory holds.

use tensorwright_ir::Scalar;
use tensorwright_ir::op::primitive::BinaryFn;

use super::{Instr, Reg};

/// How far back the search for what a number is made of goes.
const DEPTH: u32 = 8;

/// Whether an instruction accesses memory at a computed place that is below its count anyway.
pub fn is_in_range(body: &[Instr], instr: &Instr) -> bool {
    match *instr {
        Instr::LoadAt { at, count, .. } | Instr::StoreAt { at, count, .. } => {
            let (low, high) = bounds(body, at, DEPTH);
            low >= 0 && high < i128::from(count)
        }
        _ => false,
    }
}

/// The least and the greatest number that an i64 register can be.
fn bounds(body: &[Instr], reg: Reg, depth: u32) -> (i128, i128) {
    const ANY: (i128, i128) = (i64::MIN as i128, i64::MAX as i128);
    let Some(less) = depth.checked_sub(1) else { return ANY };
    let of = |reg: Reg| bounds(body, reg, less);
    let found = match body[reg.0 as usize] {
        Instr::Const(Scalar::I64(n)) => (n.into(), n.into()),
        Instr::Select(_, x, y) => {
            let (x, y) = (of(x), of(y));
            (x.0.min(y.0), x.1.max(y.1))
        }
        Instr::Binary(function, x, y) => {
            let (x, y) = (of(x), of(y));
            match function {
                BinaryFn::Maximum => (x.0.max(y.0), x.1.max(y.1)),
                BinaryFn::Minimum => (x.0.min(y.0), x.1.min(y.1)),
                BinaryFn::Add => (x.0 + y.0, x.1 + y.1),
                BinaryFn::Mul => {
                    let products = [x.0 * y.0, x.0 * y.1, x.1 * y.0, x.1 * y.1];
                    products
                        .into_iter()
                        .fold((i128::MAX, i128::MIN), |(low, high), p| (low.min(p), high.max(p)))
                }
                _ => ANY,
            }
        }
        _ => ANY,
    };
    // What may wrap may be anything.
    if found.0 < ANY.0 || found.1 > ANY.1 { ANY } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Kernel, TileStage};

    fn in_range(place: &str) -> bool {
        let text = format!(
            "kernel {{
              param p0: read i64[8]
              param p1: write i64[1]
              loop {{
                r0 = load p0[0]
                r1 = const i64 0
                r2 = const i64 3
                {place}
                r6 = load p0[0] at r5 of 8
                store p1[0] = r6
              }}
            }}"
        );
        let kernel: Kernel = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let TileStage::Loop(stage) = &kernel.stages[0] else { unreachable!("it is a loop") };
        is_in_range(&stage.body, &stage.body[6])
    }

    #[test]
    fn places_between_constants_are_in_range() {
        let clamped = "r3 = maximum r0 r1 r4 = minimum r3 r2";
        assert!(in_range(&format!("{clamped} r5 = add r4 r2")));
        assert!(!in_range(&format!("{clamped} r5 = mul r4 r2")));
        assert!(!in_range("r3 = maximum r0 r1 r4 = add r3 r2 r5 = minimum r0 r2"));
    }

    #[test]
    fn what_may_wrap_may_be_anything() {
        assert!(!in_range("r3 = maximum r0 r1 r4 = add r3 r2 r5 = minimum r4 r2"));
    }
}
