//! What leaves say, and how that becomes scores.

use tensorwright::{DType, Tensor};

use crate::onnx::call::Call;
use crate::onnx::error::Reason;

/// The most numbers of a table of leaves by targets.
const MOST: usize = 1 << 28;

/// How the numbers of trees become one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fold {
    Sum,
    Mean,
    Min,
    Max,
}

impl Fold {
    pub(super) fn of_word(call: &Call<'_>, word: &str) -> Result<Fold, Reason> {
        Ok(match word {
            "SUM" => Fold::Sum,
            "AVERAGE" => Fold::Mean,
            "MIN" => Fold::Min,
            "MAX" => Fold::Max,
            other => return Err(call.unknown_word("aggregate_function", other)),
        })
    }

    pub(super) fn of_number(number: i64) -> Result<Fold, Reason> {
        Ok(match number {
            0 => Fold::Mean,
            1 => Fold::Sum,
            2 => Fold::Min,
            3 => Fold::Max,
            _ => return Err(Reason::attribute("aggregate_function", format!("is {number}"))),
        })
    }
}

/// A number that a leaf has for a target.
#[derive(Clone, Copy)]
pub(super) struct Vote {
    pub(super) node: usize,
    pub(super) target: usize,
    pub(super) weight: f64,
}

/// The votes of all leaves.
pub(super) struct Votes {
    pub(super) all: Vec<Vote>,
    pub(super) nodes: usize,
    pub(super) targets: usize,
    pub(super) wide: DType,
}

impl Votes {
    /// The class of all votes, if there is but one.
    pub(super) fn single_class(&self) -> Option<usize> {
        let first = self.all.first()?.target;
        self.all.iter().all(|vote| vote.target == first).then_some(first)
    }

    pub(super) fn are_positive(&self) -> bool {
        self.all.iter().all(|vote| vote.weight >= 0.0)
    }

    /// By nodes and targets, with a number where there is no vote.
    fn table(&self, nothing: f64) -> Result<Tensor, Reason> {
        let size = self.nodes.saturating_mul(self.targets);
        if size > MOST {
            return Err(Reason::other(format!("{} nodes vote for {} targets", self.nodes, self.targets)));
        }
        let mut table = vec![nothing; size];
        for vote in &self.all {
            if vote.node >= self.nodes || vote.target >= self.targets {
                return Err(Reason::other(format!("node {} votes for target {}", vote.node, vote.target)));
            }
            let place = &mut table[vote.node * self.targets + vote.target];
            *place = if *place == nothing { vote.weight } else { *place + vote.weight };
        }
        Ok(Tensor::from_slice(&table, [self.nodes, self.targets]).cast(self.wide))
    }

    /// Scores `[rows, targets]` of leaves `[rows, trees]`; 0 where no tree votes.
    pub(super) fn folded(&self, leaves: &Tensor, fold: Fold) -> Result<Tensor, Reason> {
        let trees = leaves.shape()?.size(1) as f64;
        // `[rows, trees, targets]`
        let found = |nothing: f64| Ok::<_, Reason>(self.table(nothing)?.take(leaves, 0));
        Ok(match fold {
            Fold::Sum => found(0.0)?.sum(1),
            Fold::Mean => found(0.0)?.sum(1) / trees,
            Fold::Min => finite(found(f64::INFINITY)?.min(1)),
            Fold::Max => finite(found(f64::NEG_INFINITY)?.max(1)),
        })
    }

    /// The scores, and minus infinity for classes that no tree of a row votes for.
    pub(super) fn seen(&self, leaves: &Tensor, scores: &Tensor) -> Result<Tensor, Reason> {
        let mut is_there = vec![false; self.nodes * self.targets];
        for vote in &self.all {
            is_there[vote.node * self.targets + vote.target] = true;
        }
        let is_there = Tensor::from_slice(&is_there, [self.nodes, self.targets]);
        let seen = is_there.take(leaves, 0).any(1);
        Ok(seen.select(scores, f64::NEG_INFINITY))
    }
}

fn finite(x: Tensor) -> Tensor {
    x.is_inf().select(0, &x)
}
