//! Where in the user's source a node was written.

use std::fmt;
use std::sync::Arc;

/// A line of the user's Rust source (through `#[track_caller]`) or of an IR file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Location {
    file: FileName,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

#[derive(Clone)]
enum FileName {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Location {
    /// A place in a named file.
    pub fn new(file: impl Into<Arc<str>>, line: u32, column: u32) -> Location {
        Location { file: FileName::Shared(file.into()), line, column }
    }

    /// The place that called the function that called this one, if both are `#[track_caller]`.
    #[track_caller]
    pub fn caller() -> Location {
        std::panic::Location::caller().into()
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        match &self.file {
            FileName::Static(s) => s,
            FileName::Shared(s) => s,
        }
    }
}

impl From<&'static std::panic::Location<'static>> for Location {
    fn from(at: &'static std::panic::Location<'static>) -> Location {
        Location { file: FileName::Static(at.file()), line: at.line(), column: at.column() }
    }
}

impl PartialEq for FileName {
    fn eq(&self, other: &FileName) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for FileName {}

impl std::hash::Hash for FileName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl FileName {
    fn as_str(&self) -> &str {
        match self {
            FileName::Static(s) => s,
            FileName::Shared(s) => s,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line, self.column)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
