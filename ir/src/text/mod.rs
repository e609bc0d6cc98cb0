//! The text form: a graph as a text that people read and write, and that parses back to the same graph.
//!
//! ```text
//! // Comments run to the end of the line.
//! graph @layer(%x: f32[4,8], %w: f32[8,2]) -> (f32[4,2]) {
//!   %half = constant() {value = f32[] 0.5} : f32[]
//!   %3 = broadcast_in_dim(%half) {shape = [8,2], axes = []} : f32[8,2]
//!   %4 = mul(%w, %3) : f32[8,2] @ "src/main.rs":12:8
//!   %5 = reduce(%4) {kind = sum, axes = [0]} : f32[2]
//!   return %5
//! }
//! ```
//!
//! # Grammar
//!
//! Line ends mean nothing. `x*` is any number of `x`, `x,*` the same with commas between, `x?` an optional `x`.
//!
//! ```text
//! graph     = "graph" ("@" name)? "(" (value ":" type),* ")" ("->" "(" type,* ")")? "{" statement* "return" value,* "}"
//! statement = (value,* "=")? op "(" value,* ")" ("{" (word "=" attribute),* "}")? ("(" graph,* ")")? (":" type,*)? place?
//! place     = "@" string ":" line ":" column
//! type      = dtype "[" extent,* "]"
//! attribute = integer | word | string | scalar ":" dtype | "[" attribute,* "]" | tensor
//! tensor    = type (element | elements | "blob" "(" offset "," checksum ")")
//! elements  = "[" (element | elements),* "]"
//! element   = decimal | integer | "true" | "false" | "inf" | "-inf" | "nan" (":" bits)?
//! value     = "%" (digits | name) ("#" digits)?
//! name      = letters, digits, "_" and "." that do not start with a digit, or a string
//! ```
//!
//! - A value written with digits alone has no name; the digits only tie its uses to its definition. A suffix `#7` tells
//!   values of the same name apart and is not part of the name. Each region has its own names.
//! - A tensor's elements are listed row by row, nested by axis or flat; one element without brackets fills the tensor.
//! - `blob` refers to the side file of constants, see [`Weights`].
//! - Types after `:` and `->` may be left out; where they stand they must be what the ops give.
//!
//! # Limits
//!
//! Parsing takes time and memory proportional to the text, and no more than [`MAX_FILL_BYTES`] besides for tensors that are
//! written as one element. Graphs nest at most [`MAX_DEPTH`] deep.

mod attribute;
mod code;
mod cursor;
mod error;
mod fragment;
mod lexer;
mod literal;
mod parser;
mod printer;
mod suggest;
mod weights;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use parser::parse_trusting;

pub use code::Code;
pub use error::{ParseError, Related, Span};
pub use fragment::{parse_location, parse_name, parse_op, parse_type};
pub use printer::{Style, print, print_location, print_op, print_with_weights, quoted_name, value_labels};
pub use weights::Weights;

use std::fmt;
use std::str::FromStr;

use crate::Graph;

/// How deep graphs (regions in regions) and attribute lists nest.
pub const MAX_DEPTH: usize = 24;

/// Bytes that all the tensors of a text together may take that are written as one element. Tensors of at most
/// [`FREE_FILL_ELEMENTS`] elements are not counted.
pub const MAX_FILL_BYTES: usize = 1 << 24;

/// See [`MAX_FILL_BYTES`].
pub const FREE_FILL_ELEMENTS: usize = 64;

/// The graph that `text` describes. Fails, with the place, if the text is not a well-typed graph or refers to a side file.
pub fn parse(text: &str) -> Result<Graph, ParseError> {
    parser::parse(text, None)
}

/// The graph that `text` describes, with the constants that it refers to from the side file `weights`. Fails like [`parse`],
/// and if a reference does not fit the side file.
pub fn parse_with_weights(text: &str, weights: &[u8]) -> Result<Graph, ParseError> {
    parser::parse(text, Some(weights))
}

/// [`parse`] for the bytes of a file, with an optional side file. Fails also if the bytes are not UTF-8.
pub fn parse_bytes(bytes: &[u8], weights: Option<&[u8]>) -> Result<Graph, ParseError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parser::parse(text, weights),
        Err(error) => Err(ParseError::not_utf8(bytes, error.valid_up_to())),
    }
}

impl FromStr for Graph {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Graph, ParseError> {
        parse(text)
    }
}

/// The whole graph in the text form, constants inline.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self, Style::default()))
    }
}
