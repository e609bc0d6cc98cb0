//! Times convolutions of the shapes that real networks have: `cargo run --release -p tensorwright-benches --bin convolutions -- --json`
//!
//! A line has the layer, the best and the median time in microseconds, and 10^9 multiplications and additions per second at the best. Images
//! have channels last, or first with `--first`. Kernels are arguments, or captured by the function with `--captured`, so that they are packed once.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::prelude::*;
use tensorwright::{ConvOptions, ImageLayout};

/// Times convolutions of real networks.
#[derive(Parser)]
struct Arguments {
    /// One JSON line per layer.
    #[arg(long)]
    json: bool,
    /// Only layers whose name begins so.
    #[arg(long, default_value = "")]
    only: String,
    /// Channels first.
    #[arg(long)]
    first: bool,
    /// Images and kernels of bytes, added up in 32 bits.
    #[arg(long)]
    bytes: bool,
    /// The function captures the kernel.
    #[arg(long)]
    captured: bool,
    /// Threads that a call may use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Seconds to spend on each layer.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
}

/// A layer: images, height, width, channels in; taps down and across, channels out; stride, padding on each side, groups.
type Layer = (&'static str, [usize; 4], [usize; 3], [usize; 3]);

const LAYERS: [Layer; 47] = [
    ("resnet50_stem", [1, 224, 224, 3], [7, 7, 64], [2, 3, 1]),
    ("resnet50_2_1x1", [1, 56, 56, 64], [1, 1, 64], [1, 0, 1]),
    ("resnet50_2_3x3", [1, 56, 56, 64], [3, 3, 64], [1, 1, 1]),
    ("resnet50_2_up", [1, 56, 56, 64], [1, 1, 256], [1, 0, 1]),
    ("resnet50_3_down", [1, 56, 56, 256], [1, 1, 128], [1, 0, 1]),
    ("resnet50_3_stride", [1, 56, 56, 128], [3, 3, 128], [2, 1, 1]),
    ("resnet50_3_3x3", [1, 28, 28, 128], [3, 3, 128], [1, 1, 1]),
    ("resnet50_3_short", [1, 56, 56, 256], [1, 1, 512], [2, 0, 1]),
    ("resnet50_4_3x3", [1, 14, 14, 256], [3, 3, 256], [1, 1, 1]),
    ("resnet50_4_up", [1, 14, 14, 256], [1, 1, 1024], [1, 0, 1]),
    ("resnet50_5_3x3", [1, 7, 7, 512], [3, 3, 512], [1, 1, 1]),
    ("resnet50_5_up", [1, 7, 7, 512], [1, 1, 2048], [1, 0, 1]),
    ("resnet50_2_3x3_b16", [16, 56, 56, 64], [3, 3, 64], [1, 1, 1]),
    ("resnet50_4_3x3_b16", [16, 14, 14, 256], [3, 3, 256], [1, 1, 1]),
    ("resnet50_5_up_b16", [16, 7, 7, 512], [1, 1, 2048], [1, 0, 1]),
    ("mobilenet_stem", [1, 224, 224, 3], [3, 3, 32], [2, 1, 1]),
    ("mobilenet_dw112", [1, 112, 112, 32], [3, 3, 32], [1, 1, 32]),
    ("mobilenet_dw112_s2", [1, 112, 112, 96], [3, 3, 96], [2, 1, 96]),
    ("mobilenet_dw56", [1, 56, 56, 144], [3, 3, 144], [1, 1, 144]),
    ("mobilenet_dw14", [1, 14, 14, 576], [3, 3, 576], [1, 1, 576]),
    ("mobilenet_dw7", [1, 7, 7, 960], [3, 3, 960], [1, 1, 960]),
    ("mobilenet_expand", [1, 56, 56, 24], [1, 1, 144], [1, 0, 1]),
    ("mobilenet_project", [1, 14, 14, 576], [1, 1, 96], [1, 0, 1]),
    ("mobilenet_head", [1, 7, 7, 320], [1, 1, 1280], [1, 0, 1]),
    ("mobilenet_dw14_b16", [16, 14, 14, 576], [3, 3, 576], [1, 1, 576]),
    ("efficientnet_dw5x5", [1, 28, 28, 240], [5, 5, 240], [1, 2, 240]),
    ("efficientnet_dw5x5_s2", [1, 56, 56, 144], [5, 5, 144], [2, 2, 144]),
    ("efficientnet_expand", [1, 28, 28, 40], [1, 1, 240], [1, 0, 1]),
    ("efficientnet_project", [1, 7, 7, 1152], [1, 1, 320], [1, 0, 1]),
    ("unet_1", [1, 128, 128, 32], [3, 3, 32], [1, 1, 1]),
    ("unet_2", [1, 64, 64, 64], [3, 3, 128], [1, 1, 1]),
    ("unet_bottom", [1, 16, 16, 256], [3, 3, 512], [1, 1, 1]),
    ("unet_out", [1, 128, 128, 32], [1, 1, 3], [1, 0, 1]),
    ("unet_odd", [1, 61, 83, 48], [3, 3, 48], [1, 1, 1]),
    ("whisper_1", [1, 1, 3000, 80], [1, 3, 384], [1, 1, 1]),
    ("whisper_2", [1, 1, 3000, 384], [1, 3, 384], [2, 1, 1]),
    ("resnext_grouped", [1, 28, 28, 256], [3, 3, 256], [1, 1, 32]),
    ("groups_4_56", [1, 56, 56, 128], [3, 3, 128], [1, 1, 32]),
    ("groups_8_56_s2", [1, 56, 56, 256], [3, 3, 256], [2, 1, 32]),
    ("groups_16_14", [1, 14, 14, 512], [3, 3, 512], [1, 1, 32]),
    ("groups_2_28", [1, 28, 28, 64], [3, 3, 64], [1, 1, 32]),
    ("groups_10_28", [1, 28, 28, 120], [3, 3, 120], [1, 1, 12]),
    ("groups_1_to_2", [1, 56, 56, 64], [3, 3, 128], [1, 1, 64]),
    ("groups_5x5_s2", [1, 56, 56, 96], [5, 5, 96], [2, 2, 24]),
    ("vgg_stem", [1, 112, 112, 3], [3, 3, 64], [1, 1, 1]),
    ("digits_1_b64", [64, 28, 28, 1], [3, 3, 32], [1, 1, 1]),
    ("digits_2_b64", [64, 14, 14, 32], [3, 3, 64], [1, 1, 1]),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for layer in LAYERS.iter().filter(|layer| layer.0.starts_with(&arguments.only)) {
        let (best, median) = measure(layer, &arguments)?;
        let rate = 2.0 * work(layer) as f64 / best.as_nanos() as f64;
        let [best, median] = [best, median].map(|time| time.as_secs_f64() * 1e6);
        if arguments.json {
            let line =
                serde_json::json!({ "layer": layer.0, "best_us": best, "median_us": median, "gflops": rate });
            println!("{line}");
        } else {
            println!("{:<24} {best:>10.1} {median:>10.1} {rate:>8.1}", layer.0);
        }
    }
    Ok(())
}

/// Results along an axis.
fn results(n: usize, taps: usize, stride: usize, padding: usize) -> usize {
    (n + 2 * padding - taps) / stride + 1
}

/// Padding down and across: an axis of one element has none.
fn padding(&(_, [_, h, w, _], _, [_, padding, _]): &Layer) -> [usize; 2] {
    [h, w].map(|n| if n == 1 { 0 } else { padding })
}

/// Multiplications of a layer, those with padding included.
fn work(layer: &Layer) -> usize {
    let &(_, [n, h, w, c], [down, across, o], [stride, _, groups]) = layer;
    let [ph, pw] = padding(layer);
    let pixels = n * results(h, down, stride, ph) * results(w, across, stride, pw);
    pixels * o * down * across * (c / groups)
}

fn numbers(shape: [usize; 4], scale: f32) -> Tensor {
    let values: Vec<f32> =
        (0..shape.iter().product::<usize>()).map(|i| (i * 37 % 101) as f32 * scale).collect();
    Tensor::from_slice(&values, shape)
}

fn measure(layer: &Layer, arguments: &Arguments) -> Result<(Duration, Duration)> {
    let &(_, [n, h, w, c], [down, across, o], [stride, _, groups]) = layer;
    let [ph, pw] = padding(layer);
    let layout = if arguments.first { ImageLayout::Nchw } else { ImageLayout::Nhwc };
    let (image, kernel) = match layout {
        ImageLayout::Nhwc => ([n, h, w, c], [down, across, c / groups, o]),
        ImageLayout::Nchw => ([n, c, h, w], [o, c / groups, down, across]),
    };
    let bytes = arguments.bytes;
    let of_kind =
        |shape, scale| if bytes { numbers(shape, 1.0).cast(DType::I8) } else { numbers(shape, scale) };
    let (image, kernel) = (of_kind(image, 0.01), of_kind(kernel, 0.001));
    let of = move |x: &Tensor, kernel: &Tensor| {
        let options = ConvOptions::new().strides(stride).padding([ph, pw]).groups(groups).layout(layout);
        x.conv2d(kernel, if bytes { options.dtype(DType::I32) } else { options })
    };
    if arguments.captured {
        let conv = function(move |x: Tensor| of(&x, &kernel)).with_threads(arguments.threads);
        return timed(arguments.seconds, || conv.call(&image));
    }
    let inputs = (image, kernel);
    let conv = function(move |(x, kernel): (Tensor, Tensor)| of(&x, &kernel)).with_threads(arguments.threads);
    timed(arguments.seconds, || conv.call(&inputs))
}

/// The best and the median time of a call.
fn timed(seconds: f64, call: impl Fn() -> tensorwright::Result<Tensor>) -> Result<(Duration, Duration)> {
    for _ in 0..3 {
        drop(call()?);
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while Instant::now() < end || times.len() < 5 {
        let start = Instant::now();
        drop(call()?);
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok((times[0], times[times.len() / 2]))
}
