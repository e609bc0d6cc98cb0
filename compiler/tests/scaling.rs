//! What lowering costs grows with the program and no faster: work is counted, not timed.

use tensorwright_compiler::lower::{LowerOptions, Promises, StageRun, lower_observed};
use tensorwright_compiler::passes::{PassOptions, PassRun, run_pipeline_observed};
use tensorwright_compiler::program::{Program, Untiled};
use tensorwright_ir::op::primitive::ReduceKind;
use tensorwright_ir::{Builder, DType, Graph, TensorType};

/// Counters that say what searches cost.
const WORK: [&str; 4] = ["nodes visited", "units searched", "places compared", "kernels asked"];

/// The program, and the sum of what its searches cost.
fn lowered(graph: Graph, donated: Vec<(usize, usize)>) -> (Program, u64) {
    let passes = PassOptions { verify: false, ..PassOptions::default() };
    let graph = run_pipeline_observed(graph, &passes, &mut |_: &PassRun<'_>| {}).expect("optimises");
    let options = LowerOptions {
        verify: false,
        promises: Promises { donated, lasting: Vec::new() },
        ..LowerOptions::default()
    };
    let mut work = 0;
    let program = lower_observed(&graph, &options, &Untiled, &mut |run: &StageRun<'_>| {
        work += run.counters.iter().filter(|(name, _)| WORK.contains(name)).map(|(_, n)| n).sum::<u64>();
        assert!(run.counters.iter().all(|(name, _)| *name != "searches given up"));
    });
    (program.expect("lowers"), work)
}

/// A graph, and the inputs that it gives away with their outputs.
type Donating = (Graph, Vec<(usize, usize)>);

/// The sums of `x * i`.
fn sums(count: usize) -> Donating {
    let mut b = Builder::new("sums");
    let ty = TensorType::new(DType::F32, [64]);
    let x = b.input(ty.clone());
    let outputs: Vec<_> = (0..count)
        .map(|i| {
            let factor = b.full(i as f32, &[64].into()).unwrap();
            let y = b.mul(x, factor).unwrap();
            b.reduce(y, ReduceKind::Sum, [0]).unwrap()
        })
        .collect();
    (b.finish(&outputs), Vec::new())
}

/// A step with momentum of so many variables.
fn momentum(count: usize) -> Donating {
    let mut b = Builder::new("momentum");
    let ty = TensorType::new(DType::F32, [64]);
    let gradient = b.input(ty.clone());
    let state: Vec<_> = (0..2 * count).map(|_| b.input(ty.clone())).collect();
    let mut outputs = Vec::new();
    for pair in state.chunks(2) {
        let [decay, rate] = [0.9f32, 0.01].map(|x| b.full(x, &[64].into()).unwrap());
        let kept = b.mul(pair[1], decay).unwrap();
        let force = b.mul(gradient, pair[0]).unwrap();
        let velocity = b.add(kept, force).unwrap();
        let step = b.mul(velocity, rate).unwrap();
        outputs.extend([b.sub(pair[0], step).unwrap(), velocity]);
    }
    let donated = (0..2 * count).map(|i| (i + 1, i)).collect();
    (b.finish(&outputs), donated)
}

/// Updates of so many tensors, each of which is read before and afterwards.
fn updates(count: usize) -> Donating {
    let mut b = Builder::new("updates");
    let [row, ty] = [[1, 64], [16, 64]].map(|dims| TensorType::new(DType::F32, dims));
    let new = b.input(row);
    let start = b.full(3, &[2].into()).unwrap();
    let tensors: Vec<_> = (0..count).map(|_| b.input(ty.clone())).collect();
    let tensors: Vec<_> = tensors.into_iter().map(|x| b.exp(x).unwrap()).collect();
    let mut outputs = Vec::new();
    for &x in &tensors {
        outputs.push(b.reduce(x, ReduceKind::Sum, [0]).unwrap());
        outputs.push(b.dynamic_update_slice(x, new, start).unwrap());
    }
    for &x in &tensors {
        outputs.push(b.reduce(x, ReduceKind::Max, [1]).unwrap());
    }
    (b.finish(&outputs), Vec::new())
}

fn grows_no_faster(program: fn(usize) -> Donating, size: usize) {
    let work = |size| {
        let (graph, donated) = program(size);
        lowered(graph, donated).1
    };
    let (small, large) = (work(size), work(2 * size));
    assert!(large * 10 <= small * 23, "{small} and then {large}");
}

#[test]
fn many_sums_are_not_compared_with_each_other() {
    grows_no_faster(sums, 500);
}

#[test]
fn many_variables_are_not_compared_with_each_other() {
    grows_no_faster(momentum, 160);
}

#[test]
fn readers_of_many_updated_tensors_come_first() {
    grows_no_faster(updates, 160);
}

#[test]
fn all_variables_are_updated_in_place() {
    let (graph, donated) = momentum(40);
    let (program, _) = lowered(graph, donated);
    assert_eq!(program.overwritten.len(), 80, "{program}");
}
