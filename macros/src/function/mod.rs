//! `#[function]`: natural Rust control flow becomes traced control flow.
//!
//! # The problem
//!
//! A traced function runs once, to be recorded. An ordinary `if` would record the side that is taken while tracing, and a `while`
//! would go on for ever, because a traced condition has no value. So each construct becomes calls of a *driver*, which records both
//! sides, or one iteration, where a tensor decides. The macro sees tokens and no types, so it cannot know where a tensor does: it
//! expands every construct in the same way, and traits choose when the expansion is compiled (`condition`, `is_tensor`, `Iterate`).
//!
//! # Notation
//!
//! - A *driver* is a state machine with *phases* (`tensorwright::control::natural`): `Then`, `Else`, `Test`, `Body`. A construct becomes a
//!   loop that asks the driver for its phase, runs the block of that phase, and steps. Blocks stay in the user's function, in the arms of a
//!   `match`, so that `?` and borrows mean what they meant; closures would forbid both.
//! - *Carriers* are the variables that the blocks may change, handed to `step` as `&mut dyn Carried`: the driver saves them, puts
//!   them back between blocks, and gives them the merged values at the end.
//! - A jump is a *flag* (`break`, `continue`, `return`), one for each loop and one for the function. Flags are carried too.
//! - A *slot* is where a block puts its value, because a block that jumps has none. Slots are carried too.
//! - A *guard* is a driver of one side: what stands after something that may jump runs unless a flag is up.
//!
//! # Invariant
//!
//! After lowering, control leaves a block at its end only: no `break`, `continue` or `return` of the user's is left. So the
//! driver sees the end of every block. (`?` may leave: then the trace fails as a whole.)
//!
//! # One function, followed through
//!
//! ```ignore
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
//! ```
//!
//! [`scan`] finds that the loop touches `x`. [`lower`] goes through statements with a destination for the block's value, and gives back
//! tokens and the set of jumps that they may take. The `if` may return; so the rest of the body goes into a guard, and so does
//! everything after the loop. Without paths and hygiene the expansion is this; `G(flags, carriers) { .. }` stands for a guard, which
//! is a loop over the phases of `Choice::guard(unless(&[flags]))`:
//!
//! ```ignore
//! let mut result = Slot::new();                                  // where the value of the function goes
//! let mut returns = Flag::new();                                 // whether `return` was taken
//! let mut x = x;
//! let mut breaks = Flag::new();
//! let mut driver = Loop::while_loop(is_tensor(&kind));           // `kind` has the type of `x > 1.0`
//! loop {
//!     match driver.phase() {
//!         Phase::Test => driver.test(condition(&(Left(&x).gt(&1.0)))?),
//!         Phase::Body => G(returns, [x, returns, result]) {      // an iteration after the jump does nothing
//!             let mut choice = Choice::new(condition(&(Left(&x).gt(&100.0)))?)?;
//!             loop {
//!                 match choice.phase() {
//!                     Phase::Start => {}
//!                     Phase::Then => { result.fill(copy(&x)); returns.set(); }
//!                     Phase::Else => {}
//!                     _ => break,
//!                 }
//!                 choice.step(&mut [x, returns, result])?;
//!             }
//!             G(returns, [x]) { x = copy(&x) / 2.0; }            // what the jump skips
//!         }
//!         Phase::Done => break,
//!         _ => {}
//!     }
//!     driver.step(&mut [x, returns, result])?;
//! }
//! G(returns, [result, ..]) { result.fill(x); }                   // the tail, unless `return` was taken
//! result.take("the function")
//! ```
//!
//! `copy` clones a variable that another block may use too: blocks are in one function, and to the compiler each may run after the other.
//! What the drivers make of this, up to the graph, is told in `core/src/control/natural/mod.rs` of the facade, with the same function.
//!
//! # Where to find what
//!
//! - [`item`]: the function that callers see, and the traced one behind it;
//! - [`scan`]: which variables a block may change; [`scope`]: what names mean at a place; [`paths`]: which of them have values;
//! - [`lower`]: statements, and what jumps skip; [`construct`]: `if`, `match` and loops as drivers; [`express`]: expressions;
//! - [`print`]: `println!` and `assert!`.
//!
//! Names that this module makes up are hygienic. Calls have the spans of the tokens that they stand for, so that both the compiler's
//! messages and those of tracing point there.

mod construct;
mod express;
mod item;
mod lower;
mod paths;
mod print;
mod scan;
mod scope;

use proc_macro2::{TokenStream, TokenTree};
use syn::{Error, Result};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut options = options.into_iter();
    let associated = match options.next() {
        None => false,
        Some(TokenTree::Ident(option)) if option == "associated" => true,
        Some(option) => return Err(unknown(&option)),
    };
    match options.next() {
        None => item::expand(&syn::parse2(item)?, associated),
        Some(option) => Err(unknown(&option)),
    }
}

fn unknown(option: &TokenTree) -> Error {
    let message = "the only option of `#[function]` is `associated`; for others use methods of the `Function` behind it";
    Error::new(option.span(), message)
}
