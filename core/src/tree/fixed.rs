//! Plain values of trees.

use tensorwright_runtime::cache::KeyWriter;

/// A plain Rust value that is part of a signature: one graph is traced and compiled for each value.
pub trait StaticValue {
    /// Writes all that distinguishes the value, its type included.
    fn write(&self, key: &mut KeyWriter);

    /// Its Rust type.
    fn type_name(&self) -> &'static str;

    /// The value as text.
    fn text(&self) -> String;
}
