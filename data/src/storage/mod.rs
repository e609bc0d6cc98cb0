//! Elements kept: in memory for later passes, on disk for later passes and programs.

mod folder;
mod memory;
mod reuse;

pub use folder::SaveOptions;
