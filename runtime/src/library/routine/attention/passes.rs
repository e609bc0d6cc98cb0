//! What is done with the scores of a block of keys, row by row: a row has a number for each query of the strip, side by side. Loops here become vectors of
//! the widest registers that there are.

use pulp::{Simd, WithSimd};

use super::Real;
use crate::library::math::ARCH;

/// Runs a pass with the instructions of this machine.
pub(super) fn run(pass: impl WithSimd<Output = ()>) {
    ARCH.dispatch(pass);
}

/// How the scores of a strip are made of products.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scoring<T, const W: usize> {
    pub(super) scale: T,
    /// 1 if there is none.
    pub(super) divisor: T,
    /// 0 if there is none.
    pub(super) cap: T,
    pub(super) fill: T,
    pub(super) slope: Option<T>,
    /// The place of each query among the keys.
    pub(super) places: [T; W],
    /// The first key that each query sees, and the one behind the last.
    pub(super) first: [i64; W],
    pub(super) end: [i64; W],
}

/// What hides or changes scores of a block of keys.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a, T, const W: usize> {
    pub(super) first_key: usize,
    pub(super) bias: Option<&'a [[T; W]]>,
    pub(super) mask: Option<&'a [[i32; W]]>,
    /// Whether some query does not see some key.
    pub(super) is_windowed: bool,
}

/// Scores out of products.
pub(super) struct Finish<'a, T, const W: usize> {
    pub(super) rows: &'a mut [[T; W]],
    pub(super) scoring: &'a Scoring<T, W>,
    pub(super) beside: Beside<'a, T, W>,
    /// Where hyperbolic tangents are kept, of a cap.
    pub(super) bent: Option<&'a mut [[T; W]]>,
    /// The greatest scores so far.
    pub(super) max: &'a mut [T; W],
}

impl<T: Real, const W: usize> WithSimd for Finish<'_, T, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let Scoring { scale, divisor, cap, fill, slope, .. } = *self.scoring;
        let (is_divided, is_bent) = (divisor != T::ONE, cap != T::ZERO);
        let mut max = *self.max;
        for (i, row) in self.rows.iter_mut().enumerate() {
            let mut x = row.map(|x| x * scale);
            if is_divided {
                x = x.map(|x| x / divisor);
            }
            if is_bent {
                let bent = x.map(|x| (x / cap).tanh());
                x = bent.map(|bent| bent * cap);
                if let Some(kept) = &mut self.bent {
                    kept[i] = bent;
                }
            }
            let key = self.beside.first_key + i;
            if let Some(bias) = self.beside.bias {
                let bias = &bias[i];
                for (x, &bias) in x.iter_mut().zip(bias) {
                    *x = *x + bias;
                }
            }
            if let Some(slope) = slope {
                let key = T::of(key as f64);
                for (x, &place) in x.iter_mut().zip(&self.scoring.places) {
                    *x = *x - slope * (key - place).magnitude();
                }
            }
            if let Some(mask) = self.beside.mask {
                let mask = &mask[i];
                for (x, &sees) in x.iter_mut().zip(mask) {
                    *x = if sees == 0 { fill } else { *x };
                }
            }
            if self.beside.is_windowed {
                hide(&mut x, T::NEG_INFINITY, key as i64, self.scoring);
            }
            let mut greater = [T::ZERO; W];
            for lane in 0..W {
                greater[lane] = if x[lane] > max[lane] { x[lane] } else { max[lane] };
            }
            max = greater;
            *row = x;
        }
        *self.max = max;
    }
}

/// A number in place of those of queries that do not see the key.
#[inline(always)]
fn hide<T: Real, const W: usize>(row: &mut [T; W], number: T, key: i64, scoring: &Scoring<T, W>) {
    for (lane, x) in row.iter_mut().enumerate() {
        let sees = scoring.first[lane] <= key && key < scoring.end[lane];
        *x = if sees { *x } else { number };
    }
}

/// Exponentials of scores less the greatest one, and their sums in the lanes of a fold.
pub(super) struct Exponentials<'a, T, const W: usize> {
    pub(super) rows: &'a mut [[T; W]],
    pub(super) first_key: usize,
    pub(super) max: &'a [T; W],
    pub(super) sums: &'a mut [[T; W]],
}

impl<T: Real, const W: usize> WithSimd for Exponentials<'_, T, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let max = *self.max;
        for (i, row) in self.rows.iter_mut().enumerate() {
            let sums = &mut self.sums[(self.first_key + i) % T::FOLD_LANES];
            // New arrays, lane by lane: those that are changed in place go through memory.
            let (mut powers, mut added) = ([T::ZERO; W], [T::ZERO; W]);
            for lane in 0..W {
                powers[lane] = (row[lane] - max[lane]).exp();
                added[lane] = sums[lane] + powers[lane];
            }
            (*row, *sums) = (powers, added);
        }
    }
}

/// Joins the lanes of a fold.
pub(super) fn joined<T: Real, const W: usize>(sums: &mut [[T; W]]) -> [T; W] {
    let mut half = sums.len() / 2;
    while half > 0 {
        let (low, high) = sums.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high.iter()) {
            for (low, &high) in low.iter_mut().zip(high) {
                *low = *low + high;
            }
        }
        half /= 2;
    }
    sums[0]
}

/// Which weights are dropped: those whose word is below the bound. The others grow.
#[derive(Clone, Copy)]
pub(super) struct Dropped<'a, T, const W: usize> {
    pub(super) words: &'a [[u32; W]],
    /// `None` if all are.
    pub(super) bound: Option<u32>,
    pub(super) grows: T,
}

impl<T: Real, const W: usize> Dropped<'_, T, W> {
    #[inline(always)]
    fn apply(&self, row: usize, x: &mut [T; W]) {
        let Some(bound) = self.bound else { return *x = [T::ZERO; W] };
        for (x, &word) in x.iter_mut().zip(&self.words[row]) {
            *x = if word >= bound { *x * self.grows } else { T::ZERO };
        }
    }
}

/// Weights out of exponentials.
pub(super) struct Weights<'a, T, const W: usize> {
    pub(super) rows: &'a mut [[T; W]],
    pub(super) divisor: &'a [T; W],
    pub(super) dropped: Option<Dropped<'a, T, W>>,
}

impl<T: Real, const W: usize> WithSimd for Weights<'_, T, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let divisor = *self.divisor;
        for (i, row) in self.rows.iter_mut().enumerate() {
            let mut x = [T::ZERO; W];
            for lane in 0..W {
                x[lane] = row[lane] / divisor[lane];
            }
            if let Some(dropped) = &self.dropped {
                dropped.apply(i, &mut x);
            }
            *row = x;
        }
    }
}

/// Cotangents of scores, out of those of weights; and in place of scores the weights that values were multiplied with.
pub(super) struct Back<'a, T, const W: usize> {
    /// Scores, then weights.
    pub(super) rows: &'a mut [[T; W]],
    /// Cotangents of weights, then of scores.
    pub(super) back: &'a mut [[T; W]],
    pub(super) scoring: &'a Scoring<T, W>,
    pub(super) beside: Beside<'a, T, W>,
    pub(super) dropped: Option<Dropped<'a, T, W>>,
    /// Logarithms of what a softmax divided by.
    pub(super) logs: &'a [T; W],
    /// What is subtracted from each cotangent.
    pub(super) sums: &'a [T; W],
}

impl<T: Real, const W: usize> WithSimd for Back<'_, T, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (i, (row, back)) in self.rows.iter_mut().zip(self.back).enumerate() {
            let (mut weights, mut found) = (*row, *back);
            for (weight, &log) in weights.iter_mut().zip(self.logs) {
                *weight = (*weight - log).exp();
            }
            if let Some(dropped) = &self.dropped {
                dropped.apply(i, &mut found);
            }
            for ((found, &weight), &sum) in found.iter_mut().zip(&weights).zip(self.sums) {
                *found = weight * (*found - sum);
            }
            if let Some(mask) = self.beside.mask {
                for (found, &sees) in found.iter_mut().zip(&mask[i]) {
                    *found = if sees == 0 { T::ZERO } else { *found };
                }
            }
            if self.beside.is_windowed {
                hide(&mut found, T::ZERO, (self.beside.first_key + i) as i64, self.scoring);
            }
            if let Some(dropped) = &self.dropped {
                dropped.apply(i, &mut weights);
            }
            (*row, *back) = (weights, found);
        }
    }
}

/// Cotangents of products out of those of scores.
pub(super) struct Through<'a, T, const W: usize> {
    pub(super) rows: &'a mut [[T; W]],
    pub(super) scoring: &'a Scoring<T, W>,
    pub(super) bent: Option<&'a [[T; W]]>,
}

impl<T: Real, const W: usize> WithSimd for Through<'_, T, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Scoring { scale, divisor, .. } = *self.scoring;
        let is_divided = divisor != T::ONE;
        for (i, row) in self.rows.iter_mut().enumerate() {
            let mut x = *row;
            if let Some(bent) = self.bent {
                for (x, &bent) in x.iter_mut().zip(&bent[i]) {
                    *x = *x * (T::ONE - bent * bent);
                }
            }
            x = x.map(|x| x * scale);
            *row = if is_divided { x.map(|x| x / divisor) } else { x };
        }
    }
}
