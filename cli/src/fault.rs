//! What can go wrong, and the exit code of each kind.

use std::fmt;
use std::path::PathBuf;

use annotate_snippets::Renderer;
use tensorwright_ir::text::ParseError;

use crate::diagnostic;

pub(crate) const CHECK: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const INPUT: u8 = 3;
pub(crate) const INTERNAL: u8 = 4;

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) struct Fault {
    exit_code: u8,
    message: String,
    source: Option<Box<Broken>>,
}

/// A text that is not a graph.
#[derive(Debug)]
struct Broken {
    path: PathBuf,
    text: Vec<u8>,
    error: ParseError,
}

impl Fault {
    fn new(exit_code: u8, message: impl fmt::Display) -> Fault {
        Fault { exit_code, message: message.to_string(), source: None }
    }

    /// A check failed.
    pub(crate) fn check(message: impl fmt::Display) -> Fault {
        Fault::new(CHECK, message)
    }

    /// The command line asks for something that does not exist.
    pub(crate) fn usage(message: impl fmt::Display) -> Fault {
        Fault::new(USAGE, message)
    }

    /// An input file cannot be read or does not fit.
    pub(crate) fn input(message: impl fmt::Display) -> Fault {
        Fault::new(INPUT, message)
    }

    /// A text that is not a graph.
    pub(crate) fn text(path: PathBuf, text: Vec<u8>, error: ParseError) -> Fault {
        let message = format!("{}:{error}", path.display());
        Fault { exit_code: INPUT, message, source: Some(Box::new(Broken { path, text, error })) }
    }

    /// A bug.
    pub(crate) fn internal(message: impl fmt::Display) -> Fault {
        Fault::new(INTERNAL, message)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The message as a terminal shows it, with the offending line if there is one.
    pub(crate) fn render(&self, renderer: Renderer) -> String {
        match &self.source {
            Some(broken) => diagnostic::text(&broken.path, &broken.text, &broken.error, renderer),
            None => diagnostic::plain(&self.message, renderer),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
