//! Arrays, vectors, options and boxes of trees.

use std::marker::PhantomData;

use super::argument::{Argument, argument_of_itself};
use super::definition::{Tree, TreeLike};
use super::visit::{LeafRef, Segment, Visitor};
use crate::Tensor;
use crate::error::CallSite;

#[inline]
fn visit_elements<'t, A, B: TreeLike<A> + 't, V: Visitor<'t>>(elements: &'t [B], visitor: &mut V) {
    for (i, element) in elements.iter().enumerate() {
        visitor.enter(Segment::Index(i));
        element.visit(visitor);
        visitor.leave();
    }
}

impl<A, B: TreeLike<A>, const N: usize> TreeLike<[A; N]> for [B; N] {
    #[inline]
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visit_elements(self, visitor);
    }

    #[inline]
    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> [A; N] {
        std::array::from_fn(|i| self[i].rebuild(tensor))
    }
}

impl<A: Tree, const N: usize> Tree for [A; N] {}

impl<A, B: TreeLike<A>, const N: usize> Argument<[A; N]> for [B; N] {
    type Held = [B; N];

    #[inline]
    fn hold(self, _: CallSite) -> [B; N] {
        self
    }
}

impl<A, B: TreeLike<A>> TreeLike<Vec<A>> for [B] {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visitor.length(self.len());
        visit_elements(self, visitor);
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> Vec<A> {
        self.iter().map(|element| element.rebuild(tensor)).collect()
    }
}

impl<A, B: TreeLike<A>> TreeLike<Vec<A>> for Vec<B> {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        self[..].visit(visitor);
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> Vec<A> {
        self[..].rebuild(tensor)
    }
}

impl<A: Tree> Tree for Vec<A> {}

impl<A, B: TreeLike<A>> Argument<Vec<A>> for Vec<B> {
    type Held = Vec<B>;

    fn hold(self, _: CallSite) -> Vec<B> {
        self
    }
}

impl<A, B: TreeLike<A>> TreeLike<Option<A>> for Option<B> {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        match self {
            None => visitor.variant(0, "None"),
            Some(some) => {
                visitor.variant(1, "Some");
                some.visit(visitor);
            }
        }
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> Option<A> {
        self.as_ref().map(|some| some.rebuild(tensor))
    }
}

impl<A: Tree> Tree for Option<A> {}

impl<A, B: Argument<A>> Argument<Option<A>> for Option<B> {
    type Held = Option<B::Held>;

    fn hold(self, at: CallSite) -> Option<B::Held> {
        self.map(|some| some.hold(at))
    }
}

impl<A, B: TreeLike<A>> TreeLike<Box<A>> for Box<B> {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        (**self).visit(visitor);
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> Box<A> {
        Box::new((**self).rebuild(tensor))
    }
}

impl<A: Tree> Tree for Box<A> {}

impl<A, B: TreeLike<A>> Argument<Box<A>> for Box<B> {
    type Held = Box<B>;

    fn hold(self, _: CallSite) -> Box<B> {
        self
    }
}

impl<T> TreeLike<PhantomData<T>> for PhantomData<T> {
    fn visit<'t, V: Visitor<'t>>(&'t self, _: &mut V) {}

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, _: &mut F) -> PhantomData<T> {
        PhantomData
    }
}

impl<T: Send + Sync + 'static> Tree for PhantomData<T> {}

argument_of_itself!([T] PhantomData<T>);
