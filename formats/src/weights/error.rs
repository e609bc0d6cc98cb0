//! What can go wrong with files of weights: in which file, and at which tensor.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why weights cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A file cannot be opened, read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file is damaged, or of no format that is known.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor of a file is damaged, is not there, or is of a kind that cannot be read or written.
    #[error("{}: `{name}`: {reason}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl WeightsError {
    /// What the system says of a file.
    pub(super) fn io(path: &Path, error: impl fmt::Display) -> WeightsError {
        WeightsError::File { path: path.to_owned(), reason: error.to_string() }
    }

    /// A file that is damaged, or none of ours.
    pub(super) fn format(path: &Path, reason: impl fmt::Display) -> WeightsError {
        WeightsError::Format { path: path.to_owned(), reason: reason.to_string() }
    }

    /// A tensor.
    pub(super) fn entry(path: &Path, name: &str, reason: impl fmt::Display) -> WeightsError {
        WeightsError::Entry { path: path.to_owned(), name: name.to_owned(), reason: reason.to_string() }
    }
}

/// Why a format's reader gives up, before anybody says in which file: at a tensor, or at all.
#[derive(Clone, Debug)]
pub(super) struct Damage {
    entry: Option<String>,
    reason: String,
}

/// What a format's reader gives.
pub(super) type Read<T> = Result<T, Damage>;

impl Damage {
    /// Of the file.
    pub(super) fn new(reason: impl fmt::Display) -> Damage {
        Damage { entry: None, reason: reason.to_string() }
    }

    /// What is wrong, without the place.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// The same at a tensor, unless one is known.
    pub(super) fn at(self, name: &str) -> Damage {
        Damage { entry: self.entry.or_else(|| Some(name.to_owned())), ..self }
    }

    /// The same in a file.
    pub(super) fn in_file(self, path: &Path) -> WeightsError {
        match self.entry {
            Some(name) => WeightsError::entry(path, &name, self.reason),
            None => WeightsError::format(path, self.reason),
        }
    }
}

/// Within a traced function: the error of the closure.
impl From<WeightsError> for tensorwright::Error {
    fn from(error: WeightsError) -> tensorwright::Error {
        tensorwright::Error::other(error)
    }
}

impl From<std::io::Error> for Damage {
    fn from(error: std::io::Error) -> Damage {
        Damage::new(error)
    }
}

impl From<tensorwright::Error> for Damage {
    fn from(error: tensorwright::Error) -> Damage {
        Damage::new(error)
    }
}

/// An error with these words.
pub(super) fn damaged<T>(reason: impl fmt::Display) -> Read<T> {
    Err(Damage::new(reason))
}
