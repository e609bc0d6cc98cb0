//! Functions as what transformations take.

use super::callable::{AnyFunction, Callable, Site};
use super::concrete::Concrete;
use super::definition::Function;
use crate::error::Result;
use crate::tree::Tree;

macro_rules! callables {
    ($($compiled:ident),*) => {$(
        impl<A: Tree, R: Tree> AnyFunction<A, R> for $compiled<A, R> {
            fn call_from(&self, argument: A, site: Site<'_>) -> Result<R> {
                self.call_at(&argument, site.at)
            }

            fn names(&self) -> &[String] {
                self.argument_names()
            }
        }

        impl<A: Tree, R: Tree> Callable<A> for $compiled<A, R> {
            type Tree = R;
            type Kept = $compiled<A, R>;

            fn kept(self) -> $compiled<A, R> {
                self
            }
        }

        impl<A: Tree, R: Tree> Callable<A> for &$compiled<A, R> {
            type Tree = R;
            type Kept = $compiled<A, R>;

            fn kept(self) -> $compiled<A, R> {
                self.clone()
            }
        }
    )*};
}
callables!(Function, Concrete);
