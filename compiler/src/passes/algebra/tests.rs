//! Every rule of every table: that it does what it says, on the dtypes that it says, and that values agree.

use tensorwright_ir::eval::evaluate;
use tensorwright_ir::{DType, Graph, Literal, Scalar, Shape, Type};
use tensorwright_testkit::literals::{Random, SPECIAL_FLOATS, random_scalar};
use tensorwright_testkit::tolerance::same_values;

use super::pattern_text::build;
use super::{EXACT, Rule, VALUE_CHANGING, apply};
use crate::passes::testing::{check_unchanged, plain_text};
use crate::passes::{Algebra, Context, PassOptions};

const SAMPLES: usize = 512;

fn exact_rules() -> Vec<&'static Rule> {
    EXACT.iter().copied().flatten().collect()
}

fn applied(rule: &Rule, graph: &Graph) -> Option<Graph> {
    let options = PassOptions::default();
    let mut cx = Context::new(&options, "algebra");
    let new = apply(&[rule], graph, &mut cx);
    assert!(cx.failures().is_empty(), "{}: {:?}", rule.name, cx.failures());
    new
}

/// Each special value against each, then random ones.
fn samples(dtype: DType, input: usize) -> Literal {
    let mut random = Random::new(input as u64);
    let specials: Vec<Scalar> = if dtype.is_float() {
        SPECIAL_FLOATS.iter().map(|&x| Scalar::from_f64(dtype, x)).collect()
    } else {
        let ints = [0, 1, -1, 2, -2, 3, 7, 8, 127];
        ints.iter()
            .map(|&x| Scalar::from_i128(dtype, x))
            .chain([Scalar::lowest(dtype), Scalar::highest(dtype)])
            .collect()
    };
    Literal::from_fn(Type::new(dtype, [SAMPLES]), |i| {
        let n = specials.len();
        match i / (n * n) {
            0 => specials[if input == 0 { i % n } else { i / n }],
            _ => random_scalar(&mut random, dtype),
        }
    })
}

fn inputs(dtype: DType) -> Vec<Literal> {
    (0..5).map(|i| samples(if i < 3 { dtype } else { DType::Bool }, i)).collect()
}

fn check_values(rule: &Rule, dtype: DType, before: &Graph, after: &Graph) {
    let inputs = inputs(dtype);
    let before = evaluate(before, &inputs).unwrap();
    let after = evaluate(after, &inputs).unwrap();
    for i in 0..SAMPLES {
        let (b, a) = (before[0].get(i), after[0].get(i));
        let [x, y] = [inputs[0].get(i), inputs[1].get(i)];
        assert!(
            b == a || b.to_f64().is_nan() && a.to_f64().is_nan(),
            "{} on {dtype}: x = {x}, y = {y}: {b} became {a}",
            rule.name
        );
    }
}

fn check_text(rule: &Rule, dtype: DType, new: &Graph) {
    let shape = Shape::from([SAMPLES]);
    let expected = build(rule.after, dtype, &shape).unwrap();
    let (found, expected) = (plain_text(new), plain_text(&expected));
    assert!(found == expected, "{} on {dtype} made\n{found}\nnot\n{expected}", rule.name);
}

fn check_rule(rule: &Rule, exact: bool) {
    let shape = Shape::from([SAMPLES]);
    let mut applies = false;
    for dtype in DType::ALL {
        let Ok(before) = build(rule.before, dtype, &shape) else { continue };
        match applied(rule, &before) {
            Some(new) => {
                assert!((rule.on)(dtype), "{} applies to {dtype}", rule.name);
                applies = true;
                check_text(rule, dtype, &new);
                if exact {
                    check_values(rule, dtype, &before, &new);
                }
            }
            None => assert!(!(rule.on)(dtype), "{} does not apply to {dtype}", rule.name),
        }
    }
    assert!(applies, "{} never applies", rule.name);
}

#[test]
fn exact_rules_are_exact_and_do_what_they_say() {
    exact_rules().into_iter().for_each(|rule| check_rule(rule, true));
}

#[test]
fn value_changing_rules_do_what_they_say() {
    VALUE_CHANGING.iter().for_each(|rule| check_rule(rule, false));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> =
        exact_rules().into_iter().chain(VALUE_CHANGING).map(|rule| rule.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn value_changing_rules_change_values() {
    let options = PassOptions { value_changing: true, ..PassOptions::default() };
    let graph = build("add(x, 0)", DType::F32, &Shape::from([SAMPLES])).unwrap();
    let new = crate::passes::testing::run_with(&Algebra, &graph, &options).unwrap();
    let inputs = inputs(DType::F32);
    let (b, a) = (evaluate(&graph, &inputs).unwrap(), evaluate(&new, &inputs).unwrap());
    assert!(!same_values(&b[0], &a[0]), "-0 + 0 is 0");
}

/// Expressions that look like a rule's and must stay, for floats or for signed integers.
#[test]
fn look_alikes_stay() {
    let stays = |pattern: &str, dtype| {
        let graph = build(pattern, dtype, &Shape::from([4])).unwrap();
        check_unchanged(&Algebra, &tensorwright_ir::text::print(&graph, Default::default()));
    };
    for pattern in [
        "add(x, 0)",
        "mul(x, 0)",
        "sub(x, x)",
        "sub(0, x)",
        "div(x, 3)",
        "div(x, x)",
        "neg(sub(x, y))",
        "sub(add(x, y), y)",
        "not(lt(x, y))",
        "eq(x, x)",
        "le(x, x)",
        "maximum(x, inf)",
        "minimum(x, -inf)",
        "add(add(x, 1), 2)",
        "mul(mul(x, 3), 5)",
        "add(mul(x, y), z)",
        "pow(x, 0.5)",
        "select(p, 1, -0)",
        "maximum(x, y)",
        "rem(x, 1)",
    ] {
        stays(pattern, DType::F32);
    }
    for pattern in [
        "div(x, 8)",
        "rem(x, 8)",
        "div(neg(x), neg(y))",
        "floor_mod(x, -8)",
        "floordiv(x, -128)",
        "xor(x, 1)",
        "and(x, 1)",
        "select(p, 2, 0)",
        "sub(x, y)",
        "mul(x, 3)",
        "mul(neg(x), y)",
    ] {
        stays(pattern, DType::I8);
    }
}
