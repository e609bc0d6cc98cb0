//! What a traced closure may return.

use crate::error::Error;
use crate::tree::Tree;

/// A tree, or a `Result` with one: then `?` may be used in the closure.
pub trait Output {
    /// The tree that calls return.
    type Tree: Tree;

    /// The tree, or the closure's error.
    ///
    /// # Errors
    /// When the closure failed.
    fn into_result(self) -> Result<Self::Tree, Error>;
}

impl<R: Tree> Output for R {
    type Tree = R;

    fn into_result(self) -> Result<R, Error> {
        Ok(self)
    }
}

impl<R: Tree> Output for Result<R, Error> {
    type Tree = R;

    fn into_result(self) -> Result<R, Error> {
        self
    }
}
