//! Parsing attributes, and the op that they make.

use super::error::{ParseError, Span};
use super::lexer::{Kind, Lexer, Token};
use super::literal::integer;
use super::parser::Parser;
use super::{Code, MAX_DEPTH, suggest};
use crate::DType;
use crate::op::{AttrMap, AttrValue, AttributeError, Op, OpKind};

impl<'a> Parser<'a> {
    /// Attributes, and the op that they make.
    pub(super) fn op(&mut self, kind: OpKind, at: Span) -> Result<Op, ParseError> {
        let mut map = AttrMap::default();
        let mut spans: Vec<(&'a str, Span)> = Vec::new();
        if self.at('{') {
            self.list('{', '}', |p| {
                let (name, span) = p.word("an attribute")?;
                p.check_attribute(kind, name, span, &spans)?;
                p.expect('=')?;
                let start = p.token.span;
                let value = p.attribute()?;
                spans.push((name, start.to(p.last)));
                map.insert(name.to_owned(), value).map_err(|e| p.bad_attribute(kind, e, span, &[]))
            })?;
        }
        let call = at.to(self.last);
        let op = Op::parse(kind.name, &mut map)
            .ok_or_else(|| self.error(Code::UnknownOp, at, format!("unknown operation `{}`", kind.name), ""))?
            .map_err(|error| self.bad_attribute(kind, error, call, &spans))?;
        map.finish().map_err(|error| self.bad_attribute(kind, error, call, &spans))?;
        Ok(op)
    }

    fn check_attribute(
        &self,
        kind: OpKind,
        name: &str,
        span: Span,
        given: &[(&str, Span)],
    ) -> Result<(), ParseError> {
        let op = kind.name;
        if !kind.attributes.contains(&name) {
            let message = format!("`{op}` has no attribute `{name}`");
            let near = suggest::nearest(name, kind.attributes.iter().copied())
                .map(|near| format!("did you mean `{near}`?"))
                .or_else(|| Some(attribute_list(kind)));
            return Err(self
                .error(Code::UnknownAttribute, span, message, "unknown attribute")
                .with_help(near));
        }
        match given.iter().find(|(n, _)| *n == name) {
            Some((_, earlier)) => {
                let message = format!("attribute `{name}` is given twice");
                Err(self
                    .error(Code::DuplicateAttribute, span, message, "given again")
                    .with_related(*earlier, "given here first"))
            }
            None => Ok(()),
        }
    }

    fn bad_attribute(
        &self,
        kind: OpKind,
        error: AttributeError,
        call: Span,
        spans: &[(&str, Span)],
    ) -> ParseError {
        let (code, name) = match &error {
            AttributeError::Missing { name } => (Code::MissingAttribute, *name),
            AttributeError::Duplicate { name } => (Code::DuplicateAttribute, name.as_str()),
            AttributeError::Unknown { name } => (Code::UnknownAttribute, name.as_str()),
            AttributeError::Kind { name, .. } => (Code::AttributeKind, *name),
        };
        let span = spans.iter().find(|(n, _)| *n == name).map_or(call, |(_, span)| *span);
        let help = (code == Code::MissingAttribute).then(|| attribute_list(kind));
        self.error(code, span, format!("`{}`: {error}", kind.name), "").with_help(help)
    }

    /// The value of an attribute. Lists nest, so open lists are kept on a stack.
    fn attribute(&mut self) -> Result<AttrValue, ParseError> {
        let mut open: Vec<Vec<AttrValue>> = Vec::new();
        loop {
            if self.eat('[')? {
                if open.len() == MAX_DEPTH {
                    let label = format!("lists nest at most {MAX_DEPTH} deep");
                    return Err(self.error(Code::TooDeep, self.last, "the list nests too deep", label));
                }
                open.push(Vec::new());
                if !self.at(']') {
                    continue;
                }
            } else {
                let item = self.simple_attribute()?;
                match open.last_mut() {
                    Some(list) => list.push(item),
                    None => return Ok(item),
                }
            }
            while self.eat(']')? {
                let list = AttrValue::List(open.pop().unwrap_or_default());
                match open.last_mut() {
                    Some(outer) => outer.push(list),
                    None => return Ok(list),
                }
            }
            self.expect_one_of(',', ']')?;
        }
    }

    fn simple_attribute(&mut self) -> Result<AttrValue, ParseError> {
        match self.token.kind {
            Kind::Text => self.string().map(|text| AttrValue::Text(text.into_owned())),
            Kind::Number => self.number_attribute(),
            Kind::Word => self.word_attribute(),
            Kind::Punct('(') => self.complex_attribute(),
            _ => Err(self.unexpected("the value of an attribute")),
        }
    }

    fn number_attribute(&mut self) -> Result<AttrValue, ParseError> {
        let before = (self.token, self.lexer.position());
        let span = self.advance()?;
        if self.at(':') {
            return self.scalar_attribute(before);
        }
        let text = self.slice(span);
        match integer(text) {
            Some(value) => Ok(AttrValue::Int(value)),
            None => Err(self
                .bad_number(span, format!("`{text}` is not an integer"))
                .with_help(Some(format!("a scalar needs its dtype, such as `{text}:f32`")))),
        }
    }

    fn word_attribute(&mut self) -> Result<AttrValue, ParseError> {
        let before = (self.token, self.lexer.position());
        let span = self.advance()?;
        let word = self.slice(span);
        match word.parse::<DType>() {
            Ok(dtype) if self.at('[') => self.tensor_attribute(dtype, span),
            _ if self.at(':') => self.scalar_attribute(before),
            _ => Ok(AttrValue::Word(word.to_owned())),
        }
    }

    /// `f32[2] [1.0, 2.0]`, or `f32[2]` alone, which is a type.
    fn tensor_attribute(&mut self, dtype: DType, span: Span) -> Result<AttrValue, ParseError> {
        let (ty, span) = self.extents(dtype, span)?;
        match self.token.kind {
            Kind::Punct(',' | ']' | '}') => Ok(AttrValue::Type(ty)),
            _ => self.tensor(ty, span).map(AttrValue::Literal),
        }
    }

    /// `1.5:f32`. The dtype stands behind the element, so this looks ahead for it and then reads the element again.
    fn scalar_attribute(&mut self, before: (Token, usize)) -> Result<AttrValue, ParseError> {
        self.expect(':')?;
        if self.token.kind == Kind::Number {
            self.advance()?;
            self.expect(':')?;
        }
        let (word, span) = self.word("a dtype")?;
        let Ok(dtype) = word.parse::<DType>() else {
            return Err(self.error(
                Code::UnknownDType,
                span,
                format!("unknown dtype `{word}`"),
                "not a dtype",
            ));
        };
        let after = (self.token, self.lexer.position());
        self.rewind(before);
        let (scalar, _) = self.element(dtype)?;
        self.expect(':')?;
        self.word("a dtype")?;
        self.rewind(after);
        self.last = span;
        Ok(AttrValue::Scalar(scalar))
    }

    /// `(1.5, 0.0):c64`, read like other scalars: its dtype stands behind it.
    fn complex_attribute(&mut self) -> Result<AttrValue, ParseError> {
        let before = (self.token, self.lexer.position());
        while !self.at(')') && self.token.kind != Kind::End {
            self.advance()?;
        }
        self.expect(')')?;
        self.scalar_attribute(before)
    }

    fn rewind(&mut self, (token, at): (Token, usize)) {
        self.token = token;
        self.lexer.set_position(at);
    }

    /// Whether, at the colon of `nan:..`, the bits follow and not a dtype.
    pub(super) fn nan_bits_follow(&self) -> bool {
        let mut ahead = Lexer::new(self.text);
        ahead.set_position(self.token.span.end);
        ahead.token().is_ok_and(|token| token.kind == Kind::Number)
    }
}

fn attribute_list(kind: OpKind) -> String {
    match kind.attributes {
        [] => format!("`{}` takes no attributes", kind.name),
        names => format!("`{}` takes the attributes {}", kind.name, names.join(", ")),
    }
}
