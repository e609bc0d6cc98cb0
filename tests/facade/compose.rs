//! Transformations of transformations: closures, functions and compiled signatures, by value and by reference.

use tensorwright::prelude::*;

fn cube(x: Tensor) -> Tensor {
    &x * &x * &x
}

fn sum_of_cubes(x: Tensor) -> Tensor {
    cube(x).sum(..)
}

fn f64s(x: &Tensor) -> Vec<f64> {
    x.to_vec::<f64>().unwrap()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    let near =
        |(found, expected): (&f64, &f64)| (found - expected).abs() <= tolerance * expected.abs().max(1.0);
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(near), "{found:?} {expected:?}");
}

#[test]
fn gradients_of_gradients() -> Result<()> {
    assert_eq!(f64s(&grad(grad(cube)).call(2.0f64)?), [12.0]);
    assert_eq!(f64s(&grad(grad(grad(cube))).call(2.0f64)?), [6.0]);
    let slope = grad(cube);
    assert_eq!(f64s(&grad(&slope).call(2.0f64)?), [12.0]);
    assert_eq!(f64s(&value_and_grad(&slope).call(2.0f64)?.0), [12.0]);
    assert_eq!(f64s(&jacobian(grad(sum_of_cubes)).call([1.0f64, 2.0])?), [6.0, 0.0, 0.0, 12.0]);
    assert_eq!(f64s(&hessian(function(sum_of_cubes)).call([1.0f64, 2.0])?), [6.0, 0.0, 0.0, 12.0]);
    assert_eq!(f64s(&slope.call(2.0f64)?), [12.0]); // still there
    Ok(())
}

#[test]
fn functions_are_vectorised() -> Result<()> {
    let f = function(sum_of_cubes);
    let rows = Tensor::from([[1.0f64, 2.0], [3.0, 0.0]]);
    assert_eq!(f64s(&vmap(&f).call(&rows)?), [9.0, 27.0]);
    assert_eq!(f64s(&vmap(grad(&f)).call(&rows)?), [3.0, 12.0, 27.0, 0.0]);
    assert_eq!(f64s(&vmap(vmap(cube)).call(&rows)?), [1.0, 8.0, 27.0, 0.0]);
    assert_eq!(f64s(&vmap(hessian(f.clone())).call(&rows)?), [6., 0., 0., 12., 18., 0., 0., 0.]);
    assert_eq!(f64s(&vmap_axes(f, &[Some(1)], &[]).call(&rows)?), [28.0, 8.0]);
    let summed = {
        let all = vmap(cube);
        function(move |x: Tensor| Ok(all.call(x)?.sum(..)))
    };
    assert_eq!(f64s(&grad(summed).call([1.0f64, 2.0])?), [3.0, 12.0]);
    Ok(())
}

#[test]
fn compiled_signatures_are_transformed() -> Result<()> {
    let f = function(sum_of_cubes);
    let compiled = f.concrete(TensorSpec::f64([2]))?;
    let rows = Tensor::from([[1.0f64, 2.0], [3.0, 0.0]]);
    assert_eq!(f64s(&vmap(&compiled).call(&rows)?), [9.0, 27.0]);
    assert_eq!(f64s(&grad(&compiled).call(rows.i(0))?), [3.0, 12.0]);
    assert_eq!(f64s(&grad(compiled.clone()).call(rows.i(0))?), [3.0, 12.0]);
    assert_eq!(f64s(&function(compiled).call(rows.i(0))?), [9.0]);
    Ok(())
}

#[test]
fn a_tape_sees_into_a_compiled_signature() -> Result<()> {
    let compiled = function(cube).concrete(TensorSpec::f64([2]))?;
    let x = Tensor::from([1.0f64, 2.0]);
    let tape = GradientTape::new();
    tape.watch(&x);
    let y = compiled.call(&x)?;
    assert_eq!(f64s(&tape.gradient_or_error(&y, &[&x])?[0]), [3.0, 12.0]);
    Ok(())
}

#[test]
fn products_with_jacobians_of_anything() -> Result<()> {
    let f = function(cube);
    let (x, v) = (Tensor::from([1.0f64, 2.0]), Tensor::from([1.0f64, 10.0]));
    for (y, dy) in [jvp(&f, x.clone(), v.clone())?, jvp(cube, x.clone(), v.clone())?] {
        assert_eq!((f64s(&y), f64s(&dy)), (vec![1.0, 8.0], vec![3.0, 120.0]));
    }
    // A Hessian times a vector.
    assert_eq!(f64s(&jvp(grad(sum_of_cubes), x.clone(), v.clone())?.1), [6.0, 120.0]);
    let (y, pullback) = vjp(f.clone(), x.clone())?;
    assert_eq!((f64s(&y), f64s(&pullback.call(&v)?)), (vec![1.0, 8.0], vec![3.0, 120.0]));
    assert_eq!(f64s(&vjp(grad(sum_of_cubes), x.clone())?.1.call(&v)?), [6.0, 120.0]);
    assert_eq!(f64s(&checkpoint(&f, x.clone())?), [1.0, 8.0]);
    let again = grad(move |x: Tensor| Ok(checkpoint(&f, x)?.sum(..)));
    assert_eq!(f64s(&again.call(&x)?), [3.0, 12.0]);
    assert_eq!(f64s(&jvp(|x| again.call(x), x, v)?.1), [6.0, 120.0]);
    Ok(())
}

#[test]
fn transformations_within_control_flow_within_transformations() -> Result<()> {
    let slope = grad(cube);
    let f = move |x: Tensor| {
        let rows = map(x.clone(), |x| slope.call(x))?;
        let (last, _) = scan(Tensor::from(0.0f64), rows, |s, x| {
            let s = s + slope.call(x)?;
            Ok((s.clone(), s))
        })?;
        let large = cond(&last.gt(100.0), || slope.call(&last), || Ok(last.clone()))?;
        fori_loop(0i32, 2i32, large, |_, x| slope.call(x * 0.1))
    };
    let expected = |x: &[f64]| {
        let d = |x: f64| 3.0 * x * x;
        let sum: f64 = x.iter().map(|&x| d(d(x))).sum();
        let large = if sum > 100.0 { d(sum) } else { sum };
        d(0.1 * d(0.1 * large))
    };
    for x in [[0.5f64, 0.25], [2.0, 1.0]] {
        let x = x.as_slice();
        let tensor = Tensor::from(x.to_vec());
        close(&f64s(&function(f.clone()).call(&tensor)?), &[expected(x)], 1e-12);
        let h = 1e-5;
        let differences: Vec<f64> = (0..2)
            .map(|i| {
                let at = |h: f64| {
                    expected(
                        &x.iter()
                            .enumerate()
                            .map(|(j, &x)| if i == j { x + h } else { x })
                            .collect::<Vec<_>>(),
                    )
                };
                (at(h) - at(-h)) / (2.0 * h)
            })
            .collect();
        let gradient = function(grad(function(f.clone())));
        close(&f64s(&gradient.call(&tensor)?), &differences, 1e-6);
        let both = vmap(&gradient).call(Tensor::stack(&[&tensor, &tensor], 0))?;
        close(&f64s(&both), &[&differences[..], &differences].concat(), 1e-6);
    }
    Ok(())
}

#[test]
fn functions_of_functions_share_what_is_compiled() -> Result<()> {
    let f = function(cube);
    let g = function(&f);
    assert_eq!(f64s(&g.call(2.0f64)?), [8.0]);
    assert_eq!((g.trace_count(), f.trace_count()), (1, 0)); // within a trace `f` is inlined
    let named = function(|(w, x): (Tensor, Tensor)| w * x).with_argument_names(["w", "x"]);
    function(&named).call((1.0f32, 2.0f32))?;
    let error = grad(&named).call((1.0f32, 2i32)).unwrap_err().to_string();
    assert!(error.contains("mul"), "{error}");
    Ok(())
}

#[test]
fn gradients_by_a_part_of_the_argument() -> Result<()> {
    let loss = |(w, x, y): (Tensor, Tensor, Tensor)| (w * x - y.cast(DType::F64)).square().sum(..);
    let argument = (Tensor::from([1.0f64, 2.0]), Tensor::from([3.0f64, 4.0]), Tensor::from([1i32, 2]));
    let by_w = Gradient::of(loss).wrt(|(w, _, _)| w).function();
    assert_eq!(f64s(&by_w.call(&argument)?), [12.0, 48.0]);
    let by_two = Gradient::of(function(loss)).wrt(|(w, x, _)| (x, w)).function_with_value();
    let (value, (dx, dw)) = by_two.call(&argument)?;
    assert_eq!((f64s(&value), f64s(&dx), f64s(&dw)), (vec![40.0], vec![4.0, 24.0], vec![12.0, 48.0]));
    // The same tensor in two places is two arguments.
    let x = Tensor::from(3.0f64);
    let by_first = Gradient::of(|(x, y): (Tensor, Tensor)| x * y.square()).wrt(|(x, _)| x).function();
    by_first.run_eagerly(true);
    assert_eq!(f64s(&by_first.call((&x, &x))?), [9.0]);
    let error = Gradient::of(cube).wrt(|x| x * 2.0).function().call(1.0f64).unwrap_err().to_string();
    assert!(error.contains("must only pick") && error.contains("compose.rs"), "{error}");
    assert_eq!(f64s(&vmap(by_first).call(([1.0f64, 2.0], [3.0f64, 4.0]))?), [9.0, 16.0]);
    Ok(())
}

#[test]
fn what_is_not_connected_is_a_choice() -> Result<()> {
    let f = |(x, _y, n): (Tensor, Tensor, Tensor)| x * n.cast(DType::F64);
    let argument = (Tensor::from(2.0f64), Tensor::from([1.0f64, 2.0]), Tensor::from(3i32));
    let error = Gradient::of(f).function().call(&argument).unwrap_err().to_string();
    assert!(error.contains("no output depends on `.1`"), "{error}");
    let (dx, dy, dn) = Gradient::of(f).missing(Missing::Zeros).function().call(&argument)?;
    assert_eq!((f64s(&dx), f64s(&dy), dn.to_vec::<i32>()?), (vec![3.0], vec![0.0, 0.0], vec![0]));
    let found = Gradient::of(f).function_of_options().call(&argument)?;
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);

    let (x, y, n) = argument;
    let tape = GradientTape::persistent();
    tape.watch(&x);
    tape.watch(&y);
    let z = f((x.clone(), y.clone(), n));
    assert!(tape.gradient(&z, &[&x, &y])?[1].is_none());
    assert_eq!(f64s(&tape.gradient_or_zero(&z, &[&x, &y])?[1]), [0.0, 0.0]);
    let error = tape.gradient_or_error(&z, &[&x, &y]).unwrap_err().to_string();
    assert!(error.contains("no output depends on source 1") && error.contains("compose.rs"), "{error}");
    Ok(())
}

#[test]
fn all_of_it_runs_eagerly_too() -> Result<()> {
    let slopes = vmap(grad(function(sum_of_cubes)));
    slopes.run_eagerly(true);
    assert_eq!(f64s(&slopes.call([[1.0f64, 2.0], [3.0, 0.0]])?), [3.0, 12.0, 27.0, 0.0]);
    let second = grad(grad(cube));
    second.run_eagerly(true);
    assert_eq!(f64s(&second.call(2.0f64)?), [12.0]);
    Ok(())
}

#[derive(Clone, Tree)]
struct Line {
    slope: Tensor,
    offset: Tensor,
}

fn at_two(line: &Line) -> Result<Tensor> {
    Ok(&line.slope * 2.0 + &line.offset * &line.offset)
}

#[test]
fn functions_that_take_references() -> Result<()> {
    let sum = |x: &Tensor| (x * x).sum(..);
    let x = Tensor::from([1.0f64, 2.0]);
    assert_eq!(f64s(&grad(sum).call(&x)?), [2.0, 4.0]);
    assert_eq!(f64s(&grad(move |x: &Tensor| sum(x)).call(&x)?), [2.0, 4.0]);
    assert_eq!(f64s(&function(sum).call(&x)?), [5.0]);
    assert_eq!(f64s(&hessian(sum).call(&x)?), [2.0, 0.0, 0.0, 2.0]);
    assert_eq!(f64s(&jacobian(|x: &Tensor| x * x).call(&x)?), [2.0, 0.0, 0.0, 4.0]);
    assert_eq!(f64s(&vmap(|x: &Tensor| x * x).call(&x)?), [1.0, 4.0]);
    assert_eq!(f64s(&vmap(grad(|x: &Tensor| x * x)).call(&x)?), [2.0, 4.0]);
    assert_eq!(f64s(&jvp(sum, x.clone(), x.clone())?.1), [10.0]);
    assert_eq!(f64s(&vjp(sum, x.clone())?.1.call(&Tensor::from(3.0f64))?), [6.0, 12.0]);
    assert_eq!(f64s(&checkpoint(sum, x)?), [5.0]);
    let line = Line { slope: Tensor::from(3.0f64), offset: Tensor::from(4.0f64) };
    let (value, slopes) = value_and_grad(at_two).call(&line)?;
    assert_eq!((f64s(&value), f64s(&slopes.slope), f64s(&slopes.offset)), (vec![22.0], vec![2.0], vec![8.0]));
    let by_offset = Gradient::of(at_two).wrt(|line| line.offset).function();
    assert_eq!(f64s(&by_offset.call(&line)?), [8.0]);
    assert_eq!(f64s(&grad(|(x, y): &(Tensor, Tensor)| x * y).call((2.0f64, 5.0f64))?.0), [5.0]);
    Ok(())
}
