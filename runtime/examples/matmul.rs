//! Speed of matrix products, in GFLOP/s, with one thread and with two:
//! `cargo run --release -p tensorwright-runtime --example matmul [ROWS DEPTH COLUMNS]`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tensorwright_runtime::buffer::{Buffer, BufferPool};
use tensorwright_runtime::library::matmul::{Element, MatMul, MatMulDescriptor, Strides};
use tensorwright_runtime::workers::Workers;

/// What the threads of a job share.
struct Memory {
    out: *mut u8,
    lhs: *const u8,
    rhs: *const u8,
}

// SAFETY: each tile writes its own part of the output.
unsafe impl Sync for Memory {}

fn buffer(bytes: usize) -> Buffer {
    let mut buffer = BufferPool::global().get(bytes.next_multiple_of(4)).expect("memory");
    for i in 0..bytes.div_ceil(4) {
        // SAFETY: the buffer has that many floats.
        unsafe { buffer.as_mut_ptr().cast::<f32>().add(i).write(i as f32 % 7.0 - 3.0) };
    }
    buffer
}

/// Best time of many, each long enough for the clock, within about a third of a second.
fn best(mut work: impl FnMut()) -> Duration {
    let (mut best, mut rounds, start) = (Duration::MAX, 1, Instant::now());
    while start.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        let time = start.elapsed();
        if time < Duration::from_micros(100) {
            rounds *= 2;
        }
        best = best.min(time / rounds);
    }
    best
}

thread_local! {
    static SCRATCH: Cell<Option<Buffer>> = const { Cell::new(None) };
}

fn run(plan: &MatMul, memory: &Memory, threads: usize) {
    Workers::global().run(plan.tiles(), threads, 1, &|tiles| {
        let size = plan.scratch_bytes();
        let mut scratch = match SCRATCH.take().filter(|scratch| scratch.len() >= size) {
            Some(scratch) => scratch,
            None => buffer(size),
        };
        for tile in tiles {
            // SAFETY: the buffers have the sizes of the product, and the scratch memory is this thread's.
            unsafe { plan.run_tile(tile, memory.out, memory.lhs, memory.rhs, scratch.as_mut_ptr()) };
        }
        SCRATCH.set(Some(scratch));
    });
}

fn measure(name: &str, product: &MatMulDescriptor) {
    let plan = MatMul::plan(product).expect("types match");
    let size = product.input.size();
    let [m, k, n] = [product.rows, product.depth, product.columns];
    let [mut out, lhs, rhs] = [m * n, m * k, k * n].map(|count| buffer(count * size));
    let memory = Memory { out: out.as_mut_ptr(), lhs: lhs.as_ptr(), rhs: rhs.as_ptr() };
    let [one, two] = [1, 2].map(|threads| {
        let time = best(|| run(&plan, &memory, threads));
        2.0 * (m * n * k) as f64 / time.as_secs_f64() / 1e9
    });
    let (tiles, tile) = (plan.tiles(), plan.tile_size());
    println!("{name:20} {m:5} x {k:5} x {n:5}: {one:7.1} {two:7.1}   {tiles} tiles of {tile:?}");
}

fn measure_f32([m, k, n]: [usize; 3]) {
    let product = MatMulDescriptor::row_major(Element::F32, m, k, n);
    measure("f32", &product);
    let rhs = Strides::row_major(n, k).transposed();
    measure("f32, rhs transposed", &MatMulDescriptor { rhs, ..product });
    let lhs = Strides::row_major(k, m).transposed();
    measure("f32, lhs transposed", &MatMulDescriptor { lhs, ..product });
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    println!("rows x depth x columns: GFLOP/s with 1 and with 2 threads");
    if let [m, k, n] = sizes[..] {
        return measure_f32([m, k, n]);
    }
    for cube in [64, 256, 1000, 1024, 2048] {
        measure_f32([cube; 3]);
    }
    for shape in
        [[32, 784, 512], [1, 768, 3072], [4, 768, 3072], [8, 768, 3072], [3072, 768, 1], [512, 768, 10]]
    {
        measure_f32(shape);
    }
    use Element::{Bf16, F16, F64, I8, I32, I64};
    for element in [F64, F16, Bf16, I32, I8, I64] {
        for [m, k, n] in [[512, 512, 512], [1, 768, 3072]] {
            measure(&format!("{element:?}"), &MatMulDescriptor::row_major(element, m, k, n));
        }
    }
}
