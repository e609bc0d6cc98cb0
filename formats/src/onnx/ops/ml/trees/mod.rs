//! Ensembles of decision trees.
//!
//! Nodes of all trees lie in arrays, and all rows go down all trees at once, one level after the other: what a node is, and where it leads, is
//! gathered. A leaf leads to itself, so that as many steps as the deepest tree has levels lead every row to a leaf of each tree.

mod forest;
mod nodes;
mod votes;

use tensorwright::{DType, Tensor};

use super::super::Apply;
use super::scores::{Labels, Transform};
use crate::onnx::call::{Call, Results, natural, one};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;
use nodes::numbers;
use votes::{Fold, Votes};

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("TreeEnsemble", ensemble),
    ("TreeEnsembleRegressor", regressor),
    ("TreeEnsembleClassifier", classifier),
];

fn ensemble(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let targets = natural("n_targets", call.int("n_targets", 1)?)?;
    let (forest, votes) = nodes::of_leaves(call, targets)?;
    let fold = Fold::of_number(call.int("aggregate_function", 1)?)?;
    let scores = votes.folded(&forest.leaves(x)?, fold)?;
    one(Transform::of_number(call)?.rows(&scores)?.cast(x.dtype()?))
}

/// What is added to the scores of so many classes or targets, if anything is.
fn base(call: &Call<'_>) -> Result<Vec<f64>, Reason> {
    Ok(numbers(call, "base_values")?.unwrap_or_default())
}

fn with_base(scores: Tensor, base: &[f64]) -> Result<Tensor, Reason> {
    match base.len() {
        0 => Ok(scores),
        count => Ok(&scores + Tensor::from_slice(base, count).cast(scores.dtype()?)),
    }
}

fn regressor(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let targets = natural("n_targets", call.int("n_targets", 1)?)?;
    let (forest, votes) = nodes::of_nodes(call, "target", targets)?;
    let fold = Fold::of_word(call, call.word("aggregate_function", "SUM")?)?;
    let scores = with_base(votes.folded(&forest.leaves(x)?, fold)?, &base(call)?)?;
    one(Transform::of(call)?.rows(&scores)?.cast(DType::F32))
}

fn classifier(call: &Call<'_>) -> Results {
    let labels = Labels::of(call, "classlabels_int64s", "classlabels_strings")?;
    let (forest, votes) = nodes::of_nodes(call, "class", labels.len())?;
    let leaves = forest.leaves(call.tensor(0)?)?;
    let (base, transform) = (base(call)?, Transform::of(call)?);
    if let Some(class) = votes.single_class().filter(|_| labels.len() == 2) {
        return of_two(&labels, &votes, &leaves, (class, &base), transform);
    }
    let scores = with_base(votes.folded(&leaves, Fold::Sum)?, &base)?;
    let classes = match labels.len() {
        // One class is there or not, which is what its label says.
        1 => {
            return Ok(vec![
                scores.i((.., 0)).gt(0).cast(DType::I64).into(),
                transformed(transform, &scores)?,
            ]);
        }
        _ => votes.seen(&leaves, &scores)?.argmax(1).cast(DType::I64),
    };
    Ok(vec![labels.at(&classes)?, transformed(transform, &scores)?])
}

fn transformed(transform: Transform, scores: &Tensor) -> Result<Value, Reason> {
    Ok(transform.rows(scores)?.cast(DType::F32).into())
}

/// Two classes of which the trees vote for one alone: scores above the middle are those of the second class.
fn of_two(
    labels: &Labels,
    votes: &Votes,
    leaves: &Tensor,
    (class, base): (usize, &[f64]),
    transform: Transform,
) -> Results {
    let scores = votes.folded(leaves, Fold::Sum)?;
    let score = scores.i((.., class..class + 1));
    let score = match base {
        [] => score,
        [all] => score + *all,
        each => score + each.get(class).copied().unwrap_or(0.0),
    };
    let (middle, whole) = if votes.are_positive() { (0.5, 1.0) } else { (0.0, 0.0) };
    let classes = score.i((.., 0)).gt(middle).cast(DType::I64);
    let scores = if class == 1 {
        transform.rows(&Tensor::concat(&[&score.zeros_like(), &score], 1))?
    } else {
        transform.pair(&score, whole)
    };
    Ok(vec![labels.at(&classes)?, scores.cast(DType::F32).into()])
}
