//! Training: a model with its loss, its metrics and its optimiser; each step is one compiled graph.
//!
//! - [`model`]: the model in the user's hands; [`plan`]: what it is trained with; [`measured`]: metrics among that; [`keras_file`], [`keras_saved`]: models as Keras saves them;
//! - [`step`]: its compiled functions; [`stepping`]: what a step does; [`parts`]: what steps share;
//! - [`arrays`], [`examples`]: what is trained on; [`batch`]: what a step is given; [`feed`], [`elements`]: what gives batches, of arrays and of datasets;
//!   [`names`]: of inputs and outputs;
//! - [`options`]: how; [`epochs`]: the loop; [`backup`]: where it is, in a file; [`estimate`]: training that lives in a folder; [`progress`]: what a terminal shows of it;
//! - [`callbacks`]: what training calls on its way;
//! - [`history`]: what came of it; [`curves`]: as a picture; [`summary`]: the table of layers; [`plot`]: their picture;
//! - [`ports`]: what a model takes and gives.

mod arrays;
mod backup;
mod batch;
pub mod callbacks;
mod curves;
mod elements;
mod epochs;
mod estimate;
mod examples;
mod feed;
mod history;
mod keras_file;
mod keras_saved;
mod measured;
mod model;
mod names;
mod options;
mod parts;
mod plan;
mod plot;
mod ports;
mod progress;
mod step;
mod stepping;
mod summary;

pub use arrays::Arrays;
pub use estimate::Trained;
pub use examples::Examples;
pub use history::{History, Logs};
pub use model::Model;
use names::Names;
pub use options::Fit;
pub use plan::Plan;
pub use stepping::{Step, StepOutputs};
