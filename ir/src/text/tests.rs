//! Round trips and errors of the text form.

use super::*;
use crate::Op;
use crate::op::Draw;
use crate::op::primitive::Constant;
use crate::{Builder, DType, Literal, Location, Scalar, Shape, TensorType};

fn round_trip(graph: &Graph) {
    let text = print(graph, Style::default());
    let parsed = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(&parsed, graph, "{text}");
    let (text, weights) = print_with_weights(graph);
    let parsed = parse_with_weights(&text, &weights.into_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(&parsed, graph, "{text}");
}

fn constant(literal: Literal) -> Graph {
    let mut b = Builder::new("c");
    let value = b.literal(literal);
    b.finish(&[value])
}

fn numbers(seed: u32, count: u32) -> Vec<u32> {
    (0..count)
        .map(|i| (i ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 3)
        .collect()
}

#[test]
fn every_op_round_trips() {
    for kind in Op::kinds() {
        for seed in 0..20 {
            let choices = numbers(seed * 977, 64);
            let sample = kind.sample(&mut Draw::new(&choices), &TensorType::new(DType::F32, [2, 3]).into());
            if !sample.op.has_text() {
                continue;
            }
            let mut b = Builder::new("f");
            let operands: Vec<_> =
                sample.operands.iter().map(|operand| b.input(operand.ty.clone())).collect();
            let results = b.push_with_regions(sample.op, &operands, sample.regions);
            let results = results.unwrap_or_else(|e| panic!("sample of {kind:?}: {e}"));
            round_trip(&b.finish(&results));
        }
    }
}

#[test]
fn every_bit_pattern_of_an_element_round_trips() {
    for dtype in DType::REAL {
        let extremes = [0, 1, 1u64 << (dtype.bits() - 1), u64::MAX, u64::MAX >> 1];
        let specials = [f64::NAN, f64::INFINITY, -f64::INFINITY, -0.0, 1e-40, 1.1, -65504.0, 1e300]
            .map(|v| Scalar::from_f64(dtype, v));
        // NaNs with and without sign, quiet and signalling, with payload.
        let nans = [
            0x7fc1_2345u64,
            0xff80_0001,
            0x7ff0_0000_0000_0001,
            0xfff8_0000_dead_beef,
            0x7c01,
            0xfe12,
            0xff81,
        ];
        let bits = extremes
            .into_iter()
            .chain(nans)
            .chain((0..200u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let elements: Vec<Scalar> = bits.map(|b| Scalar::from_bits(dtype, b)).chain(specials).collect();
        for &element in &elements {
            round_trip(&constant(Literal::scalar(element)));
        }
        let shape = [2, elements.len() / 2];
        let ty = TensorType::new(dtype, shape);
        round_trip(&constant(Literal::from_scalars(ty, elements.iter().copied().take(shape[1] * 2))));
    }
}

#[test]
fn constants_of_all_shapes_round_trip() {
    for shape in [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[2, 3],
        &[2, 1, 2],
        &[1, 1, 1],
        &[0, 3],
        &[3, 0],
        &[1_000_000_000, 0],
        &[70, 2],
        &[1; 32],
    ] {
        for dtype in [DType::Bool, DType::I8, DType::F32] {
            let ty = TensorType::new(dtype, shape);
            round_trip(&constant(Literal::from_fn(ty.clone(), |i| Scalar::from_i128(dtype, i as i128 % 5))));
            round_trip(&constant(Literal::from_fn(ty, |_| Scalar::from_i128(dtype, 1))));
        }
    }
}

#[test]
fn fills_beyond_the_budget_are_listed() {
    let mut b = Builder::new("f");
    let zeros = Literal::full([MAX_FILL_BYTES / 16], 0.0f64);
    let values: Vec<_> = (0..3).map(|_| b.literal(zeros.clone())).collect();
    let graph = b.finish(&values);
    let (text, weights) = print_with_weights(&graph);
    assert_eq!(text.matches("blob").count(), 1, "{text}");
    assert_eq!(parse_with_weights(&text, &weights.into_bytes()).unwrap(), graph);
}

#[test]
fn equal_constants_share_their_place_in_the_side_file() {
    let mut b = Builder::new("f");
    let literal = Literal::from_fn(TensorType::new(DType::F32, [100]), |i| Scalar::F32(i as f32));
    let values = [b.literal(literal.clone()), b.literal(literal)];
    let (_, weights) = print_with_weights(&b.finish(&values));
    assert_eq!(weights.into_bytes().len(), 64 + 400);
}

#[test]
fn names_of_all_kinds_round_trip() {
    let mut b = Builder::new("a \"graph\"\\\n\u{1f600}\u{202e}");
    let ty = TensorType::scalar(DType::F32);
    for name in [
        "x",
        "x",
        "",
        "12",
        "a b",
        "q\"uote",
        "back\\slash",
        "tab\t",
        "x#1",
        "x\"#1",
        "_",
        ".",
        "ü",
        "return",
        "x",
    ] {
        let x = b.named_input(name, ty.clone());
        let y = b.neg(x).unwrap();
        b.set_name(y, Some(name.to_owned()));
        b.neg(y).unwrap();
    }
    let outputs: Vec<_> = b.graph().values().collect();
    round_trip(&b.finish(&outputs));
    round_trip(&Builder::new("").finish(&[]));
}

#[test]
fn locations_round_trip() {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::scalar(DType::F32));
    for file in ["src/main.rs", "a \"b\"\n.rs", ""] {
        b.set_location(Some(Location::new(file, 12, 8)));
        b.neg(x).unwrap();
    }
    b.set_location(None);
    let y = b.neg(x).unwrap();
    let graph = b.finish(&[y]);
    round_trip(&graph);
    let text = print(&graph, Style { locations: false, ..Style::default() });
    assert!(!text.contains('@') || text.matches('@').count() == 1, "{text}");
}

#[test]
fn regions_and_several_results_round_trip() {
    let text = "\
graph @outer(%x: f32[4]) -> (f32[4], i32[]) {
  %0, %count = reshape(%x) {shape = [4]} (
    graph @cond(%x: f32[4]) -> (f32[4]) {
      return %x
    },
    graph @body(%y: f32[4]) -> (f32[4]) {
      %1 = neg(%y) (
        graph @inner() -> () {
          return
        }
      ) : f32[4]
      return %1
    }
  ) : f32[4], i32[] @ \"a.rs\":1:2
  return %0, %count
}
";
    let graph = parser::parse_trusting(text).unwrap();
    assert_eq!(graph.nodes()[0].regions[1].nodes()[0].regions.len(), 1);
    let printed = print(&graph, Style::default());
    assert_eq!(printed, text.replace("%0", "%1"));
    assert_eq!(parser::parse_trusting(&printed).unwrap(), graph);
}

#[test]
fn inputs_added_late_come_first() {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::scalar(DType::F32));
    let y = b.neg(x).unwrap();
    let late = b.named_input("late", TensorType::scalar(DType::F32));
    let z = b.add(y, late).unwrap();
    round_trip(&b.finish(&[z, x, late]));
}

#[test]
fn hand_written_texts_parse() {
    let graph = parse(
        "// A comment.
        graph @layer (%x: f32[2,2], %s: f32[]) { // no output types
            %w = constant() {value = f32[2,2] [1, 2.5, -3e0, .0]}
            return %w }",
    );
    assert_eq!(graph.unwrap_err().code(), Code::UnexpectedCharacter);
    let graph = parse("graph(%x: f32[2]) { %y=neg(%x) %z=neg(%y):f32[2] return%z,%z}").unwrap();
    assert_eq!((graph.nodes().len(), graph.outputs().len()), (2, 2));
    let flat = parse("graph() { %0 = constant() {value = i32[2,2] [0x10, -1, 2, 3]} return %0 }").unwrap();
    let nested =
        parse("graph() { %0 = constant() {value = i32[2,2] [[16, -1], [2, 3]]} return %0 }").unwrap();
    assert_eq!(flat, nested);
    let nan = parse("graph() { %0 = constant() {value = nan:f32} return %0 }").unwrap();
    let Op::Constant(Constant { value }) = &nan.nodes()[0].op else { panic!() };
    assert!(value.get(0).to_f64().is_nan() && value.ty().shape == Shape::scalar());
}

#[test]
fn every_explanation_shows_its_error() {
    for code in Code::ALL.iter().filter(|code| code.number() < "E1") {
        let example: String = code.explanation().lines().filter_map(|l| l.strip_prefix("    ")).collect();
        match code {
            Code::NotUtf8 => assert_eq!(parse_bytes(b"graph \xff", None).unwrap_err().code(), Code::NotUtf8),
            _ => assert_eq!(parse(&example).unwrap_err().code(), *code, "{example}"),
        }
        assert_eq!(Code::from_number(&code.number().to_lowercase()), Some(*code));
    }
}

#[test]
fn errors_name_place_and_remedy() {
    let fails = |text: &str| parse(text).unwrap_err();
    let error = fails("graph @f(%x: f32[4]) {\n  %y = redcue(%x) {kind = sum, axes = [0]}\n  return %y\n}");
    assert_eq!((error.line(), error.column(), error.span()), (2, 8, Span { start: 30, end: 36 }));
    assert_eq!(error.help(), Some("did you mean `reduce`?"));

    let error = fails("graph(%x: f32[4]) { %y = reduce(%x) {kind = sum, axs = [0]} return %y }");
    assert_eq!(error.help(), Some("did you mean `axes`?"));

    let text = "graph(%x: f32[4]) {\n  %a = neg(%x)\n  %a = neg(%x)\n  return %a }";
    let error = fails(text);
    assert_eq!(error.related().unwrap().span.start, text.find("%a").unwrap());

    let error = fails("graph(%x: f32[4]) { %y = neg(%x) : f32[8] return %y }");
    assert_eq!(error.label(), "annotated f32[8], but inferred f32[4]");

    let error = fails("graph(%x: f32[4]) { %y = neg(%x return %y }");
    assert_eq!(error.message(), "expected `,` or `)`, found `return`");
    assert_eq!(
        fails("graph(%x: f32[4]) {").message(),
        "expected an operation, a value to define or `return`, found the end of the text"
    );
    assert_eq!(fails("graph() { return } graph").message(), "expected the end of the text, found `graph`");
}

#[test]
fn side_files_are_checked() {
    let literal = Literal::from_fn(TensorType::new(DType::F32, [100]), |i| Scalar::F32(i as f32));
    let (text, weights) = print_with_weights(&constant(literal));
    let weights = weights.into_bytes();
    let label =
        |text: &str, weights: &[u8]| parse_with_weights(text, weights).unwrap_err().label().to_owned();
    assert!(label(&text, b"").contains("does not start"));
    assert!(label(&text, &weights[..weights.len() - 1]).contains("beyond the side file's end"));
    let mut other = weights.clone();
    other[100] ^= 1;
    assert!(label(&text, &other).contains("another text"));
    assert!(label(&text.replace("blob(64", "blob(0xffffffffffffffff"), &weights).contains("beyond"));
    assert!(label(&text.replace("f32[100]", "bool[400]"), &weights).contains("0 or 1") || text.is_empty());
    // The same bytes under a hundred shapes would take a hundred times the memory.
    let many: String = (1..=100)
        .map(|i| {
            format!(
                "%{i} = constant() {{value = u8[400{}] blob(64, {:#x})}}\n",
                ",1".repeat(i % 30),
                weights::checksum(&weights[64..])
            )
        })
        .collect();
    assert!(label(&format!("graph() {{ {many} return }}"), &weights).contains("overlap"));
}

#[test]
fn depth_is_limited() {
    let nest = |depth: usize| {
        let open = "graph() { reshape() {shape = []} (".repeat(depth);
        format!("{open} graph() {{ return }} {}", ") return }".repeat(depth))
    };
    assert!(parser::parse_trusting(&nest(MAX_DEPTH - 1)).is_ok());
    assert_eq!(parser::parse_trusting(&nest(MAX_DEPTH)).unwrap_err().code(), Code::TooDeep);
    assert_eq!(parser::parse_trusting(&nest(100_000)).unwrap_err().code(), Code::TooDeep);
}

#[test]
fn calls_nest_only_so_deep() {
    let nest = |depth: usize| {
        let open = "graph() { call() {name = \"f\"} (".repeat(depth);
        format!("{open} graph() {{ return }} {}", ") return }".repeat(depth))
    };
    let deepest = parse(&nest(MAX_DEPTH - 1)).unwrap();
    assert_eq!(deepest.depth(), MAX_DEPTH);
    round_trip(&deepest);
    for depth in [MAX_DEPTH, 100_000] {
        assert_eq!(parse(&nest(depth)).unwrap_err().code(), Code::TooDeep);
    }
}

#[test]
fn a_region_sees_nothing_around_it() {
    let text =
        "graph(%x: f32[4]) { %y = call() {name = \"f\"} (graph() { %z = neg(%x) return %z }) return %y }";
    let error = parse(text).unwrap_err();
    assert_eq!(error.code(), Code::UndefinedValue);
    assert!(error.help().unwrap().contains("pass the value as an operand"));
}
