//! What becomes of the scores of classes, and which class is the result.

use std::f64::consts::PI;

use tensorwright::Tensor;

use crate::onnx::call::{Call, natural};
use crate::onnx::error::Reason;
use crate::onnx::ops::text;
use crate::onnx::value::{Strings, Value};

/// A transform of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Softmax,
    Logistic,
    /// A softmax of those that are not 0.
    SoftmaxZero,
    Probit,
}

impl Transform {
    /// By the word of an attribute.
    pub(super) fn of(call: &Call<'_>) -> Result<Transform, Reason> {
        Ok(match call.word("post_transform", "NONE")? {
            "NONE" => Transform::None,
            "SOFTMAX" => Transform::Softmax,
            "LOGISTIC" => Transform::Logistic,
            "SOFTMAX_ZERO" => Transform::SoftmaxZero,
            "PROBIT" => Transform::Probit,
            other => return Err(call.unknown_word("post_transform", other)),
        })
    }

    /// By the number of an attribute.
    pub(super) fn of_number(call: &Call<'_>) -> Result<Transform, Reason> {
        const ALL: [Transform; 5] = [
            Transform::None,
            Transform::Softmax,
            Transform::Logistic,
            Transform::SoftmaxZero,
            Transform::Probit,
        ];
        let number = natural("post_transform", call.int("post_transform", 0)?)?;
        let found = ALL.get(number).copied();
        found.ok_or_else(|| Reason::attribute("post_transform", format!("is {number}")))
    }

    /// Rows of scores. Single scores stay as they are but for the probit, as ONNX Runtime has it.
    pub(super) fn rows(self, scores: &Tensor) -> Result<Tensor, Reason> {
        let is_single = scores.shape()?.sizes().last() == Some(&1);
        Ok(match self {
            Transform::Probit => probit(scores),
            _ if is_single => scores.clone(),
            Transform::None => scores.clone(),
            Transform::Softmax => scores.softmax(-1),
            Transform::Logistic => scores.sigmoid(),
            Transform::SoftmaxZero => softmax_of_some(scores),
        })
    }

    /// The scores of both classes out of that of the second one, `[rows, 1]`: that of the first one is what is missing to the whole.
    pub(super) fn pair(self, second: &Tensor, whole: f64) -> Tensor {
        let pair = |first: Tensor, second: &Tensor| Tensor::concat(&[&first, second], 1);
        match self {
            Transform::Logistic => pair((-second).sigmoid(), &second.sigmoid()),
            Transform::Probit => pair(probit(&(whole - second)), &probit(second)),
            _ => pair(whole - second, second),
        }
    }
}

/// Scores that are 0 stay so.
fn softmax_of_some(scores: &Tensor) -> Tensor {
    let powers = (scores - scores.max(tensorwright::keep(-1))).exp();
    let powers = scores.abs().gt(1e-7).select(powers, 0);
    &powers / powers.sum(tensorwright::keep(-1))
}

/// The inverse of the normal distribution, by Winitzki's approximation of the inverse of the error function (2008), as ONNX Runtime computes it.
fn probit(p: &Tensor) -> Tensor {
    const A: f64 = 0.147;
    let x = p * 2 - 1;
    let log = (1 - &x * &x).log();
    let half = &log * 0.5 + 2.0 / (PI * A);
    let root = ((&half * &half - log / A).sqrt() - half).sqrt() * std::f64::consts::SQRT_2;
    x.lt(0).select(-&root, &root)
}

/// What classes are called.
pub(super) enum Labels {
    Numbers(Vec<i64>),
    Words(Vec<String>),
}

impl Labels {
    /// Of one of these attributes.
    pub(super) fn of(call: &Call<'_>, numbers: &str, words: &str) -> Result<Labels, Reason> {
        let some_words = call.words(words)?.filter(|words| !words.is_empty());
        match (some_words, call.ints(numbers)?.filter(|numbers| !numbers.is_empty())) {
            (Some(words), _) => Ok(Labels::Words(words)),
            (None, Some(numbers)) => Ok(Labels::Numbers(numbers)),
            (None, None) => Err(Reason::other(format!("neither `{numbers}` nor `{words}` is there"))),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Labels::Numbers(numbers) => numbers.len(),
            Labels::Words(words) => words.len(),
        }
    }

    /// Those of these classes. For words the classes must have values.
    pub(super) fn at(&self, classes: &Tensor) -> Result<Value, Reason> {
        match self {
            Labels::Numbers(numbers) => {
                Ok(Tensor::from_slice(numbers, numbers.len()).take(classes, 0).into())
            }
            Labels::Words(words) => {
                let words = Strings { shape: words.len().into(), elements: words.clone() };
                text::at_places(&words, classes)
            }
        }
    }
}
