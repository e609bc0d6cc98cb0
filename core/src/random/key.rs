//! Keys.

use tensorwright_ir::op::composite::{Normal, Permutation, RngFoldIn, RngSplit, TruncatedNormal, Uniform};
use tensorwright_ir::op::primitive::{Reshape, Slice};
use tensorwright_ir::{Element, Scalar, Shape};

use crate::error::{CallSite, caller};
use crate::interpret::one;
use crate::ops::{Operand, OperandKind};
use crate::tensor::Tensor;
use crate::tree::Tree;

/// The key of a stream of random numbers; a `u32[2]` tensor. As an operand it stands for that tensor:
/// `x.dropout(&key, 0.1)`.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let key = RandomKey::new(42);
/// let [a, b] = key.split();
/// let x = a.normal([3], 0.0f32, 1.0);
/// assert_eq!(x.to_vec::<f32>()?, a.normal([3], 0.0f32, 1.0).to_vec::<f32>()?);
/// assert_ne!(x.to_vec::<f32>()?, b.normal([3], 0.0f32, 1.0).to_vec::<f32>()?);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Tree)]
pub struct RandomKey {
    pub(super) key: Tensor,
}

impl RandomKey {
    /// The key for a seed.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = RandomKey::new(42).uniform([2], 0.0f32, 1.0);
    /// assert!(x.lt(1).all(..).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("PRNGKey", "seed", "manual_seed"))]
    #[track_caller]
    pub fn new(seed: u64) -> RandomKey {
        RandomKey { key: Tensor::from([seed as u32, (seed >> 32) as u32]) }
    }

    /// The key that a `u32[2]` tensor holds.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let key = RandomKey::from_tensor(Tensor::from([42u32, 0]));
    /// assert_eq!(key.tensor().to_vec::<u32>()?, RandomKey::new(42).tensor().to_vec::<u32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_tensor(key: Tensor) -> RandomKey {
        RandomKey { key }
    }

    /// The key as a `u32[2]` tensor.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(RandomKey::new(42).tensor().to_vec::<u32>()?, [42, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn tensor(&self) -> &Tensor {
        &self.key
    }

    /// New keys, independent of each other and of this one.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let [a, b] = RandomKey::new(42).split();
    /// assert_ne!(a.tensor().to_vec::<u32>()?, b.tensor().to_vec::<u32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn split<const N: usize>(&self) -> [RandomKey; N] {
        let at = caller();
        let keys = one(RngSplit { count: N }, &[&self.key], at);
        std::array::from_fn(|i| RandomKey { key: row(&keys, i, at) })
    }

    /// A new key for a number, such as a step or a layer: an integer or an integer tensor.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let key = RandomKey::new(42);
    /// let steps: Vec<Tensor> = (0..3).map(|step| key.fold_in(step).normal([2], 0.0f32, 1.0)).collect();
    /// assert_ne!(steps[0].to_vec::<f32>()?, steps[1].to_vec::<f32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn fold_in(&self, number: impl Operand) -> RandomKey {
        let at = caller();
        let like = Tensor::scalar_at(Scalar::I64(0), at);
        let number = number.hold(&like, "rng_fold_in", at);
        self.fold_in_at(std::borrow::Borrow::borrow(&number), at)
    }

    pub(super) fn fold_in_at(&self, number: &Tensor, at: CallSite) -> RandomKey {
        RandomKey { key: one(RngFoldIn {}, &[&self.key, number], at) }
    }

    /// Numbers from `low` to below `high`, evenly distributed.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = RandomKey::new(7).uniform([2, 3], -1.0f32, 1.0);
    /// assert!(x.ge(-1).and(x.lt(1)).all(..).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("rand", "random"))]
    #[track_caller]
    pub fn uniform<T: Element>(&self, shape: impl Into<Shape>, low: T, high: T) -> Tensor {
        let op = Uniform { dtype: T::DTYPE, shape: shape.into(), low: low.into(), high: high.into() };
        one(op, &[&self.key], caller())
    }

    /// Normally distributed numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = RandomKey::new(7).normal([1000], 5.0f32, 2.0);
    /// assert!((x.mean(..).item::<f32>()? - 5.0).abs() < 0.5);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("randn", "standard_normal"))]
    #[track_caller]
    pub fn normal<T: Element>(&self, shape: impl Into<Shape>, mean: T, std: T) -> Tensor {
        let op = Normal { dtype: T::DTYPE, shape: shape.into(), mean: mean.into(), std: std.into() };
        one(op, &[&self.key], caller())
    }

    /// Normally distributed numbers within two standard deviations of the mean.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = RandomKey::new(7).truncated_normal([1000], 0.0f32, 1.0);
    /// assert!(x.abs().le(2).all(..).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn truncated_normal<T: Element>(&self, shape: impl Into<Shape>, mean: T, std: T) -> Tensor {
        let op = TruncatedNormal { dtype: T::DTYPE, shape: shape.into(), mean: mean.into(), std: std.into() };
        one(op, &[&self.key], caller())
    }

    /// The numbers `0..count` in random order, as i32.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(RandomKey::new(7).permutation(4).sort(0).to_vec::<i32>()?, [0, 1, 2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "randperm")]
    #[track_caller]
    pub fn permutation(&self, count: usize) -> Tensor {
        one(Permutation { count }, &[&self.key], caller())
    }
}

fn row(keys: &Tensor, i: usize, at: CallSite) -> Tensor {
    let i = i as i64;
    let slice = Slice {
        starts: [i, 0].into_iter().collect(),
        limits: [i + 1, 2].into_iter().collect(),
        strides: [1, 1].into_iter().collect(),
    };
    one(Reshape { shape: [2].into() }, &[&one(slice, &[keys], at)], at)
}

impl AsRef<Tensor> for RandomKey {
    fn as_ref(&self) -> &Tensor {
        &self.key
    }
}

impl<'k> Operand for &'k RandomKey {
    type Held = &'k Tensor;

    fn kind(&self) -> OperandKind<'_> {
        OperandKind::Tensor(&self.key)
    }

    fn hold(self, _: &Tensor, _: &'static str, _: CallSite) -> &'k Tensor {
        &self.key
    }
}

impl Operand for RandomKey {
    type Held = Tensor;

    fn kind(&self) -> OperandKind<'_> {
        OperandKind::Tensor(&self.key)
    }

    fn hold(self, _: &Tensor, _: &'static str, _: CallSite) -> Tensor {
        self.key
    }
}
