//! Loads and unloads versions on a thread of its own, as folders change.
//!
//! A version answers once it is read and warmed up. What it replaces goes after that, so that no request finds nothing; requests on their way keep the version that they
//! began with alive. A version that cannot be loaded is tried again when its files change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::config::ModelConfig;
use super::folders::{self, Found};
use super::registry::{LoadedVersion, Models, Registry, ServedModel, VersionEntry};
use crate::batching::BatchOptions;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::proto::tf_serving::VersionState;
use crate::servable;

/// What the thread is told.
enum Order {
    /// To serve these models from now on.
    Replace(Vec<ModelConfig>, oneshot::Sender<Result<()>>),
    /// To end.
    Stop,
}

/// The thread that loads.
pub(crate) struct Loader {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Begins to load; looks for other versions after each pause, if there is one.
    pub(crate) fn start(
        configs: Vec<ModelConfig>,
        registry: Arc<Registry>,
        options: Arc<BatchOptions>,
        metrics: Arc<Metrics>,
        poll: Option<Duration>,
    ) -> Result<Loader> {
        let (orders, receiver) = channel();
        let mut work =
            Work { configs, registry, options, metrics, models: Models::new(), failed: BTreeMap::new() };
        let thread = thread::Builder::new().name("wright-loader".to_owned());
        let thread = thread.spawn(move || work.run(&receiver, poll)).map_err(Error::internal)?;
        Ok(Loader { orders, thread: Some(thread) })
    }

    /// Serves these models from now on; waits until all are loaded.
    pub(crate) async fn replace(&self, configs: Vec<ModelConfig>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let ended = |_| Error::internal("the server ends");
        self.orders.send(Order::Replace(configs, reply)).map_err(|_| Error::internal("the server ends"))?;
        answer.await.map_err(ended)?
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // A model that is being loaded is loaded to its end.
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Fingerprint = (usize, u64, Option<SystemTime>);

struct Work {
    configs: Vec<ModelConfig>,
    registry: Arc<Registry>,
    options: Arc<BatchOptions>,
    metrics: Arc<Metrics>,
    models: Models,
    /// Versions that could not be loaded, with what their files were then.
    failed: BTreeMap<(String, i64), (PathBuf, Fingerprint)>,
}

impl Work {
    fn run(&mut self, orders: &Receiver<Order>, poll: Option<Duration>) {
        // Only faults of a first pass are interesting; each is in the log too.
        let _ = self.pass();
        self.registry.set_ready(true);
        loop {
            let order = match poll {
                Some(poll) => orders.recv_timeout(poll),
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match order {
                Ok(Order::Replace(configs, reply)) => {
                    self.configs = configs;
                    self.failed.clear();
                    // Who asked may be gone.
                    let _ = reply.send(self.pass());
                }
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.pass();
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Makes what is served what is configured. Gives the first fault.
    fn pass(&mut self) -> Result<()> {
        let configs = self.configs.clone();
        let is_wanted = |name: &String| configs.iter().any(|config| config.name == *name);
        let gone: Vec<String> = self.models.keys().filter(|name| !is_wanted(name)).cloned().collect();
        for name in gone {
            tracing::info!(model = name, "unloaded");
            self.models.remove(&name);
            self.publish();
        }
        let mut result = Ok(());
        for config in &configs {
            let own = self.update(config);
            result = result.and(own);
        }
        result
    }

    fn publish(&self) {
        self.registry.replace(self.models.clone());
    }

    fn update(&mut self, config: &ModelConfig) -> Result<()> {
        let known = self.models.entry(config.name.clone()).or_default();
        if known.labels != config.labels {
            Arc::make_mut(known).labels = config.labels.clone();
            self.publish();
        }
        let wanted = match folders::wanted(config) {
            Ok(wanted) => wanted,
            // What is served stays while a folder cannot be read.
            Err(fault) => {
                tracing::warn!(model = config.name, fault, "no versions can be found");
                self.publish();
                return Err(Error::not_found(fault));
            }
        };
        let mut result = Ok(());
        for found in &wanted {
            result = result.and(self.load_once(&config.name, found));
        }
        self.unload_others(&config.name, &wanted);
        match (result, wanted.is_empty()) {
            (Ok(()), true) => {
                tracing::warn!(model = config.name, path = %config.path.display(), "no versions are there");
                Err(Error::not_found(format!("no versions of model `{}` are there", config.name)))
            }
            (result, _) => result,
        }
    }

    /// Loads a version, unless it is there or has failed with the files that it has now.
    fn load_once(&mut self, name: &str, found: &Found) -> Result<()> {
        let entry = self.models.get(name).and_then(|model| model.versions.get(&found.version));
        if entry.is_some_and(|entry| entry.loaded.is_some()) {
            return Ok(());
        }
        let key = (name.to_owned(), found.version);
        let print = folders::fingerprint(&found.path);
        if self.failed.get(&key).is_some_and(|(path, seen)| *path == found.path && *seen == print) {
            let fault = entry.and_then(|entry| entry.fault.clone());
            return Err(fault.unwrap_or_else(|| Error::internal("it could not be loaded")));
        }
        self.set(name, found.version, VersionState::Loading, None, None);
        let since = Instant::now();
        match self.load(name, found) {
            Ok(loaded) => {
                let ms = since.elapsed().as_millis() as u64;
                tracing::info!(
                    model = name,
                    version = found.version,
                    ms,
                    platform = loaded.servable.platform(),
                    "loaded"
                );
                self.failed.remove(&key);
                self.set(name, found.version, VersionState::Available, None, Some(Arc::new(loaded)));
                Ok(())
            }
            Err(fault) => {
                tracing::error!(model = name, version = found.version, fault = %fault, "cannot be loaded");
                self.failed.insert(key, (found.path.clone(), print));
                self.set(name, found.version, VersionState::End, Some(fault.clone()), None);
                Err(fault)
            }
        }
    }

    fn load(&self, name: &str, found: &Found) -> Result<LoadedVersion> {
        let servable: Arc<dyn servable::Servable> = match &found.own {
            Some(own) => own.0.clone(),
            None => servable::load(&found.path)?.into(),
        };
        let loaded = LoadedVersion::new(name, found.version, servable, &self.options, &self.metrics);
        for (signature, queue) in loaded.queues() {
            if let Err(fault) = queue.warm_up() {
                // Zeros are no input that a model must accept.
                tracing::warn!(model = name, version = found.version, signature, fault = %fault, "could not be warmed up with zeros");
            }
        }
        Ok(loaded)
    }

    /// Unloads the versions that are wanted no more, once one that is wanted answers.
    fn unload_others(&mut self, name: &str, wanted: &[Found]) {
        let Some(model) = self.models.get(name) else { return };
        let is_wanted = |version: &i64| wanted.iter().any(|found| found.version == *version);
        let answers =
            model.versions.iter().any(|(version, entry)| is_wanted(version) && entry.loaded.is_some());
        if !answers && !wanted.is_empty() {
            return;
        }
        let others: Vec<i64> = model
            .versions
            .iter()
            .filter(|(version, entry)| !is_wanted(version) && entry.loaded.is_some())
            .map(|(version, _)| *version)
            .collect();
        for version in others {
            tracing::info!(model = name, version, "unloaded");
            self.set(name, version, VersionState::End, None, None);
        }
    }

    fn set(
        &mut self,
        name: &str,
        version: i64,
        state: VersionState,
        fault: Option<Error>,
        loaded: Option<Arc<LoadedVersion>>,
    ) {
        let model: &mut ServedModel = Arc::make_mut(self.models.entry(name.to_owned()).or_default());
        model.versions.insert(version, VersionEntry { state, fault, loaded });
        self.publish();
    }
}
