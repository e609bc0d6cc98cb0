//! Many threads, one function.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tensorwright::Result;
use tensorwright::prelude::*;

#[test]
fn many_threads_one_signature_one_compilation() {
    static TRACES: AtomicUsize = AtomicUsize::new(0);
    let f = function(|x: Tensor| {
        TRACES.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(20));
        x * 2
    });
    let barrier = Barrier::new(16);
    thread::scope(|scope| {
        for n in 0..16 {
            let (f, barrier) = (f.clone(), &barrier);
            scope.spawn(move || {
                barrier.wait();
                assert_eq!(f.call([n as f32, 1.0]).unwrap().to_vec::<f32>().unwrap(), [n as f32 * 2.0, 2.0]);
            });
        }
    });
    assert_eq!(TRACES.load(Ordering::Relaxed), 1);
    assert_eq!(f.trace_count(), 1);
    let stats = f.cache_stats();
    assert_eq!((stats.misses, stats.hits + stats.waits), (1, 15));
}

#[test]
fn a_slow_signature_does_not_block_others() {
    static ENTERED: AtomicBool = AtomicBool::new(false);
    static RELEASED: AtomicBool = AtomicBool::new(false);
    let f = function(|(x, slow): (Tensor, bool)| {
        ENTERED.fetch_or(slow, Ordering::SeqCst);
        while slow && !RELEASED.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        x + 1
    });
    let slow = f.clone();
    let handle = thread::spawn(move || slow.call((1.0f32, true)).map(drop));
    while !ENTERED.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    assert_eq!(f.call((1.0f32, false)).unwrap().item::<f32>().unwrap(), 2.0);
    RELEASED.store(true, Ordering::SeqCst);
    handle.join().unwrap().unwrap();
}

#[test]
fn threads_share_functions_and_tensors() -> Result<()> {
    let (f, x) = (crate::affine(), Tensor::arange(100, DType::F32));
    let expected = f.call(&x)?.to_vec::<f32>()?;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 1..50usize {
                    let y = f.call(&x).unwrap();
                    assert_eq!(y.to_vec::<f32>().unwrap(), expected);
                    f.call(Tensor::zeros([n], DType::F32)).unwrap();
                }
            });
        }
    });
    assert_eq!(f.trace_count(), 50);
    Ok(())
}

#[test]
fn a_trace_belongs_to_its_thread() {
    let f = function(|x: Tensor| {
        // Another thread has no trace: its ops run at once.
        let there = thread::spawn(|| (Tensor::from(1.0f32) + 1).item::<f32>()).join().unwrap();
        x * there.unwrap_or(f32::NAN)
    });
    assert_eq!(f.call(3.0f32).unwrap().item::<f32>().unwrap(), 6.0);
}

/// Threads read two variables in one call while another one assigns both in one: no call sees one before and one after.
fn is_torn(read: Function<(), (Tensor, Tensor)>, write: &Function<Tensor, Tensor>) -> bool {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reading = || {
            let mut torn = false;
            while !done.load(Ordering::Relaxed) {
                let (a, b) = read.call(()).unwrap();
                torn |= a.item::<f64>().unwrap() != b.item::<f64>().unwrap();
            }
            torn
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(reading)).collect();
        for n in 0..20_000 {
            write.call(f64::from(n)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().any(|reader| reader.join().unwrap())
    })
}

#[test]
fn a_call_sees_one_moment_of_its_variables() -> Result<()> {
    let (a, b) = (Variable::new(0.0f64)?, Variable::new(0.0f64)?);
    let read = {
        let (a, b) = (a.clone(), b.clone());
        function(move |()| (a.value() * 1.0, b.value() * 1.0))
    };
    let in_place = {
        let (a, b) = (a.clone(), b.clone());
        function(move |x: Tensor| {
            a.assign(&x)?;
            b.assign(&x)?;
            Ok::<_, tensorwright::Error>(x)
        })
    };
    assert!(!is_torn(read.clone(), &in_place));
    // What has effects overwrites nothing: the values change at its end.
    let beside = {
        let (a, b) = (a.clone(), b.clone());
        function(move |x: Tensor| {
            assert_that(&x.ge(0.0), "not negative")?;
            a.assign(&x)?;
            b.assign(&x)?;
            Ok::<_, tensorwright::Error>(x)
        })
    };
    assert!(!is_torn(read, &beside));
    // A call that assigns one of the two and reads the other sees one moment, too.
    let copied = {
        let (a, b, own) = (a.clone(), b.clone(), Variable::new(0.0f64)?);
        function(move |()| {
            let both = (a.value() * 1.0, b.value() * 1.0);
            own.assign(&both.0)?;
            Ok::<_, tensorwright::Error>(both)
        })
    };
    assert!(!is_torn(copied, &in_place));
    Ok(())
}
