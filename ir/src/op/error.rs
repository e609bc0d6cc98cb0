//! Why an op does not accept its operands.

use crate::{DType, DTypeClass, Shape};

/// Why an op does not accept its operands or attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// Wrong number of operands.
    #[error("takes {expected} operands, found {found}")]
    Arity {
        /// What the op takes, in words.
        expected: String,
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

impl TypeError {
    /// An attribute error.
    pub fn attribute(attribute: &'static str, reason: impl Into<String>) -> TypeError {
        TypeError::Attribute { attribute, reason: reason.into() }
    }
}
