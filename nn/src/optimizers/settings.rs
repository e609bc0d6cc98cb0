//! What all rules share.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tensorwright::{Error, Result};

use crate::config::{ConfigError, Fields};
use crate::schedules::Rate;

/// What all rules share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The length of steps.
    pub learning_rate: Rate,
    /// How much of a parameter goes in a step of length 1, apart from its gradient.
    pub weight_decay: Option<f64>,
    /// The greatest length of a parameter's gradient.
    pub clipnorm: Option<f64>,
    /// The greatest length of all gradients together.
    pub global_clipnorm: Option<f64>,
    /// The greatest distance of a number of a gradient from 0.
    pub clipvalue: Option<f64>,
    /// Whether moving averages of the parameters are kept.
    pub use_ema: bool,
    /// How much of the average stays in a step.
    pub ema_momentum: f64,
    /// After how many steps parameters become their averages, again and again.
    pub ema_overwrite_frequency: Option<i64>,
    /// What the loss is multiplied by, and gradients are divided by.
    pub loss_scale_factor: Option<f64>,
    /// How many steps' gradients are added up for one improvement.
    pub gradient_accumulation_steps: Option<i64>,
    /// Regular expressions: parameters whose path has a part that fits one have no weight decay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_decay: Vec<String>,
}

/// Learning rate 0.001, and nothing else.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            learning_rate: Rate::Constant(0.001),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
            without_decay: Vec::new(),
        }
    }
}

impl Settings {
    /// These settings with another learning rate.
    pub(super) fn of_rate(rate: f64) -> Settings {
        Settings { learning_rate: rate.into(), ..Settings::default() }
    }

    /// Takes a rule's own fields and the shared ones apart.
    pub(super) fn split(fields: &mut Fields) -> (Fields, Fields) {
        let Ok(Value::Object(mut known)) = serde_json::to_value(Settings::default()) else {
            return (std::mem::take(fields), Fields::new());
        };
        known.insert("without_decay".to_owned(), Value::Null);
        std::mem::take(fields).into_iter().partition(|(name, _)| !known.contains_key(name))
    }

    /// These settings, but for the fields that are given.
    pub(super) fn overlaid(&self, name: &str, given: Fields) -> Result<Settings, ConfigError> {
        let broken = |source| ConfigError::Field { family: "optimizer", name: name.to_owned(), source };
        let mut all = serde_json::to_value(self).map_err(broken)?;
        for (field, value) in given {
            all[field] = value;
        }
        serde_json::from_value(all).map_err(broken)
    }

    /// What is wrong with the settings.
    #[track_caller]
    pub(super) fn check(&self) -> Result<()> {
        let clips = [self.clipnorm, self.global_clipnorm, self.clipvalue];
        let refused = |what: String| Err(Error::other(format!("optimiser: {what}")));
        if clips.iter().flatten().count() > 1 {
            return refused("only one of clipnorm, global_clipnorm and clipvalue can be set".to_owned());
        }
        if let Some(steps) = self.gradient_accumulation_steps.filter(|&steps| steps < 2) {
            return refused(format!("gradients of {steps} steps cannot be added up, but of 2 or more"));
        }
        if let Some(steps) = self.ema_overwrite_frequency.filter(|&steps| steps < 1) {
            return refused(format!("parameters cannot become their averages each {steps} steps"));
        }
        if !(0.0..=1.0).contains(&self.ema_momentum) {
            return refused(format!("the momentum of averages is from 0 to 1, not {}", self.ema_momentum));
        }
        Ok(())
    }
}
