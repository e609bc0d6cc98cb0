//! TensorFlow Serving's interface: `/v1/models/NAME[/versions/V|/labels/L]`, with `/metadata`, `:predict`, `:classify` and `:regress`.

use std::sync::Arc;

use hyper::{Method, Response, StatusCode};
use tonic::body::Body;

use super::{HttpRequest, json_response, number, response};
use crate::error::{Error, Result};
use crate::json::predict::PredictBody;
use crate::json::{examples, write};
use crate::metrics::Entry;
use crate::models::registry::VersionChosen;
use crate::models::status;
use crate::service::{Asked, Service, signature_name};
use crate::tf;

/// What a path asks for.
pub(super) enum Route {
    Status(Target),
    Metadata(Target),
    Run(Target, Action),
}

/// A model, and which version of it.
pub(super) struct Target {
    model: String,
    version: Which,
}

enum Which {
    Newest,
    Number(String),
    Label(String),
}

/// What is asked of a model.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Predict,
    Classify,
    Regress,
}

impl Route {
    /// Reads the path after `/v1/models`.
    pub(super) fn parse(method: &Method, rest: &str) -> Option<Route> {
        let rest = rest.strip_prefix('/')?;
        match *method {
            Method::POST => {
                let (target, action) = rest.rsplit_once(':')?;
                let action = match action {
                    "predict" => Action::Predict,
                    "classify" => Action::Classify,
                    "regress" => Action::Regress,
                    _ => return None,
                };
                Some(Route::Run(Target::parse(target)?, action))
            }
            Method::GET => match rest.strip_suffix("/metadata") {
                Some(target) => Some(Route::Metadata(Target::parse(target)?)),
                None => Some(Route::Status(Target::parse(rest)?)),
            },
            _ => None,
        }
    }
}

impl Target {
    fn parse(text: &str) -> Option<Target> {
        let (model, version) = match text.split_once('/') {
            None => (text, Which::Newest),
            Some((model, rest)) => match rest.split_once('/')? {
                ("versions", number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                    (model, Which::Number(number.to_owned()))
                }
                ("labels", label) if !label.is_empty() && !label.contains(['/', ':']) => {
                    (model, Which::Label(label.to_owned()))
                }
                _ => return None,
            },
        };
        (!model.is_empty() && !model.contains(':')).then(|| Target { model: model.to_owned(), version })
    }

    fn version(&self) -> Result<VersionChosen> {
        match &self.version {
            Which::Newest => Ok(VersionChosen::Newest),
            Which::Number(text) => number(text),
            Which::Label(label) => Ok(VersionChosen::Label(label.clone())),
        }
    }
}

pub(super) fn states(service: &Service, target: &Target) -> Result<Response<Body>> {
    let entries = service.registry.states(&target.model, &target.version()?)?;
    Ok(json_response(StatusCode::OK, &status::json(&entries)))
}

pub(super) fn metadata(service: &Service, target: &Target) -> Result<Response<Body>> {
    let version = service.registry.version(&target.model, &target.version()?)?;
    let json = tf::metadata::json(&version.name, version.version, version.servable.signatures());
    Ok(json_response(StatusCode::OK, &json))
}

/// Asks a model.
pub(super) async fn run(
    service: &Arc<Service>,
    target: &Target,
    action: Action,
    request: &HttpRequest,
) -> Result<Response<Body>> {
    let api = match action {
        Action::Predict => "Predict",
        Action::Classify => "Classify",
        Action::Regress => "Regress",
    };
    let asked = service.asked(&target.model, target.version()?, api, Entry::Rest, None);
    let text = match action {
        Action::Predict => predict(service, &asked, request).await?,
        Action::Classify | Action::Regress => examples_of(service, &asked, action, request).await?,
    };
    Ok(response(StatusCode::OK, "application/json", text))
}

async fn predict(service: &Service, asked: &Asked, request: &HttpRequest) -> Result<Vec<u8>> {
    // Who is not served must not be told about the body.
    service
        .registry
        .version(&asked.model, &asked.version)
        .inspect_err(|error| service.count_failure(asked, error))?;
    let body = PredictBody::read(&request.body).inspect_err(|error| service.count_failure(asked, error))?;
    let name = signature_name(&body.signature_name);
    let answer = service.call(asked, name, |signature| body.inputs(signature)).await?;
    write::prediction(&answer.ports().outputs, &answer.outputs, body.format)
}

async fn examples_of(
    service: &Service,
    asked: &Asked,
    action: Action,
    request: &HttpRequest,
) -> Result<Vec<u8>> {
    let (name, input) =
        examples::read(&request.body).inspect_err(|error| service.count_failure(asked, error))?;
    let examples = tf::examples::of_input(Some(input))?;
    let inputs = |signature: &_| tf::examples::inputs(&examples, signature);
    let answer = service.call(asked, signature_name(&name), inputs).await?;
    let (signature, outputs) = (answer.ports(), &answer.outputs);
    let mut text = b"{\n    \"results\": [".to_vec();
    match action {
        Action::Classify => {
            let classes = tf::examples::classes(signature, outputs, examples.len())?;
            for (at, row) in classes.classifications.iter().enumerate() {
                text.extend_from_slice(if at == 0 { b"[" } else { b", [" });
                for (at, class) in row.classes.iter().enumerate() {
                    text.extend_from_slice(if at == 0 { b"[" } else { b", [" });
                    write::string(&mut text, &class.label);
                    text.extend_from_slice(b", ");
                    write::float(&mut text, class.score);
                    text.push(b']');
                }
                text.push(b']');
            }
        }
        Action::Regress => {
            let numbers = tf::examples::numbers(signature, outputs, examples.len())?;
            for (at, regression) in numbers.regressions.iter().enumerate() {
                text.extend_from_slice(if at == 0 { b"" } else { b", " });
                write::float(&mut text, regression.value);
            }
        }
        Action::Predict => return Err(Error::internal("prediction takes no examples")),
    }
    text.extend_from_slice(b"]\n}\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: &Method, path: &str) -> String {
        let target = |target: Target| match target.version {
            Which::Newest => target.model,
            Which::Number(number) => format!("{} number {number}", target.model),
            Which::Label(label) => format!("{} label {label}", target.model),
        };
        match Route::parse(method, path) {
            None => "malformed".to_owned(),
            Some(Route::Status(own)) => format!("status {}", target(own)),
            Some(Route::Metadata(own)) => format!("metadata {}", target(own)),
            Some(Route::Run(own, _)) => format!("run {}", target(own)),
        }
    }

    #[test]
    fn paths_are_read() {
        assert_eq!(parsed(&Method::GET, "/m"), "status m");
        assert_eq!(parsed(&Method::GET, "/m/versions/3"), "status m number 3");
        assert_eq!(parsed(&Method::GET, "/m/labels/stable/metadata"), "metadata m label stable");
        assert_eq!(parsed(&Method::POST, "/m:predict"), "run m");
        assert_eq!(parsed(&Method::POST, "/m/versions/12:classify"), "run m number 12");
        assert_eq!(parsed(&Method::POST, "/m/labels/a:regress"), "run m label a");
        for path in [
            "",
            "/",
            "/m:train",
            "/m/versions/x:predict",
            "/m/versions/1/2:predict",
            "/:predict",
            "/a:b:predict",
        ] {
            assert_eq!(parsed(&Method::POST, path), "malformed", "{path}");
        }
        assert_eq!(parsed(&Method::DELETE, "/m"), "malformed");
    }
}
