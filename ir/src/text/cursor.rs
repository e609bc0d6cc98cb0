//! Reading single tokens: what is next, what was expected instead, names and strings.

use std::borrow::Cow;

use super::Code;
use super::error::{ParseError, Span};
use super::lexer::Kind;
use super::literal::integer;
use super::parser::{Label, Parser};

impl<'a> Parser<'a> {
    /// Takes the next token and returns its place.
    pub(super) fn advance(&mut self) -> Result<Span, ParseError> {
        self.last = self.token.span;
        self.token = self.lexer.token()?;
        Ok(self.last)
    }

    pub(super) fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    pub(super) fn at(&self, c: char) -> bool {
        self.token.kind == Kind::Punct(c)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.token.kind == Kind::Word && self.slice(self.token.span) == word
    }

    pub(super) fn eat(&mut self, c: char) -> Result<bool, ParseError> {
        let found = self.at(c);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, c: char) -> Result<(), ParseError> {
        if self.eat(c)? { Ok(()) } else { Err(self.unexpected(&format!("`{c}`"))) }
    }

    /// Takes `separator`; the message names `close` too, which the caller has looked for.
    pub(super) fn expect_one_of(&mut self, separator: char, close: char) -> Result<(), ParseError> {
        if self.eat(separator)? {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{separator}` or `{close}`")))
        }
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        if !self.at_word(word) {
            return Err(self.unexpected(&format!("`{word}`")));
        }
        self.advance()?;
        Ok(())
    }

    pub(super) fn word(&mut self, expected: &str) -> Result<(&'a str, Span), ParseError> {
        if self.token.kind != Kind::Word {
            return Err(self.unexpected(expected));
        }
        let span = self.advance()?;
        Ok((self.slice(span), span))
    }

    /// Items in brackets, with commas between.
    pub(super) fn list(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect(open)?;
        if self.eat(close)? {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat(close)? {
                return Ok(());
            }
            self.expect_one_of(',', close)?;
        }
    }

    /// A whole number from 0 to the greatest of its type.
    pub(super) fn unsigned<T: TryFrom<i128>>(&mut self, what: &str) -> Result<T, ParseError> {
        if self.token.kind != Kind::Number {
            return Err(self.unexpected(what));
        }
        let span = self.advance()?;
        let value = integer(self.slice(span)).and_then(|v| T::try_from(v).ok());
        value.ok_or_else(|| {
            self.bad_number(
                span,
                format!("{what} must be a whole number of at most {} bits", 8 * size_of::<T>()),
            )
        })
    }

    pub(super) fn error(
        &self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> ParseError {
        ParseError::new(self.text, code, span, message, label)
    }

    pub(super) fn bad_number(&self, span: Span, message: String) -> ParseError {
        self.error(Code::BadNumber, span, message, "")
    }

    /// The next token is not what must come here.
    pub(super) fn unexpected(&self, expected: &str) -> ParseError {
        let found = match self.token.kind {
            Kind::End => "the end of the text".to_owned(),
            _ => format!("`{}`", shortened(self.slice(self.token.span))),
        };
        let message = format!("expected {expected}, found {found}");
        self.error(Code::UnexpectedToken, self.token.span, message, format!("expected {expected}"))
    }

    /// `%x`, `%7`, `%"a b"#3`.
    pub(super) fn label(&mut self) -> Result<(Label<'a>, Span), ParseError> {
        if self.token.kind != Kind::Value {
            return Err(self.unexpected("a value such as %x"));
        }
        let span = self.advance()?;
        let text = &self.slice(span)[1..];
        let (name, digits) = match text.rfind(['#', '"']) {
            Some(at) if text.as_bytes()[at] == b'#' => (&text[..at], &text[at + 1..]),
            _ => (text, ""),
        };
        if name.bytes().all(|b| b.is_ascii_digit()) {
            return Ok((Label { name: None, digits: name }, span));
        }
        let name = if name.starts_with('"') { self.unescape(name, span)? } else { Cow::Borrowed(name) };
        Ok((Label { name: Some(name), digits }, span))
    }

    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        if self.token.kind != Kind::Text {
            return Err(self.unexpected("a quoted string"));
        }
        let span = self.advance()?;
        self.unescape(self.slice(span), span)
    }

    /// The text between quotes, its escapes resolved.
    fn unescape(&self, quoted: &'a str, span: Span) -> Result<Cow<'a, str>, ParseError> {
        let inner = &quoted[1..quoted.len() - 1];
        if !inner.contains('\\') {
            return Ok(Cow::Borrowed(inner));
        }
        let resolved = unescape(inner).map(Cow::Owned);
        resolved.ok_or_else(|| {
            let known = "known are \\\" \\\\ \\n \\r \\t and \\u{..}";
            self.error(Code::BadString, span, "unknown escape in a string", known)
        })
    }
}

/// Resolves escapes.
fn unescape(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (c, after) = match rest.get(at + 1..at + 2)? {
            "u" => {
                let (code, after) = rest[at + 2..].strip_prefix('{')?.split_once('}')?;
                let digits = code.len() <= 6 && code.bytes().all(|b| b.is_ascii_hexdigit());
                (char::from_u32(u32::from_str_radix(code, 16).ok().filter(|_| digits)?)?, after)
            }
            simple => {
                let c = match simple {
                    "n" => '\n',
                    "r" => '\r',
                    "t" => '\t',
                    "\"" => '"',
                    "\\" => '\\',
                    _ => return None,
                };
                (c, &rest[at + 2..])
            }
        };
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The start of a text that may be long.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        None => Cow::Borrowed(text),
        Some((at, _)) => Cow::Owned(format!("{}..", &text[..at])),
    }
}
