//! Tuples of up to twelve trees.

use super::argument::Argument;
use super::definition::{Tree, TreeLike};
use super::visit::{LeafRef, Segment, Visitor};
use crate::Tensor;
use crate::error::CallSite;

macro_rules! tuples {
    ($($a:ident $b:ident $index:tt),*) => {
        impl<$($a, $b: TreeLike<$a>),*> TreeLike<($($a,)*)> for ($($b,)*) {
            #[inline]
            fn visit<'t, Vis: Visitor<'t>>(&'t self, visitor: &mut Vis) {
                let _ = &visitor;
                $(
                    visitor.enter(Segment::Position($index));
                    self.$index.visit(visitor);
                    visitor.leave();
                )*
            }

            #[allow(clippy::unused_unit, reason = "the empty tuple is one of them")]
            #[inline]
            fn rebuild<Fun: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut Fun) -> ($($a,)*) {
                let _ = &tensor;
                ($(self.$index.rebuild(tensor),)*)
            }
        }

        impl<$($a: Tree),*> Tree for ($($a,)*) {}

        impl<$($a, $b: Argument<$a>),*> Argument<($($a,)*)> for ($($b,)*) {
            type Held = ($($b::Held,)*);

            #[allow(clippy::unused_unit, reason = "the empty tuple is one of them")]
            #[inline]
            fn hold(self, at: CallSite) -> ($($b::Held,)*) {
                let _ = at;
                ($(self.$index.hold(at),)*)
            }
        }
    };
}

tuples!();
tuples!(A0 B0 0);
tuples!(A0 B0 0, A1 B1 1);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5, A6 B6 6);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5, A6 B6 6, A7 B7 7);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5, A6 B6 6, A7 B7 7, A8 B8 8);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5, A6 B6 6, A7 B7 7, A8 B8 8, A9 B9 9);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5, A6 B6 6, A7 B7 7, A8 B8 8, A9 B9 9, A10 B10 10);
tuples!(A0 B0 0, A1 B1 1, A2 B2 2, A3 B3 3, A4 B4 4, A5 B5 5, A6 B6 6, A7 B7 7, A8 B8 8, A9 B9 9, A10 B10 10, A11 B11 11);
