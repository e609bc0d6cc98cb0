//! Variables: program order in and out of traced functions, through control flow, and from many threads.

use tensorwright::prelude::*;
use tensorwright::{Error, value_and_grad, value_and_grad_of};

fn i32s(x: &Tensor) -> Vec<i32> {
    x.to_vec().expect("integers")
}

#[test]
fn reads_and_assignments_are_in_program_order() {
    let v = Variable::new(1i32).unwrap();
    let f = {
        let v = v.clone();
        function(move |x: Tensor| {
            let before = v.value();
            v.assign(&before * 2)?;
            let between = v.value();
            v.assign_sub(&x)?;
            Ok::<_, Error>((before, between, v.value()))
        })
    };
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        v.assign(10).unwrap();
        let (a, b, c) = f.call(3i32).unwrap();
        assert_eq!([a, b, c].map(|x| x.item::<i32>().unwrap()), [10, 20, 17]);
        assert_eq!(v.value().item::<i32>().unwrap(), 17);
    }
    assert_eq!(f.trace_count(), 1);
}

#[test]
fn later_assignments_are_seen_without_a_new_trace() {
    let scale = Variable::named("scale", [1.0f32, 2.0]).unwrap();
    let f = {
        let scale = scale.clone();
        function(move |x: Tensor| x * scale.value())
    };
    assert_eq!(f.call([3.0f32, 3.0]).unwrap().to_vec::<f32>().unwrap(), [3.0, 6.0]);
    scale.assign(Tensor::from([10.0f32, 20.0])).unwrap();
    assert_eq!(f.call([3.0f32, 3.0]).unwrap().to_vec::<f32>().unwrap(), [30.0, 60.0]);
    assert_eq!(f.trace_count(), 1);
}

#[test]
fn branches_and_loops_change_variables() {
    let (hits, total) = (Variable::new(0i32).unwrap(), Variable::new(0i32).unwrap());
    let f = {
        let (hits, total) = (hits.clone(), total.clone());
        function(move |xs: Tensor| {
            scan(Tensor::from(0i32), xs, |sum, x| {
                total.assign_add(1)?;
                cond(
                    &x.gt(2),
                    || {
                        hits.assign_add(1)?;
                        Ok::<_, Error>(&sum + &x * total.value())
                    },
                    || sum.clone(),
                )
                .map(|sum| (sum.clone(), sum))
            })
        })
    };
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        hits.assign(0).unwrap();
        total.assign(0).unwrap();
        let (last, sums) = f.call([1i32, 5, 2, 7]).unwrap();
        assert_eq!(last.item::<i32>().unwrap(), 5 * 2 + 7 * 4);
        assert_eq!(i32s(&sums), [0, 10, 10, 38]);
        assert_eq!(hits.value().item::<i32>().unwrap(), 2);
        assert_eq!(total.value().item::<i32>().unwrap(), 4);
    }
}

#[test]
fn while_loops_run_on_a_variable() {
    let left = Variable::new(5i32).unwrap();
    let f = {
        let left = left.clone();
        function(move |x: Tensor| {
            while_loop(
                x,
                |_| left.value().gt(0),
                |x| {
                    left.assign_sub(1)?;
                    Ok::<_, Error>(x * 2)
                },
            )
        })
    };
    assert_eq!(f.call(1i32).unwrap().item::<i32>().unwrap(), 32);
    assert_eq!(left.value().item::<i32>().unwrap(), 0);
    assert_eq!(f.call(7i32).unwrap().item::<i32>().unwrap(), 7);
}

#[test]
fn rows_are_updated_and_what_is_out_of_range_is_left_out() {
    let table = Variable::new([[0i32, 0], [1, 1], [2, 2]]).unwrap();
    let f = {
        let table = table.clone();
        function(move |(rows, updates): (Tensor, Tensor)| {
            table.scatter_add(&rows, &updates)?;
            table.scatter_update(Tensor::from([0i32]), Tensor::from([[7i32, 8]]))?;
            Ok::<_, Error>(table.value())
        })
    };
    let (rows, updates) = (Tensor::from([2i32, 5, 2]), Tensor::from([[1i32, 2], [9, 9], [10, 20]]));
    assert_eq!(i32s(&f.call((&rows, &updates)).unwrap()), [7, 8, 1, 1, 13, 24]);
    table.scatter_add(&rows, &updates).unwrap();
    assert_eq!(i32s(&table.value()), [7, 8, 1, 1, 24, 46]);
}

#[test]
fn rows_are_combined_with_updates() {
    let table = Variable::new([[2i32, -3], [4, 5]]).unwrap();
    let f = {
        let table = table.clone();
        function(move |(rows, updates): (Tensor, Tensor)| {
            let mut seen = vec![];
            table.scatter_sub(&rows, &updates)?;
            seen.push(table.value());
            table.scatter_mul(&rows, &updates)?;
            seen.push(table.value());
            table.scatter_max(&rows, &updates)?;
            seen.push(table.value());
            table.scatter_min(&rows, updates.ones_like())?;
            Ok::<_, Error>((seen, table.value()))
        })
    };
    let arguments = (Tensor::from([0i32, 9]), Tensor::from([[3i32, 2], [7, 7]]));
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        table.assign(Tensor::from([[2i32, -3], [4, 5]])).unwrap();
        let (seen, last) = f.call(&arguments).unwrap();
        assert_eq!(i32s(&seen[0]), [-1, -5, 4, 5]);
        assert_eq!(i32s(&seen[1]), [-3, -10, 4, 5]);
        assert_eq!(i32s(&seen[2]), [3, 2, 4, 5]);
        assert_eq!(i32s(&last), [1, 1, 4, 5]);
    }
}

#[test]
fn a_step_of_training_changes_its_parameters() {
    let w = Variable::new(0.0f64).unwrap();
    let step = {
        let w = w.clone();
        let loss = value_and_grad(|(w, x): (Tensor, Tensor)| (w * &x - 3.0 * &x).square().mean(..));
        function(move |x: Tensor| {
            let (loss, (dw, _)) = loss.call((&w.value(), &x))?;
            w.assign_sub(dw * 0.1)?;
            Ok::<_, Error>(loss)
        })
    };
    let x = Tensor::from([1.0f64, 2.0]);
    let losses: Vec<f64> = (0..40).map(|_| step.call(&x).unwrap().item().unwrap()).collect();
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    assert!((w.value().item::<f64>().unwrap() - 3.0).abs() < 1e-6);
    assert_eq!(step.trace_count(), 1);
}

#[test]
fn what_does_not_fit_is_refused() {
    let v = Variable::named("count", [1i32, 2]).unwrap();
    for result in [v.assign(1.5), v.assign(Tensor::from([1i32])), v.assign(Tensor::from([1.0f32, 2.0]))] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("variable.rs"), "{message}");
    }
    let message = v.assign(Tensor::from([1i32])).unwrap_err().to_string();
    assert!(message.contains("`count` is i32[2], found i32[1]"), "{message}");
    let f = function(|x: Tensor| Variable::new(1i32).map(|v| v.value() + x));
    assert!(matches!(f.call(1i32).unwrap_err(), Error::VariableInTrace { .. }));
    assert_eq!(i32s(&v.value()), [1, 2]);
}

#[test]
fn concurrent_calls_lose_no_update() {
    let (a, b) = (Variable::new(0i64).unwrap(), Variable::new(0i64).unwrap());
    let step = |first: &Variable, second: &Variable| {
        let (first, second) = (first.clone(), second.clone());
        function(move |x: Tensor| {
            first.assign_add(&x)?;
            second.assign_sub(&x)?;
            Ok::<_, Error>(x)
        })
    };
    let (there, back) = (step(&a, &b), step(&b, &a));
    std::thread::scope(|scope| {
        for f in [&there, &back, &there] {
            scope.spawn(move || (0..200).for_each(|_| drop(f.call(1i64).unwrap())));
        }
    });
    assert_eq!(a.value().item::<i64>().unwrap(), 200);
    assert_eq!(b.value().item::<i64>().unwrap(), -200);
}

#[test]
fn calls_that_assign_what_the_others_read_do_not_wait_for_each_other() {
    let (a, b) = (Variable::new(1i64).unwrap(), Variable::new(1i64).unwrap());
    let copy = |from: &Variable, to: &Variable| {
        let (from, to) = (from.clone(), to.clone());
        function(move |x: Tensor| {
            to.assign(from.value() + 1)?;
            Ok::<_, Error>(x)
        })
    };
    let (there, back) = (copy(&a, &b), copy(&b, &a));
    let (done, finished) = std::sync::mpsc::channel();
    for f in [there, back] {
        let done = done.clone();
        std::thread::spawn(move || {
            (0..20_000).for_each(|_| drop(f.call(1i64).unwrap()));
            done.send(()).unwrap();
        });
    }
    for _ in 0..2 {
        finished.recv_timeout(std::time::Duration::from_secs(60)).expect("no call waits for ever");
    }
}

#[derive(Module)]
struct Normalised {
    layers: Vec<(Variable, Variable)>,
    count: Variable,
}

#[test]
fn parameters_are_what_training_changes() -> Result<()> {
    let variable = |x: f32| Variable::new([x]);
    let tied = variable(1.0)?;
    let frozen = variable(2.0)?.frozen();
    let layers = vec![(tied.clone(), frozen.clone()), (variable(3.0)?, tied.clone())];
    let module = Normalised { layers, count: Variable::new(0i32)? };
    let paths = |found: Vec<(String, Variable)>| found.into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(paths(module.variables()).len(), 5);
    assert_eq!(paths(module.parameters()), ["layers.0.0", "layers.1.0"]);
    frozen.set_trainable(true);
    assert!(frozen.trainable());
    assert_eq!(paths(module.parameters()), ["layers.0.0", "layers.0.1", "layers.1.0"]);
    frozen.set_trainable(false);

    use tensorwright::optimizer::{Sgd, Trainer};
    let trainer = Trainer::of(Sgd { learning_rate: 1.0, ..Sgd::default() }, &module)?;
    let loss = || {
        let terms = module.layers.iter().map(|(a, b)| (a * b).sum(..));
        terms.reduce(|a, b| a + b).expect("two layers")
    };
    assert_eq!(trainer.step(loss)?.item::<f32>()?, 5.0);
    assert_eq!(tied.value().to_vec::<f32>()?, [1.0 - 2.0 - 3.0]);
    assert_eq!(frozen.value().to_vec::<f32>()?, [2.0]);
    assert_eq!(module.layers[1].0.value().to_vec::<f32>()?, [2.0]);
    Ok(())
}

/// What is assigned is an output without a cotangent: a running mean has nothing to do with the loss.
#[test]
fn functions_that_assign_floats_are_differentiated() -> Result<()> {
    let mean = Variable::new(0.0f64)?;
    let f = {
        let mean = mean.clone();
        move |x: Tensor| {
            mean.assign(mean.value() * 0.5 + x.mean(..).sqrt())?;
            Ok((&x * &x * mean.value().stop_gradient()).sum(..))
        }
    };
    let (x, numbers) = (Tensor::from([0.0f64, 0.0]), |x: &Tensor| x.to_vec::<f64>().unwrap());
    for eagerly in [true, false] {
        let gradient = grad(f.clone());
        gradient.run_eagerly(eagerly);
        mean.assign(3.0)?;
        assert_eq!(numbers(&gradient.call(&x)?), [0.0, 0.0]);
        assert_eq!(numbers(&gradient.call([4.0f64, 4.0])?), [8.0 * 2.75, 8.0 * 2.75]);
        assert_eq!(mean.value().item::<f64>()?, 2.75);
    }
    let (value, slope) = jvp(f.clone(), x.clone(), Tensor::from([1.0f64, 0.0]))?;
    assert_eq!((value.item::<f64>()?, slope.item::<f64>()?), (0.0, 0.0));
    let (value, back) = vjp(f.clone(), x.clone())?;
    assert_eq!((value.item::<f64>()?, numbers(&back.call(&value)?)), (0.0, vec![0.0, 0.0]));
    assert_eq!(numbers(&hessian(f).call([4.0f64, 4.0])?).len(), 4);
    let (w, total) = (Variable::new([1.0f64, 2.0])?, Variable::new(0.0f64)?);
    let loss = || {
        total.assign_add(w.value().sum(..))?;
        w.assign(w.value() * 2.0)?;
        Ok::<_, Error>(w.value().square().sum(..))
    };
    let (loss, slopes) = value_and_grad_of(&[&w], loss)?;
    assert_eq!((loss.item::<f64>()?, numbers(&slopes[0])), (20.0, vec![8.0, 16.0]));
    assert_eq!((numbers(&w.value()), total.value().item::<f64>()?), (vec![2.0, 4.0], 3.0));
    Ok(())
}
