//! Trees as the attributes of operators say them.

use std::collections::HashMap;

use tensorwright::{DType, Tensor};

use super::forest::{Branch, Forest, Test};
use super::votes::{Vote, Votes};
use crate::onnx::call::{Call, floats, naturals};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

/// Numbers of an attribute, of floats or of a tensor with `_as_tensor` behind its name.
pub(super) fn numbers(call: &Call<'_>, name: &str) -> Result<Option<Vec<f64>>, Reason> {
    if let Some(numbers) = tensor(call, &format!("{name}_as_tensor"))? {
        return floats(numbers).map(Some);
    }
    let found = call.float_list(name)?.filter(|numbers| !numbers.is_empty());
    Ok(found.map(|numbers| numbers.into_iter().map(f64::from).collect()))
}

fn tensor<'c>(call: &Call<'c>, name: &str) -> Result<Option<&'c Tensor>, Reason> {
    match call.constant(name)? {
        Some(Value::Tensor(numbers)) => Ok(Some(numbers)),
        Some(other) => Err(Reason::attribute(name, format!("is {}", other.kind()))),
        None => Ok(None),
    }
}

/// Natural numbers of an attribute, which must be so many.
fn whole(call: &Call<'_>, name: &str, count: Option<usize>) -> Result<Vec<usize>, Reason> {
    let found = call.ints(name)?.ok_or_else(|| Reason::attribute(name, "is missing"))?;
    expect(name, found.len(), count)?;
    naturals(name, &found)
}

fn expect(name: &str, found: usize, count: Option<usize>) -> Result<(), Reason> {
    match count {
        Some(count) if count != found => {
            Err(Reason::attribute(name, format!("has {found} elements, and must have {count}")))
        }
        _ => Ok(()),
    }
}

/// Which nodes are passed by what is missing.
fn missing(call: &Call<'_>, count: usize) -> Result<Vec<bool>, Reason> {
    let name = "nodes_missing_value_tracks_true";
    let said = call.ints(name)?.filter(|flags| !flags.is_empty());
    let said = said.map_or_else(|| vec![false; count], |flags| flags.iter().map(|&flag| flag != 0).collect());
    expect(name, said.len(), Some(count))?;
    Ok(said)
}

/// The test of this name.
fn test(mode: &str, threshold: f64) -> Result<Test, Reason> {
    let is_true = match mode {
        "BRANCH_LEQ" => [true, true, false],
        "BRANCH_LT" => [true, false, false],
        "BRANCH_GTE" => [false, true, true],
        "BRANCH_GT" => [false, false, true],
        "BRANCH_EQ" => [false, true, false],
        "BRANCH_NEQ" => [true, false, true],
        other => return Err(Reason::attribute("nodes_modes", format!("has `{other}`, which is unknown"))),
    };
    Ok(Test::Order { threshold, is_true })
}

/// The dtype of numbers of which some are of a tensor.
fn wide(call: &Call<'_>, names: [&str; 2]) -> Result<DType, Reason> {
    for name in names {
        if let Some(numbers) = tensor(call, name)? {
            return Ok(if numbers.dtype()? == DType::F64 { DType::F64 } else { DType::F32 });
        }
    }
    Ok(DType::F32)
}

/// Trees whose nodes have numbers of their own, leaves among them; the kind is that of the votes, `class` or `target`.
pub(super) fn of_nodes(call: &Call<'_>, kind: &str, targets: usize) -> Result<(Forest, Votes), Reason> {
    let trees = whole(call, "nodes_treeids", None)?;
    let count = trees.len();
    let all = |name: &str| whole(call, name, Some(count));
    let ids = all("nodes_nodeids")?;
    let names: Vec<(usize, usize)> = trees.iter().copied().zip(ids).collect();
    let place: HashMap<(usize, usize), usize> =
        names.iter().enumerate().map(|(at, &name)| (name, at)).collect();
    let find = |tree: usize, id: usize| {
        place.get(&(tree, id)).copied().ok_or_else(|| Reason::other(format!("tree {tree} has no node {id}")))
    };
    let modes = call.words("nodes_modes")?.unwrap_or_default();
    expect("nodes_modes", modes.len(), Some(count))?;
    let thresholds = numbers(call, "nodes_values")?.unwrap_or_default();
    expect("nodes_values", thresholds.len(), Some(count))?;
    let (features, missing) = (all("nodes_featureids")?, missing(call, count)?);
    let (on_true, on_false) = (all("nodes_truenodeids")?, all("nodes_falsenodeids")?);
    let mut nodes = Vec::with_capacity(count);
    for at in 0..count {
        nodes.push(match modes[at].as_str() {
            "LEAF" => None,
            mode => Some(Branch {
                feature: features[at],
                test: test(mode, thresholds[at])?,
                missing: missing[at],
                next: [find(trees[at], on_false[at])?, find(trees[at], on_true[at])?],
            }),
        });
    }
    let below: std::collections::HashSet<usize> =
        nodes.iter().flatten().flat_map(|branch| branch.next).collect();
    let roots = (0..count).filter(|at| !below.contains(at)).collect();
    let names = ["nodes_values_as_tensor", &format!("{kind}_weights_as_tensor")];
    let wide = wide(call, names)?;
    let weights = numbers(call, &format!("{kind}_weights"))?.unwrap_or_default();
    let each = |name: &str| whole(call, &format!("{kind}_{name}"), Some(weights.len()));
    let (of_trees, of_nodes, of_targets) = (each("treeids")?, each("nodeids")?, each("ids")?);
    let vote = |at: usize| -> Result<Vote, Reason> {
        Ok(Vote { node: find(of_trees[at], of_nodes[at])?, target: of_targets[at], weight: weights[at] })
    };
    let all = (0..weights.len()).map(vote).collect::<Result<_, _>>()?;
    Ok((Forest { nodes, roots, wide }, Votes { all, nodes: count, targets, wide }))
}

const MODES: [&str; 6] = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];

/// Trees whose branches and leaves are apart: leaves become the nodes behind all branches.
pub(super) fn of_leaves(call: &Call<'_>, targets: usize) -> Result<(Forest, Votes), Reason> {
    let needed = |name: &str| tensor(call, name)?.ok_or_else(|| Reason::attribute(name, "is missing"));
    let splits = needed("nodes_splits")?;
    let (thresholds, modes) = (floats(splits)?, floats(needed("nodes_modes")?)?);
    let count = thresholds.len();
    expect("nodes_modes", modes.len(), Some(count))?;
    let all = |name: &str| whole(call, name, Some(count));
    let (features, missing) = (all("nodes_featureids")?, missing(call, count)?);
    let child = |id: usize, is_leaf: usize| if is_leaf == 0 { id } else { count.saturating_add(id) };
    let children = |ids: &str, leaves: &str| -> Result<Vec<usize>, Reason> {
        Ok(all(ids)?.into_iter().zip(all(leaves)?).map(|(id, is_leaf)| child(id, is_leaf)).collect())
    };
    let on_true = children("nodes_truenodeids", "nodes_trueleafs")?;
    let on_false = children("nodes_falsenodeids", "nodes_falseleafs")?;
    let members = tensor(call, "membership_values")?.map(floats).transpose()?.unwrap_or_default();
    let mut sets = members.split(|member| member.is_nan()).map(<[f64]>::to_vec);
    let mut nodes: Vec<Option<Branch>> = Vec::with_capacity(count);
    for at in 0..count {
        let test = match MODES.get(modes[at] as usize) {
            Some(mode) => test(mode, thresholds[at])?,
            None if modes[at] == 6.0 => Test::Member(sets.next().unwrap_or_default()),
            None => return Err(Reason::attribute("nodes_modes", format!("has {}", modes[at]))),
        };
        let next = [on_false[at], on_true[at]];
        nodes.push(Some(Branch { feature: features[at], test, missing: missing[at], next }));
    }
    let weights = floats(needed("leaf_weights")?)?;
    let of_targets = whole(call, "leaf_targetids", Some(weights.len()))?;
    nodes.resize(count + weights.len(), None);
    let roots = whole(call, "tree_roots", None)?;
    if let Some(root) = roots.iter().find(|&&root| root >= count) {
        return Err(Reason::attribute("tree_roots", format!("has {root}, of {count} nodes")));
    }
    let wide = if splits.dtype()? == DType::F64 { DType::F64 } else { DType::F32 };
    let vote =
        |(leaf, (&weight, &target)): (usize, (&f64, &usize))| Vote { node: count + leaf, target, weight };
    let all = weights.iter().zip(&of_targets).enumerate().map(vote).collect();
    let votes = Votes { all, nodes: nodes.len(), targets, wide };
    Ok((Forest { nodes, roots, wide }, votes))
}
