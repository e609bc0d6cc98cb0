//! Writing event files.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;
use tensorwright::{DType, Tensor};

use super::proto::{
    Event, EventKind, Picture, PluginData, STRING, Summary, SummaryMetadata, SummaryValue, TensorProto,
    TensorShape, ValueKind,
};
use super::{EventError, histogram, record};

/// An event file that grows.
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// A new event file in a folder, which is made if it is not there. No two writers of a process share a file.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> Result<EventWriter, EventError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (folder, number) = (folder.as_ref(), NEXT.fetch_add(1, Ordering::Relaxed));
        let seconds = now() as u64;
        let name = format!("events.out.tfevents.{seconds}.tensorwright.{}.{number}.v2", std::process::id());
        let path = folder.join(name);
        let broken = |source| EventError::File { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(broken)?;
        let file = BufWriter::new(File::create_new(&path).map_err(broken)?);
        let mut writer = EventWriter { path: path.clone(), file };
        writer.event(0, EventKind::FileVersion("brain.Event:2".to_owned()))?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A point of the curve `tag`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: i64, value: f32) -> Result<(), EventError> {
        self.value(tag, step, None, ValueKind::Simple(value))
    }

    /// How the numbers of a tensor are distributed.
    ///
    /// # Errors
    /// When the tensor carries an error or is complex, or the file cannot be written.
    pub fn histogram(&mut self, tag: &str, step: i64, numbers: &Tensor) -> Result<(), EventError> {
        let numbers = numbers.cast(DType::F64).to_vec::<f64>().map_err(|e| refused(tag, e))?;
        self.value(tag, step, None, ValueKind::Histogram(histogram::histogram(&numbers)))
    }

    /// A picture `[height, width, channels]` as a PNG file's bytes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn png(&mut self, tag: &str, step: i64, size: [u32; 2], png: Vec<u8>) -> Result<(), EventError> {
        let side = |extent: u32| i32::try_from(extent).map_err(|e| refused(tag, e));
        let picture = Picture { height: side(size[0])?, width: side(size[1])?, colorspace: 3, encoded: png };
        self.value(tag, step, None, ValueKind::Image(picture))
    }

    /// A text, in Markdown.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn text(&mut self, tag: &str, step: i64, text: &str) -> Result<(), EventError> {
        let tensor_shape = Some(TensorShape {});
        let tensor = TensorProto { dtype: STRING, tensor_shape, string_val: vec![text.as_bytes().to_vec()] };
        self.value(tag, step, Some("text"), ValueKind::Tensor(tensor))
    }

    /// Hands all that was written to the file system, where TensorBoard sees it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), EventError> {
        self.file.flush().map_err(|source| EventError::File { path: self.path.clone(), source })
    }

    /// Ends the file, and says which it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<PathBuf, EventError> {
        self.flush()?;
        Ok(self.path)
    }

    fn value(
        &mut self,
        tag: &str,
        step: i64,
        plugin: Option<&str>,
        value: ValueKind,
    ) -> Result<(), EventError> {
        let metadata = plugin
            .map(|name| SummaryMetadata { plugin_data: Some(PluginData { plugin_name: name.to_owned() }) });
        let value = SummaryValue { tag: tag.to_owned(), metadata, value: Some(value) };
        self.event(step, EventKind::Summary(Summary { value: vec![value] }))
    }

    fn event(&mut self, step: i64, what: EventKind) -> Result<(), EventError> {
        let event = Event { wall_time: now(), step, what: Some(what) };
        record::write(&mut self.file, &event.encode_to_vec())
            .map_err(|source| EventError::File { path: self.path.clone(), source })
    }
}

fn refused(tag: &str, reason: impl ToString) -> EventError {
    EventError::Value { tag: tag.to_owned(), reason: reason.to_string() }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
