//! Recording ops into graphs.
//!
//! Traces of a thread form a [`stack`]; ops record into the top one. A traced tensor is a value of one trace,
//! named by the trace's number, so a tensor that outlives its trace, or strays into another, is found out
//! when it is used. Concrete tensors that an op meets are *captured*: each becomes one hidden input of the
//! graph, after the arguments, and is shared, not copied.
//!
//! A [`session`] is a trace from its beginning to its end: of a function, or of the body of control flow, which becomes a
//! [`region`]. A region captures values of the traces around it too, up to the function that is being traced; the op that owns it
//! hands them in as operands.
//!
//! A function's trace can be [`cut`] into subgraphs, each of which is run before the next one is traced.
//!
//! What ops of a trace change, besides making values, is its *state*: the token that orders effects, and the variables that it
//! reads and assigns ([`capture`]). State goes through the graph as values: a region captures it like a tensor, and gives what it
//! changed as outputs.

mod capture;
mod carried;
mod cut;
mod recording;
mod region;
mod session;
mod stack;

pub(crate) use capture::{CaptureId, Captured};
pub(crate) use carried::Subgraphs;
pub(crate) use cut::{Number, number};
pub(crate) use recording::{Outside, Recording};
pub(crate) use region::{Input, Output, Region};
pub(crate) use session::Session;
pub(super) use stack::{assign, read, record, record_stateful};
pub(crate) use stack::{constant, outside};
