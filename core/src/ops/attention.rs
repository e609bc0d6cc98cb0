//! Attention, and where tokens stand.

use std::borrow::Borrow;

use tensorwright_ir::op::composite::Attention;
use tensorwright_ir::{DType, Scalar};

use super::operand::{Operand, owned};
use crate::error::caller;
use crate::interpret::one;
use crate::tensor::Tensor;

/// What [`Tensor::attention`] looks at, and how.
///
/// ```
/// use tensorwright::AttentionOptions;
/// let options = AttentionOptions::new().causal().soft_cap(30.0);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct AttentionOptions {
    bias: Option<Tensor>,
    mask: Option<Tensor>,
    slopes: Option<Tensor>,
    dropout: Option<(f64, Tensor)>,
    scale: Option<f64>,
    soft_cap: f64,
    left: Option<usize>,
    right: Option<usize>,
    offset: i64,
}

impl AttentionOptions {
    /// All queries look at all keys, products are divided by the square root of the width.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new();
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    pub fn new() -> AttentionOptions {
        AttentionOptions::default()
    }

    /// A query looks at keys up to its own place.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().causal();
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    pub fn causal(self) -> AttentionOptions {
        AttentionOptions { right: Some(0), ..self }
    }

    /// A query looks at keys so many places before and behind its own.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().window(128, 0);
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    pub fn window(self, left: usize, right: usize) -> AttentionOptions {
        AttentionOptions { left: Some(left), right: Some(right), ..self }
    }

    /// The place of the first query among the keys, 0 if nothing else is said: how many keys a cache held before.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().causal().offset(16);
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    pub fn offset(self, offset: usize) -> AttentionOptions {
        AttentionOptions { offset: offset as i64, ..self }
    }

    /// What is added to the scores, floats; or which pairs there are, bools, as [`AttentionOptions::mask`]. It broadcasts to `[b.., h, n, m]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().bias(Tensor::from([[true, false], [true, true]]));
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    pub fn bias(self, bias: impl Into<Tensor>) -> AttentionOptions {
        let bias = bias.into();
        match bias.known_type() {
            Ok(ty) if ty.dtype == DType::Bool => self.mask(bias),
            _ => AttentionOptions { bias: Some(bias), ..self },
        }
    }

    /// Which pairs of queries and keys there are: bools that broadcast to `[b.., h, n, m]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let x = Tensor::ones((2, 2, 3, 4), DType::F32);
    /// // The third token of the second example is padding.
    /// let mask = Tensor::from([[true, true, true], [true, true, false]]).reshape([2, 1, 1, 3]);
    /// assert!(x.attention(&x, &x, AttentionOptions::new().mask(mask)).shape().is_ok());
    /// ```
    #[must_use]
    #[doc(alias("attn_mask", "key_padding_mask"))]
    pub fn mask(self, mask: impl Into<Tensor>) -> AttentionOptions {
        AttentionOptions { mask: Some(mask.into()), ..self }
    }

    /// Biases that fall with the distance of tokens (Press et al. 2021): scores less a slope for each head, `T[h]`, times the distance. What [`Tensor::alibi`] writes out is never in
    /// memory; its slopes are [`Tensor::alibi_slopes`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let x = Tensor::ones((1, 2, 3, 4), DType::F32);
    /// let options = AttentionOptions::new().causal().slopes(Tensor::alibi_slopes(2));
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    #[doc(alias = "alibi")]
    pub fn slopes(self, slopes: impl Into<Tensor>) -> AttentionOptions {
        AttentionOptions { slopes: Some(slopes.into()), ..self }
    }

    /// Drops a share `rate`, from 0 to 1, of the weights, and lets the others grow by as much; which ones, the random key decides, a `u32[2]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().dropout(0.1, RandomKey::new(1));
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    #[doc(alias = "dropout_p")]
    #[track_caller]
    pub fn dropout(self, rate: f64, key: impl Operand) -> AttentionOptions {
        AttentionOptions { dropout: Some((rate, owned(key, "attention", caller()))), ..self }
    }

    /// What products of queries and keys are multiplied with, in place of one over the root of the width.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().scale(1.0);
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    pub fn scale(self, scale: f64) -> AttentionOptions {
        AttentionOptions { scale: Some(scale), ..self }
    }

    /// Scores `s` become `cap tanh(s / cap)`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::AttentionOptions;
    /// let options = AttentionOptions::new().soft_cap(30.0);
    /// let x = Tensor::ones((1, 2, 2, 4), DType::F32);
    /// assert!(x.attention(&x, &x, options).shape().is_ok());
    /// ```
    #[must_use]
    pub fn soft_cap(self, cap: f64) -> AttentionOptions {
        AttentionOptions { soft_cap: cap, ..self }
    }
}

/// Attention.
impl Tensor {
    /// Scaled dot-product attention of these queries: `softmax(scale q k^T + bias) v`, head by head.
    ///
    /// `T[b.., h, n, d], T[b.., g, m, d], T[b.., g, m, e] -> T[b.., h, n, e]`, floats, where `h` is a multiple of `g`: so many heads in a row share keys and values. A query that looks at
    /// nothing gets 0. By Vaswani et al. 2017; shared keys by Ainslie et al. 2023.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::AttentionOptions;
    ///
    /// let [q, k, v] = RandomKey::new(1).split().map(|key| key.normal([2, 4, 5, 8], 0.0f32, 1.0));
    /// let y = q.attention(&k, &v, AttentionOptions::new().causal());
    /// assert_eq!(y.shape()?, &[2, 4, 5, 8].into());
    /// // The first token sees itself alone.
    /// assert!(y.i((.., .., 0)).allclose(v.i((.., .., 0)), 1e-6, 0.0).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("scaled_dot_product_attention", "sdpa", "multi_head_attention"))]
    #[track_caller]
    pub fn attention(&self, k: impl Operand, v: impl Operand, options: AttentionOptions) -> Tensor {
        let at = caller();
        let (k, v) = (k.hold(self, "attention", at), v.hold(self, "attention", at));
        let (k, v): (&Tensor, &Tensor) = (k.borrow(), v.borrow());
        let sizes = |x: &Tensor| x.known_type().map_or_else(|_| Vec::new(), |ty| ty.shape.sizes().to_vec());
        let own = sizes(self);
        let width = own.last().copied().unwrap_or(1).max(1) as f64;
        let rank = own.len();
        let reach = |n: Option<usize>| n.map_or(-1, |n| n as i64);
        let op = Attention {
            scale: Scalar::F64(options.scale.unwrap_or(1.0 / width.sqrt())),
            soft_cap: Scalar::F64(options.soft_cap),
            left: reach(options.left),
            right: reach(options.right),
            offset: options.offset,
            rate: Scalar::F64(options.dropout.as_ref().map_or(0.0, |(rate, _)| *rate)),
        };
        let slopes =
            options.slopes.map(|slopes| self.known_type().map_or(slopes.clone(), |ty| slopes.cast(ty.dtype)));
        let key = options.dropout.filter(|(rate, _)| *rate != 0.0).map(|(_, key)| key);
        let behind = [
            options.bias.map(|bias| with_leading_ones(&bias, rank)),
            options.mask.map(|mask| with_leading_ones(&mask, rank)),
            slopes.map(|slopes| with_leading_ones(&slopes, rank.saturating_sub(2))),
            key,
        ];
        let behind: Vec<Tensor> = behind.into_iter().flatten().collect();
        let operands: Vec<&Tensor> = [self, k, v].into_iter().chain(&behind).collect();
        one(op, &operands, at)
    }

    /// Queries or keys turned by angles that grow with the place of the token (Su et al. 2021): `T[.., n, d], I[n] -> T[.., n, d]`, floats, `d` even. Element `i` and the one half of the
    /// width further are turned by `place base^(-2 i / d)`, as in GPT-NeoX and Llama; a common base is 10,000.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 0.0], [1.0, 0.0]]);
    /// let turned = x.rotary_embedding([0, 1], 10_000.0);
    /// assert!(turned.allclose([[1.0, 0.0], [1f64.cos(), 1f64.sin()]], 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("rope", "apply_rotary_pos_emb"))]
    #[track_caller]
    pub fn rotary_embedding(&self, places: impl Operand, base: f64) -> Tensor {
        let (cos, sin) = match angles(self, places, base) {
            Ok(angles) => angles,
            Err(failed) => return failed,
        };
        let parts = self.chunk(2, -1);
        let [left, right] = parts.as_slice() else {
            return parts.into_iter().next().unwrap_or_else(|| self.clone());
        };
        let turned = [left * &cos - right * &sin, right * &cos + left * &sin];
        Tensor::concat(&turned, -1)
    }

    /// Queries or keys turned as by [`Tensor::rotary_embedding`], but each element of even number with the one behind it, as in GPT-J.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 0.0, 1.0, 0.0]]);
    /// let turned = x.rotary_embedding_interleaved([1], 10_000.0);
    /// assert!(turned.i((0, 1)).allclose(1f64.sin(), 1e-12, 0.0).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn rotary_embedding_interleaved(&self, places: impl Operand, base: f64) -> Tensor {
        let (cos, sin) = match angles(self, places, base) {
            Ok(angles) => angles,
            Err(failed) => return failed,
        };
        let shape = self.known_type().map_or_else(|_| Vec::new(), |ty| ty.shape.sizes().to_vec());
        let pairs: Vec<usize> =
            shape[..shape.len() - 1].iter().copied().chain([shape[shape.len() - 1] / 2, 2]).collect();
        let pairs = self.reshape(pairs).unstack(-1);
        let [even, odd] = pairs.as_slice() else {
            return pairs.into_iter().next().unwrap_or_else(|| self.clone());
        };
        let turned = [even * &cos - odd * &sin, odd * &cos + even * &sin];
        Tensor::stack(&turned, -1).reshape(shape)
    }

    /// Biases that fall with the distance of tokens, a slope for each head (Press et al. 2021): `f32[h, n, m]`, `-2^(-8 (i + 1) / h) |j - i|`, for [`AttentionOptions::bias`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::alibi(2, 1, 3).to_vec::<f32>()?, [0.0, -0.0625, -0.125, 0.0, -0.00390625, -0.0078125]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn alibi(heads: usize, queries: usize, keys: usize) -> Tensor {
        let column = Tensor::arange(keys, DType::F32);
        let distance = (column - Tensor::arange(queries, DType::F32).expand_dims(-1)).abs();
        -Tensor::alibi_slopes(heads).reshape([heads, 1, 1]) * distance
    }

    /// The slopes of [`Tensor::alibi`], for [`AttentionOptions::slopes`]: `f32[h]`, `2^(-8 (i + 1) / h)`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::alibi_slopes(2).to_vec::<f32>()?, [0.0625, 0.00390625]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn alibi_slopes(heads: usize) -> Tensor {
        let slopes: Vec<f32> = (1..=heads).map(|i| (-8.0 * i as f64 / heads as f64).exp2() as f32).collect();
        Tensor::from(slopes.as_slice())
    }
}

/// The tensor with axes of extent 1 before its own, up to that rank.
#[track_caller]
fn with_leading_ones(x: &Tensor, rank: usize) -> Tensor {
    let Ok(ty) = x.known_type() else { return x.clone() };
    let sizes = ty.shape.sizes();
    let ones = rank.saturating_sub(sizes.len());
    if ones == 0 {
        x.clone()
    } else {
        x.reshape(std::iter::repeat_n(1, ones).chain(sizes).collect::<Vec<usize>>())
    }
}

/// Cosine and sine of the angle of each place and pair: `T[n, d / 2]`.
#[track_caller]
fn angles(x: &Tensor, places: impl Operand, base: f64) -> Result<(Tensor, Tensor), Tensor> {
    let at = caller();
    let Ok(ty) = x.known_type() else { return Err(x.clone()) };
    let Some(half) = ty.shape.sizes().last().filter(|&&d| d.is_multiple_of(2)).map(|d| d / 2) else {
        let source =
            tensorwright_ir::op::TypeError::Other(format!("the last axis must have pairs, found {ty}"));
        let error = crate::Error::refused(at, "rotary_embedding", [ty.clone().into()], source);
        return Err(Tensor::failed(error));
    };
    let rates = Tensor::arange(half, DType::F64) * (-base.ln() / half.max(1) as f64);
    let places = owned(places, "rotary_embedding", at).cast(DType::F64);
    let angles = places.expand_dims(-1) * rates.exp();
    Ok((angles.cos().cast(ty.dtype), angles.sin().cast(ty.dtype)))
}
