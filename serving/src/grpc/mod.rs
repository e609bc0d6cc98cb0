//! Requests by gRPC: which method is whose.
//!
//! - [`unary`]: one message in, one out; [`prediction`]: TensorFlow Serving's `PredictionService`; [`management`]: its `ModelService`;
//! - [`inference`]: the open inference protocol; [`health`]: whether the server answers.

mod health;
mod inference;
mod management;
mod prediction;
mod unary;

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Request, Response};
use tonic::Status;
use tonic::body::Body;

use crate::error::{Code, Error, Result};
use crate::metrics::Entry;
use crate::models::registry::VersionChosen;
use crate::proto::tf_serving::{ModelSpec, VersionChoice};
use crate::service::{Asked, Service};
use unary::unary;

/// Whether a request is one of gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    if !path.starts_with("/grpc.health.v1.Health/")
        && let Err(error) = service.admit(request.headers())
    {
        return Status::from(error).into_http();
    }
    let timeout = timeout(request.headers());
    let (own, most) = (service.clone(), service.max_request_bytes);
    let Some((name, method)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
        return Status::unimplemented("").into_http();
    };
    match (name, method) {
        ("tensorflow.serving.PredictionService", "Predict") => {
            unary(most, request, async move |message| prediction::predict(&own, message, timeout).await).await
        }
        ("tensorflow.serving.PredictionService", "Classify") => {
            unary(most, request, async move |message| prediction::classify(&own, message, timeout).await)
                .await
        }
        ("tensorflow.serving.PredictionService", "Regress") => {
            unary(most, request, async move |message| prediction::regress(&own, message, timeout).await).await
        }
        ("tensorflow.serving.PredictionService", "MultiInference") => {
            unary(most, request, async move |message| {
                prediction::multi_inference(&own, message, timeout).await
            })
            .await
        }
        ("tensorflow.serving.PredictionService", "GetModelMetadata") => {
            unary(most, request, async move |message| prediction::metadata(&own, message)).await
        }
        ("tensorflow.serving.ModelService", "GetModelStatus") => {
            unary(most, request, async move |message| management::status(&own, message)).await
        }
        ("tensorflow.serving.ModelService", "HandleReloadConfigRequest") => {
            unary(most, request, async move |message| management::reload(&own, message).await).await
        }
        ("grpc.health.v1.Health", "Check") => {
            unary(most, request, async move |message| health::check(&own, message)).await
        }
        ("grpc.health.v1.Health", "Watch") => health::watch(service, request).await,
        ("inference.GRPCInferenceService", method) => {
            inference::answer(own, most, timeout, method.to_owned(), request).await
        }
        _ => Status::unimplemented(format!("{path} is not known")).into_http(),
    }
}

/// How long the client waits, if it says so: a number and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok().filter(|number| *number < 100_000_000)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// The model that a request asks.
fn asked(service: &Service, spec: &ModelSpec, api: &'static str, timeout: Option<Duration>) -> Result<Asked> {
    if spec.name.is_empty() {
        return Err(Error::new(Code::InvalidArgument, "Missing ModelSpec: it has no name"));
    }
    Ok(service.asked(&spec.name, version(spec), api, Entry::Grpc, timeout))
}

fn version(spec: &ModelSpec) -> VersionChosen {
    match &spec.version_choice {
        None => VersionChosen::Newest,
        Some(VersionChoice::Version(number)) => VersionChosen::Number(*number),
        Some(VersionChoice::VersionLabel(label)) => VersionChosen::Label(label.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_units() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("a header"));
            timeout(&headers)
        };
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("500m"), Some(Duration::from_millis(500)));
        for text in ["", "S", "5", "-1S", "999999999S", "5x"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
