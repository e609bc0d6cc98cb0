//! `#[function]`: programs in natural Rust, run eagerly, compiled, and as plain Rust over `f32`, with the same results.
//!
//! What the macro promises, and where it is shown:
//!
//! | syntax | tests |
//! |---|---|
//! | `if`, `else if`, `else`, as statement and as expression | `branches`, `generated` |
//! | `if` of a plain value, `match`, `if let`, `let else` | `branches::{plain_conditions, a_match, if_let}` |
//! | values that branches disagree about | `errors` |
//! | `while`, `loop`, with values | `loops`, `generated`; loop variables that change: `errors` |
//! | `for` over a tensor | `items::loops_over_tensors`, `gradients::ranges_and_slices` |
//! | `for` over ranges | `ranges`; plain ones are unrolled: `loops::{unrolled, unrolled_with_return}` |
//! | `break`, `continue`, `return`, labels | `loops`, `branches`, `generated`: all that the grammar combines |
//! | `&&`, `\|\|`, `!`, comparisons | `branches::{logic, comparisons}`, `loops::a_condition_of_two_parts` |
//! | `assert!`, `println!` | `items::prints_and_assertions_come_in_order` |
//! | methods, functions without receivers, generics | `items` |
//! | variables | `state`; gradients of it all: `gradients` |
//!
//! What the macro refuses is shown in `macros/tests/messages`.

#![allow(
    clippy::all,
    unused,
    while_true,
    reason = "programs are written to be odd, and for two types at once"
)]

#[macro_use]
mod harness;
mod branches;
mod empty;
mod errors;
mod essay;
mod generated;
mod gradients;
mod grammar;
mod items;
mod loops;
mod ranges;
mod state;
