//! Why an op does not accept its operands.

use std::fmt;

use super::Arity;
use crate::text::MAX_DEPTH;
use crate::{DType, DTypeClass, Shape, Type};

/// Why an op does not accept its operands or attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// Wrong number of operands.
    #[error("takes {expected} operands, found {found}")]
    Arity {
        /// What the op takes.
        expected: Arity,
        /// How many were given.
        found: usize,
    },
    /// An operand's dtype is not one the op works on.
    #[error("operand {operand} must have {}, found {found}", expected.describe())]
    DTypeClass {
        /// Position of the operand, from 0.
        operand: usize,
        /// What is accepted.
        expected: DTypeClass,
        /// What was given.
        found: DType,
    },
    /// Two operands must agree in dtype. There is no implicit promotion.
    #[error(
        "operands {left_operand} and {right_operand} must have the same dtype, found {left} and {right}; cast one of them"
    )]
    DTypeMismatch {
        /// Position of the first.
        left_operand: usize,
        /// Position of the second.
        right_operand: usize,
        /// Dtype of the first.
        left: DType,
        /// Dtype of the second.
        right: DType,
    },
    /// Two shapes must agree.
    #[error("{what} must agree, found {left} and {right}")]
    ShapeMismatch {
        /// What must agree.
        what: String,
        /// First shape.
        left: Shape,
        /// Second shape.
        right: Shape,
    },
    /// An axis is not below the rank, or is named twice.
    #[error("axis {axis} is not valid for rank {rank}")]
    Axis {
        /// The axis.
        axis: usize,
        /// Rank of the operand.
        rank: usize,
    },
    /// An axis occurs twice.
    #[error("axis {axis} is named twice")]
    DuplicateAxis {
        /// The axis.
        axis: usize,
    },
    /// An attribute's value does not fit the operands.
    #[error("attribute `{attribute}`: {reason}")]
    Attribute {
        /// Name of the attribute.
        attribute: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The result would be larger than memory can be.
    #[error("the result of shape {shape} is too large")]
    TooLarge {
        /// The result's shape.
        shape: Shape,
    },
    /// Wrong number of regions.
    #[error("takes {expected} regions, found {found}")]
    RegionCount {
        /// What the op takes.
        expected: Arity,
        /// How many were given.
        found: usize,
    },
    /// A region has another number of inputs or outputs than the op gives it or takes from it.
    #[error("region `{region}` must have {expected} {ports}s, found {found}")]
    RegionPorts {
        /// The region.
        region: RegionName,
        /// Inputs or outputs.
        ports: Port,
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// An input or output of a region has another type than the op gives it or takes from it.
    #[error("{port} {position} of region `{region}` must be {expected}, like {like}, found {found}")]
    RegionType {
        /// The region.
        region: RegionName,
        /// Input or output.
        port: Port,
        /// Its position, from 0.
        position: usize,
        /// The type that it must have.
        expected: Box<Type>,
        /// What prescribes that type.
        like: String,
        /// The type that it has.
        found: Box<Type>,
    },
    /// Regions nest too deep.
    #[error("regions nest deeper than {MAX_DEPTH}")]
    Nesting,
    /// An operand must be of one type.
    #[error("operand {operand}, {role}, must be {expected}, found {found}")]
    OperandType {
        /// Position of the operand, from 0.
        operand: usize,
        /// What it is for.
        role: &'static str,
        /// The type that it must have.
        expected: Box<Type>,
        /// The type that it has.
        found: Box<Type>,
    },
    /// A list or a token where there must be a tensor.
    #[error("operand {operand} is a {found}: {}", purpose(found))]
    NoTensor {
        /// Position of the operand, from 0.
        operand: usize,
        /// Its type.
        found: Box<Type>,
    },
    /// Any other rule of the op.
    #[error("{0}")]
    Other(String),
    /// An op inside the definition of a composite does not accept its operands.
    #[error("in its definition, `{op}`: {source}")]
    Inner {
        /// The inner op.
        op: &'static str,
        /// What it says.
        source: Box<TypeError>,
    },
}

/// What values of a type that is no tensor's are for.
fn purpose(ty: &Type) -> &'static str {
    match ty {
        Type::Token => "tokens are for effects and for control flow",
        _ => "lists are for the operations on lists and for control flow",
    }
}

impl TypeError {
    /// An attribute error.
    pub fn attribute(attribute: &'static str, reason: impl Into<String>) -> TypeError {
        TypeError::Attribute { attribute, reason: reason.into() }
    }
}

/// How an op calls one of its regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionName {
    /// What an `if` runs when its predicate holds.
    Then,
    /// What an `if` runs when its predicate does not hold.
    Else,
    /// One of several.
    Branch(usize),
    /// What decides whether a loop goes on.
    Condition,
    /// What is run once or many times.
    Body,
    /// What takes cotangents of results to those of operands.
    Backward,
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegionName::Then => f.write_str("then"),
            RegionName::Else => f.write_str("else"),
            RegionName::Branch(position) => write!(f, "branch {position}"),
            RegionName::Condition => f.write_str("condition"),
            RegionName::Body => f.write_str("body"),
            RegionName::Backward => f.write_str("backward"),
        }
    }
}

/// An end of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// What goes in.
    Input,
    /// What comes out.
    Output,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Port::Input => "input",
            Port::Output => "output",
        })
    }
}
