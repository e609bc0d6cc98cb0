//! Gradients of natural control flow.

use tensorwright::prelude::*;
use tensorwright::{Result, function};

#[function]
fn root(a: Tensor) -> Tensor {
    let mut x = a.clone();
    while (&x * &x - &a).abs() > 1e-13 {
        x = (&x + &a / &x) * 0.5;
    }
    x
}

/// Grows until it is large, with all jumps: `x * 3^k`, plus `x^2` if it starts small.
#[function]
fn growth(x: Tensor, limit: Tensor) -> Tensor {
    let mut y = x.clone();
    if x < 0.0 {
        return y * 5.0;
    }
    loop {
        y = &y * 3.0;
        if y > limit {
            return y;
        }
        if y > 40.0 {
            break;
        }
        if y < 4.0 {
            y += &x * &x;
            continue;
        }
    }
    y * &x
}

#[function]
fn sum_of_powers(x: Tensor, n: Tensor) -> Tensor {
    let (mut s, mut power) = (x.zeros_like(), x.ones_like());
    for _ in 0..n {
        power *= &x;
        s += &power;
    }
    s
}

#[function]
fn weighted(xs: Tensor, w: Tensor) -> Tensor {
    let mut s = w.zeros_like();
    for x in xs {
        if x > 2.0 {
            s += &w * &x;
        } else {
            s -= &w * &w;
        }
    }
    s
}

fn differences(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let h = 1e-5;
    (f(x + h) - f(x - h)) / (2.0 * h)
}

fn close(found: &Tensor, expected: f64) {
    let found = found.item::<f64>().unwrap();
    assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn a_loop_with_a_data_dependent_count() {
    let slope = grad(|a: Tensor| root(a));
    for eagerly in [false, true] {
        slope.run_eagerly(eagerly);
        for a in [2.0f64, 9.0, 50.0] {
            close(&slope.call(a).unwrap(), 0.5 / a.sqrt());
        }
    }
    assert_eq!(slope.trace_count(), 1);
}

#[test]
fn returns_and_breaks() {
    let value = |x: f64, limit: f64| growth(Tensor::from(x), Tensor::from(limit)).item::<f64>().unwrap();
    let slope = grad(|(x, limit): (Tensor, f64)| growth(x, Tensor::from(limit)));
    for (x, limit) in [(-2.0, 10.0), (1.2, 10.0), (1.2, 1e6), (7.0, 30.0), (7.0, 1e6), (60.0, 1.0)] {
        let (dx, _) = slope.call((Tensor::from(x), limit)).unwrap();
        close(&dx, differences(|x| value(x, limit), x));
    }
    assert_eq!(slope.trace_count(), 4, "one for each plain limit");
}

#[test]
fn ranges_and_slices() {
    let slope = grad(|x: Tensor| sum_of_powers(x, Tensor::from(4i64)));
    close(&slope.call(1.5f64).unwrap(), 1.0 + 2.0 * 1.5 + 3.0 * 2.25 + 4.0 * 3.375);
    let slope = grad(|(xs, w): (Tensor, Tensor)| weighted(xs, w));
    let (dxs, dw) = slope.call((Tensor::from([1.0f64, 3.0, 5.0]), Tensor::from(0.5f64))).unwrap();
    assert_eq!(dxs.to_vec::<f64>().unwrap(), [0.0, 0.5, 0.5]);
    close(&dw, 3.0 + 5.0 - 1.0);
}

#[derive(Clone, Tree, Module)]
struct Net {
    w: Variable,
}

impl Net {
    #[function]
    fn loss(&self, x: Tensor) -> Tensor {
        let mut y = &x * self.w.value();
        if y > 3.0 {
            y = &y * &y;
        }
        y
    }

    /// One step down; the loss before it.
    #[function]
    fn train(&self, x: &Tensor, rate: Tensor) -> Result<Tensor> {
        let w = self.w.clone();
        let (loss, slopes) = tensorwright::value_and_grad_of(&[&w], || self.loss(x.clone()))?;
        if slopes[0].abs() > 0.5 {
            self.w.assign_sub(&slopes[0] * rate)?;
        }
        Ok(loss)
    }
}

#[test]
fn a_method_by_its_variables() {
    for eagerly in [false, true] {
        Net::train_function().run_eagerly(eagerly);
        let net = Net { w: Variable::new(4.0f64).unwrap() };
        let rate = || Tensor::from(0.125f64);
        close(&net.train(&Tensor::from(1.0f64), rate()).unwrap(), 16.0);
        close(&net.w.value(), 3.0);
        close(&net.train(&Tensor::from(0.25f64), rate()).unwrap(), 0.75);
        close(&net.w.value(), 3.0);
    }
}
