//! Requests by HTTP: which path is whose, and bodies in and out.
//!
//! - [`tf`]: TensorFlow Serving's interface; [`kserve`]: the open inference protocol; [`pages`]: metrics, and a page for people.

mod kserve;
mod pages;
mod tf;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value as Json, json};
use tonic::body::Body;

use crate::error::{Code, Error, Result};
use crate::models::registry::VersionChosen;
use crate::service::Service;

/// A request whose body is there.
pub(crate) struct HttpRequest {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, request: Request<Incoming>) -> Response<Body> {
    match route(service, request).await {
        Ok(response) => response,
        Err(error) => failure(&error),
    }
}

/// The answer to a request that failed.
fn failure(error: &Error) -> Response<Body> {
    json_response(error.http_status(), &json!({"error": error.message()}))
}

async fn route(service: &Arc<Service>, request: Request<Incoming>) -> Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method, head.uri.path());
    let is_open = matches!(path, "/v2/health/live" | "/v2/health/ready");
    if !is_open {
        service.admit(&head.headers)?;
    }
    match (&method, path) {
        (&Method::GET, "/monitoring/prometheus/metrics") => return pages::metrics(service),
        (&Method::GET, "/debug") => return Ok(pages::debug(service)),
        _ => {}
    }
    let read = async |body| -> Result<HttpRequest> {
        let body = collect(body, service.max_request_bytes, service.request_timeout).await?;
        Ok(HttpRequest { headers: head.headers.clone(), body })
    };
    if let Some(rest) = prefix(path, "/v1/models") {
        let route = tf::Route::parse(&method, rest);
        let route = route.ok_or_else(|| Error::invalid(format!("Malformed request: {method} {path}")))?;
        return match route {
            tf::Route::Status(target) => tf::states(service, &target),
            tf::Route::Metadata(target) => tf::metadata(service, &target),
            tf::Route::Run(target, action) => tf::run(service, &target, action, &read(body).await?).await,
        };
    }
    if let Some(rest) = prefix(path, "/v2") {
        let route = kserve::Route::parse(&method, rest).ok_or_else(|| Error::not_found("Not Found"))?;
        return match route {
            kserve::Route::Infer(model, version) => {
                kserve::infer(service, &model, version, &read(body).await?).await
            }
            route => kserve::describe(service, &route),
        };
    }
    Err(Error::not_found("Not Found"))
}

/// The rest of a path after a prefix in any case.
fn prefix<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let (own, rest) = path.split_at_checked(prefix.len())?;
    let is_whole = rest.is_empty() || rest.starts_with('/');
    (own.eq_ignore_ascii_case(prefix) && is_whole).then_some(rest)
}

/// Bytes beyond the limit that are read and thrown away, so that a client that sends them gets its answer and no broken connection.
const MOST_DISCARDED: usize = 1 << 24;

/// All of a body, unless it is too large or takes too long.
async fn collect(body: Incoming, most: usize, timeout: Duration) -> Result<Bytes> {
    match tokio::time::timeout(timeout, whole(body, most)).await {
        Ok(found) => found,
        Err(_) => Err(Error::new(Code::DeadlineExceeded, "the request's body did not come in time")),
    }
}

async fn whole(mut body: Incoming, most: usize) -> Result<Bytes> {
    let too_large = || Error::new(Code::OutOfRange, format!("a request has at most {most} bytes"));
    let discarded = most.saturating_add(MOST_DISCARDED);
    if body.size_hint().lower() > discarded as u64 {
        return Err(too_large());
    }
    let (mut found, mut length) = (BytesMut::new(), 0usize);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Error::invalid(format!("the request's body is broken: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        match length {
            _ if length > discarded => break,
            _ if length > most => found = BytesMut::new(),
            // Most bodies come at once.
            _ if found.is_empty() && body.is_end_stream() => return Ok(data),
            _ => found.extend_from_slice(&data),
        }
    }
    if length > most { Err(too_large()) } else { Ok(found.freeze()) }
}

pub(crate) fn response(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(bytes.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn json_response(status: StatusCode, json: &Json) -> Response<Body> {
    // A value of strings and numbers can be written.
    let mut text = serde_json::to_vec_pretty(json).unwrap_or_default();
    text.push(b'\n');
    response(status, "application/json", text)
}

/// A version by its number in a path.
fn number(text: &str) -> Result<VersionChosen> {
    let wrong = |_| Error::invalid(format!("Failed to convert version: {text} to numeric."));
    text.parse().map(VersionChosen::Number).map_err(wrong)
}
