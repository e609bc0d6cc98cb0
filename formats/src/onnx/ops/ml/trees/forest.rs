//! Trees as arrays over all of their nodes, and the way down.

use tensorwright::{DType, Tensor, fori_loop};

use crate::onnx::error::Reason;

/// What a node asks of a feature.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Whether it stands so to a threshold: outcomes below, at and above it that are true.
    Order { threshold: f64, is_true: [bool; 3] },
    /// Whether it is one of these.
    Member(Vec<f64>),
}

/// A node that is no leaf.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) feature: usize,
    pub(super) test: Test,
    /// Whether a missing feature passes.
    pub(super) missing: bool,
    /// Nodes for tests that are false and true.
    pub(super) next: [usize; 2],
}

/// Nodes of all trees; those without a branch are leaves.
pub(super) struct Forest {
    pub(super) nodes: Vec<Option<Branch>>,
    pub(super) roots: Vec<usize>,
    /// The dtype of thresholds.
    pub(super) wide: DType,
}

/// What a comparison finds: below, at, above, or a feature that is missing.
const OUTCOMES: usize = 4;

impl Forest {
    /// The most branches between a root and a leaf.
    fn depth(&self) -> Result<usize, Reason> {
        let mut parents = vec![0usize; self.nodes.len()];
        for branch in self.nodes.iter().flatten() {
            for &next in &branch.next {
                *parents.get_mut(next).ok_or_else(|| Reason::other(format!("there is no node {next}")))? += 1;
            }
        }
        let mut depth = vec![0usize; self.nodes.len()];
        let mut ready: Vec<usize> = (0..parents.len()).filter(|&node| parents[node] == 0).collect();
        let mut done = 0;
        while let Some(node) = ready.pop() {
            done += 1;
            let Some(branch) = &self.nodes[node] else { continue };
            for &next in &branch.next {
                depth[next] = depth[next].max(depth[node] + 1);
                parents[next] -= 1;
                if parents[next] == 0 {
                    ready.push(next);
                }
            }
        }
        if done < self.nodes.len() {
            return Err(Reason::other("a node of a tree is below itself"));
        }
        Ok(depth.into_iter().max().unwrap_or(0))
    }

    /// Where each outcome at each node leads.
    fn ways(&self) -> Vec<i64> {
        let way = |(node, branch): (usize, &Option<Branch>)| -> [i64; OUTCOMES] {
            let Some(branch) = branch else { return [node as i64; OUTCOMES] };
            let next = |is_true: bool| branch.next[usize::from(is_true)] as i64;
            let is_true = match &branch.test {
                Test::Order { is_true, .. } => *is_true,
                Test::Member(_) => [false, true, false],
            };
            // A missing feature differs from every threshold.
            let missing = branch.missing || is_true == [true, false, true];
            [next(is_true[0]), next(is_true[1]), next(is_true[2]), next(missing)]
        };
        self.nodes.iter().enumerate().flat_map(way).collect()
    }

    fn thresholds(&self) -> Tensor {
        let threshold = |branch: &Option<Branch>| match branch.as_ref().map(|branch| &branch.test) {
            Some(Test::Order { threshold, .. }) => *threshold,
            // Numbers that are no members are below it.
            Some(Test::Member(_)) => f64::INFINITY,
            None => 0.0,
        };
        let thresholds: Vec<f64> = self.nodes.iter().map(threshold).collect();
        Tensor::from_slice(&thresholds, thresholds.len()).cast(self.wide)
    }

    /// Members by nodes, `[nodes, most]`, of which there is none if no node has some.
    fn members(&self) -> Option<Tensor> {
        let of = |branch: &Option<Branch>| match branch {
            Some(Branch { test: Test::Member(members), .. }) => members.clone(),
            Some(Branch { test: Test::Order { threshold, .. }, .. }) => vec![*threshold],
            None => vec![0.0],
        };
        let mut rows: Vec<Vec<f64>> = self.nodes.iter().map(of).collect();
        let has_members = |branch: &Branch| matches!(branch.test, Test::Member(_));
        if !self.nodes.iter().flatten().any(has_members) {
            return None;
        }
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        rows.iter_mut().for_each(|row| row.resize(most, f64::NAN));
        Some(Tensor::from_slice(&rows.concat(), [rows.len(), most]).cast(self.wide))
    }

    /// The leaf that each row comes to in each tree, `[rows, trees]`.
    pub(super) fn leaves(&self, x: &Tensor) -> Result<Tensor, Reason> {
        let rows = x.shape()?.sizes().to_vec();
        let [rows, columns] = rows[..] else {
            return Err(Reason::other(format!("rows of features, found {}", x.ty()?)));
        };
        if let Some(branch) = self.nodes.iter().flatten().find(|branch| branch.feature >= columns) {
            return Err(Reason::other(format!("feature {} of {columns}", branch.feature)));
        }
        let depth = self.depth()? as i32;
        let wide = if x.dtype()? == DType::F64 { DType::F64 } else { self.wide };
        let x = x.cast(wide);
        let features: Vec<i64> = self
            .nodes
            .iter()
            .map(|branch| branch.as_ref().map_or(0, |branch| branch.feature as i64))
            .collect();
        let features = Tensor::from_slice(&features, features.len());
        let (thresholds, members) = (self.thresholds().cast(wide), self.members().map(|x| x.cast(wide)));
        let ways = self.ways();
        let ways = Tensor::from_slice(&ways, ways.len());
        let roots: Vec<i64> = self.roots.iter().map(|&root| root as i64).collect();
        let start = Tensor::from_slice(&roots, roots.len()).broadcast_to([rows, roots.len()]);
        // Where the features of each row begin.
        let (flat, begin) =
            (x.reshape([-1]), (Tensor::arange(rows, DType::I64) * columns as i64).expand_dims(1));
        let step = |node: Tensor| {
            let value = flat.take(features.take(&node, 0) + &begin, 0);
            let threshold = thresholds.take(&node, 0);
            let equal = match &members {
                Some(members) => value.expand_dims(-1).eq(members.take(&node, 0)).any(-1),
                None => value.eq(&threshold),
            };
            let apart = value.gt(&threshold).select(Tensor::scalar(2i64), 3);
            let outcome = equal.select(1, value.lt(&threshold).select(0, apart));
            ways.take(node * OUTCOMES as i64 + outcome, 0)
        };
        Ok(fori_loop(0i32, depth, start, |_, node| step(node))?)
    }
}
