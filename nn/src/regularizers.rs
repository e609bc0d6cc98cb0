//! Regularisers: what weights or activities cost, by Keras 3's names and definitions.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::regularizers::{L2, Regularizer};
//!
//! let cost = Regularizer::from(L2 { l2: 0.1 }).call(&Tensor::from([1.0f64, 2.0]))?;
//! assert_eq!(cost.item::<f64>()?, 0.5);
//! # Ok::<(), Error>(())
//! ```

use serde::{Deserialize, Serialize};
use tensorwright::{Error, Result, Tensor};

use crate::config::{family, with_fields};

family! {
    /// What weights or activities cost.
    Regularizer as "regularizer" {
        L1: "L1";
        L2: "L2";
        L1L2: "L1L2";
        OrthogonalRegularizer: "OrthogonalRegularizer";
    }
}

with_fields! {
    /// `l1 * sum(|x|)`.
    L1 {
        /// The factor.
        l1: f64 = 0.01,
    }
    /// `l2 * sum(x^2)`.
    L2 {
        /// The factor.
        l2: f64 = 0.01,
    }
    /// `l1 * sum(|x|) + l2 * sum(x^2)`.
    L1L2 {
        /// The factor of the magnitudes.
        l1: f64 = 0.0,
        /// The factor of the squares.
        l2: f64 = 0.0,
    }
    /// `factor` times the mean magnitude of the cosines of the angles between the rows, or the columns, of a matrix.
    OrthogonalRegularizer {
        /// The factor.
        factor: f64 = 0.01,
        /// Which vectors are to be orthogonal.
        mode: Vectors = Vectors::Rows,
    }
}

/// The vectors of a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vectors {
    /// Its rows.
    #[default]
    Rows,
    /// Its columns.
    Columns,
}

impl Regularizer {
    /// What `x` costs: a scalar of its dtype.
    ///
    /// # Errors
    /// When `x` carries an error, or has another rank than the regulariser takes.
    #[track_caller]
    pub fn call(&self, x: &Tensor) -> Result<Tensor> {
        let (sizes, squares) =
            (|factor: f64| x.abs().sum(..) * factor, |factor: f64| x.square().sum(..) * factor);
        match self {
            Regularizer::L1(L1 { l1 }) => sizes(*l1).ok(),
            Regularizer::L2(L2 { l2 }) => squares(*l2).ok(),
            Regularizer::L1L2(L1L2 { l1, l2 }) => (sizes(*l1) + squares(*l2)).ok(),
            Regularizer::OrthogonalRegularizer(orthogonal) => orthogonal.call(x),
        }
    }
}

impl OrthogonalRegularizer {
    #[track_caller]
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        if x.rank()? != 2 {
            return Err(Error::other(format!("an orthogonal regulariser takes a matrix, not {}", x.ty()?)));
        }
        let rows = if self.mode == Vectors::Rows { x.clone() } else { x.t() };
        let count = rows.extent(0)?;
        let unit = &rows * rows.square().sum(tensorwright::keep(1)).maximum(1e-12).rsqrt();
        let others = 1.0 - Tensor::eye(count, x.dtype()?);
        let pairs = (count * count.saturating_sub(1)) as f64 / 2.0;
        ((unit.matmul(unit.t()) * others).abs().sum(..) * (self.factor * 0.5 / pairs)).ok()
    }
}
