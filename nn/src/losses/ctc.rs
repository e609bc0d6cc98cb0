//! Connectionist temporal classification (Graves et al. 2006).
//!
//! A path is a class, or the blank 0, for each time; without repetitions and blanks it is a label. The loss is minus the logarithm of the
//! probability of all paths of the label. Labels with blanks around their classes are *states*; `alpha[t, s]` is the probability of all
//! beginnings of paths that are in state `s` at time `t`, and comes from the states `s`, `s - 1`, and, between two different classes, `s - 2`.

use tensorwright::{DType, Error, Result, Tensor, scan};

use super::{LossFunction, LossValues};
use crate::config::without_fields;

without_fields! {
    /// Connectionist temporal classification of logits: `[batch, labels], [batch, times, classes] -> [batch]`. Class 0 is the blank, and fills labels up.
    Ctc;
}

/// The logarithm of what is impossible: finite, so that derivatives are.
const NEVER: f64 = -1e30;

impl LossFunction for Ctc {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (of_labels, of_logits) = (truth.shape()?.sizes(), prediction.shape()?.sizes());
        let (&[batch, longest], &[_, _, classes]) = (&of_labels[..], &of_logits[..]) else {
            let found = format!("{} and {}", truth.shape()?, prediction.shape()?);
            return Err(Error::other(format!(
                "loss `CTC`: [batch, labels] and [batch, times, classes], not {found}"
            )));
        };
        let labels = truth.cast(DType::I32);
        let states = between_blanks(&labels, batch, longest);
        let places = states.one_hot(classes, -1, prediction.dtype()?);
        let emissions = Tensor::einsum(&[&prediction.log_softmax(-1), &places], "btc,bsc->tbs");
        let (first, rest) = (emissions.i(0), emissions.i(1..));
        let starts = Tensor::arange(2 * longest + 1, DType::I32).lt(2);
        let skips = skippable(&states, batch, longest);
        let (last, _) = scan(starts.select(first, NEVER), rest, move |alpha: Tensor, now: Tensor| {
            (advanced(&alpha, &skips) + now, ())
        })?;
        Ok(ended(&last, &labels).into())
    }
}

/// Labels with blanks before, between and after: `[batch, 2 labels + 1]`.
fn between_blanks(labels: &Tensor, batch: usize, longest: usize) -> Tensor {
    let pairs = Tensor::stack(&[&labels.zeros_like(), labels], -1).reshape([batch, 2 * longest]);
    Tensor::concat(&[pairs, Tensor::zeros([batch, 1], DType::I32)], 1)
}

/// States that can follow the one two before: classes that differ from the class before.
fn skippable(states: &Tensor, batch: usize, longest: usize) -> Tensor {
    let none = Tensor::zeros([batch, 2], DType::Bool);
    let (later, earlier) = (states.i((.., 2..)), states.i((.., ..2 * longest as i64 - 1)));
    Tensor::concat(&[none, later.ne(0).and(later.ne(earlier))], 1)
}

/// The sum over the states that each can come from.
fn advanced(alpha: &Tensor, skips: &Tensor) -> Tensor {
    let moved = |by: i64| {
        let kept = alpha.i((.., ..-by));
        let never = alpha.i((.., ..by)).full_like(NEVER);
        Tensor::concat(&[never, kept], 1)
    };
    alpha.log_add_exp(moved(1)).log_add_exp(skips.select(moved(2), NEVER))
}

/// Minus the probability of being at the last class or behind it.
fn ended(alpha: &Tensor, labels: &Tensor) -> Tensor {
    let length = labels.ne(0).count_nonzero(1).expand_dims(1);
    let behind = alpha.take_along_axis(&length * 2, 1);
    let at = alpha.take_along_axis((&length * 2 - 1).maximum(0), 1);
    let at = length.gt(0).select(at, NEVER);
    let loss = -behind.log_add_exp(at).squeeze(1);
    loss.lt(-NEVER / 2.0).select(&loss, f64::INFINITY)
}
