//! Scalar code of special functions, which compiled code calls element by element. f32 is computed in double precision.

use tensorwright_ir::op::primitive::{SpecialEvaluation, SpecialFn};

macro_rules! scalar_code {
    (
        one { $($(#[$meta1:meta])* $name1:ident => $variant1:ident $row1:tt;)* }
        two { $($(#[$meta2:meta])* $name2:ident => $variant2:ident $row2:tt;)* }
        three { $($(#[$meta3:meta])* $name3:ident => $variant3:ident $row3:tt;)* }
        four { $($(#[$meta4:meta])* $name4:ident => $variant4:ident $row4:tt;)* }
    ) => {
        scalar_code! { @modules One (x) $($name1 $variant1)* }
        scalar_code! { @modules Two (x, y) $($name2 $variant2)* }
        scalar_code! { @modules Three (x, y, z) $($name3 $variant3)* }
        scalar_code! { @modules Four (x, y, z, w) $($name4 $variant4)* }

        /// Every function under the names by which compiled code imports it, for the JIT's symbol table.
        pub fn symbols() -> Vec<(&'static str, *const u8)> {
            let mut symbols = Vec::new();
            $(symbols.extend(both(SpecialFn::$variant1, $name1::f32 as *const u8, $name1::f64 as *const u8));)*
            $(symbols.extend(both(SpecialFn::$variant2, $name2::f32 as *const u8, $name2::f64 as *const u8));)*
            $(symbols.extend(both(SpecialFn::$variant3, $name3::f32 as *const u8, $name3::f64 as *const u8));)*
            $(symbols.extend(both(SpecialFn::$variant4, $name4::f32 as *const u8, $name4::f64 as *const u8));)*
            symbols
        }
    };
    (@modules $arity:ident $args:tt $($name:ident $variant:ident)*) => {
        $(mod $name {
            use super::{SpecialEvaluation, SpecialFn};

            scalar_code! { @function f64 $arity $args $variant }
            scalar_code! { @function f32 $arity $args $variant }
        })*
    };
    (@function $float:ident $arity:ident ($($x:ident),+) $variant:ident) => {
        pub(super) extern "C" fn $float($($x: $float),+) -> $float {
            // Which one it is, is known when this is compiled.
            match SpecialFn::$variant.evaluation() {
                SpecialEvaluation::$arity(f) => f($(f64::from($x)),+) as $float,
                _ => $float::NAN,
            }
        }
    };
}

fn both(function: SpecialFn, narrow: *const u8, wide: *const u8) -> [(&'static str, *const u8); 2] {
    let names = function.symbols();
    [(names.0, narrow), (names.1, wide)]
}

tensorwright_ir::for_each_special!(scalar_code);
