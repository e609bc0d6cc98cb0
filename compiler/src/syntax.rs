//! Reading the text forms of kernels and programs: words, numbers and signs. `//` begins a comment.

use tensorwright_ir::DType;
use tensorwright_ir::text::ParseError;

/// Where a text does not follow the grammar, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What was expected.
    pub expected: String,
}

pub(crate) type Result<T, E = SyntaxError> = std::result::Result<T, E>;

/// A place in a text. Each form adds what it is made of.
pub(crate) struct Parser<'t> {
    text: &'t str,
    pub(crate) at: usize,
}

impl<'t> Parser<'t> {
    pub(crate) fn new(text: &'t str) -> Parser<'t> {
        Parser { text, at: 0 }
    }

    pub(crate) fn expected(&self, what: impl Into<String>) -> SyntaxError {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        SyntaxError { line, column, expected: what.into() }
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("//") {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// Fails unless nothing is left.
    pub(crate) fn end(&mut self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.expected("the end")) }
    }

    pub(crate) fn rest(&mut self) -> &'t str {
        self.skip();
        &self.text[self.at..]
    }

    pub(crate) fn accept(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(crate) fn require(&mut self, token: &str) -> Result<()> {
        if self.accept(token) { Ok(()) } else { Err(self.expected(format!("`{token}`"))) }
    }

    pub(crate) fn peek_word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    }

    pub(crate) fn accept_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    /// A word for which `f` has a meaning.
    pub(crate) fn named<T>(&mut self, what: &str, f: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let word = self.peek_word();
        let value = f(word).ok_or_else(|| self.expected(what))?;
        self.at += word.len();
        Ok(value)
    }

    pub(crate) fn number(&mut self, what: &str) -> Result<u64> {
        self.named(what, |word| word.parse().ok())
    }

    /// A number that may be negative.
    pub(crate) fn signed(&mut self, what: &str) -> Result<i64> {
        let negative = self.accept("-");
        let magnitude: i128 = self.named(what, |word| word.parse().ok())?;
        let signed = if negative { -magnitude } else { magnitude };
        i64::try_from(signed).map_err(|_| self.expected("a number of 64 bits"))
    }

    /// A letter with a number, such as `p0`.
    pub(crate) fn numbered(&mut self, letter: char) -> Result<u32> {
        self.named(&format!("`{letter}` with a number"), |word| word.strip_prefix(letter)?.parse().ok())
    }

    pub(crate) fn dtype(&mut self) -> Result<DType> {
        self.named("a dtype", |word| word.parse().ok())
    }

    /// A part that is written as in graphs.
    pub(crate) fn part<T>(
        &mut self,
        read: impl FnOnce(&'t str) -> std::result::Result<(T, usize), ParseError>,
    ) -> Result<T> {
        let (part, bytes) =
            read(self.rest()).map_err(|error| self.expected(format!("otherwise: {}", error.message())))?;
        self.at += bytes;
        Ok(part)
    }

    /// Items with commas between, up to `close`.
    pub(crate) fn items<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while !self.accept(close) {
            if !items.is_empty() {
                self.require(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }
}
