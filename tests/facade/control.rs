//! Control flow with closures: the same eagerly and compiled, and errors that show both sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tensorwright::prelude::*;
use tensorwright::{Error, Tree};

/// Calls the function compiled and eagerly; both must give the same bits.
fn both<A: Tree + Clone, R: Tree>(
    f: &Function<A, R>,
    argument: A,
    floats: impl Fn(&R) -> Vec<f32>,
) -> Vec<f32>
where
    for<'a> &'a A: tensorwright::tree::Argument<A>,
{
    let compiled = floats(&f.call(&argument).expect("it runs"));
    f.run_eagerly(true);
    let eager = floats(&f.call(&argument).expect("it runs eagerly"));
    f.run_eagerly(false);
    assert_eq!(compiled, eager);
    compiled
}

fn vec(x: &Tensor) -> Vec<f32> {
    x.to_vec().expect("floats")
}

#[test]
fn nested_branches_use_tensors_from_around() {
    let f = function(|(x, y): (Tensor, Tensor)| {
        let twice = &x * 2.0;
        cond(
            &x.sum(..).gt(0.0),
            || cond(&y.sum(..).gt(0.0), || &twice + &y, || &twice - &y),
            || Ok(&y * &twice),
        )
    });
    let t = |a: f32, b: f32| Tensor::from([a, b]);
    assert_eq!(both(&f, (t(1.0, 2.0), t(3.0, 4.0)), vec), [5.0, 8.0]);
    assert_eq!(both(&f, (t(1.0, 2.0), t(-3.0, -4.0)), vec), [5.0, 8.0]);
    assert_eq!(both(&f, (t(-1.0, -2.0), t(3.0, 4.0)), vec), [-6.0, -16.0]);
    assert_eq!(f.trace_count(), 1);
}

#[test]
fn a_loop_of_unknown_length() {
    let collatz = function(|n: Tensor| {
        let zero = Tensor::from(0i32);
        while_loop(
            (n, zero),
            |(n, _)| n.ne(1),
            |(n, steps)| {
                let odd = n.rem(2).eq(1);
                let next = cond(&odd, || &n * 3 + 1, || n.div(2))?;
                Ok::<_, Error>((next, steps + 1))
            },
        )
    });
    for (n, steps) in [(1, 0), (6, 8), (27, 111)] {
        assert_eq!(collatz.call(n).unwrap().1.item::<i32>().unwrap(), steps);
    }
    assert_eq!(collatz.trace_count(), 1);
}

#[test]
fn scans_stack_and_reverse() {
    let f = function(|x: Tensor| {
        let step = |s: Tensor, x: Tensor| {
            let s = s * 0.5 + &x;
            (s.clone(), (&s * &x, s))
        };
        let start = Tensor::zeros([2], DType::F32);
        let (_, (_, forward)) = scan(start.clone(), x.clone(), step)?;
        let (last, (products, _)) = scan_reverse(start, x, step)?;
        Ok::<_, Error>((forward, last, products))
    });
    let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let floats = |(a, b, c): &(Tensor, Tensor, Tensor)| [vec(a), vec(b), vec(c)].concat();
    let found = both(&f, x, floats);
    assert_eq!(found[..6], [1.0, 2.0, 3.5, 5.0, 6.75, 8.5]);
    assert_eq!(found[6..8], [3.75, 5.5]);
}

#[test]
fn empty_scans_and_maps_have_types() {
    let f = function(|x: Tensor| {
        let (s, y) = scan(Tensor::from(7.0f32), x.clone(), |s, x| (s.clone(), &x + s))?;
        Ok::<_, Error>((s, y, map(x, |x| x.sum(..))?))
    });
    let x = Tensor::zeros([0, 3], DType::F32);
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        let (s, y, m) = f.call(&x).unwrap();
        assert_eq!(s.item::<f32>().unwrap(), 7.0);
        assert_eq!(y.shape().unwrap().sizes()[..], [0, 3]);
        assert_eq!(m.shape().unwrap().sizes()[..], [0]);
    }
}

#[test]
fn loops_nest_and_carry_trees() {
    let f = function(|x: Tensor| {
        fori_loop(0i32, 3i32, (x, vec![Tensor::from(0.0f32), Tensor::from(1.0f32)]), |i, (x, pair)| {
            let x = fori_loop(Tensor::from(0i32), &i + 1, x, |j, x| x + j.cast(DType::F32))?;
            let pair = vec![pair[1].clone(), &pair[0] + &pair[1]];
            Ok::<_, Error>((x, pair))
        })
    });
    let floats = |(x, pair): &(Tensor, Vec<Tensor>)| [vec(x), vec(&pair[0]), vec(&pair[1])].concat();
    assert_eq!(both(&f, Tensor::from([10.0f32]), floats), [14.0, 2.0, 3.0]);
}

#[test]
fn a_loop_variable_that_changes_is_named_with_both_types_and_lines() {
    let f = function(|x: Tensor| {
        while_loop((x, Tensor::from(0i32)), |(_, i)| i.lt(3), |(x, i)| (x.cast(DType::F64), i + 1))
    });
    let message = f.call([1.0f32]).unwrap_err().to_string();
    assert!(message.contains("loop variable `0` changes"), "{message}");
    assert!(message.contains("f32[1]") && message.contains("f64[1]"), "{message}");
    assert_eq!(message.matches("control.rs").count(), 3, "{message}");
}

#[test]
fn branches_that_disagree_are_shown() {
    let f = function(|x: Tensor| cond(&x.sum(..).gt(0.0), || x.sum(..), || x.clone()));
    let message = f.call([1.0f32, 2.0]).unwrap_err().to_string();
    assert!(message.contains("different results") || message.contains("disagree"), "{message}");
    assert!(message.contains("f32[]") && message.contains("f32[2]"), "{message}");
}

#[test]
fn a_condition_that_is_no_scalar_is_refused() {
    for eagerly in [false, true] {
        let f = function(|x: Tensor| cond(&x.gt(0.0), || x.clone(), || -&x));
        f.run_eagerly(eagerly);
        let message = f.call([1.0f32, 2.0]).unwrap_err().to_string();
        assert!(message.contains("bool[]") && message.contains("bool[2]"), "{message}");
    }
}

#[test]
fn a_value_of_a_branch_does_not_escape() {
    let f = function(|x: Tensor| {
        let mut stolen = None;
        let y = cond(
            &x.sum(..).gt(0.0),
            || {
                let inner = &x + 1.0;
                stolen = Some(inner.clone());
                inner
            },
            || x.clone(),
        )?;
        Ok::<_, Error>(y + stolen.expect("the branch was traced"))
    });
    assert!(matches!(f.call([1.0f32]).unwrap_err(), Error::Escaped { .. }));
}

#[test]
fn checks_fail_with_the_line_that_wrote_them() {
    let f = function(|x: Tensor| {
        let x = while_loop(
            x,
            |x| x.sum(..).lt(100.0),
            |x| {
                let x = x * 2.0;
                assert_that(&x.sum(..).ne(16.0), "never 16")?;
                Ok::<_, Error>(x)
            },
        )?;
        check_finite(&x, "the result")?;
        Ok::<_, Error>(x)
    });
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        assert_eq!(f.call([3.0f32]).unwrap().to_vec::<f32>().unwrap(), [192.0]);
        let message = f.call([1.0f32]).unwrap_err().to_string();
        assert!(message.contains("never 16") && message.contains("control.rs"), "{message}");
        let message = f.call([f32::INFINITY]).unwrap_err().to_string();
        assert!(message.contains("the result: element 0 is inf"), "{message}");
    }
}

#[test]
fn prints_come_in_order_from_compiled_loops() {
    use std::sync::{Arc, Mutex};
    let _alone = crate::PRINTER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&lines);
    tensorwright::set_printer(move |text| sink.lock().unwrap().push(text.to_owned()));
    let f = function(|x: Tensor| {
        print("order begin {}", &[&x])?;
        let x = fori_loop(0i32, 2i32, x, |i, x| {
            cond(
                &i.eq(0),
                || print("order zero {}", &[&i]).map(|()| &x + 1),
                || print("order {} and {}", &[&i, &x]).map(|()| &x * 10),
            )
        })?;
        print("order end", &[])?;
        Ok::<_, Error>(x)
    });
    assert_eq!(f.call(1i32).unwrap().item::<i32>().unwrap(), 20);
    f.run_eagerly(true);
    f.call(1i32).unwrap();
    let lines: Vec<String> =
        lines.lock().unwrap().iter().filter(|l| l.starts_with("order")).cloned().collect();
    let once = ["order begin 1", "order zero 0", "order 1 and 2", "order end"];
    assert_eq!(lines, [once, once].concat());
}

#[test]
fn a_map_with_effects_is_traced_once() {
    let (calls, total) = (Arc::new(AtomicUsize::new(0)), Variable::new(0i32).unwrap());
    let f = {
        let (calls, total) = (Arc::clone(&calls), total.clone());
        function(move |xs: Tensor| {
            map(xs, |x| {
                calls.fetch_add(1, Ordering::Relaxed);
                total.assign_add(&x)?;
                Ok::<_, Error>(total.value() * 10)
            })
        })
    };
    assert_eq!(f.call([1i32, 2, 3]).unwrap().to_vec::<i32>().unwrap(), [10, 30, 60]);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(total.value().item::<i32>().unwrap(), 6);
}

#[test]
fn loops_that_are_known_to_be_empty_do_nothing() -> Result<()> {
    // Neither run nor traced: what the body would do wrong is not found.
    let f = |x: Tensor| fori_loop(0, 0, x, |_, x| x.reshape([7]));
    let backwards = |x: Tensor| fori_loop(3i64, -3i64, x, |_, x| x.reshape([7]));
    let x = Tensor::from([1.0f64, 2.0]);
    for y in [f(x.clone())?, function(f).call(&x)?, backwards(x.clone())?, function(backwards).call(&x)?] {
        assert_eq!(y.to_vec::<f64>()?, [1.0, 2.0]);
    }
    assert_eq!(grad(move |x: Tensor| Ok(f(x)?.square().sum(..))).call(&x)?.to_vec::<f64>()?, [2.0, 4.0]);
    // One whose bounds come with the call is traced, and empty then.
    let counted = function(|(n, x): (Tensor, Tensor)| fori_loop(Tensor::from(0i32), n, x, |_, x| x * 2.0));
    assert_eq!(counted.call((0i32, &x))?.to_vec::<f64>()?, [1.0, 2.0]);
    Ok(())
}

#[test]
fn bounds_and_what_is_sliced_are_named() {
    let x = Tensor::from([1.0f32, 2.0]);
    let message = |result: Result<Tensor>| result.unwrap_err().to_string();
    for f in [
        |x: Tensor| fori_loop(0i32, 3i64, x, |_, x| x),
        |x: Tensor| fori_loop(0.0f32, 3i32, x, |_, x| x),
        |x: Tensor| fori_loop(Tensor::from([0i32]), 3i32, x, |_, x| x),
    ] {
        for error in [message(f(x.clone())), message(function(f).call(&x))] {
            assert!(error.contains("the bounds are integer scalars of one dtype, found"), "{error}");
        }
    }
    let error = scan(x.clone(), (), |state, ()| (state, ())).unwrap_err().to_string();
    assert!(error.contains("there must be a tensor to slice"), "{error}");
}
