//! What a traced closure may return.

use crate::error::Error;
use crate::tree::Tree;
use crate::tree::erased::Erased;

/// A tree, or a `Result` with one: then `?` may be used in the closure.
#[diagnostic::on_unimplemented(
    message = "a traced function cannot give `{Self}`",
    label = "neither a tree of tensors and plain values, nor a `Result` of one",
    note = "trees are tensors, numbers, tuples, arrays, vectors and options of trees, and structs that derive `Tree`",
    note = "the error of a `Result` is `tensorwright::Error`"
)]
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

/// What a closure gave, for code behind a door.
pub(crate) fn erased<O: Output>(result: O) -> Result<Erased, Error> {
    Ok(Box::new(result.into_result()?))
}
