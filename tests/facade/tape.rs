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

/// A gradient by one source.
fn by(tape: &GradientTape, y: &Tensor, x: &Tensor) -> Option<Vec<f64>> {
    tape.gradient(y, &[x]).unwrap().remove(0).map(|gradient| f64s(&gradient))
}

#[test]
fn what_shares_memory_is_another_tensor() {
    let x = Tensor::from([3.0f64, 5.0]);
    let tape = watching(&x);
    let y = (&x * x.stop_gradient()).sum(..);
    assert_eq!(by(&tape, &y, &x), Some(vec![3.0, 5.0]));

    let tape = watching(&x);
    let y = &x * &x;
    // Only looked at.
    let _ = y.stop_gradient().to_string();
    assert_eq!(by(&tape, &y.sum(..), &x), Some(vec![6.0, 10.0]));

    // One that was stopped, used in what is run as a graph.
    let stopped = x.stop_gradient();
    let tape = watching(&x);
    let y = checkpoint(|z: Tensor| z * &stopped * &x, x.clone()).unwrap();
    assert_eq!(by(&tape, &y.sum(..), &x), Some(vec![2.0 * 9.0, 2.0 * 25.0]));

    let tape = watching(&x);
    let y = custom_gradient(|x: Tensor| (x, ()), |(), dy: Tensor| dy * 7.0, x.clone()).unwrap();
    assert_eq!(by(&tape, &(&y * &x).sum(..), &x), Some(vec![7.0 * 3.0 + 3.0, 7.0 * 5.0 + 5.0]));
}

fn watching(x: &Tensor) -> GradientTape {
    let tape = GradientTape::new();
    tape.watch(x);
    tape
}

#[test]
fn variables_made_of_one_another_are_others() {
    let w = Variable::new([1.0f64, 2.0]).unwrap();
    let copy = Variable::new(w.value()).unwrap();
    let target = Variable::new([0.0f64, 0.0]).unwrap();
    let gradient = || {
        target.assign(w.value())?;
        let p = w.value();
        let tape = watching(&p);
        let loss = (&p * 2.0 - target.value() * 0.5 + copy.value() * 0.0).square().sum(..);
        Ok::<_, Error>(tape.gradient(&loss, &[&p])?.remove(0).expect("the loss depends on p"))
    };
    assert_eq!(f64s(&gradient().unwrap()), [6.0, 12.0]);
    let compiled = function({
        let (w, copy, target) = (w.clone(), copy.clone(), target.clone());
        move |_: ()| {
            target.assign(w.value())?;
            let p = w.value();
            let tape = watching(&p);
            let loss = (&p * 2.0 - target.value() * 0.5 + copy.value() * 0.0).square().sum(..);
            Ok::<_, Error>(tape.gradient(&loss, &[&p])?.remove(0).expect("the loss depends on p"))
        }
    });
    assert_eq!(f64s(&compiled.call(()).unwrap()), [6.0, 12.0]);
    // The value of a variable is one tensor until it is assigned.
    let tape = watching(&w.value());
    let y = (w.value() * w.value()).sum(..);
    assert_eq!(by(&tape, &y, &w.value()), Some(vec![2.0, 4.0]));
}

/// What is assigned flows on, as in a function that is differentiated.
#[test]
fn what_is_assigned_while_the_tape_records_flows_on() {
    let state = Variable::new(0.0f64).unwrap();
    let step = {
        let state = state.clone();
        move |x: Tensor| {
            state.assign(&x * 2.0)?;
            Ok::<_, Error>(state.value() * 3.0)
        }
    };
    let x = Tensor::from(1.5f64);
    let tape = watching(&x);
    let y = step(x.clone()).unwrap();
    assert_eq!(by(&tape, &y, &x), Some(vec![6.0]));
    let compiled = function(step);
    let tape = watching(&x);
    compiled.call(&x).unwrap();
    let y = state.value() * 5.0;
    assert_eq!(by(&tape, &y, &x), Some(vec![10.0]));
}

#[test]
fn a_source_may_be_there_twice_and_in_the_middle() {
    let x = Tensor::from([3.0f64, 5.0]);
    let tape = watching(&x);
    let y = (&x * &x).sum(..);
    let gradients = tape.gradient(&y, &[&x, &x]).unwrap();
    let gradients: Vec<Vec<f64>> = gradients.into_iter().map(|gradient| f64s(&gradient.unwrap())).collect();
    assert_eq!(gradients, [[6.0, 10.0], [6.0, 10.0]]);

    let cube = |x: &Tensor| {
        let tape = watching(x);
        let y = x * x;
        let z = &y * &y * &y;
        let found = tape.gradient(&z, &[&y, x, &z])?;
        Ok::<_, Error>(
            found.into_iter().map(|gradient| gradient.expect("z depends on all")).collect::<Vec<_>>(),
        )
    };
    let numbers = |found: Vec<Tensor>| found.iter().map(|x| f64s(x)[0]).collect::<Vec<_>>();
    let expected = [48.0, 192.0, 1.0];
    assert_eq!(numbers(cube(&Tensor::from(2.0f64)).unwrap()), expected);
    let compiled = function(move |x: Tensor| cube(&x));
    assert_eq!(numbers(compiled.call(2.0f64).unwrap()), expected);
}

#[test]
fn outer_tapes_see_what_inner_ones_compute() {
    let x = Tensor::from(2.0f64);
    let outer = watching(&x);
    let inner = GradientTape::persistent();
    inner.watch(&x);
    let y = &x * &x;
    let z = &y * &y + x.stop_gradient() * &x;
    let by_y = inner.gradient(&z, &[&y]).unwrap().remove(0).unwrap();
    let by_x = inner.gradient(&z, &[&x]).unwrap().remove(0).unwrap();
    drop(inner);
    // 2 y = 2 x^2, by x 4 x; 4 x^3 + stopped x, by x 12 x^2.
    let gradients = outer.gradient(&(by_y * 10.0 + by_x), &[&x]).unwrap();
    assert_eq!(f64s(gradients[0].as_ref().unwrap()), [10.0 * 8.0 + 48.0]);
}

#[test]
fn tapes_watch_trainable_variables_that_are_read() {
    let (w, fixed) = (Variable::new([1.0f64, 2.0]).unwrap(), Variable::new([3.0f64, 4.0]).unwrap().frozen());
    let before = w.value();
    let tape = GradientTape::persistent();
    let old = before.square().sum(..);
    let loss = (w.value() * fixed.value()).sum(..);
    let gradients = tape.gradient(&loss, &[&w.value(), &fixed.value()]).unwrap();
    assert_eq!(gradients[0].as_ref().unwrap().to_vec::<f64>().unwrap(), [3.0, 4.0]);
    assert!(gradients[1].is_none(), "a frozen variable is watched only if somebody says so");
    assert!(
        tape.gradient(&old, &[&w.value()]).unwrap()[0].is_none(),
        "what came before the first read was not recorded"
    );

    // After an assignment the variable has another value.
    w.assign([5.0, 6.0]).unwrap();
    let again = w.value().square().sum(..);
    let gradient = tape.gradient_or_error(&again, &[&w.value()]).unwrap().remove(0);
    assert_eq!(gradient.to_vec::<f64>().unwrap(), [10.0, 12.0]);
    // In functions too, in which the variable is state.
    let f = {
        let w = w.clone();
        function(move |x: Tensor| (w.value() * x).sum(..))
    };
    let called = f.call([1.0f64, -1.0]).unwrap();
    let gradient = tape.gradient_or_error(&called, &[&w.value()]).unwrap().remove(0);
    assert_eq!(gradient.to_vec::<f64>().unwrap(), [1.0, -1.0]);
}

#[test]
fn a_compiled_step_with_a_tape_in_it_trains_variables() {
    let w = Variable::new(0.0f64).unwrap();
    let step = {
        let w = w.clone();
        function(move |(x, y): (Tensor, Tensor)| {
            let tape = GradientTape::new();
            let loss = (w.value() * x - y).square().mean(..);
            let slope = tape.gradient_or_error(&loss, &[&w.value()])?.remove(0);
            w.assign_sub(slope * 0.1)?;
            Ok(loss)
        })
    };
    for _ in 0..100 {
        step.call(([1.0f64, 2.0], [3.0f64, 6.0])).unwrap();
    }
    assert_eq!(step.trace_count(), 1);
    assert!((w.value().item::<f64>().unwrap() - 3.0).abs() < 1e-9);
}
