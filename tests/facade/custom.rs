//! Functions with a gradient of their own, and functions that are run again on the way back.

use tensorwright::Error;
use tensorwright::prelude::*;

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("floats")
}

/// The product, with a rule that is told apart from the product's by a factor of 10.
fn tenfold(x: &Tensor, y: &Tensor) -> Result<Tensor, Error> {
    custom_gradient(
        |(x, y): (Tensor, Tensor)| (&x * &y, (x, y)),
        |(x, y), d: Tensor| (&d * y * 10.0, d * x * 10.0),
        (x.clone(), y.clone()),
    )
}

#[test]
fn the_rule_holds_compiled_eagerly_and_on_a_tape() {
    let f = value_and_grad(|(x, y): (Tensor, Tensor)| Ok::<_, Error>(tenfold(&x, &y)?.sin()));
    let (x, y) = (Tensor::from(0.5f64), Tensor::from(3.0f64));
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        let (value, (dx, dy)) = f.call((&x, &y)).unwrap();
        assert_eq!(f64s(&value), [1.5f64.sin()]);
        assert!((f64s(&dx)[0] - 30.0 * 1.5f64.cos()).abs() < 1e-12);
        assert!((f64s(&dy)[0] - 5.0 * 1.5f64.cos()).abs() < 1e-12);
    }
    let tape = GradientTape::new();
    tape.watch(&x);
    let z = tenfold(&x, &y).unwrap().sin();
    let slope = tape.gradient(&z, &[&x]).unwrap().remove(0).unwrap();
    assert!((f64s(&slope)[0] - 30.0 * 1.5f64.cos()).abs() < 1e-12);
    assert_eq!(f64s(&tenfold(&x, &y).unwrap()), [1.5]);
}

#[test]
fn all_modes_and_orders_follow_the_rule() {
    let square = |x: Tensor| tenfold(&x, &x);
    let (_, pullback) = vjp(square, Tensor::from(3.0f64)).unwrap();
    assert_eq!(f64s(&pullback.call(&Tensor::from(1.0f64)).unwrap()), [60.0]);
    let (_, tangent) = jvp(square, Tensor::from(3.0f64), Tensor::from(2.0f64)).unwrap();
    assert_eq!(f64s(&tangent), [120.0]);
    // The cotangents are products like any others, so the slope of 20 x is 20.
    let slope = grad(square);
    let curvature = grad(move |x: Tensor| slope.call(x));
    assert_eq!(curvature.call(3.0f64).unwrap().item::<f64>().unwrap(), 20.0);
    let h = hessian(|x: Tensor| Ok::<_, Error>(tenfold(&x, &x)?.sum(..))).call([1.0f64, 2.0]).unwrap();
    assert_eq!(f64s(&h), [20.0, 0.0, 0.0, 20.0]);
}

#[test]
fn loops_and_functions_follow_the_rule() {
    let inner = function(|(x, y): (Tensor, Tensor)| tenfold(&x, &y));
    let power = |x: Tensor| {
        let (y, _) = scan(x.ones_like(), Tensor::from([0.0f64; 2]), |y, z| {
            let y = inner.call((&y, &x))?;
            Ok::<_, Error>((y, z))
        })?;
        let (y, _) = while_loop(
            (y, Tensor::from(0i32)),
            |(_, i)| i.lt(1i32),
            |(y, i)| Ok::<_, Error>((tenfold(&y, &x)?, i + 1i32)),
        )?;
        Ok::<_, Error>(y)
    };
    // x^3 by three products, each of which multiplies what goes back through it by 10.
    let found = vjp(power, Tensor::from(2.0f64)).unwrap().1.call(&Tensor::from(1.0f64)).unwrap();
    assert_eq!(f64s(&found), [10.0 * 4.0 + 100.0 * 4.0 + 1000.0 * 4.0]);
}

#[test]
fn clipped_gradients() {
    let clipped = |x: Tensor| custom_gradient(|x| (x, ()), |(), d: Tensor| d.clamp(-1.0, 1.0), x);
    let f = grad(move |x: Tensor| Ok::<_, Error>((clipped(x)? * Tensor::from([0.5f32, 7.0, -9.0])).sum(..)));
    assert_eq!(f.call([1.0f32; 3]).unwrap().to_vec::<f32>().unwrap(), [0.5, 1.0, -1.0]);
}

#[test]
fn what_is_around_a_rule_is_constant_or_an_error() {
    let scale = Tensor::from(3.0f64);
    let scaled = move |x: Tensor| {
        let s = scale.clone();
        custom_gradient(|x: Tensor| (&x * &scale, ()), move |(), d: Tensor| d * &s, x)
    };
    let f = grad(scaled);
    assert_eq!(f.call(2.0f64).unwrap().item::<f64>().unwrap(), 3.0);
    let f = grad(|(x, w): (Tensor, Tensor)| {
        custom_gradient(|x: Tensor| (&x * &w, ()), |(), d: Tensor| d * &w, x)
    });
    let error = f.call((2.0f64, 3.0f64)).unwrap_err().to_string();
    assert!(error.contains("make it an argument") && error.contains("custom.rs"), "{error}");
}

#[test]
fn a_rule_of_the_wrong_types_says_so() {
    let f = function(|x: Tensor| custom_gradient(|x: Tensor| (&x * 2.0, ()), |(), d: Tensor| d.sum(..), x));
    let error = f.call([1.0f32, 2.0]).unwrap_err().to_string();
    assert!(error.contains("not like the argument") && error.contains("f32[2]"), "{error}");
}

fn layer(x: &Tensor) -> Tensor {
    let y = (x.sin() * 2.0).exp();
    (&y / (&y + 1.0)).tanh()
}

#[test]
fn checkpoints_keep_gradients() {
    let plain = grad(|x: Tensor| layer(&layer(&x)).sum(..));
    let again = grad(|x: Tensor| {
        let x = checkpoint(|x: Tensor| layer(&x), x)?;
        Ok::<_, Error>(checkpoint(|x: Tensor| layer(&x), x)?.sum(..))
    });
    let x = Tensor::linspace(-1.0f64, 1.0, 9);
    let expected = f64s(&plain.call(&x).unwrap());
    for eagerly in [false, true] {
        again.run_eagerly(eagerly);
        assert_eq!(f64s(&again.call(&x).unwrap()), expected);
    }
    let tape = GradientTape::new();
    tape.watch(&x);
    let y = checkpoint(|x: Tensor| layer(&x), x.clone()).unwrap();
    let y = checkpoint(|x: Tensor| layer(&x), y).unwrap().sum(..);
    let found = tape.gradient(&y, &[&x]).unwrap().remove(0).unwrap();
    for (f, e) in f64s(&found).iter().zip(&expected) {
        assert!((f - e).abs() < 1e-14);
    }
}

#[test]
fn what_a_checkpoint_uses_from_around_it_has_gradients() {
    let f = grad(|(x, w): (Tensor, Tensor)| checkpoint(|x: Tensor| (x * &w).sin(), x));
    let (dx, dw) = f.call((0.5f64, 2.0f64)).unwrap();
    assert!((f64s(&dx)[0] - 2.0 * 1f64.cos()).abs() < 1e-15);
    assert!((f64s(&dw)[0] - 0.5 * 1f64.cos()).abs() < 1e-15);
}
