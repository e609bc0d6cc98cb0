//! Control flow and effects: ops that are more than functions of their operands.
//!
//! - **Regions.** Control flow is structured: an op owns sub-graphs and runs them, never, once or many times. A region is closed,
//!   everything that it uses comes in through its inputs, so an op hands its operands on, as its [`Ports`](super::Ports) say. Regions nest
//!   at most [`MAX_DEPTH`](crate::text::MAX_DEPTH) deep.
//! - **Effects.** `print`, `assert`, `check_finite` and `host_callback` take a token first and give one. Tokens have a type of their own
//!   ([`Type::Token`](crate::Type::Token)): they carry no data, but whoever needs the token of an effect comes after it. `token_new`
//!   gives one that comes after nothing. Loops carry tokens like all state. An effect whose tokens nobody uses takes place all the
//!   same.
//! - **Lists.** A value of type `list<T>` is any number of tensors of one type, its rows. Lists are values like all others: nothing
//!   changes one, `list_push` gives another. They are there for loops that keep something of each iteration: loops carry them as state,
//!   and regions take and give them, but nobody slices or stacks them, and the inputs and outputs of a compiled function are tensors.
//!   `list_stack` stops with an error if the length is not the one it says, like an effect without a token.

mod build;
mod call;
mod custom;
mod effects;
mod format;
mod host;
mod list;
mod map;
pub(super) mod ports;
mod rule;
mod sample;
mod scan;
mod slices;
mod switch;
mod while_loop;

#[cfg(test)]
mod tests;

pub use call::*;
pub use custom::*;
pub use effects::*;
pub use host::*;
pub use list::*;
pub use map::*;
pub use scan::*;
pub use switch::*;
pub use while_loop::*;
