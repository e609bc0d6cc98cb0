//! What is to be served.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::proto::tf_serving::{ModelServerConfig, PolicyChoice};
use crate::servable::Servable;
use crate::tf;

/// A model with its name, where it is, and which of its versions are served.
///
/// ```
/// use tensorwright_serving::{ModelConfig, VersionPolicy};
///
/// let config = ModelConfig::new("digits", "/models/digits").policy(VersionPolicy::Latest(2)).label("stable", 3);
/// let file = "model_config_list { config { name: 'digits' base_path: '/models/digits'
///     model_version_policy { latest { num_versions: 2 } } version_labels { key: 'stable' value: 3 } } }";
/// assert_eq!(ModelConfig::parse(file)?, [config]);
/// # Ok::<(), tensorwright_serving::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// A model of the program's own, instead of one at a path.
    pub(crate) own: Option<OwnServable>,
    pub(crate) policy: VersionPolicy,
    pub(crate) labels: BTreeMap<String, i64>,
}

/// A model of the program's own.
#[derive(Clone)]
pub(crate) struct OwnServable(pub(crate) Arc<dyn Servable>);

impl fmt::Debug for OwnServable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.platform())
    }
}

impl PartialEq for OwnServable {
    fn eq(&self, other: &OwnServable) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OwnServable {}

/// Which versions of a model are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionPolicy {
    /// So many of the newest.
    Latest(usize),
    /// All.
    All,
    /// These.
    Specific(Vec<i64>),
}

impl ModelConfig {
    /// The newest version of a model. The path is a folder with a folder for each version, named by its number, or the model itself, which is then version 1.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> ModelConfig {
        let (name, path) = (name.into(), path.into());
        ModelConfig { name, path, own: None, policy: VersionPolicy::Latest(1), labels: BTreeMap::new() }
    }

    /// A model of the program's own, which is version 1.
    pub fn of_servable(name: impl Into<String>, servable: Arc<dyn Servable>) -> ModelConfig {
        ModelConfig { own: Some(OwnServable(servable)), ..ModelConfig::new(name, "") }
    }

    /// Serves these versions.
    #[must_use]
    pub fn policy(self, policy: VersionPolicy) -> ModelConfig {
        ModelConfig { policy, ..self }
    }

    /// Gives a version a label, by which requests can ask for it.
    #[must_use]
    pub fn label(mut self, label: &str, version: i64) -> ModelConfig {
        self.labels.insert(label.to_owned(), version);
        self
    }

    /// The models of a file in TensorFlow Serving's format (`--model_config_file`).
    ///
    /// # Errors
    /// When the text is no such file, or two models have one name.
    pub fn parse(text: &str) -> Result<Vec<ModelConfig>> {
        ModelConfig::of_proto(tf::config::parse(text)?)
    }

    pub(crate) fn of_proto(config: ModelServerConfig) -> Result<Vec<ModelConfig>> {
        let mut models: Vec<ModelConfig> = Vec::new();
        for own in config.model_config_list.unwrap_or_default().config {
            if own.name.is_empty() || own.base_path.is_empty() {
                return Err(Error::invalid("a model has no name, or no base_path"));
            }
            if models.iter().any(|model| model.name == own.name) {
                return Err(Error::invalid(format!("there are two models `{}`", own.name)));
            }
            let policy = match own.model_version_policy.and_then(|policy| policy.policy_choice) {
                None => VersionPolicy::Latest(1),
                Some(PolicyChoice::Latest(latest)) => {
                    VersionPolicy::Latest(latest.num_versions.max(1) as usize)
                }
                Some(PolicyChoice::All(_)) => VersionPolicy::All,
                Some(PolicyChoice::Specific(specific)) => VersionPolicy::Specific(specific.versions),
            };
            let model = ModelConfig::new(own.name, own.base_path).policy(policy);
            models.push(ModelConfig { labels: own.version_labels, ..model });
        }
        Ok(models)
    }
}
