//! What can go wrong in a pipeline: which element, which file, which line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tensorwright::Location;

/// A result whose error is, unless said otherwise, [`DataError`].
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// The class of an error: what a program may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value, or an argument of a transformation, is not what is needed there.
    InvalidArgument,
    /// A file is damaged or cut short.
    DataLoss,
    /// Something was promised that turned out not to be so.
    FailedPrecondition,
    /// Somebody else writes there.
    AlreadyExists,
    /// There is no such file, or no such name.
    NotFound,
    /// A file could not be read or written.
    Io,
}

/// An error of a pipeline, or of one of its elements.
///
/// An error belongs to its element: what follows it in an iterator is what would have followed the element.
///
/// ```
/// use tensorwright::data::{Dataset, ErrorKind};
///
/// let numbers = Dataset::from_iter(["1", "x", "3"].map(String::from));
/// let parsed = numbers.map(|text: String| text.parse::<i64>().map_err(tensorwright::data::DataError::invalid));
/// let results: Vec<_> = parsed.iter_as::<i64>()?.collect();
/// assert_eq!((results[0].as_ref().ok(), results[2].as_ref().ok()), (Some(&1), Some(&3)));
/// let error = results[1].as_ref().unwrap_err();
/// assert_eq!((error.kind(), error.element()), (ErrorKind::InvalidArgument, Some(1)));
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
#[derive(Clone)]
pub struct DataError(Arc<Details>);

#[derive(Clone)]
struct Details {
    kind: ErrorKind,
    message: String,
    /// The stage, and the number of the element in what it gives.
    element: Option<(&'static str, u64)>,
    file: Option<PathBuf>,
    line: Option<u64>,
    /// The line of the user's source that built the stage.
    at: Option<Location>,
}

impl DataError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> DataError {
        let message = message.to_string();
        DataError(Arc::new(Details { kind, message, element: None, file: None, line: None, at: None }))
    }

    /// A value or an argument that is not what is needed: what closures give for elements that they refuse.
    pub fn invalid(message: impl fmt::Display) -> DataError {
        DataError::new(ErrorKind::InvalidArgument, message)
    }

    /// A file that is damaged or cut short.
    pub fn data_loss(message: impl fmt::Display) -> DataError {
        DataError::new(ErrorKind::DataLoss, message)
    }

    /// What reading or writing a file said.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> DataError {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::InvalidData
            | std::io::ErrorKind::InvalidInput
            | std::io::ErrorKind::UnexpectedEof => ErrorKind::DataLoss,
            _ => ErrorKind::Io,
        };
        DataError::new(kind, error).in_file(path)
    }

    /// The class.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The number of the element, from 0, in what the stage that failed gives.
    pub fn element(&self) -> Option<u64> {
        self.0.element.map(|(_, element)| element)
    }

    /// The file.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The line of the file, from 1; of files without lines the number of the record, from 1.
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }

    /// The line of the program that built the stage.
    pub fn location(&self) -> Option<&Location> {
        self.0.at.as_ref()
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> DataError {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The same of an element of a stage, unless a stage before it has said so.
    pub(crate) fn of_element(self, stage: &'static str, element: u64) -> DataError {
        self.with(|details| details.element = details.element.or(Some((stage, element))))
    }

    pub(crate) fn in_file(self, path: &Path) -> DataError {
        self.with(|details| details.file = Some(path.to_owned()))
    }

    pub(crate) fn at_line(self, line: u64) -> DataError {
        self.with(|details| details.line = Some(line))
    }

    /// The same of the line of the program that built a stage, unless that is known.
    pub(crate) fn built_at(self, at: &'static std::panic::Location<'static>) -> DataError {
        self.with(|details| {
            details.at.get_or_insert_with(|| at.into());
        })
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { element, file, line, at, message, .. } = &*self.0;
        if let Some(at) = at {
            write!(f, "{at}: ")?;
        }
        if let Some((stage, element)) = element {
            write!(f, "element {element} of `{stage}`: ")?;
        }
        match (file, line) {
            (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(message)
    }
}

impl fmt::Debug for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for DataError {}

impl From<tensorwright::Error> for DataError {
    fn from(error: tensorwright::Error) -> DataError {
        match error.other_as::<DataError>() {
            Some(own) => own.clone(),
            None => DataError::invalid(error),
        }
    }
}

impl From<DataError> for tensorwright::Error {
    #[track_caller]
    fn from(error: DataError) -> tensorwright::Error {
        tensorwright::Error::other(error)
    }
}
