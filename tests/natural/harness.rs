//! One body as three programs.

use tensorwright::prelude::*;

/// Runs the function on the arguments compiled and eagerly; both must be what plain Rust gives.
pub(crate) fn check<A: Tree, const N: usize>(
    name: &str,
    function: &Function<A, Tensor>,
    argument: impl Fn([f32; N]) -> A,
    plain: impl Fn([f32; N]) -> f32,
    inputs: &[[f32; N]],
) where
    for<'a> &'a A: tensorwright::tree::Argument<A>,
{
    for &input in inputs {
        let expected = plain(input);
        for eagerly in [false, true] {
            function.run_eagerly(eagerly);
            let found = function.call(&argument(input)).unwrap_or_else(|e| panic!("{name}{input:?}: {e}"));
            let found = found.item::<f32>().unwrap_or_else(|e| panic!("{name}{input:?}: {e}"));
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{name}{input:?} eagerly: {eagerly}: {found} {expected}"
            );
        }
    }
    assert_eq!(function.trace_count(), 1, "{name} is traced once");
}

/// Programs over `Tensor` and over `f32`, with inputs.
macro_rules! programs {
    ($($name:ident($($arg:ident),*) $body:tt on [$($input:expr),* $(,)?])*) => {$(
        #[test]
        fn $name() {
            #[tensorwright::function]
            fn traced($($arg: tensorwright::Tensor),*) -> tensorwright::Tensor $body
            fn plain($($arg: f32),*) -> f32 $body
            crate::harness::check(
                stringify!($name),
                traced::function(),
                |[$($arg),*]| ($(tensorwright::Tensor::from($arg),)*),
                |[$($arg),*]| plain($($arg),*),
                &[$($input),*],
            );
        }
    )*};
}
