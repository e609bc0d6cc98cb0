//! Types that cannot be traced.

use tensorwright::prelude::*;

#[function]
fn a_number_decides(x: Tensor) -> Tensor {
    let count = 3;
    if count {
        return x;
    }
    -x
}

#[function]
fn a_number_repeats(x: Tensor) -> Tensor {
    let mut count = 3;
    while count {
        count -= 1;
    }
    x
}

struct NoTree;

#[function]
fn of_no_tree(x: NoTree) -> Tensor {
    Tensor::from(1)
}

#[function]
fn gives_no_tree(x: Tensor) -> NoTree {
    NoTree
}

#[derive(Clone, Tree)]
struct Pair {
    x: Tensor,
    y: Tensor,
}

#[function]
fn gives_a_struct(x: Tensor) -> Pair {
    Pair { x: x.clone(), y: x }
}

#[function]
fn gives_a_number(x: Tensor) -> (Tensor, i32) {
    (x, 3)
}

#[function]
fn gives_another_type(x: Tensor) -> Tensor {
    if x > 0.0 { x } else { 1.0 }
}

fn main() {}
