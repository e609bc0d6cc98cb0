//! Ops: what a node computes. Each op is one small struct that implements [`OpDef`] (a primitive), [`CompositeDef`] (an op that
//! is defined by its expansion into others) or [`ControlDef`] (an op that runs regions or has an effect), and one line in the
//! [registry].

mod accumulate;
mod argument;
pub mod attribute;
pub mod batching;
mod call_attributes;
mod definition;
pub mod derivative;
pub mod error;
pub mod registry;
pub mod rule;
pub mod sample;
mod table;

pub mod composite;
pub mod control;
pub mod primitive;

pub use attribute::{AttrMap, AttrValue, Attribute, AttributeError, Attributes};
pub use batching::Batching;
pub use call_attributes::{CallAttribute, CallAttributes};
pub use control::ports::{Feed, Order, Ports, Role, Runs, Selector};
pub use definition::{
    Arity, CompositeDef, ControlDef, Lowering, OpDef, OwnRules, RegionDef, RegionDefinition, Results,
    TensorTypes, Types,
};
pub use derivative::{Derivative, Derivatives, Primal, RegionRule, Rule};
pub use error::{Port, RegionName, TypeError};
pub use registry::{Op, OpKind};
pub use sample::{Draw, Operand, Random, Sample, Tolerance, Values};
