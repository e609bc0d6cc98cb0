//! Values against numbers of 40 digits (`scripts/special.py`), ends of domains, and any bits at all.

use std::collections::BTreeMap;

use tensorwright_special::{bessel, exponential, gamma, gauss, hypergeometric, incomplete, normal};

/// A function of so many numbers.
#[derive(Clone, Copy)]
enum Function {
    One(fn(f64) -> f64),
    Two(fn(f64, f64) -> f64),
    Three(fn(f64, f64, f64) -> f64),
    Four(fn(f64, f64, f64, f64) -> f64),
}

use Function::{Four, One, Three, Two};

/// The functions, and relative errors in units of 2^-52 that they may have. Logarithms and waves may be as far off as 2^-52 where they are near 0.
const FUNCTIONS: &[(&str, Function, f64)] = &[
    ("gamma", One(gamma::gamma), 2.0),
    ("lgamma", One(gamma::lgamma), 4.0),
    ("digamma", One(gamma::digamma), 12.0),
    ("lbeta", Two(gamma::lbeta), 100.0),
    ("zeta", Two(gamma::zeta), 8.0),
    ("zeta_grad_s", Two(gamma::zeta_grad_s), 16.0),
    ("igamma", Two(incomplete::igamma), 1000.0),
    ("igammac", Two(incomplete::igammac), 10000.0),
    ("igamma_grad_a", Two(incomplete::igamma_grad_a), 1000.0),
    ("gamma_density", Two(incomplete::gamma_density), 1000.0),
    ("betainc", Three(incomplete::betainc), 4000.0),
    ("betainc_grad_a", Three(incomplete::betainc_grad_a), 4000.0),
    ("beta_density", Three(incomplete::beta_density), 1000.0),
    ("erfinv", One(normal::erfinv), 2.0),
    ("erfcx", One(normal::erfcx), 2.0),
    ("ndtr", One(normal::ndtr), 6.0),
    ("log_ndtr", One(normal::log_ndtr), 6.0),
    ("ndtri", One(normal::ndtri), 6.0),
    ("owens_t", Two(normal::owens_t), 100.0),
    ("i0", One(bessel::i0), 2.0),
    ("i1", One(bessel::i1), 2.0),
    ("i0e", One(bessel::i0e), 2.0),
    ("i1e", One(bessel::i1e), 2.0),
    ("j0", One(bessel::j0), 8.0),
    ("j1", One(bessel::j1), 8.0),
    ("y0", One(bessel::y0), 8.0),
    ("y1", One(bessel::y1), 8.0),
    ("exp1", One(exponential::exp1), 16.0),
    ("expi", One(exponential::expi), 16.0),
    ("expn", Two(exponential::expn), 32.0),
    ("hyp0f1", Two(hypergeometric::hyp0f1), 400.0),
    ("hyp1f1", Three(hypergeometric::hyp1f1), 100.0),
    ("hyp2f1", Four(gauss::hyp2f1), 400.0),
];

fn find(name: &str) -> (Function, f64) {
    let row = FUNCTIONS.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("no function {name}"));
    (row.1, row.2)
}

fn value(function: Function, x: &[f64]) -> f64 {
    match function {
        One(f) => f(x[0]),
        Two(f) => f(x[0], x[1]),
        Three(f) => f(x[0], x[1], x[2]),
        Four(f) => f(x[0], x[1], x[2], x[3]),
    }
}

#[test]
fn values_have_the_digits_that_are_promised() {
    let mut worst: BTreeMap<&str, (f64, String)> = BTreeMap::new();
    for line in include_str!("accuracy.txt").lines() {
        let (name, rest) = line.split_once(' ').expect("a name");
        let numbers: Vec<f64> = rest.split(' ').map(|word| word.parse().expect("a number")).collect();
        let (&expected, args) = numbers.split_last().expect("a value");
        let found = value(find(name).0, args);
        let error = if found == expected { 0.0 } else { (found / expected - 1.0).abs() / f64::EPSILON };
        let entry = worst.entry(name).or_insert((0.0, String::new()));
        if error.is_nan() || error >= entry.0 {
            *entry = (error, format!("{name} of {args:?} is {found:e}, not {expected:e}"));
        }
    }
    assert_eq!(worst.len(), FUNCTIONS.len());
    let report =
        |error: f64, name: &str, text: &str| format!("{error:8.1} (at most {}): {text}", find(name).1);
    for (name, (error, text)) in &worst {
        println!("{}", report(*error, name, text));
    }
    let wrong: Vec<&String> = worst
        .iter()
        .filter(|(name, (error, _))| error.is_nan() || *error > find(name).1)
        .map(|(_, (_, text))| text)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const INF: f64 = f64::INFINITY;

/// A function, arguments at an end of its domain, and the value there.
const ENDS: &[(&str, &[f64], f64)] = &[
    ("gamma", &[0.0], INF),
    ("gamma", &[-0.0], -INF),
    ("gamma", &[-2.0], f64::NAN),
    ("gamma", &[INF], INF),
    ("gamma", &[-INF], f64::NAN),
    ("gamma", &[172.0], INF),
    ("lgamma", &[1.0], 0.0),
    ("lgamma", &[2.0], 0.0),
    ("lgamma", &[0.0], INF),
    ("lgamma", &[-3.0], INF),
    ("lgamma", &[INF], INF),
    ("lgamma", &[-INF], INF),
    ("digamma", &[0.0], -INF),
    ("digamma", &[-1.0], f64::NAN),
    ("digamma", &[INF], INF),
    ("zeta", &[1.0, 3.0], INF),
    ("zeta", &[0.5, 3.0], f64::NAN),
    ("zeta", &[2.0, 0.0], INF),
    ("zeta", &[2.0, -3.0], INF),
    ("zeta", &[2.5, -3.5], f64::NAN),
    ("zeta", &[2.0, INF], 0.0),
    ("erfinv", &[1.0], INF),
    ("erfinv", &[-1.0], -INF),
    ("erfinv", &[1.5], f64::NAN),
    ("ndtr", &[-INF], 0.0),
    ("ndtr", &[INF], 1.0),
    ("ndtr", &[-40.0], 0.0),
    ("log_ndtr", &[-INF], -INF),
    ("log_ndtr", &[INF], 0.0),
    ("ndtri", &[0.0], -INF),
    ("ndtri", &[1.0], INF),
    ("ndtri", &[-0.5], f64::NAN),
    ("erfcx", &[INF], 0.0),
    ("erfcx", &[-30.0], INF),
    ("igamma", &[2.0, 0.0], 0.0),
    ("igamma", &[2.0, INF], 1.0),
    ("igamma", &[-1.0, 2.0], f64::NAN),
    ("igammac", &[2.0, 0.0], 1.0),
    ("igammac", &[2.0, INF], 0.0),
    ("gamma_density", &[1.0, 0.0], 1.0),
    ("gamma_density", &[0.5, 0.0], INF),
    ("gamma_density", &[2.0, 0.0], 0.0),
    ("gamma_density", &[2.0, -1.0], 0.0),
    ("betainc", &[2.0, 3.0, 0.0], 0.0),
    ("betainc", &[2.0, 3.0, 1.0], 1.0),
    ("betainc", &[2.0, 3.0, 1.5], f64::NAN),
    ("beta_density", &[1.0, 3.0, 0.0], 3.0),
    ("beta_density", &[2.0, 1.0, 1.0], 2.0),
    ("owens_t", &[0.0, 1.0], 0.125),
    ("owens_t", &[0.0, INF], 0.25),
    ("owens_t", &[2.0, 0.0], 0.0),
    ("owens_t", &[INF, 1.0], 0.0),
    ("j0", &[0.0], 1.0),
    ("j1", &[0.0], 0.0),
    ("j0", &[INF], 0.0),
    ("y0", &[0.0], -INF),
    ("y1", &[0.0], -INF),
    ("y0", &[-1.0], f64::NAN),
    ("i0", &[INF], INF),
    ("i1", &[-INF], -INF),
    ("i0e", &[INF], 0.0),
    ("exp1", &[0.0], INF),
    ("exp1", &[-1.0], f64::NAN),
    ("exp1", &[INF], 0.0),
    ("expn", &[2.0, 0.0], 1.0),
    ("expn", &[1.0, 0.0], INF),
    ("expn", &[-65.0, 1.0], f64::NAN),
    ("expn", &[3.0, -1.0], f64::NAN),
    ("expn", &[3.0, INF], 0.0),
    ("hyp0f1", &[2.0, 0.0], 1.0),
    ("hyp0f1", &[-1.0, 2.0], INF),
    ("hyp0f1", &[2.0, INF], f64::NAN),
    ("hyp1f1", &[0.0, 2.0, 3.0], 1.0),
    ("hyp1f1", &[-2.0, 2.0, 6.0], 1.0),
    ("hyp1f1", &[2.0, -3.0, 6.0], INF),
    ("hyp1f1", &[1.0, 1.0, 800.0], INF),
    ("hyp1f1", &[1.0, 1.0, -800.0], 0.0),
    ("hyp2f1", &[1.0, 1.0, 2.0, 1.5], INF),
    ("hyp2f1", &[1.0, 1.0, 2.0, 1.0], INF),
    ("hyp2f1", &[1.0, 1.0, 3.0, 1.0], 2.0),
    ("hyp2f1", &[-2.0, 1.0, 3.0, 2.5], 0.375),
    ("hyp2f1", &[-2.0, 1.0, -2.0, 0.5], 1.75),
    ("hyp2f1", &[-2.0, 1.0, -1.0, 0.5], INF),
    ("hyp2f1", &[1.0, 2.0, -3.0, 0.5], INF),
    ("hyp2f1", &[1.0, 2.0, -3.0, 0.0], 1.0),
    ("hyp2f1", &[1.0, 0.0, 2.0, 3.0], 1.0),
    ("hyp2f1", &[2.0, 3.0, 3.0, 1.5], 4.0),
    ("hyp2f1", &[2.0, 4.0, 3.0, 1.5], -4.0),
    ("hyp2f1", &[2.5, 3.5, 3.5, 1.5], INF),
    ("hyp2f1", &[2.0, 3.0, 3.0, 1.0], INF),
    ("hyp2f1", &[-1.0, 3.0, 2.0, 1.0], -0.5),
    ("hyp2f1", &[300.0, 300.0, 1.0, 0.9], INF),
    ("hyp2f1", &[1.5, 2.0, 3.0, -1e300], 0.0),
    ("hyp2f1", &[-0.5, 0.7, -200.5, 0.9], f64::NAN),
    ("hyp2f1", &[0.5, 0.5, 1.0, INF], f64::NAN),
    ("expi", &[0.0], -INF),
    ("expi", &[INF], INF),
    ("expi", &[-INF], 0.0),
];

#[test]
fn at_the_ends_of_domains() {
    let wrong = ENDS.iter().filter_map(|&(name, args, expected)| {
        let found = value(find(name).0, args);
        let same = found == expected || found.is_nan() && expected.is_nan();
        (!same).then(|| format!("{name} of {args:?} is {found}, not {expected}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn negative_arguments_of_zeta_are_even_or_odd() {
    // The sum over all integers of (k + 1/4)^-2 is pi^2 / sin^2(pi / 4).
    let both = gamma::zeta(2.0, 0.25) + gamma::zeta(2.0, 0.75);
    let far = gamma::zeta(2.0, -1e6 + 0.25);
    assert!((far / both - 1.0).abs() < 1e-5 && far < both, "{far} {both}");
    assert!((gamma::zeta(3.0, -0.5) - (gamma::zeta(3.0, 0.5) - 8.0)).abs() < 1e-13);
}

/// Nothing panics, hangs, or makes a number of NaN.
#[test]
fn any_bits() {
    let mut state = 7u64;
    let mut bits = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state ^ (state >> 29)
    };
    let special = [0.0, -0.0, 1.0, -1.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, 1e8, 0.5];
    for &(name, function, _) in FUNCTIONS {
        for _ in 0..2000 {
            let mut number = || match bits() % 4 {
                0 => special[(bits() % 10) as usize],
                1 => (bits() >> 11) as f64 / (1u64 << 50) as f64 - 2.0,
                _ => f64::from_bits(bits()),
            };
            let args = [number(), number(), number(), number()];
            let found = value(function, &args);
            let with_nan = value(function, &[f64::NAN; 4]);
            assert!(with_nan.is_nan(), "{name} of NaN is {with_nan}");
            std::hint::black_box(found);
        }
    }
}

/// Draws end, are numbers where the parameters are possible, and depend on their seed.
#[test]
fn draws_of_any_parameters() {
    use tensorwright_special::draws::{binomial_draw, log_gamma_draw, poisson_draw};
    let seeds: Vec<f64> = (0..200u64).map(|i| f64::from_bits(i << 55 | i)).collect();
    for parameter in [1e-300, 1e-100, 1e-3, 0.5, 1.0, 9.99, 10.0, 1e5, 1e17, 1e300, f64::MAX] {
        let logs: Vec<f64> = seeds.iter().map(|&seed| log_gamma_draw(parameter, seed)).collect();
        let differ = logs[0] != logs[1] || parameter > 1e16;
        assert!(logs.iter().all(|x| !x.is_nan()) && differ, "{parameter}: {logs:?}");
        for &seed in &seeds {
            assert!(poisson_draw(parameter, seed) >= 0.0, "{parameter}");
            for p in [0.0, 1e-300, 0.3, 0.5, 0.9, 1.0] {
                let count = parameter.floor();
                let drawn = binomial_draw(count, p, seed);
                assert!((0.0..=count).contains(&drawn), "{drawn} of {count} with {p}");
            }
        }
    }
    for wrong in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        assert!(log_gamma_draw(wrong, 0.5).is_nan() && poisson_draw(wrong, 0.5).is_nan());
        assert!(binomial_draw(wrong, 0.5, 0.5).is_nan() && binomial_draw(3.0, wrong, 0.5).is_nan());
    }
}
