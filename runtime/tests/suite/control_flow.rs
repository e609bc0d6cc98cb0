//! Compiled control flow: what is copied, what is not, and what fails.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::program::{Program, Step};
use tensorwright_ir::op::control::Scan;
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, TensorType, Value};
use tensorwright_runtime::{Executable, RunError};

fn compile(graph: &Graph) -> Executable {
    Executable::compile(graph, &CompileOptions::default()).expect("it compiles")
}

fn run(executable: &Executable, inputs: &[Literal]) -> Result<Vec<Literal>, RunError> {
    executable.run_literals(inputs, 2)
}

fn f32s(shape: impl Into<tensorwright_ir::Shape>) -> TensorType {
    TensorType::new(DType::F32, shape)
}

fn scalar(b: &mut Builder, value: i32) -> Value {
    b.scalar(value)
}

/// `for i in 0..count { x[i % rows] += 1 }` over `f32[rows, columns]`.
fn row_by_row(rows: usize, columns: usize, count: i32) -> Graph {
    let mut b = Builder::new("row_by_row");
    let x = b.input(f32s([rows, columns]));
    let start = scalar(&mut b, 0);
    let below = |b: &mut Builder, s: &[Value]| {
        let limit = scalar(b, count);
        b.lt(s[0], limit)
    };
    let step = |b: &mut Builder, s: &[Value]| -> Result<[Value; 2], BuildError> {
        let (one, height, zero) = (scalar(b, 1), scalar(b, rows as i32), scalar(b, 0));
        let row = b.rem(s[0], height)?;
        let [row, column] = [row, zero].map(|v| b.reshape(v, [1]));
        let at = b.concat(&[row?, column?], 0usize)?;
        let old = b.dynamic_slice(s[1], at, [1, columns])?;
        let ones = b.full(1.0f32, &[1, columns].into())?;
        let new = b.add(old, ones)?;
        Ok([b.add(s[0], one)?, b.dynamic_update_slice(s[1], new, at)?])
    };
    let results = b.while_loop(&[start, x], &[], below, step).expect("types agree");
    b.finish(&[results[1]])
}

fn control(program: &Program) -> &tensorwright_compiler::program::Control {
    let control = program.steps.iter().find_map(|step| match step {
        Step::Control(control) => Some(control),
        _ => None,
    });
    control.expect("a loop")
}

#[test]
fn a_loop_updates_its_state_in_place() {
    let executable = compile(&row_by_row(4, 24, 6));
    let body = &control(executable.program()).regions[1];
    assert!(body.arena_bytes < 4096, "{body}");
    let found = run(&executable, &[Literal::new([4, 24], &[0.0f32; 96]).unwrap()]).unwrap();
    let expected = [[2.0f32; 48], [1.0; 48]].concat();
    assert_eq!(found[0], Literal::new([4, 24], &expected).unwrap());
}

#[test]
fn a_large_carried_buffer_has_no_second_copy() {
    let (rows, columns) = (4096, 4096);
    let executable = compile(&row_by_row(rows, columns, 10));
    let bytes = rows * columns * 4;
    assert!(executable.peak_bytes() < bytes + (1 << 20), "{} for {bytes}", executable.peak_bytes());
}

#[test]
fn state_that_others_still_read_is_not_overwritten() {
    // The body needs the old state after the update.
    let mut b = Builder::new("f");
    let x = b.input(f32s([4]));
    let scan = Scan { carried: 1, scanned: 0, length: 3, reverse: false };
    let results = b
        .scan(scan, &[x], |b, s| {
            let one = b.full(1.0f32, &[1].into())?;
            let at = b.literal(Literal::new([1], &[2i32]).unwrap());
            let new = b.dynamic_update_slice(s[0], one, at)?;
            Ok([b.add(new, s[0])?, s[0]])
        })
        .unwrap();
    let executable = compile(&b.finish(&results));
    let found = run(&executable, &[Literal::new([4], &[1.0f32, 2.0, 3.0, 4.0]).unwrap()]).unwrap();
    assert_eq!(found[0], Literal::new([4], &[8.0f32, 16.0, 6.0, 32.0]).unwrap());
    let stacked = [1.0f32, 2.0, 3.0, 4.0, 2.0, 4.0, 4.0, 8.0, 4.0, 8.0, 5.0, 16.0];
    assert_eq!(found[1], Literal::new([3, 4], &stacked).unwrap());
}

#[test]
fn state_changes_places() {
    // (a, b) -> (b, a + b)
    let mut b = Builder::new("fibonacci");
    let (x, y) = (scalar(&mut b, 0), scalar(&mut b, 1));
    let scan = Scan { carried: 2, scanned: 0, length: 20, reverse: false };
    let results = b.scan(scan, &[x, y], |b, s| Ok([s[1], b.add(s[0], s[1])?, s[0]])).unwrap();
    let found = run(&compile(&b.finish(&results)), &[]).unwrap();
    assert_eq!(found[0], Literal::scalar(6765i32));
    assert_eq!(found[2].get(19), tensorwright_ir::Scalar::I32(4181));
}

#[test]
fn a_failed_assertion_is_an_error_with_its_message() {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::scalar(DType::I32));
    let token = b.token();
    let ten = scalar(&mut b, 10);
    let small = b.lt(x, ten).unwrap();
    b.assert(token, small, "x is below 10, found {}", &[x]).unwrap();
    let executable = compile(&b.finish(&[x]));
    assert!(run(&executable, &[Literal::scalar(3i32)]).is_ok());
    let error = run(&executable, &[Literal::scalar(30i32)]).unwrap_err();
    assert!(error.to_string().contains("assertion failed: x is below 10"), "{error}");
}

#[test]
fn a_check_names_the_element_that_is_not_finite() {
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(dtype, [3]));
        let token = b.token();
        b.check_finite(token, x, "loss").unwrap();
        let executable = compile(&b.finish(&[x]));
        let input = |last: f64| {
            let values = [1.0, 65504.0, last];
            Literal::from_fn(TensorType::new(dtype, [3]), |i| {
                tensorwright_ir::Scalar::from_f64(dtype, values[i])
            })
        };
        assert!(run(&executable, &[input(-0.0)]).is_ok());
        for bad in [f64::NAN, f64::NEG_INFINITY] {
            let error = run(&executable, &[input(bad)]).unwrap_err().to_string();
            assert!(error.contains("loss: element 2 is"), "{error}");
        }
    }
}

#[test]
fn a_condition_does_not_overwrite_the_state() {
    // It looks at a changed copy of the second state variable.
    let mut b = Builder::new("f");
    let (count, x) = (scalar(&mut b, 0), b.input(TensorType::new(DType::I32, [2])));
    let condition = |b: &mut Builder, s: &[Value]| {
        let at = b.literal(Literal::new([1], &[1i32]).unwrap());
        let hundred = b.full(100i32, &[1].into())?;
        let changed = b.dynamic_update_slice(s[1], hundred, at)?;
        let sum = b.reduce(changed, tensorwright_ir::op::primitive::ReduceKind::Sum, [0])?;
        let limit = scalar(b, 110);
        b.lt(sum, limit)
    };
    let body = |b: &mut Builder, s: &[Value]| -> Result<[Value; 2], BuildError> {
        let (one, ones) = (scalar(b, 1), b.full(1i32, &[2].into())?);
        Ok([b.add(s[0], one)?, b.add(s[1], ones)?])
    };
    let results = b.while_loop(&[count, x], &[], condition, body).unwrap();
    let executable = compile(&b.finish(&results));
    let found = run(&executable, &[Literal::new([2], &[0i32, 0]).unwrap()]).unwrap();
    assert_eq!(found, [Literal::scalar(10i32), Literal::new([2], &[10i32, 10]).unwrap()]);
}

/// A recurrent layer `h = tanh(x w + h u)` within `repeat` runs of an outer loop.
fn recurrent(rows: usize, width: usize, repeat: usize) -> Graph {
    let mut b = Builder::new("recurrent");
    let (h, x) = (b.input(f32s([rows, width])), b.input(f32s([5, rows, width])));
    let (w, u) = (b.input(f32s([width, width])), b.input(f32s([width, width])));
    let outer = Scan { carried: 1, scanned: 0, length: repeat, reverse: false };
    let inner = Scan { carried: 1, scanned: 1, length: 5, reverse: false };
    let results = b
        .scan(outer, &[h, x, w, u], |b, s| {
            b.scan(inner, s, |b, s| {
                let (input, state) = (b.matmul(s[1], s[2])?, b.matmul(s[0], s[3])?);
                let sum = b.add(input, state)?;
                Ok([b.tanh(sum)?])
            })
        })
        .unwrap();
    b.finish(&[results[0]])
}

#[test]
fn invariant_matrices_are_packed_once_before_the_outermost_loop() {
    let graph = recurrent(8, 48, 3);
    let executable = compile(&graph);
    let program = executable.program();
    let packs = |program: &Program| program.steps.iter().filter(|s| matches!(s, Step::Pack { .. })).count();
    assert_eq!(packs(program), 1, "{program}");
    assert!(program.with_regions()[1..].iter().all(|region| packs(region) == 0), "{program}");
    let number = |k: usize| ((k * 37 % 101) as f32 - 50.0) / 400.0;
    let inputs = executable.input_types().iter().map(|ty| {
        Literal::new(ty.shape.clone(), &(0..ty.elements()).map(number).collect::<Vec<_>>()).unwrap()
    });
    let inputs: Vec<Literal> = inputs.collect();
    let (found, expected) =
        (run(&executable, &inputs).unwrap(), tensorwright_ir::eval::evaluate(&graph, &inputs).unwrap());
    for (x, y) in found[0].iter().zip(expected[0].iter()) {
        assert!((x.to_f64() - y.to_f64()).abs() < 1e-5, "{x:?} {y:?}");
    }
}
