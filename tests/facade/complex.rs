//! Complex numbers.

use tensorwright::prelude::*;
use tensorwright::{Complex, jvp, vjp};

type C = Complex<f64>;

fn c(re: f64, im: f64) -> C {
    Complex::new(re, im)
}

/// The value of a function at once, and compiled.
fn both(f: impl Fn(Tensor) -> Tensor + Send + Sync + Copy + 'static, z: &[C]) -> Vec<C> {
    let z = Tensor::from(z.to_vec());
    let at_once = f(z.clone()).to_vec::<C>().unwrap();
    assert_eq!(function(f).call(&z).unwrap().to_vec::<C>().unwrap(), at_once);
    at_once
}

fn near(found: &[C], expected: &[C]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).norm() <= 1e-13 * e.norm().max(1.0), "{f} is not {e}");
    }
}

#[test]
fn arithmetic_and_functions() {
    let z = [c(1.0, 2.0), c(-0.5, 0.25), c(3.0, -4.0)];
    near(&both(|z| &z * &z + 1.0, &z), &z.map(|z| z * z + 1.0));
    near(&both(|z| z.reciprocal(), &z), &z.map(|z| 1.0 / z));
    near(&both(|z| z.exp().log(), &z[..2]), &z[..2]);
    near(&both(|z| z.sqrt().square(), &z), &z);
    near(&both(|z| z.sin().asin(), &z[1..2]), &z[1..2]);
    near(&both(|z| z.conj() * Complex::new(0.0, 1.0), &z), &z.map(|z| z.conj() * c(0.0, 1.0)));
    assert_eq!(Tensor::from(z).abs().to_vec::<f64>().unwrap()[2], 5.0);
}

#[test]
fn products_folds_and_movement() -> Result<()> {
    let z: Vec<C> = (0..6).map(|i| c(i as f64, 1.0 - i as f64)).collect();
    let x = Tensor::from_slice(&z, [2, 3]);
    let f = function(|x: Tensor| (x.matmul(x.t()), x.sum(1), x.prod(1), x.mean(..), x.cumsum(0)));
    let (product, sum, folded, mean, running) = f.call(&x)?;
    let row = |i: usize| &z[3 * i..3 * i + 3];
    let dot = |i: usize, j: usize| row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum::<C>();
    near(&product.to_vec::<C>()?, &[dot(0, 0), dot(0, 1), dot(1, 0), dot(1, 1)]);
    near(&sum.to_vec::<C>()?, &[row(0).iter().sum(), row(1).iter().sum()]);
    near(&folded.to_vec::<C>()?, &[row(0).iter().product(), row(1).iter().product()]);
    near(&[mean.item::<C>()?], &[z.iter().sum::<C>() / 6.0]);
    near(&running.to_vec::<C>()?[3..], &[z[0] + z[3], z[1] + z[4], z[2] + z[5]]);
    assert_eq!(x.t().i((1, ..)).to_vec::<C>()?, [z[1], z[4]]);
    assert!(x.eq(&x).all(..).item::<bool>()?);
    Ok(())
}

#[test]
fn what_has_no_order_is_refused() {
    let z = Tensor::from(c(1.0, 2.0));
    let error = z.lt(&z).error().unwrap().to_string();
    assert!(error.contains("any dtype but c64 and c128"), "{error}");
    assert!(z.maximum(&z).error().is_some() && z.sort(0).error().is_some() && z.floor().error().is_some());
}

#[test]
fn gradients_point_uphill() -> Result<()> {
    // |z|^2 grows by 2 x along the real axis and by 2 y along the imaginary one.
    let loss = |z: Tensor| z.abs().square().sum(..);
    let z = Tensor::from([c(1.0, 2.0), c(-3.0, 0.5)]);
    let uphill = [c(2.0, 4.0), c(-6.0, 1.0)];
    let slope = grad(loss);
    near(&slope.call(&z)?.to_vec::<C>()?, &uphill);
    slope.run_eagerly(true);
    near(&slope.call(&z)?.to_vec::<C>()?, &uphill);
    let tape = GradientTape::new();
    tape.watch(&z);
    let slope = tape.gradient(&loss(z.clone()), &[&z])?.remove(0).unwrap();
    near(&slope.to_vec::<C>()?, &uphill);
    Ok(())
}

#[test]
fn steps_against_the_gradient_find_the_least() -> Result<()> {
    let target = c(0.5, -2.0);
    let slope = grad(move |z: Tensor| (z.exp() - target).abs().square());
    let mut z = Tensor::from(c(0.1, 0.2));
    for _ in 0..300 {
        z = &z - slope.call(&z)? * 0.1;
    }
    near(&[z.exp().item::<C>()?], &[target]);
    Ok(())
}

#[test]
fn functions_that_are_differentiable_in_the_complex_sense() -> Result<()> {
    let f = |z: Tensor| z.exp() * &z;
    let (at, direction) = (c(0.3, -0.7), c(1.5, 0.25));
    let expected = at.exp() * (at + 1.0);
    let (_, tangent) = jvp(f, Tensor::from(at), Tensor::from(direction))?;
    near(&[tangent.item::<C>()?], &[expected * direction]);
    // The cotangent of the operand is that of the result times the conjugate of the derivative.
    let (_, pullback) = vjp(f, Tensor::from(at))?;
    let cotangent = pullback.call(&Tensor::from(direction))?;
    near(&[cotangent.item::<C>()?], &[expected.conj() * direction]);
    Ok(())
}

#[test]
fn examples_loops_and_choices() -> Result<()> {
    let z = Tensor::from([c(0.1, 0.2), c(-1.0, 0.5)]);
    let rotated = vmap(|z: Tensor| z.conj() * Complex::new(0.0, 1.0)).call(&z)?;
    near(&rotated.to_vec::<C>()?, &[c(0.2, 0.1), c(0.5, -1.0)]);
    // The iteration of the Mandelbrot set.
    let escape = function(|at: Tensor| {
        let start = (Tensor::zeros_like(&at), Tensor::from(0i32));
        let step = |(z, n): (Tensor, Tensor)| (&z * &z + &at, n + 1);
        while_loop(start, |(z, n): &(Tensor, Tensor)| z.abs().le(2.0).and(n.lt(50)), step)
            .map(|(_, count)| count)
    });
    assert_eq!(escape.call(c(0.1, 0.2))?.item::<i32>()?, 50);
    assert_eq!(escape.call(c(1.0, 1.0))?.item::<i32>()?, 2);
    Ok(())
}

#[test]
fn custom_gradients_see_what_users_see() -> Result<()> {
    let z = Tensor::from(c(1.0, -2.0));
    let own = |z: &Tensor| {
        custom_gradient(|z: Tensor| (z.conj(), ()), |(), g: Tensor| g.conj(), z.clone()).unwrap()
    };
    let slope = |f: &dyn Fn(&Tensor) -> Tensor| -> Result<C> {
        let tape = GradientTape::new();
        tape.watch(&z);
        let value = f(&z) * Complex::new(2.0, 3.0);
        tape.gradient(&value.real(), &[&z])?.remove(0).unwrap().item()
    };
    near(&[slope(&own)?], &[slope(&|z| z.conj())?]);
    Ok(())
}

#[test]
fn optimisers_take_complex_parameters() -> Result<()> {
    use tensorwright::optimizer::{Adam, Optimizer};
    let adam = Adam { learning_rate: 0.1, ..Adam::default() };
    let slope = grad(|z: Tensor| (z - Complex::new(3.0, -1.0)).abs().square());
    let mut z = Tensor::from(c(0.0, 0.0));
    let mut state = adam.state(&z)?;
    for _ in 0..300 {
        let gradient = slope.call(&z)?;
        (z, state) = adam.update(z, &gradient, state)?;
    }
    assert!((z.item::<C>()? - c(3.0, -1.0)).norm() < 1e-2);
    Ok(())
}
