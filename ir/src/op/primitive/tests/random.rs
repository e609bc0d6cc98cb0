//! Random bits, against the known answers published with Random123 (`tests/kat_vectors`).

use super::{gives, rejects, result, t, ty};
use crate::DType::{self, F32, I64, U32, U64};
use crate::op::primitive::random::{philox4x32_10, threefry2x32_20};
use crate::op::primitive::{RngAlgorithm, RngBits};
use crate::{Literal, Shape};

fn bits(algorithm: RngAlgorithm, dtype: DType, shape: impl Into<Shape>) -> RngBits {
    RngBits { algorithm, dtype, shape: shape.into() }
}

fn operands(key: [u32; 2], counter: u64) -> [Literal; 2] {
    [t([2], &key), t([], &[counter])]
}

const PHILOX_ZERO: [u32; 4] = [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8];
const THREEFRY_ZERO: [u32; 2] = [0x6b20_0159, 0x99ba_4efe];

#[test]
fn philox_gives_the_known_answers() {
    const ONES: u32 = u32::MAX;
    assert_eq!(philox4x32_10([0; 4], [0; 2]), PHILOX_ZERO);
    assert_eq!(philox4x32_10([ONES; 4], [ONES; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    let expected = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
    assert_eq!(philox4x32_10(counter, [0xa409_3822, 0x299f_31d0]), expected);
}

#[test]
fn threefry_gives_the_known_answers() {
    const ONES: u32 = u32::MAX;
    assert_eq!(threefry2x32_20([0; 2], [0; 2]), THREEFRY_ZERO);
    assert_eq!(threefry2x32_20([ONES; 2], [ONES; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
    let found = threefry2x32_20([0x243f_6a88, 0x85a3_08d3], [0x1319_8a2e, 0x0370_7344]);
    assert_eq!(found, [0xc492_3a9c, 0x483d_f7a0]);
}

#[test]
fn rng_bits_reads_the_stream_of_the_key() {
    gives(bits(RngAlgorithm::Philox, U32, [4]), &operands([0; 2], 0), [4], &PHILOX_ZERO);
    gives(bits(RngAlgorithm::Threefry, U32, [2]), &operands([0; 2], 0), [2], &THREEFRY_ZERO);
    let [a, b, c, d] = PHILOX_ZERO.map(u64::from);
    gives(bits(RngAlgorithm::Philox, U64, [2]), &operands([0; 2], 0), [2], &[a | b << 32, c | d << 32]);
    let counter = 0x0123_4567_89ab_cdef;
    let block = philox4x32_10([0x89ab_cdef, 0x0123_4567, 0, 0], [7, 8]);
    gives(bits(RngAlgorithm::Philox, U32, [2, 2]), &operands([7, 8], counter), [2, 2], &block);
    let block = threefry2x32_20([0x89ab_cdef, 0x0123_4567], [7, 8]);
    gives(bits(RngAlgorithm::Threefry, U32, [1, 2]), &operands([7, 8], counter), [1, 2], &block);
}

#[test]
fn rng_bits_of_a_part_are_part_of_the_whole() {
    for algorithm in [RngAlgorithm::Philox, RngAlgorithm::Threefry] {
        let words = |counter, count: usize| {
            result(bits(algorithm, U32, [count]), &operands([1, 2], counter)).to_vec::<u32>().unwrap()
        };
        // The counter wraps in the middle of the result.
        let whole = words(u64::MAX, 16);
        let skipped = algorithm.block_words() as usize;
        assert_eq!(whole[skipped..], words(0, 16 - skipped));
        assert_eq!(whole[..3], words(u64::MAX, 3));
    }
}

#[test]
fn rng_bits_of_odd_shapes() {
    gives(bits(RngAlgorithm::Philox, U32, ()), &operands([0; 2], 0), (), &PHILOX_ZERO[..1]);
    gives::<u64>(bits(RngAlgorithm::Philox, U64, [3, 0]), &operands([0; 2], 0), [3, 0], &[]);
}

#[test]
fn rng_bits_checks_its_operands() {
    let (key, counter) = (ty(U32, [2]), ty(U64, ()));
    let op = |dtype| bits(RngAlgorithm::Philox, dtype, [2]);
    rejects(op(U32), &[ty(U64, [2]), counter.clone()], "the key (operand 0) must be u32[2], found u64[2]");
    rejects(op(U32), &[ty(U32, [3]), counter.clone()], "the key (operand 0) must be u32[2]");
    rejects(op(U32), &[key.clone(), ty(I64, ())], "the counter (operand 1) must be u64[], found i64[]");
    rejects(op(U32), &[key.clone(), ty(U64, [1])], "the counter (operand 1) must be u64[]");
    rejects(op(F32), &[key.clone(), counter.clone()], "`dtype`: must be u32 or u64, found f32");
    let huge = bits(RngAlgorithm::Philox, U32, [usize::MAX, 2]);
    rejects(huge, &[key, counter], "too large");
}
