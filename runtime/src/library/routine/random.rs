//! Random bits of counter-based generators, many blocks side by side.
//!
//! The rounds work on arrays of one word of each of [`WIDE`] blocks, which the compiler turns into vectors; on x86-64 there is
//! an instance for AVX2.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::{RngAlgorithm, RngBits};

use super::{Memory, Phase, RoutineKernel};

/// Blocks that are computed together.
const WIDE: usize = 16;
/// Blocks of a tile.
const TILE: u64 = 1 << 11;

type Words = [u32; WIDE];

/// `rng_bits` of one shape.
#[derive(Debug)]
pub(super) struct Random {
    algorithm: RngAlgorithm,
    /// 32-bit words of the result.
    words: u64,
    /// Whether elements are pairs of words.
    pairs: bool,
}

impl Random {
    pub(super) fn new(op: &RngBits) -> Self {
        let pairs = op.dtype == DType::U64;
        Self { algorithm: op.algorithm, words: op.shape.elements() as u64 * (1 + u64::from(pairs)), pairs }
    }

    fn blocks(&self) -> u64 {
        self.words.div_ceil(self.algorithm.block_words())
    }

    #[inline(always)]
    fn fill(&self, blocks: Range<u64>, key: [u32; 2], counter: u64, out: &mut [u32]) {
        match self.algorithm {
            RngAlgorithm::Philox => fill_blocks::<Philox, 4>(blocks, key, counter, out),
            RngAlgorithm::Threefry => fill_blocks::<Threefry, 2>(blocks, key, counter, out),
        }
        if self.pairs && cfg!(target_endian = "big") {
            // The lower half of an element is the first word of the stream.
            out.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        }
    }
}

impl RoutineKernel for Random {
    fn phases(&self) -> SmallVec<[Phase; 2]> {
        smallvec![Phase { tiles: self.blocks().div_ceil(TILE), tile_ns: TILE * 4 }]
    }

    unsafe fn run(&self, _phase: usize, tiles: Range<u64>, memory: &Memory<'_>, _scratch: *mut u8) {
        let blocks = tiles.start * TILE..(tiles.end * TILE).min(self.blocks());
        let words = self.algorithm.block_words();
        let (first, end) = (blocks.start * words, (blocks.end * words).min(self.words));
        // SAFETY: the operands are a key of two words and a counter; the words are those of this tile, within the result, and
        // whole elements, as blocks have an even number of words. They are written before they are read.
        let (key, counter, out) = unsafe {
            let out = memory.outputs[0].cast::<u32>().add(first as usize);
            out.write_bytes(0, (end - first) as usize);
            let out = std::slice::from_raw_parts_mut(out, (end - first) as usize);
            (*memory.inputs[0].cast::<[u32; 2]>(), *memory.inputs[1].cast::<u64>(), out)
        };
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            /// # Safety
            /// The processor has AVX2.
            #[target_feature(enable = "avx2")]
            unsafe fn fill(
                random: &Random,
                blocks: Range<u64>,
                key: [u32; 2],
                counter: u64,
                out: &mut [u32],
            ) {
                random.fill(blocks, key, counter, out);
            }
            // SAFETY: it has.
            return unsafe { fill(self, blocks, key, counter, out) };
        }
        self.fill(blocks, key, counter, out);
    }
}

/// Writes the words of Philox's stream of a key from a block on.
pub(super) fn philox_words(key: [u32; 2], first: u64, out: &mut [u32]) {
    let blocks = first..first + out.len().div_ceil(4) as u64;
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        /// # Safety
        /// The processor has AVX2.
        #[target_feature(enable = "avx2")]
        unsafe fn fill(blocks: Range<u64>, key: [u32; 2], out: &mut [u32]) {
            fill_blocks::<Philox, 4>(blocks, key, 0, out);
        }
        // SAFETY: it has.
        return unsafe { fill(blocks, key, out) };
    }
    fill_blocks::<Philox, 4>(blocks, key, 0, out);
}

/// What makes the words of a block of its counter. A type, since a function that is passed on would be compiled without the caller's instructions.
trait Cipher<const N: usize> {
    fn words(counter: [Words; 2], key: [u32; 2]) -> [Words; N];
}

/// Philox4x32-10 of counters `[low, high, 0, 0]`.
struct Philox;

/// Threefry2x32-20.
struct Threefry;

/// Writes the words of some blocks, the last of which may be cut short.
#[inline(always)]
fn fill_blocks<C: Cipher<N>, const N: usize>(
    blocks: Range<u64>,
    key: [u32; 2],
    counter: u64,
    out: &mut [u32],
) {
    let mut first = counter.wrapping_add(blocks.start);
    for out in out.chunks_mut(WIDE * N) {
        let number = |i: usize| first.wrapping_add(i as u64);
        let low = std::array::from_fn(|i| number(i) as u32);
        let high = std::array::from_fn(|i| (number(i) >> 32) as u32);
        let words = C::words([low, high], key);
        let mut mixed = [[0; N]; WIDE];
        for (i, block) in mixed.iter_mut().enumerate() {
            *block = std::array::from_fn(|word| words[word][i]);
        }
        out.copy_from_slice(&mixed.as_flattened()[..out.len()]);
        first = first.wrapping_add(WIDE as u64);
    }
}

impl Cipher<4> for Philox {
    #[inline(always)]
    fn words([low, high]: [Words; 2], [mut k0, mut k1]: [u32; 2]) -> [Words; 4] {
        let [mut c0, mut c1, mut c2, mut c3] = [low, high, [0; WIDE], [0; WIDE]];
        for _ in 0..10 {
            for i in 0..WIDE {
                let first = u64::from(c0[i]) * 0xD251_1F53;
                let second = u64::from(c2[i]) * 0xCD9E_8D57;
                c0[i] = (second >> 32) as u32 ^ c1[i] ^ k0;
                c2[i] = (first >> 32) as u32 ^ c3[i] ^ k1;
                c1[i] = second as u32;
                c3[i] = first as u32;
            }
            k0 = k0.wrapping_add(0x9E37_79B9);
            k1 = k1.wrapping_add(0xBB67_AE85);
        }
        [c0, c1, c2, c3]
    }
}

impl Cipher<2> for Threefry {
    #[inline(always)]
    fn words([mut x, mut y]: [Words; 2], key: [u32; 2]) -> [Words; 2] {
        const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
        let keys = [key[0], key[1], 0x1BD1_1BDA ^ key[0] ^ key[1]];
        let add = |words: &mut Words, number: u32| {
            words.iter_mut().for_each(|word| *word = word.wrapping_add(number))
        };
        add(&mut x, keys[0]);
        add(&mut y, keys[1]);
        for group in 1..=5usize {
            for rotation in ROTATIONS[(group - 1) % 2] {
                for i in 0..WIDE {
                    x[i] = x[i].wrapping_add(y[i]);
                    y[i] = y[i].rotate_left(rotation) ^ x[i];
                }
            }
            add(&mut x, keys[group % 3]);
            add(&mut y, keys[(group + 1) % 3].wrapping_add(group as u32));
        }
        [x, y]
    }
}
