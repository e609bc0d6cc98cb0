//! The editor of graphs: every pass that rewrites nodes goes through it.
//!
//! Graphs only grow at their end, so a rewrite is a rebuild: [`rewrite`] walks the nodes in order and asks the pass's rule
//! about each. The rule sees the node with its operands as they are *after* all earlier rewrites, and either keeps the node
//! or gives values in its place. A sweep therefore carries a simplification forward through all uses.
//!
//! - A rewrite applies whole or not at all: if the rule fails half-way, or gives values of other types than the node had, the
//!   nodes it had appended are taken back, the node stays, and the failure is reported to the [`Context`].
//! - Inputs stay, used or not, with their names; outputs stay in order. Nodes go only by [`retain_nodes`], and only if nothing
//!   that stays uses them.
//! - New nodes carry the location of the node that they replace; a user's name moves to the replacement.
//! - A sweep that changes nothing copies nothing: the graph is rebuilt from the first change on.

use smallvec::SmallVec;
use tensorwright_ir::op::Results;
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Location, Node, NodeId, Shape, TensorType, Value};

use super::Context;

/// Operands of a node.
pub type Operands = SmallVec<[Value; 3]>;

/// What a rule wants to happen to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// The node stays. Nodes that the rule has appended are taken back.
    Keep,
    /// These values take the place of the node's results.
    Replace(Results),
    /// These values take the place of the node's results; results with `None` go, because nothing uses them.
    ReplaceUsed(Vec<Option<Value>>),
}

impl Rewrite {
    /// One value takes the place of the only result.
    pub fn with(value: Value) -> Rewrite {
        Rewrite::Replace(SmallVec::from_elem(value, 1))
    }
}

impl From<Option<Value>> for Rewrite {
    fn from(value: Option<Value>) -> Rewrite {
        value.map_or(Rewrite::Keep, Rewrite::with)
    }
}

/// A node under consideration.
#[derive(Clone, Debug)]
pub struct Site<'g> {
    /// Place of the node in the graph before the sweep.
    pub id: NodeId,
    /// The node as it was before the sweep.
    pub node: &'g Node,
    /// Operands of the node as they are now, in [`Rewriter::graph`].
    pub operands: Operands,
}

/// Why a rewrite was taken back. Always a bug of the pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// A new node does not accept its operands.
    #[error("a new node does not accept its operands: {0}")]
    Build(#[source] Box<BuildError>),
    /// The replacement has another type or number of values.
    #[error("the replacement of `{op}` has other types: {expected}, found {found}")]
    Types {
        /// Mnemonic of the op to be replaced.
        op: &'static str,
        /// Types of its results.
        expected: String,
        /// Types of the replacement.
        found: String,
    },
    /// A value that was removed is used.
    #[error("`{op}` was removed and is still used")]
    Removed {
        /// Mnemonic of the node that made the value.
        op: &'static str,
    },
}

impl From<BuildError> for RewriteError {
    fn from(error: BuildError) -> RewriteError {
        RewriteError::Build(error.into())
    }
}

/// A rebuild in progress.
#[derive(Debug)]
pub struct Rewriter<'g> {
    old: &'g Graph,
    /// The new graph from the first change on; before that the old one serves as the new one.
    new: Option<Builder>,
    /// From `old` to `new`. Unused while `new` is `None`.
    copier: Copier,
    /// How many nodes of `old` are done.
    done: usize,
    location: Option<Location>,
}

/// Rebuilds `graph` by asking `rule` about each node that has results, in order. `None` if no node changed, or if the sweep failed
/// as a whole.
pub fn rewrite<'g>(
    graph: &'g Graph,
    cx: &mut Context<'_>,
    mut rule: impl FnMut(&mut Rewriter<'g>, &Site<'g>) -> Result<Rewrite, BuildError>,
) -> Option<Graph> {
    // A node without results (an `unstack` of nothing) leaves nothing to replace.
    rewrite_all(graph, cx, |r, site| match site.node.results.is_empty() {
        true => Ok(Rewrite::Keep),
        false => rule(r, site),
    })
}

/// Rewrites nodes, those without results too; see [`rewrite`].
pub fn rewrite_all<'g>(
    graph: &'g Graph,
    cx: &mut Context<'_>,
    mut rule: impl FnMut(&mut Rewriter<'g>, &Site<'g>) -> Result<Rewrite, BuildError>,
) -> Option<Graph> {
    let mut rewriter = Rewriter::new(graph);
    let mut changed = false;
    for (id, node) in graph.iter() {
        match rewriter.step(id, node, cx, &mut rule) {
            Ok(step_changed) => changed |= step_changed,
            Err(error) => return fail(cx, node, error),
        }
    }
    if changed { rewriter.finish(cx) } else { None }
}

/// The graph without the nodes for which `keep` is false. `None` if all stay, or if a node that stays needs one that goes.
pub fn retain_nodes(graph: &Graph, cx: &mut Context<'_>, keep: impl Fn(NodeId) -> bool) -> Option<Graph> {
    let mut rewriter = Rewriter::new(graph);
    let mut changed = false;
    for (id, node) in graph.iter() {
        if !keep(id) {
            rewriter.build();
            changed = true;
        } else if let Err(error) = rewriter.operands(node).and_then(|_| rewriter.copy(node)) {
            return fail(cx, node, error);
        }
        rewriter.done += 1;
    }
    if changed { rewriter.finish(cx) } else { None }
}

fn fail(cx: &mut Context<'_>, node: &Node, error: RewriteError) -> Option<Graph> {
    cx.report(node, error);
    None
}

/// Sweeps until a sweep changes nothing, at most `sweeps` times. `None` if the first one changes nothing.
pub fn until_stable(
    graph: &Graph,
    cx: &mut Context<'_>,
    sweeps: usize,
    mut sweep: impl FnMut(&Graph, &mut Context<'_>) -> Option<Graph>,
) -> Option<Graph> {
    let mut latest = sweep(graph, cx)?;
    for _ in 1..sweeps {
        match sweep(&latest, cx) {
            Some(next) => latest = next,
            None => return Some(latest),
        }
    }
    cx.count("sweep budget used up");
    Some(latest)
}

impl<'g> Rewriter<'g> {
    fn new(old: &'g Graph) -> Rewriter<'g> {
        let mut rewriter = Rewriter { old, new: None, copier: Copier::default(), done: 0, location: None };
        if Builder::continuing(old, 0).is_none() {
            rewriter.start_from_scratch();
        }
        rewriter
    }

    /// The new graph so far. While nothing has changed that is the old graph, later nodes included.
    pub fn graph(&self) -> &Graph {
        self.new.as_ref().map_or(self.old, Builder::graph)
    }

    /// Type of the first result of the node under consideration.
    pub fn result_type(&self, site: &Site<'g>) -> &'g TensorType {
        self.old.tensor(site.node.results[0])
    }

    /// Shape of the first result of the node under consideration.
    pub fn result_shape(&self, site: &Site<'g>) -> Shape {
        self.result_type(site).shape.clone()
    }

    /// As [`Rewriter::build`], for nodes that take the place of one from another source line than the node under consideration.
    pub fn build_at(&mut self, location: Option<Location>) -> &mut Builder {
        let builder = self.build();
        builder.set_location(location);
        builder
    }

    /// For appending nodes to the new graph. They stay if the rule gives values in place of its node.
    pub fn build(&mut self) -> &mut Builder {
        if self.new.is_none() {
            self.start_from_prefix();
        }
        let new = self.new.as_mut().expect("was started");
        new.set_location(self.location.clone());
        new
    }

    /// What stands now for a value of the graph before the sweep, one made by an earlier node or an input. Panics if there is
    /// nothing in its place.
    pub fn current(&self, old: Value) -> Value {
        self.mapped(old).expect("an earlier value that was not removed")
    }

    fn start_from_prefix(&mut self) {
        let new = Builder::continuing(self.old, self.done).expect("inputs come first");
        let kept = new.graph().values().len();
        self.copier = Copier::continuing(self.old, kept);
        self.new = Some(new);
    }

    fn start_from_scratch(&mut self) {
        let mut new = Builder::new(self.old.name());
        self.copier = Copier::declaring(self.old, &mut new);
        self.new = Some(new);
    }

    fn step(
        &mut self,
        id: NodeId,
        node: &'g Node,
        cx: &mut Context<'_>,
        rule: &mut impl FnMut(&mut Rewriter<'g>, &Site<'g>) -> Result<Rewrite, BuildError>,
    ) -> Result<bool, RewriteError> {
        let site = Site { id, node, operands: self.operands(node)? };
        let mark = self.graph_len();
        self.location.clone_from(&node.location);
        let wanted = rule(self, &site).map_err(RewriteError::from).and_then(|r| self.check(node, r));
        let changed = match wanted {
            Ok(Some(values)) => self.replace(node, &values, mark),
            Ok(None) => false,
            Err(error) => {
                cx.report(node, error);
                false
            }
        };
        if !changed {
            self.take_back(mark);
            self.copy(node)?;
        }
        self.done += 1;
        Ok(changed)
    }

    /// Number of nodes to go back to when a rewrite is taken back.
    fn graph_len(&self) -> usize {
        self.new.as_ref().map_or(self.done, |new| new.graph().nodes().len())
    }

    fn mapped(&self, old: Value) -> Result<Value, RewriteError> {
        if self.new.is_none() {
            return Ok(old);
        }
        self.copier.get(old).ok_or_else(|| RewriteError::Removed { op: self.producer_name(old) })
    }

    fn producer_name(&self, old: Value) -> &'static str {
        self.old.op(old).map_or("input", |op| op.name())
    }

    /// What takes the place of each result, if that is possible.
    fn check(&self, node: &Node, wanted: Rewrite) -> Result<Option<Vec<Option<Value>>>, RewriteError> {
        let values = match wanted {
            Rewrite::Keep => return Ok(None),
            Rewrite::Replace(values) => values.into_iter().map(Some).collect(),
            Rewrite::ReplaceUsed(values) => values,
        };
        let same = |(&old, new): (&Value, &Option<Value>)| {
            new.is_none_or(|new| self.old.ty(old) == self.graph().ty(new))
        };
        if values.len() == node.results.len() && node.results.iter().zip(&values).all(same) {
            Ok(Some(values))
        } else {
            Err(self.wrong_types(node, &values))
        }
    }

    fn wrong_types(&self, node: &Node, values: &[Option<Value>]) -> RewriteError {
        let list = |types: Vec<String>| types.join(", ");
        let expected = list(node.results.iter().map(|&v| self.old.ty(v).to_string()).collect());
        let found = |v: &Option<Value>| v.map_or("nothing".to_owned(), |v| self.graph().ty(v).to_string());
        RewriteError::Types { op: node.op.name(), expected, found: list(values.iter().map(found).collect()) }
    }

    fn replace(&mut self, node: &Node, values: &[Option<Value>], mark: usize) -> bool {
        self.build();
        let new = self.new.as_mut().expect("was started");
        for (&old, &value) in node.results.iter().zip(values) {
            let Some(value) = value else { continue };
            self.copier.set(old, value);
            let fresh = new.graph().producer(value).is_some_and(|(id, _)| id.index() >= mark);
            if fresh && new.graph().value_name(value).is_none() {
                new.set_name(value, self.old.value_name(old).map(str::to_owned));
            }
        }
        true
    }

    fn take_back(&mut self, mark: usize) {
        if let Some(new) = &mut self.new {
            new.rollback(mark);
        }
    }

    fn operands(&self, node: &Node) -> Result<Operands, RewriteError> {
        node.operands.iter().map(|&v| self.mapped(v)).collect()
    }

    fn copy(&mut self, node: &Node) -> Result<(), RewriteError> {
        let Some(new) = &mut self.new else { return Ok(()) };
        Ok(self.copier.copy_named(self.old, new, node)?)
    }

    fn finish(self, cx: &mut Context<'_>) -> Option<Graph> {
        let mut outputs = Vec::with_capacity(self.old.outputs().len());
        for &output in self.old.outputs() {
            match (self.mapped(output), self.old.producer(output)) {
                (Ok(value), _) => outputs.push(value),
                (Err(error), Some((_, node))) => return fail(cx, node, error),
                (Err(_), None) => unreachable!("inputs are always kept"),
            }
        }
        Some(self.new?.finish(&outputs))
    }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};
    use tensorwright_ir::{DType, Op};

    use super::*;
    use crate::passes::PassOptions;

    fn negated_twice() -> Graph {
        let mut b = Builder::new("f");
        let x = b.named_input("x", TensorType::new(DType::F32, [2]));
        b.named_input("unused", TensorType::new(DType::I8, ()));
        b.set_location(Some(Location::new("a.rs", 7, 1)));
        let y = b.neg(x).unwrap();
        let z = b.exp(y).unwrap();
        b.set_name(z, Some("z".to_owned()));
        b.finish(&[z, y, z])
    }

    fn run(
        graph: &Graph,
        mut rule: impl FnMut(&mut Rewriter<'_>, &Site<'_>) -> Result<Rewrite, BuildError>,
    ) -> (Option<Graph>, usize) {
        let options = PassOptions::default();
        let mut cx = Context::new(&options, "test");
        let new = rewrite(graph, &mut cx, |r, s| rule(r, s));
        (new, cx.failures().len())
    }

    #[test]
    fn keeping_everything_is_no_change() {
        assert_eq!(run(&negated_twice(), |_, _| Ok(Rewrite::Keep)), (None, 0));
    }

    #[test]
    fn appended_nodes_are_taken_back_when_the_node_is_kept() {
        let graph = negated_twice();
        let rule = |r: &mut Rewriter<'_>, s: &Site<'_>| {
            r.build().abs(s.operands[0])?;
            Ok(Rewrite::Keep)
        };
        assert_eq!(run(&graph, rule), (None, 0));
    }

    #[test]
    fn a_replacement_inherits_name_and_location() {
        let graph = negated_twice();
        let rule = |r: &mut Rewriter<'_>, s: &Site<'_>| match &s.node.op {
            Op::Unary(UnaryFn::Exp) => Ok(Rewrite::with(r.build().tanh(s.operands[0])?)),
            _ => Ok(Rewrite::Keep),
        };
        let (new, failures) = run(&graph, rule);
        let new = new.unwrap();
        assert_eq!(failures, 0);
        assert_eq!(new.inputs().len(), 2);
        assert_eq!(new.value_name(new.inputs()[1]), Some("unused"));
        let z = new.outputs()[0];
        assert_eq!(new.value_name(z), Some("z"));
        assert_eq!(new.op(z), Some(&UnaryFn::Tanh.into()));
        assert_eq!(new.producer(z).unwrap().1.location.as_ref().unwrap().line, 7);
        assert_eq!(new.outputs()[2], z);
    }

    #[test]
    fn a_rewrite_of_another_type_is_taken_back_and_reported() {
        let graph = negated_twice();
        let rule = |r: &mut Rewriter<'_>, s: &Site<'_>| {
            Ok(Rewrite::with(r.build().push_one(UnaryFn::IsNan, &[s.operands[0]])?))
        };
        assert_eq!(run(&graph, rule), (None, 2));
    }

    #[test]
    fn a_rewrite_that_fails_half_way_is_taken_back_and_reported() {
        let graph = negated_twice();
        let rule = |r: &mut Rewriter<'_>, s: &Site<'_>| {
            let fine = r.build().abs(s.operands[0])?;
            Ok(Rewrite::with(r.build().push_one(BinaryFn::And, &[fine, fine])?))
        };
        assert_eq!(run(&graph, rule), (None, 2));
    }

    #[test]
    fn a_removed_value_that_is_used_fails_the_sweep() {
        let graph = negated_twice();
        let options = PassOptions::default();
        let mut cx = Context::new(&options, "test");
        assert_eq!(retain_nodes(&graph, &mut cx, |id| id.index() == 1), None);
        assert_eq!(cx.failures().len(), 1);
    }
}
