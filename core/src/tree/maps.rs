//! Maps from plain keys to trees. Keys are part of the signature; the order of insertion is not.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use smallvec::SmallVec;

use super::argument::Argument;
use super::definition::{Tree, TreeLike};
use super::fixed::StaticValue;
use super::visit::{LeafRef, Segment, Visitor};
use crate::Tensor;
use crate::error::CallSite;

fn visit_entry<'t, K: StaticValue, A, B: TreeLike<A>, V: Visitor<'t>>(
    key: &'t K,
    value: &'t B,
    visitor: &mut V,
) {
    visitor.enter(Segment::Key(key));
    visitor.fixed(key);
    value.visit(visitor);
    visitor.leave();
}

impl<K: StaticValue + Ord + Clone, A, B: TreeLike<A>> TreeLike<BTreeMap<K, A>> for BTreeMap<K, B> {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visitor.length(self.len());
        self.iter().for_each(|(key, value)| visit_entry(key, value, visitor));
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> BTreeMap<K, A> {
        self.iter().map(|(key, value)| (key.clone(), value.rebuild(tensor))).collect()
    }
}

impl<K: StaticValue + Ord + Clone + Send + Sync + 'static, A: Tree> Tree for BTreeMap<K, A> {}

impl<K: StaticValue + Ord + Clone, A, B: TreeLike<A>> Argument<BTreeMap<K, A>> for BTreeMap<K, B> {
    type Held = BTreeMap<K, B>;

    fn hold(self, _: CallSite) -> BTreeMap<K, B> {
        self
    }
}

/// The entries by ascending key.
fn sorted<K: Ord, B, S>(map: &HashMap<K, B, S>) -> SmallVec<[(&K, &B); 16]> {
    let mut entries: SmallVec<[(&K, &B); 16]> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

impl<K, A, B, S> TreeLike<HashMap<K, A, S>> for HashMap<K, B, S>
where
    K: StaticValue + Ord + Hash + Clone,
    B: TreeLike<A>,
    S: BuildHasher + Default,
{
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visitor.length(self.len());
        sorted(self).into_iter().for_each(|(key, value)| visit_entry(key, value, visitor));
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> HashMap<K, A, S> {
        sorted(self).into_iter().map(|(key, value)| (key.clone(), value.rebuild(tensor))).collect()
    }
}

impl<K, A, S> Tree for HashMap<K, A, S>
where
    K: StaticValue + Ord + Hash + Clone + Send + Sync + 'static,
    A: Tree,
    S: BuildHasher + Default + Send + Sync + 'static,
{
}

impl<K, A, B, S> Argument<HashMap<K, A, S>> for HashMap<K, B, S>
where
    K: StaticValue + Ord + Hash + Clone,
    B: TreeLike<A>,
    S: BuildHasher + Default,
{
    type Held = HashMap<K, B, S>;

    fn hold(self, _: CallSite) -> HashMap<K, B, S> {
        self
    }
}
