//! What requests ask for, however they come: a version is found, its inputs are checked, it runs, and all of it is counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};
use crate::metrics::{Entry, Metrics};
use crate::models::config::ModelConfig;
use crate::models::loader::Loader;
use crate::models::registry::{LoadedVersion, Registry, VersionChosen};
use crate::proto::tf_serving::ModelServerConfig;
use crate::servable::{DEFAULT_SIGNATURE, Signature};
use crate::value::Value;

/// What all connections share.
pub(crate) struct Service {
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) loader: Loader,
    pub(crate) request_timeout: Duration,
    pub(crate) max_request_bytes: usize,
    pub(crate) api_key: Option<String>,
    pub(crate) since: Instant,
}

/// Whom a request asks, and how it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) version: VersionChosen,
    /// The interface, as metrics name it.
    pub(crate) api: &'static str,
    pub(crate) entry: Entry,
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
}

/// What a model gave.
pub(crate) struct Answer {
    pub(crate) version: Arc<LoadedVersion>,
    pub(crate) signature: String,
    pub(crate) outputs: Vec<Value>,
}

impl Answer {
    /// The signature that ran.
    pub(crate) fn ports(&self) -> &Signature {
        &self.version.servable.signatures()[&self.signature]
    }
}

impl Service {
    /// A request that has just come, with the time that it may take.
    pub(crate) fn asked(
        &self,
        model: &str,
        version: VersionChosen,
        api: &'static str,
        entry: Entry,
        timeout: Option<Duration>,
    ) -> Asked {
        let since = Instant::now();
        let timeout = timeout.unwrap_or(self.request_timeout).min(self.request_timeout);
        Asked { model: model.to_owned(), version, api, entry, since, deadline: since + timeout }
    }

    /// Asks a model; `inputs` makes what it is given, in the order of the signature.
    pub(crate) async fn call(
        &self,
        asked: &Asked,
        signature: &str,
        inputs: impl FnOnce(&Signature) -> Result<Vec<Value>>,
    ) -> Result<Answer> {
        let result = self.run(asked, signature, inputs).await;
        match &result {
            Ok(answer) => {
                let took = asked.since.elapsed();
                self.metrics.answered(&answer.version.metrics, &asked.model, asked.api, asked.entry, took);
            }
            Err(error) => self.count_failure(asked, error),
        }
        result
    }

    /// Counts a request that has no answer.
    pub(crate) fn count_failure(&self, asked: &Asked, error: &Error) {
        let is_known = self.registry.models().contains_key(&asked.model);
        self.metrics.failed(&asked.model, is_known, error.code());
        tracing::debug!(model = asked.model, api = asked.api, entry = asked.entry.name(), fault = %error, "no answer");
    }

    async fn run(
        &self,
        asked: &Asked,
        signature: &str,
        inputs: impl FnOnce(&Signature) -> Result<Vec<Value>>,
    ) -> Result<Answer> {
        let version = self.registry.version(&asked.model, &asked.version)?;
        let (name, signature) = version.signature(signature)?;
        let name = name.to_owned();
        let values = inputs(signature)?;
        if values.len() != signature.inputs.len() {
            return Err(Error::invalid(format!(
                "the signature takes {} inputs, found {}",
                signature.inputs.len(),
                values.len()
            )));
        }
        signature.inputs.iter().zip(&values).try_for_each(|(port, value)| port.check(value))?;
        let queue = version.queue(&name).ok_or_else(|| Error::internal("a signature has no queue"))?.clone();
        let outputs = queue.call(values, asked.deadline).await?;
        Ok(Answer { version, signature: name, outputs })
    }

    /// Serves other models from now on.
    pub(crate) async fn reload(&self, config: Option<ModelServerConfig>) -> Result<()> {
        let config = config.ok_or_else(|| Error::invalid("Missing config in the request"))?;
        if config.model_config_list.is_none() {
            return Err(Error::invalid("only `model_config_list` is supported"));
        }
        self.loader.replace(ModelConfig::of_proto(config)?).await
    }

    /// Refuses a request without the key, if there is one.
    pub(crate) fn admit(&self, headers: &hyper::HeaderMap) -> Result<()> {
        let Some(key) = &self.api_key else { return Ok(()) };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match [bearer, text("x-api-key")].into_iter().flatten().any(|given| is_same(given, key)) {
            true => Ok(()),
            false => Err(Error::new(Code::Unauthenticated, "a valid API key is missing")),
        }
    }
}

/// Compares in a time that does not depend on where two keys differ.
fn is_same(given: &str, key: &str) -> bool {
    let differences = given.bytes().zip(key.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == key.len() && differences == 0
}

/// The name of the default signature, or the own one.
pub(crate) fn signature_name(name: &str) -> &str {
    if name.is_empty() { DEFAULT_SIGNATURE } else { name }
}
