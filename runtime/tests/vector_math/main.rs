//! Vector math: accuracy against references, special values, and equality of the emitted and the native instance.

mod emitted;
mod inputs;
mod narrow;
mod special;
mod strips;
mod wide;
