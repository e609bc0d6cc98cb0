//! A model server: trained models behind TensorFlow Serving's interface, by HTTP and gRPC.
//!
//! ```no_run
//! use tensorwright_serving::{ModelConfig, Server, ServerOptions};
//!
//! # async fn serve() -> tensorwright_serving::Result<()> {
//! let server = Server::start(ServerOptions::new([ModelConfig::new("digits", "digits.onnx")])).await?;
//! server.ready().await;
//! println!("http://{}/v1/models/digits", server.rest_address());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! | room | what |
//! |---|---|
//! | `value`, `error` | tensors on their way, and what goes wrong |
//! | `servable` | what can be served, and how files become that |
//! | `batching` | requests that wait, and run together |
//! | `models` | which versions answer, and how they come and go |
//! | `proto` | messages |
//! | `tf`, `kserve`, `json` | what the protocols say, as values and back |
//! | `service` | what requests ask for, however they come |
//! | `rest`, `grpc` | paths and methods |
//! | `server` | ports and connections |
//! | `metrics` | what is counted |

// Paths in examples begin with the name that users know.
extern crate tensorwright_core as tensorwright;

mod batching;
mod error;
mod grpc;
mod json;
mod kserve;
mod metrics;
mod models;
pub mod proto;
mod rest;
mod servable;
mod server;
mod service;
mod tf;
mod value;

pub use batching::BatchOptions;
pub use error::{Code, Error, Result};
pub use models::config::{ModelConfig, VersionPolicy};
pub use servable::{DEFAULT_SIGNATURE, Port, Servable, Signature, load};
pub use server::{Server, ServerOptions};
pub use value::{ElementType, Elements, Value};
