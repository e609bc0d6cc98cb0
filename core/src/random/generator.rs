//! Random numbers from a state.

use tensorwright_ir::op::composite::{Normal, Permutation, TruncatedNormal, Uniform};
use tensorwright_ir::op::primitive::BinaryFn;
use tensorwright_ir::{Element, Op, Scalar, Shape};

use super::key::RandomKey;
use crate::error::{CallSite, Result, caller};
use crate::interpret::one;
use crate::{Module, Tensor, Tree, Variable};

/// Random numbers that are others at each use.
///
/// It holds a [`RandomKey`] and a counter, in variables. Each use takes the key with the counter folded in, and counts on, in program
/// order: a seed gives the same numbers eagerly, compiled, in loops and branches, and on any number of threads. Clones are
/// the same generator. It is a [`Module`], so its state is saved with others'.
///
/// There is no generator of the process: numbers that depend on what else runs cannot be had again.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let numbers = Generator::new(42)?;
/// let noisy = {
///     let numbers = numbers.clone();
///     function(move |x: Tensor| &x + numbers.normal([3], 0.0f32, 0.1))
/// };
/// let x = Tensor::zeros([3], DType::F32);
/// let (a, b) = (noisy.call(&x)?, noisy.call(&x)?);
/// assert_ne!(a.to_vec::<f32>()?, b.to_vec::<f32>()?);
/// assert_eq!(noisy.trace_count(), 1);
/// numbers.reseed(42)?;
/// assert_eq!(numbers.normal([3], 0.0f32, 0.1).to_vec::<f32>()?, a.to_vec::<f32>()?);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Module, Tree)]
pub struct Generator {
    /// `u32[2]`.
    key: Variable,
    /// How often it was used: `i64[]`.
    counter: Variable,
}

impl Generator {
    /// A generator from a seed.
    ///
    /// # Errors
    /// In a traced function: it would be made by each trace, so it is made outside and used inside.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let numbers = Generator::new(42)?;
    /// assert_ne!(numbers.normal([2], 0.0f32, 1.0).to_vec::<f32>()?, numbers.normal([2], 0.0f32, 1.0).to_vec::<f32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("default_rng", "seed"))]
    #[track_caller]
    pub fn new(seed: u64) -> Result<Generator> {
        Generator::made_at(RandomKey::new(seed), caller())
    }

    /// A generator of the numbers of a key.
    ///
    /// # Errors
    /// As [`Generator::new`], or when the key carries an error.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let numbers = Generator::from_key(RandomKey::new(42))?;
    /// assert_eq!(numbers.normal([2], 0.0f32, 1.0).shape()?, &[2].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn from_key(key: RandomKey) -> Result<Generator> {
        Generator::made_at(key, caller())
    }

    fn made_at(key: RandomKey, at: CallSite) -> Result<Generator> {
        let counter = Tensor::scalar_at(Scalar::I64(0), at);
        Ok(Generator {
            key: Variable::made_at("key", key.key, at)?,
            counter: Variable::made_at("counter", counter, at)?,
        })
    }

    /// Begins anew, from a seed.
    ///
    /// # Errors
    /// Never, for a generator that was made.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let numbers = Generator::new(1)?;
    /// let first = numbers.uniform([2], 0.0f32, 1.0).to_vec::<f32>()?;
    /// numbers.reseed(1)?;
    /// assert_eq!(numbers.uniform([2], 0.0f32, 1.0).to_vec::<f32>()?, first);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn reseed(&self, seed: u64) -> Result<()> {
        let at = caller();
        self.key.assign_at(RandomKey::new(seed).key, at)?;
        self.counter.assign_at(Tensor::scalar_at(Scalar::I64(0), at), at)
    }

    /// A key of its own for each use.
    ///
    /// # Errors
    /// Never, for a generator that was made.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let numbers = Generator::new(1)?;
    /// let (a, b) = (numbers.next_key()?, numbers.next_key()?);
    /// assert_ne!(a.tensor().to_vec::<u32>()?, b.tensor().to_vec::<u32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn next_key(&self) -> Result<RandomKey> {
        self.next_at(caller())
    }

    pub(super) fn next_at(&self, at: CallSite) -> Result<RandomKey> {
        let mut now = None;
        let counted = |counter: &Tensor| {
            now = Some(counter.clone());
            one(BinaryFn::Add, &[counter, &Tensor::scalar_at(Scalar::I64(1), at)], at)
        };
        self.counter.update("generator", at, counted)?;
        let number = now.unwrap_or_else(|| Tensor::scalar_at(Scalar::I64(0), at));
        Ok(RandomKey { key: self.key.value_at(at) }.fold_in_at(&number, at))
    }

    /// Generators that are independent of each other and of this one. Counts as one use.
    ///
    /// # Errors
    /// As [`Generator::new`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let [weights, noise] = Generator::new(1)?.split()?;
    /// assert_ne!(weights.permutation(9).to_vec::<i32>()?, noise.permutation(9).to_vec::<i32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn split<const N: usize>(&self) -> Result<[Generator; N]> {
        let at = caller();
        let keys: [RandomKey; N] = self.next_at(at)?.split();
        let generators = keys.into_iter().map(|key| Generator::made_at(key, at));
        let generators: Vec<Generator> = generators.collect::<Result<_>>()?;
        Ok(generators.try_into().unwrap_or_else(|_| unreachable!("one generator for each key")))
    }

    pub(super) fn draw(&self, op: impl Into<Op>, at: CallSite) -> Tensor {
        match self.next_at(at) {
            Ok(key) => one(op, &[&key.key], at),
            Err(error) => Tensor::failed(error),
        }
    }

    /// An op of a tensor and a key.
    pub(super) fn draw_from(&self, x: &Tensor, op: impl Into<Op>, at: CallSite) -> Tensor {
        match self.next_at(at) {
            Ok(key) => one(op, &[x, &key.key], at),
            Err(error) => Tensor::failed(error),
        }
    }

    /// Numbers from `low` to below `high`, evenly distributed.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Generator::new(7)?.uniform([2, 3], -1.0f32, 1.0);
    /// assert!(x.ge(-1).and(x.lt(1)).all(..).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("rand", "random"))]
    #[track_caller]
    pub fn uniform<T: Element>(&self, shape: impl Into<Shape>, low: T, high: T) -> Tensor {
        let op = Uniform { dtype: T::DTYPE, shape: shape.into(), low: low.into(), high: high.into() };
        self.draw(op, caller())
    }

    /// Normally distributed numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Generator::new(7)?.normal([1000], 5.0f32, 2.0);
    /// assert!((x.mean(..).item::<f32>()? - 5.0).abs() < 0.5);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("randn", "standard_normal"))]
    #[track_caller]
    pub fn normal<T: Element>(&self, shape: impl Into<Shape>, mean: T, std: T) -> Tensor {
        let op = Normal { dtype: T::DTYPE, shape: shape.into(), mean: mean.into(), std: std.into() };
        self.draw(op, caller())
    }

    /// Normally distributed numbers within two standard deviations of the mean.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Generator::new(7)?.truncated_normal([1000], 0.0f32, 1.0);
    /// assert!(x.abs().le(2).all(..).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn truncated_normal<T: Element>(&self, shape: impl Into<Shape>, mean: T, std: T) -> Tensor {
        let op = TruncatedNormal { dtype: T::DTYPE, shape: shape.into(), mean: mean.into(), std: std.into() };
        self.draw(op, caller())
    }

    /// The numbers `0..count` in random order, as i32.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Generator::new(7)?.permutation(4).sort(0).to_vec::<i32>()?, [0, 1, 2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "randperm")]
    #[track_caller]
    pub fn permutation(&self, count: usize) -> Tensor {
        self.draw(Permutation { count }, caller())
    }
}
