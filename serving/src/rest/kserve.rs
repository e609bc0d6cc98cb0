//! The open inference protocol by HTTP, with its extension for tensors as bytes behind the JSON.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value as Json, json};
use tonic::body::Body;

use super::{HttpRequest, json_response, number, response};
use crate::error::{Code, Error, Result};
use crate::json::outline::{list, object, string};
use crate::json::{flat, write};
use crate::kserve;
use crate::metrics::Entry;
use crate::models::registry::VersionChosen;
use crate::service::{Answer, Service};
use crate::value::Value;

/// How many bytes of a body are JSON.
const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// What a path asks for.
pub(super) enum Route {
    Live,
    Ready,
    Server,
    Model(String, VersionChosen),
    ModelReady(String, VersionChosen),
    Infer(String, VersionChosen),
}

impl Route {
    /// Reads the path after `/v2`.
    pub(super) fn parse(method: &Method, rest: &str) -> Option<Route> {
        let parts: Vec<&str> = rest.split('/').skip(1).collect();
        let (model, version, action) = match (method, &parts[..]) {
            (&Method::GET, [] | [""]) => return Some(Route::Server),
            (&Method::GET, ["health", "live"]) => return Some(Route::Live),
            (&Method::GET, ["health", "ready"]) => return Some(Route::Ready),
            (_, ["models", model, "versions", version, action @ ..]) => {
                (model, number(version).ok()?, action.first().copied())
            }
            (_, ["models", model, action @ ..]) if action.len() < 2 => {
                (model, VersionChosen::Newest, action.first().copied())
            }
            _ => return None,
        };
        match (method, action) {
            (&Method::GET, None) => Some(Route::Model((*model).to_owned(), version)),
            (&Method::GET, Some("ready")) => Some(Route::ModelReady((*model).to_owned(), version)),
            (&Method::POST, Some("infer")) => Some(Route::Infer((*model).to_owned(), version)),
            _ => None,
        }
    }
}

/// Answers what runs no model.
pub(super) fn describe(service: &Service, route: &Route) -> Result<Response<Body>> {
    let empty = |is_so: bool| {
        let status = if is_so { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Ok(response(status, "application/json", Bytes::new()))
    };
    match route {
        Route::Live => empty(true),
        Route::Ready => empty(service.registry.is_ready()),
        Route::ModelReady(model, version) => match service.registry.version(model, version) {
            Ok(_) => empty(true),
            Err(error) if error.code() == Code::Unavailable => empty(false),
            Err(error) => Err(error),
        },
        Route::Server => Ok(json_response(
            StatusCode::OK,
            &json!({
                "name": "tensorwright",
                "version": env!("CARGO_PKG_VERSION"),
                "extensions": ["binary_tensor_data"],
            }),
        )),
        Route::Model(model, version) => {
            let metadata = kserve::metadata(&*service.registry.version(model, version)?)?;
            let all = |tensors: &[crate::proto::kserve::TensorMetadata]| -> Json {
                let one = |tensor: &crate::proto::kserve::TensorMetadata| json!({"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape});
                tensors.iter().map(one).collect()
            };
            Ok(json_response(
                StatusCode::OK,
                &json!({
                    "name": metadata.name,
                    "versions": metadata.versions,
                    "platform": metadata.platform,
                    "inputs": all(&metadata.inputs),
                    "outputs": all(&metadata.outputs),
                }),
            ))
        }
        Route::Infer(..) => Err(Error::internal("a model is run elsewhere")),
    }
}

/// What a request wants to have back, and how.
#[derive(Default)]
struct Wanted {
    id: Option<String>,
    /// Outputs by name, with whether they come as bytes; all if there are none.
    outputs: Vec<(String, Option<bool>)>,
    /// Whether outputs come as bytes where nothing else is said.
    binary: bool,
}

/// Asks a model.
pub(super) async fn infer(
    service: &Arc<Service>,
    model: &str,
    version: VersionChosen,
    request: &HttpRequest,
) -> Result<Response<Body>> {
    let asked = service.asked(model, version, "ModelInfer", Entry::Rest, None);
    let read = read(request).inspect_err(|error| service.count_failure(&asked, error))?;
    let (named, wanted) = read;
    let answer = service.call(&asked, "", |signature| kserve::ordered(named, signature)).await?;
    written(&answer, &wanted)
}

/// The inputs of a request by name, and what it wants.
fn read(request: &HttpRequest) -> Result<(Vec<(String, Value)>, Wanted)> {
    let length = match request.headers.get(&HEADER_LENGTH) {
        None => request.body.len(),
        Some(length) => {
            let length = length.to_str().ok().and_then(|text| text.parse().ok());
            let fits = length.filter(|length| *length <= request.body.len());
            fits.ok_or_else(|| {
                Error::invalid("Inference-Header-Content-Length is no number of bytes of the body")
            })?
        }
    };
    let mut binary = request.body.slice(length..);
    let text = &request.body[..length];
    let (mut named, mut wanted) = (Vec::new(), Wanted::default());
    for (key, place) in object(text)? {
        let value = &text[place];
        match &*key {
            "id" => wanted.id = Some(string(value)?),
            "parameters" => {
                wanted.binary = parameter(value, "binary_data_output")?.is_some_and(|own| own == true)
            }
            "inputs" => {
                for place in list(value)? {
                    named.push(input(&value[place], &mut binary)?);
                }
            }
            "outputs" => {
                for place in list(value)? {
                    wanted.outputs.push(output(&value[place])?);
                }
            }
            _ => {}
        }
    }
    match binary.is_empty() {
        true => Ok((named, wanted)),
        false => Err(Error::invalid(format!("{} bytes behind the JSON belong to no input", binary.len()))),
    }
}

/// A parameter, if it is there.
fn parameter(text: &[u8], name: &str) -> Result<Option<Json>> {
    let fields = object(text)?;
    let found = fields.into_iter().find(|(own, _)| own == name);
    found.map(|(_, place)| serde_json::from_slice(&text[place]).map_err(Error::invalid)).transpose()
}

/// One input with its name; its bytes are the next ones.
fn input(text: &[u8], binary: &mut Bytes) -> Result<(String, Value)> {
    let (mut name, mut ty, mut shape, mut data, mut size) = (String::new(), None, None, None, None);
    for (key, place) in object(text)? {
        let value = &text[place];
        match &*key {
            "name" => name = string(value)?,
            "datatype" => ty = Some(kserve::of_datatype(&string(value)?)?),
            "shape" => {
                let extents: Vec<i64> = serde_json::from_slice(value)
                    .map_err(|error| Error::invalid(format!("the shape of an input: {error}")))?;
                shape = Some(kserve::shape(&extents)?);
            }
            "data" => data = Some(value),
            "parameters" => size = parameter(value, "binary_data_size")?,
            _ => {}
        }
    }
    let missing = |what: &str| Error::invalid(format!("input `{name}` has no {what}"));
    let (ty, shape) = (ty.ok_or_else(|| missing("datatype"))?, shape.ok_or_else(|| missing("shape"))?);
    let value = match size {
        None => flat(data.ok_or_else(|| missing("data"))?, ty, shape),
        Some(size) => {
            let size = size
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .filter(|size| *size <= binary.len());
            let size = size.ok_or_else(|| missing("such number of bytes behind the JSON"))?;
            kserve::of_raw(binary.split_to(size), ty, shape)
        }
    };
    let value = value.map_err(|error| Error::new(error.code(), format!("input `{name}`: {error}")))?;
    Ok((name, value))
}

fn output(text: &[u8]) -> Result<(String, Option<bool>)> {
    let (mut name, mut binary) = (String::new(), None);
    for (key, place) in object(text)? {
        match &*key {
            "name" => name = string(&text[place])?,
            "parameters" => binary = parameter(&text[place], "binary_data")?.and_then(|own| own.as_bool()),
            _ => {}
        }
    }
    Ok((name, binary))
}

/// The answer: JSON, and the bytes of outputs behind it.
fn written(answer: &Answer, wanted: &Wanted) -> Result<Response<Body>> {
    let names: Vec<String> = wanted.outputs.iter().map(|(name, _)| name.clone()).collect();
    let ports = &answer.ports().outputs;
    let mut text = b"{".to_vec();
    let field = |text: &mut Vec<u8>, name: &str, value: &str| {
        write::string(text, name);
        text.push(b':');
        write::string(text, value);
        text.push(b',');
    };
    if let Some(id) = &wanted.id {
        field(&mut text, "id", id);
    }
    field(&mut text, "model_name", &answer.version.name);
    field(&mut text, "model_version", &answer.version.version.to_string());
    text.extend_from_slice(b"\"outputs\":[");
    let mut binary = Vec::new();
    for (at, place) in kserve::chosen(answer.ports(), &names)?.into_iter().enumerate() {
        let (port, value) = (&ports[place], &answer.outputs[place]);
        text.extend_from_slice(if at == 0 { b"{" } else { b",{" });
        field(&mut text, "name", &port.name);
        field(&mut text, "datatype", kserve::datatype(value.ty()));
        text.extend_from_slice(format!("\"shape\":{:?},", value.shape()).as_bytes());
        let is_binary = wanted.outputs.get(at).and_then(|(_, own)| *own).unwrap_or(wanted.binary);
        if is_binary {
            let bytes = kserve::raw(value);
            text.extend_from_slice(
                format!("\"parameters\":{{\"binary_data_size\":{}}}", bytes.len()).as_bytes(),
            );
            binary.extend_from_slice(&bytes);
        } else {
            text.extend_from_slice(b"\"data\":");
            write::nested(&mut text, &port.name, value, &[value.count()], 0)?;
        }
        text.push(b'}');
    }
    text.extend_from_slice(b"]}");
    let length = text.len();
    let has_binary = !binary.is_empty();
    text.extend_from_slice(&binary);
    let kind = if has_binary { "application/octet-stream" } else { "application/json" };
    let mut response = response(StatusCode::OK, kind, text);
    if has_binary {
        response.headers_mut().insert(HEADER_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}
