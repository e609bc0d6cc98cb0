//! The notation of rules: `add(x, neg(y))` is what it says.
//!
//! | word | stands for |
//! |---|---|
//! | `x`, `y`, `z` | any tensor of the dtype that the rule is about |
//! | `r` | the same, if a function that rounds to integers made it |
//! | `p`, `q` | any bool tensor |
//! | `c`, `d` | any constant of that dtype, all of whose elements are the same |
//! | numbers, `nan`, `lowest`, `highest`, `ones` | that constant of that dtype; 0 is not -0, any NaN is `nan`, `ones` has all bits set |
//! | `true`, `false` | that constant of bools |
//! | `cast(x)`, `cast.u(x)`, `cast.v(x)` | a conversion to that dtype, or to any dtype, which `u` and `v` then name |
//! | `minus(c)`, `log2(c)`, `add(c, d)` .. | on the right-hand side: a constant, computed when the rule applies |
//!
//! The same word twice is the same value twice.

use tensorwright_ir::op::AttrMap;
use tensorwright_ir::op::primitive::{BinaryFn, Cast, Clamp, CompareFn, Fma, Select, UnaryFn};
use tensorwright_ir::{DType, Op, Scalar};

/// Words for tensors; from [`BOOLS`] on they are bool.
pub(super) const VARIABLES: [&str; 6] = ["x", "y", "z", "r", "p", "q"];
/// Which of [`VARIABLES`] is rounded.
pub(super) const ROUNDED: usize = 3;
/// Where in [`VARIABLES`] those of bools begin.
pub(super) const BOOLS: usize = 4;
/// Words for constants.
pub(super) const CONSTANTS: [&str; 2] = ["c", "d"];
/// Words for dtypes of conversions.
const TARGETS: [&str; 2] = ["u", "v"];

/// An expression of a rule.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// One of [`VARIABLES`].
    Variable(usize),
    /// One of [`CONSTANTS`].
    Constant(usize),
    /// A constant that the text knows.
    Number(Number),
    /// A function of expressions.
    Apply(Function, Box<[Expr]>),
}

/// A constant that the text knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// A number, in the rule's dtype.
    Value(f64),
    /// The least element of the rule's dtype.
    Lowest,
    /// The greatest element of the rule's dtype.
    Highest,
    /// The integer or bool all of whose bits are ones.
    Ones,
    /// A bool.
    Bool(bool),
}

/// A function of the notation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Function {
    Unary(UnaryFn),
    Binary(BinaryFn),
    Compare(CompareFn),
    Select,
    Clamp,
    Fma,
    Cast(CastTarget),
    /// `iota`, in the examples of rules that are functions.
    Iota(CastTarget),
    /// A function of a constant.
    OfConstant(fn(Scalar) -> Scalar),
}

/// The dtype that a conversion gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CastTarget {
    /// The dtype that the rule is about.
    Rule,
    /// One of [`TARGETS`].
    Named(usize),
}

/// What the root of an expression is, however its attributes are: rules are looked up by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Root {
    Unary(UnaryFn),
    Binary(BinaryFn),
    Compare(CompareFn),
    Select,
    Clamp,
    Cast,
}

impl Root {
    /// The root of expressions that the op can be; `None` if there are no rules about it.
    pub(super) fn of(op: &Op) -> Option<Root> {
        match op {
            Op::Unary(f) => Some(Root::Unary(*f)),
            Op::Binary(f) => Some(Root::Binary(*f)),
            Op::Compare(f) => Some(Root::Compare(*f)),
            Op::Select(_) => Some(Root::Select),
            Op::Clamp(_) => Some(Root::Clamp),
            Op::Cast(_) => Some(Root::Cast),
            _ => None,
        }
    }
}

impl Function {
    /// What the function is at the root of an expression.
    pub(super) fn root(self) -> Option<Root> {
        self.op(DType::Bool).as_ref().and_then(Root::of)
    }

    /// The op of a root, if it is one; a conversion is to `dtype`.
    pub(super) fn op(self, dtype: DType) -> Option<Op> {
        match self {
            Function::Unary(f) => Some(f.into()),
            Function::Binary(f) => Some(f.into()),
            Function::Compare(f) => Some(f.into()),
            Function::Select => Some(Select {}.into()),
            Function::Clamp => Some(Clamp {}.into()),
            Function::Fma => Some(Fma {}.into()),
            Function::Cast(_) => Some(Cast { dtype }.into()),
            Function::Iota(_) | Function::OfConstant(_) => None,
        }
    }

    fn parse(name: &str) -> Function {
        let (word, target) = name.split_once('.').unwrap_or((name, ""));
        let target = TARGETS.iter().position(|t| *t == target).map_or(CastTarget::Rule, CastTarget::Named);
        match word {
            "cast" => return Function::Cast(target),
            "iota" => return Function::Iota(target),
            "minus" => return Function::OfConstant(minus),
            "log2" => return Function::OfConstant(exponent),
            _ => {}
        }
        match Op::parse(name, &mut AttrMap::default()) {
            Some(Ok(Op::Unary(f))) => Function::Unary(f),
            Some(Ok(Op::Binary(f))) => Function::Binary(f),
            Some(Ok(Op::Compare(f))) => Function::Compare(f),
            Some(Ok(Op::Select(_))) => Function::Select,
            Some(Ok(Op::Clamp(_))) => Function::Clamp,
            Some(Ok(Op::Fma(_))) => Function::Fma,
            _ => panic!("rules know no function `{name}`"),
        }
    }
}

impl Number {
    /// The constant, in the dtype that the rule is about.
    pub(super) fn scalar(self, dtype: DType) -> Scalar {
        match self {
            Number::Value(number) => Scalar::from_f64(dtype, number),
            Number::Lowest => Scalar::lowest(dtype),
            Number::Highest => Scalar::highest(dtype),
            Number::Ones if dtype == DType::Bool => Scalar::Bool(true),
            Number::Ones => Scalar::from_bits(dtype, u64::MAX),
            Number::Bool(value) => Scalar::Bool(value),
        }
    }

    /// Whether the constant of a rule is this one, bit for bit but for NaN.
    pub(super) fn is(self, c: Scalar) -> bool {
        match self {
            Number::Value(number) if number.is_nan() => c.to_f64().is_nan(),
            // A dtype without the number has another one in its place.
            Number::Value(number) => c == self.scalar(c.dtype()) && c.to_f64() == number,
            Number::Ones if c.dtype().is_float() => false,
            _ => c == self.scalar(c.dtype()),
        }
    }

    fn parse(word: &str) -> Number {
        match word {
            "lowest" => Number::Lowest,
            "highest" => Number::Highest,
            "ones" => Number::Ones,
            "true" => Number::Bool(true),
            "false" => Number::Bool(false),
            number => Number::Value(number.parse().unwrap_or_else(|_| panic!("`{number}` is no number"))),
        }
    }
}

/// The negated constant; integers wrap, unsigned ones too.
fn minus(c: Scalar) -> Scalar {
    if c.dtype().is_float() { UnaryFn::Neg.eval(c) } else { Scalar::from_i128(c.dtype(), -c.to_i128()) }
}

/// The exponent of an integer whose bits are those of a power of two.
fn exponent(c: Scalar) -> Scalar {
    Scalar::from_i128(c.dtype(), i128::from(c.bits().trailing_zeros()))
}

/// The expression that the text says. Panics if it says none: texts are part of the program.
pub(super) fn parse(text: &str) -> Expr {
    let mut parser = Parser { rest: text };
    let expression = parser.expression();
    assert!(parser.rest.is_empty(), "{text}: `{}` is left", parser.rest);
    expression
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Rules are short, so this may call itself.
    fn expression(&mut self) -> Expr {
        let word = self.word();
        if word.starts_with("iota") {
            return Expr::Apply(Function::parse(word), Box::default());
        }
        if self.eat("(") {
            return Expr::Apply(Function::parse(word), self.operands());
        }
        let place = |words: &[&str]| words.iter().position(|w| *w == word);
        match (place(&VARIABLES), place(&CONSTANTS)) {
            (Some(variable), _) => Expr::Variable(variable),
            (_, Some(constant)) => Expr::Constant(constant),
            _ => Expr::Number(Number::parse(word)),
        }
    }

    fn operands(&mut self) -> Box<[Expr]> {
        let mut operands = Vec::new();
        while !self.eat(")") {
            operands.push(self.expression());
            self.eat(",");
        }
        operands.into()
    }

    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(['(', ')', ',']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.trim_end()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}
