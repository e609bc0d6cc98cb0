//! What can go wrong with a model, and at which node.

use std::fmt;
use std::path::PathBuf;

/// Why a model cannot be read or run.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The bytes are no model.
    #[error("this is no ONNX model: {0}")]
    Format(String),
    /// A part of the model that is not a node contradicts itself.
    #[error("{what} `{name}`: {reason}")]
    Part {
        /// What kind of part: `initializer`, `input`, `function`, ...
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A node cannot be run.
    #[error("node {node}: {reason}")]
    Node {
        /// Its operator, its name, and where it is.
        node: String,
        /// What is wrong.
        reason: Reason,
    },
    /// Operators that are not there.
    #[error("operators that are not supported: {}", Counted(.0))]
    Unsupported(Vec<(String, usize)>),
    /// An input was not given, is given twice, or is not one of the model's.
    #[error("input `{name}`: {reason}")]
    Input {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What the runtime says.
    #[error(transparent)]
    Tensor(#[from] tensorwright::Error),
}

/// Why a node cannot be run.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// An input that the operator needs is left out.
    #[error("input {0} is missing")]
    MissingInput(usize),
    /// An input is of another kind than the operator takes.
    #[error("input {position} is {found}, not {expected}")]
    Kind {
        /// Which one.
        position: usize,
        /// What it is.
        found: &'static str,
        /// What the operator takes.
        expected: &'static str,
    },
    /// An attribute is missing or of another kind.
    #[error("attribute `{name}` {reason}")]
    Attribute {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
    /// A node of a graph in this one.
    #[error("in its graph: {0}")]
    Inner(Box<Error>),
    /// What the runtime says.
    #[error(transparent)]
    Tensor(Box<tensorwright::Error>),
}

impl Reason {
    pub(crate) fn attribute(name: &str, reason: impl Into<String>) -> Reason {
        Reason::Attribute { name: name.to_owned(), reason: reason.into() }
    }

    pub(crate) fn other(message: impl Into<String>) -> Reason {
        Reason::Other(message.into())
    }
}

impl From<tensorwright::Error> for Reason {
    fn from(error: tensorwright::Error) -> Reason {
        Reason::Tensor(Box::new(error))
    }
}

/// Operators with how often each occurs.
struct Counted<'c>(&'c [(String, usize)]);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, count)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name} ({count} times)")?;
        }
        Ok(())
    }
}
