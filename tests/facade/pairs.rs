//! Every transformation and every construct of control flow around every other one, against derivatives by hand.

use std::rc::Rc;
use std::sync::Arc;

use tensorwright::prelude::*;
use tensorwright_testkit::literals::Random;

/// A function from scalar to scalar.
type Function1 = Arc<dyn Fn(Tensor) -> Result<Tensor> + Send + Sync>;

/// Its value and derivatives at a point.
type Jet = Rc<dyn Fn(f64) -> Vec<f64>>;

/// How many derivatives are known of the innermost function.
const ORDER: usize = 9;

/// `sin(x) e^(0.3 x)`.
fn innermost() -> (Function1, Jet) {
    let f = |x: Tensor| Ok(x.sin() * (x * 0.3).exp());
    // Its derivatives are the imaginary parts of those of e^(cx), for c = 0.3 + i.
    let jet = |x: f64| {
        let (mut re, mut im) = ((0.3 * x).exp() * x.cos(), (0.3 * x).exp() * x.sin());
        let mut next = || {
            let derivative = im;
            (re, im) = (0.3 * re - im, re + 0.3 * im);
            derivative
        };
        (0..ORDER).map(|_| next()).collect()
    };
    (Arc::new(f), Rc::new(jet))
}

/// A transformation: what it makes of a function, and what that is.
struct Layer {
    name: &'static str,
    make: fn(Function1) -> Function1,
    derive: fn(Jet) -> Jet,
}

fn same(jet: Jet) -> Jet {
    jet
}

fn derivative(jet: Jet) -> Jet {
    Rc::new(move |x| jet(x)[1..].to_vec())
}

fn second_derivative(jet: Jet) -> Jet {
    derivative(derivative(jet))
}

/// `f(x) + f(x / 2)`.
fn at_both(jet: Jet) -> Jet {
    Rc::new(move |x| {
        let (at, half) = (jet(x), jet(x * 0.5));
        at.iter().zip(half).enumerate().map(|(k, (at, half))| at + half * 0.5f64.powi(k as i32)).collect()
    })
}

fn three_times(jet: Jet) -> Jet {
    Rc::new(move |x| jet(x).iter().map(|d| 3.0 * d).collect())
}

/// `x` and `x / 2`, along an axis.
fn both(x: &Tensor) -> Tensor {
    Tensor::stack(&[x.clone(), x * 0.5], 0)
}

fn one() -> Tensor {
    Tensor::from(1.0f64)
}

fn layers() -> Vec<Layer> {
    [transformations(), rules_and_control_flow()].into_iter().flatten().collect()
}

fn transformations() -> Vec<Layer> {
    let layer = |name, make, derive| Layer { name, make, derive };
    vec![
        layer("function", |f| lift(function(move |x: Tensor| f(x))), same),
        layer("grad", |f| lift(grad(move |x: Tensor| f(x))), derivative),
        layer("grad of a function", |f| lift(grad(function(move |x: Tensor| f(x)))), derivative),
        layer(
            "value_and_grad",
            |f| {
                let f = function(move |x: Tensor| f(x));
                let both = value_and_grad(&f);
                Arc::new(move |x| Ok(both.call(x)?.1))
            },
            derivative,
        ),
        layer(
            "value",
            |f| {
                let both = value_and_grad(move |x: Tensor| f(x));
                Arc::new(move |x| Ok(both.call(x)?.0))
            },
            same,
        ),
        layer(
            "Gradient by a part",
            |f| {
                let by_first =
                    Gradient::of(move |(x, y): (Tensor, Tensor)| Ok(f(x)? * y)).wrt(|(x, _)| x).function();
                Arc::new(move |x| by_first.call((x, 1.0f64)))
            },
            derivative,
        ),
        layer(
            "vmap",
            |f| {
                let many = vmap(move |x: Tensor| f(x));
                Arc::new(move |x| Ok(many.call(both(&x))?.sum(..)))
            },
            at_both,
        ),
        layer("jvp", |f| Arc::new(move |x| Ok(jvp(|x: Tensor| f(x), x, one())?.1)), derivative),
        layer("vjp", |f| Arc::new(move |x| vjp(|x: Tensor| f(x), x)?.1.call(&one())), derivative),
        layer("jacobian", |f| lift(jacobian(move |x: Tensor| f(x))), derivative),
        layer("hessian", |f| lift(hessian(move |x: Tensor| f(x))), second_derivative),
    ]
}

fn rules_and_control_flow() -> Vec<Layer> {
    let layer = |name, make, derive| Layer { name, make, derive };
    vec![
        layer("checkpoint", |f| Arc::new(move |x| checkpoint(|x: Tensor| f(x), x)), same),
        layer(
            "custom_gradient",
            |f| {
                Arc::new(move |x| {
                    let slope = |x: Tensor, dy: Tensor| {
                        let f = f.clone();
                        Ok(grad(move |x: Tensor| f(x)).call(x)? * dy)
                    };
                    custom_gradient(|x: Tensor| Ok((f(x.clone())?, x)), slope, x)
                })
            },
            same,
        ),
        layer(
            "scan",
            |f| {
                Arc::new(move |x| {
                    let sum = scan(x.zeros_like(), both(&x), |sum, x| Ok((sum + f(x.clone())?, x)))?;
                    Ok(sum.0)
                })
            },
            at_both,
        ),
        layer("cond", |f| Arc::new(move |x| cond(x.gt(0.0), || f(x.clone()), || Ok(-&x))), same),
        layer(
            "while",
            |f| {
                Arc::new(move |x| {
                    let state = (Tensor::from(0i32), x.zeros_like());
                    let more = |(i, _): &(Tensor, Tensor)| i.lt(3);
                    Ok(while_loop(state, more, |(i, sum)| Ok((i + 1, sum + f(x.clone())?)))?.1)
                })
            },
            three_times,
        ),
        layer(
            "fori_loop",
            |f| Arc::new(move |x| fori_loop(0, 3, x.zeros_like(), |_, sum| Ok(sum + f(x.clone())?))),
            three_times,
        ),
        layer("map", |f| Arc::new(move |x| Ok(map(both(&x), |x| f(x))?.sum(..))), at_both),
    ]
}

fn lift(f: Function<Tensor, Tensor>) -> Function1 {
    Arc::new(move |x| f.call(x))
}

/// What is wrong with layers, the first of which is the outermost.
fn fault(layers: &[&Layer]) -> Option<String> {
    let (mut f, mut jet) = innermost();
    for layer in layers.iter().rev() {
        (f, jet) = ((layer.make)(f), (layer.derive)(jet));
    }
    let names = || layers.iter().map(|layer| layer.name).collect::<Vec<_>>().join(" of ");
    let compiled = {
        let f = f.clone();
        function(move |x: Tensor| f(x))
    };
    for x in [0.7f64, 1.9] {
        let expected = jet(x)[0];
        for (how, found) in [("eagerly", f(Tensor::from(x))), ("compiled", compiled.call(x))] {
            let found = match found.and_then(|y| y.item::<f64>()) {
                Ok(found) => found,
                Err(error) => return Some(format!("{} {how}: {error}", names())),
            };
            if (found - expected).abs() > 1e-9 * expected.abs().max(1.0) {
                return Some(format!("{} {how}: {found}, not {expected}", names()));
            }
        }
    }
    None
}

#[test]
fn all_pairs() {
    let layers = layers();
    let pairs = layers.iter().flat_map(|outer| layers.iter().map(move |inner| [outer, inner]));
    let faults: Vec<String> = pairs.filter_map(|pair| fault(&pair)).collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn many_triples() {
    let layers = layers();
    let mut random = Random::new(7);
    let mut draw = || &layers[random.below(layers.len())];
    let triples = (0..150).map(|_| [draw(), draw(), draw()]);
    let faults: Vec<String> = triples.collect::<Vec<_>>().iter().filter_map(|triple| fault(triple)).collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
