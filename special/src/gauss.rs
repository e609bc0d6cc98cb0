//! Gauss's hypergeometric function `2F1`.
//!
//! Everything is brought to `0 < z < 1`: numbers below 0 by Pfaff's transformation. There the power series is summed up to 0.6, in numbers of twice the digits
//! where terms cancel. From there on the function is continued as the solution of its differential equation, by Taylor series about points that come closer to 1 by
//! half their distance. So parameters that differ by integers, where the connection between the series about 0 and about 1 has limits, are no case of their own,
//! and large parameters, with which the function is a wave, take smaller steps. The last bit of the way to 1 goes by the exponents of the equation. Of Euler's two forms
//! the one is taken whose terms have one sign, or else the one that stays bounded. Sources: NIST Digital Library of Mathematical Functions, 15.2, 15.8, 15.10; F. Johansson,
//! "Computing hypergeometric functions rigorously", 2019 (continuation by the differential equation).

use crate::gamma::{gamma, lgamma};
use crate::hypergeometric::is_pole;
use crate::pair::{Number, Pair};

/// Where the power series ends to be the way.
const NEAR: f64 = 0.6;
/// Terms after which a power series is given up, and those of a step.
const TERMS: u32 = 20_000;
const STEP_TERMS: u32 = 250;
/// Steps after which a continuation is given up, and parameters with which it is not begun: it would take too many.
const STEPS: u32 = 1500;
const GREATEST_PARAMETER: f64 = 1e4;
/// Distances from 1 below which the solution is its first terms.
const TINY: f64 = 1.0 / (1u64 << 60) as f64;
/// Products of numbers beyond this may overflow.
const GREAT: f64 = 1e280;

/// Gauss's function `2F1(a, b; c; z)`, the sum of `a (a + 1) .. b (b + 1) .. / (c (c + 1) ..) z^k / k!`. At integers `c` up to 0 it is infinite, unless `a` or `b` ends the
/// sum before. Beyond 1 it is infinite, unless it is a polynomial, or one times a whole power of `1 - z`. NaN where the digits are not had: for large negative `c`, parameters
/// beyond 10^4, and polynomials of high degree beyond 1. Where it is a wave, errors are relative to its height.
pub fn hyp2f1(a: f64, b: f64, c: f64, z: f64) -> f64 {
    if !(a.is_finite() && b.is_finite() && c.is_finite() && z.is_finite()) {
        return f64::NAN;
    }
    if a == 0.0 || b == 0.0 || z == 0.0 {
        return 1.0;
    }
    let ends = [a, b].into_iter().filter(|&p| is_pole(p)).fold(f64::NEG_INFINITY, f64::max);
    if is_pole(c) && ends < c {
        return f64::INFINITY;
    }
    let equation = Equation { a: Pair::of(a), b: Pair::of(b), c };
    let found = if ends > f64::NEG_INFINITY { equation.polynomial(z) } else { equation.endless(z) };
    found.unwrap_or(f64::NAN)
}

/// The differential equation of a function, by its parameters.
#[derive(Clone, Copy)]
struct Equation {
    a: Pair,
    b: Pair,
    c: f64,
}

/// A number between 0 and 1, and how far from 1 it is.
#[derive(Clone, Copy)]
struct Point {
    z: Pair,
    rest: Pair,
}

/// A power series: its sum, that of its terms times their numbers, and the greatest term.
struct Sum<N> {
    value: N,
    numbered: N,
    greatest: f64,
}

/// A solution at a point: its value, and its derivative by the distance from 1.
#[derive(Clone, Copy)]
struct Solution<N> {
    value: N,
    slope: N,
}

/// `value base^exponent`.
fn times_power(value: f64, base: Pair, exponent: Pair) -> f64 {
    let correction = exponent.high * (base.low / base.high) + exponent.low * base.high.ln();
    // Half of the exponent at a time: the value may be small where the power is great.
    let half = base.high.powf(0.5 * exponent.high);
    let product = half * value * half;
    if correction.is_finite() { product * (1.0 + correction) } else { product }
}

/// `x^exponent` for whole exponents of negative numbers.
fn whole_power(x: f64, exponent: f64) -> Option<f64> {
    (exponent == exponent.floor()).then(|| x.powf(exponent))
}

/// The sign of the gamma function.
fn sign(x: f64) -> f64 {
    if x < 0.0 && x.floor() % 2.0 != 0.0 { -1.0 } else { 1.0 }
}

impl Equation {
    /// Of the function that times a power of `1 - z` is this one's.
    fn euler(self) -> Equation {
        let c = Pair::of(self.c);
        Equation { a: c - self.a, b: c - self.b, c: self.c }
    }

    /// `c - a - b`, the exponent at 1.
    fn exponent(self) -> Pair {
        Pair::of(self.c) - self.a - self.b
    }

    fn is_positive(self) -> bool {
        self.a.high >= 0.0 && self.b.high >= 0.0 && self.c > 0.0
    }

    /// The value where no parameter ends the sum.
    fn endless(self, z: f64) -> Option<f64> {
        let turned = self.euler();
        if is_pole(turned.a.high) || is_pole(turned.b.high) {
            return self.ended_by_euler(z).or_else(|| self.open(z));
        }
        match z {
            1.0 => Some(self.at_one()),
            _ if z > 1.0 => Some(f64::INFINITY),
            _ => self.open(z),
        }
    }

    /// A power of `1 - z` times a polynomial.
    fn ended_by_euler(self, z: f64) -> Option<f64> {
        let exponent = self.exponent();
        if z >= 1.0 {
            let polynomial = self.euler().polynomial(z)?;
            return match exponent.high {
                0.0 => Some(polynomial),
                _ if z == 1.0 => Some(if exponent.high > 0.0 { 0.0 } else { f64::INFINITY }),
                whole => Some(whole_power(1.0 - z, whole).map_or(f64::INFINITY, |power| power * polynomial)),
            };
        }
        let sum = self.euler().sum::<Pair>(Pair::of(z))?.settled(false)?;
        Some(times_power(sum.value.high, Pair::sum(1.0, -z), exponent))
    }

    /// Gauss's theorem.
    fn at_one(self) -> f64 {
        let (exponent, turned) = (self.exponent().high, self.euler());
        if exponent <= 0.0 {
            return f64::INFINITY;
        }
        let of = [self.c, exponent, turned.a.high, turned.b.high];
        if of.iter().all(|x| x.abs() < 100.0) {
            return gamma(of[0]) / gamma(of[2]) * (gamma(of[1]) / gamma(of[3]));
        }
        let logarithm = (lgamma(of[0]) - lgamma(of[2])) + (lgamma(of[1]) - lgamma(of[3]));
        of.iter().map(|&x| sign(x)).product::<f64>() * logarithm.exp()
    }

    /// The value of a polynomial.
    fn polynomial(self, z: f64) -> Option<f64> {
        let direct = self.sum::<Pair>(Pair::of(z)).and_then(|sum| sum.settled(false));
        if let Some(sum) = direct {
            return Some(sum.value.high + sum.value.low);
        }
        if is_pole(self.c) {
            return None;
        }
        let near_one = if z > 0.5 { self.about_one(z) } else { None };
        near_one.or_else(|| if z < 1.0 { self.open(z) } else { None })
    }

    /// The value of a polynomial as one of `1 - z`.
    fn about_one(self, z: f64) -> Option<f64> {
        let (ends, other) = if is_pole(self.a.high) { (self.a, self.b) } else { (self.b, self.a) };
        let count = -ends.high;
        if count > f64::from(STEP_TERMS) {
            return None;
        }
        let mut factor = Pair::of(1.0);
        for k in 0..count as u32 {
            let k = Pair::of(f64::from(k));
            factor = factor * ((Pair::of(self.c) - other + k) / (Pair::of(self.c) + k));
        }
        let c = 1.0 + other.high - self.c - count;
        if c - 1.0 + self.c + count != other.high || is_pole(c) {
            return None;
        }
        let turned = Equation { a: ends, b: other, c };
        let sum = turned.sum::<Pair>(Pair::sum(1.0, -z))?.settled(false)?;
        Some((factor * sum.value).high)
    }

    /// The value below 1.
    fn open(self, z: f64) -> Option<f64> {
        if z > 0.0 {
            return self.inside(Point { z: Pair::of(z), rest: Pair::sum(1.0, -z) });
        }
        // Pfaff's transformation with the lesser parameter stays bounded.
        let (a, b) = if self.a.high <= self.b.high { (self.a, self.b) } else { (self.b, self.a) };
        let far = z < -1e100;
        let base = if far { Pair::of(-z) } else { Pair::sum(1.0, -z) };
        let point = match far {
            true => Point { z: Pair::of(1.0), rest: Pair::of(1.0 / base.high) },
            false => Point { z: Pair::of(-z) / base, rest: Pair::of(1.0) / base },
        };
        let turned = Equation { a, b: Pair::of(self.c) - b, c: self.c };
        Some(times_power(turned.inside(point)?, base, -a))
    }

    /// The value between 0 and 1, by one of Euler's forms.
    fn inside(self, at: Point) -> Option<f64> {
        let (exponent, turned) = (self.exponent(), self.euler());
        let by_euler = || {
            let value = times_power(turned.value(at)?, at.rest, exponent);
            value.is_finite().then_some(value)
        };
        if self.is_positive() || exponent.high >= 0.0 && !turned.is_positive() {
            self.value(at).or_else(by_euler)
        } else {
            by_euler().or_else(|| self.value(at))
        }
    }

    fn value(self, at: Point) -> Option<f64> {
        if at.z.high <= NEAR {
            let narrow = || self.sum::<f64>(at.z.high)?.settled(false).map(|sum| sum.value);
            let wide = || self.sum::<Pair>(at.z)?.settled(false).map(|sum| sum.value.high);
            if let Some(value) = narrow().or_else(wide) {
                return Some(value);
            }
        }
        // Below 0 the other solution grows faster than this one, and waves may be low where they end.
        let waves = !self.is_positive() && self.a.high.abs().max(self.b.high.abs()) > 12.0;
        if self.c < -4.0 || waves { self.continued::<Pair>(at) } else { self.continued::<f64>(at) }
    }

    /// The power series; `None` if its terms do not end.
    fn sum<N: Number>(self, z: N) -> Option<Sum<N>> {
        let exact = |x: f64| N::of(Pair::of(x));
        let (a, b, c) = (N::of(self.a), N::of(self.b), exact(self.c));
        let settled = self.a.high.min(self.b.high).min(self.c);
        let (mut term, mut value, mut numbered, mut greatest) = (exact(1.0), exact(1.0), exact(0.0), 1.0f64);
        for number in 0..TERMS {
            let k = exact(f64::from(number));
            let over = (a + k) * (b + k);
            if over.high() == 0.0 {
                return Some(Sum { value, numbered, greatest });
            }
            let next = k + exact(1.0);
            term = term * (over * z) / ((c + k) * next);
            value = value + term;
            let times = term * next;
            numbered = numbered + times;
            greatest = greatest.max(term.high().abs());
            if value.high().is_nan() || N::SMALL < 1e-20 && greatest >= GREAT {
                return None;
            }
            if numbered.high().is_infinite() {
                return Some(Sum { value: numbered, numbered, greatest });
            }
            let small = N::SMALL * value.high().abs().max(numbered.high().abs());
            if -settled <= f64::from(number) && times.high().abs() <= small {
                return Some(Sum { value, numbered, greatest });
            }
        }
        None
    }

    /// The power series at some point on the way, up to half of it.
    fn start<N: Number>(self, at: Point) -> Option<(f64, Sum<Pair>)> {
        let mut z = at.z.high.min(0.5);
        let growth = (1.0 - self.c).max(0.0);
        while z > 1e-12 && growth * (at.z.high / z).log2() <= 40.0 {
            let narrow =
                if N::SMALL < 1e-20 { None } else { self.sum::<f64>(z).and_then(|sum| sum.settled(true)) };
            if let Some(sum) = narrow {
                let (value, numbered) = (Pair::of(sum.value), Pair::of(sum.numbered));
                return Some((z, Sum { value, numbered, ..sum.greatest_only() }));
            }
            if let Some(sum) = self.sum::<Pair>(Pair::of(z)).and_then(|sum| sum.settled(true)) {
                return Some((z, sum));
            }
            z *= 0.5;
        }
        None
    }

    /// The solution of the differential equation that begins as the power series.
    fn continued<N: Number>(self, at: Point) -> Option<f64> {
        let greatest = self.a.high.abs().max(self.b.high.abs()).max(self.c.abs());
        if greatest > GREATEST_PARAMETER {
            return None;
        }
        let (z, sum) = self.start::<N>(at)?;
        let slope = N::of(-sum.numbered) / N::of(Pair::of(z));
        let mut here = Solution { value: N::of(sum.value), slope };
        let mut rest = N::of(Pair::sum(1.0, -z));
        let goal = if at.rest.high < TINY { N::of(Pair::of(TINY)) } else { N::of(at.rest) };
        let mut tried = 0;
        while tried < STEPS {
            if here.value.high().is_infinite() && self.is_positive() {
                return Some(f64::INFINITY);
            }
            let reach = 0.5 * rest.high().min(1.0 - rest.high());
            let mut next = rest - N::of(Pair::of(reach));
            if next.high() <= goal.high() {
                next = goal;
            }
            let mut stepped = self.step(rest, here, next);
            tried += 1;
            while stepped.is_none() {
                tried += 1;
                next = (rest + next) * N::of(Pair::of(0.5));
                if rest.high() - next.high() < 1e-4 * reach {
                    return None;
                }
                stepped = self.step(rest, here, next);
            }
            (here, rest) = (stepped?, next);
            if rest.high() <= goal.high() {
                return Some(self.last_bit(here, rest.high(), at.rest.high));
            }
        }
        None
    }

    /// From near 1 to nearer: a constant and a power.
    fn last_bit<N: Number>(self, here: Solution<N>, rest: f64, goal: f64) -> f64 {
        if goal >= rest {
            return here.value.high();
        }
        let (exponent, way) = (self.exponent().high, (goal / rest).ln());
        let growth = if exponent == 0.0 { way } else { (exponent * way).exp_m1() / exponent };
        here.value.high() + here.slope.high() * rest * growth
    }

    /// By a Taylor series about a point, from there to another one; `None` if terms are much greater than the solution. The function is one of the distance from
    /// 1, with the parameters `a`, `b` and `a + b - c + 1`.
    fn step<N: Number>(self, from: N, solution: Solution<N>, to: N) -> Option<Solution<N>> {
        let exact = |x: f64| N::of(Pair::of(x));
        let (a, b) = (N::of(self.a), N::of(self.b));
        let (way, one) = (to - from, exact(1.0));
        let ratio = way / (from * (one - from));
        let bend = one - from - from;
        let pull = one - N::of(self.exponent()) - (a + b + one) * from;
        let (mut term, mut next) = (solution.value, solution.slope * way);
        let (mut value, mut numbered) = (term + next, next);
        let mut greatest = term.high().abs().max(next.high().abs());
        let ends = greatest;
        for number in 0..STEP_TERMS {
            let n = exact(f64::from(number));
            let (once, twice) = (n + one, n + one + one);
            let own = way * ((n + a) * (n + b)) * term / once;
            let third = ratio * (own - (n * bend + pull) * next) / twice;
            (term, next) = (next, third);
            let times = next * twice;
            (value, numbered) = (value + next, numbered + times);
            greatest = greatest.max(next.high().abs());
            let size = ends.max(value.high().abs()).max(numbered.high().abs());
            let last = (term * once).high().abs().max(times.high().abs());
            if size.is_nan() || size.is_infinite() || greatest > 16.0 * size {
                let infinite = size.is_infinite() && self.is_positive();
                return infinite.then_some(Solution { value: exact(f64::INFINITY), slope: numbered });
            }
            if last <= N::SMALL * size {
                return Some(Solution { value, slope: numbered / way });
            }
        }
        None
    }
}

impl<N: Number> Sum<N> {
    /// The sum, if it has its digits; with its derivative it may be near 0.
    fn settled(self, with_slope: bool) -> Option<Sum<N>> {
        let own = self.value.high().abs();
        let size = if with_slope { own.max(self.numbered.high().abs()) } else { own };
        (self.greatest <= N::MOST_CANCELLATION * size).then_some(self)
    }

    fn greatest_only(&self) -> Sum<Pair> {
        Sum { value: Pair::of(0.0), numbered: Pair::of(0.0), greatest: self.greatest }
    }
}
