//! Containers of tensors as arguments and results.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use tensorwright::prelude::*;
use tensorwright::{Error, Result};

#[derive(Clone, Debug, Tree)]
struct Layer {
    weight: Tensor,
    bias: Option<Tensor>,
    #[tree(static)]
    activation: Activation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Activation {
    Linear,
    Relu,
}

#[derive(Debug, Tree)]
enum Shape {
    Unit,
    Circle(Tensor),
    Rectangle { width: Tensor, height: Tensor },
}

#[derive(Tree)]
struct Pair<T> {
    first: T,
    second: T,
    marker: PhantomData<u8>,
}

#[derive(Tree)]
struct Wrapper(Tensor, i32);

impl Layer {
    fn apply(&self, x: &Tensor) -> Tensor {
        let y = x.matmul(&self.weight);
        let y = match &self.bias {
            Some(bias) => y + bias,
            None => y,
        };
        match self.activation {
            Activation::Linear => y,
            Activation::Relu => y.relu(),
        }
    }
}

fn layer(bias: Option<f32>, activation: Activation) -> Layer {
    let weight = Tensor::from([[1.0f32, -1.0]]);
    Layer { weight, bias: bias.map(Tensor::from), activation }
}

#[test]
fn derived_structs_go_in() -> Result<()> {
    let f = function(|(layer, x): (Layer, Tensor)| layer.apply(&x)).with_argument_names(["layer", "x"]);
    let x = Tensor::from([[2.0f32]]);
    let plain = layer(None, Activation::Linear);
    assert_eq!(f.call((&plain, &x))?.to_vec::<f32>()?, [2.0, -2.0]);
    assert_eq!(f.call((plain.clone(), &x))?.to_vec::<f32>()?, [2.0, -2.0]);
    assert_eq!(f.trace_count(), 1);
    assert_eq!(f.call((&layer(None, Activation::Relu), &x))?.to_vec::<f32>()?, [2.0, 0.0]);
    assert_eq!(f.call((&layer(Some(1.0), Activation::Relu), &x))?.to_vec::<f32>()?, [3.0, 0.0]);
    assert_eq!(f.trace_count(), 3);
    let signature = f.signatures().pop().unwrap().to_string();
    let expected = "(layer.weight: f32[1,2], layer.bias: Some, layer.bias: f32[], layer.activation: Relu (";
    assert!(signature.starts_with(expected), "{signature}");
    Ok(())
}

#[test]
fn derived_enums_go_in_and_out() -> Result<()> {
    let f = function(|shape: Shape| match shape {
        Shape::Unit => (Tensor::from(1.0f32), Shape::Unit),
        Shape::Circle(r) => (&r * &r * 3, Shape::Circle(r)),
        Shape::Rectangle { width, height } => {
            (&width * &height, Shape::Rectangle { width: height, height: width })
        }
    });
    let area = |shape: Shape| f.call(shape).and_then(|(area, _)| area.item::<f32>());
    assert_eq!(area(Shape::Unit)?, 1.0);
    assert_eq!(area(Shape::Circle(Tensor::from(2.0f32)))?, 12.0);
    let rectangle = Shape::Rectangle { width: Tensor::from(2.0f32), height: Tensor::from(5.0f32) };
    let (area, turned) = f.call(&rectangle)?;
    assert_eq!(area.item::<f32>()?, 10.0);
    let Shape::Rectangle { width, .. } = turned else { panic!("{turned:?}") };
    assert_eq!(width.item::<f32>()?, 5.0);
    assert_eq!(f.trace_count(), 3);
    Ok(())
}

#[test]
fn generic_and_tuple_structs_derive_too() -> Result<()> {
    let f = function(|p: Pair<Tensor>| Pair {
        first: &p.first + &p.second,
        second: p.first,
        marker: PhantomData,
    });
    let pair = Pair { first: Tensor::from(1i32), second: Tensor::from(2i32), marker: PhantomData };
    let Pair { first, second, .. } = f.call(&pair)?;
    assert_eq!((first.item::<i32>()?, second.item::<i32>()?), (3, 1));

    let g = function(|Wrapper(x, k): Wrapper| Wrapper(x * k, k + 1));
    let Wrapper(y, k) = g.call(Wrapper(Tensor::from(5i32), 3))?;
    assert_eq!((y.item::<i32>()?, k), (15, 4));
    Ok(())
}

#[test]
fn vectors_differ_by_length() -> Result<()> {
    let f = function(|xs: Vec<Tensor>| xs.into_iter().reduce(|a, b| a + b).unwrap_or(Tensor::from(0i32)));
    let tensors: Vec<Tensor> = [1, 2, 3].map(Tensor::from).to_vec();
    assert_eq!(f.call(&tensors)?.item::<i32>()?, 6);
    assert_eq!(f.call(&tensors[..2])?.item::<i32>()?, 3);
    assert_eq!(f.call(Vec::<Tensor>::new())?.item::<i32>()?, 0);
    let references: Vec<&Tensor> = tensors.iter().collect();
    assert_eq!(f.call(references)?.item::<i32>()?, 6);
    assert_eq!(f.trace_count(), 3);
    let miss = f.misses()[1].to_string();
    assert!(miss.contains("3 elements -> 2 elements"), "{miss}");
    Ok(())
}

#[test]
fn maps_do_not_depend_on_the_order_of_insertion() -> Result<()> {
    type Parameters = HashMap<String, Tensor>;
    let f = function(|p: Parameters| &p["a"] * 10 + &p["b"]);
    let entries = [("a".to_owned(), Tensor::from(1i32)), ("b".to_owned(), Tensor::from(2i32))];
    let forwards: Parameters = entries.clone().into_iter().collect();
    let backwards: Parameters = entries.clone().into_iter().rev().collect();
    assert_eq!(f.call(&forwards)?.item::<i32>()?, 12);
    assert_eq!(f.call(&backwards)?.item::<i32>()?, 12);
    assert_eq!(f.trace_count(), 1);

    let g = function(|p: BTreeMap<&'static str, Tensor>| {
        p.into_iter().map(|(k, v)| (k, v + 1)).collect::<BTreeMap<_, _>>()
    });
    let result = g.call(BTreeMap::from([("x", Tensor::from(1i32))]))?;
    assert_eq!(result["x"].item::<i32>()?, 2);
    g.call(BTreeMap::from([("y", Tensor::from(1i32))]))?;
    assert_eq!(g.trace_count(), 2);
    Ok(())
}

#[test]
fn arrays_options_boxes_and_deep_nesting() -> Result<()> {
    type Deep = ([(Tensor, Option<Tensor>); 2], Box<Vec<Tensor>>, String);
    let f = function(|([a, b], rest, name): Deep| {
        let sum = a.0 + b.0 + b.1.unwrap_or(Tensor::from(100i32));
        (rest.into_iter().fold(sum, |s, x| s + x), name + "!")
    });
    let t = |n: i32| Tensor::from(n);
    let (sum, name) =
        f.call(([(t(1), Some(t(50))), (t(2), None)], Box::new(vec![t(3), t(4)]), "deep".to_owned()))?;
    assert_eq!((sum.item::<i32>()?, name.as_str()), (110, "deep!"));
    assert_eq!(
        f.concrete(([(t(1), Some(t(50))), (t(2), None)], Box::new(vec![t(3), t(4)]), "deep".to_owned(),))?
            .signature()
            .leaves[0]
            .path,
        "0[0].0"
    );
    Ok(())
}

#[test]
fn twelve_arguments() -> Result<()> {
    let f = function(
        |(a, b, c, d, e, g, h, i, j, k, l, m): (
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
        )| a + b + c + d + e + g + h + i + j + k + l + m,
    );
    let sum = f.call((1i32, 2i32, 3i32, 4i32, 5i32, 6i32, 7i32, 8i32, 9i32, 10i32, 11i32, 12i32))?;
    assert_eq!(sum.item::<i32>()?, 78);
    Ok(())
}

#[test]
fn a_closure_without_tensors_is_traced_once() -> Result<()> {
    let f = function(|(): ()| Tensor::arange(3, DType::I32) + 1);
    assert_eq!(f.call(())?.to_vec::<i32>()?, [1, 2, 3]);
    f.call(())?;
    assert_eq!(f.trace_count(), 1);
    Ok(())
}

#[test]
fn errors_in_results_surface() {
    let f = function(|x: Tensor| (x.clone(), vec![x.reshape([7])]));
    assert!(matches!(f.call([1.0f32]).unwrap_err(), Error::Op { .. }));
}
