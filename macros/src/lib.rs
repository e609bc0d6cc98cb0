//! Derives for containers of tensors.

mod module;
mod tree;

use proc_macro::TokenStream;

/// Makes a struct or enum a tree of its fields, so that functions can take and return it.
///
/// Fields are trees themselves: tensors, plain values, containers of them. A field marked `#[tree(static)]`
/// need not be: it is part of the signature by its `Hash`, and must be `Clone + Debug + Eq + Hash + Send +
/// Sync`. Variants of an enum are part of the signature.
#[proc_macro_derive(Tree, attributes(tree))]
pub fn derive_tree(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    tree::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a module of its fields: its variables are theirs, with the names of fields in their paths. A field marked
/// `#[module(skip)]` holds none.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    module::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
