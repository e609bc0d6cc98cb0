//! Support vector machines.

use tensorwright::{DType, Tensor, fori_loop};

use super::super::Apply;
use super::linear::{features, floats};
use super::scores::{Labels, Transform};
use crate::onnx::call::{Call, Results, natural, naturals, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[("SVMClassifier", classifier), ("SVMRegressor", regressor)];

/// Products of rows with vectors, `[rows, vectors]`.
fn kernel(call: &Call<'_>, x: &Tensor, vectors: &Tensor) -> Result<Tensor, Reason> {
    let numbers = call.float_list("kernel_params")?.unwrap_or_default();
    let number = |at: usize| f64::from(numbers.get(at).copied().unwrap_or(0.0));
    let (gamma, offset, degree) = (number(0), number(1), number(2));
    let products = || x.matmul(vectors.t());
    Ok(match call.word("kernel_type", "LINEAR")? {
        "LINEAR" => products(),
        "POLY" => (products() * gamma + offset).pow(degree),
        "SIGMOID" => (products() * gamma + offset).tanh(),
        "RBF" => {
            let apart = x.expand_dims(1) - vectors.expand_dims(0);
            ((&apart * &apart).sum(2) * -gamma).exp()
        }
        other => return Err(call.unknown_word("kernel_type", other)),
    })
}

fn rho(call: &Call<'_>) -> Result<Vec<f32>, Reason> {
    let rho = call.float_list("rho")?.unwrap_or_default();
    if rho.is_empty() { Err(Reason::attribute("rho", "is missing")) } else { Ok(rho) }
}

fn regressor(call: &Call<'_>) -> Results {
    let x = features(call)?;
    let columns = sizes(&x)?.last().copied().unwrap_or(0);
    let vectors = natural("n_supports", call.int("n_supports", 0)?)?;
    let sum = if vectors == 0 {
        x.matmul(floats(call, "coefficients", &[columns, 1])?)
    } else {
        let products = kernel(call, &x, &floats(call, "support_vectors", &[vectors, columns])?)?;
        products.matmul(floats(call, "coefficients", &[vectors, 1])?)
    };
    let found = sum + rho(call)?[0];
    one(if call.flag("one_class", false)? {
        found.gt(0).select(Tensor::ones((), DType::F32), -1)
    } else {
        found
    })
}

fn classifier(call: &Call<'_>) -> Results {
    let labels = Labels::of(call, "classlabels_ints", "classlabels_strings")?;
    let (x, transform) = (features(call)?, Transform::of(call)?);
    let columns = sizes(&x)?.last().copied().unwrap_or(0);
    let Some(counts) = call.ints("vectors_per_class")?.filter(|counts| !counts.is_empty()) else {
        let coefficients = floats(call, "coefficients", &[labels.len(), columns])?;
        let scores = x.matmul(coefficients.t()) + rho(call)?[0];
        return Ok(vec![labels.at(&scores.argmax(1).cast(DType::I64))?, transform.rows(&scores)?.into()]);
    };
    let duels = Duels::of(call, &x, &naturals("vectors_per_class", &counts)?)?;
    if duels.classes != labels.len() {
        return Err(Reason::other(format!(
            "vectors of {} classes, labels of {}",
            duels.classes,
            labels.len()
        )));
    }
    let classes = labels.at(&duels.winners()?)?;
    let probabilities = duels.probabilities(call)?;
    let scores = if let Some(probabilities) = probabilities {
        transform.rows(&probabilities)?
    } else if duels.classes == 2 {
        let whole = if transform == Transform::None { 0.0 } else { 1.0 };
        transform.pair(&duels.scores, whole)
    } else {
        transform.rows(&duels.scores)?
    };
    Ok(vec![classes, scores.into()])
}

/// The decision between each two classes.
struct Duels {
    classes: usize,
    /// `[rows, pairs]`, in the order of first, then of second classes; above 0 the first one wins.
    scores: Tensor,
}

impl Duels {
    fn of(call: &Call<'_>, x: &Tensor, counts: &[usize]) -> Result<Duels, Reason> {
        let columns = sizes(x)?.last().copied().unwrap_or(0);
        let sum = counts.iter().try_fold(0usize, |sum, &count| sum.checked_add(count));
        let vectors = sum.ok_or_else(|| Reason::attribute("vectors_per_class", "is too many"))?;
        let classes = counts.len();
        let products = kernel(call, x, &floats(call, "support_vectors", &[vectors, columns])?)?;
        let coefficients = floats(call, "coefficients", &[classes.saturating_sub(1), vectors])?;
        let starts: Vec<usize> =
            counts.iter().scan(0, |end, count| Some(std::mem::replace(end, *end + count))).collect();
        let part = |class: usize, row: usize| -> Tensor {
            let range = starts[class]..starts[class] + counts[class];
            products.i((.., range.clone())).matmul(coefficients.i((row, range)).expand_dims(1))
        };
        let rho = rho(call)?;
        let mut scores = Vec::new();
        for (first, second) in pairs(classes) {
            let rho =
                rho.get(scores.len()).ok_or_else(|| Reason::attribute("rho", "is not one for each pair"))?;
            scores.push(part(first, second - 1) + part(second, first) + *rho);
        }
        if scores.is_empty() {
            return Err(Reason::other("there are less than two classes"));
        }
        Ok(Duels { classes, scores: Tensor::concat(&scores, 1) })
    }

    /// The class that wins most, the first one of several.
    fn winners(&self) -> Result<Tensor, Reason> {
        let first = self.scores.gt(0).cast(DType::F32);
        let mut votes = vec![Tensor::zeros([sizes(&self.scores)?[0]], DType::F32); self.classes];
        for (at, (i, j)) in pairs(self.classes).enumerate() {
            let wins = first.i((.., at));
            votes[i] = &votes[i] + &wins;
            votes[j] = &votes[j] + (1 - wins);
        }
        Ok(Tensor::stack(&votes, 1).argmax(1).cast(DType::I64))
    }

    /// Probabilities of classes, if there are coefficients for them.
    fn probabilities(&self, call: &Call<'_>) -> Result<Option<Tensor>, Reason> {
        let is_there = |name: &str| -> Result<bool, Reason> {
            Ok(call.float_list(name)?.is_some_and(|numbers| !numbers.is_empty()))
        };
        if !is_there("prob_a")? || !is_there("prob_b")? {
            return Ok(None);
        }
        let count = [sizes(&self.scores)?[1]];
        let slopes = floats(call, "prob_a", &count)?;
        let first =
            (-(&self.scores * slopes + floats(call, "prob_b", &count)?)).sigmoid().clamp(1e-7, 1.0 - 1e-7);
        Ok(Some(self.coupled(&first)?))
    }

    /// Probabilities that agree best with those of pairs, by the second method of Wu, Lin and Weng (2004), as LIBSVM iterates it.
    fn coupled(&self, first: &Tensor) -> Result<Tensor, Reason> {
        let (classes, rows) = (self.classes, sizes(first)?[0]);
        let half = Tensor::zeros([rows], DType::F32);
        let mut wins = vec![vec![half; classes]; classes];
        for (at, (i, j)) in pairs(classes).enumerate() {
            wins[i][j] = first.i((.., at));
            wins[j][i] = 1 - first.i((.., at));
        }
        // `[rows, classes, classes]`
        let wins = Tensor::stack(&wins.iter().map(|row| Tensor::stack(row, 1)).collect::<Vec<_>>(), 1);
        let diagonal = (&wins * &wins).sum(1);
        let q = Tensor::eye(classes, DType::F32) * diagonal.expand_dims(1) - wins.swap_axes(1, 2) * &wins;
        let limit = 0.005 / classes as f64;
        let step = |p: Tensor| -> Tensor {
            let mut qp = (&q * p.expand_dims(1)).sum(2);
            let mut total = (&p * &qp).sum(tensorwright::keep(1));
            let is_done = (&qp - &total).abs().max(tensorwright::keep(1)).lt(limit);
            let mut next = p.clone();
            for t in 0..classes {
                let own = diagonal.i((.., t)).expand_dims(1);
                let along = qp.i((.., t)).expand_dims(1);
                let change = (&total - &along) / &own;
                let scale = &change + 1;
                let mine = Tensor::arange(classes, DType::I64).eq(t as i64);
                next = (&next + mine.select(&change, 0)) / &scale;
                total = (total + &change * (&change * &own + along * 2)) / (&scale * &scale);
                qp = (qp + &change * q.i((.., t))) / scale;
            }
            is_done.select(p, next)
        };
        let start = Tensor::full([rows, classes], 1.0f32 / classes as f32);
        Ok(fori_loop(0i32, classes.max(100) as i32, start, |_, p| step(p))?)
    }
}

/// Each two classes.
fn pairs(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |first| (first + 1..classes).map(move |second| (first, second)))
}
