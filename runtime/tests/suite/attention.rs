//! Attention strip by strip gives the bits of what is written out, on any number of threads, and what the evaluator gives on the way back, in memory that
//! grows with the tokens.

use tensorwright_compiler::{CompileOptions, differentiate};
use tensorwright_ir::op::primitive::{Attend, Unseen};
use tensorwright_ir::op::{OpDef, Random, Tolerance};
use tensorwright_ir::{Builder, DType, Graph, Literal, Scalar, TensorType, Value, eval};
use tensorwright_runtime::Executable;
use tensorwright_testkit::tolerance::{first_difference, same_values};

/// Attention of some extents, with some of the operands that need not be there.
#[derive(Clone, Copy, Debug)]
struct Case {
    dtype: DType,
    /// Batch entries, heads, heads of keys, queries, keys, numbers of a key and of a value.
    extents: [usize; 7],
    /// Extents of the bias and the mask, and of the slopes.
    bias: Option<[usize; 4]>,
    mask: Option<[usize; 4]>,
    slopes: Option<[usize; 2]>,
    rate: f64,
    /// Left, right, offset.
    window: [i64; 3],
    /// Scale, divisor, cap, fill.
    numbers: [f64; 4],
    unseen: Unseen,
}

const PLAIN: Case = Case {
    dtype: DType::F32,
    extents: [1, 2, 2, 70, 70, 8, 16],
    bias: None,
    mask: None,
    slopes: None,
    rate: 0.0,
    window: [-1, -1, 0],
    numbers: [0.35, 1.0, 0.0, f64::NEG_INFINITY],
    unseen: Unseen::Zero,
};

const CASES: [Case; 16] = [
    PLAIN,
    Case { extents: [1, 2, 2, 33, 300, 40, 24], ..PLAIN },
    Case { extents: [1, 1, 1, 33, 270, 270, 40], ..PLAIN },
    Case { dtype: DType::F64, extents: [1, 2, 2, 40, 300, 20, 36], ..PLAIN },
    Case { extents: [1, 6, 2, 50, 90, 16, 32], window: [-1, 0, 40], ..PLAIN },
    Case { window: [-1, 0, 0], numbers: [1.0, 3.0, 0.0, f64::NEG_INFINITY], ..PLAIN },
    Case { extents: [1, 2, 1, 100, 300, 16, 16], window: [17, 3, 100], ..PLAIN },
    Case { extents: [1, 2, 1, 60, 300, 16, 16], window: [5, -1, 270], ..PLAIN },
    // The last queries see nothing.
    Case { extents: [1, 2, 2, 100, 40, 8, 16], window: [2, 2, 0], ..PLAIN },
    Case { extents: [1, 2, 2, 100, 40, 8, 16], window: [2, 2, 0], unseen: Unseen::Nan, ..PLAIN },
    Case { bias: Some([1, 2, 70, 70]), mask: Some([1, 1, 1, 70]), ..PLAIN },
    Case { bias: Some([1, 1, 70, 1]), mask: Some([1, 2, 70, 70]), unseen: Unseen::Nan, ..PLAIN },
    Case { mask: Some([1, 2, 70, 70]), numbers: [0.35, 1.0, 0.0, -1e9], ..PLAIN },
    Case { slopes: Some([1, 2]), numbers: [0.5, 1.0, 4.0, f64::NEG_INFINITY], window: [-1, 0, 0], ..PLAIN },
    Case { extents: [2, 4, 2, 37, 50, 12, 20], rate: 0.25, slopes: Some([2, 1]), dtype: DType::F64, ..PLAIN },
    Case { extents: [2, 2, 2, 37, 100, 32, 64], rate: 0.1, bias: Some([2, 1, 37, 100]), ..PLAIN },
];

/// More of what may be written out: rows of masks that hide everything, windows around masks.
const WRITTEN: [Case; 2] = [
    Case { mask: Some([1, 2, 70, 1]), ..PLAIN },
    Case { mask: Some([1, 1, 1, 70]), window: [-1, 0, 0], ..PLAIN },
];

impl Case {
    fn op(&self) -> Attend {
        let [left, right, offset] = self.window;
        let [scale, divisor, soft_cap, fill] = self.numbers.map(Scalar::F64);
        let rate = Scalar::F64(self.rate);
        Attend { scale, divisor, soft_cap, fill, left, right, offset, rate, unseen: self.unseen }
    }

    fn types(&self) -> Vec<TensorType> {
        let [batch, heads, groups, queries, keys, width, values] = self.extents;
        let number = |sizes: &[usize]| TensorType::new(self.dtype, sizes);
        let mut types = vec![
            number(&[batch, heads, queries, width]),
            number(&[batch, groups, keys, width]),
            number(&[batch, groups, keys, values]),
        ];
        types.extend(self.bias.map(|sizes| number(&sizes)));
        types.extend(self.mask.map(|sizes| TensorType::new(DType::Bool, sizes)));
        types.extend(self.slopes.map(|sizes| number(&sizes)));
        types.extend((self.rate != 0.0).then(|| TensorType::new(DType::U32, [2])));
        types
    }

    fn inputs(&self) -> Vec<Literal> {
        let mut random = Random::new(7);
        let mut literal = |ty: TensorType| {
            Literal::from_fn(ty.clone(), |_| match ty.dtype {
                DType::Bool => Scalar::Bool(random.below(3) > 0),
                DType::U32 => Scalar::U32(random.bits() as u32),
                dtype => Scalar::from_f64(dtype, 2.0 * random.symmetric()),
            })
        };
        self.types().into_iter().map(&mut literal).collect()
    }

    fn graph(&self, build: impl FnOnce(&mut Builder, &[Value]) -> Vec<Value>) -> Graph {
        let mut b = Builder::new("f");
        let inputs: Vec<Value> = self.types().into_iter().map(|ty| b.input(ty)).collect();
        let results = build(&mut b, &inputs);
        b.finish(&results)
    }

    /// As the op.
    fn attended(&self) -> Graph {
        self.graph(|b, inputs| b.push(self.op(), inputs).expect("operands fit").to_vec())
    }

    /// As it is defined.
    fn written(&self) -> Graph {
        self.graph(|b, inputs| {
            OpDef::expand(&self.op(), b, inputs).expect("has a definition").expect("operands fit").to_vec()
        })
    }
}

fn run(graph: &Graph, inputs: &[Literal], threads: usize) -> Vec<Literal> {
    let executable = Executable::compile(graph, &CompileOptions::default()).expect("compiles");
    executable.run_literals(inputs, threads).expect("runs")
}

fn has(graph: &Graph, name: &str) -> bool {
    let executable = Executable::compile(graph, &CompileOptions::default()).expect("compiles");
    executable.program().to_string().contains(name)
}

#[test]
fn strips_have_the_bits_of_what_is_written_out() {
    for case in CASES {
        let (attended, inputs) = (case.attended(), case.inputs());
        assert!(has(&attended, "attend"), "{case:?}");
        let found = run(&attended, &inputs, 1);
        let written = run(&case.written(), &inputs, 2);
        for (place, (found, written)) in found.iter().zip(&written).enumerate() {
            assert_eq!(
                first_difference(written, found, Tolerance::Exact, &[]).map(|d| d.to_string()),
                None,
                "{place} of {case:?}"
            );
        }
        for threads in [2, 3] {
            let shared = run(&attended, &inputs, threads);
            assert!(shared.iter().zip(&found).all(|(a, b)| same_values(a, b)), "{threads} threads {case:?}");
        }
    }
}

#[test]
fn what_is_written_out_is_recognised_and_keeps_its_bits() {
    let may_be_written =
        |case: &Case| case.slopes.is_none() && case.rate == 0.0 && case.extents[1] == case.extents[2];
    for case in CASES.into_iter().chain(WRITTEN).filter(may_be_written) {
        let case = Case {
            unseen: Unseen::Nan,
            numbers: [case.numbers[0], case.numbers[1], 0.0, case.numbers[3]],
            ..case
        };
        // The logarithms are what else is read of it, so that it is not recognised.
        let plain = case.written();
        let mut b = Builder::new("f");
        let inputs: Vec<Value> = case.types().into_iter().map(|ty| b.input(ty)).collect();
        let results = b.inline(&plain, &inputs).expect("operands fit");
        let written = b.finish(&results[..1]);
        assert!(!has(&plain, "attend") && has(&written, "attend"), "{case:?}");
        let (expected, found) = (run(&plain, &case.inputs(), 1), run(&written, &case.inputs(), 2));
        let difference = first_difference(&expected[0], &found[0], Tolerance::Exact, &[]);
        assert_eq!(difference.map(|d| d.to_string()), None, "{case:?}");
    }
}

/// Cotangents of all floats, of the sum of squares of the results.
fn gradients(graph: &Graph) -> Graph {
    let wrt: Vec<usize> =
        (0..graph.inputs().len()).filter(|&i| graph.tensor(graph.inputs()[i]).dtype.is_float()).collect();
    differentiate::vjp(graph, &wrt).expect("has a derivative").graph
}

#[test]
fn the_way_back_agrees_with_the_evaluator() {
    for case in CASES {
        let forward = case.graph(|b, inputs| vec![b.push(case.op(), inputs).expect("operands fit")[0]]);
        let (back, mut inputs) = (gradients(&forward), case.inputs());
        assert!(has(&back, "attend_back"), "{case:?}");
        let ty = forward.tensor(forward.outputs()[0]).clone();
        let mut random = Random::new(3);
        inputs.push(Literal::from_fn(ty.clone(), |_| Scalar::from_f64(ty.dtype, random.symmetric())));
        let expected = eval::evaluate(&back, &inputs).expect("evaluates");
        let found = run(&back, &inputs, 1);
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let operands: Vec<&Literal> = inputs.iter().filter(|x| x.ty().dtype.is_float()).collect();
            let difference = first_difference(expected, found, Tolerance::Epsilons(256), &operands);
            assert_eq!(difference.map(|d| d.to_string()), None, "{place} of {case:?}");
        }
        let shared = run(&back, &inputs, 3);
        assert!(shared.iter().zip(&found).all(|(a, b)| same_values(a, b)), "{case:?}");
    }
}

#[test]
fn memory_grows_with_the_tokens() {
    let case = Case { extents: [1, 2, 2, 2048, 2048, 32, 32], window: [-1, 0, 0], ..PLAIN };
    let forward = case.graph(|b, inputs| vec![b.push(case.op(), inputs).expect("operands fit")[0]]);
    for graph in [&forward, &gradients(&forward)] {
        let executable = Executable::compile(graph, &CompileOptions::default()).expect("compiles");
        let types = case.types().iter().map(TensorType::bytes).sum::<usize>();
        assert!(executable.program().arena_bytes < 4 * types, "{}", executable.program().arena_bytes);
    }
}
