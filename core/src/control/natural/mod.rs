//! What `#[function]` expands to calls. Not for use by hand.
//!
//! A construct of natural Rust becomes a loop over the *phases* of a driver, with the construct's blocks in the arms of a
//! `match`, and so in the same function as before: they may use `?` and borrow what is around them. For a plain condition the
//! driver goes through the phases as Rust would. For a tensor in a trace it goes through each block once, and between the blocks
//! it begins and ends regions, puts variables back to what they were, and merges what the blocks made of them.
//!
//! # Notation
//!
//! A *carrier* is what blocks may change: a variable, the [`Flag`] of a jump, or the [`Slot`] of a value. `save` copies it; `load` puts a
//! copy back, with other tensors if need be. A flag is *known* (up or not, while tracing) or a traced bool; a slot is empty or full. A
//! *side* is one block of an `if` with what the carriers were after it; an *outlet* says for each tensor of a carrier whether
//! the side left it alone.
//!
//! # Invariants
//!
//! - Between phases, carriers are what they were before the construct, whatever a block did. Only `Done` leaves them changed.
//! - A block is traced with all flags known to be down: code in it runs only then. So a flag is traced only between constructs.
//! - What no block changed is no operand and no result; what a body only reads is loop-invariant, an input of the regions and not carried.
//!
//! # One function, followed through
//!
//! The macro's part, from source to drivers, is told in `macros/src/function/mod.rs`, with this function:
//!
//! ```
//! use tensorwright::prelude::*;
//!
//! #[function]
//! fn halved(x: Tensor) -> Tensor {
//!     let mut x = x;
//!     while x > 1.0 {
//!         if x > 100.0 {
//!             return x;
//!         }
//!         x = x / 2.0;
//!     }
//!     x
//! }
//! assert_eq!(halved(Tensor::from(12.0f32)).item::<f32>()?, 0.75);
//! assert_eq!(halved(Tensor::from(3200.0f32)).item::<f32>()?, 3200.0);
//! let graph = halved::function().dump(Stage::Traced)?;
//! assert_eq!(["while", "if"].map(|op| graph.matches(&format!("= {op}(")).count()), [1, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! Its calls are traced for `x: f32[]`. Carriers of the loop are `x`, the flag `returns` and the slot `result`.
//!
//! | step | what the driver does | `x` | `returns` | `result` |
//! |---|---|---|---|---|
//! | `Loop`, `Start` | saves the carriers; begins the region `body`; shows a placeholder for `x` | `%a` | down | empty |
//! | guard of the body | no flag is up: it is a plain `if true` | | | |
//! | `Choice` on `x > 100` | saves; begins the region `then` | `%a` | down | empty |
//! | `Then` | runs `result.fill(x); returns.set()`; saves that as a side, puts back, begins `else` | `%a` | up | full |
//! | `Else` | saves the other side; the sides differ about the flag (a constant for each) and the slot (`%a`, or a filler that nobody reads); records `if` | `%a` | `%r` | full: `%v` |
//! | guard on `returns` | a traced flag decides: `then` is the code, `else` is empty; records `if` | `%y` | `%r` | `%v` |
//! | `Loop`, end of `Body` | saves; `x` changed: carried. The slot was empty before the loop: it is carried with a filler as initial value. The flag is carried, initially false. Begins the region `test` | `%a` | | |
//! | `Test` | ends it with `x > 1 and not returns`; records `while` with three carried values | `%x'` | `%r'` | `%v'` |
//! | guard of the tail | `if not returns { result = x }`; records `if` | | | `%w` |
//!
//! The function's result is `%w`. A run computes what Rust would: after a return the loop's condition is false, and the tail keeps
//! the value.
//!
//! With a plain condition (`while n > 1` for an `i32`), or outside of a trace, the same calls run as Rust: a phase for each test and
//! each body, and nothing is saved. A flag may still be traced then, if a tensor decides about a `break` inside: a `while` or
//! `for` guards its next bodies by it, and a `loop` goes on as a traced loop from there, because nothing else could end it.
//!
//! # Where to find what
//!
//! - `carry`: variables, [`Flag`]s of jumps and [`Slot`]s of values, as drivers see them;
//! - `choice`: `if`, and what is skipped after a jump; [`repeat`]: loops, [`record`]: how a traced one becomes an op;
//! - `iterate`: what `for` goes over, with [`range()`] among it ([`trip`], `ends`); [`logic`]: comparisons and `&&`, `||`, `!`;
//!   [`effects`]: `println!`, `assert!` and its kin;
//! - `instance`: where the functions are kept, and how they are called.

mod carry;
mod choice;
mod effects;
mod ends;
mod instance;
mod iterate;
mod logic;
mod range;
mod record;
mod repeat;
mod trip;

pub use carry::{Carried, Carrier, Flag, Probe, Saved, Slot, SlotProbe, ViaAny, ViaTree};
pub use choice::{Choice, Phase};
pub use effects::{Piece, Printed, ViaDisplay, ViaTensor, assert_condition, print_line};
pub use ends::{Ends, OpenOrClosed, PlainEnds, TensorEnds};
pub use instance::{Failed, Returned, instance, returned, traced};
pub use iterate::{Iterate, Slices, Source};
pub use logic::{
    Answer, CompareEq, CompareOrd, Condition, Connect, Kind, Left, Logic, PlainLeft, TensorLeft, Truth,
    condition, copy, is_tensor, not, unless, whole,
};
pub use range::{Range, RangeBound, RangeBounds, range};
pub use repeat::Loop;
pub use trip::Trip;
