//! Random numbers of pipelines: small, fast, and a function of their seed alone.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2019), seeded by SplitMix64.

use crate::error::Result;
use crate::state::{Reader, Writer, damaged};

/// Well mixed bits of a number (the finaliser of SplitMix64).
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Well mixed bits of two numbers, in order.
pub(crate) fn mix2(a: u64, b: u64) -> u64 {
    mix(mix(a) ^ b)
}

/// Bits that no other process has: what takes the place of a seed that is not given.
pub(crate) fn entropy() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::SystemTime::now())
}

/// A generator.
#[derive(Clone)]
pub(crate) struct Rng([u64; 4]);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng([0, 1, 2, 3].map(|i| mix2(seed, i)))
    }

    /// Writes how far the generator is.
    pub(crate) fn save(&self, to: &mut Writer) {
        self.0.iter().for_each(|word| to.raw(&word.to_le_bytes()));
    }

    /// A generator that goes on where one was saved.
    pub(crate) fn restored(from: &mut Reader<'_>) -> Result<Rng> {
        let mut words = [0; 4];
        for word in &mut words {
            *word = u64::from_le_bytes(from.raw(8)?.try_into().map_err(|_| damaged())?);
        }
        Ok(Rng(words))
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `n`, which is not 0: each as likely (Lemire, 2019).
    #[inline]
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let mut wide = u128::from(self.next()) * u128::from(n);
        if (wide as u64) < n {
            let least = n.wrapping_neg() % n;
            while (wide as u64) < least {
                wide = u128::from(self.next()) * u128::from(n);
            }
        }
        (wide >> 64) as u64
    }

    /// A number of [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn numbers_below_a_bound_are_as_likely() {
        let mut rng = Rng::new(1);
        let mut counts = [0u32; 7];
        (0..70_000).for_each(|_| counts[rng.below(7) as usize] += 1);
        assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
        let mean = (0..10_000).map(|_| rng.unit()).sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }
}
