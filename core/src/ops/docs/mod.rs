//! What the methods that tables make take and give, and an example of each, which follow the first sentence that a table says; what is missing
//! does not compile.
//!
//! - [`scalar`]: functions of each element; [`table`]: the other lines of the registry.

/// Makes a macro of a table: a method's name gives the text that follows its first sentence.
macro_rules! documented {
    ($macro:ident; $($name:ident: $shapes:literal $code:literal;)*) => {
        macro_rules! $macro {
            $(($name) => {
                concat!(
                    "\n", $shapes, "\n\n```\n# use tensorwright::prelude::*;\n", $code,
                    "\n# Ok::<(), Error>(())\n```"
                )
            };)*
        }
        pub(in crate::ops) use $macro;
    };
}
pub(super) use documented;

pub(super) mod scalar;
pub(super) mod table;
