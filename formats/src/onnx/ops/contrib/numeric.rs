//! Matrices, distances, spectra and hashes.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, axes, natural, one, sizes};
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
    ("MulInteger", multiplied),
    ("ReduceSumInteger", summed),
    ("IsAllFinite", is_all_finite),
    ("NGramRepeatBlock", without_repeats),
];

/// Products of integers less their zero points.
fn multiplied(call: &Call<'_>) -> Results {
    let centred = |at: usize| -> Result<Tensor, Reason> {
        let wide = call.tensor(at)?.cast(DType::I32);
        Ok(match call.maybe(at + 1)? {
            Some(zero) => wide - zero.reshape(()).cast(DType::I32),
            None => wide,
        })
    };
    one(centred(0)? * centred(2)?)
}

fn summed(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let dtype = if matches!(x.dtype()?, DType::U8) { DType::U32 } else { DType::I32 };
    let along = axes(&call.ints("axes")?.unwrap_or_default(), x.rank()?)?;
    let wide = x.cast(dtype);
    one(match call.flag("keepdims", true)? {
        true => wide.sum(tensorwright::keep(&along[..])),
        false => wide.sum(&along[..]),
    })
}

fn is_all_finite(call: &Call<'_>) -> Results {
    let (no_infinity, no_nan) = (!call.flag("isnan_only", false)?, !call.flag("isinf_only", false)?);
    let mut all = Tensor::scalar(true);
    for x in call.tensors()? {
        if no_infinity {
            all &= x.abs().ne(f64::INFINITY).all(..);
        }
        if no_nan {
            all &= x.is_nan().not().all(..);
        }
    }
    one(all)
}

/// Scores of minus infinity for words that would end a run of words which has been there.
fn without_repeats(call: &Call<'_>) -> Results {
    let (words, scores) = (call.tensor(0)?.cast(DType::I64), call.tensor(1)?);
    let length = natural("ngram_size", call.required_int("ngram_size")?)?;
    let [_, count] = sizes(&words)?[..] else {
        return Err(Reason::other(format!("words of rank 2, found {}", words.ty()?)));
    };
    let [_, all] = sizes(scores)?[..] else {
        return Err(Reason::other(format!("scores of rank 2, found {}", scores.ty()?)));
    };
    if length == 0 || count < length {
        return one(scores.clone());
    }
    // Runs of words, and whether they begin as the last words do.
    let runs = count + 1 - length;
    let place = |at: usize| words.i((.., at..at + runs));
    let begins = (0..length - 1).fold(None::<Tensor>, |so_far, at| {
        let own = place(at).eq(words.i((.., count + 1 - length + at)).expand_dims(1));
        Some(so_far.map_or_else(|| own.clone(), |so_far| so_far & &own))
    });
    let ends = place(length - 1).expand_dims(-1).eq(Tensor::arange(all, DType::I64));
    let banned = if let Some(begins) = begins { ends & begins.expand_dims(-1) } else { ends };
    one(banned.any(1).select(Tensor::full((), f64::NEG_INFINITY).cast(scores.dtype()?), scores))
}

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
