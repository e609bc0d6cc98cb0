//! Jumps and blocks that cannot be traced.

use tensorwright::prelude::*;

#[function]
fn out_of_an_expression(x: Tensor) -> Tensor {
    let y = &x + if x > 0.0 { return x } else { x.clone() };
    y * 2.0
}

#[function]
fn out_of_an_argument(x: Tensor) -> Tensor {
    let mut y = x.clone();
    while y < 10.0 {
        y = y.maximum(match 1 {
            1 => break,
            _ => &x,
        });
    }
    y
}

#[function]
fn a_jump_in_a_jump(x: Tensor) -> Tensor {
    return if x > 0.0 { return x } else { x };
}

#[function]
fn of_an_unknown_loop(x: Tensor) -> Tensor {
    'one: while x > 0.0 {
        break 'two;
    }
    x
}

#[function]
fn without_a_loop(x: Tensor) -> Tensor {
    if x > 0.0 {
        continue;
    }
    x
}

#[function]
fn a_labelled_block(x: Tensor) -> Tensor {
    'block: {
        if x > 0.0 {
            break 'block x;
        }
        -x
    }
}

#[function]
fn an_unsafe_block(x: Tensor) -> Tensor {
    unsafe {
        if x > 0.0 {
            return x;
        }
    }
    -x
}

#[function]
fn waits(x: Tensor) -> Tensor {
    std::future::ready(x).await
}

#[function]
fn promises(x: Tensor) -> Tensor {
    let later = async { 1 };
    x
}

fn main() {}
