//! Random bits by counter-based generators.
//!
//! A counter-based generator is a keyed bijection of counters to blocks of words: the words of a block depend on the key and
//! the number of the block alone, so any part of a stream can be computed on its own, in any order. The generators are those of
//! Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Batching, Derivative, Lowering, OpDef, Sample, TensorTypes, TypeError, rule};
use crate::{DType, Literal, Scalar, Shape, TensorType, attributes, word_attribute};

word_attribute! {
    /// A counter-based generator.
    pub enum RngAlgorithm {
        /// Philox4x32-10: blocks of four words; the fastest on processors with a wide multiplication.
        Philox = "philox",
        /// Threefry2x32-20: blocks of two words; additions, rotations and exclusive ors only.
        Threefry = "threefry",
    }
}

impl RngAlgorithm {
    /// Words of one block.
    pub const fn block_words(self) -> u64 {
        match self {
            RngAlgorithm::Philox => 4,
            RngAlgorithm::Threefry => 2,
        }
    }

    /// Word `index` of the stream of `key` that begins at block `counter`.
    fn stream_word(self, key: [u32; 2], counter: u64, index: u64) -> u32 {
        let block = counter.wrapping_add(index / self.block_words());
        let (low, high) = (block as u32, (block >> 32) as u32);
        let nth = (index % self.block_words()) as usize;
        match self {
            RngAlgorithm::Philox => philox4x32_10([low, high, 0, 0], key)[nth],
            RngAlgorithm::Threefry => threefry2x32_20([low, high], key)[nth],
        }
    }
}

attributes! {
    /// Uniformly distributed random bits: operands `key: u32[2]`, `counter: u64[]`; the result is `u32[shape]` or `u64[shape]`.
    ///
    /// A key has one stream of 2^64 blocks of `n` 32-bit words (`n` is 4 for Philox, 2 for Threefry), and `counter` is the first
    /// block that is used. Word `i` of the result is word `i % n` of block `counter + i / n` (modulo 2^64), whatever the shape
    /// and however the work is split. Element `i` in row-major order of a u32 result is word `i`; of a u64 result it
    /// is word `2 i` (the lower half) and word `2 i + 1` (the upper half). So a result of `e` words uses `ceil(e / n)` blocks, and
    /// the next free counter is `counter` plus that.
    ///
    /// Block number `b` is the cipher's counter `[b mod 2^32, b / 2^32]`, for Philox followed by two zeros.
    pub struct RngBits {
        /// The generator.
        pub algorithm: RngAlgorithm,
        /// Dtype of the result: u32 or u64.
        pub dtype: DType,
        /// Shape of the result.
        pub shape: Shape,
    }
}

impl OpDef for RngBits {
    const NAME: &'static str = "rng_bits";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let expected = [TensorType::new(DType::U32, [2]), TensorType::scalar(DType::U64)];
        for (i, name) in ["key", "counter"].into_iter().enumerate() {
            if *operands[i] != expected[i] {
                let (expected, found) = (&expected[i], operands[i]);
                return Err(TypeError::Other(format!(
                    "the {name} (operand {i}) must be {expected}, found {found}"
                )));
            }
        }
        if !matches!(self.dtype, DType::U32 | DType::U64) {
            return Err(TypeError::attribute("dtype", format!("must be u32 or u64, found {}", self.dtype)));
        }
        rule::one(self.dtype, self.shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let key = [0, 1].map(|i| operands[0].get(i).bits() as u32);
        let counter = operands[1].get(0).bits();
        let word = |i| self.algorithm.stream_word(key, counter, i);
        let element = |flat: usize| match (self.dtype, flat as u64) {
            (DType::U32, i) => Scalar::U32(word(i)),
            (_, i) => Scalar::U64(u64::from(word(2 * i)) | u64::from(word(2 * i + 1)) << 32),
        };
        vec![Literal::from_fn(results[0].clone(), element)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Map
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RngBits> {
        let algorithm = draw.choose(RngAlgorithm::ALL);
        let dtype = draw.choose(&[DType::U32, DType::U64]);
        let op = RngBits { algorithm, dtype, shape: hint.shape.clone() };
        let (key, counter) = (TensorType::new(DType::U32, [2]), TensorType::scalar(DType::U64));
        Sample::exact(op, [Operand::any(key), Operand::any(counter)])
    }
}

/// Ten rounds of two multiplications each; the key grows by Weyl constants between them.
pub(super) fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let product = |factor: u32, x: u32| {
        let wide = u64::from(factor) * u64::from(x);
        ((wide >> 32) as u32, wide as u32)
    };
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..10 {
        let ((high0, low0), (high1, low1)) = (product(0xD251_1F53, c0), product(0xCD9E_8D57, c2));
        (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [c0, c1, c2, c3]
}

/// Twenty rounds of addition, rotation and exclusive or; key words are added before the first and after every fourth.
pub(super) fn threefry2x32_20(counter: [u32; 2], key: [u32; 2]) -> [u32; 2] {
    const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
    let keys = [key[0], key[1], 0x1BD1_1BDA ^ key[0] ^ key[1]];
    let (mut x, mut y) = (counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1]));
    for group in 1..=5usize {
        for rotation in ROTATIONS[(group - 1) % 2] {
            x = x.wrapping_add(y);
            y = y.rotate_left(rotation) ^ x;
        }
        x = x.wrapping_add(keys[group % 3]);
        y = y.wrapping_add(keys[(group + 1) % 3]).wrapping_add(group as u32);
    }
    [x, y]
}
