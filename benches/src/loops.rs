//! Times loops that go cell by cell, beside the same loops in Rust: `cargo run --release -p tensorwright-benches --bin loops -- [NAME..]`
//!
//! Each line has the elements of the array, the nanoseconds of an iteration in Rust, and those of ours, with one thread and with two, with
//! how many times as long that is. All are the best of many runs, taken in turns.

mod classics;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::Error;
use tensorwright::prelude::*;

/// Times loops beside plain Rust.
#[derive(Parser)]
struct Arguments {
    /// Which loops; all if none is named.
    names: Vec<String>,
    /// Seconds to spend on each line.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

/// One run of a loop.
type Run = Box<dyn FnMut() -> Result<()>>;
/// Runs of a loop with so many threads.
type WithThreads = Box<dyn Fn(usize) -> Run>;

/// A loop in both forms.
struct Case {
    name: &'static str,
    /// Elements of the array.
    size: usize,
    iterations: usize,
    rust: Box<dyn FnMut()>,
    ours: WithThreads,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{:<14} {:>7} {:>9} {:>15} {:>15}", "loop", "size", "rust ns", "1 thread", "2 threads");
    let named = |case: &Case| arguments.names.is_empty() || arguments.names.iter().any(|n| n == case.name);
    for mut case in cases().into_iter().chain(classics::cases()?).filter(named) {
        let [rust, one, two] = measure(&mut case, Duration::from_secs_f64(arguments.seconds))?;
        let ours = |ns: f64| format!("{ns:.2} ({:.2})", ns / rust);
        println!("{:<14} {:>7} {rust:>9.2} {:>15} {:>15}", case.name, case.size, ours(one), ours(two));
    }
    Ok(())
}

/// Nanoseconds of an iteration: in Rust, with one thread, with two.
fn measure(case: &mut Case, time: Duration) -> Result<[f64; 3]> {
    let (mut one, mut two) = ((case.ours)(1), (case.ours)(2));
    let mut best = [f64::INFINITY; 3];
    let end = Instant::now() + time;
    let mut rounds = 0;
    while Instant::now() < end || rounds < 5 {
        let mut note = |which: usize, start: Instant| {
            best[which] = f64::min(best[which], start.elapsed().as_secs_f64() * 1e9 / case.iterations as f64);
        };
        let start = Instant::now();
        (case.rust)();
        note(0, start);
        let start = Instant::now();
        one()?;
        note(1, start);
        let start = Instant::now();
        two()?;
        note(2, start);
        rounds += 1;
    }
    Ok(best)
}

fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = [4, 64, 4096, 65_536].into_iter().map(cells).collect();
    all.extend([64, 4096].map(prefix));
    all.extend([64, 4096].map(histogram));
    all.extend([sieve(100_000), table(256), draws(20_000)]);
    all.push(examples("map_while", |numbers, _| map(numbers, steps_to_one)));
    all.push(examples("vmap_while", |numbers, _| vmap(steps_to_one).call(numbers)));
    all
}

/// A call of a function of one tensor, again and again.
fn called(body: fn(Tensor, usize) -> Result<Tensor, Error>, argument: Tensor, size: usize) -> WithThreads {
    Box::new(move |threads| {
        let f = function(move |x: Tensor| body(x, size)).with_threads(threads);
        let argument = argument.clone();
        Box::new(move || {
            drop(f.call(&argument)?);
            Ok(())
        })
    })
}

fn set(x: &Tensor, at: &Tensor, value: Tensor) -> Tensor {
    x.dynamic_update_slice(value.reshape([1]), at.reshape([1]))
}

/// How often a row is gone through, so that a call is long.
fn rounds(size: usize) -> usize {
    (1 << 18) / size
}

/// `row[j] = 3 * row[j] + 1`.
fn cells(size: usize) -> Case {
    let mut row: Vec<i64> = (0..size as i64).collect();
    let ours = |row: Tensor, size: usize| {
        fori_loop(0i64, rounds(size) as i64, row, move |_, row| {
            fori_loop(0i64, size as i64, row, |j, row| set(&row, &j, row.take(&j, 0) * 3 + 1))
        })
    };
    Case {
        name: "cells",
        size,
        iterations: rounds(size) * size,
        ours: called(ours, Tensor::from(row.clone()), size),
        rust: Box::new(move || {
            for _ in 0..rounds(size) {
                let row = black_box(&mut row);
                // An index that the optimiser cannot see through, so that cells are taken one by one, as they are by a program.
                for j in 0..size {
                    let j = black_box(j);
                    row[j] = row[j].wrapping_mul(3).wrapping_add(1);
                }
            }
        }),
    }
}

/// `row[j] = row[j - 1] + row[j]`.
fn prefix(size: usize) -> Case {
    let mut row: Vec<i64> = (0..size as i64).collect();
    let ours = |row: Tensor, size: usize| {
        fori_loop(0i64, rounds(size) as i64, row, move |_, row| {
            fori_loop(1i64, size as i64, row, |j, row| {
                let sum = row.take(&j - 1, 0) + row.take(&j, 0);
                set(&row, &j, sum)
            })
        })
    };
    Case {
        name: "prefix",
        size,
        iterations: rounds(size) * size,
        ours: called(ours, Tensor::from(row.clone()), size),
        rust: Box::new(move || {
            for _ in 0..rounds(size) {
                let row = black_box(&mut row);
                for j in 1..size {
                    row[j] = row[j - 1].wrapping_add(row[j]);
                }
            }
        }),
    }
}

/// Counts of 100,000 numbers below the size.
fn histogram(size: usize) -> Case {
    let values: Vec<i64> = (0..100_000i64).map(|k| (k * k + 7 * k) % size as i64).collect();
    let ours = |values: Tensor, size: usize| {
        let step = |counts: Tensor, x: Tensor| {
            let more = counts.take(&x, 0) + 1;
            (set(&counts, &x, more), ())
        };
        scan(Tensor::zeros([size], DType::I64), values, step).map(|(counts, ())| counts)
    };
    Case {
        name: "histogram",
        size,
        iterations: values.len(),
        ours: called(ours, Tensor::from(values.clone()), size),
        rust: Box::new(move || {
            let mut counts = vec![0i64; size];
            black_box(&values).iter().for_each(|&x| counts[x as usize] += 1);
            black_box(counts);
        }),
    }
}

/// Strikes out multiples; an iteration is one of them.
fn sieve(size: usize) -> Case {
    let struck = (2..).take_while(|p| p * p < size).filter(|&p| (2..p).all(|d| p % d != 0));
    let iterations = struck.map(|p| (size - p * p).div_ceil(p)).sum();
    let ours = |flags: Tensor, size: usize| {
        let limit = size as i64;
        let round = move |(p, flags): (Tensor, Tensor)| {
            let multiples = |(k, flags): (Tensor, Tensor)| (&k + &p, set(&flags, &k, Tensor::from(0u8)));
            let strike = || {
                let struck = while_loop((&p * &p, flags.clone()), |(k, _)| k.lt(limit), multiples);
                struck.map(|(_, flags)| flags)
            };
            let flags = cond(&flags.take(&p, 0).ne(0u8), strike, || Ok(flags.clone()))?;
            Ok::<_, Error>((&p + 1, flags))
        };
        while_loop((Tensor::from(2i64), flags), |(p, _)| (p * p).lt(limit), round).map(|(_, flags)| flags)
    };
    Case {
        name: "sieve",
        size,
        iterations,
        ours: called(ours, Tensor::ones([size], DType::U8), size),
        rust: Box::new(move || {
            let mut flags = vec![1u8; size];
            let mut p = 2;
            while p * p < size {
                if flags[p] != 0 {
                    let mut k = p * p;
                    while k < size {
                        flags[k] = 0;
                        k += p;
                    }
                }
                p += 1;
            }
            black_box(flags);
        }),
    }
}

/// The longest common subsequence of two words of this length, in a table.
fn table(size: usize) -> Case {
    let word: Vec<i64> = (0..size as i64).map(|k| (k * k + 3 * k) % 11).collect();
    let ours = |word: Tensor, size: usize| {
        let n = size as i64;
        let table = Tensor::zeros([size + 1, size + 1], DType::I64);
        fori_loop(1i64, n + 1, table, move |i, table| {
            fori_loop(1i64, n + 1, table, |j, table| {
                let cell = |i: &Tensor, j: &Tensor| table.take(i, 0).take(j, 0);
                let (up, left) = (&i - 1, &j - 1);
                let same = word.take(&up, 0).eq(word.take(Tensor::from(n) - &j, 0));
                let longest = cell(&up, &j).maximum(cell(&i, &left));
                let value = same.select(cell(&up, &left) + 1, longest);
                table.dynamic_update_slice(value.reshape([1, 1]), Tensor::stack(&[&i, &j], 0))
            })
        })
    };
    Case {
        name: "table",
        size,
        iterations: size * size,
        ours: called(ours, Tensor::from(word.clone()), size),
        rust: Box::new(move || {
            let word = black_box(&word);
            let width = size + 1;
            let mut table = vec![0i64; width * width];
            for i in 1..=size {
                for j in 1..=size {
                    let longest = table[(i - 1) * width + j].max(table[i * width + j - 1]);
                    let same = word[i - 1] == word[size - j];
                    table[i * width + j] = if same { table[(i - 1) * width + j - 1] + 1 } else { longest };
                }
            }
            black_box(table);
        }),
    }
}

/// A random number in each iteration.
fn draws(count: usize) -> Case {
    let ours = |seed: Tensor, size: usize| {
        let key = RandomKey::from_tensor(seed);
        fori_loop(0i64, size as i64, Tensor::from(0.0f32), move |i, sum| {
            sum + key.fold_in(&i).uniform([], 0.0f32, 1.0)
        })
    };
    Case {
        name: "draws",
        size: count,
        iterations: count,
        ours: called(ours, RandomKey::new(3).tensor().clone(), count),
        rust: Box::new(move || {
            let mut sum = 0.0f32;
            for i in 0..count as u64 {
                let folded = philox([i as u32, (i >> 32) as u32, 0, 1 << 31], black_box([3, 0]));
                let bits = philox([0; 4], [folded[0], folded[1]])[0];
                sum += (bits >> 8) as f32 * (1.0 / (1 << 24) as f32);
            }
            black_box(sum);
        }),
    }
}

/// Steps of Collatz's sequence until it is at 1.
fn steps_to_one(x: Tensor) -> Result<Tensor, Error> {
    let step = |(x, n): (Tensor, Tensor)| {
        let next = (&x % 2).eq(0).select(&x / 2, &x * 3 + 1);
        (next, n + 1)
    };
    while_loop((x, Tensor::from(0i64)), |(x, _)| x.gt(1), step).map(|(_, n)| n)
}

/// A `while` for each of 1,000 examples; an iteration is one of one example.
fn examples(name: &'static str, ours: fn(Tensor, usize) -> Result<Tensor, Error>) -> Case {
    let numbers: Vec<i64> = (1..=1000).collect();
    let steps = |&x: &i64| {
        let (mut x, mut n) = (x, 0);
        while x > 1 {
            x = if x % 2 == 0 { x / 2 } else { 3 * x + 1 };
            n += 1;
        }
        n
    };
    Case {
        name,
        size: numbers.len(),
        iterations: numbers.iter().map(steps).sum(),
        ours: called(ours, Tensor::from(numbers.clone()), 0),
        rust: Box::new(move || {
            black_box(black_box(&numbers).iter().map(steps).collect::<Vec<usize>>());
        }),
    }
}

/// Philox4x32-10, of Salmon and others, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
fn philox(mut c: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let products = [u64::from(c[0]) * 0xD251_1F53, u64::from(c[2]) * 0xCD9E_8D57];
        let high = products.map(|product| (product >> 32) as u32);
        c = [high[1] ^ c[1] ^ key[0], products[1] as u32, high[0] ^ c[3] ^ key[1], products[0] as u32];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    c
}
