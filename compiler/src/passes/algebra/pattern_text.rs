//! The notation of rules, made into graphs: `add(x, neg(y))` is what it says; `x`, `y`, `z` are inputs of the dtype under
//! test, `p`, `q` are bool inputs, numbers and `true`, `false`, `nan`, `lowest`, `highest`, `ones` are constants.

use tensorwright_ir::op::AttrMap;
use tensorwright_ir::{BuildError, Builder, DType, Graph, Op, Scalar, Shape, Type, Value};

/// Inputs of every pattern's graph.
pub(super) const VARIABLES: [&str; 5] = ["x", "y", "z", "p", "q"];

/// The graph of a pattern for variables of this dtype and shape. Fails if an op does not take the dtype.
pub(super) fn build(pattern: &str, dtype: DType, shape: &Shape) -> Result<Graph, BuildError> {
    let mut b = Builder::new("rule");
    let inputs = VARIABLES.map(|name| {
        let dtype = if "pq".contains(name) { DType::Bool } else { dtype };
        b.named_input(name, Type::new(dtype, shape.clone()))
    });
    let mut parser = Parser { b, inputs, dtype, shape, rest: pattern };
    // The rest of an expression tells its type: a bare constant at the root of a comparison's result is bool.
    let value = parser.expression()?;
    assert!(parser.rest.is_empty(), "{pattern}: {} is left", parser.rest);
    Ok(parser.b.finish(&[value]))
}

struct Parser<'a> {
    b: Builder,
    inputs: [Value; 5],
    dtype: DType,
    shape: &'a Shape,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Patterns are short, so this may recurse.
    fn expression(&mut self) -> Result<Value, BuildError> {
        let word = self.word();
        if self.eat("(") {
            let mut operands = Vec::new();
            while !self.eat(")") {
                operands.push(self.expression()?);
                self.eat(",");
            }
            return self.apply(word, &operands);
        }
        match VARIABLES.iter().position(|v| *v == word) {
            Some(i) => Ok(self.inputs[i]),
            None if word.starts_with("iota") => {
                let dtype = word.strip_prefix("iota.").map_or(self.dtype, |d| d.parse().expect("a dtype"));
                self.b.iota(dtype, self.shape.clone(), 0usize)
            }
            None => {
                let scalar = self.constant(word);
                self.b.full(scalar, self.shape)
            }
        }
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

    fn apply(&mut self, name: &str, operands: &[Value]) -> Result<Value, BuildError> {
        if let Some(suffix) = name.strip_prefix("cast") {
            let dtype = suffix.strip_prefix('.').map_or(self.dtype, |d| d.parse().expect("a dtype"));
            return self.b.cast(operands[0], dtype);
        }
        let op = Op::parse(name, &mut AttrMap::default()).expect("an op").expect("without attributes");
        self.b.push_one(op, operands)
    }

    fn constant(&self, word: &str) -> Scalar {
        match word {
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            "lowest" => Scalar::lowest(self.dtype),
            "highest" => Scalar::highest(self.dtype),
            "ones" => super::matching::ones(self.dtype),
            number if self.dtype.is_float() => {
                Scalar::from_f64(self.dtype, number.parse().expect("a number"))
            }
            number => Scalar::from_i128(self.dtype, number.parse().unwrap_or_default()),
        }
    }
}
