//! Conversions.

use super::{gives, rejects, t, ty};
use crate::DType::{Bool, F32, F64, I32, U8, U16, U32};
use crate::op::primitive::{Bitcast, Cast};

#[test]
fn bitcast_keeps_bits() {
    gives(Bitcast { dtype: U32 }, &[t([2], &[1.0f32, -0.0])], [2], &[0x3f80_0000u32, 0x8000_0000]);
    gives(Bitcast { dtype: F32 }, &[t([], &[0x7fc0_1234u32])], [], &[f32::from_bits(0x7fc0_1234)]);
    gives(Bitcast { dtype: I32 }, &[t([1], &[u32::MAX])], [1], &[-1i32]);
    gives(Bitcast { dtype: U32 }, &[t([0, 3], &[] as &[f32])], [0, 3], &[] as &[u32]);
}

#[test]
fn bitcast_to_smaller_and_larger_dtypes() {
    let (wide, narrow) = (t([2], &[0x0403_0201u32, 0x0807_0605]), t([2, 4], &[1u8, 2, 3, 4, 5, 6, 7, 8]));
    gives(Bitcast { dtype: U8 }, std::slice::from_ref(&wide), [2, 4], &[1u8, 2, 3, 4, 5, 6, 7, 8]);
    gives(Bitcast { dtype: U32 }, &[narrow], [2], &[0x0403_0201u32, 0x0807_0605]);
    gives(Bitcast { dtype: F64 }, &[t([2], &[0u32, 0x3ff0_0000])], [], &[1.0f64]);
    gives(Bitcast { dtype: U16 }, &[t([], &[0x0001_0002u32])], [2], &[2u16, 1]);
    gives(Bitcast { dtype: U8 }, &[t([0], &[] as &[u32])], [0, 4], &[] as &[u8]);
}

#[test]
fn bitcast_checks_dtypes_and_the_last_axis() {
    rejects(Bitcast { dtype: U8 }, &[ty(Bool, [2])], "operand 0 must have an integer or float dtype");
    rejects(
        Bitcast { dtype: Bool },
        &[ty(U8, [2])],
        "`dtype`: must be an integer or float dtype, found bool",
    );
    rejects(
        Bitcast { dtype: U32 },
        &[ty(U8, [2, 3])],
        "u32 takes 4 u8 along the last axis, found shape [2,3]",
    );
    rejects(Bitcast { dtype: U32 }, &[ty(U8, ())], "u32 takes 4 u8 along the last axis");
    rejects(Bitcast { dtype: U8 }, &[ty(U32, [1 << 59])], "too large");
    rejects(Bitcast { dtype: U8 }, &[ty(U32, vec![1; 32])], "too large");
}

#[test]
fn cast_converts_each_element() {
    let x = t([2, 2], &[1.5f32, -1.5, f32::NAN, 300.0]);
    gives(Cast { dtype: U8 }, std::slice::from_ref(&x), [2, 2], &[1u8, 0, 0, 255]);
    gives(Cast { dtype: F32 }, &[x], [2, 2], &[1.5f32, -1.5, f32::NAN, 300.0]);
    gives(Cast { dtype: Bool }, &[t([0], &[] as &[i8])], [0], &[] as &[bool]);
}
