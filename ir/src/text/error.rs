//! What is wrong with a text, and where.

use std::fmt;

use super::Code;

/// A range of bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end.max(self.start) }
    }
}

/// A second place that explains the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Place in the text.
    pub span: Span,
    /// Text of the label.
    pub label: String,
}

/// Why a text is not a graph.
#[derive(Clone, PartialEq, Eq)]
pub struct ParseError {
    detail: Box<Detail>,
}

#[derive(Clone, PartialEq, Eq)]
struct Detail {
    code: Code,
    message: String,
    label: String,
    span: Span,
    line: usize,
    column: usize,
    related: Option<Related>,
    help: Option<String>,
}

impl ParseError {
    /// An error at `span` of `text`. `message` is about the whole, `label` stands at the place.
    pub(super) fn new(
        text: &str,
        code: Code,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> ParseError {
        let (line, column) = position(text.as_bytes(), span.start);
        let (message, label) = (message.into(), label.into());
        let detail = Detail { code, message, label, span, line, column, related: None, help: None };
        ParseError { detail: Box::new(detail) }
    }

    pub(super) fn not_utf8(bytes: &[u8], at: usize) -> ParseError {
        let (line, column) = position(bytes, at);
        let detail = Detail {
            code: Code::NotUtf8,
            message: "the text is not UTF-8".to_owned(),
            label: format!("byte {:#04x} is not UTF-8 here", bytes.get(at).copied().unwrap_or(0)),
            span: Span { start: at, end: at },
            line,
            column,
            related: None,
            help: None,
        };
        ParseError { detail: Box::new(detail) }
    }

    pub(super) fn with_help(mut self, help: Option<String>) -> ParseError {
        self.detail.help = help;
        self
    }

    pub(super) fn with_related(mut self, span: Span, label: impl Into<String>) -> ParseError {
        self.detail.related = Some(Related { span, label: label.into() });
        self
    }

    /// The number of the kind of error.
    pub fn code(&self) -> Code {
        self.detail.code
    }

    /// Description of what is wrong.
    pub fn message(&self) -> &str {
        &self.detail.message
    }

    /// What to write at the place when the text is shown.
    pub fn label(&self) -> &str {
        &self.detail.label
    }

    /// The place in the text.
    pub fn span(&self) -> Span {
        self.detail.span
    }

    /// Line of the place, from 1.
    pub fn line(&self) -> usize {
        self.detail.line
    }

    /// Column of the place in characters, from 1.
    pub fn column(&self) -> usize {
        self.detail.column
    }

    /// A second place, such as the earlier definition of a name.
    pub fn related(&self) -> Option<&Related> {
        self.detail.related.as_ref()
    }

    /// Advice on what to do about the error.
    pub fn help(&self) -> Option<&str> {
        self.detail.help.as_deref()
    }
}

/// Line and column (in characters), from 1.
fn position(text: &[u8], at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let lines = before[..line_start].iter().filter(|&&b| b == b'\n').count();
    // Continuation bytes of UTF-8 start with the bits 10.
    let characters = before[line_start..].iter().filter(|&&b| b & 0xc0 != 0x80).count();
    (lines + 1, characters + 1)
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detail { code, message, label, line, column, help, .. } = &*self.detail;
        write!(f, "{line}:{column}: error[{code}]: {message}")?;
        if !label.is_empty() {
            write!(f, ": {label}")?;
        }
        help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ParseError {}
