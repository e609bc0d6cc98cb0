//! The innermost loops of convolutions that are no products: of groups of one channel, and of few channels.
//!
//! They add the terms of a sum as products do, so that bits are the same.

use super::kernel::MAX_COLUMNS;
use super::vector::{Number, Vector};

/// Sums of vectors, each times a vector of weights: `out[i] = sum over (x, w) of x[x + i] * weights[w + i]`, in the order of the terms, at as many places.
#[derive(Clone, Copy)]
pub(crate) struct Weighted<'a, T> {
    pub(crate) x: *const T,
    pub(crate) weights: *const T,
    /// Where the vectors of each term begin.
    pub(crate) terms: &'a [(isize, isize)],
    pub(crate) out: *mut T,
    pub(crate) lanes: usize,
    /// Places, and from one to the next in `x` and in `out`.
    pub(crate) places: usize,
    pub(crate) x_step: isize,
    pub(crate) out_step: isize,
}

/// For each of some channels a row of sums: of elements that are adjacent for adjacent results, from where each term begins, times the weight of term and channel.
pub(crate) struct Slid<'a, T> {
    pub(crate) x: *const T,
    /// Where the elements of each term begin.
    pub(crate) terms: &'a [isize],
    /// Term by term, those of the channels of a term side by side.
    pub(crate) weights: *const T,
    pub(crate) channels: usize,
    pub(crate) out: *mut T,
    /// From channel to channel in `out`.
    pub(crate) out_step: usize,
    /// Results of a row, a multiple of [`MAX_COLUMNS`].
    pub(crate) lanes: usize,
    /// Whether `out` already holds a part of the sums.
    pub(crate) adds: bool,
}

/// Places at which [`weighted`] computes together, so that weights are loaded once for all of them, and registers of results at each.
const PLACES: usize = 6;
const WIDTH: usize = 2;

/// # Safety
/// The instruction set of `V` is there; the vectors of all terms are readable for the lanes at all places, and `out` is writable for them.
#[inline(always)]
pub(super) unsafe fn weighted<V: Vector>(sum: &Weighted<'_, V::Number>) {
    let mut lane = 0;
    // SAFETY: the lanes are the caller's.
    unsafe {
        while lane + WIDTH * V::LANES <= sum.lanes {
            weighted_places::<V, WIDTH>(sum, lane);
            lane += WIDTH * V::LANES;
        }
        while lane + V::LANES <= sum.lanes {
            weighted_places::<V, 1>(sum, lane);
            lane += V::LANES;
        }
        match sum.lanes.checked_sub(V::LANES) {
            _ if lane == sum.lanes => {}
            // Lanes that were computed before are computed again, which changes nothing.
            Some(last) => weighted_places::<V, 1>(sum, last),
            None => weighted_rest::<V>(sum, lane),
        }
    }
}

/// # Safety
/// As of [`weighted`], for `COUNT` registers from `lane` on.
#[inline(always)]
unsafe fn weighted_places<V: Vector, const COUNT: usize>(sum: &Weighted<'_, V::Number>, lane: usize) {
    let mut place = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while place + PLACES <= sum.places {
            weighted_block::<V, PLACES, COUNT>(sum, place, lane);
            place += PLACES;
        }
        if place + 3 <= sum.places {
            weighted_block::<V, 3, COUNT>(sum, place, lane);
            place += 3;
        }
        if place + 2 <= sum.places {
            weighted_block::<V, 2, COUNT>(sum, place, lane);
            place += 2;
        }
        if place < sum.places {
            weighted_block::<V, 1, COUNT>(sum, place, lane);
        }
    }
}

/// # Safety
/// As of [`weighted`], for `COUNT` registers from `lane` on at `ROWS` places.
#[inline(always)]
unsafe fn weighted_block<V: Vector, const ROWS: usize, const COUNT: usize>(
    sum: &Weighted<'_, V::Number>,
    place: usize,
    lane: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let x = sum.x.wrapping_add(lane).wrapping_offset(place as isize * sum.x_step);
        let out = sum.out.add(lane).offset(place as isize * sum.out_step);
        let weights = sum.weights.add(lane);
        let mut sums = [[V::splat(V::Number::ZERO); COUNT]; ROWS];
        for &(at, weight) in sum.terms {
            let (x, weights) = (x.wrapping_offset(at), weights.offset(weight));
            let mut right = [V::splat(V::Number::ZERO); COUNT];
            for (w, right) in right.iter_mut().enumerate() {
                *right = V::load(weights.add(w * V::LANES));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = x.wrapping_offset(row as isize * sum.x_step);
                for (w, (sum, right)) in sums.iter_mut().zip(right).enumerate() {
                    *sum = V::load(x.add(w * V::LANES)).times_plus(right, *sum);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let out = out.offset(row as isize * sum.out_step);
            for (w, result) in sums.into_iter().enumerate() {
                result.store(out.add(w * V::LANES));
            }
        }
    }
}

/// The lanes that do not fill a register, through padded copies, so that they are computed as the others are.
///
/// # Safety
/// As of [`weighted`], for the lanes from `lane` on.
#[inline(always)]
unsafe fn weighted_rest<V: Vector>(sum: &Weighted<'_, V::Number>, lane: usize) {
    let count = sum.lanes - lane;
    let (mut x, mut weights) = ([V::Number::ZERO; MAX_COLUMNS], [V::Number::ZERO; MAX_COLUMNS]);
    for place in 0..sum.places as isize {
        // SAFETY: the caller's promise; a register is at most MAX_COLUMNS wide.
        unsafe {
            let mut result = V::splat(V::Number::ZERO);
            for &(at, weight) in sum.terms {
                let from = sum.x.wrapping_offset(at.wrapping_add(place * sum.x_step));
                for (i, (x, w)) in x.iter_mut().zip(&mut weights).take(count).enumerate() {
                    *x = *from.add(lane + i);
                    *w = *sum.weights.offset(weight).add(lane + i);
                }
                result = V::load(x.as_ptr()).times_plus(V::load(weights.as_ptr()), result);
            }
            result.store(x.as_mut_ptr());
            for (i, &number) in x.iter().take(count).enumerate() {
                *sum.out.offset(place * sum.out_step).add(lane + i) = number;
            }
        }
    }
}

/// # Safety
/// The instruction set of `V` is there; the elements of all terms are readable for all lanes, the weights for all terms and channels, and `out` is writable
/// for the lanes of all channels.
#[inline(always)]
pub(super) unsafe fn slid<V: Vector>(sum: &Slid<'_, V::Number>) {
    // As many results as there are registers for, besides those of elements and weights.
    let most = if size_of::<V>() == 64 { 6 } else { 3 };
    let mut channel = 0;
    while channel < sum.channels {
        let rest = sum.channels - channel;
        let count = rest.div_ceil(rest.div_ceil(most));
        // SAFETY: the channels are the caller's.
        unsafe {
            match count {
                6 => slid_channels::<V, 6>(sum, channel),
                5 => slid_channels::<V, 5>(sum, channel),
                4 => slid_channels::<V, 4>(sum, channel),
                3 => slid_channels::<V, 3>(sum, channel),
                2 => slid_channels::<V, 2>(sum, channel),
                _ => slid_channels::<V, 1>(sum, channel),
            }
        }
        channel += count;
    }
}

/// # Safety
/// As of [`slid`], for `CHANNELS` channels from one on.
#[inline(always)]
unsafe fn slid_channels<V: Vector, const CHANNELS: usize>(sum: &Slid<'_, V::Number>, channel: usize) {
    let registers = sum.lanes / V::LANES;
    let mut first = 0;
    while first < registers {
        let lane = first * V::LANES;
        // SAFETY: the lanes are the caller's.
        unsafe {
            first += match registers - first {
                8.. if CHANNELS == 1 => slid_block::<V, CHANNELS, 8>(sum, channel, lane),
                4.. => slid_block::<V, CHANNELS, 4>(sum, channel, lane),
                3 => slid_block::<V, CHANNELS, 3>(sum, channel, lane),
                2 => slid_block::<V, CHANNELS, 2>(sum, channel, lane),
                _ => slid_block::<V, CHANNELS, 1>(sum, channel, lane),
            };
        }
    }
}

/// # Safety
/// As of [`slid`], for `COUNT` registers, which it gives, from `lane` on of `CHANNELS` channels.
#[inline(always)]
unsafe fn slid_block<V: Vector, const CHANNELS: usize, const COUNT: usize>(
    sum: &Slid<'_, V::Number>,
    channel: usize,
    lane: usize,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let x = sum.x.wrapping_add(lane);
        let mut weights = sum.weights.wrapping_add(channel);
        let mut sums = [[V::splat(V::Number::ZERO); COUNT]; CHANNELS];
        for &at in sum.terms {
            let from = x.wrapping_offset(at);
            let mut elements = [V::splat(V::Number::ZERO); COUNT];
            for (w, element) in elements.iter_mut().enumerate() {
                *element = V::load(from.wrapping_add(w * V::LANES));
            }
            for (c, sums) in sums.iter_mut().enumerate() {
                let weight = V::splat(*weights.add(c));
                for (sum, element) in sums.iter_mut().zip(elements) {
                    *sum = element.times_plus(weight, *sum);
                }
            }
            weights = weights.wrapping_add(sum.channels);
        }
        for (c, sums) in sums.into_iter().enumerate() {
            let out = sum.out.add((channel + c) * sum.out_step + lane);
            for (w, result) in sums.into_iter().enumerate() {
                let out = out.add(w * V::LANES);
                let result = if sum.adds { V::load(out).plus(result) } else { result };
                result.store(out);
            }
        }
    }
    COUNT
}
