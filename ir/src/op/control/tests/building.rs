//! Builder methods with closures.

use super::{elements, graph, outputs, tensor};
use crate::op::TypeError;
use crate::op::control::{Map, Scan};
use crate::text::MAX_DEPTH;
use crate::{BuildError, Builder, DType, Literal, Location, TensorType, Value};

#[test]
fn a_loop_is_built_of_closures() {
    let mut b = Builder::new("f");
    b.set_location(Some(Location::new("a.rs", 1, 2)));
    let n = b.named_input("n", TensorType::scalar(DType::I32));
    let zero = b.scalar(0i32);
    let results = b.while_loop(
        &[zero, zero],
        &[n],
        |b, x| b.lt(x[0], x[2]),
        |b, x| {
            let one = b.scalar(1i32);
            Ok([b.add(x[0], one)?, b.add(x[1], x[0])?])
        },
    );
    let results = results.unwrap();
    let built = b.finish(&results[1..]);
    crate::verify(&built).unwrap();
    assert_eq!(elements::<i32>(&outputs(&built, &[Literal::scalar(5)])[0]), [10]);
    let body = &built.nodes()[1].regions[1];
    assert_eq!((body.name(), body.value_name(body.inputs()[2])), ("body", Some("n")));
    assert_eq!(body.nodes()[0].location, Some(Location::new("a.rs", 1, 2)));
    assert_eq!(graph(&built.to_string()), built);
}

#[test]
fn each_kind_of_control_flow_has_a_method() {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::new(DType::I32, [3]));
    let p = b.scalar(true);
    let i = b.scalar(1i32);
    let y = b.cond(p, &[x], |b, x| Ok([b.neg(x[0])?]), |_, x| Ok([x[0]])).unwrap()[0];
    let y =
        b.case(i, &[y], 2, |b, i, x| if i == 0 { Ok([b.add(x[0], x[0])?]) } else { Ok([x[0]]) }).unwrap()[0];
    let scan = Scan { carried: 1, scanned: 1, length: 3, reverse: false };
    let sum = b.scan(scan, &[i, y], |b, x| Ok([b.add(x[0], x[1])?])).unwrap()[0];
    let map = Map { mapped: 1, length: 3 };
    let y = b.map(map, &[y, sum], |b, x| Ok([b.mul(x[0], x[1])?])).unwrap()[0];
    let y = b.call("g", &[y], |b, x| Ok([b.abs(x[0])?])).unwrap()[0];
    let t = b.token();
    let t = b.print(t, "y = {}", &[y]).unwrap();
    b.assert(t, p, "p", &[]).unwrap();
    let built = b.finish(&[y]);
    crate::verify(&built).unwrap();
    assert_eq!(elements::<i32>(&outputs(&built, &[tensor([3], &[1, 2, 3])])[0]), [5, 10, 15]);
}

#[test]
fn an_error_in_a_closure_is_the_error_of_the_method() {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::new(DType::I32, [3]));
    let p = b.scalar(true);
    let error = b.cond(p, &[x], |b, x| Ok([b.logistic(x[0])?]), |_, x| Ok([x[0]])).unwrap_err();
    assert_eq!(error.op, "logistic");
    let error = b.cond(p, &[x], |b, x| Ok([b.eq(x[0], x[0])?]), |_, x| Ok([x[0]])).unwrap_err();
    assert_eq!(error.op, "if");
    let scan = Scan { carried: 0, scanned: 1, length: 3, reverse: false };
    let error = b.scan(scan, &[p], |_, x| Ok([x[0]])).unwrap_err();
    assert!(error.to_string().contains("operand 0 is a scalar"), "{error}");
}

#[test]
fn regions_nest_only_so_deep() {
    fn nested(b: &mut Builder, x: Value, depth: usize) -> Result<Value, BuildError> {
        if depth == 0 {
            return Ok(x);
        }
        Ok(b.call("f", &[x], |b, x| Ok([nested(b, x[0], depth - 1)?]))?[0])
    }
    let build = |depth| {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::scalar(DType::F32));
        nested(&mut b, x, depth).map(|y| b.finish(&[y]))
    };
    let deepest = build(MAX_DEPTH - 1).unwrap();
    assert_eq!(deepest.depth(), MAX_DEPTH);
    crate::verify(&deepest).unwrap();
    assert_eq!(graph(&deepest.to_string()), deepest);
    assert_eq!(elements::<f32>(&outputs(&deepest, &[Literal::scalar(2f32)])[0]), [2.0]);
    assert_eq!(*build(MAX_DEPTH).unwrap_err().source, TypeError::Nesting);
}

#[test]
fn the_text_form_shows_regions_as_blocks() {
    let mut b = Builder::new("f");
    let (p, x) = (
        b.named_input("p", TensorType::scalar(DType::Bool)),
        b.named_input("x", TensorType::scalar(DType::F32)),
    );
    let y = b.cond(p, &[x], |b, x| Ok([b.neg(x[0])?]), |_, x| Ok([x[0]])).unwrap();
    assert_eq!(
        b.finish(&y).to_string(),
        "\
graph @f(%p: bool[], %x: f32[]) -> (f32[]) {
  %2 = if(%p, %x) (
    graph @then(%x: f32[]) -> (f32[]) {
      %1 = neg(%x) : f32[]
      return %1
    },
    graph @else(%x: f32[]) -> (f32[]) {
      return %x
    }
  ) : f32[]
  return %2
}
"
    );
}
