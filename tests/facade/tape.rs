//! Gradient tapes: eager code, loops of it, nested tapes, tapes in traced functions, and what is not connected.

use tensorwright::prelude::*;
use tensorwright::{Error, Result};

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("floats")
}

#[test]
fn eager_ops_and_plain_rust_between_them() {
    let (w, x) = (Tensor::from([1.0f64, -2.0]), Tensor::from([3.0f64, 4.0]));
    let tape = GradientTape::new();
    tape.watch(&w);
    let mut y = &w * &x;
    if y.sum(..).item::<f64>().unwrap() < 0.0 {
        y = -y;
    }
    for _ in 0..2 {
        y = &y * &y;
    }
    let gradient = tape.gradient(&y.sum(..), &[&w]).unwrap().remove(0).unwrap();
    // (w x)^4, whose derivative is 4 w^3 x^4.
    assert_eq!(f64s(&gradient), [4.0 * 81.0, 4.0 * -8.0 * 256.0]);
}

#[test]
fn a_loop_of_unknown_length_is_differentiated() {
    let sqrt = function(|a: Tensor| {
        while_loop(a.clone(), |x| (x * x - &a).abs().gt(1e-14), |x| (&x + &a / &x) * 0.5)
    });
    for a in [0.3f64, 2.0, 17.0] {
        let a = Tensor::from(a);
        let tape = GradientTape::new();
        tape.watch(&a);
        let root = sqrt.call(&a).unwrap();
        let slope = tape.gradient(&root, &[&a]).unwrap().remove(0).unwrap().item::<f64>().unwrap();
        let expected = 0.5 / a.item::<f64>().unwrap().sqrt();
        assert!((slope - expected).abs() < 1e-9, "{slope} for {expected}");
    }
}

#[test]
fn persistent_tapes_give_several_gradients() {
    let x = Tensor::from(2.0f64);
    let tape = GradientTape::persistent();
    tape.watch(&x);
    let (y, z) = (&x * &x, x.exp());
    let of = |target: &Tensor| f64s(&tape.gradient(target, &[&x]).unwrap()[0].clone().unwrap())[0];
    assert_eq!(of(&y), 4.0);
    assert!((of(&z) - 2f64.exp()).abs() < 1e-12);
    let w = &y * 3.0;
    assert_eq!(of(&w), 12.0);

    let single = GradientTape::new();
    single.watch(&x);
    let y = &x * &x;
    single.gradient(&y, &[&x]).unwrap();
    let message = single.gradient(&y, &[&x]).unwrap_err().to_string();
    assert!(message.contains("persistent"), "{message}");
}

#[test]
fn what_is_not_connected_is_none_with_a_reason() {
    let (x, other) = (Tensor::from([1.5f32]), Tensor::from([2.0f32]));
    let tape = GradientTape::persistent();
    tape.watch(&x);
    let y = x.cast(DType::I32).cast(DType::F32) + &other;
    let gradients = tape.gradient(&y, &[&x, &other]).unwrap();
    assert!(gradients[0].is_none());
    let reason = tape.explain(&y, &x).unwrap().unwrap();
    assert!(reason.contains("cast to i32") && reason.contains("tape.rs"), "{reason}");
    assert!(tape.explain(&y, &other).unwrap().unwrap().contains("watch"));
    assert_eq!(tape.gradient_or_zero(&y, &[&x]).unwrap()[0].to_vec::<f32>().unwrap(), [0.0]);
}

#[test]
fn a_tape_in_a_traced_function_becomes_part_of_its_graph() {
    let slope = function(|x: Tensor| -> Result<Tensor> {
        let tape = GradientTape::new();
        tape.watch(&x);
        let y = (&x * &x).sin();
        Ok(tape.gradient(&y, &[&x])?.remove(0).expect("y depends on x"))
    });
    let x = 0.8f64;
    let expected = (x * x).cos() * 2.0 * x;
    for eagerly in [false, true] {
        slope.run_eagerly(eagerly);
        assert!((slope.call(x).unwrap().item::<f64>().unwrap() - expected).abs() < 1e-14);
    }
}

#[test]
fn variables_are_sources_by_their_values() {
    let v = Variable::new([1.0f64, 2.0]).unwrap();
    let tape = GradientTape::new();
    let now = v.value();
    tape.watch(&now);
    let loss = (v.value() * v.value()).sum(..);
    let gradient = tape.gradient(&loss, &[&now]).unwrap().remove(0).unwrap();
    v.assign_sub(&gradient * 0.25).unwrap();
    assert_eq!(f64s(&v.value()), [0.5, 1.0]);
}

#[test]
fn targets_must_be_floats() {
    let tape = GradientTape::new();
    let x = Tensor::from(1i32);
    tape.watch(&x);
    let message = tape.gradient(&(&x + 1), &[&x]).unwrap_err();
    assert!(matches!(message, Error::NotDifferentiable { .. }), "{message}");
}

#[test]
fn control_flow_that_changes_state_is_differentiated() {
    let count = Variable::new(0.0f64).unwrap();
    let counted = count.clone();
    let f = function(move |x: Tensor| {
        let tape = GradientTape::new();
        tape.watch(&x);
        let y = cond(
            &x.gt(0.0),
            || {
                counted.assign(&x * 2.0)?;
                Ok::<_, Error>(&x * &x)
            },
            || Ok::<_, Error>(x.clone()),
        )?;
        // What the branch has assigned depends on x, too.
        let z = y * counted.value();
        let slope = tape.gradient(&z, &[&x])?.remove(0);
        slope.ok_or_else(|| tape_error(&tape, &z, &x))
    });
    // x^2 times 2 x.
    assert_eq!(f64s(&f.call(3.0f64).unwrap()), [54.0]);
    assert_eq!(count.value().item::<f64>().unwrap(), 6.0);
}

fn tape_error(tape: &GradientTape, target: &Tensor, x: &Tensor) -> Error {
    match tape.explain(target, x) {
        Ok(why) => panic!("no gradient: {why:?}"),
        Err(error) => error,
    }
}

#[test]
fn what_was_printed_is_not_printed_for_the_gradient() {
    use std::sync::{Arc, Mutex};
    let _alone = crate::PRINTER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = Arc::new(Mutex::new(0));
    let sink = Arc::clone(&count);
    tensorwright::set_printer(move |text| *sink.lock().unwrap() += usize::from(text.starts_with("taped")));
    let square = |x: &Tensor| {
        print("taped {}", &[x])?;
        cond(&x.gt(0.0), || print("taped inside {}", &[x]).map(|()| x * x), || Ok(x.clone()))
    };
    let slope = move |x: Tensor| {
        let tape = GradientTape::new();
        tape.watch(&x);
        let y = square(&x)?;
        Ok::<_, Error>(tape.gradient(&y, &[&x])?.remove(0).expect("y depends on x"))
    };
    assert_eq!(f64s(&slope(Tensor::from(3.0f64)).unwrap()), [6.0]);
    assert_eq!(*count.lock().unwrap(), 2);
    assert_eq!(f64s(&function(slope).call(3.0f64).unwrap()), [6.0]);
    assert_eq!(*count.lock().unwrap(), 4);
}

/// Graphs that run at once have tokens inside only, also for a tape that sees them go by.
#[test]
fn graphs_with_effects_are_recorded_out_of_traces_and_in_them() {
    let _alone = crate::PRINTER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tensorwright::set_printer(|_| ());
    let slope = |x: Tensor| {
        let tape = GradientTape::new();
        tape.watch(&x);
        let squares = vmap(|x: Tensor| {
            print("one of {}", &[&x])?;
            check_finite(&x, "x")?;
            Ok::<_, Error>(&x * &x)
        });
        let y = squares.call(&x)?;
        let (z, _) = vjp(|y: Tensor| print("{}", &[&y]).map(|()| y * 2.0), y)?;
        Ok::<_, Error>(tape.gradient(&z, &[&x])?.remove(0).expect("z depends on x"))
    };
    let x = [1.0f64, 3.0];
    assert_eq!(f64s(&slope(Tensor::from(x)).unwrap()), [4.0, 12.0]);
    assert_eq!(f64s(&function(slope).call(x).unwrap()), [4.0, 12.0]);
}
