//! Images in other sizes, sampled, cut and put together, against values that other libraries computed: `images.txt`, which `scripts/images.py` makes.

use tensorwright::prelude::*;
use tensorwright::{
    Antialias, Corners, GridBorder, GridKernel, ImageLayout, PadMode, PaddingCount, PlaceOrder, PoolOptions,
    PoolRounding, RegionFold, RegionOrigin, ResizeBorder, ResizeCoordinates, ResizeKernel, ResizeOptions,
    RoiOptions,
};

use super::fixture::{Case, numbers};

const CASES: &str = include_str!("images.txt");

fn corners(align: &str) -> Corners {
    if align == "1" { Corners::Middle } else { Corners::Outer }
}

impl Case<'_> {
    fn flag(&self, key: &str) -> bool {
        self.keys[key] == "1"
    }

    fn image(&self) -> Tensor {
        Case::operand(1, &self.list("image"))
    }

    fn kernel(&self) -> ResizeKernel {
        match (self.keys["mode"], self.keys.get("nearest").copied().unwrap_or_default()) {
            ("linear", _) => ResizeKernel::Linear,
            ("cubic", _) => ResizeKernel::Cubic,
            ("lanczos3", _) => ResizeKernel::Lanczos3,
            ("lanczos5", _) => ResizeKernel::Lanczos5,
            (_, "floor") => ResizeKernel::NearestFloor,
            (_, "ceil") => ResizeKernel::NearestCeil,
            (_, "round_prefer_floor") => ResizeKernel::NearestHalfDown,
            _ => ResizeKernel::NearestHalfUp,
        }
    }

    fn resize(&self) -> Tensor {
        let coordinates = match self.keys["coordinates"] {
            "half_pixel" => ResizeCoordinates::HalfPixel,
            "half_pixel_symmetric" => ResizeCoordinates::HalfPixelSymmetric,
            "pytorch_half_pixel" => ResizeCoordinates::PytorchHalfPixel,
            "align_corners" => ResizeCoordinates::AlignCorners,
            "asymmetric" => ResizeCoordinates::Asymmetric,
            _ => ResizeCoordinates::Region,
        };
        let mut options = ResizeOptions::new(self.kernel())
            .coordinates(coordinates)
            .coefficient(self.keys["coefficient"].parse().expect("a number"))
            .border(if self.flag("exclude") { ResizeBorder::Exclude } else { ResizeBorder::Extend })
            .antialias(if self.flag("antialias") { Antialias::On } else { Antialias::Off })
            .layout(ImageLayout::Nchw);
        if let Some(region) = self.keys.get("region") {
            let ends: Vec<f64> = numbers(region);
            let pairs: Vec<(f64, f64)> = (0..2).map(|i| (ends[i], ends[i + 2])).collect();
            options = options.region(pairs, self.keys["fill"].parse().expect("a number"));
        }
        match self.keys.get("scales") {
            Some(scales) => self.image().resize_by(numbers::<f64>(scales), options),
            None => self.image().resize(self.shape[2..].to_vec(), options),
        }
    }

    fn jax_resize(&self) -> Tensor {
        let antialias = if self.flag("antialias") { Antialias::On } else { Antialias::Off };
        let options = ResizeOptions::new(self.kernel()).coefficient(-0.5).border(ResizeBorder::Exclude);
        self.image().resize(self.shape.clone(), options.antialias(antialias).axes([0, 1]))
    }

    fn grid_sample(&self) -> Tensor {
        let grid = Case::operand(2, &self.list("grid")) / 2.1 + 0.013;
        let kernel = match self.keys["mode"] {
            "linear" => GridKernel::Linear,
            "nearest" => GridKernel::Nearest,
            _ => GridKernel::Cubic,
        };
        let border = match self.keys["padding"] {
            "zeros" => GridBorder::Zeros,
            "border" => GridBorder::Border,
            _ => GridBorder::Reflection,
        };
        self.image().grid_sample(grid, kernel, border, corners(self.keys["align"]), ImageLayout::Nchw)
    }

    fn affine_grid(&self) -> Tensor {
        let theta = Case::operand(1, &self.list("theta"));
        theta.affine_grid(self.list("sizes"), corners(self.keys["align"]))
    }

    fn roi_align(&self) -> Tensor {
        let regions = Tensor::from(numbers::<f64>(self.keys["regions"])).reshape((-1, 4));
        let images = Tensor::from(numbers::<i64>(self.keys["images"]));
        let is_border = self.keys["coordinates"] == "half_pixel";
        let mut options = RoiOptions::new()
            .scale(self.keys["scale"].parse().expect("a number"))
            .origin(if is_border { RegionOrigin::Border } else { RegionOrigin::Middle })
            .fold(if self.keys["mode"] == "max" { RegionFold::Max } else { RegionFold::Mean })
            .layout(ImageLayout::Nchw);
        let samples = self.list("samples")[0];
        if samples > 0 {
            options = options.samples(samples);
        }
        self.image().roi_align(regions, images, (2, 3), options)
    }

    fn pool_options(&self) -> PoolOptions {
        let (pads, count) = (numbers::<i64>(self.keys["pads"]), self.list("size").len());
        let pads: Vec<(i64, i64)> = (0..count).map(|i| (pads[i], pads[i + count])).collect();
        let is_ceil = self.keys.get("ceil").is_some_and(|&ceil| ceil == "1");
        PoolOptions::new()
            .strides(self.list("strides"))
            .padding(pads)
            .dilation(self.list("dilation"))
            .rounding(if is_ceil { PoolRounding::Ceil } else { PoolRounding::Floor })
            .layout(ImageLayout::Nchw)
    }

    fn pooled(&self) -> Tensor {
        let (image, size, options) = (self.list("image"), self.list("size"), self.pool_options());
        let count = image.iter().product::<usize>() as u32;
        let more: Vec<f64> = (0..count).map(|i| f64::from(i) / 512.0).collect();
        let x = self.image() + Tensor::from(more).reshape(image);
        match self.what {
            "max_pool" => x.max_pool(size, options),
            "lp_pool" => x.lp_pool(3.0, size, options),
            "avg_pool" if self.flag("count") => x.avg_pool(size, options.count(PaddingCount::Included)),
            "avg_pool" => x.avg_pool(size, options),
            _ => {
                let order = if self.flag("order") { PlaceOrder::ColumnMajor } else { PlaceOrder::Tensor };
                x.max_pool_with_indices(size, options, order).1.cast(DType::F64)
            }
        }
    }

    fn found(&self) -> Tensor {
        match self.what {
            "resize" => self.resize(),
            "jax_resize" => self.jax_resize(),
            "grid_sample" => self.grid_sample(),
            "affine_grid" => self.affine_grid(),
            "roi_align" => self.roi_align(),
            "col2im" => {
                let patches = Case::operand(1, &self.list("patches"));
                patches.col2im(self.list("image"), self.list("size"), self.pool_options())
            }
            "median" => {
                let mode = match self.keys["mode"] {
                    "reflect" => PadMode::Symmetric,
                    "nearest" => PadMode::Edge,
                    "mirror" => PadMode::Reflect,
                    _ => PadMode::Wrap,
                };
                self.image().median_filter([0, 1], self.list("size"), mode)
            }
            "pad" => {
                let mode = PadMode::ALL.iter().find(|mode| mode.word() == self.keys["mode"]);
                let [low, high] = ["low", "high"].map(|key| numbers::<i64>(self.keys[key]));
                self.image().pad_border(low, high, *mode.expect("a mode"))
            }
            _ => self.pooled(),
        }
    }
}

/// Some of the other libraries compute in single precision.
const TOLERANCE: f64 = 3e-6;

#[test]
fn images_are_those_of_other_libraries() {
    let mut wrong = Vec::new();
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let case = Case::parse(line);
        let found = case.found();
        let shape = found.shape().unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(shape, &case.shape.clone().into(), "{line}");
        let is_close =
            |(found, expected): (&f64, &f64)| (found - expected).abs() <= TOLERANCE * expected.abs().max(4.0);
        let found = found.to_vec::<f64>().unwrap();
        if !found.iter().zip(&case.values).all(is_close) {
            wrong.push(format!("{line}\n   found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn floats(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("it has elements")
}

/// Unlike numbers in an order without order.
fn image(shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>() as u32;
    let values: Vec<f64> = (0..count).map(|i| f64::from(i * 37 % 101) / 7.0 - 5.0).collect();
    Tensor::from(values).reshape(shape.to_vec())
}

#[test]
fn layouts_are_orders_of_the_same_numbers() -> Result<()> {
    let x = image(&[2, 5, 4, 3]);
    let first = x.transpose([0, 3, 1, 2]);
    let same = |found: Tensor, expected: Tensor| {
        assert_eq!(floats(&found.transpose([0, 2, 3, 1])), floats(&expected))
    };
    let options = || ResizeOptions::cubic();
    same(first.resize((7, 3), options().layout(ImageLayout::Nchw)), x.resize((7, 3), options()));
    let regions = Tensor::from([[0.3, 0.2, 3.1, 4.2], [1.0, -1.0, 2.5, 9.0]]);
    let roi = || RoiOptions::new();
    same(
        first.roi_align(&regions, [1, 0], 2, roi().layout(ImageLayout::Nchw)),
        x.roi_align(&regions, [1, 0], 2, roi()),
    );
    same(first.adaptive_avg_pool((2, 3), ImageLayout::Nchw), x.adaptive_avg_pool((2, 3), ImageLayout::Nhwc));
    let pool = || PoolOptions::new().padding(1);
    let patches = x.im2col(2, pool());
    assert_eq!(floats(&patches.col2im((5, 4), 2, pool())), floats(&x));
    let planes = first.im2col(2, pool().layout(ImageLayout::Nchw));
    // [n, c, k, h, w] and [n, h, w, k, c].
    let planes = planes.reshape((2, 3, 4, 3, 3)).transpose([0, 3, 4, 2, 1]);
    assert_eq!(floats(&planes), floats(&patches));
    Ok(())
}

#[test]
fn adaptive_windows_share_axes_out() {
    for (n, m) in [(7, 3), (6, 3), (5, 5), (4, 7), (9, 1), (3, 2)] {
        let x = image(&[1, n, 2]);
        let xs = floats(&x);
        let window = |i: usize| (i * n / m)..((i + 1) * n).div_ceil(m);
        let [means, maxima] =
            [x.adaptive_avg_pool(m, ImageLayout::Nhwc), x.adaptive_max_pool(m, ImageLayout::Nhwc)];
        for i in 0..m {
            for c in 0..2 {
                let seen: Vec<f64> = window(i).map(|at| xs[at * 2 + c]).collect();
                let mean = seen.iter().sum::<f64>() / seen.len() as f64;
                assert!((floats(&means)[i * 2 + c] - mean).abs() < 1e-12);
                assert_eq!(floats(&maxima)[i * 2 + c], seen.into_iter().fold(f64::MIN, f64::max));
            }
        }
    }
}

/// What each order counts, worked out from the places in the whole tensor.
#[test]
fn places_are_numbered_as_libraries_do() {
    let x = image(&[2, 6, 4, 3]);
    let places =
        |order| x.max_pool_with_indices((3, 2), PoolOptions::new(), order).1.to_vec::<i64>().unwrap();
    let whole = places(PlaceOrder::Tensor);
    let numbered: Vec<[i64; 4]> = whole.iter().map(|p| [p / 72, p / 12 % 6, p / 3 % 4, p % 3]).collect();
    let of = |number: fn([i64; 4]) -> i64| numbered.iter().map(|&at| number(at)).collect::<Vec<_>>();
    assert_eq!(places(PlaceOrder::Plane), of(|[_, h, w, _]| h * 4 + w));
    assert_eq!(places(PlaceOrder::Image), of(|[_, h, w, c]| (h * 4 + w) * 3 + c));
    let (greatest, at) = x.max_pool_with_indices((3, 2), PoolOptions::new(), PlaceOrder::Tensor);
    let xs = floats(&x);
    let found: Vec<f64> = at.to_vec::<i64>().unwrap().iter().map(|&at| xs[at as usize]).collect();
    assert_eq!(found, floats(&greatest));
    let back = greatest.max_unpool(at, x.shape().unwrap().clone());
    assert_eq!(floats(&back.max_pool((3, 2), PoolOptions::new()).maximum(&greatest)), floats(&greatest));
}

#[test]
fn how_many_samples_a_region_needs_is_for_data_to_decide() -> Result<()> {
    let x = image(&[1, 8, 8, 1]);
    let f = function(move |regions: Tensor| x.roi_align(regions, [0], 2, RoiOptions::new()));
    let small = f.call([[0.0, 0.0, 2.0, 2.0]])?;
    let large = f.call([[0.0, 0.0, 8.0, 8.0]])?;
    let x = image(&[1, 8, 8, 1]);
    let of = |region: [f64; 4], samples| x.roi_align([region], [0], 2, RoiOptions::new().samples(samples));
    assert_eq!(floats(&small), floats(&of([0.0, 0.0, 2.0, 2.0], 1)));
    assert_eq!(floats(&large), floats(&of([0.0, 0.0, 8.0, 8.0], 4)));
    Ok(())
}

/// Elements without weight are not looked at: an infinity stays where it is.
#[test]
fn infinities_stay_among_their_neighbours() {
    let x = Tensor::from([1.0, 2.0, f64::INFINITY, 4.0, 5.0, 6.0]).reshape((1, 6, 1));
    for options in [ResizeOptions::linear(), ResizeOptions::cubic()] {
        let same = x.resize(6, options.clone());
        assert_eq!(floats(&same), floats(&x));
        let finite = floats(&x.resize(12, options)).iter().filter(|y| y.is_finite()).count();
        assert!(finite >= 4, "{finite}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let x = image(&[1, 4, 4, 1]);
    let message = |y: Tensor| y.shape().unwrap_err().to_string();
    for (found, expected) in [
        (x.resize([2, 2, 2], ResizeOptions::linear()), "3 numbers for 2 spatial axes"),
        (x.resize_by(0.0, ResizeOptions::linear()), "must be above 0"),
        (x.resize_by(f64::NAN, ResizeOptions::linear()), "must be above 0"),
        (
            x.resize(1, ResizeOptions::linear().antialias(Antialias::On).scales(1e-9)),
            "more elements would be seen",
        ),
        (x.resize(usize::MAX, ResizeOptions::linear()), "more elements would be seen"),
        (x.cast(DType::I32).resize(2, ResizeOptions::linear()), "float"),
        (x.resize(2, ResizeOptions::linear().region([(0.0, 1.0)], 0.0)), "1 pairs for 2 axes"),
        (x.i((.., ..0)).resize(2, ResizeOptions::nearest()), "no elements"),
        (x.reshape(16).resize(2, ResizeOptions::linear()), "found rank 1"),
        (x.roi_align([[0.0; 3]], [0], 2, RoiOptions::new()), "regions have 4 numbers"),
        (x.roi_align([[0.0; 4]], [0.5], 2, RoiOptions::new()), "operand 2"),
        (x.roi_align([[0.0, 0.0, f64::INFINITY, 1.0]], [0], 2, RoiOptions::new()), "large"),
        (x.col2im((4, 4), 3, PoolOptions::new()), "does not divide"),
        (x.pad_border([1, 1], [1, 1], PadMode::Edge), "one entry per axis"),
        (x.pad_border([0, i64::MAX, 0, 0], [0; 4], PadMode::Edge), "would get"),
        (x.median_filter([1], [0], PadMode::Edge), "at least 1"),
    ] {
        let found = message(found);
        assert!(found.contains(expected), "{found}, not {expected}");
    }
}
