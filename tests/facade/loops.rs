//! Gradients of loops whose length depends on values: of the second order, nested, and through lists.

use tensorwright::Error;
use tensorwright::prelude::*;

/// Calls the function compiled and eagerly; both must be close to `expected`.
fn check(f: &Function<Tensor, Tensor>, x: f64, expected: f64) {
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        let found = f.call(x).unwrap_or_else(|e| panic!("{e}")).item::<f64>().unwrap();
        let close = (found - expected).abs() <= 1e-10 * expected.abs().max(1.0);
        assert!(close, "{found}, not {expected}, at {x}, eagerly: {eagerly}");
    }
}

/// Newton's method until it changes nothing.
fn newton(a: &Tensor) -> Result<Tensor, Error> {
    let (x, _) = while_loop(
        (a.clone(), a.ones_like()),
        |(_, change)| change.abs().gt(1e-14),
        |(x, _)| {
            let next = (&x + a / &x) * 0.5;
            let change = &next - x;
            (next, change)
        },
    )?;
    Ok(x)
}

#[test]
fn newtons_square_root_has_a_second_derivative() {
    let slope = grad(|a: Tensor| newton(&a));
    for a in [2.0f64, 0.5, 9.0] {
        check(&slope, a, 0.5 / a.sqrt());
    }
    let curvature = grad(move |a: Tensor| slope.call(a));
    for a in [2.0f64, 0.5, 9.0] {
        check(&curvature, a, -0.25 * a.powf(-1.5));
    }
    assert_eq!(curvature.trace_count(), 1);
}

#[test]
fn a_while_in_a_scan() {
    let sum = |a: Tensor| {
        let factors = Tensor::from([1.0f64, 2.0, 3.0]);
        let step = |sum: Tensor, k: Tensor| {
            let root = newton(&(k * &a))?;
            let sum = sum + &root;
            Ok::<_, Error>((sum, root))
        };
        scan(a.zeros_like(), factors, step).map(|(sum, roots)| sum + roots.sum(..))
    };
    // Twice the square root of a, times the square roots of 1, 2 and 3.
    let factor = 2.0 * (1.0 + 2f64.sqrt() + 3f64.sqrt());
    let slope = grad(sum);
    check(&slope, 2.0, factor * 0.5 / 2f64.sqrt());
    check(&grad(move |a: Tensor| slope.call(a)), 2.0, factor * -0.25 * 2f64.powf(-1.5));
}

#[test]
fn a_while_in_a_while() {
    // The square root of the square root, and so on, until it is small: as often as it takes.
    let roots = |a: Tensor| while_loop(a, |x| x.gt(1.5), |x| newton(&x));
    let slope = grad(roots);
    // 16, 4, 2, 1.41: three times.
    check(&slope, 16.0, 0.125 * 16f64.powf(-0.875));
    check(&slope, 1.25, 1.0);
    check(&grad(move |a: Tensor| slope.call(a)), 16.0, 0.125 * -0.875 * 16f64.powf(-1.875));
}

#[test]
fn a_while_in_a_map() {
    let roots = grad(|x: Tensor| map(x, |a| newton(&a)).map(|roots| roots.sum(..)));
    let found = roots.call([1.0f64, 4.0, 9.0]).unwrap().to_vec::<f64>().unwrap();
    for (found, expected) in found.iter().zip([0.5, 0.25, 1.0 / 6.0]) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }
}

#[test]
fn lists_have_gradients() {
    let sum = |x: Tensor| {
        let list = TensorList::new([], DType::F64);
        let (_, list) = while_loop(
            (x, list),
            |(x, _)| x.gt(1.0),
            |(x, list)| {
                let list = list.push(&x);
                (x * 0.5, list)
            },
        )?;
        let first = list.get(0);
        let (_, last) = list.pop();
        Ok::<_, Error>(first * last)
    };
    // 10, 5, 2.5, 1.25: the product is x times x / 8.
    check(&grad(sum), 10.0, 2.0 * 10.0 / 8.0);
}
