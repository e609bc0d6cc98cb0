//! Golden values of products.

use super::{assert_f64, error, f64s, run, tensor};
use crate::Literal;

#[test]
fn matmul_of_matrices() {
    // a @ b
    let a = f64s([2, 3], [0.25, 0.75, 0.25, -1.25, 1.0, 0.5]);
    let b = f64s([3, 2], [-0.5, 0.5, 0.25, 0.25, 0.0, 0.5]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, [2, 2], &[0.0625, 0.4375, 0.875, -0.125]);
}

#[test]
fn matmul_of_vectors() {
    // a @ b
    let a = f64s([3], [-0.75, -0.25, -0.5]);
    let b = f64s([3], [0.5, 0.0, -0.25]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, (), &[-0.25]);
}

#[test]
fn matmul_with_a_row() {
    // a @ b
    let a = f64s([2], [-0.75, -0.25]);
    let b = f64s([2, 2, 3], [0.0, -0.25, 1.25, 1.0, -2.75, -2.0, -0.25, -0.5, 0.25, 0.25, 2.0, -1.0]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, [2, 3], &[-0.25, 0.875, -0.4375, 0.125, -0.125, 0.0625]);
}

#[test]
fn matmul_with_a_column() {
    // a @ b
    let a = f64s([2, 2, 3], [-0.5, 2.0, 0.75, 0.75, -0.5, -1.75, 0.25, 0.0, -1.25, -0.75, -0.0, -1.0]);
    let b = f64s([3], [-0.0, 0.0, 0.0]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, [2, 2], &[0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn matmul_of_a_batch_with_one_matrix() {
    // a @ b
    let a = f64s([2, 1, 3], [-0.5, 0.5, 1.0, 0.25, -0.75, 0.75]);
    let b = f64s([3, 2], [-0.5, 1.0, -1.0, 1.0, -0.0, -1.25]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, [2, 1, 2], &[-0.25, -1.25, 0.625, -1.4375]);
}

#[test]
fn matmul_of_one_matrix_with_a_batch() {
    // a @ b
    let a = f64s([2, 3], [-0.25, 0.0, 0.25, -1.0, -1.0, 0.25]);
    let b = f64s([2, 3, 1], [-0.5, 0.25, 0.75, -1.75, 0.25, 1.25]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, [2, 2, 1], &[0.3125, 0.4375, 0.75, 1.8125]);
}

#[test]
fn matmul_broadcasts_batches() {
    // a @ b
    let a = f64s([2, 1, 1, 2], [-0.25, -0.75, 0.75, 0.25]);
    let b = f64s([3, 2, 2], [1.0, -0.25, -1.5, -0.0, -0.5, 0.75, 0.25, -1.75, -1.25, 1.0, 0.75, -0.75]);
    let y = run(&[a, b], |b, x| b.matmul(x[0], x[1]));
    assert_f64(
        &y,
        [2, 3, 1, 2],
        &[0.875, 0.0625, -0.0625, 1.125, -0.25, 0.3125, 0.375, -0.1875, -0.3125, 0.125, -0.75, 0.5625],
    );
}

#[test]
fn matvec_broadcasts_batches() {
    // np.matvec(a, b)
    let a = f64s([2, 1, 2, 2], [-0.0, 0.5, 0.5, 1.0, 0.25, -0.0, -0.25, 1.0]);
    let b = f64s([3, 2], [-2.25, -0.25, 0.0, -1.5, 0.25, -0.75]);
    let y = run(&[a, b], |b, x| b.matvec(x[0], x[1]));
    assert_f64(
        &y,
        [2, 3, 2],
        &[-0.125, -1.375, -0.75, -1.5, -0.375, -0.625, -0.5625, 0.3125, 0.0, -1.5, 0.0625, -0.8125],
    );
}

#[test]
fn outer() {
    // np.multiply.outer(a, b)
    let a = f64s([2], [0.75, -0.25]);
    let b = f64s([3], [0.75, 1.25, 0.5]);
    let y = run(&[a, b], |b, x| b.outer(x[0], x[1]));
    assert_f64(&y, [2, 3], &[0.5625, 0.9375, 0.375, -0.1875, -0.3125, -0.125]);
}

#[test]
fn tensordot() {
    // np.tensordot(a, b, ([2, 0], [0, 1]))
    let a = f64s([2, 2, 3], [-1.0, -1.5, 1.75, -0.0, -0.75, 0.25, -0.25, 0.75, 0.0, 0.0, -0.75, 0.5]);
    let b = f64s([3, 2, 2], [-1.0, 0.75, 1.5, -1.5, -2.5, 0.5, 2.5, -1.0, -1.25, 0.5, -0.75, -0.5]);
    let y = run(&[a, b], |b, x| b.tensordot(x[0], x[1], [2, 0], [0, 1]));
    assert_f64(&y, [2, 2], &[4.0625, -1.0, -0.6875, 0.25]);
}

#[test]
fn einsum_matmul() {
    // np.einsum('ij,jk->ik', a, b)
    let a = f64s([2, 3], [-0.25, 0.5, -0.5, 0.25, -0.25, -0.75]);
    let b = f64s([3, 2], [-0.25, -1.0, 0.0, -1.0, -1.0, 1.5]);
    let y = run(&[a, b], |b, x| b.einsum(x, "ij,jk->ik"));
    assert_f64(&y, [2, 2], &[0.5625, -1.0, 0.6875, -1.125]);
}

#[test]
fn einsum_implicit_result_is_alphabetical() {
    // np.einsum('ba', a)
    let a = f64s([2, 3], [-0.0, -0.0, 0.5, -0.5, -0.25, 0.5]);
    let y = run(&[a], |b, x| b.einsum(x, "ba"));
    assert_f64(&y, [3, 2], &[-0.0, -0.5, -0.0, -0.25, 0.5, 0.5]);
}

#[test]
fn einsum_implicit_contraction() {
    // np.einsum('ij,jk', a, b)
    let a = f64s([2, 3], [0.25, -1.25, 0.75, -0.5, -1.0, -1.0]);
    let b = f64s([3, 2], [-0.5, 1.75, -1.25, 0.25, -2.25, -0.0]);
    let y = run(&[a, b], |b, x| b.einsum(x, "ij,jk"));
    assert_f64(&y, [2, 2], &[-0.25, 0.125, 3.75, -1.125]);
}

#[test]
fn einsum_trace() {
    // np.einsum('ii', a)
    let a = f64s([3, 3], [1.0, -0.25, -0.75, 0.25, 0.75, 0.75, 2.0, 0.25, -0.5]);
    let y = run(&[a], |b, x| b.einsum(x, "ii"));
    assert_f64(&y, (), &[1.25]);
}

#[test]
fn einsum_diagonal() {
    // np.einsum('ii->i', a)
    let a = f64s([3, 3], [-0.25, -0.0, 0.0, -0.0, 0.25, -1.75, 0.75, -0.5, -1.25]);
    let y = run(&[a], |b, x| b.einsum(x, "ii->i"));
    assert_f64(&y, [3], &[-0.25, 0.25, -1.25]);
}

#[test]
fn einsum_diagonal_in_the_middle() {
    // np.einsum('iji->ji', a)
    let a = f64s([2, 3, 2], [0.75, 1.25, 0.5, 0.25, -1.0, 2.75, 1.0, -1.25, -0.75, 0.0, -1.5, 0.25]);
    let y = run(&[a], |b, x| b.einsum(x, "iji->ji"));
    assert_f64(&y, [3, 2], &[0.75, -1.25, 0.5, 0.0, -1.0, 0.25]);
}

#[test]
fn einsum_triple_diagonal() {
    // np.einsum('iii->i', a)
    let a = f64s([2, 2, 2], [-0.5, 1.25, 1.0, -2.75, 0.0, -1.5, 1.0, 0.25]);
    let y = run(&[a], |b, x| b.einsum(x, "iii->i"));
    assert_f64(&y, [2], &[-0.5, 0.25]);
}

#[test]
fn einsum_sum_of_all() {
    // np.einsum('ij->', a)
    let a = f64s([2, 3], [0.5, -1.0, 1.75, 2.0, -1.0, 0.25]);
    let y = run(&[a], |b, x| b.einsum(x, "ij->"));
    assert_f64(&y, (), &[2.5]);
}

#[test]
fn einsum_transpose() {
    // np.einsum('ijk->kij', a)
    let a = f64s([2, 1, 3], [-0.75, -0.0, -1.25, 1.75, -1.0, -0.25]);
    let y = run(&[a], |b, x| b.einsum(x, "ijk->kij"));
    assert_f64(&y, [3, 2, 1], &[-0.75, 1.75, -0.0, -1.0, -1.25, -0.25]);
}

#[test]
fn einsum_element_wise() {
    // np.einsum('ij,ij->ji', a, b)
    let a = f64s([2, 3], [0.5, -0.75, -0.25, -0.5, -0.25, -1.25]);
    let b = f64s([2, 3], [-0.5, -0.25, -0.25, 0.0, -0.25, 0.75]);
    let y = run(&[a, b], |b, x| b.einsum(x, "ij,ij->ji"));
    assert_f64(&y, [3, 2], &[-0.25, 0.0, 0.1875, 0.0625, 0.0625, -0.9375]);
}

#[test]
fn einsum_outer_product() {
    // np.einsum('i,j->ji', a, b)
    let a = f64s([2], [-0.25, -0.25]);
    let b = f64s([3], [-0.75, -0.5, -1.25]);
    let y = run(&[a, b], |b, x| b.einsum(x, "i,j->ji"));
    assert_f64(&y, [3, 2], &[0.1875, 0.1875, 0.125, 0.125, 0.3125, 0.3125]);
}

#[test]
fn einsum_batch() {
    // np.einsum('bij,bkj->bik', a, b)
    let a = f64s([2, 2, 3], [0.5, -1.25, -0.75, 0.25, 0.5, -0.5, -2.0, 0.5, 0.25, -1.5, 0.75, -0.75]);
    let b = f64s([2, 1, 3], [-1.25, 0.0, -0.25, 0.25, -1.5, 1.75]);
    let y = run(&[a, b], |b, x| b.einsum(x, "bij,bkj->bik"));
    assert_f64(&y, [2, 2, 1], &[-0.4375, -0.1875, -0.8125, -2.8125]);
}

#[test]
fn einsum_inner_product() {
    // np.einsum('i,i', a, b)
    let a = f64s([3], [-0.5, -1.5, 0.5]);
    let b = f64s([3], [-0.25, 0.25, -0.25]);
    let y = run(&[a, b], |b, x| b.einsum(x, "i,i"));
    assert_f64(&y, (), &[-0.375]);
}

#[test]
fn einsum_private_labels_are_summed() {
    // np.einsum('ij,kl->ik', a, b)
    let a = f64s([2, 2], [-0.0, 0.25, -0.75, 0.75]);
    let b = f64s([2, 2], [-0.5, -0.75, 0.0, 0.5]);
    let y = run(&[a, b], |b, x| b.einsum(x, "ij,kl->ik"));
    assert_f64(&y, [2, 2], &[-0.3125, 0.125, 0.0, 0.0]);
}

#[test]
fn einsum_ellipsis() {
    // np.einsum('...ij,...jk->...ik', a, b)
    let a = f64s([2, 1, 2, 2], [-0.25, -0.75, 0.5, -1.75, -1.0, 0.0, -1.25, 0.0]);
    let b = f64s([3, 2, 1], [-0.0, 1.0, -1.0, -0.75, 0.25, -2.5]);
    let y = run(&[a, b], |b, x| b.einsum(x, "...ij,...jk->...ik"));
    assert_f64(
        &y,
        [2, 3, 2, 1],
        &[-0.75, -1.75, 0.8125, 0.8125, 1.8125, 4.5, 0.0, 0.0, 1.0, 1.25, -0.25, -0.3125],
    );
}

#[test]
fn einsum_ellipsis_implicit() {
    // np.einsum('i...,ij...', a, b)
    let a = f64s([2, 3], [3.0, -0.75, -0.75, 0.75, -0.0, -1.75]);
    let b = f64s([2, 2, 3], [0.75, 0.75, -0.5, -0.25, 0.5, -1.0, 0.5, 0.25, -0.75, -1.5, -0.25, -1.0]);
    let y = run(&[a, b], |b, x| b.einsum(x, "i...,ij..."));
    assert_f64(&y, [3, 2], &[2.625, -1.875, -0.5625, -0.375, 1.6875, 2.5]);
}

#[test]
fn einsum_ellipsis_of_no_axes() {
    // np.einsum('...i,i->...', a, b)
    let a = f64s([3], [1.0, 0.25, 0.75]);
    let b = f64s([3], [0.25, 0.25, -0.75]);
    let y = run(&[a, b], |b, x| b.einsum(x, "...i,i->..."));
    assert_f64(&y, (), &[-0.25]);
}

#[test]
fn einsum_one_element_axes_broadcast() {
    // np.einsum('ij,ij->ij', a, b)
    let a = f64s([2, 1], [0.75, 1.75]);
    let b = f64s([2, 3], [-0.25, -0.5, -0.25, -0.5, -0.75, 0.25]);
    let y = run(&[a, b], |b, x| b.einsum(x, "ij,ij->ij"));
    assert_f64(&y, [2, 3], &[-0.1875, -0.375, -0.1875, -0.875, -1.3125, 0.4375]);
}

#[test]
fn einsum_chain_of_three() {
    // np.einsum('ij,jk,kl->il', a, b, c)
    let a = f64s([2, 3], [-0.25, 1.5, 0.0, 0.25, 1.0, -0.25]);
    let b = f64s([3, 2], [1.5, -0.75, -0.75, -0.25, -0.0, -1.5]);
    let c = f64s([2, 2], [-0.0, -1.75, 1.5, -0.0]);
    let y = run(&[a, b, c], |b, x| b.einsum(x, "ij,jk,kl->il"));
    assert_f64(&y, [2, 2], &[-0.28125, 2.625, -0.09375, 0.65625]);
}

#[test]
fn einsum_bilinear() {
    // np.einsum('bi,oij,bj->bo', a, b, c)
    let a = f64s([2, 2], [-0.75, -1.0, -0.5, -0.25]);
    let b = f64s([2, 2, 3], [-1.0, -1.0, -0.25, -0.5, 1.0, 1.25, 0.0, 0.5, -1.25, 0.75, -0.0, 0.5]);
    let c = f64s([2, 3], [1.5, -2.25, 0.25, -1.0, 0.5, -1.25]);
    let y = run(&[a, b, c], |b, x| b.einsum(x, "bi,oij,bj->bo"));
    assert_f64(&y, [2, 2], &[2.171875, -0.171875, -0.265625, -0.5625]);
}

#[test]
fn einsum_scalar_operands() {
    // np.einsum(',i->i', a, b)
    let a = f64s((), [-0.5]);
    let b = f64s([3], [0.25, 0.5, 0.0]);
    let y = run(&[a, b], |b, x| b.einsum(x, ",i->i"));
    assert_f64(&y, [3], &[-0.125, -0.25, 0.0]);
}

#[test]
fn einsum_label_kept_through_several_products() {
    // np.einsum('i,i,i->i', a, b, c)
    let a = f64s([2], [-0.75, -0.5]);
    let b = f64s([2], [1.0, -0.0]);
    let c = f64s([2], [-1.75, 0.75]);
    let y = run(&[a, b, c], |b, x| b.einsum(x, "i,i,i->i"));
    assert_f64(&y, [2], &[1.3125, 0.0]);
}

#[test]
fn integer_products_wrap() {
    let y = run(&[tensor([1, 2], [100i8, 100]), tensor([2, 1], [1i8, 1])], |b, x| b.matmul(x[0], x[1]));
    assert_eq!(y.to_vec::<i8>().unwrap(), [-56]);
}

#[test]
fn products_of_nothing_are_zero() {
    let [lhs, rhs] = [[2, 0], [0, 2]].map(|shape| Literal::new(shape, &[0f64; 0]).unwrap());
    let y = run(&[lhs, rhs], |b, x| b.matmul(x[0], x[1]));
    assert_f64(&y, [2, 2], &[0.0; 4]);
    let empty = Literal::new([0, 0], &[0f64; 0]).unwrap();
    let y = run(&[empty], |b, x| b.einsum(x, "ii->i"));
    assert_f64(&y, [0], &[]);
}

#[test]
fn many_operands_are_multiplied_as_they_come() {
    let inputs: Vec<Literal> = (0..40).map(|_| f64s([2], [1.0, 2.0])).collect();
    let equation = vec!["i"; 40].join(",") + "->i";
    let y = run(&inputs, |b, x| b.einsum(x, &equation[..]));
    assert_f64(&y, [2], &[1.0, (1u64 << 40) as f64]);
}

#[test]
fn errors() {
    let matrix = || f64s([1, 2], [1.0, 2.0]);
    let two =
        |f: &dyn Fn(&mut crate::Builder, &[crate::Value]) -> Result<crate::Value, crate::BuildError>| {
            error(&[matrix(), matrix()], f)
        };
    assert_eq!(
        two(&|b, x| b.matmul(x[0], x[1])),
        "`matmul`(f64[1,2], f64[1,2]): extents of lhs axis 1 and rhs axis 0 must agree, found [1,2] and [1,2]"
    );
    assert_eq!(
        two(&|b, x| b.matvec(x[0], x[0]).and_then(|_| b.tensordot(x[0], x[1], [0], []))),
        "`tensordot`(f64[1,2], f64[1,2]): attribute `rhs_axes`: 0 axes to go with 1 of lhs"
    );
    let scalar = f64s((), [1.0]);
    assert_eq!(
        error(&[scalar, matrix()], |b, x| b.matmul(x[0], x[1])),
        "`matmul`(f64[], f64[1,2]): operand 0 must have an axis, found f64[]"
    );
    assert_eq!(
        error(&[f64s([2], [1.0; 2]), f64s([3], [1.0; 3])], |b, x| b.einsum(x, "i,i")),
        "`einsum`(f64[2], f64[3]): attribute `equation`: label `i` has extent 3 in operand 1 and 2 before"
    );
    for (equation, message) in [
        ("ij->ij", "1 terms for 2 operands"),
        ("ij,ijk->i", "3 labels for operand 1 of rank 2"),
        ("i,ij", "1 labels for operand 0 of rank 2"),
        ("ij,ij->ii", "label `i` is twice in the result"),
        ("ij,ij->k", "label `k` of the result is in no operand"),
        ("...j,ij->j", "the result must have `...`, as its operands do"),
        ("...i...,ij->j", "`...` is twice in one term of `...i...`"),
        ("i.,ij", "`.` is not a label; expected letters, `...`, `,` and `->`"),
        ("ij,ij->i->j", "`-` is not a label; expected letters, `...`, `,` and `->`"),
    ] {
        let found = two(&|b, x| b.einsum(x, equation));
        assert_eq!(found, format!("`einsum`(f64[1,2], f64[1,2]): attribute `equation`: {message}"));
    }
}
