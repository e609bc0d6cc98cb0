//! Linear algebra against NumPy and SciPy (`scripts/linalg.py`), evaluated and compiled; matrices that have no result; the same bits whatever
//! stands beside a matrix.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::composite::MatrixOrder;
use tensorwright_ir::op::primitive::{Basis, Diagonal, Side, Triangle, Turned};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Scalar, TensorType, Value};
use tensorwright_runtime::Executable;

/// A tensor of extents joined by `x`, a colon, and elements.
fn literal(word: &str, dtype: DType) -> Literal {
    let (shape, elements) = word.split_once(':').expect("a shape and elements");
    let sizes: Vec<usize> = shape.split('x').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
    let elements: Vec<f64> = elements.split(',').map(|x| x.parse().unwrap()).collect();
    Literal::from_fn(TensorType::new(dtype, &sizes[..]), |i| Scalar::from_f64(dtype, elements[i]))
}

fn results(b: &mut Builder, name: &str, x: &[Value]) -> Result<Vec<Value>, BuildError> {
    let (left, stored) = (Side::Left, Diagonal::Stored);
    let norm = |word: &str| MatrixOrder::ALL.iter().copied().find(|order| order.word() == word);
    Ok(match name {
        "cholesky" => vec![b.cholesky(x[0])?],
        "lower" => vec![b.triangular_solve(x[0], x[1], left, Triangle::Lower, Turned::No, stored)?],
        "upper_turned" => vec![b.triangular_solve(x[0], x[1], left, Triangle::Upper, Turned::Yes, stored)?],
        "unit_right" => {
            vec![b.triangular_solve(x[0], x[1], Side::Right, Triangle::Upper, Turned::No, Diagonal::Unit)?]
        }
        "solve" => vec![b.solve(x[0], x[1])?],
        "inverse" => vec![b.inverse(x[0])?],
        "lu" => b.lu(x[0])?.to_vec(),
        "qr_reduced" => b.qr(x[0], Basis::Reduced)?.to_vec(),
        "qr_complete" => b.qr(x[0], Basis::Complete)?.to_vec(),
        "eigh" => b.eigh(x[0])?.to_vec(),
        "eigvalsh" => vec![b.eigvalsh(x[0])?],
        "svd" => b.svd(x[0])?.to_vec(),
        "svdvals" => vec![b.svdvals(x[0])?],
        "det" => vec![b.det(x[0])?],
        "slogdet" => b.slogdet(x[0])?.to_vec(),
        "pinv" => vec![b.pinv(x[0], Some(Scalar::F64(1e-12)))?],
        "lstsq" => vec![b.lstsq(x[0], x[1], Some(Scalar::F64(1e-12)))?],
        "rank" => vec![b.matrix_rank(x[0], None)?],
        "expm" => vec![b.expm(x[0])?],
        "power_5" => vec![b.matrix_power(x[0], 5)?],
        "power_minus_2" => vec![b.matrix_power(x[0], -2)?],
        "band_1" => vec![b.band_solve(x[0], x[1], 1usize)?],
        "sylvester" => vec![b.sylvester_solve(x[0], x[1], x[2])?],
        _ => match name.split_once('_') {
            Some(("norm", word)) => vec![b.matrix_norm(x[0], norm(word).expect("a norm"))?],
            Some(("condition", word)) => vec![b.condition_number(x[0], norm(word).expect("a norm"))?],
            _ => panic!("no case {name}"),
        },
    })
}

fn graph(name: &str, operands: &[Literal]) -> Graph {
    let mut b = Builder::new(name);
    let inputs: Vec<Value> = operands.iter().map(|x| b.input(x.ty().clone())).collect();
    let results = results(&mut b, name, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    b.finish(&results)
}

fn compiled(graph: &Graph, operands: &[Literal]) -> Vec<Literal> {
    let executable = Executable::compile(graph, &CompileOptions::default()).expect("it compiles");
    let one = executable.run_literals(operands, 1).expect("it runs");
    assert_eq!(one, executable.run_literals(operands, 2).expect("it runs"), "on two threads");
    one
}

/// Results of a case with one operand.
fn applied(name: &str, x: &Literal) -> Vec<Literal> {
    let operands = std::slice::from_ref(x);
    compiled(&graph(name, operands), operands)
}

/// Whether all elements are as near as `bound` times the greatest of them, and NaN where they should be.
fn is_near(found: &Literal, expected: &Literal, bound: f64) -> bool {
    let numbers = |x: &Literal| x.iter().map(Scalar::to_f64).collect::<Vec<_>>();
    let (found, expected) = (numbers(found), numbers(expected));
    let greatest = expected.iter().filter(|x| x.is_finite()).fold(0.0, |most: f64, x| most.max(x.abs()));
    found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(f, e)| (f - e).abs() <= bound * greatest || (f.is_nan() && e.is_nan()))
}

#[test]
fn linear_algebra_agrees_with_numpy_and_scipy() {
    let mut cases = 0;
    for line in include_str!("linalg.txt").lines() {
        let (left, right) = line.split_once(" => ").expect("operands and results");
        let (name, operands) = left.split_once(' ').expect("a name and operands");
        let operands: Vec<Literal> = operands.split(' ').map(|word| literal(word, DType::F64)).collect();
        let graph = graph(name, &operands);
        for (how, found) in [
            ("evaluated", evaluate(&graph, &operands).expect("inputs fit")),
            ("compiled", compiled(&graph, &operands)),
        ] {
            for (found, word) in found.iter().zip(right.split(' ')) {
                let expected = literal(word, DType::F64);
                assert_eq!(found.ty().shape, expected.ty().shape, "{name}, {how}");
                assert!(is_near(found, &expected, 1e-9), "{name}, {how}: {found:?}, not {expected:?}");
            }
        }
        cases += 1;
    }
    assert!(cases > 50, "{cases}");
}

/// A matrix that has no result gives NaN or infinities, and its neighbours do not notice.
#[test]
fn what_has_no_result_is_nan_and_stays_alone() {
    let ops =
        ["cholesky", "inverse", "lu", "qr_reduced", "qr_complete", "eigh", "eigvalsh", "svd", "svdvals"];
    for n in [1usize, 2, 3, 4, 9, 20] {
        for (bad, only_nan) in [(f64::NAN, true), (f64::INFINITY, true), (0.0, false)] {
            let good = |i: usize, j: usize| if i == j { 3.0 + i as f64 } else { 0.1 };
            let element = |k: usize| {
                let (matrix, i, j) = (k / (n * n), k / n % n, k % n);
                if matrix == 1 && (bad == 0.0 || i + j == 0) { bad } else { good(i, j) }
            };
            for dtype in [DType::F32, DType::F64] {
                let x = Literal::from_fn(TensorType::new(dtype, [3, n, n]), |k| {
                    Scalar::from_f64(dtype, element(k))
                });
                let alone = Literal::from_fn(TensorType::new(dtype, [1, n, n]), |k| {
                    Scalar::from_f64(dtype, element(k))
                });
                for name in ops {
                    let found = applied(name, &x);
                    let of_good = applied(name, &alone);
                    for (found, of_good) in found.iter().zip(&of_good) {
                        let part = found.bytes().len() / 3;
                        let parts: Vec<&[u8]> = found.bytes().chunks(part.max(1)).collect();
                        assert_eq!(parts[0], of_good.bytes(), "{name} {n} {bad}");
                        assert_eq!(parts[2], of_good.bytes(), "{name} {n} {bad}");
                    }
                    let middle = found[0].iter().skip(found[0].len() / 3).take(found[0].len() / 3);
                    let first_is_permutation = name == "lu";
                    if only_nan && !first_is_permutation {
                        assert!(middle.map(Scalar::to_f64).all(f64::is_nan), "{name} {n} {bad}: {found:?}");
                    }
                }
            }
        }
    }
}

/// The library leaves an exact zero where a column has no pivot: singular matrices have a determinant, and a pseudo-inverse.
#[test]
fn singular_matrices_have_determinants() {
    for n in [2usize, 3, 4, 7, 12, 30] {
        let x = Literal::from_fn(TensorType::new(DType::F64, [n, n]), |k| {
            Scalar::F64(if k % n == 1 { 0.0 } else { ((k * k) % 7) as f64 })
        });
        let found = applied("det", &x);
        assert_eq!(found[0].get(0).to_f64().abs(), 0.0, "{n}");
        let found = applied("slogdet", &x);
        assert_eq!(found[1].get(0).to_f64(), f64::NEG_INFINITY, "{n}");
    }
}

#[test]
fn what_is_no_matrix_of_wide_floats_is_refused_by_name() {
    let refused = |dtype: DType, shape: &[usize], name: &str, message: &str| {
        let mut b = Builder::new(name);
        let x = b.input(TensorType::new(dtype, shape));
        let error = results(&mut b, name, &[x, x]).expect_err(name).to_string();
        assert!(error.contains(message), "{name}: {error}");
    };
    for name in ["cholesky", "inverse", "det", "slogdet", "eigh", "expm", "solve"] {
        refused(DType::F16, &[3, 3], name, "operand 0 must be f32 or f64, found f16; cast it");
        refused(DType::I32, &[3, 3], name, "operand 0 must be f32 or f64, found i32; cast it");
        refused(DType::F32, &[3, 2], name, "operand 0 must have as many rows as columns, found f32[3,2]");
        refused(DType::F32, &[3], name, "operand 0 must have rows and columns, found f32[3]");
    }
    for name in ["lu", "qr_reduced", "svd", "svdvals", "pinv", "rank"] {
        refused(DType::BF16, &[3, 2], name, "operand 0 must be f32 or f64, found bf16; cast it");
        refused(DType::F64, &[3], name, "operand 0 must have rows and columns, found f64[3]");
    }
}
