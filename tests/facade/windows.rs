//! Convolutions and pools against values that JAX computed: `windows.txt`, which `scripts/windows.py` makes.

use tensorwright::prelude::*;
use tensorwright::{ConvOptions, ImageLayout, Padding, PaddingCount, PoolOptions};

use super::fixture::{Case, numbers};

const CASES: &str = include_str!("windows.txt");

impl Case<'_> {
    fn padding(&self) -> Padding {
        let pairs = self.keys["padding"].split(';').map(|pair| match numbers::<i64>(pair)[..] {
            [low, high] => (low, high),
            _ => panic!("padding is pairs"),
        });
        pairs.collect::<Vec<_>>().into()
    }

    fn conv(&self) -> Tensor {
        let words: Vec<&str> =
            self.keys["words"].split(['(', ')', ',', '\'', ' ']).filter(|word| !word.is_empty()).collect();
        let options = ConvOptions::new()
            .strides(self.list("strides"))
            .padding(self.padding())
            .dilation(self.list("dilation"))
            .groups(self.list("groups")[0])
            .layout((words[0], words[1], words[2]));
        let [x, kernel] = [(1, "image"), (2, "kernel")].map(|(k, key)| Case::operand(k, &self.list(key)));
        let conv = move |(x, kernel): (Tensor, Tensor)| x.conv(kernel, options.clone());
        if self.what == "conv" {
            return function(conv).call((&x, &kernel)).expect("it is convolved");
        }
        let (y, back) = vjp(conv, (x, kernel)).expect("it is differentiated");
        let (by_image, by_kernel) = back.call(&Case::operand(3, &y.shape().unwrap().sizes())).unwrap();
        if self.what == "conv_by_image" { by_image } else { by_kernel }
    }

    fn pool(&self) -> Tensor {
        let first = self.keys["words"].ends_with('W');
        let options = PoolOptions::new()
            .strides(self.list("strides"))
            .padding(self.padding())
            .dilation(self.list("dilation"))
            .layout(if first { ImageLayout::Nchw } else { ImageLayout::Nhwc });
        let (image, size) = (self.list("image"), self.list("size"));
        let count = image.iter().product::<usize>() as u32;
        let more: Vec<f64> = (0..count).map(|i| f64::from(i) / 512.0).collect();
        let x = Case::operand(1, &image) + Tensor::from(more).reshape(image.clone());
        match self.what {
            "max_pool" => x.max_pool(size, options),
            "min_pool" => x.min_pool(size, options),
            "sum_pool" => x.sum_pool(size, options),
            "avg_pool" => x.avg_pool(size, options),
            "avg_pool_included" => x.avg_pool(size, options.count(PaddingCount::Included)),
            _ => {
                let pool = move |x: Tensor| x.max_pool(size.clone(), options.clone());
                let (y, back) = vjp(pool, x).expect("it is differentiated");
                back.call(&Case::operand(3, &y.shape().unwrap().sizes())).unwrap()
            }
        }
    }
}

#[test]
fn convolutions_and_pools_are_those_of_another_library() {
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let case = Case::parse(line);
        let found = if case.what.starts_with("conv") { case.conv() } else { case.pool() };
        assert_eq!(found.shape().expect("a shape"), &case.shape.clone().into(), "{line}");
        for (found, expected) in found.to_vec::<f64>().unwrap().iter().zip(&case.values) {
            assert!((found - expected).abs() <= 1e-12 * expected.abs().max(100.0), "{found}: {line}");
        }
    }
}
