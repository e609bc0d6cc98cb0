//! Functions of one example for many: with gradients, control flow, other functions and themselves, in any order.

use tensorwright::Error;
use tensorwright::prelude::*;

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("floats")
}

fn close(found: &Tensor, expected: &[f64]) {
    let found = f64s(found);
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 1e-12 * e.abs().max(1.0), "{found:?}, not {expected:?}");
    }
}

/// The function on the slices along axis 0, stacked.
fn stacked(f: impl Fn(Tensor) -> Tensor, x: &Tensor) -> Tensor {
    let rows = x.shape().unwrap().size(0);
    let results: Vec<Tensor> = (0..rows).map(|i| f(x.i(i as i64))).collect();
    Tensor::stack(&results.iter().collect::<Vec<_>>(), 0)
}

fn network(x: &Tensor) -> Tensor {
    let w = Tensor::from([[0.5f64, -1.0, 0.25], [1.5, 0.75, -0.5]]);
    let hidden = x.matmul(&w).tanh();
    hidden.softmax(-1).sort(0).cumsum(0).sum(..) + x.norm_l2()
}

trait Norm {
    fn norm_l2(&self) -> Tensor;
}

impl Norm for Tensor {
    fn norm_l2(&self) -> Tensor {
        (self * self).sum(..).sqrt()
    }
}

fn batch() -> Tensor {
    Tensor::linspace(-1.0f64, 1.3, 8).reshape([4, 2])
}

#[test]
fn many_examples_are_stacked_ones_compiled_and_eagerly() {
    let f = vmap(|x: Tensor| network(&x.reshape([1, 2])));
    let expected = f64s(&stacked(|x| network(&x.reshape([1, 2])), &batch()));
    for eagerly in [false, true] {
        f.run_eagerly(eagerly);
        close(&f.call(batch()).unwrap(), &expected);
    }
}

#[test]
fn gradients_and_examples_in_both_orders() {
    let square = |x: Tensor| (&x * &x * &x).sum(..);
    let each = grad(square);
    let per_example = vmap(move |x: Tensor| each.call(x));
    let expected: Vec<f64> = f64s(&batch()).iter().map(|x| 3.0 * x * x).collect();
    close(&per_example.call(batch()).unwrap(), &expected);
    let all = vmap(square);
    let of_sum = grad(move |x: Tensor| Ok::<_, Error>(all.call(x)?.sum(..)));
    close(&of_sum.call(batch()).unwrap(), &expected);
    let in_function = function(move |x: Tensor| per_example.call(x * 1.0));
    close(&in_function.call(batch()).unwrap(), &expected);
    assert_eq!(in_function.trace_count(), 1);
}

#[test]
fn examples_of_examples() {
    let inner = vmap_axes(|(x, y): (Tensor, Tensor)| x * y, &[None, Some(0)], &[]);
    let outer = vmap_axes(move |(x, y): (Tensor, Tensor)| inner.call((x, y)), &[Some(0), None], &[]);
    let found = outer.call(([1.0f64, 2.0], [3.0f64, 5.0, 7.0])).unwrap();
    assert_eq!(found.shape().unwrap().sizes()[..], [2, 3]);
    close(&found, &[3.0, 5.0, 7.0, 6.0, 10.0, 14.0]);
}

#[test]
fn loops_end_when_each_example_says_so() {
    let newton = |a: Tensor| {
        let (x, count) = while_loop(
            (a.clone(), Tensor::from(0i32)),
            |(x, _)| (x * x - &a).abs().gt(1e-12),
            |(x, count)| ((&x + &a / &x) * 0.5, count + 1i32),
        )?;
        Ok::<_, Error>((x, count))
    };
    let a = Tensor::from([1.0f64, 2.0, 100.0]);
    let (roots, counts) = vmap(newton).call(&a).unwrap();
    close(&roots, &[1.0, 2f64.sqrt(), 10.0]);
    let own = |a: f64| newton(Tensor::from(a)).unwrap().1.item::<i32>().unwrap();
    assert_eq!(counts.to_vec::<i32>().unwrap(), [own(1.0), own(2.0), own(100.0)]);
    let slope = vmap(move |a: Tensor| {
        let f = |a: Tensor| newton(a).map(|(x, _)| x);
        vjp(f, a.clone())?.1.call(&a.ones_like())
    });
    // The root of 1 is 1 before the first iteration, and so is its slope.
    close(&slope.call(&a).unwrap(), &[1.0, 0.5 / 2f64.sqrt(), 0.05]);
}

#[test]
fn branches_that_differ() {
    let f = vmap(|x: Tensor| cond(&x.sum(..).gt(0.0), || &x * 2.0, || -&x));
    let x = Tensor::from([[1.0f64, 2.0], [-1.0, -2.0]]);
    close(&f.call(x).unwrap(), &[2.0, 4.0, 1.0, 2.0]);
}

#[test]
fn keys_of_their_own_draw_numbers_of_their_own() {
    let keys = Tensor::from([[1u32, 2], [3, 4], [5, 6]]);
    let f = vmap(|key: Tensor| RandomKey::from_tensor(key).normal([4], 0.0f32, 1.0));
    let all = f.call(&keys).unwrap();
    let one = |i: i64| RandomKey::from_tensor(keys.i(i)).normal([4], 0.0f32, 1.0).to_vec::<f32>().unwrap();
    assert_eq!(all.to_vec::<f32>().unwrap(), [one(0), one(1), one(2)].concat());
}

#[test]
fn wrong_axes_say_so() {
    let message = |f: Function<(Tensor, Tensor), Tensor>| {
        f.call(([1.0f32, 2.0], [1.0f32, 2.0, 3.0])).unwrap_err().to_string()
    };
    let sum = |(x, y): (Tensor, Tensor)| x + y;
    let error = message(vmap(sum));
    assert!(error.contains("common number of examples, found [2, 3]"), "{error}");
    let error = message(vmap_axes(sum, &[Some(1), None], &[]));
    assert!(error.contains("tensor 0 of the argument is f32[2] and has no axis 1"), "{error}");
    let error = message(vmap_axes(sum, &[Some(0)], &[]));
    assert!(error.contains("1 axes for the 2 tensors"), "{error}");
    let v = Variable::new(0.0f32).unwrap();
    let assigns = vmap(move |x: Tensor| {
        v.assign(&x)?;
        Ok::<_, Error>(x)
    });
    let error = assigns.call([1.0f32]).unwrap_err().to_string();
    assert!(error.contains("assigns a variable"), "{error}");
}

/// A norm has a derivative where its definition, a root, has none: in both orders of `grad` and `vmap`.
#[test]
fn examples_keep_derivatives_at_zero() {
    let x = || Tensor::from([[0.0f64, 0.0], [3.0, 4.0]]);
    let norm = |x: Tensor| x.norm(tensorwright::NormOrder::L2, 0);
    let of_sum = {
        let norms = vmap(norm);
        grad(move |x: Tensor| Ok::<_, Error>(norms.call(x)?.sum(..)))
    };
    close(&of_sum.call(x()).unwrap(), &[0.0, 0.0, 0.6, 0.8]);
    let each = grad(norm);
    let of_each = vmap(move |x: Tensor| each.call(x));
    close(&of_each.call(x()).unwrap(), &[0.0, 0.0, 0.6, 0.8]);
}
