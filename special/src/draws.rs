//! Random numbers of distributions that are drawn by rejection, out of 64 random bits each: they are the seed of as many numbers as it
//! takes. The same bits give the same number, so a draw is a function like any other.

use std::f64::consts::TAU;

use crate::gamma::lgamma;

/// A stream of random bits: SplitMix64 (Steele, Lea and Flood 2014).
struct Stream(u64);

impl Stream {
    /// The stream of the bits of a number, apart from those of other draws out of the same bits.
    fn of(seed: f64, purpose: u64) -> Stream {
        let mut stream = Stream(seed.to_bits() ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Neighbours in a sequence of seeds must not be neighbours in one stream.
        let start = stream.bits();
        Stream(start)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in (0, 1).
    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A standard normal number, by Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

/// The logarithm of a number that has the gamma distribution with shape `a` and scale 1; by Marsaglia and Tsang (2000). NaN unless `a > 0`.
/// Any bits are a seed, those of NaNs too.
pub fn log_gamma_draw(a: f64, seed: f64) -> f64 {
    if a.is_nan() || a <= 0.0 {
        return f64::NAN;
    }
    if a.is_infinite() {
        return a;
    }
    let mut stream = Stream::of(seed, 1);
    // A shape below 1 is raised by 1, and the number multiplied by a power of a uniform one.
    let boost = if a < 1.0 { stream.unit().ln() / a } else { 0.0 };
    let d = if a < 1.0 { a + 1.0 } else { a } - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = stream.normal();
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        if stream.unit().ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            return (d * v).ln() + boost;
        }
    }
}

/// A number of events that has the Poisson distribution with this mean: by inversion below 10, else by transformed rejection (Hörmann 1993, PTRS).
/// NaN for negative rates.
pub fn poisson_draw(rate: f64, seed: f64) -> f64 {
    match rate {
        _ if rate.is_nan() || rate < 0.0 => f64::NAN,
        0.0 | f64::INFINITY => rate,
        _ if rate < 10.0 => {
            by_inversion(Stream::of(seed, 2).unit(), (-rate).exp(), |k| rate / k, f64::INFINITY)
        }
        _ => poisson_by_rejection(rate, Stream::of(seed, 2)),
    }
}

/// The first `k` whose distribution function reaches `target`, from the probability of 0 and the ratio of each to the one before; at most `most`.
fn by_inversion(target: f64, first: f64, ratio: impl Fn(f64) -> f64, most: f64) -> f64 {
    let (mut k, mut probability, mut sum) = (0.0, first, first);
    while sum < target && k < most {
        k += 1.0;
        probability *= ratio(k);
        let next = sum + probability;
        // Rounding: nothing is left to add.
        if next == sum && probability < 1e-17 {
            break;
        }
        sum = next;
    }
    k
}

fn poisson_by_rejection(rate: f64, mut stream: Stream) -> f64 {
    let b = 0.931 + 2.53 * rate.sqrt();
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let v_r = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let (u, v) = (stream.unit() - 0.5, stream.unit());
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + rate + 0.43).floor();
        if us >= 0.07 && v <= v_r {
            return k;
        }
        if k < 0.0 || us < 0.013 && v > us {
            continue;
        }
        let left = (v * inverse_alpha / (a / (us * us) + b)).ln();
        if left <= -rate + k * rate.ln() - lgamma(k + 1.0) {
            return k;
        }
    }
}

/// A number of successes in `count` trials that succeed with this probability: by inversion where few are expected, else by transformed rejection
/// (Hörmann 1993, BTRS). NaN for negative or broken counts, and for probabilities outside 0 to 1.
pub fn binomial_draw(count: f64, probability: f64, seed: f64) -> f64 {
    let is_count = count >= 0.0 && count == count.floor() && count.is_finite();
    if !is_count || !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    if probability > 0.5 {
        return count - successes(count, 1.0 - probability, Stream::of(seed, 3));
    }
    successes(count, probability, Stream::of(seed, 3))
}

/// For probabilities up to one half.
fn successes(count: f64, p: f64, mut stream: Stream) -> f64 {
    if p == 0.0 || count == 0.0 {
        return 0.0;
    }
    if count * p < 10.0 {
        let odds = p / (1.0 - p);
        let none = (count * (-p).ln_1p()).exp();
        return by_inversion(stream.unit(), none, |k| (count - k + 1.0) / k * odds, count);
    }
    binomial_by_rejection(count, p, stream)
}

fn binomial_by_rejection(count: f64, p: f64, mut stream: Stream) -> f64 {
    let spread = (count * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let centre = count * p + 0.5;
    let v_r = 0.92 - 4.2 / b;
    let alpha = (2.83 + 5.1 / b) * spread;
    let log_odds = (p / (1.0 - p)).ln();
    let mode = ((count + 1.0) * p).floor();
    let peak = lgamma(mode + 1.0) + lgamma(count - mode + 1.0);
    loop {
        let (u, v) = (stream.unit() - 0.5, stream.unit());
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + centre).floor();
        if us >= 0.07 && v <= v_r {
            return k;
        }
        if k < 0.0 || k > count {
            continue;
        }
        let left = (v * alpha / (a / (us * us) + b)).ln();
        let right = peak - lgamma(k + 1.0) - lgamma(count - k + 1.0) + (k - mode) * log_odds;
        if left <= right {
            return k;
        }
    }
}
