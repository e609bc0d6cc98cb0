//! Branches and loops that become selections in a batch: what an example does not take has no consequences for it.

use tensorwright::Result;
use tensorwright::prelude::*;

type OfOne = fn(Tensor) -> Result<Tensor>;
type OfTwo = fn((Tensor, Tensor)) -> Result<Tensor>;

fn log_or_double(x: Tensor) -> Result<Tensor> {
    cond(&x.gt(0.0), || x.log(), || &x * 2.0)
}

/// Branches that are singular at 0 and beyond 1.
fn of_three(x: Tensor) -> Result<Tensor> {
    let index = x.gt(0.0).cast(DType::I32) + x.gt(1.0).cast(DType::I32);
    case(&index, &[&|| &x * &x, &|| x.sqrt() + x.log(), &|| (&x - 1.0).sqrt()])
}

/// Ends where the body is singular.
fn until_singular(x: Tensor) -> Result<Tensor> {
    while_loop(x, |x| x.gt(0.0), |x| &x - x.sqrt())
}

/// A branch in a branch, and a loop in it.
fn nested(x: Tensor) -> Result<Tensor> {
    cond(
        &x.gt(0.0),
        || {
            let root = while_loop(x.clone(), |x| x.gt(2.0), |x| x.sqrt())?;
            cond(&x.gt(1.0), || (&root - 1.0).log(), || root.log() / &x)
        },
        || &x * 3.0,
    )
}

const OF_ONE: [OfOne; 4] = [log_or_double, of_three, until_singular, nested];
const POINTS: [f64; 6] = [1.0, 0.0, 4.0, -1.0, 0.25, 1.5];

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("floats")
}

#[track_caller]
fn close(found: &Tensor, expected: &[f64]) {
    let found = f64s(found);
    let close = |(f, e): (&f64, &f64)| (f - e).abs() <= 1e-12 * e.abs().max(1.0) || (f == e);
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{found:?}, not {expected:?}"
    );
}

/// Example by example, with gradients of gradients as `order` says.
fn each(f: OfOne, order: usize) -> Vec<f64> {
    let one = |x: f64| match order {
        0 => f(Tensor::from(x)),
        1 => grad(f).call(x),
        _ => grad(move |x: Tensor| grad(f).call(x)).call(x),
    };
    POINTS.iter().map(|&x| one(x).unwrap().item().unwrap()).collect()
}

#[test]
fn the_branch_that_is_not_taken_has_no_derivative() {
    let sum = |x: Tensor| Ok::<_, tensorwright::Error>(vmap(log_or_double).call(x)?.sum(..));
    close(&grad(sum).call([1.0f64, 0.0, 4.0, -1.0]).unwrap(), &[1.0, 2.0, 0.25, 2.0]);
}

#[test]
fn transformations_of_a_batch_are_those_of_its_examples() {
    for f in OF_ONE {
        let x = || Tensor::from(POINTS);
        let sum = move |x: Tensor| Ok::<_, tensorwright::Error>(vmap(f).call(x)?.sum(..));
        close(&vmap(f).call(x()).unwrap(), &each(f, 0));
        let slopes = each(f, 1);
        close(&grad(sum).call(x()).unwrap(), &slopes);
        close(&function(move |x: Tensor| grad(sum).call(x)).call(x()).unwrap(), &slopes);
        close(&vmap(move |x: Tensor| grad(f).call(x)).call(x()).unwrap(), &slopes);
        let along = move |x: Tensor| jvp(f, x.clone(), x.ones_like());
        close(&jvp(|x: Tensor| vmap(f).call(x), x(), x().ones_like()).unwrap().1, &slopes);
        close(&vmap(move |x: Tensor| Ok::<_, tensorwright::Error>(along(x)?.1)).call(x()).unwrap(), &slopes);
        let square = || x().reshape([2, 3]);
        let twice = move |x: Tensor| {
            Ok::<_, tensorwright::Error>(vmap(move |x: Tensor| vmap(f).call(x)).call(x)?.sum(..))
        };
        close(&grad(twice).call(square()).unwrap().reshape([6]), &slopes);
    }
}

#[test]
fn second_derivatives_of_a_batch_are_those_of_its_examples() {
    for f in [log_or_double as OfOne, of_three] {
        let sum = move |x: Tensor| Ok::<_, tensorwright::Error>(vmap(f).call(x)?.sum(..));
        let curvature = each(f, 2);
        let found = hessian(sum).call(POINTS).unwrap();
        let found = f64s(&found);
        for (i, row) in found.chunks(POINTS.len()).enumerate() {
            let expected: Vec<f64> =
                (0..row.len()).map(|j| if i == j { curvature[i] } else { 0.0 }).collect();
            close(&Tensor::from(row.to_vec()), &expected);
        }
        let slopes = move |x: Tensor| {
            Ok::<_, tensorwright::Error>(vmap(move |x: Tensor| grad(f).call(x)).call(x)?.sum(..))
        };
        close(&grad(slopes).call(POINTS).unwrap(), &curvature);
    }
}

/// Of `x` and a `w` that all examples share; `w` is used in a way that is singular where the branch is not taken.
const OF_TWO: [OfTwo; 6] = [
    |(x, w)| cond(&x.gt(0.0), || (&x * &w).log(), || &w * 2.0),
    |(x, w)| cond(&x.ne(0.0), || &w / &x, || &w * 2.0),
    |(x, w)| cond(&x.is_finite(), || Tensor::stack(&[&x, &x], 0).matmul(matrix(&w)).sum(..), || &w * 2.0),
    |(x, w)| {
        let scanned = || {
            scan(x.clone(), Tensor::from([1.0f64, 2.0]), |s, y| {
                Ok::<_, tensorwright::Error>(((&w * &y) / &s, y))
            })
        };
        cond(&x.gt(0.0), || Ok::<_, tensorwright::Error>(scanned()?.0), || &w * 2.0)
    },
    |(x, w)| {
        let inner = function(|(x, w): (Tensor, Tensor)| (x * w).log());
        cond(&x.gt(0.0), || inner.call((&x, &w)), || &w * 2.0)
    },
    |(x, w)| while_loop(x, |x| x.gt(0.0), |x| &x - (&x * &w).sqrt()),
];

/// Two by two of a number, and 1.
fn matrix(w: &Tensor) -> Tensor {
    Tensor::stack(&[w, &w.ones_like(), &w.ones_like(), w], 0).reshape([2, 2])
}

#[test]
fn what_examples_share_gets_nothing_from_those_that_do_not_take_a_branch() {
    let points = [1.0f64, 0.0, 4.0, f64::INFINITY];
    for (number, f) in OF_TWO.into_iter().enumerate() {
        // Where others are singular, too, or do not end.
        let points = if number == 2 { &points[..] } else { &points[..3] };
        let of_w = move |(w, x): (Tensor, Tensor)| {
            let all = vmap(move |x: Tensor| f((x, w.clone()))).call(x)?;
            Ok::<_, tensorwright::Error>(all.sum(..))
        };
        let x = Tensor::from(points.to_vec());
        let (by_w, by_x) = grad(of_w).call((Tensor::from(1.0f64), x)).unwrap();
        let each = points.iter().map(|&x| {
            let (by_x, by_w) = grad(f).call((Tensor::from(x), Tensor::from(1.0f64))).unwrap();
            (by_x.item::<f64>().unwrap(), by_w.item::<f64>().unwrap())
        });
        let (each_x, each_w): (Vec<f64>, Vec<f64>) = each.unzip();
        close(&by_x, &each_x);
        close(&by_w, &[each_w.iter().sum()]);
    }
}

#[test]
fn a_loop_in_a_branch_runs_for_those_that_take_it() {
    let steps = |n: Tensor| {
        let (zero, go) = (Tensor::from(0i32), n.gt(0));
        let next = |n: Tensor| cond(&n.rem(2).eq(1), || &n * 3 + 1, || n.div(2));
        let step = move |(n, k): (Tensor, Tensor)| Ok::<_, tensorwright::Error>((next(n)?, k + 1));
        let count =
            || Ok::<_, tensorwright::Error>(while_loop((n.clone(), zero.clone()), |(n, _)| n.ne(1), step)?.1);
        cond(&go, count, || zero.clone())
    };
    // For 0 it would never end.
    assert_eq!(vmap(steps).call([6i32, 0, 7]).unwrap().to_vec::<i32>().unwrap(), [8, 0, 16]);
    assert_eq!(vmap(steps).call([0i32, 0]).unwrap().to_vec::<i32>().unwrap(), [0, 0]);
}
