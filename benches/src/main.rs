//! wright
fn main() {}
