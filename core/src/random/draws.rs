//! Draws that keys and generators share.

use std::borrow::Borrow;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::composite::{
    Bernoulli, Choice, Draws, Exponential, Replacement, Shuffle, Take, Uniform,
};
use tensorwright_ir::{Element, Op, Scalar, Shape};

use super::{Generator, RandomKey};
use crate::error::{CallSite, Error, caller};
use crate::interpret::one;
use crate::ops::{IntoAttribute, Operand, alone};
use crate::tensor::Tensor;

macro_rules! draws {
    ($of:ident) => {
        /// Draws out of numbers and slices.
        impl $of {
            /// Integers from `low` to below `high`, each as likely as the others: `T[shape]`.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let dice = RandomKey::new(7).randint([100], 1, 7);
            /// assert!(dice.ge(1).and(dice.le(6)).all(..).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[doc(alias("integers", "random_integers"))]
            #[track_caller]
            pub fn randint<T: Element>(&self, shape: impl Into<Shape>, low: T, high: T) -> Tensor {
                let at = caller();
                if !T::DTYPE.is_int() {
                    let reason = format!("{} is no integer dtype", T::DTYPE);
                    return Tensor::failed(Error::refused(at, "randint", vec![], TypeError::Other(reason)));
                }
                let op = Uniform { dtype: T::DTYPE, shape: shape.into(), low: low.into(), high: high.into() };
                self.draw(op, at)
            }

            /// Exponentially distributed numbers with the mean `scale`: `T[shape]`, floats.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let waits = RandomKey::new(7).exponential([1000], 2.0f32);
            /// assert!((waits.mean(..).item::<f32>()? - 2.0).abs() < 0.3);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn exponential<T: Element>(&self, shape: impl Into<Shape>, scale: T) -> Tensor {
                self.draw(Exponential { dtype: T::DTYPE, shape: shape.into(), scale: scale.into() }, caller())
            }

            /// True with the probability `p` each: `bool[shape]`. [`Tensor::bernoulli`] has a probability for each element.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let heads = RandomKey::new(7).bernoulli([1000], 0.5).count_nonzero(..).item::<i32>()?;
            /// assert!((400..600).contains(&heads));
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn bernoulli(&self, shape: impl Into<Shape>, p: f64) -> Tensor {
                let at = caller();
                let p = Tensor::scalar_at(Scalar::F64(p), at).broadcast_at(&shape.into(), at);
                self.draw_from(&p, Bernoulli {}, at)
            }

            /// The slices of `x` along `axis` in random order.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let cards = RandomKey::new(7).shuffle(Tensor::arange(5, DType::I32), 0);
            /// assert_eq!(cards.sort(0).to_vec::<i32>()?, [0, 1, 2, 3, 4]);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn shuffle(&self, x: impl Operand, axis: impl IntoAttribute<usize>) -> Tensor {
                let at = caller();
                let x = alone(x, "shuffle", at);
                let x: &Tensor = x.borrow();
                let rank = x.known_type().map_or(0, |ty| ty.rank());
                match axis.into_attribute("axis", rank) {
                    Ok(axis) => self.draw_from(x, Shuffle { axis }, at),
                    Err(source) => Tensor::failed(Error::refused(at, "shuffle", vec![], source)),
                }
            }

            /// Slices of `x` along axis 0, each draw independent of the others: `T[n, a..] -> T[shape.., a..]`.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let drawn = RandomKey::new(7).choice([2.0f32, 3.0, 5.0], 10);
            /// assert_eq!(drawn.shape()?, &[10].into());
            /// # Ok::<(), Error>(())
            /// ```
            #[doc(alias("sample", "choices"))]
            #[track_caller]
            pub fn choice(&self, x: impl Operand, shape: impl Into<Shape>) -> Tensor {
                let at = caller();
                let x = alone(x, "choice", at);
                let op = Draws { axis: 0, shape: shape.into(), replacement: Replacement::With };
                self.draw_from(x.borrow(), op, at)
            }

            /// Slices of `x` along axis 0, none of them twice: `T[n, a..] -> T[shape.., a..]`.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let hand = RandomKey::new(7).choice_distinct(Tensor::arange(52, DType::I32), 5);
            /// assert!(hand.sort(0).diff(1, 0).gt(0).all(..).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[doc(alias("sample", "choice_without_replacement"))]
            #[track_caller]
            pub fn choice_distinct(&self, x: impl Operand, shape: impl Into<Shape>) -> Tensor {
                let at = caller();
                let x = alone(x, "choice_distinct", at);
                let op = Draws { axis: 0, shape: shape.into(), replacement: Replacement::Without };
                self.draw_from(x.borrow(), op, at)
            }

            /// As `choice`, with probabilities that are proportional to `weights`: a float for each slice, none below 0.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let drawn = RandomKey::new(7).choice_weighted([10, 20, 30], [0.0, 3.0, 1.0], [4]);
            /// assert!(drawn.gt(10).all(..).item::<bool>()?);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn choice_weighted(
                &self,
                x: impl Operand,
                weights: impl Operand,
                shape: impl Into<Shape>,
            ) -> Tensor {
                let at = caller();
                let x = alone(x, "choice_weighted", at);
                let weights = alone(weights, "choice_weighted", at);
                let op = Choice { shape: shape.into(), replacement: Replacement::With };
                self.weighted(x.borrow(), weights.borrow(), op, at)
            }

            /// As `choice_distinct`, with probabilities of the first draw that are proportional to `weights`, of the next ones to what is left
            /// of them. At least as many as draws must be above 0.
            ///
            /// ```
            /// # use tensorwright::prelude::*;
            /// let drawn = RandomKey::new(7).choice_distinct_weighted([10, 20, 30], [0.0, 3.0, 1.0], 2);
            /// assert_eq!(drawn.sort(0).to_vec::<i32>()?, [20, 30]);
            /// # Ok::<(), Error>(())
            /// ```
            #[track_caller]
            pub fn choice_distinct_weighted(
                &self,
                x: impl Operand,
                weights: impl Operand,
                shape: impl Into<Shape>,
            ) -> Tensor {
                let at = caller();
                let x = alone(x, "choice_distinct_weighted", at);
                let weights = alone(weights, "choice_distinct_weighted", at);
                let op = Choice { shape: shape.into(), replacement: Replacement::Without };
                self.weighted(x.borrow(), weights.borrow(), op, at)
            }

            fn weighted(&self, x: &Tensor, weights: &Tensor, op: Choice, at: CallSite) -> Tensor {
                match mismatch(x, weights) {
                    None => one(Take { axis: 0 }, &[x, &self.draw_from(weights, op, at)], at),
                    Some(reason) => {
                        Tensor::failed(Error::refused(at, "choice", vec![], TypeError::Other(reason)))
                    }
                }
            }
        }
    };
}
draws!(RandomKey);
draws!(Generator);

/// Why there is no weight for each slice along axis 0, if there is none. Tensors with errors are for the ops to refuse.
fn mismatch(x: &Tensor, weights: &Tensor) -> Option<String> {
    let (Ok(x), Ok(weights)) = (x.known_type(), weights.known_type()) else { return None };
    let fits = x.shape.first() == weights.shape.first() && weights.rank() == 1;
    (!fits).then(|| format!("weights {weights} for the slices of {x} along axis 0"))
}

impl RandomKey {
    fn draw(&self, op: impl Into<Op>, at: CallSite) -> Tensor {
        one(op, &[&self.key], at)
    }

    /// An op of a tensor and the key.
    fn draw_from(&self, x: &Tensor, op: impl Into<Op>, at: CallSite) -> Tensor {
        one(op, &[x, &self.key], at)
    }
}
