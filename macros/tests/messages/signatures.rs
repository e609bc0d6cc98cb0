//! What cannot be a `#[function]`.

use tensorwright::prelude::*;

#[function(eager)]
fn with_an_option(x: Tensor) -> Tensor {
    x
}

#[function(associated, eager)]
fn with_two_options(x: Tensor) -> Tensor {
    x
}

#[function]
async fn asynchronous(x: Tensor) -> Tensor {
    x
}

#[function]
unsafe fn dangerous(x: Tensor) -> Tensor {
    x
}

#[function]
const fn constant(x: Tensor) -> Tensor {
    x
}

#[function]
extern "C" fn foreign(x: Tensor) -> Tensor {
    x
}

#[function]
fn changes_its_argument(x: &mut Tensor) {
    *x = &*x + 1.0;
}

#[function]
fn of_some_type(x: impl Tree) -> Tensor {
    Tensor::from(1)
}

#[function]
fn gives_some_type(x: Tensor) -> impl Tree {
    x
}

#[function]
#[rustfmt::skip]
fn of_many(
    a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8,
) -> Tensor {
    Tensor::from(1)
}

#[derive(Clone, Tree)]
struct Counter {
    count: Tensor,
}

impl Counter {
    #[function]
    fn increment(&mut self) {
        self.count = &self.count + 1;
    }

    #[function]
    fn incremented(mut self) -> Tensor {
        self.count += 1;
        self.count
    }
}

#[function]
struct NoFunction;

fn main() {}
