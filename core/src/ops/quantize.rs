//! Quantisation, and cells with several results: ops whose operands differ in dtype, or whose results have names.

use std::borrow::Borrow;

use tensorwright_ir::op::composite::{Dequantize, LstmCell, Quantize};
use tensorwright_ir::{DType, Scalar};

use super::operand::{Operand, alone};
use super::ranked::two_with_ranks;
use crate::error::{CallSite, caller};
use crate::interpret::one;
use crate::tensor::Tensor;

/// Quantisation: floats as integers times a scale.
impl Tensor {
    /// `round(x / scale) + zero`, ties to even, limited to the range of `dtype`: `T[s], T[t], I[t] -> I[s]`, floats `T`, integers `I` of at most 32 bits.
    ///
    /// `scale` and `zero` are scalars, or have the rank of the tensor: along each axis as many as the tensor has (a scale for each channel), or one for each of so many
    /// blocks of equal length.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[0.5f32, -1.0], [3.0, 100.0]]);
    /// assert_eq!(x.quantize(0.25f32, 3, DType::U8).to_vec::<u8>()?, [5, 0, 15, 255]);
    /// let by_row = Tensor::from([[0.25f32], [1.0]]);
    /// assert_eq!(x.quantize(&by_row, 0, DType::I8).to_vec::<i8>()?, [2, -4, 3, 100]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("quantize_linear", "quantize_per_tensor", "quantize_per_channel"))]
    #[track_caller]
    pub fn quantize(&self, scale: impl Operand, zero: impl Operand, dtype: DType) -> Tensor {
        let at = caller();
        let scale = scale.hold(self, "quantize", at);
        let scale: &Tensor = scale.borrow();
        let zero = zero.hold(&Tensor::scalar_at(Scalar::zero(dtype), at), "quantize", at);
        one(Quantize { dtype }, &[self, scale, &as_many(zero.borrow(), scale, at)], at)
    }

    /// `(x - zero) scale` of integers: `I[s], T[t], I[t] -> T[s]`, integers `I` of at most 32 bits, floats `T`; `scale` and `zero` as for [`Tensor::quantize`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let q = Tensor::from([5u8, 0, 15, 255]);
    /// assert_eq!(q.dequantize(0.25f32, 3).to_vec::<f32>()?, [0.5, -0.75, 3.0, 63.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "dequantize_linear")]
    #[track_caller]
    pub fn dequantize(&self, scale: impl Operand, zero: impl Operand) -> Tensor {
        let at = caller();
        let scale = alone(scale, "dequantize", at);
        let scale: &Tensor = scale.borrow();
        let zero = zero.hold(self, "dequantize", at);
        one(Dequantize {}, &[self, scale, &as_many(zero.borrow(), scale, at)], at)
    }

    /// A step of long short-term memory: the next state `h` and the next memory `c`. The tensor is the input.
    ///
    /// `T[b, i], T[b, u], T[b, u], T[i, 4u], T[u, 4u], T[4u] -> T[b, u], T[b, u]`, floats. Columns are those of the input gate, the forget gate, the candidate and the output
    /// gate, as in Keras and PyTorch: `c' = sigmoid(f) c + sigmoid(i) tanh(g)`, `h' = sigmoid(o) tanh(c')`. Over time it is a [`scan`](crate::scan).
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (x, zeros) = (Tensor::ones([5, 2, 3], DType::F32), Tensor::zeros([2, 4], DType::F32));
    /// let (kernel, recurrent) = (Tensor::ones([3, 16], DType::F32) * 0.1, Tensor::ones([4, 16], DType::F32) * 0.1);
    /// let bias = Tensor::zeros(16, DType::F32);
    /// let ((h, _), all) = scan((zeros.clone(), zeros), x, |(h, c), x: Tensor| {
    ///     let (h, c) = x.lstm_cell(h, c, &kernel, &recurrent, &bias);
    ///     ((h.clone(), c), h)
    /// })?;
    /// assert_eq!((h.shape()?, all.shape()?), (&[2, 4].into(), &[5, 2, 4].into()));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn lstm_cell(
        &self,
        h: impl Operand,
        c: impl Operand,
        kernel: impl Operand,
        recurrent: impl Operand,
        bias: impl Operand,
    ) -> (Tensor, Tensor) {
        let at = caller();
        let (h, c) = (h.hold(self, "lstm_cell", at), c.hold(self, "lstm_cell", at));
        let (kernel, recurrent) = (kernel.hold(self, "lstm_cell", at), recurrent.hold(self, "lstm_cell", at));
        let bias = bias.hold(self, "lstm_cell", at);
        let operands = [self, h.borrow(), c.borrow(), kernel.borrow(), recurrent.borrow(), bias.borrow()];
        two_with_ranks("lstm_cell", &operands, at, |_| Ok(LstmCell {}.into()))
    }
}

/// A scalar as many times as there are scales.
fn as_many(zero: &Tensor, scale: &Tensor, at: CallSite) -> Tensor {
    match (zero.known_type(), scale.known_type()) {
        (Ok(zero_type), Ok(scale)) if zero_type.rank() == 0 => zero.broadcast_at(&scale.shape, at),
        _ => zero.clone(),
    }
}
