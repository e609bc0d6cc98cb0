//! Matching: whether a node is the expression that a rule replaces, and what is put there.
//!
//! Texts are parsed once for a [`RuleSet`], which finds rules by the function at the root. A match binds the words of the expression to
//! values on the stack; nothing is allocated for a node that no rule replaces.

use hashbrown::HashMap;
use tensorwright_ir::op::primitive::UnaryFn::{Ceil, Floor, RoundEven, RoundHalfAway, Trunc};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Op, Scalar, Shape, Value};

use super::notation::{
    BOOLS, CONSTANTS, CastTarget, Expr, Function, Number, ROUNDED, Root, VARIABLES, parse,
};
use super::{Answer, Rule};
use crate::passes::pattern::{Rewritten, made_by, splat};
use crate::passes::rewriter::{Operands, Rewriter, Site};

/// Constants that an expression knows, at most.
const NUMBERS: usize = 2;

/// Rules, to be found by the op that they begin with. Of several that apply the first does.
pub(super) struct RuleSet {
    by_root: HashMap<Root, Vec<Compiled>>,
}

/// A rule with its texts parsed.
struct Compiled {
    rule: &'static Rule,
    before: Expr,
    after: Expr,
}

impl RuleSet {
    /// Panics if a rule's text is none: texts are part of the program.
    pub(super) fn new(rules: impl IntoIterator<Item = &'static Rule>) -> RuleSet {
        let mut by_root: HashMap<Root, Vec<Compiled>> = HashMap::new();
        for rule in rules {
            let (before, after) = (parse(rule.before), parse(rule.after));
            let root = match &before {
                Expr::Apply(function, _) => function.root(),
                _ => None,
            };
            let root = root.unwrap_or_else(|| panic!("{} begins with no op", rule.name));
            by_root.entry(root).or_default().push(Compiled { rule, before, after });
        }
        RuleSet { by_root }
    }

    /// The rule that applies to the node, by name, and what takes its place.
    pub(super) fn apply(
        &self,
        r: &mut Rewriter<'_>,
        site: &Site<'_>,
    ) -> Result<Option<(&'static str, Value)>, BuildError> {
        let rules = Root::of(&site.node.op).and_then(|root| self.by_root.get(&root));
        for compiled in rules.into_iter().flatten() {
            if let Some(value) = compiled.apply(r, site)? {
                return Ok(Some((compiled.rule.name, value)));
            }
        }
        Ok(None)
    }
}

impl Compiled {
    fn apply(&self, r: &mut Rewriter<'_>, site: &Site<'_>) -> Rewritten {
        let result = r.result_type(site).dtype;
        if let Answer::Function(function) = self.rule.answer {
            return if (self.rule.on)(result) { function(r, site) } else { Ok(None) };
        }
        let Some(bound) = self.matched(r.graph(), site, result) else { return Ok(None) };
        let shape = r.result_shape(site);
        bound.build(r.build(), &self.after, &shape).map(Some)
    }

    /// What the words stand for, if the node is the expression, of a dtype that the rule holds on, and its condition holds.
    fn matched(&self, graph: &Graph, site: &Site<'_>, result: DType) -> Option<Bound> {
        let Expr::Apply(function, operands) = &self.before else { return None };
        let mut m = Match { graph, bound: Bound::default() };
        let fits = m.applied(*function, operands, &site.node.op, &site.operands, result)
            && m.bound.dtype.is_none_or(self.rule.on);
        let holds = match self.rule.answer {
            Answer::If(condition) => fits && condition(&m),
            _ => fits,
        };
        holds.then_some(m.bound)
    }
}

/// A match under way, or one whose condition is asked.
pub(super) struct Match<'g> {
    graph: &'g Graph,
    bound: Bound,
}

impl Match<'_> {
    /// The graph that the values are of.
    pub(super) fn graph(&self) -> &Graph {
        self.graph
    }

    /// What `x` stands for.
    pub(super) fn x(&self) -> Value {
        self.bound.variables[0].expect("`x` is in the expression")
    }

    /// What `c` stands for.
    pub(super) fn c(&self) -> Scalar {
        self.bound.constants[0].expect("`c` is in the expression").0
    }

    /// The dtype that the rule is about.
    pub(super) fn dtype(&self) -> DType {
        self.bound.dtype.expect("a word of the rule's dtype is in the expression")
    }

    /// The dtypes that `u` and `v` stand for.
    pub(super) fn targets(&self) -> [DType; 2] {
        self.bound.targets.map(|dtype| dtype.expect("`u` and `v` are in the expression"))
    }

    fn value(&mut self, expr: &Expr, value: Value) -> bool {
        match expr {
            Expr::Variable(slot) => self.variable(*slot, value),
            Expr::Constant(slot) => splat(self.graph, value).is_some_and(|c| self.constant(*slot, c, value)),
            Expr::Number(number) => splat(self.graph, value).is_some_and(|c| self.number(*number, c, value)),
            Expr::Apply(function, operands) => {
                let result = self.graph.tensor(value).dtype;
                made_by(self.graph, value)
                    .is_some_and(|(op, own)| self.applied(*function, operands, op, own, result))
            }
        }
    }

    /// Whether a node is the function of these expressions.
    fn applied(&mut self, f: Function, expected: &[Expr], op: &Op, own: &Operands, result: DType) -> bool {
        self.is_function(f, op, result)
            && expected.len() == own.len()
            && expected.iter().zip(own).all(|(expr, &value)| self.value(expr, value))
    }

    fn is_function(&mut self, f: Function, op: &Op, result: DType) -> bool {
        match (f, op) {
            (Function::Unary(f), Op::Unary(g)) => f == *g,
            (Function::Binary(f), Op::Binary(g)) => f == *g,
            (Function::Compare(f), Op::Compare(g)) => f == *g,
            (Function::Cast(CastTarget::Rule), Op::Cast(_)) => self.is_about(result),
            (Function::Cast(CastTarget::Named(slot)), Op::Cast(_)) => {
                bind(&mut self.bound.targets[slot], result)
            }
            (Function::Select, Op::Select(_))
            | (Function::Clamp, Op::Clamp(_))
            | (Function::Fma, Op::Fma(_)) => true,
            _ => false,
        }
    }

    /// Whether the rule can be about this dtype: whatever says it, the dtype is one.
    fn is_about(&mut self, dtype: DType) -> bool {
        bind(&mut self.bound.dtype, dtype)
    }

    fn variable(&mut self, slot: usize, value: Value) -> bool {
        let dtype = self.graph.tensor(value).dtype;
        let fits = match slot {
            BOOLS.. => dtype == DType::Bool,
            ROUNDED => self.is_about(dtype) && is_rounded(self.graph, value),
            _ => self.is_about(dtype),
        };
        fits && bind(&mut self.bound.variables[slot], value)
    }

    fn constant(&mut self, slot: usize, c: Scalar, value: Value) -> bool {
        let slot = &mut self.bound.constants[slot];
        let fits = slot.is_none_or(|(bound, _)| bound == c);
        slot.get_or_insert((c, value));
        fits && self.is_about(c.dtype())
    }

    fn number(&mut self, number: Number, c: Scalar, value: Value) -> bool {
        let typed = match number {
            Number::Bool(_) => c.dtype() == DType::Bool,
            _ => self.is_about(c.dtype()),
        };
        if let Some(free) = self.bound.numbers.iter_mut().find(|slot| slot.is_none()) {
            *free = Some((c, value));
        }
        typed && number.is(c)
    }
}

/// Whether a function that rounds to integers made the value.
fn is_rounded(graph: &Graph, value: Value) -> bool {
    let roundings = [Floor, Ceil, RoundEven, RoundHalfAway, Trunc];
    made_by(graph, value).is_some_and(|(op, _)| matches!(op, Op::Unary(f) if roundings.contains(f)))
}

/// Whether the slot holds the item, which it does if it is free.
fn bind<T: PartialEq + Copy>(slot: &mut Option<T>, item: T) -> bool {
    *slot.get_or_insert(item) == item
}

/// What the words of an expression stand for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bound {
    /// The dtype that the rule is about.
    pub(super) dtype: Option<DType>,
    /// Values of [`VARIABLES`].
    pub(super) variables: [Option<Value>; VARIABLES.len()],
    /// Of [`CONSTANTS`], as numbers and as tensors.
    pub(super) constants: [Option<(Scalar, Value)>; CONSTANTS.len()],
    /// The constants that the expression knows, where they were found.
    pub(super) numbers: [Option<(Scalar, Value)>; NUMBERS],
    /// Dtypes of `u` and `v`.
    pub(super) targets: [Option<DType>; 2],
}

impl Bound {
    /// Appends the expression, whose constants have this shape.
    pub(super) fn build(&self, b: &mut Builder, expr: &Expr, shape: &Shape) -> Result<Value, BuildError> {
        if let Some(scalar) = self.scalar(expr) {
            return self.tensor(b, scalar, shape);
        }
        match expr {
            Expr::Variable(slot) => Ok(self.variables[*slot].expect("words of the right are on the left")),
            Expr::Apply(function, operands) => {
                let operands = operands.iter().map(|operand| self.build(b, operand, shape));
                let operands = operands.collect::<Result<Operands, _>>()?;
                self.apply(b, *function, &operands, shape)
            }
            Expr::Constant(_) | Expr::Number(_) => unreachable!("is a scalar"),
        }
    }

    fn apply(&self, b: &mut Builder, f: Function, x: &[Value], shape: &Shape) -> Result<Value, BuildError> {
        match f {
            Function::Cast(target) if b.tensor(x[0]).dtype == self.target(target) => Ok(x[0]),
            Function::Cast(target) => b.cast(x[0], self.target(target)),
            Function::Iota(target) => b.iota(self.target(target), shape.clone(), 0usize),
            f => b.push_one(f.op(self.about()).expect("functions of constants were computed"), x),
        }
    }

    fn about(&self) -> DType {
        self.dtype.unwrap_or(DType::Bool)
    }

    fn target(&self, target: CastTarget) -> DType {
        match target {
            CastTarget::Rule => self.about(),
            CastTarget::Named(slot) => self.targets[slot].expect("words of the right are on the left"),
        }
    }

    /// The number that the expression is, if it has no variables.
    fn scalar(&self, expr: &Expr) -> Option<Scalar> {
        match expr {
            Expr::Variable(_) => None,
            Expr::Constant(slot) => self.constants[*slot].map(|(c, _)| c),
            Expr::Number(number) => Some(number.scalar(self.about())),
            Expr::Apply(function, operands) => match (function, &operands[..]) {
                (Function::OfConstant(f), [c]) => self.scalar(c).map(f),
                (Function::Unary(f), [c]) => self.scalar(c).map(|c| f.eval(c)),
                (Function::Binary(f), [c, d]) => Some(f.eval(self.scalar(c)?, self.scalar(d)?)),
                _ => None,
            },
        }
    }

    /// The constant as a tensor: one of the expression's if it has it.
    fn tensor(&self, b: &mut Builder, c: Scalar, shape: &Shape) -> Result<Value, BuildError> {
        let known = self.constants.iter().chain(&self.numbers).flatten();
        let mut same = known.filter(|(own, value)| *own == c && b.tensor(*value).shape == *shape);
        match same.next() {
            Some(&(_, value)) => Ok(value),
            None => b.full(c, shape),
        }
    }
}
