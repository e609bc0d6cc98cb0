//! Gradients of closures: values, composition with functions, and what cannot be differentiated.

use tensorwright::prelude::*;
use tensorwright::{Error, vjp};

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("floats")
}

#[test]
fn gradients_compile_once_per_signature_and_agree_with_eager_ones() {
    let f = value_and_grad(|(w, x): (Tensor, Tensor)| x.matmul(&w).tanh().sum(..));
    let (w, x) = (Tensor::from([[0.5f64], [-0.25]]), Tensor::from([[1.0f64, 2.0], [3.0, -1.0]]));
    let (value, (dw, dx)) = f.call((&w, &x)).unwrap();
    f.call((&w, &x)).unwrap();
    assert_eq!(f.trace_count(), 1);
    f.run_eagerly(true);
    let (eager_value, (eager_dw, eager_dx)) = f.call((&w, &x)).unwrap();
    assert_eq!(f64s(&value), f64s(&eager_value));
    assert_eq!(f64s(&dw), f64s(&eager_dw));
    assert_eq!(f64s(&dx), f64s(&eager_dx));
    let slope = |z: f64| 1.0 - z.tanh().powi(2);
    let (a, b) = (slope(0.0), slope(1.75));
    assert!((f64s(&dw)[0] - (a + 3.0 * b)).abs() < 1e-12);
    assert!((f64s(&dw)[1] - (2.0 * a - b)).abs() < 1e-12);
}

#[test]
fn third_derivatives_through_functions() {
    let f = function(|x: Tensor| x.sin() * &x);
    let first = grad(move |x: Tensor| f.call(x));
    let second = grad(move |x: Tensor| first.call(x));
    let third = grad(move |x: Tensor| second.call(x));
    let x = 0.7f64;
    // (x sin x)''' = -3 sin x - x cos x
    let expected = -3.0 * x.sin() - x * x.cos();
    for eagerly in [false, true] {
        third.run_eagerly(eagerly);
        assert!((third.call(x).unwrap().item::<f64>().unwrap() - expected).abs() < 1e-12);
    }
}

#[test]
fn containers_and_integers_keep_their_structure() {
    let f = grad(|(params, index): (Vec<Tensor>, Tensor)| params[0].take(&index, 0).sum(..) * &params[1]);
    let params = vec![Tensor::from([1.0f32, 2.0, 3.0]), Tensor::from(2.0f32)];
    let (gradients, index) = f.call((params, Tensor::from([0i32, 2, 0]))).unwrap();
    assert_eq!(gradients[0].to_vec::<f32>().unwrap(), [4.0, 0.0, 2.0]);
    assert_eq!(gradients[1].item::<f32>().unwrap(), 5.0);
    assert_eq!(index.to_vec::<i32>().unwrap(), [0, 0, 0]);
}

#[test]
fn a_traced_function_differentiates_a_closure_over_its_own_tensors() {
    let step = function(|(w, x): (Tensor, Tensor)| {
        let scale = &x * 2.0;
        let (y, pullback) = vjp(|w: Tensor| (w * &scale).sum(..), w.clone())?;
        let dw = pullback.call(&y.ones_like())?;
        Ok::<_, Error>(w - dw * 0.1)
    });
    assert_eq!(step.call((1.0f64, 3.0f64)).unwrap().item::<f64>().unwrap(), 1.0 - 6.0 * 0.1);
}

#[test]
fn what_has_no_derivative_says_why() {
    let message = |f: Function<Tensor, Tensor>, x: Tensor| f.call(x).unwrap_err().to_string();
    let cast = message(grad(|x: Tensor| x.cast(DType::I32).cast(DType::F32).sum(..)), Tensor::from([1.5f32]));
    assert!(cast.contains("cast to i32 at") && cast.contains("gradient.rs"), "{cast}");
    let int = message(grad(|x: Tensor| x.sum(..)), Tensor::from([1i32]));
    assert!(int.contains("i32[]") && int.contains("only floats"), "{int}");
    let unused = message(grad(|_: Tensor| Tensor::from(1.0f32)), Tensor::from(1.0f32));
    assert!(unused.contains("does not") || unused.contains("no output"), "{unused}");
}

#[test]
fn prints_of_a_differentiated_function_come_once() {
    use std::sync::{Arc, Mutex};
    let _alone = crate::PRINTER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = Arc::new(Mutex::new(0));
    let sink = Arc::clone(&count);
    tensorwright::set_printer(move |text| *sink.lock().unwrap() += usize::from(text.starts_with("once")));
    let f = grad(|x: Tensor| {
        print("once {}", &[&x])?;
        Ok::<_, Error>(&x * &x)
    });
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        assert_eq!(f.call(3.0f32).unwrap().item::<f32>().unwrap(), 6.0);
    }
    assert_eq!(*count.lock().unwrap(), 2);
}

#[test]
fn determinants_of_singular_matrices_have_the_cofactors_as_gradients() {
    let of_det = grad(|x: Tensor| x.det().sum(..));
    let one_is_lost =
        [[0.0f64, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]];
    let two_are_lost = [[0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0; 4], [0.0, 0.0, 0.0, 5.0]];
    let by_rows = [[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0], [3.0, 4.0, 5.0, 7.0], [5.0, 7.0, 9.0, 12.0]];
    let x = Tensor::from([one_is_lost, two_are_lost, [[0.0; 4]; 4], by_rows]);
    let mut expected = vec![0.0; 64];
    expected[2] = -30.0;
    expected[48..].copy_from_slice(&[
        0.0, 0.0, 0.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, 1.0, -2.0, 1.0, 0.0,
    ]);
    for eagerly in [false, true] {
        of_det.run_eagerly(eagerly);
        let slopes = f64s(&of_det.call(&x).unwrap());
        for (at, (&slope, &expected)) in slopes.iter().zip(&expected).enumerate() {
            assert!((slope - expected).abs() < 1e-12, "element {at}: expected {expected}, found {slope}");
        }
    }
}
