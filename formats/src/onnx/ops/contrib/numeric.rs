//! Matrices, distances, spectra and hashes.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, natural, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Inverse", |call| one(call.tensor(0)?.inverse())),
    ("CDist", distances),
    ("Rfft", real_transform),
    ("Irfft", real_inverse),
    ("ComplexMul", |call| one((call.tensor(0)?.as_complex() * call.tensor(1)?.as_complex()).as_real())),
    ("ComplexMulConj", |call| {
        one((call.tensor(0)?.as_complex() * call.tensor(1)?.as_complex().conj()).as_real())
    }),
    ("MurmurHash3", hash),
];

fn distances(call: &Call<'_>) -> Results {
    let apart = call.tensor(0)?.expand_dims(1) - call.tensor(1)?.expand_dims(0);
    let squares = (&apart * &apart).sum(-1);
    match call.word("metric", "sqeuclidean")? {
        "sqeuclidean" => one(squares),
        "euclidean" => one(squares.sqrt()),
        other => Err(call.unknown_word("metric", other)),
    }
}

/// Axes of the signal: so many, the last of this rank.
fn signal(call: &Call<'_>, rank: usize) -> Result<Vec<usize>, Reason> {
    let count = natural("signal_ndim", call.int("signal_ndim", 1)?)?;
    match call.flag("normalized", false)? || !call.flag("onesided", true)? || count == 0 || count > rank {
        true => Err(Reason::other("spectra are one-sided and not normalised, of at least one axis")),
        false => Ok((rank - count..rank).collect()),
    }
}

fn real_transform(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let along = signal(call, x.rank()?)?;
    one(x.rfft_with(along, tensorwright::FftOptions::new()).as_real())
}

fn real_inverse(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?.as_complex();
    let along = signal(call, x.rank()?)?;
    one(x.irfft_with(along, tensorwright::FftOptions::new()))
}

/// Hashes of 32 bits, of numbers bit by bit and of strings byte by byte.
fn hash(call: &Call<'_>) -> Results {
    let seed = call.int("seed", 0)? as u32;
    let positive = call.flag("positive", true)?;
    let signed = |hashes: Tensor| if positive { hashes } else { hashes.bitcast(DType::I32) };
    if let Value::Strings(strings) = call.value(0)? {
        let hashes: Vec<u32> =
            strings.0.elements.iter().map(|word| of_bytes(word.as_bytes(), seed)).collect();
        return one(signed(Tensor::from_slice(&hashes, strings.0.shape.clone())));
    }
    let x = call.tensor(0)?;
    let words: Vec<Tensor> = match x.dtype()?.size() {
        4 => vec![x.bitcast(DType::U32)],
        8 => {
            let bits = x.bitcast(DType::U64);
            vec![(&bits & 0xffff_ffff_u64).cast(DType::U32), (bits >> 32u64).cast(DType::U32)]
        }
        _ => return Err(Reason::other(format!("numbers of 4 or 8 bytes are hashed, found {}", x.ty()?))),
    };
    let start = Tensor::full(sizes(x)?, seed);
    let length = 4 * words.len() as u32;
    let mixed = words.into_iter().fold(start, |hash, word| {
        let turned = rotated(word * FIRST, 15) * SECOND;
        rotated(hash ^ turned, 13) * 5u32 + STEP
    });
    let hash = mixed ^ length;
    let hash = (&hash ^ (&hash >> 16u32)) * LAST[0];
    let hash = (&hash ^ (&hash >> 13u32)) * LAST[1];
    one(signed(&hash ^ (&hash >> 16u32)))
}

fn rotated(x: Tensor, bits: u32) -> Tensor {
    (&x << bits) | (x >> (32 - bits))
}

// Constants of MurmurHash3_x86_32 (Appleby 2011).
const FIRST: u32 = 0xcc9e_2d51;
const SECOND: u32 = 0x1b87_3593;
const STEP: u32 = 0xe654_6b64;
const LAST: [u32; 2] = [0x85eb_ca6b, 0xc2b2_ae35];

fn of_bytes(bytes: &[u8], seed: u32) -> u32 {
    let turned = |word: u32| word.wrapping_mul(FIRST).rotate_left(15).wrapping_mul(SECOND);
    let little = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    let blocks = bytes.chunks_exact(4);
    let rest = little(blocks.remainder());
    let mixed = blocks.fold(seed, |hash, block| {
        (hash ^ turned(little(block))).rotate_left(13).wrapping_mul(5).wrapping_add(STEP)
    });
    let hash = mixed ^ turned(rest) ^ bytes.len() as u32;
    let hash = (hash ^ (hash >> 16)).wrapping_mul(LAST[0]);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(LAST[1]);
    hash ^ (hash >> 16)
}
