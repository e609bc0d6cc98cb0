//! Loops that read and write one cell at a time, against the same loops in Rust.

use tensorwright::Error;
use tensorwright::prelude::*;

fn number(n: i64) -> Tensor {
    Tensor::from(n)
}

/// `x` with the element at `index` set.
fn put(x: &Tensor, index: &[&Tensor], value: &Tensor) -> Tensor {
    let starts: Vec<Tensor> = index.iter().map(|i| i.cast(DType::I64)).collect();
    x.dynamic_update_slice(value.reshape(vec![1; index.len()]), Tensor::stack(&starts, 0))
}

fn ints(x: &Tensor) -> Vec<i64> {
    x.to_vec().unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_row_is_filled_cell_by_cell() {
    for n in [1usize, 4, 16, 17, 64, 4096] {
        let fill = function(move |row: Tensor| {
            fori_loop(0i64, n as i64, row, |j, row| put(&row, &[&j], &(row.take(&j, 0) * 3 + 1)))
        });
        let row: Vec<i64> = (0..n as i64).collect();
        let expected: Vec<i64> = row.iter().map(|x| x * 3 + 1).collect();
        let x = Tensor::from(row.clone());
        assert_eq!(ints(&fill.call(&x).unwrap()), expected);
        assert_eq!(ints(&x), row, "the argument is left alone");
    }
}

#[test]
fn a_prefix_table_reads_what_it_wrote() {
    let table = function(|n: Tensor| {
        let first = put(&Tensor::zeros([90], DType::I64), &[&number(1)], &number(1));
        fori_loop(number(2), n, first, |j, t| put(&t, &[&j], &(t.take(&j - 1, 0) + t.take(&j - 2, 0))))
    });
    let mut expected = vec![0i64, 1];
    (2..90).for_each(|j| expected.push(expected[j - 1] + expected[j - 2]));
    assert_eq!(ints(&table.call(90i64).unwrap()), expected);
}

fn edit_distance(a: &[i64], b: &[i64]) -> i64 {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = match (i, j) {
                (0, k) | (k, 0) => k as i64,
                _ => {
                    let change = table[i - 1][j - 1] + i64::from(a[i - 1] != b[j - 1]);
                    change.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1)
                }
            };
        }
    }
    table[a.len()][b.len()]
}

fn words() -> [Vec<i64>; 2] {
    let word = |n: i64, step: i64| (0..n).map(|k| (k * step + k * k) % 7).collect();
    [word(23, 3), word(31, 5)]
}

#[test]
fn edit_distance_in_a_table() {
    let [a, b] = words();
    let (n, m) = (a.len() as i64, b.len() as i64);
    let distance = function(move |(a, b): (Tensor, Tensor)| {
        let table = Tensor::zeros([n as usize + 1, m as usize + 1], DType::I64);
        let table = fori_loop(0i64, n + 1, table, |i, t| put(&t, &[&i, &number(0)], &i))?;
        let table = fori_loop(0i64, m + 1, table, |j, t| put(&t, &[&number(0), &j], &j))?;
        let cell = |t: &Tensor, i: &Tensor, j: &Tensor| t.take(i, 0).take(j, 0);
        let table = fori_loop(1i64, n + 1, table, |i, t| {
            fori_loop(1i64, m + 1, t, |j, t| {
                let (up, left) = (&i - 1, &j - 1);
                let differs = a.take(&up, 0).ne(b.take(&left, 0)).cast(DType::I64);
                let change = cell(&t, &up, &left) + differs;
                let insert = cell(&t, &up, &j).minimum(cell(&t, &i, &left)) + 1;
                put(&t, &[&i, &j], &change.minimum(insert))
            })
        })?;
        Ok::<_, Error>(cell(&table, &number(n), &number(m)))
    });
    let found = distance.call((a.clone(), b.clone())).unwrap();
    assert_eq!(found.item::<i64>().unwrap(), edit_distance(&a, &b));
}

#[test]
fn edit_distance_in_two_rows() {
    let [a, b] = words();
    let (n, m) = (a.len() as i64, b.len() as i64);
    let distance = function(move |(a, b): (Tensor, Tensor)| {
        let first = Tensor::range(0i64, m + 1, 1);
        let last = fori_loop(0i64, n, first, |i, before| {
            let row = put(&Tensor::zeros([m as usize + 1], DType::I64), &[&number(0)], &(&i + 1));
            fori_loop(1i64, m + 1, row, |j, row| {
                let left = &j - 1;
                let differs = a.take(&i, 0).ne(b.take(&left, 0)).cast(DType::I64);
                let change = before.take(&left, 0) + differs;
                let insert = before.take(&j, 0).minimum(row.take(&left, 0)) + 1;
                put(&row, &[&j], &change.minimum(insert))
            })
        })?;
        Ok::<_, Error>(last.take(number(m), 0))
    });
    let found = distance.call((a.clone(), b.clone())).unwrap();
    assert_eq!(found.item::<i64>().unwrap(), edit_distance(&a, &b));
}

#[test]
fn knapsack_from_the_back() {
    let (weights, values) = (vec![3i64, 4, 5, 9, 4], vec![3i64, 4, 4, 10, 4]);
    let capacity = 20i64;
    let best = function(move |(weights, values): (Tensor, Tensor)| {
        fori_loop(0i64, 5i64, Tensor::zeros([capacity as usize + 1], DType::I64), |item, best| {
            let (weight, value) = (weights.take(&item, 0), values.take(&item, 0));
            fori_loop(0i64, capacity + 1, best, |k, best| {
                let room = number(capacity) - k;
                let with = best.take(&room - &weight, 0) + &value;
                let without = best.take(&room, 0);
                let fits = room.ge(&weight);
                put(&best, &[&room], &fits.select(without.maximum(with), without))
            })
        })
    });
    let mut expected = vec![0i64; capacity as usize + 1];
    for (&weight, &value) in weights.iter().zip(&values) {
        for room in (weight as usize..=capacity as usize).rev() {
            expected[room] = expected[room].max(expected[room - weight as usize] + value);
        }
    }
    assert_eq!(ints(&best.call((weights, values)).unwrap()), expected);
}

#[test]
fn a_sieve_with_a_loop_in_a_branch() {
    let n = 200i64;
    let sieve = function(move |one: Tensor| {
        let all = Tensor::ones([n as usize], DType::I64) * one;
        let all = put(&put(&all, &[&number(0)], &number(0)), &[&number(1)], &number(0));
        let mark = |p: Tensor, all: Tensor| {
            let multiples = |(k, all): (Tensor, Tensor)| (&k + &p, put(&all, &[&k], &number(0)));
            let strike =
                || while_loop((&p * &p, all.clone()), |(k, _)| k.lt(n), multiples).map(|(_, all)| all);
            cond(&all.take(&p, 0).eq(1), strike, || Ok(all.clone()))
        };
        while_loop(
            (number(2), all),
            |(p, _)| (p * p).lt(n),
            |(p, all)| {
                let next = &p + 1;
                mark(p, all).map(|all| (next, all))
            },
        )
        .map(|(_, all)| all)
    });
    let is_prime = |k: i64| k > 1 && (2..k).all(|d| k % d != 0);
    let expected: Vec<i64> = (0..n).map(|k| is_prime(k).into()).collect();
    assert_eq!(ints(&sieve.call(1i64).unwrap()), expected);
}

#[test]
fn a_histogram_by_scan() {
    let values: Vec<i64> = (0..500).map(|k| (k * k + 3 * k) % 37).collect();
    let count = function(|values: Tensor| {
        let step = |counts: Tensor, x: Tensor| {
            let more = counts.take(&x, 0) + 1;
            (put(&counts, &[&x], &more), x)
        };
        scan(Tensor::zeros([37], DType::I64), values, step)
    });
    let mut expected = vec![0i64; 37];
    values.iter().for_each(|&x| expected[x as usize] += 1);
    let (counts, same) = count.call(values.clone()).unwrap();
    assert_eq!(ints(&counts), expected);
    assert_eq!(ints(&same), values);
}

#[test]
fn a_ring_buffer_and_a_token_buffer() {
    let run = function(|seed: Tensor| {
        let first = (seed, Tensor::zeros([8], DType::I64), Tensor::zeros([64], DType::I64));
        let (_, ring, tokens) = fori_loop(0i64, 50i64, first, |i, (x, ring, tokens)| {
            let at = &i % 8;
            let token = (&x * 13 + ring.take(&at, 0) + 7) % 101;
            (token.clone(), put(&ring, &[&at], &x), put(&tokens, &[&i], &token))
        })?;
        Ok::<_, Error>((ring, tokens))
    });
    let (mut x, mut ring, mut tokens) = (5i64, vec![0i64; 8], vec![0i64; 64]);
    for i in 0..50 {
        let token = (x * 13 + ring[i % 8] + 7) % 101;
        (ring[i % 8], tokens[i], x) = (x, token, token);
    }
    let (found_ring, found_tokens) = run.call(5i64).unwrap();
    assert_eq!((ints(&found_ring), ints(&found_tokens)), (ring, tokens));
}

#[test]
fn two_cells_are_swapped() {
    let reverse = function(|x: Tensor| {
        fori_loop(0i64, 50i64, x, |i, x| {
            let j = 99 - &i;
            let (a, b) = (x.take(&i, 0), x.take(&j, 0));
            put(&put(&x, &[&i], &b), &[&j], &a)
        })
    });
    let x: Vec<i64> = (0..100).collect();
    let expected: Vec<i64> = (0..100).rev().collect();
    assert_eq!(ints(&reverse.call(x).unwrap()), expected);
}

#[test]
fn two_arrays_take_turns() {
    let turns = |n: i64| {
        let f = function(move |(a, b): (Tensor, Tensor)| {
            fori_loop(0i64, n, (a, b), |i, (a, b)| {
                let changed = put(&a, &[&(&i % 40)], &(b.take(&i % 7, 0) + &i));
                (b, changed)
            })
        });
        let (mut a, mut b): (Vec<i64>, Vec<i64>) = ((0..40).collect(), (100..140).collect());
        let (x, y) = f.call((a.clone(), b.clone())).unwrap();
        for i in 0..n as usize {
            a[i % 40] = b[i % 7] + i as i64;
            std::mem::swap(&mut a, &mut b);
        }
        assert_eq!((ints(&x), ints(&y)), (a, b), "{n} turns");
    };
    [0, 1, 2, 57].into_iter().for_each(turns);
}

#[test]
fn random_draws_in_a_loop_are_those_outside() {
    let walk = function(|seed: Tensor| {
        let key = RandomKey::from_tensor(seed);
        fori_loop(0i64, 30i64, Tensor::zeros([32], DType::F32), |i, all| {
            let draw = key.fold_in(&i).uniform([], 0.0f32, 1.0);
            put(&all, &[&i], &draw)
        })
    });
    let key = RandomKey::new(17);
    let found = walk.call(key.tensor()).unwrap().to_vec::<f32>().unwrap();
    for (i, &draw) in found[..30].iter().enumerate() {
        let outside = key.fold_in(i as i64).uniform([], 0.0f32, 1.0);
        assert_eq!(outside.item::<f32>().unwrap().to_bits(), draw.to_bits(), "draw {i}");
    }
}

#[test]
fn cells_are_set_and_joined_by_index() {
    let f = function(|x: Tensor| {
        fori_loop(0i64, 40i64, (x, Tensor::zeros([6, 7], DType::I64)), |i, (x, table)| {
            let old = x.take(&i, 0);
            let x = x.set(&i, &old * 2 + 1);
            let (row, column) = (&i % 6, &old % 7);
            // The rows go beyond the table, where nothing is set.
            let table = table.add_at((&row + 1, &column), &old).set((&row, 0), &i);
            (x, table)
        })
    });
    let x: Vec<i64> = (0..40).map(|k| k * k % 11).collect();
    let (mut expected, mut table) = (x.clone(), [[0i64; 7]; 6]);
    for i in 0..40 {
        let old = x[i];
        expected[i] = old * 2 + 1;
        if let Some(row) = table.get_mut(i % 6 + 1) {
            row[old as usize % 7] += old;
        }
        table[i % 6][0] = i as i64;
    }
    let (found, cells) = f.call(x).unwrap();
    assert_eq!((ints(&found), ints(&cells)), (expected, table.concat()));
}

#[test]
fn examples_of_a_loop_are_as_they_are_alone() {
    let steps = |x: Tensor| {
        let body = |(x, n): (Tensor, Tensor)| {
            let next = (&x % 2).eq(0).select(&x / 2, &x * 3 + 1);
            (next, n + 1)
        };
        while_loop((x, number(0)), |(x, _)| x.gt(1), body).map(|(_, n)| n)
    };
    for count in [1i64, 3, 16, 50, 1100] {
        let x: Vec<i64> = (1..=count).collect();
        let together = function(move |x: Tensor| vmap(steps).call(x));
        let one_by_one = function(move |x: Tensor| map(x, steps));
        let expected: Vec<i64> = x.iter().map(|&x| ints(&steps(number(x)).unwrap())[0]).collect();
        assert_eq!(ints(&together.call(x.clone()).unwrap()), expected);
        assert_eq!(ints(&one_by_one.call(x).unwrap()), expected);
    }
}

/// Several elements of the result are of one row: which row is not which point.
#[test]
fn points_that_share_a_row_read_it() {
    let walk = |x: Tensor| {
        let columns = Tensor::from([0i64, 1, 2]);
        let start = Tensor::zeros((6, 3), DType::I64);
        fori_loop(0i32, 3i32, start, |_, node| {
            let value = x.take_along_axis(columns.take(&node, 0), 1);
            (node + value.cast(DType::I64) + 1) % 3
        })
    };
    let x = (Tensor::arange(24, DType::I64) * 5 % 7).cast(DType::F32).reshape((6, 4));
    let expected = ints(&walk(x.clone()).unwrap());
    assert_eq!(ints(&function(walk).call(x).unwrap()), expected);
}
