//! `grpc.health.v1`.

use prost::{Enumeration, Message};

/// Which service is asked about; an empty name stands for the server.
#[derive(Clone, PartialEq, Message)]
pub struct HealthCheckRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub service: String,
}

/// How a service is.
#[derive(Clone, PartialEq, Message)]
pub struct HealthCheckResponse {
    /// Its state.
    #[prost(enumeration = "ServingStatus", tag = "1")]
    pub status: i32,
}

/// The state of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum ServingStatus {
    /// Not said.
    Unknown = 0,
    /// It answers.
    Serving = 1,
    /// It does not answer yet, or no more.
    NotServing = 2,
    /// There is no such service (`Watch` alone says so).
    ServiceUnknown = 3,
}
