//! Traced functions: a closure, and a cache of what it compiled to per signature.
//!
//! - [`definition`]: the function and its calls; [`config`] and [`setup`]: how it is set up; [`flatten`]: a call's argument as key and
//!   buffers; [`compiled`]: one signature; [`subgraphs`]: what it compiles to if data decide sizes;
//! - [`concrete`]: a signature in the user's hands; [`capture`]: what its graph takes from outside; [`describe`] and [`miss`]: signatures and misses as text;
//! - [`stage`]: what can be dumped; [`output`]: what closures return; [`callable`]: what is transformed, [`nested`]: functions
//!   among it.

mod callable;
mod capture;
mod compiled;
mod concrete;
mod config;
mod definition;
pub(crate) mod describe;
mod flatten;
mod miss;
mod nested;
mod output;
mod setup;
mod stage;
mod subgraphs;

pub use callable::Callable;
pub(crate) use callable::{AnyFunction, Body, Site, Transformed, body};
pub use capture::Capture;
pub use concrete::Concrete;
pub use config::{DEFAULT_BUDGET, SizeRounding};
pub use definition::{Function, function};
pub use miss::Miss;
pub use output::Output;
pub(crate) use output::erased;
pub use stage::Stage;
