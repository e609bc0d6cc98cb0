//! Reading event files.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use prost::Message;

use super::EventError;
use super::proto::{Event, EventKind, SummaryValue, ValueKind};
use super::record::{self, Found};

/// What was logged at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    /// Seconds since 1970.
    pub wall_time: f64,
    /// The step.
    pub step: i64,
    /// What was logged; nothing in the event that says the version of the file, or that has what this library does not know.
    pub values: Vec<LoggedValue>,
}

/// A thing that was logged.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedValue {
    /// Its tag.
    pub tag: String,
    /// What it is.
    pub what: What,
}

/// What was logged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A point of a curve.
    Scalar(f32),
    /// How numbers are distributed.
    Histogram {
        /// How many numbers there are.
        count: f64,
        /// Their sum.
        sum: f64,
        /// The greatest number of each bucket.
        limits: Vec<f64>,
        /// How many numbers are in each bucket.
        counts: Vec<f64>,
    },
    /// A picture, as the bytes of a file.
    Picture(Vec<u8>),
    /// A text.
    Text(String),
}

impl LoggedEvent {
    /// The number of this tag, if there is one.
    pub fn scalar(&self, tag: &str) -> Option<f32> {
        self.values.iter().find_map(|value| match value.what {
            What::Scalar(number) if value.tag == tag => Some(number),
            _ => None,
        })
    }
}

/// The events of a file, in order. After an error there are no more.
pub struct Events {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    length: u64,
}

/// The events of a file.
///
/// # Errors
/// When the file cannot be opened.
pub fn read_events(path: impl AsRef<Path>) -> Result<Events, EventError> {
    let path = path.as_ref().to_owned();
    let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened {
        Ok((length, file)) => Ok(Events { path, file: BufReader::new(file), at: 0, length }),
        Err(source) => Err(EventError::File { path, source }),
    }
}

impl Iterator for Events {
    type Item = Result<LoggedEvent, EventError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let path = || self.path.clone();
        let found = record::read(&mut self.file, self.length.saturating_sub(at));
        let event = match found {
            Ok(Found::End) => return None,
            Ok(Found::Broken(what)) => Err(EventError::Record { path: path(), at, what }),
            Err(source) => Err(EventError::File { path: path(), source }),
            Ok(Found::Record(bytes)) => {
                self.at += bytes.len() as u64 + 16;
                Event::decode(&bytes[..]).map_err(|source| EventError::Event { path: path(), at, source })
            }
        };
        if event.is_err() {
            self.at = self.length;
        }
        Some(event.map(logged))
    }
}

fn logged(event: Event) -> LoggedEvent {
    let values = match event.what {
        Some(EventKind::Summary(summary)) => summary.value.into_iter().filter_map(value).collect(),
        _ => Vec::new(),
    };
    LoggedEvent { wall_time: event.wall_time, step: event.step, values }
}

fn value(value: SummaryValue) -> Option<LoggedValue> {
    let what = match value.value? {
        ValueKind::Simple(number) => What::Scalar(number),
        ValueKind::Image(picture) => What::Picture(picture.encoded),
        ValueKind::Histogram(it) => {
            What::Histogram { count: it.num, sum: it.sum, limits: it.bucket_limit, counts: it.bucket }
        }
        ValueKind::Tensor(tensor) => {
            What::Text(String::from_utf8_lossy(tensor.string_val.first()?).into_owned())
        }
    };
    Some(LoggedValue { tag: value.tag, what })
}
