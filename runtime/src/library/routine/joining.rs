//! How `scatter` joins elements and updates.

use super::value::Value;

/// How an element and an update are joined.
pub(super) trait Joining<T> {
    fn join(element: T, update: T) -> T;
}

pub(super) struct Replace;

impl<T> Joining<T> for Replace {
    #[inline(always)]
    fn join(_element: T, update: T) -> T {
        update
    }
}

macro_rules! joinings {
    ($($joining:ident $function:ident;)*) => {$(
        pub(super) struct $joining;
        impl<V: Value> Joining<V> for $joining {
            #[inline(always)]
            fn join(element: V, update: V) -> V {
                V::narrow(V::$function(element.widen(), update.widen()))
            }
        }
    )*};
}

joinings! {
    Add plus;
    Mul times;
    Min lesser;
    Max greater;
}
