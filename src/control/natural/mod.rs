//! What `#[function]` expands to calls. Not for use by hand.
//!
//! A construct of natural Rust becomes a loop over the *phases* of a driver, with the construct's blocks in the arms of a
//! `match`, and so in the same function as before: they may use `?` and borrow what is around them. For a plain condition the
//! driver goes through the phases as Rust would. For a tensor in a trace it goes through each block once, and between the blocks
//! it begins and ends regions, puts variables back to what they were, and merges what the blocks made of them.
//!
//! - `carry`: variables, [`Flag`]s of jumps and [`Slot`]s of values, as drivers see them;
//! - `choice`: `if`, and what is skipped after a jump; [`repeat`]: loops, [`record`]: how a traced one becomes an op;
//! - `iterate`: what `for` goes over, with [`range()`] among it; [`logic`]: comparisons and `&&`, `||`, `!`; [`effects`]: `println!` and `assert!`;
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
pub use instance::{Failed, Returned, instance, returned};
pub use iterate::{Iterate, Slices, Source};
pub use logic::{
    Answer, CompareEq, CompareOrd, Condition, Connect, Kind, Left, Logic, PlainLeft, TensorLeft, Truth,
    condition, copy, is_tensor, not, unless,
};
pub use range::{Range, RangeBound, RangeBounds, range};
pub use repeat::Loop;
pub use trip::Trip;
