//! Calls that are stopped by a token or by a limit of time.

use std::time::Duration;

use tensorwright::prelude::*;
use tensorwright::{CancellationToken, Error, StopReason, with_timeout};

const SHORT: Duration = Duration::from_millis(20);

/// Counts on as long as numbers are finite, which is for ever, in a native loop.
fn endless() -> Function<Tensor, Tensor> {
    function(|x: Tensor| while_loop(x, |x| x.lt(f64::INFINITY), |x| (x + 1.0) * 0.5))
}

#[track_caller]
fn is_stopped<T>(result: tensorwright::Result<T>) -> StopReason {
    match result.map(|_| "it ended") {
        Err(Error::Stopped { at, reason }) => {
            assert!(at.file().ends_with("stopping.rs"), "{at}");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn endless_loops_end() {
    let reason = StopReason::TimedOut(SHORT);
    assert_eq!(is_stopped(with_timeout(SHORT, || endless().call(0.5f64))), reason);
    // Points in vectors, on several threads.
    let many = function(|x: Tensor| {
        while_loop((Tensor::from(true), x), |(more, _)| more.clone(), |(more, x)| (more, (x + 1.0) * 0.5))
            .map(|s| s.1)
    });
    assert_eq!(is_stopped(with_timeout(SHORT, || many.call(Tensor::zeros([100_000], DType::F32)))), reason);
    // Region by region: products are no part of native loops.
    let products =
        function(|x: Tensor| while_loop(x, |x| x.max(..).lt(f32::INFINITY), |x| x.matmul(&x) * 1e-3));
    assert_eq!(is_stopped(with_timeout(SHORT, || products.call(Tensor::ones([40, 40], DType::F32)))), reason);
    // A body without steps.
    let swaps = function(|x: Tensor| {
        while_loop((x.clone(), &x + 1.0), |_| Tensor::from(true), |(x, y)| (y, x)).map(|s| s.0)
    });
    assert_eq!(is_stopped(with_timeout(SHORT, || swaps.call(Tensor::ones([100], DType::F32)))), reason);
}

#[test]
fn endless_loops_within_others_end() {
    let inner = |x: Tensor| while_loop(x, |x| x.lt(f64::INFINITY), |x| (x + 1.0) * 0.5);
    let mapped = function(move |x: Tensor| map(x, inner));
    let x = Tensor::zeros([16], DType::F64);
    assert_eq!(is_stopped(with_timeout(SHORT, || mapped.call(&x))), StopReason::TimedOut(SHORT));
    let batched = function(move |x: Tensor| vmap(inner).call(x));
    assert_eq!(is_stopped(with_timeout(SHORT, || batched.call(&x))), StopReason::TimedOut(SHORT));
}

#[test]
fn eager_code_ends_where_it_asks_for_values() {
    let stopped = with_timeout(SHORT, || {
        let mut x = Tensor::from(0.5f64);
        loop {
            x = (&x + 1.0) * 0.5;
            if x.item::<f64>()? > 1.0 {
                return Ok(x);
            }
        }
    });
    assert_eq!(is_stopped(stopped), StopReason::TimedOut(SHORT));
}

#[test]
fn a_token_stops_other_threads_and_what_comes_later() {
    let token = CancellationToken::new();
    let endless = endless();
    let reason = std::thread::scope(|scope| {
        let running = scope.spawn(|| is_stopped(token.run(|| endless.call(0.5f64))));
        std::thread::sleep(SHORT);
        token.cancel();
        running.join().expect("the other thread sees the error")
    });
    assert_eq!(reason, StopReason::Cancelled);
    let double = function(|x: Tensor| x * 2.0);
    assert_eq!(is_stopped(token.run(|| double.call(1.0f32))), StopReason::Cancelled);
    assert_eq!(double.call(1.0f32).unwrap().item::<f32>().unwrap(), 2.0);
    let error = token.run(|| double.call(1.0f32)).unwrap_err().to_string();
    assert!(error.ends_with("the run was stopped: its token was cancelled"), "{error}");
}

/// The new value would take the place of the old one, if it were sure to be finished.
#[test]
fn variables_keep_their_values() {
    let state = Variable::new(Tensor::zeros([1000], DType::F64)).unwrap();
    let own = state.clone();
    let step = function(move |limit: Tensor| {
        own.assign_add(1.0)?;
        let (_, last) = while_loop(
            (limit, own.value()),
            |(limit, x)| x.i(0).lt(limit),
            |(limit, x)| (limit, (x + 1.0) * 0.5),
        )?;
        own.assign(last)
    });
    is_stopped(with_timeout(SHORT, || step.call(f64::INFINITY)));
    assert_eq!(state.value().to_vec::<f64>().unwrap(), [0.0; 1000]);
    with_timeout(Duration::from_secs(1000), || step.call(0.5f64)).unwrap();
    assert_eq!(state.value().to_vec::<f64>().unwrap(), [1.0; 1000]);
}
