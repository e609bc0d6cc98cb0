//! A batch norm behind a convolution, and what may not be absorbed.

use tensorwright_ir::op::Random;
use tensorwright_ir::{Graph, Literal, Scalar, eval};

use super::Absorb;
use crate::passes::testing::{graph, run_with};
use crate::passes::{PassOptions, run_pipeline};

const CONV: &str = "{lhs_batch = [], rhs_batch = [], lhs_contract = [3], rhs_contract = [2], lhs_spatial = [1, 2], rhs_spatial = [0, 1], strides = [1, 1], low = [1, 1], high = [1, 1], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 2, 3, 1], sum_order = [1, 2, 0], dtype = f32}";

/// A batch norm, written out, behind a convolution; `more` of the graph follows.
fn normalised(more: &str) -> Graph {
    graph(&format!(
        "graph @f(%x: f32[2,5,5,3], %w: f32[3,3,3,4], %mean: f32[4], %scale: f32[4], %offset: f32[4]) {{
           %y = conv(%x, %w) {CONV}
           %a = broadcast_in_dim(%mean) {{shape = [2,5,5,4], axes = [3]}}
           %b = broadcast_in_dim(%scale) {{shape = [2,5,5,4], axes = [3]}}
           %c = broadcast_in_dim(%offset) {{shape = [2,5,5,4], axes = [3]}}
           %d = sub(%y, %a)
           %e = mul(%d, %b)
           %z = add(%e, %c)
           {more}
         }}"
    ))
}

fn options(lasting: &[usize]) -> PassOptions {
    PassOptions { value_changing: true, lasting: lasting.to_vec(), ..PassOptions::default() }
}

fn inputs(graph: &Graph) -> Vec<Literal> {
    let mut random = Random::new(5);
    let types = graph.input_types().into_iter();
    types
        .map(|ty| Literal::from_fn(ty.tensor().clone(), |_| Scalar::F32(random.symmetric() as f32)))
        .collect()
}

/// Function of elements of the image that are left: a shift.
#[test]
fn a_batch_norm_behind_a_convolution_leaves_a_shift() {
    let before = normalised("return %z");
    let after = run_pipeline(before.clone(), &options(&[1, 2, 3, 4])).expect("it is optimised");
    let large = |name: &str| {
        after
            .nodes()
            .iter()
            .filter(|n| n.op.name() == name && after.ty(n.results[0]).elements() == 200)
            .count()
    };
    assert_eq!([large("add"), large("mul"), large("sub"), large("fma")], [1, 0, 0, 0], "{after}");
    let inputs = inputs(&before);
    let (expected, found) =
        (eval::evaluate(&before, &inputs).expect("runs"), eval::evaluate(&after, &inputs).expect("runs"));
    for i in 0..expected[0].len() {
        let (e, f) = (expected[0].get(i).to_f64(), found[0].get(i).to_f64());
        assert!((e - f).abs() < 1e-5, "element {i}: {e} and {f}");
    }
}

#[test]
fn what_does_not_last_or_is_read_by_others_stays() {
    let plain = normalised("return %z");
    assert!(run_with(&Absorb, &plain, &options(&[2, 3, 4])).is_none(), "weights are given in each call");
    assert!(run_with(&Absorb, &plain, &options(&[1, 2, 4])).is_none(), "so are scales");
    let read = normalised("return %z, %y");
    assert!(run_with(&Absorb, &read, &options(&[1, 2, 3, 4])).is_none(), "somebody reads the convolution");
    let exact = PassOptions { value_changing: false, ..options(&[1, 2, 3, 4]) };
    assert!(run_with(&Absorb, &plain, &exact).is_none(), "results may not change");
}
