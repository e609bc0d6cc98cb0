//! `#[function]`: natural Rust control flow becomes traced control flow.
//!
//! - [`item`]: the function that callers see, and the traced one behind it;
//! - [`scan`]: which variables a block may change; [`scope`]: what names mean at a place; [`paths`]: which of them have values;
//! - [`lower`]: statements, and what jumps skip; [`construct`]: `if`, `match` and loops as drivers; [`express`]: expressions;
//! - [`print`]: `println!` and `assert!`.
//!
//! A construct becomes a loop over the phases of a driver (`tensorwright::control::natural`), whose arms hold the construct's
//! blocks. Jumps become flags: `break` raises the flag of its loop, and the statements after something that may raise a flag are
//! guarded by it. Values of blocks go to slots, because a block that jumps has none. Whether a tensor decides is found by
//! the types, after this expansion, so there is one expansion for tensors and for plain values.
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
