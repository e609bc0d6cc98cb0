//! Where errors of transformations say they are, and what they call the arguments.

use tensorwright::prelude::*;

/// The error, which must name a line of this file, of the statement that begins at this one.
#[track_caller]
fn named<T>(result: Result<T>, parts: &[&str]) {
    let Err(error) = result else { panic!("there must be an error") };
    let (text, at, here) = (error.to_string(), error.location(), std::panic::Location::caller());
    assert!(at.to_string().starts_with(here.file()), "{text}");
    assert!((here.line()..here.line() + 5).contains(&at.line), "line {}: {text}", here.line());
    assert!(!text.contains("src/"), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "{part} in {text}"));
}

#[test]
fn gradients_name_the_line_of_the_call_and_the_path() {
    let argument = || (Tensor::from([1.0f32]), Tensor::from([2.0f32]));
    let f = |(x, _y): (Tensor, Tensor)| x.sum(..);
    named(grad(f).call(argument()), &["no output depends on `.1`"]);
    named(value_and_grad(f).call(argument()), &["`.1`"]);
    named(grad(function(f)).call(argument()), &["`.1`"]);
    let with_names = function(f).with_argument_names(["x", "y"]);
    named(grad(&with_names).call(argument()), &["no output depends on `y`"]);
    named(grad(f).with_argument_names(["x", "y"]).call(argument()), &["`y`"]);
    named(value_and_grad(grad(|x: Tensor| x.square())).call(1.0f32).and(grad(f).call(argument())), &[]);
    let slope = grad(f);
    named(function(move |p: (Tensor, Tensor)| slope.call(p)).call(argument()), &["`.1`"]);
}

#[derive(Clone, Tree)]
struct Params {
    w: Tensor,
    layers: Vec<(Tensor, Tensor)>,
}

#[function]
fn loss(params: &Params, x: &Tensor) -> Tensor {
    (&params.w * x + params.layers[1].0.floor()).sum(..)
}

#[test]
fn parts_of_structs_have_paths() {
    let one = || Tensor::from(1.0f64);
    let params = Params { w: one(), layers: vec![(one(), one()), (one(), one())] };
    named(grad(loss::function()).call((&params, one())), &["no output depends on `params.layers[0].0`"]);
    let f = |p: Params| (p.w + p.layers[0].0.floor()).sum(..);
    named(grad(f).call(&params), &["`layers[0].0` -> floor at", "is not differentiable"]);
    named(grad(|x: Tensor| x.floor()).call(1.0f64), &["the argument -> floor"]);
}

#[test]
fn tangents_and_cotangents_have_paths() -> Result<()> {
    let one = || Tensor::from(1.0f64);
    let params = Params { w: one(), layers: vec![(one(), one())] };
    let wrong = Params { w: one(), layers: vec![(one(), Tensor::from(1.0f32))] };
    let scaled = |p: Params| Params { w: &p.w * 2.0, layers: p.layers };
    let tangent = "the tangent of `layers[0].1` must be f64[], found f32[]";
    named(jvp(scaled, params.clone(), wrong.clone()), &[tangent]);
    let (_, pullback) = vjp(scaled, params.clone())?;
    named(pullback.call(&wrong), &["the cotangent of `layers[0].1` must be f64[], found f32[]"]);
    named(jvp(|x: Tensor| x, one(), Tensor::from([1.0f64])), &["the tangent of the argument must be f64[]"]);
    named(vjp(|x: Tensor| x, one())?.1.call(&Tensor::from(1.0f32)), &["the cotangent of the result must be"]);
    let fewer = Params { layers: vec![], ..params.clone() };
    named(jvp(scaled, params, fewer), &["`layers[0].0` must be f64[], found nothing"]);
    Ok(())
}

#[test]
fn whole_matrices_refuse_what_gradients_refuse() {
    let x = || Tensor::from([1.0f64, 2.0]);
    named(jacobian(|x: Tensor| x.argmax(0)).call(x()), &["result is i32[]", "only floats"]);
    named(jacobian(|x: Tensor| x.floor()).call(x()), &["the argument -> floor"]);
    named(jacobian(|_: Tensor| Tensor::from([1.0f64])).call(x()), &["no output depends on the argument"]);
    named(jacobian(|x: Tensor| x.cast(DType::F64)).call([1i32]), &["the argument is i32[1]"]);
    named(hessian(|x: Tensor| x.square()).call(x()), &["result is f64[2]", "only scalars have a Hessian"]);
    named(hessian(|x: Tensor| x.square().reshape([1])).call([1.0f64]), &["f64[1]"]);
    named(hessian(|x: Tensor| x.argmax(0)).call(x()), &["only floats"]);
    named(hessian(|x: Tensor| x.sum(..).floor()).call(x()), &["floor"]);
    named(hessian(|x: Tensor| x.sum(..).cast(DType::F64)).call([1i32]), &["the argument is i32[1]"]);
}

#[test]
fn vectorised_functions_name_the_line_and_the_path() {
    let f = |(x, y): (Tensor, Tensor)| x + y;
    let (two, three) = (Tensor::zeros([2], DType::F32), Tensor::zeros([3], DType::F32));
    named(vmap(f).call((&two, &three)), &["`.0` has 2, `.1` has 3"]);
    named(
        vmap(f).with_argument_names(["x", "y"]).call((&two, 1.0f32)),
        &["`y`: tensor 1 of the argument is f32[] and has no axis 0"],
    );
    named(vmap_axes(f, &[None, None], &[]).call((&two, &two)), &["no tensor of the argument has examples"]);
    let v = Variable::new(0.0f32).unwrap();
    named(vmap(move |x: Tensor| v.assign(&x).map(|()| x)).call(&two), &["assigns a variable"]);
}

#[test]
fn products_name_their_own_lines() {
    let x = || Tensor::from([1.0f64, 2.0]);
    named(jvp(|x: Tensor| x.sin(), x(), Tensor::from(1.0f64)), &["tangent"]);
    let (_, pullback) = vjp(|x: Tensor| x.sin(), x()).unwrap();
    named(pullback.call(&Tensor::from(1.0f64)), &["cotangent"]);
    let v = Variable::new(1.0f64).unwrap();
    named(tensorwright::value_and_grad_of(&[&v], || v.value().floor()), &["floor"]);
}

/// A helper of somebody's: its caller is told.
#[track_caller]
fn slope_of(f: impl Fn(Tensor) -> Tensor + Send + Sync + 'static, x: f64) -> Result<Tensor> {
    grad(f).call(x)
}

#[track_caller]
fn scaled(x: &Tensor, by: &Tensor) -> Tensor {
    x.matmul(by)
}

#[test]
fn helpers_that_track_their_callers_are_not_named() {
    named(slope_of(|x| x.floor(), 1.0), &["floor"]);
    let x = Tensor::zeros([2, 3], DType::F32);
    named(scaled(&x, &x).ok(), &[]);
    named(function(|x: Tensor| scaled(&x, &x)).call(&x), &[]);
}

#[test]
fn paddings_that_are_too_large_say_how_large() {
    let x = Tensor::zeros([2], DType::F32);
    let (zero, low, gaps) = ([0i64], [i64::MAX], [9usize]);
    named(x.pad(0.0, low, low, gaps).ok(), &["would get the extent 18446744073709551625"]);
    named(x.pad(0.0, [1i64 << 40], zero, [0usize]).ok(), &["4398046511112 bytes"]);
}
