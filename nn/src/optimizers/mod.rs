//! Optimisers: rules that improve parameters by gradients, by Keras 3's names and definitions.
//!
//! A [`Rule`] says what one parameter becomes, an [`Optimizer`] is a rule with what all rules share: learning rate or schedule, clipping, weight decay, moving
//! averages, accumulation of gradients, scaling of losses, and groups of parameters with rules of their own. It is a function from
//! values, gradients and state to new ones. A [`BoundOptimizer`] holds all that in variables, and improves a model in place, inside the compiled
//! step of training.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::optimizers::{Adam, Optimizer};
//!
//! let w = Variable::named("w", 0.0f32)?;
//! let optimizer = Optimizer::from(Adam::default()).learning_rate(0.3).clipnorm(1.0).bind(&w)?;
//! let step = function(move |x: Tensor| optimizer.minimize(|| (&x * &w - 6.0).square()));
//! let losses: Vec<f32> = (0..60).map(|_| step.call(2.0f32)?.item()).collect::<Result<_, _>>()?;
//! assert!(losses[0] == 36.0 && losses[59] < 0.1);
//! # Ok::<(), Error>(())
//! ```

mod adam;
mod adaptive;
mod bound;
mod clip;
mod compound;
mod momentum;
mod muon;
mod rule;
mod settings;
mod state;
mod update;

use serde_json::Value;

pub use self::adam::{Adam, AdamW, Adamax, Lamb, Nadam, ScheduleFreeAdamW};
pub use self::adaptive::{Adadelta, Adafactor, Adagrad, Ftrl, RmsProp};
pub use self::bound::BoundOptimizer;
pub use self::momentum::{Lion, Sgd};
pub use self::muon::Muon;
pub use self::rule::{Moment, Parameter, Rule, Slot, Start, Stepped};
pub use self::settings::Settings;
pub use self::state::StateSlot;
use crate::config::{ConfigError, Fields, family};
use crate::schedules::{Rate, Schedule};

macro_rules! rules {
    ($($variant:ident: $class:literal $(| $alias:literal)*;)*) => {
        family! {
            /// One of the rules of Keras.
            RuleKind as "optimizer" { $($variant: $class $(| $alias)*;)* }
        }

        impl RuleKind {
            /// The rule.
            pub fn rule(&self) -> &dyn Rule {
                match self { $(RuleKind::$variant(rule) => rule,)* }
            }
        }
    };
}

rules! {
    Sgd: "SGD";
    RmsProp: "RMSprop";
    Adam: "Adam";
    AdamW: "AdamW";
    Adamax: "Adamax";
    Nadam: "Nadam";
    Adagrad: "Adagrad";
    Adadelta: "Adadelta";
    Adafactor: "Adafactor";
    Ftrl: "Ftrl";
    Lion: "Lion";
    Lamb: "Lamb";
    Muon: "Muon";
    ScheduleFreeAdamW: "ScheduleFreeAdamW";
}

/// A rule with its settings, or several of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// One rule for all parameters.
    One { rule: Box<RuleKind>, settings: Settings },
    /// Gradients of a loss that is scaled, and the scale is found on the way.
    Scaled { inner: Box<Optimizer>, scale: LossScale },
    /// The group whose pattern fits a parameter's whole path improves it, and `rest` all others. Groups are in the order of their patterns.
    Groups { groups: Vec<(String, Optimizer)>, rest: Box<Optimizer> },
}

/// How a loss scale is found: it doubles after so many steps of finite gradients, and is halved by others, which change nothing else.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossScale {
    /// The scale of the first step.
    pub initial_scale: f64,
    /// After how many steps it doubles.
    pub dynamic_growth_steps: i64,
}

/// 2^15, for 2000 steps.
impl Default for LossScale {
    fn default() -> LossScale {
        LossScale { initial_scale: 32768.0, dynamic_growth_steps: 2000 }
    }
}

impl<R: Into<RuleKind>> From<R> for Optimizer {
    fn from(rule: R) -> Optimizer {
        let rule = Box::new(rule.into());
        let settings = rule.rule().settings();
        Optimizer { kind: Kind::One { rule, settings } }
    }
}

impl Optimizer {
    /// An optimiser of scaled losses, whose gradients are exact in few bits.
    #[must_use]
    pub fn loss_scaled(self, scale: LossScale) -> Optimizer {
        Optimizer { kind: Kind::Scaled { inner: Box::new(self), scale } }
    }

    /// Another optimiser for the parameters whose whole path fits a pattern, a regular expression; binding fails where several groups fit
    /// one.
    #[must_use]
    pub fn group(self, pattern: &str, optimizer: impl Into<Optimizer>) -> Optimizer {
        let group = (pattern.to_owned(), optimizer.into());
        let (groups, rest) = match self.kind {
            Kind::Groups { mut groups, rest } => {
                let at = groups.partition_point(|(other, _)| *other < group.0);
                groups.insert(at, group);
                (groups, rest)
            }
            kind => (vec![group], Box::new(Optimizer { kind })),
        };
        Optimizer { kind: Kind::Groups { groups, rest } }
    }

    /// The same with other settings, in all groups.
    #[must_use]
    pub fn with(mut self, change: impl Fn(&mut Settings)) -> Optimizer {
        self.change(&change);
        self
    }

    fn change(&mut self, change: &dyn Fn(&mut Settings)) {
        match &mut self.kind {
            Kind::One { settings, .. } => change(settings),
            Kind::Scaled { inner, .. } => inner.change(change),
            Kind::Groups { groups, rest } => {
                groups.iter_mut().for_each(|(_, group)| group.change(change));
                rest.change(change);
            }
        }
    }

    /// The length of steps, a number or a schedule.
    #[must_use]
    pub fn learning_rate(self, rate: impl Into<Rate>) -> Optimizer {
        let rate = rate.into();
        self.with(|settings| settings.learning_rate = rate.clone())
    }

    /// How much of a parameter goes in a step of length 1, apart from its gradient.
    #[must_use]
    pub fn weight_decay(self, decay: f64) -> Optimizer {
        self.with(|settings| settings.weight_decay = Some(decay))
    }

    /// No weight decay of parameters whose path has a part that fits one of these regular expressions.
    #[must_use]
    pub fn exclude_from_weight_decay(self, patterns: &[&str]) -> Optimizer {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        self.with(|settings| settings.without_decay.clone_from(&patterns))
    }

    /// Gradients of each parameter are at most so long.
    #[must_use]
    pub fn clipnorm(self, length: f64) -> Optimizer {
        self.with(|settings| settings.clipnorm = Some(length))
    }

    /// All gradients together are at most so long.
    #[must_use]
    pub fn global_clipnorm(self, length: f64) -> Optimizer {
        self.with(|settings| settings.global_clipnorm = Some(length))
    }

    /// Each number of a gradient is at most so far from 0.
    #[must_use]
    pub fn clipvalue(self, distance: f64) -> Optimizer {
        self.with(|settings| settings.clipvalue = Some(distance))
    }

    /// Keeps moving averages of the parameters.
    #[must_use]
    pub fn moving_average(self, momentum: f64) -> Optimizer {
        self.with(|settings| {
            settings.use_ema = true;
            settings.ema_momentum = momentum;
        })
    }

    /// Adds up the gradients of so many steps, and improves parameters by their mean in the last of them.
    #[must_use]
    pub fn accumulate(self, steps: i64) -> Optimizer {
        self.with(|settings| settings.gradient_accumulation_steps = Some(steps))
    }

    /// The schedule of the learning rate, if there is one; of the first group if there are several.
    fn schedule(&self) -> Option<&Schedule> {
        match &self.kind {
            Kind::One { settings: Settings { learning_rate: Rate::Schedule(schedule), .. }, .. } => {
                Some(schedule)
            }
            Kind::One { .. } => None,
            Kind::Scaled { inner, .. } => inner.schedule(),
            Kind::Groups { groups, rest } => groups.first().map_or(&**rest, |(_, group)| group).schedule(),
        }
    }

    /// The class of Keras.
    pub fn class_name(&self) -> &'static str {
        match &self.kind {
            Kind::One { rule, .. } => rule.class_name(),
            Kind::Scaled { .. } => "LossScaleOptimizer",
            Kind::Groups { .. } => "MultiOptimizer",
        }
    }

    /// The optimiser of this name, with these fields.
    ///
    /// # Errors
    /// When there is none of this name, or a field is not one of its own.
    pub fn from_config(name: &str, mut fields: Fields) -> Result<Optimizer, ConfigError> {
        if crate::config::same_name(name, "LossScaleOptimizer") {
            return compound::scaled_from(fields);
        }
        if crate::config::same_name(name, "MultiOptimizer") {
            return compound::groups_from(fields);
        }
        let (own, shared) = Settings::split(&mut fields);
        let rule = RuleKind::from_config(name, own)?;
        let settings = rule.rule().settings().overlaid(name, shared)?;
        Ok(Optimizer { kind: Kind::One { rule: Box::new(rule), settings } })
    }

    fn fields(&self) -> Result<Value, serde_json::Error> {
        match &self.kind {
            Kind::One { rule, settings } => {
                let mut fields = serde_json::to_value(settings)?;
                let own = serde_json::to_value(rule)?;
                for (field, value) in own["config"].as_object().into_iter().flatten() {
                    fields[field] = value.clone();
                }
                Ok(fields)
            }
            Kind::Scaled { inner, scale } => {
                let mut fields = serde_json::to_value(scale)?;
                fields["inner_optimizer"] = serde_json::to_value(inner)?;
                Ok(fields)
            }
            Kind::Groups { groups, rest } => {
                let groups: Fields = groups
                    .iter()
                    .map(|(pattern, group)| Ok((pattern.clone(), serde_json::to_value(group)?)))
                    .collect::<Result<_, serde_json::Error>>()?;
                Ok(serde_json::json!({"default_optimizer": rest, "optimizer_map": groups}))
            }
        }
    }
}

crate::config::rows!(Optimizer as "optimizer" { self => self.fields() });
