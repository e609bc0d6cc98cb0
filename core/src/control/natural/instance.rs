//! Where the functions of `#[function]` items are kept, and what their calls return.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::error::Result;
use crate::function::{Function, Output};
use crate::{Error, Tensor, Tree};

/// The function that `make` makes, made once for each type of `make`: a closure in generic code has another type in each instance.
pub fn instance<A: Tree, R: Tree, M>(make: M) -> &'static Function<A, R>
where
    M: FnOnce() -> Function<A, R> + 'static,
{
    type Known = HashMap<TypeId, &'static (dyn Any + Send + Sync)>;
    static KNOWN: RwLock<Option<Known>> = RwLock::new(None);
    let find = |known: &Option<Known>| known.as_ref()?.get(&TypeId::of::<M>())?.downcast_ref();
    if let Some(function) = find(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return function;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(function) = find(&known) {
        return function;
    }
    // As long as the program, like a static that is not generic.
    let function: &'static Function<A, R> = Box::leak(Box::new(make()));
    known.get_or_insert_default().insert(TypeId::of::<M>(), function);
    function
}

/// The function of a body. Takes closures alone, so that what is wrong with their types is said of these.
pub fn traced<A: Tree, O: Output>(body: impl Fn(A) -> O + Send + Sync + 'static) -> Function<A, O::Tree> {
    crate::function(body)
}

/// What a `return` or the end of a body gives, as the tree that the function is about.
///
/// # Errors
/// If it is an error.
pub fn returned<O: Output>(value: O) -> Result<O::Tree> {
    value.into_result()
}

/// What a `#[function]` may return.
#[diagnostic::on_unimplemented(
    message = "a `#[function]` cannot return `{Self}`",
    label = "cannot carry an error",
    note = "return a tensor, a tuple or array of tensors, or a `tensorwright::Result` of any tree"
)]
pub trait Returned: Output {
    /// The result of a call. Without a `Result`, the tensors carry the error.
    fn from_call(result: Result<Self::Tree>) -> Self;
}

impl<R: Tree> Returned for Result<R> {
    fn from_call(result: Result<R>) -> Result<R> {
        result
    }
}

/// Trees of which a failed one can be made of nothing.
#[diagnostic::on_unimplemented(
    message = "a `#[function]` whose result has a part of type `{Self}` must return a `Result`",
    label = "cannot carry the error of a call that fails",
    note = "tensors, and tuples and arrays of tensors, carry the error of a call that fails, and can be returned as they are",
    note = "return a `Result` of all other trees, such as `Result<(Tensor, i32)>`, or make a tensor of the number: `Tensor::from(n)`"
)]
pub trait Failed: Tree {
    /// The tree whose tensors carry the error.
    fn failed(error: &Error) -> Self;
}

impl<R: Failed> Returned for R {
    fn from_call(result: Result<R>) -> R {
        result.unwrap_or_else(|error| R::failed(&error))
    }
}

impl Failed for Tensor {
    fn failed(error: &Error) -> Tensor {
        Tensor::failed(error.clone())
    }
}

impl<R: Failed, const N: usize> Failed for [R; N] {
    fn failed(error: &Error) -> [R; N] {
        std::array::from_fn(|_| R::failed(error))
    }
}

macro_rules! failed_tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: Failed),*> Failed for ($($name,)*) {
            fn failed(error: &Error) -> ($($name,)*) {
                ($($name::failed(error),)*)
            }
        }
    )*};
}
failed_tuples!(A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H;);
