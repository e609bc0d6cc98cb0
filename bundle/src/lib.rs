//! Traced functions in files: what was compiled for a signature is written down with its weights, and is loaded, called, differentiated and trained elsewhere
//! without the code that it was traced from.
//!
//! ```
//! use tensorwright::bundle::Bundle;
//! use tensorwright::prelude::*;
//!
//! let weights = Variable::named("weights", [2.0f32, 3.0])?;
//! let score = function(move |x: Tensor| (x * weights.value()).sum(-1)).with_argument_names(["x"]);
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("score.zip");
//! Bundle::new().with_open("score", &score, ["batch"], |[batch]| TensorSpec::f32([batch, 2]))?.save(&path)?;
//!
//! let bundle = Bundle::load(&path)?;
//! let score = bundle.endpoint("score")?;
//! assert_eq!(score.to_string(), "score(x: f32[batch, 2]) -> (output: f32[batch])");
//! let found = score.call(&[("x", Tensor::from([[1.0f32, 1.0], [0.0, 2.0], [1.0, 0.0]]))])?;
//! assert_eq!(found[0].1.to_vec::<f32>()?, [5.0, 6.0, 2.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Signatures
//!
//! A traced graph has exact sizes. So an endpoint holds a graph for each signature that the function had been compiled for ([`Bundle::with_function`]), or one for *open* sizes
//! ([`Bundle::with_open`]): the function is traced for a few sizes, and where the graphs differ in nothing but numbers that are sums of multiples of sizes and of their products, one text with
//! these sums in it stands for all of them. It is checked against one more trace. What Rust code decides by a size is recorded as it went for those few: a function whose graph has another form for some
//! sizes is refused if the difference shows among them, and wrong for other sizes if it does not.
//!
//! # Files
//!
//! A bundle is a folder, or one zip archive without compression if its name ends with `.zip`:
//!
//! | file | what it holds |
//! |---|---|
//! | `manifest.json` | version of the format and of the library, endpoints with their signatures, weights, and size and SHA-256 of each file |
//! | `graphs/N.tw`, `graphs/N.tww` | a graph as text, with sums of open sizes in `⟨ ⟩`, and its large constants |
//! | `weights.safetensors` | variables and captured tensors, each once for all graphs |
//! | `warm_up.safetensors` | inputs to run endpoints with before they are needed |
//! | `assets/..` | files of the user's |
//!
//! It is written beside its place and then moved there, whole or not at all. Loading checks sizes and hashes, runs nothing, and fails with an error on files that are not what they should be.

mod bundle;
mod endpoint;
mod error;
mod files;
mod manifest;
mod open;
mod variant;

extern crate tensorwright_core as tensorwright;

pub use bundle::Bundle;
pub use endpoint::Endpoint;
pub use error::{BundleError, Result};
pub use manifest::{Dim, Port};
