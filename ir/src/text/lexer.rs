//! Words out of characters.

use super::Code;
use super::error::{ParseError, Span};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `reduce`, `f32`, `nan`.
    Word,
    /// `%x`, `%3`, `%"a b"`, `%x#7`.
    Value,
    /// `12`, `-3.5e-7`, `0x7fc0`, `-inf`.
    Number,
    /// `"src/main.rs"`.
    Text,
    /// One of `( ) { } [ ] < > , : = @`.
    Punct(char),
    /// `->`.
    Arrow,
    /// The end of the text.
    End,
}

/// A word of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// Reads tokens one by one.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// Whether the character can be in a name.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes on reading at a place where a token begins.
    pub(super) fn set_position(&mut self, at: usize) {
        self.at = at;
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks();
        let start = self.at;
        let kind = match self.peek() {
            None => Kind::End,
            Some(b'%') => self.value()?,
            Some(b'"') => self.string()?,
            Some(b'-') => self.minus()?,
            Some(b'0'..=b'9') => self.number(),
            Some(b'_' | b'a'..=b'z' | b'A'..=b'Z') => self.word(),
            Some(
                byte @ (b'(' | b')' | b'{' | b'}' | b'[' | b']' | b'<' | b'>' | b',' | b':' | b'=' | b'@'),
            ) => {
                self.at += 1;
                Kind::Punct(char::from(byte))
            }
            Some(_) => return Err(self.unexpected()),
        };
        Ok(Token { kind, span: Span { start, end: self.at } })
    }

    fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, accept: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&accept) {
            self.at += 1;
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            self.skip_while(|b| b.is_ascii_whitespace());
            if self.peek() != Some(b'/') || self.peek_at(1) != Some(b'/') {
                return;
            }
            self.skip_while(|b| b != b'\n');
        }
    }

    fn word(&mut self) -> Kind {
        self.skip_while(is_name);
        Kind::Word
    }

    fn value(&mut self) -> Result<Kind, ParseError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"') => {
                self.string()?;
            }
            Some(byte) if is_name(byte) => self.skip_while(is_name),
            _ => return Err(self.error(Code::UnexpectedCharacter, start, "a value's name must follow `%`")),
        }
        if self.peek() == Some(b'#') {
            self.at += 1;
            let digits = self.at;
            self.skip_while(|b| b.is_ascii_digit());
            if digits == self.at {
                return Err(self.error(Code::UnexpectedCharacter, start, "digits must follow `#`"));
            }
        }
        Ok(Kind::Value)
    }

    fn string(&mut self) -> Result<Kind, ParseError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(b'\n') => {
                    return Err(self.error(Code::BadString, start, "the string has no end on this line"));
                }
                Some(b'"') => break,
                Some(b'\\') if self.peek_at(1).is_some_and(|b| b.is_ascii() && b != b'\n') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(Kind::Text)
    }

    fn minus(&mut self) -> Result<Kind, ParseError> {
        match self.peek_at(1) {
            Some(b'>') => {
                self.at += 2;
                Ok(Kind::Arrow)
            }
            Some(byte) if byte.is_ascii_alphanumeric() => {
                self.at += 1;
                Ok(self.number())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Takes in whatever looks like a number; whether it is one is decided where its type is known.
    fn number(&mut self) -> Kind {
        let hex = self.peek() == Some(b'0') && self.peek_at(1) == Some(b'x');
        loop {
            self.skip_while(is_name);
            let exponent = !hex && matches!(self.text.as_bytes()[self.at - 1], b'e' | b'E');
            if !exponent || !matches!(self.peek(), Some(b'+' | b'-')) {
                return Kind::Number;
            }
            self.at += 1;
        }
    }

    fn unexpected(&self) -> ParseError {
        let found = self.text[self.at..].chars().next().unwrap_or('\0');
        let span = Span { start: self.at, end: self.at + found.len_utf8() };
        let message = format!("unexpected character `{}`", found.escape_debug());
        ParseError::new(self.text, Code::UnexpectedCharacter, span, message, "no word starts like this")
    }

    fn error(&self, code: Code, start: usize, message: &str) -> ParseError {
        let mut end = (start + 1).max(self.at.min(self.text.len()));
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        ParseError::new(self.text, code, Span { start, end: end.min(self.text.len()) }, message, "")
    }
}
