//! Random numbers from keys.
//!
//! A key stands for one stream of numbers. Nothing is hidden and nothing is consumed: the same key gives the
//! same numbers, eagerly, compiled, and on any number of threads. Whoever needs other numbers splits the key,
//! or folds a number into it. A [`Generator`] does the latter by itself: it is a key with a counter, in variables.

mod distributions;
mod draws;
mod generator;
mod key;

pub use generator::Generator;
pub use key::RandomKey;
