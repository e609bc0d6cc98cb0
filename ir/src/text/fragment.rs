//! Parts of the text form inside of other forms, such as the text of programs.
//!
//! Each function reads the part that a text begins with, and tells how many bytes that took. What follows must begin with a token of
//! this form, whatever it means.

use std::borrow::Cow;

use super::error::ParseError;
use super::lexer::Kind;
use super::parser::Parser;
use crate::op::Op;
use crate::{Location, Type};

/// A type, such as `f32[4,8]`. Fails if the text begins with none.
pub fn parse_type(text: &str) -> Result<(Type, usize), ParseError> {
    part(text, |parser| parser.ty().map(|(ty, _)| ty))
}

/// An op with its attributes, such as `reduce {kind = sum, axes = [0]}`. Fails if the text begins with none.
pub fn parse_op(text: &str) -> Result<(Op, usize), ParseError> {
    part(text, |parser| {
        let (name, at) = parser.word("an operation")?;
        let kind = parser.kind(name, at)?;
        parser.op(kind, at)
    })
}

/// A place in the source, such as `@ "src/main.rs":12:8`; none if there is no `@`. Fails if something else follows it.
pub fn parse_location(text: &str) -> Result<(Option<Location>, usize), ParseError> {
    part(text, Parser::location)
}

/// A name, such as `layer` or `"a layer"`. Fails if the text begins with none.
pub fn parse_name(text: &str) -> Result<(String, usize), ParseError> {
    part(text, |parser| match parser.token.kind {
        Kind::Text => parser.string().map(Cow::into_owned),
        _ => parser.word("a name").map(|(name, _)| name.to_owned()),
    })
}

fn part<'t, T>(
    text: &'t str,
    read: impl FnOnce(&mut Parser<'t>) -> Result<T, ParseError>,
) -> Result<(T, usize), ParseError> {
    let mut parser = Parser::new(text, None)?;
    let part = read(&mut parser)?;
    Ok((part, parser.last.end))
}
