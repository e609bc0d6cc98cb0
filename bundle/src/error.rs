//! What can go wrong with bundles.

use std::path::{Path, PathBuf};

/// A result whose error is, unless said otherwise, [`BundleError`].
pub type Result<T, E = BundleError> = std::result::Result<T, E>;

/// An error of a bundle.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file could not be read or written, or is not what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file; within an archive, that of the archive with the name behind it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An endpoint cannot be written, is not there, or is given what it does not take.
    #[error("the endpoint `{name}` {reason}")]
    Endpoint {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// An error of a tensor or a function.
    #[error(transparent)]
    Tensor(#[from] tensorwright::Error),
}

impl BundleError {
    pub(crate) fn file(path: &Path, reason: impl std::fmt::Display) -> BundleError {
        BundleError::File { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn endpoint(name: &str, reason: impl Into<String>) -> BundleError {
        BundleError::Endpoint { name: name.to_owned(), reason: reason.into() }
    }
}
