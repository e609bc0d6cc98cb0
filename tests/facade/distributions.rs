//! Random numbers of distributions: against their distribution functions (Kolmogorov and Smirnov), against probabilities (chi-square), and derivatives
//! against differences of quantiles.

use tensorwright::Result;
use tensorwright::prelude::*;

const COUNT: usize = 20_000;

/// Whether `COUNT` numbers are distributed as `cdf` says: the greatest difference is beyond this once in 10,000 times.
#[track_caller]
fn follows(name: &str, x: &Tensor, cdf: impl Fn(&Tensor) -> Tensor) -> Result<()> {
    let sorted = x.cast(DType::F64).sort(0);
    let steps = (Tensor::arange(COUNT, DType::F64) + 0.5) / COUNT as f64;
    let distance = (cdf(&sorted) - steps).abs().max(..).item::<f64>()?;
    let bound = 2.23 / (COUNT as f64).sqrt();
    assert!(distance < bound, "{name}: {distance}, not below {bound}");
    Ok(())
}

#[test]
fn continuous_distributions() -> Result<()> {
    let keys: [RandomKey; 24] = RandomKey::new(11).split();
    let mut keys = keys.into_iter();
    let mut key = || keys.next().expect("a key for each");
    for shape in [0.05, 0.7, 1.0, 3.5, 1e4] {
        let log = key().log_gamma([COUNT], shape);
        follows("gamma", &log, |x| Tensor::from(shape).igamma(x.exp()))?;
    }
    for (a, b) in [(0.05, 0.2), (2.0, 5.0), (300.0, 1.5)] {
        follows("beta", &key().beta([COUNT], a, b), |x| Tensor::from(a).betainc(b, x))?;
    }
    follows("chi_square", &key().chi_square([COUNT], 3.0), |x| Tensor::from(1.5).igamma(x * 0.5))?;
    follows("student_t", &key().student_t([COUNT], 4.0), |x| {
        let tail = Tensor::from(2.0).betainc(0.5, 4.0 / (x * x + 4.0)) * 0.5;
        x.gt(0).select(1.0 - &tail, tail)
    })?;
    let standard = |x: &Tensor| (x - 1.5) / 0.5;
    follows("laplace", &key().laplace([COUNT], 1.5, 0.5), |x| {
        let z = standard(x);
        let tail = (-z.abs()).exp() * 0.5;
        z.gt(0).select(1.0 - &tail, tail)
    })?;
    follows("gumbel", &key().gumbel([COUNT], 1.5, 0.5), |x| (-(-standard(x)).exp()).exp())?;
    follows("logistic", &key().logistic([COUNT], 1.5, 0.5), |x| standard(x).logistic())?;
    follows("cauchy", &key().cauchy([COUNT], 1.5, 0.5), |x| standard(x).atan() / std::f64::consts::PI + 0.5)?;
    follows("lognormal", &key().lognormal([COUNT], 1.5, 0.5), |x| standard(&x.log()).ndtr())?;
    follows("weibull", &key().weibull([COUNT], 2.0, 1.5), |x| -(-(x / 2.0).pow(1.5)).expm1())?;
    follows("pareto", &key().pareto([COUNT], 3.0), |x| 1.0 - x.pow(-3.0))?;
    let dirichlet = key().dirichlet([COUNT], [0.5, 1.0, 2.5]);
    follows("dirichlet", &dirichlet.i((.., 0)), |x| Tensor::from(0.5).betainc(3.5, x))?;
    let normal = key().multivariate_normal([COUNT], [1.0, -1.0], [[4.0, 1.9], [1.9, 1.0]]);
    follows("normal", &normal.i((.., 0)), |x| ((x - 1.0) / 2.0).ndtr())?;
    // Less what the first one tells of the second one, with the deviation that is left.
    let rest = (normal.i((.., 1)) + 1.0) - (normal.i((.., 0)) - 1.0) * (1.9 / 4.0);
    follows("normal", &rest, |x| (x / (1.0 - 1.9 * 1.9 / 4.0f64).sqrt()).ndtr())
}

/// Chi-square of counts against probabilities of 0, 1, 2.., those below 5 expected ones in one: beyond the bound once in some 10,000 times.
#[track_caller]
fn has_probabilities(name: &str, counts: &Tensor, probability: impl Fn(usize) -> f64) -> Result<()> {
    let numbers = counts.to_vec::<i64>()?;
    let most = *numbers.iter().max().expect("numbers") as usize;
    let (mut sum, mut groups) = (0.0, 0.0);
    let (mut expected, mut seen) = (0.0, 0.0);
    for k in 0..=most {
        expected += probability(k) * numbers.len() as f64;
        seen += numbers.iter().filter(|&&n| n == k as i64).count() as f64;
        if expected >= 20.0 {
            sum += (seen - expected) * (seen - expected) / expected;
            groups += 1.0;
            (expected, seen) = (0.0, 0.0);
        }
    }
    let bound = groups + 3.9 * (2.0f64 * groups).sqrt() + 6.0;
    assert!(groups >= 2.0 && sum < bound, "{name}: {sum} of {groups} groups");
    Ok(())
}

fn log_gamma(x: f64) -> f64 {
    Tensor::from(x).lgamma().item::<f64>().expect("a number")
}

fn binomial(n: f64, p: f64, k: f64) -> f64 {
    let choices = log_gamma(n + 1.0) - log_gamma(k + 1.0) - log_gamma(n - k + 1.0);
    if k > n { 0.0 } else { (choices + k * p.ln() + (n - k) * (-p).ln_1p()).exp() }
}

#[test]
fn counts() -> Result<()> {
    let keys: [RandomKey; 12] = RandomKey::new(12).split();
    let mut keys = keys.into_iter();
    let mut key = || keys.next().expect("a key for each");
    for rate in [0.3f64, 4.0, 12.0, 90.0] {
        let x = key().poisson([COUNT], rate);
        has_probabilities("poisson", &x, |k| {
            (k as f64 * rate.ln() - rate - log_gamma(k as f64 + 1.0)).exp()
        })?;
    }
    for (n, p) in [(7i64, 0.2f64), (40, 0.5), (40, 0.93), (1000, 0.03)] {
        let x = key().binomial([COUNT], n, p);
        has_probabilities("binomial", &x, |k| binomial(n as f64, p, k as f64))?;
    }
    let x = key().geometric([COUNT], 0.2);
    has_probabilities("geometric", &x, |k| if k == 0 { 0.0 } else { 0.2 * 0.8f64.powi(k as i32 - 1) })?;
    let x = key().multinomial([COUNT], 20, [1.0, 2.0, 5.0]);
    has_probabilities("multinomial", &x.i((.., 1)), |k| binomial(20.0, 0.25, k as f64))?;
    has_probabilities("multinomial", &x.i((.., 2)), |k| binomial(20.0, 0.625, k as f64))
}

#[test]
fn derivatives_go_through_the_numbers() -> Result<()> {
    let key = RandomKey::new(3);
    let own = key.clone();
    // The derivative of a quantile, by the distribution function of its neighbours.
    let by_shape = grad(move |a: Tensor| own.gamma([50], a).sum(..));
    for a in [0.2, 1.0, 30.0] {
        let x = key.gamma([50], a);
        let (near, far) = (Tensor::from(a * (1.0 - 1e-5)), Tensor::from(a * (1.0 + 1e-5)));
        let slope = (far.igamma(&x) - near.igamma(&x)) / (2e-5 * a);
        let expected = -(slope / Tensor::from(a).gamma_density(&x)).sum(..);
        let found = by_shape.call(a)?;
        assert!(found.allclose(&expected, 1e-5, 1e-8).item::<bool>()?, "{a}: {found} {expected}");
    }
    let own = key.clone();
    let mean = move |rates: Tensor| own.gumbel([4], &rates, 2.0 * &rates).sum(..);
    let slope = grad(mean).call([1.0, 2.0, 3.0, 4.0])?;
    let expected = key.gumbel([4], 0.0, 1.0) * 2.0 + 1.0;
    assert!(slope.allclose(expected, 1e-12, 1e-12).item::<bool>()?);
    Ok(())
}

#[test]
fn compiled_eager_and_batched_draws_are_the_same() -> Result<()> {
    let draws = |(key, a): (RandomKey, Tensor)| {
        (
            key.gamma([64], &a),
            key.poisson([64], &a * 7.0),
            key.binomial([64], 30, 0.3),
            key.beta([64], &a, 2.0f32),
        )
    };
    let f = function(draws);
    let input = (RandomKey::new(5), Tensor::from(0.7f32));
    let compiled = f.call(&input)?;
    f.run_eagerly(true);
    let eager = f.call(&input)?;
    assert_eq!(compiled.0.as_bytes()?, eager.0.as_bytes()?);
    assert_eq!(compiled.1.as_bytes()?, eager.1.as_bytes()?);
    assert_eq!(compiled.2.as_bytes()?, eager.2.as_bytes()?);
    assert_eq!(compiled.3.as_bytes()?, eager.3.as_bytes()?);
    let key = RandomKey::new(5);
    let shapes = Tensor::from([0.7f32, 2.0, 9.0]);
    let own = key.clone();
    let rows = vmap(move |a: Tensor| own.gamma([64], a)).call(&shapes)?;
    assert_eq!(rows.i(1).to_vec::<f32>()?, key.gamma([64], 2.0f32).to_vec::<f32>()?);
    Ok(())
}

#[test]
fn generators_draw_other_numbers_each_time() -> Result<()> {
    let numbers = Generator::new(4)?;
    let (a, b) = (numbers.gamma([8], 2.0), numbers.gamma([8], 2.0));
    assert_ne!(a.to_vec::<f64>()?, b.to_vec::<f64>()?);
    let x = numbers.multinomial([3], [5, 6, 7], [0.5, 0.5]);
    assert_eq!(x.sum(-1).to_vec::<i64>()?, [5, 6, 7]);
    Ok(())
}

#[test]
fn wrong_parameters_give_nan() -> Result<()> {
    let key = RandomKey::new(4);
    assert!(key.gamma([2], -1.0).is_nan().all(..).item::<bool>()?);
    assert!(key.beta([2], 1.0, f64::NAN).is_nan().all(..).item::<bool>()?);
    Ok(())
}
