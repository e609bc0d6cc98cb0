//! Errors are values with the user's line.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use tensorwright::prelude::*;
use tensorwright::{Error, Result};

fn place(line: u32) -> String {
    format!("{}:{line}:", file!())
}

#[test]
fn an_eager_error_names_op_types_and_line() {
    let (x, y) = (Tensor::zeros([2, 3], DType::F32), Tensor::zeros([4], DType::F32));
    let line = line!() + 1;
    let sum = &x + &y;
    let error = sum.to_vec::<f32>().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&place(line)), "{text}");
    assert!(text.contains("`add`(f32[2,3], f32[4]): shapes [2,3] and [4] do not broadcast"), "{text}");
    assert_eq!(error.location().line, line);
}

#[test]
fn the_first_error_goes_through_later_ops() {
    let x = Tensor::zeros([2], DType::F32);
    let line = line!() + 1;
    let wrong = x.reshape([3]);
    let later = (&wrong * 2).sum(0).exp() + &x;
    assert!(later.item::<f32>().unwrap_err().to_string().starts_with(&place(line)));
    assert!(later.shape().is_err() && later.error().is_some());
}

#[test]
fn a_traced_error_surfaces_at_the_call() {
    let line = line!() + 1;
    let f = function(|x: Tensor| x.matmul(Tensor::zeros([5, 5], DType::F32)).sum(0));
    let error = f.call([[1.0f32, 2.0]]).unwrap_err();
    assert!(error.to_string().starts_with(&place(line)), "{error}");
    assert!(error.to_string().contains("`matmul`(f32[1,2], f32[5,5])"), "{error}");
    assert!(f.call([[1.0f32, 2.0, 3.0, 4.0, 5.0]]).is_ok(), "an error is not kept");
}

#[test]
fn dtypes_are_not_promoted() {
    let error = (Tensor::from(1.0f32) + Tensor::from(1.0f64)).ok().unwrap_err();
    assert!(error.to_string().contains("same dtype"), "{error}");
}

#[test]
fn literals_that_do_not_fit_are_errors() {
    let line = line!() + 1;
    let error = (Tensor::from([1i32, 2]) * 1.5).ok().unwrap_err();
    assert!(matches!(error, Error::Literal { op: "mul", .. }));
    assert!(error.to_string().starts_with(&place(line)), "{error}");
    assert!((300 + Tensor::from(1u8)).ok().is_err());
    assert!((Tensor::from(true) & 1).ok().is_err());
}

#[test]
fn axes_out_of_range_are_errors() {
    let x = Tensor::zeros([2, 3], DType::F32);
    for wrong in [x.sum(2), x.sum(-3), x.softmax(5), x.transpose([0, 0]), x.expand_dims(7), x.i((0, 0, 0))] {
        assert!(wrong.ok().is_err());
    }
    assert!(x.softmax(-3).ok().unwrap_err().to_string().contains("-3"));
}

#[test]
fn values_are_not_there_while_tracing() {
    let f = function(|x: Tensor| -> Result<Tensor> {
        let value = x.item::<f32>()?;
        Ok(x * value)
    });
    let error = f.call(1.0f32).unwrap_err();
    assert!(matches!(error, Error::NoValue { .. }), "{error}");
}

#[test]
fn a_tensor_that_escapes_its_trace_is_found_out() {
    static ESCAPED: Mutex<Option<Tensor>> = Mutex::new(None);
    let made = line!() + 2;
    let f = function(|x: Tensor| {
        let inner = &x + 1;
        *ESCAPED.lock().unwrap() = Some(inner.clone());
        inner
    });
    f.call(1.0f32).unwrap();
    let escaped = ESCAPED.lock().unwrap().take().unwrap();
    let used = line!() + 1;
    let error = (&escaped * 2).ok().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&place(used)) && text.contains(&place(made)), "{text}");
    assert!(matches!(error, Error::Escaped { .. }));
    assert!(matches!(f.call(&escaped).unwrap_err(), Error::Escaped { .. }));
    assert!(matches!(escaped.to_vec::<f32>().unwrap_err(), Error::Escaped { .. }));

    let other = function(move |x: Tensor| x + &escaped);
    assert!(matches!(other.call(1.0f32).unwrap_err(), Error::Escaped { .. }));
}

#[test]
fn tensors_of_two_traces_do_not_mix() {
    let f = function(|x: Tensor| -> Result<Tensor> {
        let outer = x.clone();
        let inner = function(move |y: Tensor| y + &outer);
        inner.concrete(TensorSpec::f32([] as [usize; 0]))?;
        Ok(x)
    });
    let error = f.call(1.0f32).unwrap_err();
    assert!(matches!(error, Error::TwoTraces { .. }), "{error}");
}

#[test]
fn a_failed_argument_fails_the_call() {
    let wrong = Tensor::from_slice(&[1.0f32, 2.0], [3]);
    let error = crate::affine().call(&wrong).unwrap_err();
    assert!(matches!(error, Error::ElementCount { found: 2, .. }), "{error}");
}

#[test]
fn the_wrong_element_type_is_an_error() {
    let x = Tensor::from([1.0f32, 2.0]);
    assert!(matches!(x.to_vec::<f64>().unwrap_err(), Error::DType { .. }));
    assert!(matches!(x.item::<f32>().unwrap_err(), Error::NotOneElement { .. }));
    assert!(matches!(Tensor::from(vec![vec![1], vec![2, 3]]).ok().unwrap_err(), Error::Ragged { .. }));
}

#[test]
fn impossible_sizes_are_errors() {
    assert!(Tensor::zeros([usize::MAX, 2], DType::F32).ok().is_err());
    assert!(Tensor::zeros([1 << 47], DType::F64).ok().is_err());
    assert!(Tensor::arange(usize::MAX, DType::F32).ok().is_err());
}

#[test]
fn a_panic_in_the_closure_is_the_users_and_does_no_harm() {
    let armed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let fuse = armed.clone();
    let f = function(move |x: Tensor| {
        assert!(!fuse.load(std::sync::atomic::Ordering::Relaxed), "boom");
        x + 1
    });
    assert!(catch_unwind(AssertUnwindSafe(|| f.call(1.0f32))).is_err());
    armed.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(f.call(1.0f32).unwrap().item::<f32>().unwrap(), 2.0);
    // The trace has ended too: ops run at once again.
    assert_eq!((Tensor::from(1.0f32) + 1).item::<f32>().unwrap(), 2.0);
}

#[test]
fn errors_of_the_compiler_keep_their_type() {
    use std::error::Error as _;
    use tensorwright::{BuildExecutableError, CompileError, DumpError};

    let graph =
        "graph @f(%x: f32[]) { %l = list_new() {dtype = f32, shape = []} %m = list_push(%l, %x) return %m }";
    let graph: tensorwright::Graph = graph.parse().unwrap();
    let error = tensorwright::run_graph(&graph, &[Tensor::from(1.0f32)]).unwrap_err();
    let Error::Compile { source, .. } = &error else { panic!("{error}") };
    assert!(matches!(&**source, BuildExecutableError::Compile(CompileError::NoTensor { .. })), "{error}");
    assert!(error.source().is_some());

    let f = crate::affine();
    f.call(1.0f32).unwrap();
    let error = f.dump(Stage::Pass("no_such_pass".to_owned())).unwrap_err();
    assert!(matches!(&error, Error::Dump { source, .. } if matches!(**source, DumpError::UnknownStage(_))));
    assert_eq!(error.location().line, line!() - 2);
}
