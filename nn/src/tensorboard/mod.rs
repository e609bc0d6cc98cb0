//! TensorBoard: curves, histograms, pictures and texts of a training run in event files, written and read.
//!
//! An event file is a row of records (`record`), each a protobuf message (`proto`) with the time and the step.
//!
//! ```
//! use tensorwright::nn::tensorboard::{EventWriter, What, read_events};
//!
//! let folder = std::env::temp_dir().join(format!("events-{}", std::process::id()));
//! let mut writer = EventWriter::create(&folder)?;
//! writer.scalar("loss", 0, 2.5)?;
//! writer.scalar("loss", 1, 1.25)?;
//! let path = writer.finish()?;
//! let losses: Vec<(i64, f32)> = read_events(&path)?
//!     .filter_map(|event| match event {
//!         Ok(event) => event.scalar("loss").map(|value| (event.step, value)),
//!         Err(_) => None,
//!     })
//!     .collect();
//! assert_eq!(losses, [(0, 2.5), (1, 1.25)]);
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod histogram;
mod proto;
mod read;
mod record;
mod write;

use std::io;
use std::path::PathBuf;

pub use self::read::{Events, LoggedEvent, LoggedValue, What, read_events};
pub use self::write::EventWriter;

/// What can go wrong with an event file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A record is cut off, or its checksum is another one.
    #[error("{}: the record at byte {at} {what}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A record is no event.
    #[error("{}: the record at byte {at} is no event: {source}", path.display())]
    Event {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        at: u64,
        /// Why not.
        source: prost::DecodeError,
    },
    /// A tensor carries an error, or is no picture or no numbers.
    #[error("`{tag}`: {reason}")]
    Value {
        /// The tag.
        tag: String,
        /// What is wrong.
        reason: String,
    },
}
