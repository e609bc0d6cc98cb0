//! Training: a model with its loss, its metrics and its optimiser; each step is one compiled graph.
//!
//! - [`model`]: the model in the user's hands; [`plan`]: what it is trained with; [`step`]: its compiled functions;
//! - [`arrays`]: what is trained on; [`options`]: how; [`epochs`]: the loop; [`progress`]: what a terminal shows of it;
//! - [`callbacks`]: what training calls on its way;
//! - [`history`]: what came of it; [`curves`]: as a picture; [`summary`]: the table of layers.

mod arrays;
pub mod callbacks;
mod curves;
mod epochs;
mod history;
mod model;
mod options;
mod plan;
mod progress;
mod step;
mod summary;

pub use arrays::Arrays;
pub use history::{History, Logs};
pub use model::Model;
pub use options::Fit;
pub use plan::Plan;
