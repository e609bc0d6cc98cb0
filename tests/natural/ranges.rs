//! Loops over the integers between bounds that are tensors.

use tensorwright::prelude::*;
use tensorwright::{Result, function};

/// A number for each item, in order: 10 times the last one, and the item.
macro_rules! folds {
    ($($name:ident($($arg:ident),*) in $range:expr, plain $plain:expr;)*) => {$(
        #[function]
        fn $name($($arg: &Tensor),*) -> (Tensor, Tensor) {
            let (mut all, mut count) = (Tensor::from(0i32), Tensor::from(0i32));
            for i in $range {
                all = all * 10 + &i;
                count += 1;
            }
            (all, count)
        }
    )*
        #[test]
        fn as_the_ranges_of_plain_numbers() {
            let bounds = [(0, 0), (0, 4), (2, 7), (3, 3), (5, 2), (-2, 3)];
            $({
                for (a, b) in bounds {
                    let expected = fold(a, b, $plain);
                    for eagerly in [false, true] {
                        $name::function().run_eagerly(eagerly);
                        let (all, count) = apply(&[a, b], |of| $name($(&of[named(stringify!($arg))]),*));
                        assert_eq!((all, count), expected, "{} {a} {b}", stringify!($name));
                    }
                }
                assert_eq!($name::function().trace_count(), 1);
            })*
        }
    };
}

fn named(argument: &str) -> usize {
    ["a", "b"].iter().position(|name| *name == argument).unwrap()
}

fn apply(bounds: &[i32], call: impl Fn(&[Tensor]) -> (Tensor, Tensor)) -> (i32, i32) {
    let bounds: Vec<Tensor> = bounds.iter().map(|&bound| Tensor::from(bound)).collect();
    let (all, count) = call(&bounds);
    (all.item().unwrap(), count.item().unwrap())
}

fn fold<I: Iterator<Item = i32>>(a: i32, b: i32, range: impl Fn(i32, i32) -> I) -> (i32, i32) {
    range(a, b).fold((0i32, 0), |(all, count), i| (all.wrapping_mul(10) + i, count + 1))
}

folds! {
    below(b) in range(b), plain |_, b| 0..b;
    between(a, b) in range(a..b), plain |a, b| a..b;
    natural(a, b) in a..b, plain |a, b| a..b;
    natural_below(b) in 0..b, plain |_, b| 0..b;
    natural_from(a) in a..5, plain |a, _| a..5;
    closed(a, b) in a..=b, plain |a, b| a..=b;
    closed_range(a, b) in range(a..=b), plain |a, b| a..=b;
    mixed_range(b) in range(0..b), plain |_, b| 0..b;
    mixed_closed_range(a) in range(a..=5), plain |a, _| a..=5;
    mixed_range_reversed(b) in range(1..b).rev(), plain |_, b| (1..b).rev();
    reversed(a, b) in (a..b).rev(), plain |a, b| (a..b).rev();
    below_reversed(b) in range(b).rev(), plain |_, b| (0..b).rev();
    steps(a, b) in (a..b).step_by(2), plain |a, b| (a..b).step_by(2);
    reversed_steps(a, b) in (a..b).rev().step_by(2), plain |a, b| (a..b).rev().step_by(2);
    steps_reversed(a, b) in (a..=b).step_by(3).rev(), plain |a, b| (a..b + 1).step_by(3).rev();
    counted(b) in range(1..5).step_by(2), plain |_, _| (1..5).step_by(2);
}

#[function]
fn long(x: Tensor) -> Tensor {
    let mut x = x;
    for i in range(10_000) {
        if i == 9_000 {
            break;
        }
        x += 1;
    }
    x
}

#[test]
fn constant_bounds_make_one_loop() {
    assert_eq!(long(Tensor::from(1i32)).item::<i32>().unwrap(), 9_001);
    let traced = long::function().dump(Stage::Traced).unwrap();
    assert!(traced.matches("while(").count() == 1 && traced.lines().count() < 60, "{traced}");
}

#[function]
fn plain_numbers(x: Tensor, n: usize) -> Result<Tensor> {
    let mut rows = Vec::new();
    for i in 0..n {
        rows.push(&x * i as f32);
    }
    let mut y = x;
    for i in (1..=n).rev() {
        if y > 3.0 {
            y = &y - &rows[i - 1];
        }
    }
    Ok(y)
}

#[test]
fn plain_bounds_stay_plain() {
    assert_eq!(plain_numbers(Tensor::from(4.0f32), 3).unwrap().item::<f32>().unwrap(), -4.0);
}

#[function]
fn unsigned(n: Tensor) -> Tensor {
    let mut s = n.zeros_like();
    for i in (0..n).rev() {
        s = s * 3 + i;
    }
    s
}

#[test]
fn items_have_the_dtype_of_the_bounds() {
    assert_eq!(unsigned(Tensor::from(4u8)).item::<u8>().unwrap(), ((3 * 3 + 2) * 3 + 1) * 3);
    let message = unsigned(Tensor::from(4.0f32)).ok().unwrap_err().to_string();
    assert!(message.contains("integers") && message.contains("f32[]"), "{message}");
    assert!(message.contains("ranges.rs"), "{message}");
}

#[function]
fn mixed(a: &Tensor, b: &Tensor) -> Tensor {
    let mut s = a.zeros_like();
    for _ in a..b {
        s += 1;
    }
    s
}

#[test]
fn bounds_of_two_dtypes_are_refused() {
    let message = mixed(&Tensor::from(1i32), &Tensor::from(5i64)).ok().unwrap_err().to_string();
    assert!(message.contains("i32[]") && message.contains("i64[]"), "{message}");
}
