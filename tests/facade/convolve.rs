//! Convolutions as users write them.

use tensorwright::prelude::*;
use tensorwright::{CompileOptions, ConvOptions, ImageLayout, Padding, PoolOptions};

fn values<T: tensorwright::Element>(x: &Tensor) -> Vec<T> {
    x.to_vec().expect("it has elements")
}

/// Equal up to rounding: some of these are written down as other sums.
fn assert_close(found: &Tensor, expected: &Tensor) {
    assert_eq!(found.shape().unwrap(), expected.shape().unwrap());
    for (found, expected) in values::<f64>(found).into_iter().zip(values::<f64>(expected)) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

fn image(shape: &[usize], seed: u32) -> Tensor {
    let count = shape.iter().product::<usize>() as u32;
    let values: Vec<f64> = (0..count).map(|i| f64::from((i * 37 + seed * 11) % 23) / 7.0 - 1.5).collect();
    Tensor::from(values).reshape(shape.to_vec())
}

/// `sum over taps of x[.., y * stride + k * dilation - low, ..] * kernel[k, ..]`, channels last, as it is written down.
fn by_hand(x: &Tensor, kernel: &Tensor, low: usize, stride: usize, dilation: usize, out: usize) -> Vec<f64> {
    let (size, taps) = (x.shape().expect("it has one").sizes(), kernel.shape().expect("it has one").sizes());
    let (xs, ks) = (x.to_vec::<f64>().expect("floats"), kernel.to_vec::<f64>().expect("floats"));
    let (groups, each) = (size[2] / taps[1], taps[2] * taps[1] / size[2]);
    let mut results = Vec::new();
    for n in 0..size[0] {
        for y in 0..out {
            for o in 0..taps[2] {
                let mut sum = 0.0;
                for k in 0..taps[0] {
                    let at = (y * stride + k * dilation) as i64 - low as i64;
                    for c in 0..taps[1] {
                        if (0..size[1] as i64).contains(&at) {
                            let channel = o / each * taps[1] + c;
                            let x = xs[(n * size[1] + at as usize) * size[2] + channel];
                            sum += x * ks[(k * taps[1] + c) * taps[2] + o];
                        }
                    }
                }
                assert!(o / each < groups);
                results.push(sum);
            }
        }
    }
    results
}

#[test]
fn strides_padding_dilation_and_groups_are_what_the_sum_says() {
    let x = image(&[2, 9, 4], 1);
    for (groups, filters) in [(1, 3), (2, 6), (4, 4), (4, 8)] {
        let kernel = image(&[3, 4 / groups, filters], 2);
        for (padding, low, stride, dilation, out) in [
            (Padding::Valid, 0, 1, 1, 7),
            (Padding::Same, 1, 1, 1, 9),
            (Padding::Same, 2, 1, 2, 9),
            (Padding::Same, 1, 2, 1, 5),
            (Padding::Causal, 4, 1, 2, 9),
            (Padding::from([(3, 1)]), 3, 3, 1, 4),
            (Padding::from(2), 2, 2, 1, 6),
        ] {
            let options =
                ConvOptions::new().padding(padding).strides(stride).dilation(dilation).groups(groups);
            let y = x.conv1d(&kernel, options);
            assert_eq!(y.shape().unwrap(), &[2, out, filters].into());
            for (found, expected) in
                values::<f64>(&y).iter().zip(by_hand(&x, &kernel, low, stride, dilation, out))
            {
                assert!((found - expected).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn an_odd_zero_goes_to_the_end_or_to_the_beginning() {
    let x = image(&[1, 4, 1], 3);
    let kernel = image(&[2, 1, 1], 4);
    let conv = |padding: Padding| values::<f64>(&x.conv(&kernel, ConvOptions::new().padding(padding)));
    assert_eq!(conv(Padding::Same), conv([(0, 1)].into()));
    assert_eq!(conv(Padding::SameLower), conv([(1, 0)].into()));
}

#[test]
fn layouts_are_orders_of_the_same_numbers() {
    let x = image(&[2, 6, 5, 4], 5);
    let kernel = image(&[3, 2, 2, 6], 6);
    let options = || ConvOptions::new().padding(Padding::Same).groups(2).strides((2, 1));
    let last = x.conv2d(&kernel, options());
    let (first, taps) = (x.transpose([0, 3, 1, 2]), kernel.transpose([3, 2, 0, 1]));
    let nchw = first.conv2d(&taps, options().layout(ImageLayout::Nchw));
    assert_close(&nchw.transpose([0, 2, 3, 1]), &last);
    let mixed = first.conv2d(&kernel, options().layout(("NCHW", "HWIO", "HWNC")));
    assert_close(&mixed.transpose([2, 0, 1, 3]), &last);
}

#[test]
fn depthwise_kernels_have_channels_and_multiples() {
    let x = image(&[1, 6, 6, 3], 7);
    let kernel = image(&[3, 3, 3, 2], 8);
    let y = x.depthwise_conv(&kernel, ConvOptions::new());
    let one = |c: i64| {
        let (x, kernel) = (x.i((.., .., .., c..c + 1)), kernel.i((.., .., c..c + 1, ..)));
        x.conv2d(kernel, ConvOptions::new())
    };
    assert_eq!(values::<f64>(&y), values::<f64>(&Tensor::concat(&[one(0), one(1), one(2)], 3)));
    let first = x.transpose([0, 3, 1, 2]);
    let taps = kernel.transpose([2, 3, 0, 1]);
    let nchw = first.depthwise_conv(taps, ConvOptions::new().layout(ImageLayout::Nchw));
    assert_close(&nchw.transpose([0, 2, 3, 1]), &y);
}

/// Rows of pixels whose taps are all inside are computed several at a time: with the bits of channels one by one, however long rows are, and whatever is around them.
#[test]
fn depthwise_rows_have_the_bits_of_single_channels() {
    for (width, channels, stride, dilation, padding) in [
        (19, 35, 1, 1, Padding::Same),
        (31, 16, 2, 1, Padding::from([(0, 1), (3, 2)])),
        (20, 9, 1, 3, Padding::Same),
        (2, 8, 1, 2, Padding::from(3)),
        (13, 64, 3, 1, Padding::Valid),
    ] {
        let x = image(&[2, 5, width, channels], 9).cast(DType::F32);
        let kernel = image(&[3, 3, channels, 1], 10).cast(DType::F32);
        let options =
            || ConvOptions::new().strides((1, stride)).dilation((1, dilation)).padding(padding.clone());
        let y = x.depthwise_conv(&kernel, options());
        for c in (0..channels as i64).step_by(7) {
            let [x, kernel] = [x.i((.., .., .., c..c + 1)), kernel.i((.., .., c..c + 1, ..))];
            let one = x.conv2d(kernel, options());
            assert_eq!(
                values::<f32>(&y.i((.., .., .., c..c + 1))),
                values::<f32>(&one),
                "{width} {channels}"
            );
        }
    }
}

/// `<conv(x), y> = <x, conv_transpose(y)>`.
#[test]
fn the_transposed_convolution_is_the_adjoint_map() {
    for (padding, stride, dilation, groups, size, more) in [
        (Padding::Valid, 1, 1, 1, 7, 0),
        (Padding::Valid, 2, 1, 1, 8, 1),
        (Padding::Same, 2, 1, 1, 8, 0),
        (Padding::SameLower, 3, 1, 2, 9, 0),
        (Padding::from([(2, 1), (2, 1)]), 2, 2, 2, 9, 1),
    ] {
        let options =
            || ConvOptions::new().padding(padding.clone()).strides(stride).dilation(dilation).groups(groups);
        let x = image(&[2, size, size, 4], 9);
        let kernel = image(&[3, 3, 4 / groups, 6], 10);
        let forward = x.conv2d(&kernel, options());
        let y = image(&forward.shape().unwrap().sizes(), 11);
        let back = y.conv_transpose(&kernel, options().output_padding(more));
        assert_eq!(back.shape().unwrap(), x.shape().unwrap(), "{padding:?} {stride}");
        let (one, other) = ((forward * y).sum(..), (x * back).sum(..));
        let (one, other) = (one.item::<f64>().unwrap(), other.item::<f64>().unwrap());
        assert!((one - other).abs() < 1e-9 * one.abs().max(1.0));
    }
}

#[test]
fn gradients_are_differences() {
    let x = image(&[1, 5, 6, 2], 12);
    let kernel = image(&[3, 2, 1, 4], 13);
    let loss = |x: &Tensor, kernel: &Tensor| {
        let options = ConvOptions::new().padding(Padding::Same).strides((2, 1)).groups(2);
        x.conv2d(kernel, options).sin().sum(..)
    };
    let (by_x, by_kernel) =
        grad(move |(x, kernel): (Tensor, Tensor)| loss(&x, &kernel)).call((&x, &kernel)).unwrap();
    let step = 1e-6;
    for (of, gradient) in [(0, &by_x), (1, &by_kernel)] {
        let moved = if of == 0 { &x } else { &kernel };
        let shape = moved.shape().unwrap().clone();
        let values = moved.to_vec::<f64>().unwrap();
        for at in (0..values.len()).step_by(5) {
            let at_distance = |step: f64| {
                let mut values = values.clone();
                values[at] += step;
                let other = Tensor::from(values).reshape(&shape);
                let loss = if of == 0 { loss(&other, &kernel) } else { loss(&x, &other) };
                loss.item::<f64>().unwrap()
            };
            let expected = (at_distance(step) - at_distance(-step)) / (2.0 * step);
            assert!((gradient.to_vec::<f64>().unwrap()[at] - expected).abs() < 1e-6);
        }
    }
}

/// A transposition in front is a way of reading, and the order of sums is the op's own.
/// Sums over many images are cut into parts: what comes out is the sum of what single images give.
#[test]
fn gradients_by_kernels_are_sums_over_images() {
    let loss = |(x, kernel): (Tensor, Tensor)| x.conv(&kernel, ConvOptions::new()).square().sum(..);
    let of_kernel = grad(loss);
    for images in [16, 12, 7] {
        let (x, kernel) = (image(&[images, 20, 18, 4], 3), image(&[3, 2, 4, 6], 5));
        let (_, all) = of_kernel.call((&x, &kernel)).unwrap();
        let mut sum = Tensor::zeros([3, 2, 4, 6], DType::F64);
        for n in 0..images {
            let (_, one) = of_kernel.call((x.i(n..n + 1), &kernel)).unwrap();
            sum += one;
        }
        let scale = sum.abs().max(..).item::<f64>().unwrap();
        assert_close(&(all / scale), &(sum / scale));
        of_kernel.run_eagerly(true);
        let (_, eager) = of_kernel.call((&x, &kernel)).unwrap();
        of_kernel.run_eagerly(false);
        assert_eq!(values::<f64>(&eager), values::<f64>(&of_kernel.call((&x, &kernel)).unwrap().1));
    }
}

#[test]
fn compiled_convolutions_have_the_bits_of_eager_ones() {
    let (x, kernel) = (image(&[5, 2, 6, 7], 17), image(&[4, 3, 3, 5], 18));
    let conv = |(x, kernel): (Tensor, Tensor)| {
        let options = ConvOptions::new().padding(Padding::Same);
        x.transpose([1, 2, 3, 0]).conv2d(kernel.transpose([1, 2, 3, 0]), options)
    };
    let eager = conv((x.clone(), kernel.clone()));
    let compiled = function(conv).call((&x, &kernel)).unwrap();
    assert_eq!(values::<f64>(&compiled), values::<f64>(&eager));
}

#[test]
fn integers_add_up_in_a_wider_dtype() {
    let x = Tensor::from([[[100i8], [100], [100]]]);
    let kernel = Tensor::from([[[100i8]], [[100]]]);
    let y = x.conv(&kernel, ConvOptions::new().dtype(DType::I32));
    assert_eq!(values::<i32>(&y), [20_000, 20_000]);
}

#[test]
fn what_does_not_fit_is_named() {
    let x = image(&[1, 5, 5, 4], 14);
    let message = |y: Tensor| y.shape().unwrap_err().to_string();
    let kernel = image(&[3, 3, 3, 8], 15);
    let found = message(x.conv2d(&kernel, ConvOptions::new()));
    assert!(found.contains("the kernel takes 3 channels, but the image has 4"), "{found}");
    let found = message(x.conv2d(&kernel, ConvOptions::new().groups(2)));
    assert!(found.contains("the image has 4 in 2 groups, 2 each"), "{found}");
    let found = message(x.conv2d(&kernel, ConvOptions::new().groups(3)));
    assert!(found.contains("4 channels of the image are no 3 groups"), "{found}");
    let found = message(x.conv1d(&kernel, ConvOptions::new()));
    assert!(found.contains("rank 3, found rank 4"), "{found}");
    let kernel = image(&[3, 3, 4, 8], 16);
    let found = message(x.conv2d(&kernel, ConvOptions::new().padding([(1, 1)])));
    assert!(found.contains("1 pairs for 2 spatial axes"), "{found}");
    let found = message(x.conv2d(&kernel, ConvOptions::new().strides([1, 2, 3])));
    assert!(found.contains("3 numbers for 2 spatial axes"), "{found}");
    let found = message(x.conv2d(&kernel, ConvOptions::new().strides(0)));
    assert!(found.contains("at least 1"), "{found}");
    let found = message(x.conv2d(&kernel, ConvOptions::new().layout(("NHWC", "HWIQ", "NHWC"))));
    assert!(found.contains("`HWIQ` must have one `O`"), "{found}");
    let found = message(x.conv2d(kernel.i((.., .., .., 0)), ConvOptions::new()));
    assert!(found.contains("rank 4, found rank 3"), "{found}");
}

/// A kernel that a function captures is the same in every call: it is packed in the first one, and what is computed of it is kept.
#[test]
fn captured_kernels_are_packed_once() {
    let numbers = |n: usize| -> Vec<f32> { (0..n).map(|i| (i * 37 % 101) as f32 * 0.01 - 0.5).collect() };
    let x = Tensor::from_slice(&numbers(2 * 8 * 8 * 16), [2, 8, 8, 16]);
    let kernel = Tensor::from_slice(&numbers(3 * 3 * 16 * 24), [3, 3, 16, 24]);
    let scaled = |x: &Tensor, kernel: &Tensor| x.conv2d(&(kernel * 0.5), ConvOptions::new().padding(1usize));
    let expected =
        function(move |(x, kernel): (Tensor, Tensor)| scaled(&x, &kernel)).call((&x, &kernel)).unwrap();
    let captures = function(move |x: Tensor| scaled(&x, &kernel));
    for _ in 0..2 {
        assert_eq!(captures.call(&x).unwrap().to_vec::<f32>().unwrap(), expected.to_vec::<f32>().unwrap());
    }
    let program = captures.dump(tensorwright::Stage::Kernels).unwrap();
    assert!(program.contains("ahead 2") && program.contains("pack conv"), "{program}");
}

/// A part of a residual network with channels first, as other frameworks have it.
struct Residual {
    stem: Tensor,
    kernels: [Tensor; 2],
    by_channel: [Tensor; 4],
    dense: Tensor,
}

impl Residual {
    fn new() -> Residual {
        let numbers = |shape: &[usize], seed: usize| {
            let count = shape.iter().product();
            let values: Vec<f32> =
                (0..count).map(|i| ((i * 37 + seed) % 101) as f32 * 0.004 - 0.19).collect();
            Tensor::from_slice(&values, shape.to_vec())
        };
        Residual {
            stem: numbers(&[16, 3, 7, 7], 1),
            kernels: [2, 3].map(|seed| numbers(&[16, 16, 3, 3], seed)),
            by_channel: [4, 5, 6, 7].map(|seed| numbers(&[16], seed).abs() + 0.5),
            dense: numbers(&[16, 10], 8),
        }
    }

    fn run(&self, x: &Tensor) -> Tensor {
        let first = || ConvOptions::new().layout(ImageLayout::Nchw);
        let normalised = |x: Tensor| {
            let [scale, offset, mean, variance] = &self.by_channel;
            x.batch_norm(scale, offset, mean, variance, 1, 1e-5)
        };
        let x = normalised(x.conv2d(&self.stem, first().strides(2usize).padding(3usize))).relu();
        let x = x.max_pool(3, PoolOptions::new().strides(2).padding(1).layout(ImageLayout::Nchw));
        let y = normalised(x.conv2d(&self.kernels[0], first().padding(1usize))).relu();
        let y = normalised(y.conv2d(&self.kernels[1], first().padding(1usize)));
        let y = (y + x).relu();
        y.mean([2, 3]).matmul(&self.dense)
    }
}

fn photo() -> Tensor {
    let values: Vec<f32> = (0..2 * 3 * 40 * 40).map(|i| (i * 53 % 97) as f32 * 0.02 - 1.0).collect();
    Tensor::from_slice(&values, [2, 3, 40, 40])
}

/// The compiler chooses where channels are; the image is transposed, kernels once, and what is summed over. Bits are those of the ops one by one.
#[test]
fn images_with_channels_first_are_laid_out_anew() {
    let (network, x) = (Residual::new(), photo());
    let expected = network.run(&x).to_vec::<f32>().unwrap();
    let compiled = function(move |x: Tensor| network.run(&x));
    assert_eq!(compiled.call(&x).unwrap().to_vec::<f32>().unwrap(), expected);
    let graph = compiled.dump(tensorwright::Stage::Optimized).unwrap();
    let moved: Vec<&str> = graph.lines().filter(|line| line.contains("transpose(")).collect();
    // The image, three kernels, and what is summed over: the mean adds up along rows.
    assert_eq!(moved.len(), 5, "{moved:?}");
    assert_eq!(moved.iter().filter(|line| line.contains("[0, 3, 1, 2]")).count(), 1, "{moved:?}");
}

/// Where results may change, weights that last take in the scale of their channels.
#[test]
fn batch_norms_are_folded_into_kernels() {
    let (network, x) = (Residual::new(), photo());
    let expected = network.run(&x).to_vec::<f32>().unwrap();
    let mut options = CompileOptions::default();
    options.passes.value_changing = true;
    let folded = function(move |x: Tensor| network.run(&x)).with_compile_options(options);
    let found = folded.call(&x).unwrap().to_vec::<f32>().unwrap();
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * (1.0 + a.abs());
    assert!(expected.iter().zip(&found).all(near), "{expected:?} and {found:?}");
    let graph = folded.dump(tensorwright::Stage::Optimized).unwrap();
    let is_image =
        |line: &&str| [": f32[2,20,20,16]", ": f32[2,10,10,16]"].iter().any(|ty| line.contains(ty));
    let scales_images = |line: &&str| (line.contains("= mul(") || line.contains("= fma(")) && is_image(line);
    assert_eq!(graph.lines().filter(scales_images).count(), 0, "{graph}");
}
