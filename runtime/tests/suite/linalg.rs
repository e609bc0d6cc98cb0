//! Linear algebra against NumPy and SciPy (`scripts/linalg.py`), evaluated and compiled; matrices that have no result; the same bits whatever
//! stands beside a matrix.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::composite::{Dims, MatrixOrder, NormOrder};
use tensorwright_ir::op::primitive::{Basis, Diagonal, Side, Triangle, Turned};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Scalar, TensorType, Value};
use tensorwright_runtime::Executable;

/// A tensor of extents joined by `x`, a colon, and elements; of complex numbers, which are pairs, behind a `c`.
fn literal(word: &str) -> Literal {
    let (word, dtype) = match word.strip_prefix('c') {
        Some(word) => (word, DType::C128),
        None => (word, DType::F64),
    };
    let (shape, elements) = word.split_once(':').expect("a shape and elements");
    let sizes: Vec<usize> = shape.split('x').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
    let elements = elements.split(',').filter(|x| !x.is_empty());
    let elements: Vec<Scalar> = elements.map(|x| Scalar::F64(x.parse().unwrap())).collect();
    Literal::from_fn(TensorType::new(dtype, &sizes[..]), |i| match dtype.is_complex() {
        true => Scalar::complex(elements[2 * i], elements[2 * i + 1]),
        false => elements[i],
    })
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
        "cholesky_solve" => vec![b.cholesky_solve(x[0], x[1])?],
        "eig" => b.eig(x[0])?.to_vec(),
        "eigvals" => vec![b.eigvals(x[0])?],
        "full" => full(b, x[0])?,
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
            Some(("statistic", word)) => vec![statistic(b, word, x[0])?],
            Some(("condition", word)) => vec![b.condition_number(x[0], norm(word).expect("a norm"))?],
            _ => panic!("no case {name}"),
        },
    })
}

/// Singular values, and projections on what vectors without one span.
fn full(b: &mut Builder, x: Value) -> Result<Vec<Value>, BuildError> {
    let factors = b.svd_full(x)?;
    let sizes = b.tensor(x).shape.sizes();
    let k = sizes[0].min(sizes[1]) as i64;
    let (m, n) = (sizes[0] as i64, sizes[1] as i64);
    let is_complex = b.tensor(x).dtype.is_complex();
    let turned = |b: &mut Builder, x: Value| {
        let turned = b.transpose(x, [1, 0])?;
        if is_complex { b.conj(turned) } else { Ok(turned) }
    };
    let left = b.slice(factors[0], [0, k], [m, m], [1, 1])?;
    let left_turned = turned(b, left)?;
    let right = b.slice(factors[2], [k, 0], [n, n], [1, 1])?;
    let right_turned = turned(b, right)?;
    Ok(vec![factors[1], b.matmul(left, left_turned)?, b.matmul(right_turned, right)?])
}

fn statistic(b: &mut Builder, name: &str, x: Value) -> Result<Value, BuildError> {
    let axis = [b.tensor(x).rank() - 1];
    let norm = |word: &str| NormOrder::ALL.iter().copied().find(|order| order.word() == word);
    match name {
        "var" => b.var(x, axis, 0usize, Dims::Drop),
        "std" => b.std(x, axis, 0usize, Dims::Drop),
        "cbrt" => b.cbrt(x),
        word => b.norm(x, norm(word).expect("a norm"), axis, Dims::Drop),
    }
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
    let numbers = |x: &Literal| x.iter().flat_map(Scalar::parts).map(Scalar::to_f64).collect::<Vec<_>>();
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
        let operands: Vec<Literal> = operands.split(' ').map(literal).collect();
        let graph = graph(name, &operands);
        for (how, found) in [
            ("evaluated", evaluate(&graph, &operands).expect("inputs fit")),
            ("compiled", compiled(&graph, &operands)),
        ] {
            for (found, word) in found.iter().zip(right.split(' ')) {
                let expected = literal(word);
                assert_eq!(found.ty().shape, expected.ty().shape, "{name}, {how}");
                assert!(is_near(found, &expected, 1e-9), "{name}, {how}: {found:?}, not {expected:?}");
            }
        }
        cases += 1;
    }
    assert!(cases > 150, "{cases}");
}

/// Eigenvalues of a matrix that lacks vectors have half of the digits, and its neighbours in a batch all of them.
#[test]
fn defective_matrices_have_eigenvalues() {
    // Each with one eigenvalue and one vector: similar to a Jordan block.
    let two = [3.0, 1.0, -1.0, 1.0];
    let three = [3.0, -2.0, 1.0, 2.0, -2.0, 2.0, 3.0, -6.0, 5.0];
    for (n, elements, value, bound) in [(2usize, &two[..], 2.0, 1e-7), (3, &three[..], 2.0, 1e-4)] {
        for dtype in [DType::F64, DType::C128] {
            let x =
                Literal::from_fn(TensorType::new(dtype, [n, n]), |k| Scalar::from_f64(dtype, elements[k]));
            let operands = std::slice::from_ref(&x);
            let evaluated = evaluate(&graph("eigvals", operands), operands).expect("inputs fit");
            for found in [applied("eigvals", &x), evaluated, applied("eig", &x)] {
                for w in found[0].iter().map(Scalar::to_c128) {
                    assert!((w.re - value).abs() < bound && w.im.abs() < bound, "{n} {dtype}: {w}");
                }
            }
        }
    }
}

/// The order of conjugate and of equal real parts does not depend on rounding, so single precision has that of double precision.
#[test]
fn eigenvalues_have_an_order() {
    for n in [2usize, 3, 6, 9, 16] {
        let turned = |dtype: DType| {
            Literal::from_fn(TensorType::new(dtype, [n, n]), |k| {
                Scalar::from_f64(dtype, if (k / n + 1) % n == k % n { 1.0 } else { 0.0 })
            })
        };
        for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
            let found: Vec<_> = applied("eigvals", &turned(dtype))[0].iter().map(Scalar::to_c128).collect();
            let mut expected: Vec<(f64, f64)> = (0..n)
                .map(|k| (std::f64::consts::TAU * k as f64 / n as f64).sin_cos())
                .map(|(sin, cos)| ((cos * 1e6).round() / 1e6, sin))
                .collect();
            expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            for (w, (re, im)) in found.iter().zip(expected) {
                assert!((w.re - re).abs() < 1e-5 && (w.im - im).abs() < 1e-5, "{n} {dtype}: {found:?}");
            }
        }
    }
}

/// A matrix that has no result gives NaN or infinities, and its neighbours do not notice.
#[test]
fn what_has_no_result_is_nan_and_stays_alone() {
    let ops = [
        "cholesky",
        "inverse",
        "lu",
        "qr_reduced",
        "qr_complete",
        "eigh",
        "eigvalsh",
        "eig",
        "eigvals",
        "svd",
        "svdvals",
    ];
    for n in [1usize, 2, 3, 4, 9, 20] {
        for (bad, only_nan) in [(f64::NAN, true), (f64::INFINITY, true), (0.0, false)] {
            let good = |i: usize, j: usize| if i == j { 3.0 + i as f64 } else { 0.1 };
            let element = |k: usize| {
                let (matrix, i, j) = (k / (n * n), k / n % n, k % n);
                if matrix == 1 && (bad == 0.0 || i + j == 0) { bad } else { good(i, j) }
            };
            for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
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
        refused(DType::F16, &[3, 3], name, "operand 0 must be f32, f64, c64 or c128, found f16; cast it");
        refused(DType::I32, &[3, 3], name, "operand 0 must be f32, f64, c64 or c128, found i32; cast it");
        refused(DType::F32, &[3, 2], name, "operand 0 must have as many rows as columns, found f32[3,2]");
        refused(DType::F32, &[3], name, "operand 0 must have rows and columns, found f32[3]");
    }
    for name in ["lu", "qr_reduced", "svd", "svdvals", "pinv", "rank"] {
        refused(DType::BF16, &[3, 2], name, "operand 0 must be f32, f64, c64 or c128, found bf16; cast it");
        refused(DType::F64, &[3], name, "operand 0 must have rows and columns, found f64[3]");
    }
}
