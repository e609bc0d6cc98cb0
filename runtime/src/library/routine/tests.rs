//! Routines against the evaluator of their op, on drawn samples and on sizes that need several tiles and threads.

use super::*;
use tensorwright_ir::op::primitive::*;
use tensorwright_ir::op::{Draw, Lowering, Operand, Tolerance, Values};
use tensorwright_ir::{DType, Literal, Shape};
use tensorwright_testkit::literals::{Random, random_literal};
use tensorwright_testkit::tolerance::first_difference;

use crate::buffer::BufferPool;

/// Runs an op through the library.
fn run(op: &Op, operands: &[Literal], threads: usize) -> Vec<Literal> {
    let types: Vec<TensorType> = operands.iter().map(|x| x.ty().clone()).collect();
    let results = op.infer_tensors(&types.iter().collect::<Vec<_>>()).unwrap();
    let routine = Routine::prepare(op, &types, &results).unwrap();
    let pool = BufferPool::global();
    let inputs: Vec<_> = operands.iter().map(|x| pool.copy_of(x.bytes()).unwrap()).collect();
    let mut outputs: Vec<_> = results.iter().map(|ty| pool.get(ty.bytes()).unwrap()).collect();
    let from: Vec<_> = inputs.iter().map(|buffer| buffer.as_ptr()).collect();
    let to: Vec<_> = outputs.iter_mut().map(|buffer| buffer.as_mut_ptr()).collect();
    for (buffer, ty) in outputs.iter_mut().zip(&results) {
        // SAFETY: the buffer has that many bytes.
        unsafe { buffer.as_mut_ptr().write_bytes(0xcd, ty.bytes()) };
    }
    // SAFETY: there is a buffer of the right size for each operand and result, and all bytes of the results are initialised.
    let outputs: Vec<_> = unsafe {
        routine.run(&from, &to, threads).unwrap();
        outputs.into_iter().map(|buffer| buffer.assume_init()).collect()
    };
    let literal = |(ty, buffer): (&TensorType, &crate::buffer::SharedBuffer)| {
        Literal::from_bytes(ty.clone(), buffer.to_vec()).unwrap()
    };
    results.iter().zip(&outputs).map(literal).collect()
}

fn check(op: &Op, operands: &[Literal], tolerance: Tolerance) {
    let types: Vec<&TensorType> = operands.iter().map(Literal::ty).collect();
    let results = op.infer_tensors(&types).unwrap();
    let expected = op.eval(&operands.iter().collect::<Vec<_>>(), &results).expect("an ordinary op");
    for threads in [1, 3] {
        let got = run(op, operands, threads);
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got.ty(), expected.ty());
            let operands: Vec<&Literal> = operands.iter().collect();
            if let Some(difference) = first_difference(expected, got, tolerance, &operands) {
                panic!("{op:?} {types:?} {difference}");
            }
        }
    }
}

/// Nothing is handed to other threads that would copy memory onto itself.
#[test]
fn what_is_updated_in_place_is_not_copied() {
    let x = TensorType::new(DType::F32, [100]);
    let (one, at) = (TensorType::new(DType::F32, [1]), TensorType::new(DType::I64, [1]));
    let update = Routine::prepare(
        &DynamicUpdateSlice {}.into(),
        &[x.clone(), one.clone(), at.clone()],
        std::slice::from_ref(&x),
    );
    let axes = || smallvec::smallvec![0];
    let scatter = Scatter {
        kind: ScatterKind::Add,
        offset_axes: axes(),
        collapsed: Default::default(),
        batch: Default::default(),
        index_batch: Default::default(),
        indexed: axes(),
    };
    let scattered = Routine::prepare(&scatter.into(), &[x.clone(), at, one], &[x]);
    let (mut here, there) = ([0u8; 400], [0u8; 400]);
    let to = here.as_mut_ptr();
    for routine in [update.expect("a routine"), scattered.expect("a routine")] {
        let is_done = |phase: usize, from: *const u8| {
            routine.kernel.is_done(phase, &Memory { inputs: &[from], outputs: &[to] })
        };
        assert!(is_done(0, to) && !is_done(0, there.as_ptr()) && !is_done(1, to));
    }
}

fn hint(random: &mut Random) -> TensorType {
    let dtype = DType::REAL[random.below(DType::REAL.len())];
    let sizes: Vec<usize> = (0..random.below(5)).map(|_| [1, 2, 3, 5, 0, 8, 17][random.below(7)]).collect();
    TensorType::new(dtype, Shape::from(&sizes[..]))
}

#[test]
fn routines_agree_with_the_evaluator() {
    for kind in Op::kinds() {
        if kind.lowering != Lowering::Library && kind.name != "transpose" {
            continue;
        }
        let random = &mut Random::new(kind.name.len() as u64);
        for _ in 0..400 {
            let choices: Vec<u32> = (0..64).map(|_| random.bits() as u32).collect();
            let mut draw = Draw::new(&choices);
            let sample = kind.sample(&mut draw, &hint(random).into());
            let operands: Vec<_> = sample.operands.iter().map(|o| random_literal(&mut draw, o)).collect();
            check(&sample.op, &operands, sample.tolerance);
        }
    }
}

fn literal(ty: TensorType, values: Values, seed: u32) -> Literal {
    random_literal(&mut Draw::new(&[seed]), &Operand::new(ty, values))
}

fn any(dtype: DType, shape: &[usize], seed: u32) -> Literal {
    literal(TensorType::new(dtype, Shape::from(shape)), Values::Any, seed)
}

#[test]
fn long_and_many_lines_are_sorted() {
    for (dtype, shape, axis) in [
        (DType::F32, &[3000usize][..], 0),
        (DType::I32, &[5, 2000], 1),
        (DType::F64, &[2, 1500, 3], 1),
        (DType::U8, &[4000, 2], 0),
        (DType::BF16, &[300, 40], 1),
    ] {
        for descending in [false, true] {
            let keys = [any(dtype, shape, 1), any(DType::I16, shape, 2), any(DType::I64, shape, 3)];
            check(&Sort { axis, keys: 1, descending }.into(), &keys, Tolerance::Exact);
            let [first, second, rest] = keys;
            check(
                &Sort { axis, keys: 2, descending }.into(),
                &[any(DType::Bool, shape, 4), second, first, rest],
                Tolerance::Exact,
            );
        }
        for k in [1, 7, shape[axis]] {
            check(&TopK { k, axis }.into(), &[any(dtype, shape, 5)], Tolerance::Exact);
        }
    }
}

#[test]
fn scans_of_many_lines() {
    for kind in [ReduceKind::Sum, ReduceKind::Max] {
        for (shape, axis) in [(&[30usize, 200, 70][..], 1), (&[300, 70], 1), (&[9, 200], 0)] {
            for dtype in [DType::F32, DType::I8, DType::F16] {
                let op = Cumulative { kind, axis, exclusive: axis == 0, reverse: shape.len() == 3 };
                let x = literal(TensorType::new(dtype, Shape::from(shape)), Values::Moderate, 7);
                check(&op.into(), &[x], Tolerance::Epsilons(64));
            }
        }
    }
}

#[test]
fn embeddings_forth_and_back() {
    let (words, features, count) = (500, 48, 900);
    let table = any(DType::F32, &[words, features], 1);
    let indices = literal(TensorType::new(DType::I64, [count, 1]), Values::Index(words), 2);
    let axes = |list: &[usize]| list.iter().copied().collect();
    let gather = Gather {
        offset_axes: axes(&[1]),
        collapsed: axes(&[0]),
        batch: axes(&[]),
        index_batch: axes(&[]),
        indexed: axes(&[0]),
        sizes: axes(&[1, features]),
    };
    check(&gather.clone().into(), &[table.clone(), indices.clone()], Tolerance::Exact);
    for kind in [ScatterKind::Add, ScatterKind::Set, ScatterKind::Max] {
        let Gather { offset_axes, collapsed, batch, index_batch, indexed, .. } = gather.clone();
        let scatter = Scatter { kind, offset_axes, collapsed, batch, index_batch, indexed };
        let updates = any(DType::F32, &[count, features], 3);
        check(&scatter.into(), &[table.clone(), indices.clone(), updates], Tolerance::Exact);
    }
}

#[test]
fn elements_along_an_axis_and_batches_of_updates() {
    let x = any(DType::F16, &[60, 200], 1);
    let indices = literal(TensorType::new(DType::U32, [60, 90, 1]), Values::Index(200), 2);
    let axes = |list: &[usize]| list.iter().copied().collect();
    let gather = Gather {
        offset_axes: axes(&[]),
        collapsed: axes(&[1]),
        batch: axes(&[0]),
        index_batch: axes(&[0]),
        indexed: axes(&[1]),
        sizes: axes(&[1, 1]),
    };
    check(&gather.clone().into(), &[x.clone(), indices.clone()], Tolerance::Exact);
    let Gather { offset_axes, collapsed, batch, index_batch, indexed, .. } = gather;
    let scatter = Scatter { kind: ScatterKind::Mul, offset_axes, collapsed, batch, index_batch, indexed };
    check(&scatter.into(), &[x, indices, any(DType::F16, &[60, 90], 3)], Tolerance::Exact);
}

#[test]
fn random_streams_and_large_copies() {
    for algorithm in [RngAlgorithm::Philox, RngAlgorithm::Threefry] {
        for dtype in [DType::U32, DType::U64] {
            let key = any(DType::U32, &[2], 5);
            let counter = Literal::scalar(u64::MAX - 70);
            let op = RngBits { algorithm, dtype, shape: Shape::from([3, 1777]) };
            check(&op.into(), &[key, counter], Tolerance::Exact);
        }
    }
    let x = any(DType::I32, &[70, 90, 33], 6);
    for permutation in [[2, 0, 1], [1, 0, 2], [2, 1, 0], [0, 2, 1]] {
        check(
            &Transpose { permutation: permutation.into_iter().collect() }.into(),
            std::slice::from_ref(&x),
            Tolerance::Exact,
        );
    }
    check(&Bitcast { dtype: DType::U8 }.into(), std::slice::from_ref(&x), Tolerance::Exact);
    let starts = literal(TensorType::new(DType::I32, [3]), Values::Index(60), 8);
    let update = any(DType::I32, &[40, 80, 33], 9);
    check(&DynamicUpdateSlice {}.into(), &[x.clone(), update, starts.clone()], Tolerance::Exact);
    check(&DynamicSlice { sizes: Shape::from([40, 17, 30]) }.into(), &[x, starts], Tolerance::Exact);
}

#[test]
fn other_ops_have_no_routine() {
    let op = Op::from(Select {});
    let ty = TensorType::scalar(DType::F32);
    let error =
        Routine::prepare(&op, &[TensorType::scalar(DType::Bool), ty.clone(), ty.clone()], &[ty]).unwrap_err();
    assert_eq!(error, RoutineError::NoRoutine { op: "select" });
}

/// Some places lie outside, and the long lists are shared.
#[test]
fn elements_where_a_list_says() {
    let axes = |list: &[usize]| list.iter().copied().collect();
    let none = || axes(&[]);
    for (count, dtype) in [(1, DType::F64), (200_000, DType::F32), (500, DType::F16), (300_000, DType::I16)] {
        let x = any(dtype, &[301, 3], 1);
        let updates = any(dtype, &[count], 2);
        let mut random = Random::new(3);
        let places: Vec<i32> = (0..count).map(|_| random.below(310) as i32 - 4).collect();
        let wide: Vec<i64> = places.iter().map(|&place| i64::from(place) << (32 * (place & 1))).collect();
        let lists = [Literal::new([count, 1], &places), Literal::new([count, 1], &wide)];
        for kind in [ScatterKind::Set, ScatterKind::Add, ScatterKind::Mul, ScatterKind::Min, ScatterKind::Max]
        {
            let (collapsed, indexed) = (axes(&[0, 1]), axes(&[0]));
            let (batch, index_batch, offset_axes) = (none(), none(), none());
            let scatter = Op::from(Scatter { kind, offset_axes, collapsed, batch, index_batch, indexed });
            for list in lists.iter().flatten() {
                check(&scatter, &[x.clone(), list.clone(), updates.clone()], Tolerance::Exact);
            }
        }
    }
}
