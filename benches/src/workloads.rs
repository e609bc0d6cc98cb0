//! The workloads: formulas and shapes are those of every peer's harness.

use tensorwright::prelude::*;
use tensorwright::{ConvOptions, GeluForm, LossReduction, Padding, PoolOptions, Result};

/// A benchmark: inputs and a function of them.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) inputs: fn(&mut Random) -> Vec<Tensor>,
    pub(crate) body: Body,
}

/// A function of a workload.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    One(fn(&[Tensor]) -> Tensor),
    Several(fn(&[Tensor]) -> Result<Vec<Tensor>>),
}

/// Every workload, in the order in which they run.
pub(crate) const ALL: &[Workload] = &[
    Workload { name: "dispatch", inputs: |r| r.normals(&[&[4]]), body: Body::One(|x| &x[0] * 2.0 + 1.0) },
    Workload {
        name: "gelu_1k",
        inputs: |r| r.normals(&[&[1 << 10], &[1 << 10], &[1 << 10]]),
        body: Body::One(gelu),
    },
    Workload {
        name: "gelu_64k",
        inputs: |r| r.normals(&[&[1 << 16], &[1 << 16], &[1 << 16]]),
        body: Body::One(gelu),
    },
    Workload {
        name: "gelu_1m",
        inputs: |r| r.normals(&[&[1 << 20], &[1 << 20], &[1 << 20]]),
        body: Body::One(gelu),
    },
    Workload {
        name: "gelu_16m",
        inputs: |r| r.normals(&[&[1 << 24], &[1 << 24], &[1 << 24]]),
        body: Body::One(gelu),
    },
    Workload { name: "black_scholes_1m", inputs: market, body: Body::One(black_scholes) },
    Workload {
        name: "softmax_1024",
        inputs: |r| r.normals(&[&[1024, 1024]]),
        body: Body::One(|x| x[0].softmax(-1)),
    },
    Workload {
        name: "layernorm_512x768",
        inputs: |r| r.normals(&[&[512, 768], &[768], &[768]]),
        body: Body::One(layer_norm),
    },
    Workload {
        name: "sum_rows_4096",
        inputs: |r| r.normals(&[&[4096, 4096]]),
        body: Body::One(|x| x[0].sum([1])),
    },
    Workload {
        name: "sum_cols_4096",
        inputs: |r| r.normals(&[&[4096, 4096]]),
        body: Body::One(|x| x[0].sum([0])),
    },
    Workload { name: "var_all_16m", inputs: |r| r.normals(&[&[1 << 24]]), body: Body::One(variance) },
    Workload {
        name: "transpose_add_2048",
        inputs: |r| r.normals(&[&[2048, 2048]]),
        body: Body::One(|x| &x[0] + x[0].t()),
    },
    Workload { name: "mm_64", inputs: |r| r.normals(&[&[64, 64], &[64, 64]]), body: Body::One(matmul) },
    Workload { name: "mm_256", inputs: |r| r.normals(&[&[256, 256], &[256, 256]]), body: Body::One(matmul) },
    Workload {
        name: "mm_1024",
        inputs: |r| r.normals(&[&[1024, 1024], &[1024, 1024]]),
        body: Body::One(matmul),
    },
    Workload {
        name: "mm_2048",
        inputs: |r| r.normals(&[&[2048, 2048], &[2048, 2048]]),
        body: Body::One(matmul),
    },
    Workload {
        name: "mm_1x768x3072",
        inputs: |r| r.normals(&[&[1, 768], &[768, 3072]]),
        body: Body::One(matmul),
    },
    Workload { name: "mlp_b1", inputs: |r| network(r, 1), body: Body::One(mlp) },
    Workload { name: "mlp_b32", inputs: |r| network(r, 32), body: Body::One(mlp) },
    Workload { name: "mlp_b256", inputs: |r| network(r, 256), body: Body::One(mlp) },
    Workload { name: "encoder_128x768", inputs: encoder_inputs, body: Body::One(encoder) },
    Workload {
        name: "conv3x3_56_64",
        inputs: |r| image(r, [56, 56, 64], [3, 3, 64, 64]),
        body: Body::One(conv_relu),
    },
    Workload {
        name: "conv1x1_28_256",
        inputs: |r| image(r, [28, 28, 256], [1, 1, 256, 128]),
        body: Body::One(conv),
    },
    Workload {
        name: "dwconv3x3_112_32",
        inputs: |r| image(r, [112, 112, 32], [3, 3, 32, 1]),
        body: Body::One(depthwise),
    },
    Workload { name: "convnet_train_b64", inputs: images, body: Body::Several(train_convnet) },
    Workload { name: "mlp_train_b128", inputs: training_batch, body: Body::Several(train) },
    Workload { name: "while_1m", inputs: |_| vec![Tensor::from(0.3f32)], body: Body::Several(logistic_map) },
    Workload { name: "mandelbrot_512", inputs: |_| plane(512), body: Body::Several(mandelbrot) },
    Workload { name: "lstm_t64_b16_h256", inputs: sequence, body: Body::Several(lstm) },
    // Not a peer's workload: the first call of the three-layer network, on real shapes.
    Workload { name: "digits_b32", inputs: digits, body: Body::One(mlp) },
];

fn gelu(x: &[Tensor]) -> Tensor {
    gelu_of(&(&x[0] * &x[1] + &x[2]))
}

fn gelu_of(x: &Tensor) -> Tensor {
    x.gelu(GeluForm::Tanh)
}

fn same() -> ConvOptions {
    ConvOptions::new().padding(Padding::Same)
}

/// One image with channels last, a kernel, and a bias.
fn image(r: &mut Random, [h, w, c]: [usize; 3], kernel: [usize; 4]) -> Vec<Tensor> {
    vec![r.normal(&[1, h, w, c], 1.0), r.normal(&kernel, 0.05), r.normal(&[kernel[3]], 1.0)]
}

fn conv_relu(x: &[Tensor]) -> Tensor {
    (x[0].conv2d(&x[1], same()) + &x[2]).relu()
}

fn conv(x: &[Tensor]) -> Tensor {
    x[0].conv2d(&x[1], same())
}

fn depthwise(x: &[Tensor]) -> Tensor {
    x[0].depthwise_conv(&x[1], same())
}

/// 64 images of digits, their labels, and the parameters of two convolutions and two dense layers.
fn images(r: &mut Random) -> Vec<Tensor> {
    let mut inputs = vec![r.normal(&[64, 28, 28, 1], 1.0)];
    let labels: Vec<i32> = (0..64).map(|_| (r.unit() * 10.0) as i32).collect();
    inputs.push(Tensor::from_slice(&labels, [64]));
    for (kernel, scale) in
        [(&[3, 3, 1, 32][..], 0.2), (&[3, 3, 32, 64], 0.05), (&[3136, 128], 0.02), (&[128, 10], 0.1)]
    {
        inputs.push(r.normal(kernel, scale));
        inputs.push(Tensor::zeros([kernel[kernel.len() - 1]], DType::F32));
    }
    inputs
}

fn train_convnet(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let (images, labels) = (x[0].clone(), x[1].clone());
    let loss = move |p: Vec<Tensor>| {
        let pool = |h: Tensor| h.max_pool(2, PoolOptions::new());
        let h = pool((images.conv2d(&p[0], same()) + &p[1]).relu());
        let h = pool((h.conv2d(&p[2], same()) + &p[3]).relu());
        let h = (h.reshape((64, 3136)).matmul(&p[4]) + &p[5]).relu();
        let logits = h.matmul(&p[6]) + &p[7];
        logits.sparse_softmax_cross_entropy(&labels, 1, LossReduction::Mean)
    };
    let parameters = x[2..].to_vec();
    let (loss, gradients) = value_and_grad(loss).call(&parameters)?;
    let step = |(p, g): (&Tensor, &Tensor)| p - g * 0.01;
    Ok([loss].into_iter().chain(parameters.iter().zip(&gradients).map(step)).collect())
}

fn matmul(x: &[Tensor]) -> Tensor {
    x[0].matmul(&x[1])
}

fn layer_norm(x: &[Tensor]) -> Tensor {
    normalised(&x[0], &x[1], &x[2])
}

fn normalised(x: &Tensor, gain: &Tensor, bias: &Tensor) -> Tensor {
    let mean = x.mean(keep(-1));
    let centred = x - mean;
    let variance = (&centred * &centred).mean(keep(-1));
    centred * (variance + 1e-5).rsqrt() * gain + bias
}

fn variance(x: &[Tensor]) -> Tensor {
    let centred = &x[0] - x[0].mean([0]);
    (&centred * &centred).mean([0])
}

fn market(r: &mut Random) -> Vec<Tensor> {
    let n = 1 << 20;
    vec![r.uniform(n, 10.0, 100.0), r.uniform(n, 10.0, 100.0), r.uniform(n, 0.1, 2.1)]
}

fn black_scholes(x: &[Tensor]) -> Tensor {
    let [spot, strike, time] = x else { unreachable!("three inputs") };
    let (rate, volatility) = (0.02f32, 0.3f32);
    let spread = time.sqrt() * volatility;
    let d1 = ((spot / strike).log() + time * (rate + volatility * volatility / 2.0)) / &spread;
    let d2 = &d1 - &spread;
    let normal = |x: &Tensor| ((x * std::f32::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    spot * normal(&d1) - strike * (time * -rate).exp() * normal(&d2)
}

fn network(r: &mut Random, batch: usize) -> Vec<Tensor> {
    let shapes: [&[usize]; 7] = [&[batch, 784], &[784, 512], &[512], &[512, 512], &[512], &[512, 10], &[10]];
    r.network(&shapes)
}

fn digits(r: &mut Random) -> Vec<Tensor> {
    r.network(&[&[32, 64], &[64, 128], &[128], &[128, 64], &[64], &[64, 10], &[10]])
}

fn mlp(x: &[Tensor]) -> Tensor {
    let h = (x[0].matmul(&x[1]) + &x[2]).relu();
    let h = (h.matmul(&x[3]) + &x[4]).relu();
    (h.matmul(&x[5]) + &x[6]).softmax(-1)
}

fn training_batch(r: &mut Random) -> Vec<Tensor> {
    let mut inputs = vec![r.normal(&[128, 784], 1.0)];
    let labels: Vec<i32> = (0..128).map(|_| (r.unit() * 10.0) as i32).collect();
    inputs.push(Tensor::from_slice(&labels, [128]));
    for [rows, columns] in [[784, 512], [512, 512], [512, 10]] {
        inputs.push(r.normal(&[rows, columns], 0.05));
        inputs.push(Tensor::zeros([columns], DType::F32));
    }
    inputs
}

/// One step of gradient descent: the loss, and the parameters after it.
fn train(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let (images, labels, parameters) = (x[0].clone(), x[1].clone(), x[2..].to_vec());
    let loss = move |p: Vec<Tensor>| {
        let h = (images.matmul(&p[0]) + &p[1]).relu();
        let h = (h.matmul(&p[2]) + &p[3]).relu();
        (h.matmul(&p[4]) + &p[5]).sparse_softmax_cross_entropy(&labels, -1, LossReduction::Mean)
    };
    let (loss, gradients) = value_and_grad(loss).call(&parameters)?;
    let step = |(p, g): (&Tensor, &Tensor)| p - g * 0.01;
    Ok([loss].into_iter().chain(parameters.iter().zip(&gradients).map(step)).collect())
}

fn logistic_map(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let state = (Tensor::from(0i32), x[0].clone());
    let next = |(i, x): (Tensor, Tensor)| (i + 1, &x * 3.7 * (1.0 - &x));
    Ok(vec![while_loop(state, |(i, _)| i.lt(1_000_000), next)?.1])
}

/// Real and imaginary parts of the points of a square grid.
fn plane(side: usize) -> Vec<Tensor> {
    let at = |low: f32, high: f32, i: usize| low + (high - low) * i as f32 / (side - 1) as f32;
    let points = |f: &dyn Fn(usize, usize) -> f32| {
        let elements: Vec<f32> = (0..side * side).map(|i| f(i / side, i % side)).collect();
        Tensor::from_slice(&elements, [side, side])
    };
    vec![points(&|_, x| at(-2.0, 0.5, x)), points(&|y, _| at(-1.25, 1.25, y))]
}

/// How many of 50 iterations each point stays near.
fn mandelbrot(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let [re, im] = x else { unreachable!("two inputs") };
    let zero = re * 0.0;
    let state = (zero.clone(), zero.clone(), zero);
    let (_, _, count) = fori_loop(0i32, 50i32, state, |_, (zr, zi, n): (Tensor, Tensor, Tensor)| {
        let (r2, i2) = (&zr * &zr, &zi * &zi);
        let inside = (&r2 + &i2).lt(4.0);
        (
            inside.select(r2 - i2 + re, &zr),
            inside.select(&zr * 2.0 * &zi + im, &zi),
            n + inside.select(Tensor::from(1.0f32), Tensor::from(0.0f32)),
        )
    })?;
    Ok(vec![count])
}

const HIDDEN: usize = 256;

fn sequence(r: &mut Random) -> Vec<Tensor> {
    vec![
        r.normal(&[64, 16, HIDDEN], 1.0),
        r.normal(&[HIDDEN, 4 * HIDDEN], 0.05),
        r.normal(&[HIDDEN, 4 * HIDDEN], 0.05),
        r.normal(&[4 * HIDDEN], 0.1),
    ]
}

/// The last state of a long short-term memory.
fn lstm(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let [xs, wx, wh, bias] = x else { unreachable!("four inputs") };
    let zeros = Tensor::zeros([16, HIDDEN], DType::F32);
    let cell = |(h, c): (Tensor, Tensor), x: Tensor| {
        let z = x.matmul(wx) + h.matmul(wh) + bias;
        let gate = |k: usize| z.i((.., k * HIDDEN..(k + 1) * HIDDEN));
        let c = gate(2).logistic() * c + gate(0).logistic() * gate(1).tanh();
        ((gate(3).logistic() * c.tanh(), c), ())
    };
    let ((h, c), ()) = scan((zeros.clone(), zeros), xs.clone(), cell)?;
    Ok(vec![h, c])
}

const WIDTH: usize = 768;
const HEADS: usize = 12;
const TOKENS: usize = 128;
const INNER: usize = 3072;

fn encoder_inputs(r: &mut Random) -> Vec<Tensor> {
    let mut inputs = r.normals(&[&[TOKENS, WIDTH]]);
    let shapes: [(&[usize], f32); 12] = [
        (&[WIDTH, 3 * WIDTH], 0.03),
        (&[3 * WIDTH], 0.1),
        (&[WIDTH, WIDTH], 0.03),
        (&[WIDTH], 0.1),
        (&[WIDTH], 1.0),
        (&[WIDTH], 1.0),
        (&[WIDTH, INNER], 0.03),
        (&[INNER], 0.1),
        (&[INNER, WIDTH], 0.03),
        (&[WIDTH], 0.1),
        (&[WIDTH], 1.0),
        (&[WIDTH], 1.0),
    ];
    inputs.extend(shapes.iter().map(|(shape, scale)| r.normal(shape, *scale)));
    inputs
}

fn encoder(x: &[Tensor]) -> Tensor {
    let [x, wq, bq, wo, bo, g1, c1, w1, b1, w2, b2, g2, c2] = x else { unreachable!("thirteen inputs") };
    let qkv = x.matmul(wq) + bq;
    let head = |i: usize| {
        let part =
            qkv.slice([0, i as i64 * WIDTH as i64], [TOKENS as i64, (i as i64 + 1) * WIDTH as i64], [1, 1]);
        part.reshape([TOKENS, HEADS, WIDTH / HEADS]).transpose([1, 0, 2])
    };
    let (q, k, v) = (head(0), head(1), head(2));
    let p = (q.matmul(k.transpose([0, 2, 1])) * 0.125).softmax(-1);
    let y = p.matmul(&v).transpose([1, 0, 2]).reshape([TOKENS, WIDTH]);
    let x = normalised(&(x + (y.matmul(wo) + bo)), g1, c1);
    let inner = gelu_of(&(x.matmul(w1) + b1));
    normalised(&(&x + (inner.matmul(w2) + b2)), g2, c2)
}

/// Numbers that are the same in every run.
pub(crate) struct Random(tensorwright_ir::op::Random);

impl Random {
    pub(crate) fn new() -> Random {
        Random(tensorwright_ir::op::Random::new(0x9e37_79b9_7f4a_7c15))
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.0.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    fn uniform(&mut self, n: usize, low: f32, high: f32) -> Tensor {
        let elements: Vec<f32> = (0..n).map(|_| low + self.unit() * (high - low)).collect();
        Tensor::from_slice(&elements, [n])
    }

    /// Nearly normal: the sum of four uniform numbers, centred, of unit variance.
    fn normal(&mut self, shape: &[usize], scale: f32) -> Tensor {
        let n: usize = shape.iter().product();
        let mut one = || ((0..4).map(|_| self.unit()).sum::<f32>() - 2.0) * 3f32.sqrt() * scale;
        let elements: Vec<f32> = (0..n).map(|_| one()).collect();
        Tensor::from_slice(&elements, shape.to_vec())
    }

    fn normals(&mut self, shapes: &[&[usize]]) -> Vec<Tensor> {
        shapes.iter().map(|shape| self.normal(shape, 1.0)).collect()
    }

    fn network(&mut self, shapes: &[&[usize]]) -> Vec<Tensor> {
        let scale = |i: usize, shape: &[usize]| if i > 0 && shape.len() == 2 { 0.05 } else { 1.0 };
        shapes.iter().enumerate().map(|(i, shape)| self.normal(shape, scale(i, shape))).collect()
    }
}
