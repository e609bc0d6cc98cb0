//! What may be a `#[function]`, and what its loops go over.

use std::sync::{Arc, Mutex};

use tensorwright::prelude::*;
use tensorwright::{Result, function};

#[function]
fn sum_of_positive(xs: Tensor) -> Tensor {
    let mut s = Tensor::from(0.0f32);
    for x in xs {
        if x > 0.0 {
            s += x;
        }
    }
    s
}

#[function]
fn first_above(xs: &Tensor, limit: f32) -> Result<Tensor> {
    for x in xs {
        if x > limit {
            return Ok(x);
        }
    }
    Ok(Tensor::from(-1.0f32))
}

#[function]
fn power(x: Tensor, n: Tensor) -> Tensor {
    let mut y = x.ones_like();
    for _ in range(&n) {
        y *= &x;
    }
    y
}

#[function]
fn triangle(n: Tensor) -> (Tensor, Tensor) {
    let (mut s, mut last) = (Tensor::from(0i32), Tensor::from(-1i32));
    for i in range(&n) {
        if i == 5 {
            break;
        }
        s += &i;
        last = i;
    }
    (s, last)
}

fn item(x: Tensor) -> f32 {
    x.item().unwrap()
}

#[test]
fn loops_over_tensors() {
    let xs = || Tensor::from([1.0f32, -2.0, 3.0]);
    for eagerly in [false, true] {
        sum_of_positive::function().run_eagerly(eagerly);
        first_above::function().run_eagerly(eagerly);
        assert_eq!(item(sum_of_positive(xs())), 4.0);
        assert_eq!(item(first_above(&xs(), 2.0).unwrap()), 3.0);
        assert_eq!(item(first_above(&xs(), 5.0).unwrap()), -1.0);
    }
    assert_eq!(sum_of_positive::function().trace_count(), 1);
    assert_eq!(first_above::function().trace_count(), 2, "one for each plain value");
}

#[test]
fn loops_over_ranges() {
    for eagerly in [false, true] {
        power::function().run_eagerly(eagerly);
        triangle::function().run_eagerly(eagerly);
        assert_eq!(item(power(Tensor::from(2.0f32), Tensor::from(10))), 1024.0);
        assert_eq!(item(power(Tensor::from(2.0f32), Tensor::from(0))), 1.0);
        for (n, s, last) in [(0, 0, -1), (3, 3, 2), (9, 10, 4)] {
            let (found, end) = triangle(Tensor::from(n));
            assert_eq!((found.item::<i32>().unwrap(), end.item::<i32>().unwrap()), (s, last));
        }
    }
    assert_eq!(power::function().trace_count(), 1);
}

#[derive(Clone, Tree)]
struct Line {
    slope: Tensor,
    offset: Tensor,
}

impl Line {
    /// The line at `x`, or its slope where that is negative.
    #[function]
    fn at(&self, x: Tensor) -> Tensor {
        let y = &self.slope * &x + &self.offset;
        if y < 0.0 {
            return self.slope.clone();
        }
        y
    }

    #[function]
    fn moved(&self, by: Tensor, twice: bool) -> Result<Line> {
        let mut line = self.clone();
        if by > 0.0 {
            line.offset = &line.offset + &by;
        }
        if twice {
            line.offset += by;
        }
        Ok(line)
    }
}

#[test]
fn methods() {
    let line = Line { slope: Tensor::from(2.0f32), offset: Tensor::from(1.0f32) };
    let steep = Line { slope: Tensor::from(3.0f32), ..line.clone() };
    for eagerly in [false, true] {
        Line::at_function().run_eagerly(eagerly);
        assert_eq!(item(line.at(Tensor::from(3.0f32))), 7.0);
        assert_eq!(item(steep.at(Tensor::from(3.0f32))), 10.0);
        assert_eq!(item(line.at(Tensor::from(-3.0f32))), 2.0);
        let moved = line.moved(Tensor::from(4.0f32), true).unwrap();
        assert_eq!(item(moved.offset), 9.0);
    }
    assert_eq!(Line::at_function().trace_count(), 1, "receivers of one signature share their code");
}

impl Line {
    #[function]
    fn through(a: Tensor, b: Tensor) -> Result<Self> {
        if a == b {
            return Ok(Line { slope: a.zeros_like(), offset: a });
        }
        Ok(Line { slope: &b - &a, offset: a })
    }

    #[function(associated)]
    fn clipped(x: &Tensor, limit: f32) -> Tensor {
        if x > limit { x.full_like(limit) } else { x.clone() }
    }
}

struct Of<const N: usize>;

impl<const N: usize> Of<N> {
    #[function(associated)]
    fn times<T: Tree + Clone>(x: Tensor, with: T) -> Result<(Tensor, T)> {
        let mut y = x.zeros_like();
        for _ in 0..N {
            y += &x;
        }
        Ok((y, with))
    }
}

#[test]
fn associated_functions() {
    for eagerly in [false, true] {
        Line::through_function().run_eagerly(eagerly);
        Line::clipped_function().run_eagerly(eagerly);
        let line = Line::through(Tensor::from(2.0f32), Tensor::from(5.0f32)).unwrap();
        assert_eq!((item(line.slope), item(line.offset)), (3.0, 2.0));
        assert_eq!(item(Line::clipped(&Tensor::from(9.0f32), 4.0)), 4.0);
    }
    assert_eq!(Line::through_function().trace_count(), 1);
    let x = || Tensor::from(2.0f32);
    assert_eq!(item(Of::<3>::times(x(), 1u8).unwrap().0), 6.0);
    assert_eq!(item(Of::<4>::times(x(), vec![x()]).unwrap().0), 8.0);
    assert_eq!(Of::<3>::times_function::<u8>().trace_count(), 1);
    assert_eq!(Of::<3>::times_function::<Vec<Tensor>>().trace_count(), 0);
}

#[function]
fn folded<T: Tree + Clone>(state: T, times: usize, x: Tensor) -> Result<(T, Tensor)> {
    let mut x = x;
    for _ in 0..times {
        if x > 1.0 {
            x = &x * 0.5;
        }
    }
    Ok((state, x))
}

#[test]
fn generics_have_a_function_for_each_instance() {
    let (pair, x) = folded((Tensor::from(1i32), 7u8), 2, Tensor::from(5.0f32)).unwrap();
    assert_eq!((pair.1, item(x)), (7, 1.25));
    let (_, x) = folded(vec![Tensor::from(1i32)], 1, Tensor::from(5.0f32)).unwrap();
    assert_eq!(item(x), 2.5);
    assert_eq!(folded::function::<(Tensor, u8)>().trace_count(), 1);
    assert_eq!(folded::function::<Vec<Tensor>>().trace_count(), 1);
}

#[test]
fn functions_compose() {
    let twice = function(|x: Tensor| power(power(x, Tensor::from(2)), Tensor::from(3)));
    assert_eq!(twice.call(2.0f32).unwrap().item::<f32>().unwrap(), 64.0);
}

#[function]
fn talks(x: Tensor) -> Result<Tensor> {
    let mut x = x;
    while x < 3.0 {
        if x > 1.0 {
            println!("natural {{x}} is {x}, {}", 7);
        }
        x += 1.0;
        assert!(x != 2.5, "never {}", "2.5");
    }
    Ok(x)
}

#[test]
fn prints_and_assertions_come_in_order() {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&lines);
    tensorwright::set_printer(move |text| sink.lock().unwrap().push(text.to_owned()));
    for eagerly in [false, true] {
        talks::function().run_eagerly(eagerly);
        assert_eq!(talks(Tensor::from(1.0f32)).unwrap().item::<f32>().unwrap(), 3.0);
        let message = talks(Tensor::from(0.5f32)).unwrap_err().to_string();
        assert!(message.contains("never 2.5") && message.contains("items.rs"), "{message}");
    }
    let lines: Vec<String> =
        lines.lock().unwrap().iter().filter(|line| line.starts_with("natural {x} is")).cloned().collect();
    let (eager, compiled) = lines.split_at(lines.len() / 2);
    assert_eq!(eager, compiled);
    assert!(lines.len() == 4 && lines[0].ends_with(", 7"), "{lines:?}");
}

#[function]
fn gcd(a: Tensor, b: Tensor) -> Tensor {
    let (mut a, mut b) = (a, b);
    while &b != 0 {
        (a, b) = (b.clone(), a.rem(&b));
    }
    a
}

struct Pair {
    x: Tensor,
    y: Tensor,
}

#[function]
fn taken_apart(n: Tensor) -> Tensor {
    let (mut x, mut y, mut z) = (Tensor::from(0i32), Tensor::from(1i32), [Tensor::from(0i32)]);
    for i in range(&n) {
        if x < 10 {
            Pair { x, y } = Pair { x: y.clone(), y: &x + &y };
        } else {
            [z[0], _] = [&z[0] + &i, x.clone()];
            (x, ..) = (&x + 1, 7);
        }
    }
    x * 100 + y * 10 + &z[0]
}

#[test]
fn assignments_take_values_apart() -> Result<()> {
    assert_eq!(gcd(Tensor::from(48i32), Tensor::from(18i32)).item::<i32>()?, 6);
    assert_eq!(gcd::function().trace_count(), 1);
    let plain = |n: i32| {
        let (mut x, mut y, mut z) = (0, 1, 0);
        for i in 0..n {
            if x < 10 {
                (x, y) = (y, x + y);
            } else {
                (z, x) = (z + i, x + 1);
            }
        }
        x * 100 + y * 10 + z
    };
    for n in [0, 3, 7, 9, 12] {
        assert_eq!(taken_apart(Tensor::from(n)).item::<i32>()?, plain(n), "{n}");
    }
    Ok(())
}
