//! Golden values.
