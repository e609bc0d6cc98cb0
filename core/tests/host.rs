//! Calls of the program's code from functions, and marks, as users meet them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tensorwright_core::prelude::*;
use tensorwright_core::{CallAttribute, Graph, HostKernel, TensorType, eagerly, pure_callback_batched};
use tensorwright_runtime::Executable;

/// What closures have been called with, in their order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<f32>>>);

impl Seen {
    /// Notes a scalar whenever a run comes by.
    fn note(&self, x: &Tensor) -> Result<()> {
        let seen = self.clone();
        host_callback(&[x], move |values| {
            seen.0.lock().unwrap().push(values[0].item()?);
            Ok(())
        })
    }

    fn take(&self) -> Vec<f32> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn scalar() -> [TensorType; 1] {
    [TensorType::new(DType::F32, [])]
}

/// Twice the scalar, by a closure that computes with ops.
fn twice(x: &Tensor) -> Result<Tensor> {
    Ok(pure_callback(&scalar(), &[x], |values| Ok(vec![&values[0] * 2.0]))?.remove(0))
}

#[test]
fn a_pure_callback_gives_the_same_here_and_compiled() {
    let f = |x: Tensor| Ok(twice(&x)? + 1.0);
    let compiled = function(f);
    for number in [1.5f32, -2.0, 0.0] {
        let now: f32 = f(Tensor::from(number)).unwrap().item().unwrap();
        assert_eq!(now, number * 2.0 + 1.0);
        assert_eq!(compiled.call(number).unwrap().item::<f32>().unwrap(), now);
    }
    assert_eq!(compiled.trace_count(), 1);
}

#[test]
fn a_callback_takes_and_gives_any_number_of_tensors_of_any_type() {
    let f = function(|(x, n): (Tensor, Tensor)| {
        let types = [TensorType::new(DType::I32, [2]), TensorType::new(DType::Bool, [])];
        pure_callback(&types, &[&x, &n], |values| {
            let count = values[1].item::<u8>()?;
            let rounded = values[0].to_vec::<f64>()?.iter().map(|x| *x as i32).collect::<Vec<_>>();
            Ok(vec![Tensor::from(rounded), Tensor::from(count > 2)])
        })
    });
    let results = f.call((Tensor::from([1.7f64, -3.2]), Tensor::from(3u8))).unwrap();
    assert_eq!(results[0].to_vec::<i32>().unwrap(), [1, -3]);
    assert!(results[1].item::<bool>().unwrap());
    let of_nothing =
        |x: Tensor| Ok(x + pure_callback(&scalar(), &[], |_| Ok(vec![Tensor::from(7.0f32)]))?.remove(0));
    assert_eq!(function(of_nothing).call(1.0f32).unwrap().item::<f32>().unwrap(), 8.0);
}

#[test]
fn complex_numbers_are_complex_numbers_in_a_closure() {
    use tensorwright_core::Complex;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let closure = seen.clone();
    let f = function(move |x: Tensor| {
        let seen = closure.clone();
        host_callback(&[&x], move |values| {
            seen.lock().unwrap().extend(values[0].to_vec::<Complex<f32>>()?);
            Ok(())
        })?;
        let types = [TensorType::new(DType::C64, [2])];
        Ok(pure_callback(&types, &[&x], |values| Ok(vec![values[0].conj()]))?.remove(0))
    });
    let numbers = [Complex::new(1.0f32, 2.0), Complex::new(-3.0, 0.5)];
    let results = f.call(numbers).unwrap().to_vec::<Complex<f32>>().unwrap();
    assert_eq!(results, numbers.map(|z| z.conj()));
    assert_eq!(*seen.lock().unwrap(), numbers);
}

#[test]
fn effects_are_in_the_order_of_the_program() {
    let seen = Seen::default();
    let note = seen.clone();
    let f = function(move |x: Tensor| {
        note.note(&(&x * 10.0))?;
        let y = while_loop(
            (x.clone(), Tensor::from(0)),
            |(_, i): &(Tensor, Tensor)| i.lt(3),
            |(y, i): (Tensor, Tensor)| {
                note.note(&y)?;
                Ok((y + 1.0, i + 1))
            },
        )?;
        cond(x.gt(0.0), || note.note(&Tensor::from(100.0f32)).map(|()| x.clone()), || Ok(x.clone()))?;
        note.note(&(&y.0 * 10.0))?;
        Ok(y.0)
    });
    for _ in 0..2 {
        assert_eq!(f.call(1.0f32).unwrap().item::<f32>().unwrap(), 4.0);
        assert_eq!(seen.take(), [10.0, 1.0, 2.0, 3.0, 100.0, 40.0]);
    }
    f.call(-1.0f32).unwrap();
    assert_eq!(seen.take(), [-10.0, -1.0, 0.0, 1.0, 20.0]);
    assert_eq!(f.trace_count(), 1);
}

#[test]
fn equal_effects_stay_apart_and_unused_ones_stay() {
    let seen = Seen::default();
    let note = seen.clone();
    let f = function(move |x: Tensor| {
        let seen = note.clone();
        let closure = move |values: &[Tensor]| {
            seen.0.lock().unwrap().push(values[0].item()?);
            Ok(())
        };
        host_callback(&[&x], closure.clone())?;
        host_callback(&[&x], closure)?;
        Ok(Tensor::from(0.0f32))
    });
    f.call(5.0f32).unwrap();
    assert_eq!(seen.take(), [5.0, 5.0]);
}

#[test]
fn a_pure_callback_that_nobody_needs_is_not_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let f = |wanted: bool| {
        let counter = calls.clone();
        function(move |x: Tensor| {
            let counter = counter.clone();
            let counted = move |values: &[Tensor]| {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok(vec![values[0].clone()])
            };
            let y = pure_callback(&scalar(), &[&Tensor::from(2.0f32)], counted)?.remove(0);
            Ok(if wanted { y } else { x })
        })
    };
    f(false).call(1.0f32).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    // Of a constant too it is called in each run.
    let wanted = f(true);
    wanted.call(1.0f32).unwrap();
    wanted.call(1.0f32).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn a_branch_that_is_not_taken_calls_nothing() {
    let f = function(|x: Tensor| {
        let fails =
            |x: &Tensor| Ok(pure_callback(&scalar(), &[x], |_| Err(Error::other("it is called")))?.remove(0));
        let y = Tensor::from(3.0f32);
        cond(x.gt(0.0), || Ok(x.clone()), || fails(&y))
    });
    assert_eq!(f.call(1.0f32).unwrap().item::<f32>().unwrap(), 1.0);
    assert!(f.call(-1.0f32).unwrap_err().to_string().contains("it is called"));
}

#[test]
fn loops_call_closures_and_compute_with_what_they_give() {
    let doubled = |x: Tensor| {
        scan(x, Tensor::from([1.0f32, 2.0, 3.0]), |sum: Tensor, x: Tensor| {
            let sum = sum + twice(&x)?;
            Ok((sum.clone(), sum))
        })
    };
    let (sum, sums) = function(doubled).call(0.5f32).unwrap();
    assert_eq!(sum.item::<f32>().unwrap(), 12.5);
    assert_eq!(sums.to_vec::<f32>().unwrap(), [2.5, 6.5, 12.5]);
    let numbers: Vec<f32> = (0..100).map(|i| i as f32).collect();
    let expected: Vec<f32> = numbers.iter().map(|x| x * 2.0).collect();
    for threads in [1, 4] {
        let f = function(|x: Tensor| map(x, |x: Tensor| twice(&x))).with_threads(threads);
        assert_eq!(f.call(numbers.clone()).unwrap().to_vec::<f32>().unwrap(), expected);
    }
}

/// The message of a function that fails at the line behind this one's caller, here and compiled.
fn messages(f: impl Fn(Tensor) -> Result<Tensor> + Clone + Send + Sync + 'static) -> [String; 2] {
    let now = f(Tensor::from(1.0f32)).unwrap_err().to_string();
    let compiled = function(f).call(1.0f32).unwrap_err().to_string();
    [now, compiled]
}

#[test]
fn what_goes_wrong_in_a_closure_is_an_error_of_the_line() {
    let line = line!() + 2;
    let fails = |x: Tensor| {
        host_callback(&[&x], |_| Err(Error::other("no such luck")))?;
        Ok(x)
    };
    for message in messages(fails) {
        let parts = [&format!("{}:{line}", file!()), "`host_callback` failed", "no such luck"];
        assert!(parts.iter().all(|part| message.contains(*part)), "{message}");
    }
    let line = line!() + 2;
    let panics = |x: Tensor| {
        Ok(pure_callback(&scalar(), &[&x], |values| panic!("of {} values", values.len()))?.remove(0))
    };
    for message in messages(panics) {
        let parts = [&format!("{}:{line}", file!()), "`pure_callback` failed: it panicked: of 1 values"];
        assert!(parts.iter().all(|part| message.contains(*part)), "{message}");
    }
    let other =
        |x: Tensor| Ok(pure_callback(&scalar(), &[&x], |_| Ok(vec![Tensor::from([1, 2])]))?.remove(0));
    for message in messages(other) {
        assert!(message.contains("it gave i32[2], not f32[]"), "{message}");
    }
}

#[test]
fn a_function_runs_again_after_a_closure_has_failed() {
    let f = function(|x: Tensor| {
        let positive = |values: &[Tensor]| match values[0].item::<f32>()? > 0.0 {
            true => Ok(vec![values[0].clone()]),
            false => panic!("not positive"),
        };
        Ok(pure_callback(&scalar(), &[&x], positive)?.remove(0) + 1.0)
    });
    assert!(f.call(-1.0f32).is_err());
    assert_eq!(f.call(1.0f32).unwrap().item::<f32>().unwrap(), 2.0);
}

#[test]
fn a_gradient_through_a_closure_is_refused_and_a_rule_is_taken() {
    let line = line!() + 2;
    let refused = grad(|x: Tensor| {
        let mut results = pure_callback(&scalar(), &[&x], |values| Ok(values.to_vec()))?;
        Ok(results.remove(0))
    });
    let message = refused.call(1.0f32).unwrap_err().to_string();
    assert!(message.contains("`pure_callback`(f32[])") && message.contains("custom_gradient"), "{message}");
    assert!(message.contains(&format!("{}:{line}", file!())), "{message}");
    let ruled =
        grad(|x: Tensor| custom_gradient(|x: Tensor| Ok((twice(&x)?, ())), |(), dy: Tensor| dy * 2.0, x));
    assert_eq!(ruled.call(1.0f32).unwrap().item::<f32>().unwrap(), 2.0);
    let stopped = grad(|x: Tensor| Ok(&x * twice(&x.stop_gradient())?));
    assert_eq!(stopped.call(3.0f32).unwrap().item::<f32>().unwrap(), 6.0);
    let noted = Seen::default();
    let note = noted.clone();
    let with_effect = grad(move |x: Tensor| {
        note.note(&x)?;
        Ok(&x * &x)
    });
    assert_eq!(with_effect.call(3.0f32).unwrap().item::<f32>().unwrap(), 6.0);
    assert_eq!(noted.take(), [3.0]);
}

#[test]
fn many_examples_are_called_one_by_one_or_at_once() {
    let numbers = [1.0f32, 2.0, 3.0];
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let counted = move |values: &[Tensor]| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(vec![&values[0] + &values[1]])
    };
    let (each, all) = (counted.clone(), counted);
    let shared = Tensor::from(10.0f32);
    let (one, other) = (shared.clone(), shared);
    let by_one = vmap(move |x: Tensor| Ok(pure_callback(&scalar(), &[&x, &one], each.clone())?.remove(0)));
    let at_once =
        vmap(move |x: Tensor| Ok(pure_callback_batched(&scalar(), &[&x, &other], all.clone())?.remove(0)));
    assert_eq!(by_one.call(numbers).unwrap().to_vec::<f32>().unwrap(), [11.0, 12.0, 13.0]);
    assert_eq!(calls.swap(0, Ordering::Relaxed), 3);
    assert_eq!(at_once.call(numbers).unwrap().to_vec::<f32>().unwrap(), [11.0, 12.0, 13.0]);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let compiled = function(move |x: Tensor| by_one.call(x));
    assert_eq!(compiled.call(numbers).unwrap().to_vec::<f32>().unwrap(), [11.0, 12.0, 13.0]);
}

#[test]
fn effects_of_many_examples_come_in_their_order() {
    let seen = Seen::default();
    let note = seen.clone();
    let f = vmap(move |x: Tensor| {
        note.note(&x)?;
        note.note(&(&x * 10.0))?;
        Ok(x)
    });
    f.call([1.0f32, 2.0, 3.0]).unwrap();
    assert_eq!(seen.take(), [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    function(move |x: Tensor| f.call(x)).call([4.0f32, 5.0]).unwrap();
    assert_eq!(seen.take(), [4.0, 5.0, 40.0, 50.0]);
}

#[test]
fn closures_live_as_long_as_functions_do() {
    let held = Arc::new(0.0f32);
    let hold = |x: &Tensor, held: &Arc<f32>| {
        let held = held.clone();
        host_callback(&[x], move |values| {
            assert_ne!(values[0].item::<f32>()?, *held);
            Ok(())
        })
    };
    let run = |own: Arc<f32>| {
        let f = function(move |x: Tensor| {
            hold(&x, &own)?;
            Ok(x)
        });
        f.call(1.0f32).unwrap();
        f.call(2.0f32).unwrap();
    };
    run(held.clone());
    assert_eq!(Arc::strong_count(&held), 1);
    hold(&Tensor::from(1.0f32), &held).unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
    let own = held.clone();
    let mapped = vmap(move |x: Tensor| {
        hold(&x, &own)?;
        Ok(x)
    });
    mapped.call([1.0f32, 2.0]).unwrap();
    drop(mapped);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn two_closures_are_two_graphs() {
    let by = |factor: f32| {
        function(move |x: Tensor| {
            let scale = move |values: &[Tensor]| Ok(vec![&values[0] * factor]);
            Ok(pure_callback(&scalar(), &[&x], scale)?.remove(0))
        })
    };
    let (two, three) = (by(2.0), by(3.0));
    assert_eq!(two.call(1.0f32).unwrap().item::<f32>().unwrap(), 2.0);
    assert_eq!(three.call(1.0f32).unwrap().item::<f32>().unwrap(), 3.0);
}

#[test]
fn a_closure_may_call_functions_and_is_not_traced() {
    let inner = function(|x: Tensor| x * 3.0);
    let f = function(move |x: Tensor| {
        let inner = inner.clone();
        let call = move |values: &[Tensor]| {
            assert!(!values[0].is_traced());
            Ok(vec![inner.call(&values[0])?])
        };
        // While this is traced the closure runs here.
        let now = eagerly(|| pure_callback(&scalar(), &[&Tensor::from(1.0f32)], call.clone()))?.remove(0);
        Ok(pure_callback(&scalar(), &[&x], call)?.remove(0) + now)
    });
    assert_eq!(f.call(2.0f32).unwrap().item::<f32>().unwrap(), 9.0);
}

#[test]
fn text_of_a_closure_is_for_reading_alone() {
    let f = function(|x: Tensor| twice(&x));
    f.call(1.0f32).unwrap();
    let text = f.dump(Stage::Traced).unwrap();
    assert!(text.contains("pure_callback"), "{text}");
    let error = text.parse::<Graph>().unwrap_err().to_string();
    assert!(error.contains("`pure_callback`: attribute `callback` must be a closure"), "{error}");
}

fn register_scaled(name: &str) {
    let kernel = HostKernel::new(
        |types, _| match types {
            [x] if x.dtype == DType::F32 => Ok(vec![x.clone()]),
            _ => Err(Error::other("one f32 tensor is wanted")),
        },
        |inputs, attributes| {
            let Some(CallAttribute::Int(by)) = attributes.get("by") else { panic!("no `by`") };
            Ok(vec![&inputs[0] * *by as f32])
        },
    );
    kernel
        .gradient(|_, _, cotangents, attributes| match attributes.get("by") {
            Some(CallAttribute::Int(by)) => Ok(vec![&cotangents[0] * *by as f32]),
            _ => Ok(cotangents.to_vec()),
        })
        .batched()
        .register(name)
        .unwrap();
}

fn scaled(name: &str, x: &Tensor) -> Result<Tensor> {
    Ok(custom_call(name, &[x], &[("by", 3.into())])?.remove(0))
}

#[test]
fn a_kernel_by_name_computes_is_differentiated_and_batched() {
    register_scaled("scaled");
    let f = |x: Tensor| Ok(scaled("scaled", &x)? + 1.0);
    assert_eq!(f(Tensor::from(2.0f32)).unwrap().item::<f32>().unwrap(), 7.0);
    assert_eq!(function(f).call([2.0f32, 0.0]).unwrap().to_vec::<f32>().unwrap(), [7.0, 1.0]);
    assert_eq!(vmap(f).call([2.0f32, 0.0]).unwrap().to_vec::<f32>().unwrap(), [7.0, 1.0]);
    let slope = grad(|x: Tensor| Ok(scaled("scaled", &(&x * &x))?.sum(..)));
    assert_eq!(slope.call([2.0f32, 0.5]).unwrap().to_vec::<f32>().unwrap(), [12.0, 3.0]);
    let rows = vmap(slope).call([[2.0f32], [0.5]]).unwrap();
    assert_eq!(rows.to_vec::<f32>().unwrap(), [12.0, 3.0]);
    let tape = GradientTape::new();
    let x = Tensor::from(2.0f32);
    tape.watch(&x);
    let y = scaled("scaled", &x).unwrap();
    assert_eq!(tape.gradient_or_error(&y, &[&x]).unwrap()[0].item::<f32>().unwrap(), 3.0);
}

#[test]
fn a_kernel_by_name_refuses_with_its_words() {
    register_scaled("refusing");
    let refused = scaled("refusing", &Tensor::from(1)).unwrap_err().to_string();
    assert!(
        refused.contains("`refusing` does not take these inputs") && refused.contains("one f32"),
        "{refused}"
    );
    let x = Tensor::from(1.0f32);
    let panics = |x: Tensor| Ok(custom_call("refusing", &[&x], &[])?.remove(0));
    for message in messages(panics) {
        assert!(message.contains("`custom_call` failed: it panicked: no `by`"), "{message}");
    }
    let taken = HostKernel::new(|_, _| Ok(Vec::new()), |_, _| Ok(Vec::new())).register("refusing");
    assert!(taken.unwrap_err().to_string().contains("`refusing` already"));
    let unknown = scaled("unknown", &x).unwrap_err().to_string();
    assert!(
        unknown.contains(file!()) && unknown.contains("no kernel is registered as `unknown`"),
        "{unknown}"
    );
    let plain = grad(|x: Tensor| Ok(custom_call("identity", &[&x], &[])?.remove(0)));
    assert!(plain.call(1.0f32).unwrap_err().to_string().contains("`custom_call`(f32[])"));
}

#[test]
fn a_kernel_by_name_is_written_down_and_read() {
    register_scaled("written");
    let f = function(|x: Tensor| scaled("written", &x));
    f.call([1.0f32, 2.0]).unwrap();
    let graph: Graph = f.dump(Stage::Traced).unwrap().parse().unwrap();
    let text = graph.to_string();
    assert!(text.contains(r#"name = "written""#) && text.contains(r#"[["by", 3]]"#), "{text}");
    let results = tensorwright_core::run_graph(&graph, &[Tensor::from([1.0f32, 2.0])]).unwrap();
    assert_eq!(results[0].to_vec::<f32>().unwrap(), [3.0, 6.0]);
    let compiled = |name: &str, result: &str| {
        let graph = format!(
            "graph @f(%x: f32[2]) {{
               %y = custom_call(%x) {{name = \"{name}\", attributes = [[\"by\", 3]], results = [{result}], batching = sequential, pairs = []}}
               return %y
             }}"
        );
        let graph: Graph = graph.parse().unwrap_or_else(|error| panic!("{error}"));
        Executable::compile(&graph, &Default::default()).map(drop)
    };
    assert!(compiled("written", "f32[2]").is_ok());
    let unknown = compiled("unwritten", "f32[2]").unwrap_err().to_string();
    assert!(unknown.contains("no kernel is registered as `unwritten`"), "{unknown}");
    let other = compiled("written", "f32[3]").unwrap_err().to_string();
    assert!(other.contains("registered as `written` gives f32[2], not f32[3]"), "{other}");
}

#[test]
fn a_mark_is_the_identity_everywhere_and_shows_in_dumps_and_profiles() {
    let f = |x: Tensor| Ok((x.exp().trace_mark("half way") + 1.0).log().sum(..));
    let plain = |x: Tensor| Ok((x.exp() + 1.0).log().sum(..));
    let x = Tensor::from([0.5f32, -1.0, 2.0]);
    let (marked, unmarked) = (function(f), function(plain));
    let value = |y: Tensor| y.item::<f32>().unwrap();
    assert_eq!(value(marked.call(&x).unwrap()), value(unmarked.call(&x).unwrap()));
    assert!(marked.dump(Stage::Optimized).unwrap().contains(r#"trace_mark(%"#));
    let slopes = |g: Tensor| g.to_vec::<f32>().unwrap();
    assert_eq!(slopes(grad(f).call(&x).unwrap()), slopes(grad(plain).call(&x).unwrap()));
    let rows = Tensor::from([[0.5f32, -1.0], [2.0, 0.0]]);
    assert_eq!(slopes(vmap(f).call(&rows).unwrap()), slopes(vmap(plain).call(&rows).unwrap()));
    let whole = |n: Tensor| Ok(n.trace_mark("n"));
    assert_eq!(function(whole).call([true, false]).unwrap().to_vec::<bool>().unwrap(), [true, false]);
    let profile = marked.concrete(&x).unwrap().profile(&x, 3).unwrap().to_string();
    assert!(profile.contains("half way"), "{profile}");
}

#[test]
fn marks_stand_in_loops_and_beside_updates_in_place() {
    let f = |x: Tensor| {
        let y = while_loop(
            (x, Tensor::from(0)),
            |(_, i): &(Tensor, Tensor)| i.lt(3),
            |(x, i): (Tensor, Tensor)| Ok(((x * 2.0).trace_mark("turn"), i + 1)),
        )?
        .0;
        let marked = y.trace_mark("before");
        let changed = marked.set(0, 5.0f32);
        Ok(Tensor::concat(&[y, changed.trace_mark("after")], 0))
    };
    let expected = [8.0f32, 16.0, 5.0, 16.0];
    assert_eq!(f(Tensor::from([1.0f32, 2.0])).unwrap().to_vec::<f32>().unwrap(), expected);
    assert_eq!(function(f).call([1.0f32, 2.0]).unwrap().to_vec::<f32>().unwrap(), expected);
}
