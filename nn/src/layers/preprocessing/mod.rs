//! What stands before a network: numbers out of words and categories, and numbers of the size that networks like.
//!
//! - [`numbers`]: normalisation and rescaling; [`encode`]: categories as vectors; [`bins`]: numbers as categories;
//! - [`lookup`]: words and integers as categories; [`hashing`]: as bins of hash functions, which are in [`digest`];
//! - [`text`]: texts as words; [`learned`]: what layers learn from data.

mod bins;
mod digest;
mod encode;
mod hashing;
mod learned;
mod lookup;
mod numbers;
mod text;

pub use bins::Discretization;
pub use encode::{CategoryEncoding, OutputMode};
pub use hashing::{HashedCrossing, Hashing};
pub use learned::Learned;
pub use lookup::{IntegerLookup, StringLookup};
pub use numbers::{Normalization, Rescaling};
pub use text::{TextSplit, TextStandard, TextVectorization};
