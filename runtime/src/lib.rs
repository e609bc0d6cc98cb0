//! Running compiled graphs: memory, threads, library kernels, machine code and the caches that hold it.

pub mod buffer;
pub mod cache;
pub mod cancel;
pub mod dump;
pub mod executable;
pub mod jit;
pub mod library;
pub mod profile;
mod recorder;
pub mod workers;

pub use executable::{BuildExecutableError, Executable, RunError, set_printer};
