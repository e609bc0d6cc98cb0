//! Signatures as rows of words.
//!
//! A call writes one token per tensor, static value and run-time choice of structure (length of a vector,
//! presence of an option, variant of an enum). What the argument's Rust type fixes is not written, since one
//! cache serves one type. Each token says how long it is, so that no row is the beginning of another and two
//! rows are equal only if the signatures are.

use std::hash::{Hash, Hasher};

use tensorwright_ir::{Scalar, TensorType};

/// The signature of one call, owned.
pub type Key = Box<[u64]>;

/// What a token is; the low byte of its first word.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Token {
    Tensor = 1,
    Length,
    Scalar,
    Bytes,
}

/// Writes a signature, word by word, into memory that it keeps from call to call.
#[derive(Clone, Debug, Default)]
pub struct KeyWriter {
    words: Vec<u64>,
}

impl KeyWriter {
    /// Forgets the signature, not the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.words.clear();
    }

    /// The signature so far.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// A tensor: its dtype and shape.
    #[inline]
    pub fn tensor(&mut self, ty: &TensorType) {
        let dims = ty.shape.dims();
        self.token(Token::Tensor, (dims.len() as u64) << 8 | ty.dtype as u64);
        self.words.extend(dims.iter().map(|dim| dim.size() as u64));
    }

    /// How many elements a container has, or which variant an enum is.
    #[inline]
    pub fn length(&mut self, length: usize) {
        self.token(Token::Length, length as u64);
    }

    /// A static number: its dtype and bits, so that `1`, `true` and `1.0`, `0.0` and `-0.0` all differ.
    #[inline]
    pub fn scalar(&mut self, scalar: Scalar) {
        self.token(Token::Scalar, scalar.dtype() as u64);
        match scalar.dtype().is_complex() {
            true => self.words.extend(scalar.parts().map(Scalar::bits)),
            false => self.words.push(scalar.bits()),
        }
    }

    /// A static value as text or raw bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.token(Token::Bytes, bytes.len() as u64);
        self.words.extend(bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        }));
    }

    /// Any other static value, by everything that it feeds to a hasher: the bytes themselves, not their hash.
    pub fn hashable<T: Hash + ?Sized>(&mut self, value: &T) {
        let mut recorder = Recorder::default();
        value.hash(&mut recorder);
        self.bytes(&recorder.bytes);
    }

    #[inline]
    fn token(&mut self, token: Token, payload: u64) {
        self.words.push(payload << 8 | token as u64);
    }
}

/// A hasher that keeps what it is fed.
#[derive(Default)]
struct Recorder {
    bytes: Vec<u8>,
}

impl Hasher for Recorder {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensorwright_ir::DType;

    fn key(write: impl FnOnce(&mut KeyWriter)) -> Vec<u64> {
        let mut writer = KeyWriter::default();
        write(&mut writer);
        writer.words().to_vec()
    }

    #[test]
    fn static_numbers_differ_by_type_and_bits() {
        let values: [Scalar; 7] = [
            1i32.into(),
            true.into(),
            1.0f32.into(),
            1.0f64.into(),
            0.0f32.into(),
            (-0.0f32).into(),
            1u8.into(),
        ];
        for (i, &a) in values.iter().enumerate() {
            for &b in &values[i + 1..] {
                assert_ne!(key(|k| k.scalar(a)), key(|k| k.scalar(b)), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn no_signature_is_the_beginning_of_another() {
        let ty = |dims: &[usize]| TensorType::new(DType::F32, dims);
        let one = key(|k| k.tensor(&ty(&[2, 3])));
        let two = key(|k| {
            k.tensor(&ty(&[2]));
            k.tensor(&ty(&[3]));
        });
        assert!(!two.starts_with(&one) && !one.starts_with(&two));
        assert_ne!(key(|k| k.bytes(b"a\0")), key(|k| k.bytes(b"a")));
    }

    #[test]
    fn hashable_values_are_kept_whole() {
        assert_ne!(key(|k| k.hashable(&("a", "bc"))), key(|k| k.hashable(&("ab", "c"))));
        assert_eq!(key(|k| k.hashable(&vec![1, 2])), key(|k| k.hashable(&vec![1, 2])));
    }
}
