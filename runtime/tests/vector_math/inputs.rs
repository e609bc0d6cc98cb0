//! Arguments that tests share: special values, then a fixed pseudo-random sequence.

use tensorwright_ir::op::Random;

/// Values at which functions change their behaviour, without their negations.
pub(crate) const SPECIAL: &[f64] = &[
    0.0,
    f64::from_bits(1),
    f64::MIN_POSITIVE,
    1e-310,
    1.401298464324817e-45,
    1e-40,
    1.1754943508222875e-38,
    1e-20,
    1e-9,
    0.25,
    0.5,
    std::f64::consts::FRAC_1_SQRT_2,
    1.0,
    1.5,
    2.0,
    std::f64::consts::FRAC_PI_2,
    std::f64::consts::E,
    3.0,
    10.0,
    88.72283,
    88.72284,
    103.97208,
    131072.0,
    8388607.5,
    16777216.0,
    1e22,
    3.4028234663852886e38,
    709.782712893384,
    745.1332191019412,
    4503599627370495.5,
    1e300,
    f64::MAX,
    f64::INFINITY,
    f64::NAN,
];

/// Every pair of special values, then random ones: half of them moderate, half any bit pattern.
fn pairs(count: usize, any: fn(u64) -> f64) -> Vec<(f64, f64)> {
    let signed: Vec<f64> = SPECIAL.iter().flat_map(|&v| [v, -v]).collect();
    let special = signed.iter().flat_map(|&a| signed.iter().map(move |&b| (a, b)));
    let mut random = Random::new(1);
    let mut draw = move || {
        let kind = random.bits();
        let scale = [1.0, 4.0, 50.0, 1000.0][(kind >> 1) as usize % 4];
        if kind & 1 == 0 { random.symmetric() * scale } else { any(random.bits()) }
    };
    let mut all: Vec<_> = special.collect();
    all.extend((0..count).map(|_| (draw(), draw())));
    all.truncate(all.len() / 4 * 4);
    all
}

/// Arguments for f32 functions; a multiple of four.
pub(crate) fn narrow(count: usize) -> (Vec<f32>, Vec<f32>) {
    pairs(count, |bits| f64::from(f32::from_bits(bits as u32)))
        .into_iter()
        .map(|(a, b)| (a as f32, b as f32))
        .unzip()
}

/// Arguments for f64 functions; a multiple of four.
pub(crate) fn wide(count: usize) -> (Vec<f64>, Vec<f64>) {
    pairs(count, f64::from_bits).into_iter().unzip()
}
