//! Derivatives of linear algebra where factors are not unique but what is made of them is smooth: equal eigenvalues and singular values, singular
//! matrices, vectors that a factorisation does not use.

use tensorwright_ir::op::primitive::{Basis, ReduceKind};
use tensorwright_ir::{BuildError, Builder, DType, Literal, Scalar, TensorType, Value};
use tensorwright_testkit::literals::Random;

use super::numeric::{Case, Rigour};

type Built = Result<Value, BuildError>;

/// Derivatives of the function at the matrix agree with differences, up to an order.
fn check(name: &str, x: &Literal, order: usize, build: impl FnOnce(&mut Builder, Value) -> Built) {
    let mut b = Builder::new(name);
    let input = b.input(x.ty().clone());
    let y = build(&mut b, input).expect("operands are accepted");
    let graph = b.finish(&[y]);
    let name = || name.to_owned();
    let case = Case { graph: &graph, inputs: std::slice::from_ref(x), wrt: &[0], name: &name };
    case.check(&mut Random::new(3), order, Rigour::Strict);
}

fn matrix(rows: usize, columns: usize, element: impl Fn(usize, usize) -> f64) -> Literal {
    let ty = TensorType::new(DType::F64, [rows, columns]);
    Literal::from_fn(ty, |k| Scalar::F64(element(k / columns, k % columns)))
}

#[test]
fn symmetric_functions_of_equal_eigenvalues_have_derivatives() {
    let identity = matrix(3, 3, |i, j| f64::from(u8::from(i == j)));
    let trace_of_exponential = |b: &mut Builder, w: Value| {
        let exponentials = b.exp(w)?;
        b.reduce(exponentials, ReduceKind::Sum, [0usize])
    };
    check("eigh", &identity, 1, |b, x| {
        let w = b.eigh(x)?[0];
        trace_of_exponential(b, w)
    });
    check("eigvalsh", &identity, 1, |b, x| {
        let w = b.eigvalsh(x)?;
        trace_of_exponential(b, w)
    });
}

#[test]
fn symmetric_functions_of_equal_singular_values_have_derivatives() {
    for (rows, columns) in [(3, 3), (4, 2), (2, 4)] {
        let x = matrix(rows, columns, |i, j| if i == j { 2.0 } else { 0.0 });
        check("svdvals", &x, 1, |b, x| {
            let s = b.svdvals(x)?;
            b.reduce(s, ReduceKind::Sum, [0usize])
        });
    }
}

#[test]
fn determinants_of_singular_matrices_have_derivatives() {
    for n in 1..=3 {
        let of_rank_one = matrix(n, n, |i, j| (i + 1) as f64 * (j + 2) as f64);
        check("det", &of_rank_one, 2, |b, x| b.det(x));
        check("det", &matrix(n, n, |_, _| 0.0), 2, |b, x| b.det(x));
    }
}

/// The projection on what a complete basis has beyond the range does not depend on which vectors span it.
#[test]
fn projections_on_the_rest_of_a_complete_basis_have_derivatives() {
    let x = matrix(5, 3, |i, j| ((i * 3 + j * 5) % 7) as f64 - 2.5 + if i == j { 4.0 } else { 0.0 });
    check("qr", &x, 1, |b, x| {
        let q = b.qr(x, Basis::Complete)?[0];
        let rest = b.slice(q, [0, 3], [5, 5], [1, 1])?;
        let turned = b.transpose(rest, [1, 0])?;
        b.matmul(rest, turned)
    });
}

/// Eigenvalues of a real matrix are complex in general, and so are its vectors; of both any function may be asked.
#[test]
fn general_eigenvalues_of_real_matrices_have_derivatives() {
    let x = matrix(3, 3, |i, j| [[1.0, 2.0, 0.3], [-1.5, 0.7, 0.2], [0.4, -0.1, 4.0]][i][j]);
    check("eigvals", &x, 2, |b, x| {
        let w = b.eigvals(x)?;
        b.as_real(w)
    });
    check("eig", &x, 2, |b, x| {
        let v = b.eig(x)?[1];
        b.as_real(v)
    });
}

/// As of a complete basis, for real and for complex matrices, which come as pairs.
#[test]
fn projections_on_singular_vectors_without_a_value_have_derivatives() {
    for (rows, columns) in [(4usize, 2usize), (2, 4)] {
        let rest = |b: &mut Builder, x: Value| {
            let factors = b.svd_full(x)?;
            let is_complex = b.tensor(x).dtype.is_complex();
            let rest = match rows > columns {
                true => b.slice(factors[0], [0, 2], [4, 4], [1, 1])?,
                false => {
                    let rest = b.slice(factors[2], [2, 0], [4, 4], [1, 1])?;
                    b.transpose(rest, [1, 0])?
                }
            };
            let turned = b.transpose(rest, [1, 0])?;
            let turned = if is_complex { b.conj(turned)? } else { turned };
            b.matmul(rest, turned)
        };
        let element = |k: usize| ((k * 5 + 3) % 7) as f64 - 2.5;
        let real = matrix(rows, columns, |i, j| element(i * columns + j));
        check("svd_full", &real, 1, rest);
        let ty = TensorType::new(DType::F64, [rows, columns, 2]);
        let pairs = Literal::from_fn(ty, |k| Scalar::F64(element(k) + 0.1 * (k % 5) as f64));
        check("svd_full", &pairs, 1, |b, x| {
            let x = b.as_complex(x)?;
            let projection = rest(b, x)?;
            b.as_real(projection)
        });
    }
}
