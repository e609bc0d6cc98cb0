//! Programs that textbooks write cell by cell, in Rust and as functions. What both give is compared before they are timed.

use std::hint::black_box;

use anyhow::{Result, ensure};
use tensorwright::Error;
use tensorwright::prelude::*;

use super::{Case, called};

/// A program, from an array to an array.
struct Classic {
    name: &'static str,
    iterations: usize,
    argument: Vec<i64>,
    ours: fn(Tensor, usize) -> Result<Tensor, Error>,
    rust: fn(&[i64]) -> Vec<i64>,
}

/// All of them as cases.
pub(super) fn cases() -> Result<Vec<Case>> {
    [
        ring,
        bubble,
        insertion,
        search,
        union,
        elimination,
        floyd,
        knapsack,
        viterbi,
        life,
        metropolis,
        tokens,
        rows,
    ]
    .into_iter()
    .map(|classic| case(classic()))
    .collect()
}

fn case(Classic { name, iterations, argument, ours, rust }: Classic) -> Result<Case> {
    let tensor = Tensor::from(argument.clone());
    let size = argument.len();
    let expected = rust(&argument);
    let found = function(move |x: Tensor| ours(x, size)).call(&tensor)?.to_vec::<i64>()?;
    ensure!(found == expected, "{name}: found {found:?}, in Rust {expected:?}");
    let eager = ours(tensor.clone(), size)?.to_vec::<i64>()?;
    ensure!(eager == expected, "{name}: found {eager:?} eagerly, in Rust {expected:?}");
    let rust = Box::new(move || {
        black_box(rust(black_box(&argument)));
    });
    Ok(Case { name, size, iterations, ours: called(ours, tensor, size), rust })
}

fn n(number: i64) -> Tensor {
    Tensor::from(number)
}

fn numbers(count: i64, below: i64) -> Vec<i64> {
    (0..count).map(|k| (k * k * 7919 + 13 * k + 5) % below).collect()
}

/// A ring buffer.
fn ring() -> Classic {
    Classic {
        name: "ring",
        iterations: 100_000,
        argument: numbers(37, 100),
        ours: |x, size| {
            let size = size as i64;
            fori_loop(0i64, 100_000i64, x, |i, x| {
                let new = (x.take(&i % size, 0) * 5 + x.take((&i + 1) % size, 0)) & 1023;
                x.set(&i % size, new)
            })
        },
        rust: |x| {
            let mut x = x.to_vec();
            for i in 0..100_000 {
                let new = (x[i % x.len()] * 5 + x[(i + 1) % x.len()]) & 1023;
                let at = i % x.len();
                x[at] = new;
            }
            x
        },
    }
}

fn bubble() -> Classic {
    Classic {
        name: "bubble",
        iterations: 200 * 199 / 2,
        argument: numbers(200, 10_007),
        ours: |x, size| {
            let size = size as i64;
            fori_loop(0i64, size, x, move |i, x| {
                fori_loop(0i64, n(size - 1) - &i, x, |j, x| {
                    let (a, b) = (x.take(&j, 0), x.take(&j + 1, 0));
                    x.set(&j, a.minimum(&b)).set(&j + 1, a.maximum(&b))
                })
            })
        },
        rust: |x| {
            let mut x = x.to_vec();
            for i in 0..x.len() {
                for j in 0..x.len() - 1 - i {
                    if x[j] > x[j + 1] {
                        x.swap(j, j + 1);
                    }
                }
            }
            x
        },
    }
}

fn insertion() -> Classic {
    Classic {
        name: "insertion",
        iterations: 200 * 199 / 4,
        argument: numbers(200, 10_007),
        ours: |x, size| {
            fori_loop(1i64, size as i64, x, |i, x| {
                let key = x.take(&i, 0);
                let more = |(j, x): &(Tensor, Tensor)| j.gt(0) & x.take((j - 1).maximum(0), 0).gt(&key);
                let (j, x) = while_loop((i.clone(), x), more, |(j, x)| {
                    let moved = x.set(&j, x.take(&j - 1, 0));
                    (j - 1, moved)
                })?;
                Ok::<_, Error>(x.set(&j, &key))
            })
        },
        rust: |x| {
            let mut x = x.to_vec();
            for i in 1..x.len() {
                let (key, mut j) = (x[i], i);
                while j > 0 && x[j - 1] > key {
                    x[j] = x[j - 1];
                    j -= 1;
                }
                x[j] = key;
            }
            x
        },
    }
}

/// 4,000 binary searches; an iteration is one of twelve halvings.
fn search() -> Classic {
    Classic {
        name: "search",
        iterations: 4000 * 12,
        argument: (0..4096).map(|k| k * 3).collect(),
        ours: |table, size| {
            fori_loop(0i64, 4000i64, Tensor::zeros([4000], DType::I64), |q, found| {
                let wanted = &q * 3 + 1;
                let (low, _) = while_loop(
                    (n(0), n(size as i64)),
                    |(low, high)| low.lt(high),
                    |(low, high)| {
                        let middle = (&low + &high) / 2;
                        let below = table.take(&middle, 0).lt(&wanted);
                        (below.select(&middle + 1, &low), below.select(&high, &middle))
                    },
                )?;
                Ok::<_, Error>(found.set(&q, low))
            })
        },
        rust: |table| {
            let find = |wanted: i64| {
                let (mut low, mut high) = (0, table.len());
                while low < high {
                    let middle = (low + high) / 2;
                    if table[middle] < wanted { low = middle + 1 } else { high = middle }
                }
                low as i64
            };
            (0..4000).map(|q| find(q * 3 + 1)).collect()
        },
    }
}

/// Sets that are joined, with paths halved.
fn union() -> Classic {
    Classic {
        name: "union",
        iterations: 2 * 2000,
        argument: numbers(4000, 1000),
        ours: |edges, _| {
            fori_loop(0i64, 2000i64, Tensor::arange(1000, DType::I64), |k, parent| {
                let find = |x: Tensor, parent: Tensor| {
                    while_loop(
                        (x, parent),
                        |(x, parent)| parent.take(x, 0).ne(x),
                        |(x, parent)| {
                            let above = parent.take(parent.take(&x, 0), 0);
                            (above.clone(), parent.set(&x, &above))
                        },
                    )
                };
                let (a, parent) = find(edges.take(&k * 2, 0), parent)?;
                let (b, parent) = find(edges.take(&k * 2 + 1, 0), parent)?;
                Ok::<_, Error>(parent.set(&a, &b))
            })
        },
        rust: |edges| {
            let mut parent: Vec<i64> = (0..1000).collect();
            let find = |mut x: i64, parent: &mut Vec<i64>| {
                while parent[x as usize] != x {
                    let above = parent[parent[x as usize] as usize];
                    parent[x as usize] = above;
                    x = above;
                }
                x
            };
            for edge in edges.chunks(2) {
                let a = find(edge[0], &mut parent);
                let b = find(edge[1], &mut parent);
                parent[a as usize] = b;
            }
            parent
        },
    }
}

/// LU decomposition of a matrix of 40 rows, cell by cell; what is given are the bits of its numbers.
fn elimination() -> Classic {
    const N: i64 = 40;
    fn matrix(x: &[i64]) -> Vec<f64> {
        x.iter().enumerate().map(|(k, &x)| x as f64 + if k % 41 == 0 { 4000.0 } else { 0.0 }).collect()
    }
    Classic {
        name: "elimination",
        iterations: (N * (N - 1) * (2 * N - 1) / 6) as usize,
        argument: numbers(N * N, 97),
        ours: |x, _| {
            let a = x.cast(DType::F64).reshape([N as usize, N as usize])
                + Tensor::eye(N as usize, DType::F64) * 4000.0;
            let a = fori_loop(0i64, N, a, |k, a| {
                fori_loop(&k + 1, n(N), a, |i, a| {
                    let factor = a.i((&i, &k)) / a.i((&k, &k));
                    let a = a.set((&i, &k), &factor);
                    fori_loop(&k + 1, n(N), a, |j, a| {
                        let new = a.i((&i, &j)) - &factor * a.i((&k, &j));
                        a.set((&i, &j), new)
                    })
                })
            })?;
            Ok((a * 1e6).round_even().cast(DType::I64).reshape([(N * N) as usize]))
        },
        rust: |x| {
            let (mut a, n) = (matrix(x), N as usize);
            for k in 0..n {
                for i in k + 1..n {
                    let factor = a[i * n + k] / a[k * n + k];
                    a[i * n + k] = factor;
                    for j in k + 1..n {
                        a[i * n + j] -= factor * a[k * n + j];
                    }
                }
            }
            a.iter().map(|a| (a * 1e6).round_ties_even() as i64).collect()
        },
    }
}

/// Shortest ways between 40 places.
fn floyd() -> Classic {
    const N: i64 = 40;
    Classic {
        name: "floyd",
        iterations: (N * N * N) as usize,
        argument: numbers(N * N, 1009),
        ours: |d, _| {
            let all = fori_loop(0i64, N, d.reshape([N as usize, N as usize]), |k, d| {
                fori_loop(0i64, N, d, |i, d| {
                    fori_loop(0i64, N, d, |j, d| {
                        let way = d.i((&i, &k)) + d.i((&k, &j));
                        d.set((&i, &j), d.i((&i, &j)).minimum(way))
                    })
                })
            })?;
            Ok(all.reshape([(N * N) as usize]))
        },
        rust: |d| {
            let (mut d, n) = (d.to_vec(), N as usize);
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        d[i * n + j] = d[i * n + j].min(d[i * n + k] + d[k * n + j]);
                    }
                }
            }
            d
        },
    }
}

fn knapsack() -> Classic {
    const ROOM: i64 = 1000;
    Classic {
        name: "knapsack",
        iterations: 50 * ROOM as usize,
        argument: numbers(100, 97).into_iter().map(|x| x + 1).collect(),
        ours: |items, _| {
            fori_loop(0i64, 50i64, Tensor::zeros([ROOM as usize + 1], DType::I64), |item, best| {
                let (weight, value) = (items.take(&item * 2, 0), items.take(&item * 2 + 1, 0));
                let (_, best) = while_loop(
                    (n(ROOM), best),
                    |(room, _)| room.ge(&weight),
                    |(room, best)| {
                        let with = best.take(&room - &weight, 0) + &value;
                        let new = best.take(&room, 0).maximum(with);
                        (&room - 1, best.set(&room, new))
                    },
                )?;
                Ok::<_, Error>(best)
            })
        },
        rust: |items| {
            let mut best = vec![0; ROOM as usize + 1];
            for item in items.chunks(2) {
                for room in (item[0] as usize..=ROOM as usize).rev() {
                    best[room] = best[room].max(best[room - item[0] as usize] + item[1]);
                }
            }
            best
        },
    }
}

/// The best path through eight states, in whole numbers.
fn viterbi() -> Classic {
    const S: i64 = 8;
    const T: i64 = 500;
    Classic {
        name: "viterbi",
        iterations: (S * S * T) as usize,
        argument: numbers(S * S + S * T, 101),
        ours: |x, _| {
            let (step, seen) = (
                x.i(..S * S).reshape([S as usize, S as usize]),
                x.i(S * S..).reshape([T as usize, S as usize]),
            );
            let (score, _) =
                scan(Tensor::zeros([S as usize], DType::I64), seen, |score: Tensor, seen: Tensor| {
                    let next = fori_loop(0i64, S, Tensor::zeros([S as usize], DType::I64), |to, next| {
                        let best = fori_loop(0i64, S, n(i64::MIN), |from, best| {
                            best.maximum(score.take(&from, 0) + step.i((&from, &to)))
                        })?;
                        Ok::<_, Error>(next.set(&to, best + seen.take(&to, 0)))
                    })?;
                    Ok::<_, Error>((next, ()))
                })?;
            Ok(score)
        },
        rust: |x| {
            let (s, mut score) = (S as usize, vec![0i64; S as usize]);
            let (step, seen) = x.split_at(s * s);
            for seen in seen.chunks(s) {
                let best = |to: usize| {
                    (0..s).fold(i64::MIN, |best, from| best.max(score[from] + step[from * s + to]))
                };
                score = (0..s).map(|to| best(to) + seen[to]).collect();
            }
            score
        },
    }
}

/// Cells that live and die, from one board to another.
fn life() -> Classic {
    const N: i64 = 48;
    const TIMES: i64 = 20;
    Classic {
        name: "life",
        iterations: (N * N * TIMES) as usize,
        argument: numbers(N * N, 3).into_iter().map(|x| x & 1).collect(),
        ours: |x, _| {
            let board = x.cast(DType::U8).reshape([N as usize, N as usize]);
            let last = fori_loop(0i64, TIMES, board, |_, board| {
                fori_loop(0i64, N, board.zeros_like(), |i, next| {
                    fori_loop(0i64, N, next, |j, next| {
                        let (up, down) = ((&i + (N - 1)) % N, (&i + 1) % N);
                        let (left, right) = ((&j + (N - 1)) % N, (&j + 1) % N);
                        let cell = |i: &Tensor, j: &Tensor| board.i((i, j));
                        let around = cell(&up, &left)
                            + cell(&up, &j)
                            + cell(&up, &right)
                            + cell(&i, &left)
                            + cell(&i, &right)
                            + cell(&down, &left)
                            + cell(&down, &j)
                            + cell(&down, &right);
                        let lives = around.eq(3u8) | (around.eq(2u8) & cell(&i, &j).eq(1u8));
                        next.set((&i, &j), lives.cast(DType::U8))
                    })
                })
            })?;
            Ok(last.cast(DType::I64).reshape([(N * N) as usize]))
        },
        rust: |x| {
            let n = N as usize;
            let mut board: Vec<u8> = x.iter().map(|&x| x as u8).collect();
            for _ in 0..TIMES {
                let mut next = vec![0; n * n];
                for i in 0..n {
                    for j in 0..n {
                        let (up, down, left, right) =
                            ((i + n - 1) % n, (i + 1) % n, (j + n - 1) % n, (j + 1) % n);
                        let cell = |i: usize, j: usize| board[i * n + j];
                        let around = cell(up, left)
                            + cell(up, j)
                            + cell(up, right)
                            + cell(i, left)
                            + cell(i, right)
                            + cell(down, left)
                            + cell(down, j)
                            + cell(down, right);
                        next[i * n + j] = u8::from(around == 3 || (around == 2 && cell(i, j) == 1));
                    }
                }
                board = next;
            }
            board.into_iter().map(i64::from).collect()
        },
    }
}

/// A sampler that goes up or down by the bits of a generator of its own in its state.
fn metropolis() -> Classic {
    Classic {
        name: "metropolis",
        iterations: 50_000,
        argument: vec![12345],
        ours: |seed, _| {
            let first = (seed.i(0), n(0), Tensor::zeros([64], DType::I64));
            let (_, _, visits) = fori_loop(0i64, 50_000i64, first, |_, (state, at, visits)| {
                let state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
                let proposed = ((&state / 65_536) % 2).eq(0).select(&at + 1, &at - 1);
                let inside = proposed.ge(0) & proposed.lt(64);
                let accept = inside & ((&state / 131_072) % 64).ge(&proposed);
                let at = accept.select(proposed, at);
                let visits = visits.set(&at, visits.take(&at, 0) + 1);
                (state, at, visits)
            })?;
            Ok(visits)
        },
        rust: |seed| {
            let (mut state, mut at, mut visits) = (seed[0], 0i64, vec![0i64; 64]);
            for _ in 0..50_000 {
                state = (state.wrapping_mul(1_103_515_245) + 12_345) & 0x7fff_ffff;
                let proposed = if (state / 65_536) % 2 == 0 { at + 1 } else { at - 1 };
                if (0..64).contains(&proposed) && (state / 131_072) % 64 >= proposed {
                    at = proposed;
                }
                visits[at as usize] += 1;
            }
            visits
        },
    }
}

/// A buffer of bytes that is written where a token is not a blank.
fn tokens() -> Classic {
    Classic {
        name: "tokens",
        iterations: 20_000,
        argument: numbers(20_000, 251),
        ours: |x, size| {
            let text = x.cast(DType::U8);
            let first = (n(0), Tensor::zeros([size], DType::U8));
            let (_, kept) = fori_loop(0i32, size as i32, first, |i, (end, kept)| {
                let token = text.take(&i, 0);
                let (end, kept) = cond(
                    &token.gt(31u8),
                    || Ok::<_, Error>((&end + 1, kept.set(&end, &token))),
                    || Ok((end.clone(), kept.clone())),
                )?;
                Ok::<_, Error>((end, kept))
            })?;
            Ok(kept.cast(DType::I64))
        },
        rust: |x| {
            let text: Vec<u8> = x.iter().map(|&x| x as u8).collect();
            let (mut end, mut kept) = (0, vec![0u8; text.len()]);
            for &token in &text {
                if token > 31 {
                    kept[end] = token;
                    end += 1;
                }
            }
            kept.into_iter().map(i64::from).collect()
        },
    }
}

/// Running sums of rows, stacked by a loop in a loop.
fn rows() -> Classic {
    Classic {
        name: "rows",
        iterations: 100 * 100,
        argument: numbers(10_000, 1000),
        ours: |x, _| {
            let (_, all) = scan(n(0), x.reshape([100, 100]), |sum: Tensor, row: Tensor| {
                scan(sum, row, |sum: Tensor, x: Tensor| {
                    let sum = (sum * 3 + x) % 1000;
                    (sum.clone(), sum)
                })
            })?;
            Ok(all.reshape([10_000]))
        },
        rust: |x| {
            let mut sum = 0;
            x.iter()
                .map(|&x| {
                    sum = (sum * 3 + x) % 1000;
                    sum
                })
                .collect()
        },
    }
}
