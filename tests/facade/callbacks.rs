//! Printers are code of the user's that runs while a compiled function does: it may use all of the library.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tensorwright::prelude::*;
use tensorwright::{Error, set_printer};

/// Runs `work` on a thread of its own, and fails instead of waiting for ever.
fn in_time(work: impl FnOnce() + Send + 'static) {
    let _alone = crate::PRINTER.lock().unwrap_or_else(PoisonError::into_inner);
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        work();
        done.send(()).expect("the test waits");
    });
    wait.recv_timeout(Duration::from_secs(60)).expect("the call ends, and does not fail");
}

/// A function that adds to a variable, and prints a line that begins with `name` meanwhile.
fn counting(name: &'static str, count: &Variable) -> Function<Tensor, Tensor> {
    let count = count.clone();
    function(move |by: Tensor| {
        count.assign_add(&by)?;
        print(&format!("{name} {{}}"), &[&count.value()])?;
        Ok::<_, Error>(count.value())
    })
}

/// Sets a printer for the lines that begin with `name`.
fn on_lines(name: &'static str, work: impl Fn() + Send + Sync + 'static) {
    set_printer(move |line| {
        if line.starts_with(name) {
            work();
        }
    });
}

fn i32_of(variable: &Variable) -> i32 {
    variable.value().item().expect("an integer")
}

#[test]
fn a_printer_reads_variables_that_the_call_assigns() {
    in_time(|| {
        let count = Variable::new(1i32).unwrap();
        let (seen, sink) = (Arc::new(Mutex::new(Vec::new())), count.clone());
        let list = Arc::clone(&seen);
        on_lines("reads", move || list.lock().unwrap().push(i32_of(&sink)));
        let f = counting("reads", &count);
        assert_eq!(f.call(2i32).unwrap().item::<i32>().unwrap(), 3);
        assert_eq!(f.call(2i32).unwrap().item::<i32>().unwrap(), 5);
        // What was there before each call.
        assert_eq!(*seen.lock().unwrap(), [1, 3]);
    });
}

#[test]
fn a_printer_assigns_variables_and_calls_functions() {
    in_time(|| {
        let (count, other) = (Variable::new(0i32).unwrap(), Variable::new(10i32).unwrap());
        let nested = {
            let (count, other) = (count.clone(), other.clone());
            function(move |by: Tensor| {
                other.assign_add(&by)?;
                count.assign(100i32)?;
                Ok::<_, Error>(other.value())
            })
        };
        on_lines("assigns", {
            let other = other.clone();
            move || {
                other.assign_add(1i32).unwrap();
                nested.call(1i32).unwrap();
            }
        });
        let f = counting("assigns", &count);
        f.call(7i32).unwrap();
        // The call assigns at its end, and counts from what was there at its beginning.
        assert_eq!((i32_of(&count), i32_of(&other)), (7, 12));
    });
}

#[test]
fn a_printer_sets_the_printer() {
    in_time(|| {
        let count = Variable::new(0i32).unwrap();
        let lines = Arc::new(Mutex::new(0));
        let sink = Arc::clone(&lines);
        on_lines("sets", move || {
            let sink = Arc::clone(&sink);
            on_lines("sets", move || *sink.lock().unwrap() += 1);
        });
        let f = counting("sets", &count);
        f.call(1i32).unwrap();
        assert_eq!(*lines.lock().unwrap(), 0);
        f.call(1i32).unwrap();
        assert_eq!(*lines.lock().unwrap(), 1);
    });
}

#[test]
fn calls_with_printers_on_many_threads_lose_no_update() {
    in_time(|| {
        let count = Variable::new(0i32).unwrap();
        on_lines("threads", {
            let count = count.clone();
            move || assert!(i32_of(&count) >= 0)
        });
        let (printing, silent) = (counting("threads", &count), {
            let count = count.clone();
            function(move |by: Tensor| count.assign_add(&by).map(|()| count.value()))
        });
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..50).for_each(|_| drop(printing.call(1i32).unwrap())));
                scope.spawn(|| (0..50).for_each(|_| drop(silent.call(1i32).unwrap())));
                scope.spawn(|| (0..50).for_each(|_| count.assign_add(1i32).unwrap()));
            }
        });
        assert_eq!(i32_of(&count), 300);
    });
}

#[test]
fn a_printer_that_panics_leaves_the_variable_usable() {
    in_time(|| {
        let count = Variable::new(0i32).unwrap();
        on_lines("panics", || panic!("on purpose"));
        let f = counting("panics", &count);
        let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.call(1i32)));
        assert!(called.is_err() && i32_of(&count) == 0);
        on_lines("panics", || {});
        let count = std::thread::spawn(move || f.call(1i32).map(|_| i32_of(&count)));
        assert_eq!(count.join().unwrap().unwrap(), 1);
    });
}
