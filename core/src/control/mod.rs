//! Control flow whose course depends on values of tensors, with closures for its parts.
//!
//! In a traced function the closures are traced, each once, and become regions of one op: [`cond`] and [`case`] trace all
//! branches, of which a run takes one; [`while_loop`], [`fori_loop`], [`scan`] and [`map`] trace one iteration. Outside,
//! the same functions are ordinary Rust: the closures run, as often as it takes. Closures may use tensors from around them.
//!
//! What a branch gives, and what a loop carries, must keep its structure, shapes and dtypes; an error says which part does
//! not, and shows the lines where both values were made.
//!
//! - [`branch`]: `cond` and `case`; [`repeat`]: loops with state; [`slices`]: loops over the slices of tensors;
//! - [`associative`]: prefixes by an associative function;
//! - [`list`]: lists that loops make, of any length;
//! - [`effects`]: printing and checking, in order;
//! - [`natural`]: what `#[function]` makes of Rust's own `if`, `while` and `for`;
//! - [`region`]: how a closure becomes a region; [`agree`]: comparing trees.

pub(crate) mod agree;
mod associative;
mod branch;
mod effects;
pub(crate) mod list;
#[doc(hidden)]
pub mod natural;
pub(crate) mod region;
mod repeat;
mod slices;

pub use associative::{associative_reduce, associative_scan};
pub use branch::{case, cond};
pub(crate) use effects::effect;
pub use effects::{assert_that, check_finite, print};
pub use list::TensorList;
pub use natural::{Range, RangeBound, RangeBounds, range};
pub use repeat::{fori_loop, while_loop};
pub use slices::{map, scan, scan_reverse};
