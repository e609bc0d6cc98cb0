//! Fourier and cosine transforms, windows, frames and convolutions against values of NumPy and SciPy: `spectral.txt`, which
//! `scripts/spectral.py` makes.

use std::collections::HashMap;

use tensorwright::prelude::*;
use tensorwright::signal::{
    CosineType, Frames, Overlap, WindowEnds, WindowFunction, dct_with, fft_convolve, fft_correlate, idct_with,
};
use tensorwright::{Complex, FftOptions, FourierNorm};

const CASES: &str = include_str!("spectral.txt");

fn tensor(word: &str) -> Tensor {
    let (kind, rest) = word.split_at(1);
    let (shape, numbers) = rest.split_once(':').expect("a shape");
    let sizes: Vec<usize> = shape.split('x').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
    let numbers: Vec<f64> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
    match kind {
        "f" => Tensor::from_slice(&numbers, &sizes[..]),
        _ => {
            let pairs: Vec<Complex<f64>> =
                numbers.chunks(2).map(|pair| Complex::new(pair[0], pair[1])).collect();
            Tensor::from_slice(&pairs, &sizes[..])
        }
    }
}

struct Options<'a>(HashMap<&'a str, &'a str>);

impl Options<'_> {
    fn axes(&self) -> Vec<i64> {
        self.0["axes"].split(',').map(|axis| axis.parse().unwrap()).collect()
    }

    fn number(&self, key: &str) -> Option<usize> {
        self.0.get(key).map(|number| number.parse().unwrap())
    }

    fn norm(&self) -> FourierNorm {
        let word = self.0.get("norm").copied().unwrap_or("backward");
        *FourierNorm::ALL.iter().find(|norm| norm.word() == word).expect("a norm")
    }

    fn fft(&self) -> FftOptions {
        let options = FftOptions::new().norm(self.norm());
        self.number("n").map_or(options.clone(), |n| options.lengths([n]))
    }

    fn window(&self, parameter: f64) -> WindowFunction {
        match self.0["name"] {
            "boxcar" => WindowFunction::Rectangular,
            "bartlett" => WindowFunction::Bartlett,
            "hann" => WindowFunction::Hann,
            "hamming" => WindowFunction::Hamming,
            "blackman" => WindowFunction::Blackman,
            "blackmanharris" => WindowFunction::BlackmanHarris,
            "nuttall" => WindowFunction::Nuttall,
            "flattop" => WindowFunction::FlatTop,
            "cosine" => WindowFunction::Cosine,
            "kaiser" => WindowFunction::Kaiser { beta: parameter },
            "gaussian" => WindowFunction::Gaussian { std: parameter },
            name => panic!("no window {name}"),
        }
    }

    fn overlap(&self) -> Overlap {
        match self.0["mode"] {
            "full" => Overlap::Full,
            "same" => Overlap::Same,
            _ => Overlap::Valid,
        }
    }

    fn kind(&self) -> CosineType {
        [CosineType::I, CosineType::II, CosineType::III, CosineType::IV][self.number("type").unwrap() - 1]
    }
}

fn found(name: &str, options: &Options<'_>, x: &Tensor) -> Tensor {
    let number = || x.item::<f64>().unwrap();
    match name {
        "fft" => x.fft_with(options.axes(), options.fft()),
        "ifft" => x.ifft_with(options.axes(), options.fft()),
        "rfft" => x.rfft_with(options.axes(), options.fft()),
        "irfft" => x.irfft_with(options.axes(), options.fft()),
        "hfft" => x.hfft_with(options.axes(), options.fft()),
        "ihfft" => x.ihfft_with(options.axes(), options.fft()),
        "fftshift" => x.fftshift(options.axes()),
        "ifftshift" => x.ifftshift(options.axes()),
        "fftfreq" => Tensor::fftfreq(options.number("n").unwrap(), number(), DType::F64),
        "rfftfreq" => Tensor::rfftfreq(options.number("n").unwrap(), number(), DType::F64),
        "dct" => dct_with(x, options.kind(), options.norm()),
        "idct" => idct_with(x, options.kind(), options.norm()),
        "window" => {
            let ends =
                if options.0["periodic"] == "true" { WindowEnds::Periodic } else { WindowEnds::Symmetric };
            options.window(number()).weights(options.number("n").unwrap(), ends, DType::F64)
        }
        "convolve" | "correlate" => {
            let count = x.elements().unwrap() - options.number("other").unwrap();
            let (x, y) = (x.i(..count), x.i(count..));
            let overlap = options.overlap();
            if name == "convolve" { fft_convolve(&x, &y, overlap) } else { fft_correlate(&x, &y, overlap) }
        }
        "stft" => {
            let frames = Frames::new(WindowFunction::Hann, options.number("length").unwrap());
            let frames = frames.hop(options.number("hop").unwrap());
            if options.0["centre"] == "true" { frames.stft(x) } else { frames.inside().stft(x) }
        }
        _ => panic!("no case {name}"),
    }
}

#[test]
fn spectra_agree_with_numpy_and_scipy() {
    let mut wrong = Vec::new();
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let (call, value) = line.split_once(" => ").expect("a value");
        let [name, rest] = call.splitn(2, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (keys, operand) = rest.rsplit_once(' ').expect("an operand");
        let options = Options(keys.split(' ').filter_map(|key| key.split_once('=')).collect());
        let (x, expected) = (tensor(operand), tensor(value));
        let found = found(name, &options, &x);
        let near = found.ty().and_then(|ty| {
            Ok(ty == expected.ty()? && {
                let distance = (&found - &expected).abs().max(..).item::<f64>()?;
                distance <= 1e-13 * expected.abs().max(..).item::<f64>()?.max(1.0)
            })
        });
        if !near.as_ref().is_ok_and(|&near| near) {
            wrong.push(format!("{line}\n{found} {:?}", near.err()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The value of a function of a signal, in single and in double precision, compiled.
#[test]
fn transforms_compile_in_both_precisions() -> Result<()> {
    let spectrum = function(|x: Tensor| x.fft((0, 1)).abs());
    let x = RandomKey::new(3).normal([6, 10], 0.0f64, 1.0);
    let (double, single) = (spectrum.call(&x)?, spectrum.call(x.cast(DType::F32))?);
    assert!(single.cast(DType::F64).allclose(&double, 1e-5, 1e-5).item::<bool>()?);
    assert!(x.fft((0, 1)).abs().allclose(&double, 1e-12, 1e-12).item::<bool>()?);
    Ok(())
}

#[test]
fn the_number_of_threads_changes_no_bits() -> Result<()> {
    let spectrum = function(|x: Tensor| x.rfft(-1).abs());
    let x = RandomKey::new(4).normal([200, 1000], 0.0f32, 1.0);
    let (one, two) = (spectrum.call_with_threads(1, &x)?, spectrum.call_with_threads(2, &x)?);
    assert_eq!(one.to_vec::<f32>()?, two.to_vec::<f32>()?);
    Ok(())
}

#[test]
fn power_is_kept_and_so_is_its_gradient() -> Result<()> {
    // The power of the spectrum is that of the signal, times their number: so its gradient is twice the signal, times that.
    let x = Tensor::from([1.0f64, -2.0, 0.5, 3.0, 0.0]);
    for transform in [|x: Tensor| x.fft(0), |x: Tensor| x.fft_with(0, FftOptions::new())] {
        let power = move |x: Tensor| transform(x).abs().square().sum(..);
        assert!((power(x.clone()).item::<f64>()? - 5.0 * x.square().sum(..).item::<f64>()?).abs() < 1e-12);
        assert!(grad(power).call(&x)?.allclose(&x * 10.0, 1e-12, 1e-12).item::<bool>()?);
    }
    let filtered = |x: Tensor| fft_convolve(&x, &Tensor::from([1.0f64, 2.0]), Overlap::Full).sum(..);
    assert!(grad(filtered).call(&x)?.allclose(Tensor::full(5, 3.0f64), 1e-12, 1e-12).item::<bool>()?);
    Ok(())
}

#[test]
fn examples_go_one_by_one_or_together() -> Result<()> {
    let x = RandomKey::new(5).normal([3, 12], 0.0f64, 1.0);
    let together = vmap(|x: Tensor| x.rfft(0)).call(&x)?;
    let one_by_one = x.rfft(1);
    assert!((together - one_by_one).abs().max(..).item::<f64>()? < 1e-12);
    Ok(())
}

#[test]
fn what_cannot_be_transformed_is_refused() {
    let message = |x: Tensor| x.error().expect("an error").to_string();
    let x = Tensor::from([1.0f32, 2.0, 3.0]);
    assert!(message(x.cast(DType::I32).fft(0)).contains("c64 or c128"));
    assert!(message(x.fft(1)).contains("axis 1"));
    assert!(message(Tensor::zeros((2, 0), DType::F32).rfft(-1)).contains("axis 1 has no elements"));
    assert!(message(x.rfft_with(0, FftOptions::new().lengths([2, 2]))).contains("2 lengths for 1 axes"));
    assert!(message(x.i(..1).fft(0).irfft(0)).contains("say the length"));
    assert!(message(x.rfft(())).contains("at least one"));
}
