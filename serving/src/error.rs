//! What can go wrong with a request or a model: a code of gRPC, and words.

use std::fmt;

use hyper::StatusCode;
pub use tonic::Code;

/// The result of something that a request asks for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request has no answer, or a model cannot be served.
///
/// ```
/// use tensorwright_serving::{Code, Error};
///
/// let error = Error::invalid("`instances` is empty");
/// assert_eq!((error.code(), error.http_status().as_u16()), (Code::InvalidArgument, 400));
/// assert_eq!(error.to_string(), "`instances` is empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    message: String,
}

/// A message has no more characters.
const MAX_MESSAGE: usize = 1000;

impl Error {
    /// An error of a code.
    pub fn new(code: Code, message: impl fmt::Display) -> Error {
        let mut message = message.to_string();
        // What a request names may be of any length.
        if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
            message.truncate(end);
            message.push_str("...");
        }
        Error { code, message }
    }

    /// The request is wrong.
    pub fn invalid(message: impl fmt::Display) -> Error {
        Error::new(Code::InvalidArgument, message)
    }

    /// What the request names is not there.
    pub fn not_found(message: impl fmt::Display) -> Error {
        Error::new(Code::NotFound, message)
    }

    /// Something broke.
    pub fn internal(message: impl fmt::Display) -> Error {
        Error::new(Code::Internal, message)
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// In words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The status of an HTTP answer, as TensorFlow Serving maps codes.
    pub fn http_status(&self) -> StatusCode {
        match self.code {
            Code::Ok => StatusCode::OK,
            Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            Code::InvalidArgument | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
            // A request that is too large.
            Code::OutOfRange => StatusCode::PAYLOAD_TOO_LARGE,
            Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> tonic::Status {
        tonic::Status::new(error.code, error.message)
    }
}

/// The name of a code as protocols write it: `INVALID_ARGUMENT`, ...
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
