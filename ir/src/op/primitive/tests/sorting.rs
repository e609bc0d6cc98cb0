//! Sorts and the greatest elements.

use super::{counting, gives, rejects, results, t, ty};
use crate::DType::{F32, I32};
use crate::Literal;
use crate::op::primitive::{Sort, TopK};

fn ascending(axis: usize, keys: usize) -> Sort {
    Sort { axis, keys, descending: false }
}

#[test]
fn sort_goes_by_the_total_order() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let x = t([8], &[nan, 1.0, -0.0, -inf, 0.0, -nan, inf, -0.0]);
    let sorted = [-inf, -0.0, -0.0, 0.0, 1.0, inf, nan, -nan];
    gives(ascending(0, 1), std::slice::from_ref(&x), [8], &sorted);
    let sorted = [nan, -nan, inf, 1.0, 0.0, -0.0, -0.0, -inf];
    gives(Sort { descending: true, ..ascending(0, 1) }, &[x], [8], &sorted);
    gives(ascending(0, 1), &[t([3], &[true, false, true])], [3], &[false, true, true]);
    gives(ascending(0, 1), &[t([3], &[u64::MAX, 0, 1 << 63])], [3], &[0u64, 1 << 63, u64::MAX]);
    gives(ascending(0, 1), &[t([3], &[1i64, i64::MIN, i64::MAX])], [3], &[i64::MIN, 1, i64::MAX]);
}

#[test]
fn sort_is_stable_and_carries_other_operands() {
    let (key, position) = (t([5], &[1.0f64, 0.0, 1.0, 0.0, 1.0]), counting([5]));
    let check = |descending, expected: [i32; 5]| {
        let op = Sort { descending, ..ascending(0, 1) };
        assert_eq!(results(op, &[key.clone(), position.clone()])[1], t([5], &expected));
    };
    check(false, [1, 3, 0, 2, 4]);
    check(true, [0, 2, 4, 1, 3]);
    // NaNs are equal, whatever their sign and payload.
    let nans = t([3], &[f32::NAN, -f32::NAN, f32::from_bits(0x7fff_ffff)]);
    assert_eq!(results(ascending(0, 1), &[nans, counting([3])])[1], counting([3]));
}

#[test]
fn sort_by_several_keys() {
    let operands = [t([4], &[1u8, 0, 1, 0]), t([4], &[5i16, 7, 3, 2]), counting([4])];
    let sorted = results(ascending(0, 2), &operands);
    let expected: [Literal; 3] = [t([4], &[0u8, 0, 1, 1]), t([4], &[2i16, 7, 3, 5]), t([4], &[3, 1, 2, 0])];
    assert_eq!(sorted, expected);
    let sorted = results(Sort { descending: true, ..ascending(0, 2) }, &operands);
    assert_eq!(sorted[2], t([4], &[0, 2, 1, 3]));
}

#[test]
fn sort_along_other_axes() {
    let x = t([2, 3], &[3, 1, 2, 0, 5, 1]);
    gives(ascending(1, 1), std::slice::from_ref(&x), [2, 3], &[1, 2, 3, 0, 1, 5]);
    gives(ascending(0, 1), &[x], [2, 3], &[0, 1, 1, 3, 5, 2]);
    for axis in [0, 1] {
        gives::<i32>(ascending(axis, 1), &[counting([0, 3])], [0, 3], &[]);
    }
}

#[test]
fn sort_checks_its_operands() {
    let x = ty(F32, [2, 3]);
    rejects(ascending(0, 1), &[], "takes 1 or more operands, found 0");
    rejects(ascending(0, 1), &[ty(F32, ())], "axis 0 is not valid for rank 0");
    rejects(ascending(2, 1), std::slice::from_ref(&x), "axis 2 is not valid for rank 2");
    rejects(
        ascending(0, 0),
        std::slice::from_ref(&x),
        "`keys`: must be from 1 to the number of operands (1), found 0",
    );
    rejects(ascending(0, 2), std::slice::from_ref(&x), "`keys`: must be from 1");
    rejects(ascending(0, 1), &[x.clone(), x, ty(I32, [3, 2])], "shapes of operands 0 and 2 must agree");
}

#[test]
fn top_k_takes_the_first_of_equals() {
    let nan = f32::NAN;
    let found = results(TopK { k: 3, axis: 0 }, &[t([5], &[1.0, 3.0, nan, 3.0, f32::INFINITY])]);
    assert_eq!(found, [t([3], &[nan, f32::INFINITY, 3.0]), t([3], &[2i32, 4, 1])]);
    let found = results(TopK { k: 2, axis: 1 }, &[t([2, 3], &[1u8, 9, 9, 4, 5, 6])]);
    assert_eq!(found, [t([2, 2], &[9u8, 9, 6, 5]), t([2, 2], &[1i32, 2, 2, 1])]);
    let found = results(TopK { k: 1, axis: 0 }, &[t([2, 3], &[1u8, 9, 9, 4, 5, 6])]);
    assert_eq!(found, [t([1, 3], &[4u8, 9, 9]), t([1, 3], &[1i32, 0, 0])]);
    let found = results(TopK { k: 2, axis: 0 }, &[t([2], &[-0.0f32, 0.0])]);
    assert_eq!(found, [t([2], &[0.0f32, -0.0]), t([2], &[1i32, 0])]);
}

#[test]
fn top_k_of_nothing() {
    let found = results(TopK { k: 0, axis: 0 }, &[counting([3])]);
    assert_eq!(found, [counting([0]), counting([0])]);
    assert_eq!(results(TopK { k: 2, axis: 1 }, &[counting([0, 3])])[0], counting([0, 2]));
}

#[test]
fn top_k_checks_its_operand() {
    rejects(TopK { k: 0, axis: 0 }, &[ty(F32, ())], "axis 0 is not valid for rank 0");
    rejects(TopK { k: 0, axis: 1 }, &[ty(F32, [3])], "axis 1 is not valid for rank 1");
    rejects(TopK { k: 4, axis: 0 }, &[ty(F32, [3])], "`k`: axis 0 has only 3 elements, found 4");
    rejects(TopK { k: 1, axis: 0 }, &[ty(F32, [(1 << 31) + 1])], "i32 cannot hold the indices");
}
