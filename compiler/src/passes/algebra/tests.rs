//! Every rule of every table: that it applies to just the dtypes that it says, and that values agree.

use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::Tolerance;
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Scalar, Shape, TensorType};
use tensorwright_testkit::literals::{Random, SPECIAL_FLOATS, random_scalar};
use tensorwright_testkit::tolerance::{first_difference, same_values};

use super::matching::{Bound, RuleSet};
use super::notation::{BOOLS, CONSTANTS, ROUNDED, VARIABLES, parse};
use super::{Answer, EXACT, Rule, VALUE_CHANGING, apply, on};
use crate::passes::testing::{check_unchanged, plain_text};
use crate::passes::{Algebra, Context, PassOptions};

const SAMPLES: usize = 512;

fn exact_rules() -> Vec<&'static Rule> {
    EXACT.iter().copied().flatten().collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|x: char| !x.is_alphanumeric()).any(|w| w == word)
}

/// What the words of expressions stand for, but for variables, which are inputs.
#[derive(Clone, Copy, Debug)]
struct Words {
    dtype: DType,
    constants: [Scalar; 2],
    targets: [DType; 2],
}

impl Words {
    fn of(dtype: DType) -> Words {
        Words { dtype, constants: [Scalar::one(dtype); 2], targets: [DType::F32; 2] }
    }

    /// The graph of an expression. Fails if an op does not take the dtype.
    fn graph(&self, text: &str, shape: &Shape) -> Result<Graph, BuildError> {
        let mut b = Builder::new("rule");
        let mut bound = Bound { dtype: Some(self.dtype), ..Bound::default() };
        for (slot, name) in VARIABLES.into_iter().enumerate() {
            let dtype = if slot < BOOLS { self.dtype } else { DType::Bool };
            bound.variables[slot] = Some(b.named_input(name, TensorType::new(dtype, shape.clone())));
        }
        if has_word(text, VARIABLES[ROUNDED]) {
            bound.variables[ROUNDED] = Some(b.ceil(bound.variables[0].expect("was bound"))?);
        }
        let constants = self.constants.into_iter().enumerate();
        for (slot, c) in constants.filter(|(slot, _)| has_word(text, CONSTANTS[*slot])) {
            bound.constants[slot] = Some((c, b.full(c, shape)?));
        }
        bound.targets = self.targets.map(Some);
        let value = bound.build(&mut b, &parse(text), shape)?;
        Ok(b.finish(&[value]))
    }

    /// All choices for the words of the rule.
    fn all(rule: &Rule, dtype: DType) -> Vec<Words> {
        let has = |word: &str| has_word(rule.before, word);
        let constants = |word| if has(word) { constants(dtype) } else { vec![Scalar::one(dtype)] };
        let targets = |word| if has(word) { DType::REAL.to_vec() } else { vec![DType::I32] };
        let mut all = Vec::new();
        for c in constants("c") {
            // One in three is enough for the second.
            for d in constants("d").into_iter().step_by(3) {
                for u in targets("u") {
                    all.extend(targets("v").into_iter().map(|v| Words {
                        dtype,
                        constants: [c, d],
                        targets: [u, v],
                    }));
                }
            }
        }
        all
    }
}

/// Constants of a dtype, distinct.
fn constants(dtype: DType) -> Vec<Scalar> {
    let numbers = [0.0, 1.0, -1.0, 2.0, 3.0, 5.0, 8.0, -8.0, 100.0];
    let special = [-0.0, 0.5, 0.75, 1e-40, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let mut all: Vec<Scalar> = numbers.iter().map(|&x| Scalar::from_f64(dtype, x)).collect();
    match dtype.is_float() {
        true => all.extend(special.iter().map(|&x| Scalar::from_f64(dtype, x))),
        false => all.extend([Scalar::lowest(dtype), Scalar::highest(dtype)]),
    }
    let mut distinct: Vec<Scalar> = Vec::new();
    for c in all {
        if !distinct.contains(&c) {
            distinct.push(c);
        }
    }
    distinct
}

fn applied(rule: &'static Rule, graph: &Graph) -> Option<Graph> {
    let options = PassOptions::default();
    let mut cx = Context::new(&options, "algebra");
    let new = apply(&RuleSet::new([rule]), graph, &mut cx);
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
    Literal::from_fn(TensorType::new(dtype, [SAMPLES]), |i| {
        let n = specials.len();
        match i / (n * n) {
            0 => specials[if input == 0 { i % n } else { i / n }],
            _ => random_scalar(&mut random, dtype),
        }
    })
}

fn inputs(dtype: DType) -> Vec<Literal> {
    (0..VARIABLES.len()).map(|i| samples(if i < BOOLS { dtype } else { DType::Bool }, i)).collect()
}

/// Numbers from 1 to 3 and bools.
fn moderate_inputs(dtype: DType) -> Vec<Literal> {
    let mut random = Random::new(7);
    let mut input = |dtype: DType| {
        Literal::from_fn(TensorType::new(dtype, [SAMPLES]), |_| {
            Scalar::from_f64(dtype, 1.0 + 2.0 * random.unit())
        })
    };
    (0..VARIABLES.len()).map(|i| if i < BOOLS { input(dtype) } else { samples(DType::Bool, i) }).collect()
}

fn check_values(rule: &Rule, words: &Words, before: &Graph, after: &Graph, inputs: &[Literal]) {
    let before = evaluate(before, inputs).unwrap();
    let after = evaluate(after, inputs).unwrap();
    for i in 0..SAMPLES {
        let (b, a) = (before[0].get(i), after[0].get(i));
        let [x, y] = [inputs[0].get(i), inputs[1].get(i)];
        assert!(
            b == a || b.to_f64().is_nan() && a.to_f64().is_nan(),
            "{} on {words:?}: x = {x}, y = {y}: {b} became {a}",
            rule.name
        );
    }
}

/// Rules about real numbers: values agree where floats are like them.
fn check_close(rule: &Rule, words: &Words, before: &Graph, after: &Graph) {
    let is_moderate = |c: &Scalar| (0.5..=8.0).contains(&c.to_f64().abs());
    if !words.constants.iter().all(is_moderate) {
        return;
    }
    let inputs = moderate_inputs(words.dtype);
    let (before, after) = (evaluate(before, &inputs).unwrap(), evaluate(after, &inputs).unwrap());
    let operands: Vec<&Literal> = inputs.iter().collect();
    let difference = first_difference(&before[0], &after[0], Tolerance::Epsilons(64), &operands);
    assert!(difference.is_none(), "{} on {words:?}: {difference:?}", rule.name);
}

/// What a rule makes of its expression is what it says, and has the same values.
fn check_rule(rule: &'static Rule, check: impl Fn(&Words, &Graph, &Graph)) {
    let shape = Shape::from([SAMPLES]);
    let mut applies = false;
    for dtype in DType::REAL {
        for words in Words::all(rule, dtype) {
            let Ok(before) = words.graph(rule.before, &shape) else { continue };
            match applied(rule, &before) {
                Some(new) => {
                    assert!((rule.on)(dtype), "{} applies to {dtype}", rule.name);
                    applies = true;
                    check_text(rule, &words, &new);
                    check(&words, &before, &new);
                }
                None => {
                    let may_refuse = !matches!(rule.answer, Answer::Text) || !(rule.on)(dtype);
                    assert!(may_refuse, "{} does not apply to {words:?}", rule.name);
                }
            }
        }
    }
    assert!(applies, "{} never applies", rule.name);
}

/// Expressions of constants are not compared as text: a rule that merges two may apply twice.
fn check_text(rule: &Rule, words: &Words, new: &Graph) {
    if !has_word(rule.before, "c") {
        let expected = words.graph(rule.after, &Shape::from([SAMPLES])).unwrap();
        let (found, expected) = (plain_text(new), plain_text(&expected));
        assert!(found == expected, "{} on {words:?} made\n{found}\nnot\n{expected}", rule.name);
    }
}

#[test]
fn exact_rules_are_exact_and_do_what_they_say() {
    let inputs: Vec<(DType, Vec<Literal>)> = DType::REAL.map(|dtype| (dtype, inputs(dtype))).into();
    for rule in exact_rules() {
        check_rule(rule, |words, before, after| {
            let (_, inputs) = inputs.iter().find(|(dtype, _)| *dtype == words.dtype).expect("of every dtype");
            check_values(rule, words, before, after, inputs);
        });
    }
}

#[test]
fn value_changing_rules_do_what_they_say() {
    VALUE_CHANGING.iter().for_each(|rule| check_rule(rule, |w, b, a| check_close(rule, w, b, a)));
}

/// The driver asks for the dtypes, whatever the text would match.
#[test]
fn no_rule_applies_to_other_dtypes_than_its_own() {
    let shape = Shape::from([4]);
    for on in [on::int, on::float as fn(DType) -> bool, on::signed] {
        let swap = Rule { name: "swap", on, before: "add(x, y)", after: "add(y, x)", answer: Answer::Text };
        let rules = RuleSet::new([&*Box::leak(Box::new(swap))]);
        for dtype in DType::REAL {
            let Ok(graph) = Words::of(dtype).graph("add(x, y)", &shape) else { continue };
            assert_eq!(applies_once(&rules, &graph), on(dtype), "{dtype}");
        }
    }
    let none = |_: DType| false;
    for rule in exact_rules().into_iter().chain(VALUE_CHANGING) {
        let never: &'static Rule = Box::leak(Box::new(Rule { on: none, ..*rule }));
        for dtype in DType::REAL {
            let words = Words::of(dtype);
            let Ok(graph) = words.graph(rule.before, &shape) else { continue };
            let applies = applied(never, &graph).is_some();
            assert!(!applies || is_about_bools(rule), "{} on {dtype}", rule.name);
        }
    }
}

/// Whether a rule applies, in one sweep.
fn applies_once(rules: &RuleSet, graph: &Graph) -> bool {
    let options = PassOptions::default();
    let mut cx = Context::new(&options, "algebra");
    let new = crate::passes::rewriter::rewrite(graph, &mut cx, |r, site| {
        let value = rules.apply(r, site)?.map(|(_, value)| value);
        Ok(value.into())
    });
    new.is_some()
}

/// Whether the rule is about bools alone, and so about no dtype.
fn is_about_bools(rule: &Rule) -> bool {
    let typed = ["x", "y", "z", "r", "c"].iter().any(|word| has_word(rule.before, word));
    !typed && !rule.before.contains(|x: char| x.is_ascii_digit()) && (rule.on)(DType::Bool)
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
    let graph = Words::of(DType::F32).graph("add(x, 0)", &Shape::from([SAMPLES])).unwrap();
    let new = crate::passes::testing::run_with(&Algebra, &graph, &options).unwrap();
    let inputs = inputs(DType::F32);
    let (b, a) = (evaluate(&graph, &inputs).unwrap(), evaluate(&new, &inputs).unwrap());
    assert!(!same_values(&b[0], &a[0]), "-0 + 0 is 0");
}

/// The pass on an expression of i32, as the pass's `check` does.
#[track_caller]
fn becomes(before: &str, after: &str, dtype: DType) {
    let shape = Shape::from([4]);
    let [before, after] = [before, after].map(|text| Words::of(dtype).graph(text, &shape).unwrap());
    let new = crate::passes::testing::run(&Algebra, &before).expect("a rule applies");
    assert_eq!(plain_text(&new), plain_text(&after));
}

/// No rule looks behind a barrier.
#[test]
fn barriers_are_opaque() {
    let options = PassOptions { value_changing: true, ..PassOptions::default() };
    for text in ["neg(optimization_barrier(neg(x)))", "sub(optimization_barrier(add(x, y)), x)"] {
        let graph = Words::of(DType::F64).graph(text, &Shape::from([4])).unwrap();
        assert!(crate::passes::testing::run_with(&Algebra, &graph, &options).is_none(), "{text}");
    }
}

/// What rules compute of their constants.
#[test]
fn constants_are_computed() {
    becomes("sub(x, 3)", "add(x, -3)", DType::I32);
    becomes("mul(neg(x), 3)", "mul(x, -3)", DType::F32);
    becomes("div(x, 8)", "mul(x, 0.125)", DType::F32);
    becomes("mul(x, 8)", "shl(x, 3)", DType::I32);
    becomes("div(x, 8)", "shr_logic(x, 3)", DType::U16);
    becomes("floordiv(x, 8)", "shr_arith(x, 3)", DType::I64);
    becomes("floor_mod(x, 8)", "and(x, 7)", DType::I8);
    becomes("and(and(x, 6), 3)", "and(x, 2)", DType::U8);
    becomes("maximum(maximum(x, 6), 3)", "maximum(x, 6)", DType::F64);
}

/// Expressions that look like a rule's and must stay, for floats or for signed integers.
#[test]
fn look_alikes_stay() {
    let stays = |pattern: &str, dtype| {
        let graph = Words::of(dtype).graph(pattern, &Shape::from([4])).unwrap();
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
