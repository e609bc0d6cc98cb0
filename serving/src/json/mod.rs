//! Tensors in JSON: straight from the text into elements, and back.
//!
//! The crate `jiter` reads the tokens, `NaN`, `Infinity` and `-Infinity` among the numbers. Nothing is built in between, so that a request of many numbers costs
//! little more than reading them.
//!
//! - [`outline`]: where the values of an object are; [`elements`]: nested lists as a tensor; [`predict`]: requests for prediction in rows and in columns;
//! - [`examples`]: examples of classification; [`write`]: tensors as nested lists.

mod elements;
pub(crate) mod examples;
pub(crate) mod outline;
pub(crate) mod predict;
pub(crate) mod write;

pub(crate) use elements::flat;
