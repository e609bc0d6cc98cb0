//! Contractions that are code of kernels give the bits that products of the library give.

use std::collections::HashSet;

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::program::Step;
use tensorwright_ir::op::Random;
use tensorwright_ir::{DType, Graph, Literal, Scalar, TensorType, eval};
use tensorwright_runtime::Executable;
use tensorwright_runtime::library::matmul::{Element, MatMul, MatMulDescriptor, Strides};

/// A product, `lhs` of `[batch, rows, depth]` and `rhs` of `[batch, depth, columns]`, or `[batch, columns, depth]` if it is transposed.
#[derive(Clone, Copy, Debug)]
struct Case {
    dtypes: (DType, DType),
    batch: usize,
    rows: usize,
    depth: usize,
    columns: usize,
    transposed: bool,
}

impl Case {
    fn rhs_shape(self) -> [usize; 3] {
        let Case { batch, depth, columns, transposed, .. } = self;
        if transposed { [batch, columns, depth] } else { [batch, depth, columns] }
    }

    fn text(self) -> String {
        let Case { dtypes: (input, output), batch, rows, depth, columns, transposed } = self;
        let [_, b, c] = self.rhs_shape();
        let contract = if transposed { 2 } else { 1 };
        let result = format!("{output}[{batch},{rows},{columns}]");
        format!(
            "graph @f(%x: {input}[{batch},{rows},{depth}], %y: {input}[{batch},{b},{c}]) -> ({result}) {{
               %z = dot_general(%x, %y) {{lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [{contract}],
                 dtype = {output}}} : {result}
               return %z
             }}"
        )
    }

    fn inputs(self, seed: u64) -> [Literal; 2] {
        let mut random = Random::new(seed);
        let Case { dtypes: (input, _), batch, rows, depth, .. } = self;
        [[batch, rows, depth], self.rhs_shape()]
            .map(|shape| Literal::from_fn(TensorType::new(input, shape), |_| element(&mut random, input)))
    }

    /// The result by the library.
    fn by_library(self, [lhs, rhs]: &[Literal; 2]) -> Literal {
        let Case { dtypes: (input, output), batch, rows, depth, columns, transposed } = self;
        let [_, b, c] = self.rhs_shape();
        let product = MatMulDescriptor {
            batch,
            input: input.into(),
            output: output.into(),
            rhs: if transposed { Strides::row_major(b, c).transposed() } else { Strides::row_major(b, c) },
            ..MatMulDescriptor::row_major(Element::from(input), rows, depth, columns)
        };
        let plan = MatMul::plan(&product).expect("such products exist");
        let ty = TensorType::new(output, [batch, rows, columns]);
        let mut out = vec![0u64; ty.bytes().div_ceil(8)];
        let mut scratch = vec![0u64; plan.scratch_bytes().div_ceil(8) + 8];
        let skipped = scratch.as_ptr().align_offset(64);
        // SAFETY: one more cache line than needed is there.
        let aligned = unsafe { scratch.as_mut_ptr().cast::<u8>().add(skipped * size_of::<u64>()) };
        for tile in 0..plan.tiles() {
            // SAFETY: the memory is that of the operands, the result and a tile's scratch.
            unsafe {
                plan.run_tile(
                    tile,
                    out.as_mut_ptr().cast(),
                    lhs.bytes().as_ptr(),
                    rhs.bytes().as_ptr(),
                    aligned,
                );
            }
        }
        let bytes = out.iter().flat_map(|word| word.to_ne_bytes()).take(ty.bytes()).collect();
        Literal::from_bytes(ty, bytes).expect("the result has the bytes of its type")
    }
}

/// Numbers, and now and then what is special.
fn element(random: &mut Random, dtype: DType) -> Scalar {
    let special = [0.0, -0.0, 1.0, f64::INFINITY, f64::NAN, 1e-30, -1e-30, 65504.0];
    let x = match random.bits() % 12 {
        0 if dtype.is_float() => special[(random.bits() % 8) as usize],
        _ => random.symmetric() * 100.0,
    };
    Scalar::from_f64(dtype, x)
}

/// Bits, but NaN is NaN.
fn bits(literal: &Literal) -> Vec<Option<Vec<u8>>> {
    let size = literal.ty().dtype.size();
    let elements = literal.iter().zip(literal.bytes().chunks(size));
    let is_nan = |x: Scalar| x.to_f64().is_nan();
    elements.map(|(x, bytes)| (!is_nan(x)).then(|| bytes.to_vec())).collect()
}

#[test]
fn results_have_the_bits_of_the_library() {
    use DType::{BF16, F16, F32, F64, I8, I32, I64, U16};
    let dtypes = [
        (F32, F32),
        (F64, F64),
        (F16, F16),
        (BF16, BF16),
        (F16, F32),
        (I8, I8),
        (I8, I32),
        (I64, I64),
        (U16, U16),
    ];
    let shapes = [
        [1, 1503, 3, 5],
        [1, 5, 3, 1200],
        [1000, 3, 3, 3],
        [1, 640, 2, 70],
        [900, 2, 4, 2],
        [1, 1, 2, 33],
        [1, 3000, 4, 1],
        [1, 800, 16, 8],
    ];
    let mut in_kernels = HashSet::new();
    for (dtypes, [batch, rows, depth, columns], transposed) in
        dtypes.iter().flat_map(|&d| shapes.iter().flat_map(move |&s| [(d, s, false), (d, s, true)]))
    {
        let case = Case { dtypes, batch, rows, depth, columns, transposed };
        let graph: Graph = case.text().parse().unwrap_or_else(|error| panic!("{error}"));
        let executable = Executable::compile(&graph, &CompileOptions::default()).expect("compiles");
        if matches!(executable.program().steps[..], [Step::Kernel(_)]) {
            in_kernels.insert(dtypes);
        }
        let inputs = case.inputs(rows as u64);
        let found = executable.run_literals(&inputs, 2).expect("memory");
        let expected = case.by_library(&inputs);
        let differs =
            bits(&found[0]).iter().zip(bits(&expected)).position(|(found, expected)| *found != expected);
        let element = |at: usize| (at, found[0].iter().nth(at), expected.iter().nth(at));
        assert_eq!(differs.map(element), None, "{case:?} {}", executable.program());
    }
    // Those that are none were compared with themselves.
    assert_eq!(in_kernels, dtypes.into_iter().collect(), "each pair has products that are kernels");
}

#[test]
fn what_a_contraction_reads_is_stored_and_what_follows_joins_it() {
    let text = "graph @f(%x: f32[5003,5], %w: f32[5003,3], %v: f32[3,5]) -> (f32[5003], f32[5,5003]) {
      %a = exp(%w)
      %y = dot_general(%a, %v) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
      %z = add(%y, %x)
      %s = reduce(%z) {axes = [1], kind = sum}
      %t = transpose(%z) {permutation = [1, 0]}
      %u = exp(%t)
      return %s, %u
    }";
    let graph: Graph = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let executable = Executable::compile(&graph, &CompileOptions::default()).expect("compiles");
    let products = executable.program().steps.iter().filter(|step| !matches!(step, Step::Kernel(_))).count();
    assert_eq!(products, 0);
    let mut random = Random::new(3);
    let inputs: Vec<Literal> = graph
        .input_types()
        .into_iter()
        .map(|ty| Literal::from_fn(ty.tensor().clone(), |_| Scalar::F32(random.symmetric() as f32)))
        .collect();
    let expected = eval::evaluate(&graph, &inputs).expect("inputs fit");
    let found = executable.run_literals(&inputs, 2).expect("memory");
    for (e, f) in expected.iter().zip(&found) {
        let error = e.iter().zip(f.iter()).map(|(e, f)| (e.to_f64() - f.to_f64()).abs()).fold(0.0, f64::max);
        assert!(error < 1e-4, "{error}");
    }
}
