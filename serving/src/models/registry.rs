//! What requests see of the models: a snapshot that the loader replaces as a whole, so that no request waits for a lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::batching::{BatchOptions, Queue};
use crate::error::{Code, Error, Result};
use crate::metrics::{Metrics, ModelMetrics};
use crate::proto::tf_serving::VersionState;
use crate::servable::{DEFAULT_SIGNATURE, Servable, Signature};

/// A version of a model that answers.
pub(crate) struct LoadedVersion {
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) servable: Arc<dyn Servable>,
    pub(crate) metrics: ModelMetrics,
    queues: BTreeMap<String, Arc<Queue>>,
}

impl LoadedVersion {
    pub(crate) fn new(
        name: &str,
        version: i64,
        servable: Arc<dyn Servable>,
        options: &Arc<BatchOptions>,
        metrics: &Metrics,
    ) -> LoadedVersion {
        let metrics = metrics.of_model(name);
        let queue = |signature: &String| {
            let queue = Queue::new(servable.clone(), signature, options.clone(), metrics.clone());
            (signature.clone(), Arc::new(queue))
        };
        let queues = servable.signatures().keys().map(queue).collect();
        LoadedVersion { name: name.to_owned(), version, servable, metrics, queues }
    }

    /// A signature with its name; the default one for an empty name.
    pub(crate) fn signature(&self, name: &str) -> Result<(&str, &Signature)> {
        let name = if name.is_empty() { DEFAULT_SIGNATURE } else { name };
        let found = self.servable.signatures().get_key_value(name);
        let (name, signature) = found.ok_or_else(|| {
            Error::invalid(format!("Serving signature name: \"{name}\" not found in signature def"))
        })?;
        Ok((name, signature))
    }

    /// Where requests for a signature wait.
    pub(crate) fn queue(&self, signature: &str) -> Option<&Arc<Queue>> {
        self.queues.get(signature)
    }

    /// All queues by signature.
    pub(crate) fn queues(&self) -> &BTreeMap<String, Arc<Queue>> {
        &self.queues
    }
}

/// How a version is.
#[derive(Clone)]
pub(crate) struct VersionEntry {
    pub(crate) state: VersionState,
    pub(crate) fault: Option<Error>,
    pub(crate) loaded: Option<Arc<LoadedVersion>>,
}

/// A model with its versions.
#[derive(Clone, Default)]
pub(crate) struct ServedModel {
    pub(crate) labels: BTreeMap<String, i64>,
    pub(crate) versions: BTreeMap<i64, VersionEntry>,
}

/// Models by name.
pub(crate) type Models = BTreeMap<String, Arc<ServedModel>>;

/// Which version a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum VersionChosen {
    /// The newest that answers.
    #[default]
    Newest,
    /// A number.
    Number(i64),
    /// A label.
    Label(String),
}

/// The models that are served now.
pub(crate) struct Registry {
    models: ArcSwap<Models>,
    ready: watch::Sender<bool>,
}

impl Registry {
    pub(crate) fn new() -> Registry {
        Registry { models: ArcSwap::default(), ready: watch::Sender::new(false) }
    }

    /// The snapshot of now.
    pub(crate) fn models(&self) -> Arc<Models> {
        self.models.load_full()
    }

    pub(super) fn replace(&self, models: Models) {
        self.models.store(Arc::new(models));
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.send_replace(ready);
    }

    /// Whether what was configured has been loaded and warmed up.
    pub(crate) fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    pub(crate) fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// The version that answers.
    pub(crate) fn version(&self, name: &str, chosen: &VersionChosen) -> Result<Arc<LoadedVersion>> {
        let models = self.models.load();
        let number = match chosen {
            VersionChosen::Newest => None,
            VersionChosen::Number(number) => Some(*number),
            VersionChosen::Label(label) => {
                let found = models.get(name).and_then(|model| model.labels.get(label));
                let unknown = || Error::invalid(format!("Unrecognized servable version label: {label}"));
                Some(*found.ok_or_else(unknown)?)
            }
        };
        let missing = || match number {
            Some(number) => {
                Error::not_found(format!("Servable not found for request: Specific({name}, {number})"))
            }
            None => Error::not_found(format!("Servable not found for request: Latest({name})")),
        };
        let model = models.get(name).ok_or_else(missing)?;
        let found = match number {
            Some(number) => model.versions.get(&number),
            None => model.versions.values().rev().find(|entry| entry.loaded.is_some()),
        };
        if let Some(loaded) = found.and_then(|entry| entry.loaded.clone()) {
            return Ok(loaded);
        }
        let is_coming =
            |entry: &VersionEntry| matches!(entry.state, VersionState::Start | VersionState::Loading);
        let comes = match number {
            Some(number) => model.versions.get(&number).is_some_and(is_coming),
            None => model.versions.values().any(is_coming),
        };
        match comes {
            true => Err(Error::new(Code::Unavailable, format!("model `{name}` is being loaded"))),
            false => Err(missing()),
        }
    }

    /// The states of the versions that a request asks about, the newest first.
    pub(crate) fn states(&self, name: &str, chosen: &VersionChosen) -> Result<Vec<(i64, VersionEntry)>> {
        let models = self.models.load();
        let model = models
            .get(name)
            .ok_or_else(|| Error::not_found(format!("Could not find any versions of model {name}")))?;
        let number = match chosen {
            VersionChosen::Newest => None,
            VersionChosen::Number(number) => Some(*number),
            VersionChosen::Label(label) => {
                let unknown = || Error::invalid(format!("Unrecognized servable version label: {label}"));
                Some(*model.labels.get(label).ok_or_else(unknown)?)
            }
        };
        let of_number = |version: &&i64| number.is_none_or(|number| number == **version);
        let found: Vec<(i64, VersionEntry)> = model
            .versions
            .keys()
            .rev()
            .filter(of_number)
            .map(|version| (*version, model.versions[version].clone()))
            .collect();
        match (found.is_empty(), number) {
            (false, _) => Ok(found),
            (true, Some(number)) => {
                Err(Error::not_found(format!("Could not find version {number} of model {name}")))
            }
            (true, None) => Err(Error::not_found(format!("Could not find any versions of model {name}"))),
        }
    }
}
