//! Hash functions that give everywhere what TensorFlow's give: FarmHash's 64-bit fingerprint (Pike and Alakuijala 2014, the variant for all
//! machines), and SipHash-2-4 (Aumasson and Bernstein 2012).

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// Eight bytes from a place on.
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

fn half_word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 4].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

fn shift_mix(value: u64) -> u64 {
    value ^ (value >> 47)
}

fn join(u: u64, v: u64, factor: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(factor));
    shift_mix((v ^ a).wrapping_mul(factor)).wrapping_mul(factor)
}

/// FarmHash's fingerprint of a string.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0..=16 => short(bytes),
        17..=32 => up_to_32(bytes),
        33..=64 => up_to_64(bytes),
        _ => long(bytes),
    }
}

fn short(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let factor = K2.wrapping_add(2 * length as u64);
    match length {
        0 => K2,
        1..=3 => {
            let [a, b, c] = [bytes[0], bytes[length / 2], bytes[length - 1]].map(u64::from);
            let (y, z) = (a + (b << 8), length as u64 + (c << 2));
            shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
        }
        4..=7 => join(length as u64 + (half_word(bytes, 0) << 3), half_word(bytes, length - 4), factor),
        _ => {
            let (a, b) = (word(bytes, 0).wrapping_add(K2), word(bytes, length - 8));
            let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
            join(c, a.rotate_right(25).wrapping_add(b).wrapping_mul(factor), factor)
        }
    }
}

/// What the first and the last sixteen bytes of a string say.
fn ends(bytes: &[u8], first: u64, factor: u64) -> [u64; 3] {
    let length = bytes.len();
    let (a, b) = (word(bytes, 0).wrapping_mul(first), word(bytes, 8));
    let (c, d) = (word(bytes, length - 8).wrapping_mul(factor), word(bytes, length - 16).wrapping_mul(K2));
    let y = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let z = a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c);
    [y, z, a]
}

fn up_to_32(bytes: &[u8]) -> u64 {
    let factor = K2.wrapping_add(2 * bytes.len() as u64);
    let [y, z, _] = ends(bytes, K1, factor);
    join(y, z, factor)
}

fn up_to_64(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let factor = K2.wrapping_add(2 * length as u64);
    let [y, z, a] = ends(bytes, K2, factor);
    let z = join(y, z, factor);
    let (e, f) = (word(bytes, 16).wrapping_mul(factor), word(bytes, 24));
    let g = y.wrapping_add(word(bytes, length - 32)).wrapping_mul(factor);
    let h = z.wrapping_add(word(bytes, length - 24)).wrapping_mul(factor);
    let first = e.wrapping_add(f).rotate_right(43).wrapping_add(g.rotate_right(30)).wrapping_add(h);
    join(first, e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g), factor)
}

/// The state of a fingerprint of a long string.
struct Long {
    x: u64,
    y: u64,
    z: u64,
    v: [u64; 2],
    w: [u64; 2],
}

/// 32 bytes, and two numbers before.
fn weak(bytes: &[u8], at: usize, a: u64, b: u64) -> [u64; 2] {
    let [first, second, third, fourth] = [0, 8, 16, 24].map(|more| word(bytes, at + more));
    let a = a.wrapping_add(first);
    let b = b.wrapping_add(a).wrapping_add(fourth).rotate_right(21);
    let all = a.wrapping_add(second).wrapping_add(third);
    [all.wrapping_add(fourth), b.wrapping_add(all.rotate_right(44)).wrapping_add(a)]
}

impl Long {
    /// Takes 64 bytes in.
    fn take(&mut self, bytes: &[u8], at: usize, factor: u64, [of_w, of_v]: [u64; 2]) {
        let Long { x, y, z, v, w } = self;
        *x = x
            .wrapping_add(*y)
            .wrapping_add(v[0])
            .wrapping_add(word(bytes, at + 8))
            .rotate_right(37)
            .wrapping_mul(factor);
        *y = y.wrapping_add(v[1]).wrapping_add(word(bytes, at + 48)).rotate_right(42).wrapping_mul(factor);
        *x ^= w[1].wrapping_mul(of_w);
        *y = y.wrapping_add(v[0].wrapping_mul(of_v)).wrapping_add(word(bytes, at + 40));
        *z = z.wrapping_add(w[0]).rotate_right(33).wrapping_mul(factor);
        *v = weak(bytes, at, v[1].wrapping_mul(factor), x.wrapping_add(w[0]));
        *w = weak(bytes, at + 32, z.wrapping_add(w[1]), y.wrapping_add(word(bytes, at + 16)));
        std::mem::swap(z, x);
    }
}

fn long(bytes: &[u8]) -> u64 {
    let (seed, rest) = (81u64, (bytes.len() - 1) % 64);
    let y = seed.wrapping_mul(K1).wrapping_add(113);
    let z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let x = seed.wrapping_mul(K2).wrapping_add(word(bytes, 0));
    let mut state = Long { x, y, z, v: [0; 2], w: [0; 2] };
    for block in 0..(bytes.len() - 1) / 64 {
        state.take(bytes, 64 * block, K1, [1, 1]);
    }
    let factor = K1.wrapping_add((state.z & 0xff) << 1);
    state.w[0] = state.w[0].wrapping_add(rest as u64);
    state.v[0] = state.v[0].wrapping_add(state.w[0]);
    state.w[0] = state.w[0].wrapping_add(state.v[0]);
    state.take(bytes, bytes.len() - 64, factor, [9, 9]);
    let Long { x, y, z, v, w } = state;
    let first = join(v[0], w[0], factor).wrapping_add(shift_mix(y).wrapping_mul(K0)).wrapping_add(z);
    join(first, join(v[1], w[1], factor).wrapping_add(x), factor)
}

/// Two fingerprints as one.
pub(super) fn joined(first: u64, second: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let mixed = first ^ FACTOR ^ shift_mix(second.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    shift_mix(shift_mix(mixed.wrapping_mul(FACTOR)).wrapping_mul(FACTOR))
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32).wrapping_add(v[3]);
    v[2] = v[2].wrapping_add(v[1]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

/// SipHash-2-4 of a string under a key.
pub(super) fn sip_hash(key: [u64; 2], bytes: &[u8]) -> u64 {
    let start = [0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573];
    let mut v = [start[0] ^ key[0], start[1] ^ key[1], start[2] ^ key[0], start[3] ^ key[1]];
    let mut take = |word: u64| {
        v[3] ^= word;
        (0..2).for_each(|_| sip_round(&mut v));
        v[0] ^= word;
    };
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    words.for_each(|bytes| take(word(bytes, 0)));
    let last = rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    take((bytes.len() as u64) << 56 | last);
    v[2] ^= 0xff;
    (0..4).for_each(|_| sip_round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}
