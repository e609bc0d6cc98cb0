//! Elements per nanosecond of each vector math function on one core, operands in L1:
//! `cargo run --release -p tensorwright-runtime --example math_speed`.

use std::hint::black_box;
use std::time::Instant;

use tensorwright_compiler::math::{Float, MathFn};
use tensorwright_runtime::library::math::{Binary, Unary, symbols};

/// Elements in a strip; three strips of doubles fit into 32 KiB.
const N: usize = 1024;

fn main() {
    println!("{:10} {:>8} {:>8}", "", "f32", "f64");
    for &function in MathFn::ALL {
        let narrow = rate::<f32>(function, Float::F32, |v| v as f32);
        let wide = rate::<f64>(function, Float::F64, |v| v);
        println!("{:10} {narrow:8.2} {wide:8.2}", function.name());
    }
}

/// Best rate of many short runs.
fn rate<T: Copy + Default + 'static>(function: MathFn, float: Float, cast: fn(f64) -> T) -> f64 {
    let a: Vec<T> = (0..N).map(|i| cast(argument(function, i))).collect();
    let mut out = vec![T::default(); N];
    let address = symbols().into_iter().find(|s| s.0 == function.symbol(float)).expect("exported").1;
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..20 {
            call(address, function.arity(), &mut out, black_box(&a));
            black_box(&mut out);
        }
        best = best.min(start.elapsed().as_nanos() as f64 / 20.0);
    }
    N as f64 / best
}

/// Arguments spread over the interesting part of the domain.
fn argument(function: MathFn, i: usize) -> f64 {
    let t = (i as f64 + 0.5) / N as f64;
    match function {
        MathFn::Log | MathFn::Log2 | MathFn::Log1p | MathFn::Pow => t * 100.0,
        MathFn::Acosh => 1.0 + t * 100.0,
        MathFn::Asin | MathFn::Acos | MathFn::Atanh => t * 2.0 - 1.0,
        _ => t * 12.0 - 6.0,
    }
}

fn call<T: 'static>(address: *const u8, arity: usize, out: &mut [T], a: &[T]) {
    // SAFETY: the address belongs to a strip function of this float type and arity, and all slices have `N` elements.
    unsafe {
        if arity == 1 {
            std::mem::transmute::<*const u8, Unary<T>>(address)(out.as_mut_ptr(), a.as_ptr(), N);
        } else {
            std::mem::transmute::<*const u8, Binary<T>>(address)(out.as_mut_ptr(), a.as_ptr(), a.as_ptr(), N);
        }
    }
}
