//! The function that callers see, and the traced one behind it.
//!
//! The macro makes two items of one. The first has the user's name and signature, and calls the second, which gives the `Function` that
//! holds what has been compiled. Beside a free function `f` that is `f::function`, in a struct `f {}`: types and functions have different
//! name spaces. An `impl` block can hold no struct, so there it is `f_function`.
//!
//! A `Function` that is not generic is a static. One that is has an instance for each choice of parameters, and a static in a generic
//! function is one for all of them, so `control::natural::instance` keeps those by type.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericParam, Generics, ItemFn, Pat, PatIdent, Result, ReturnType, Type};

use super::lower::Lower;

/// The most arguments, with the receiver: as many as a tuple of trees may have.
const MOST: usize = 12;

/// An argument of the traced function.
struct Argument {
    /// What the caller's function calls it, and what the traced one is given.
    name: Ident,
    pattern: Pat,
    /// The type that is traced: without a reference.
    ty: Type,
    is_reference: bool,
}

/// Where the item stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Outside of `impl` blocks.
    Free,
    /// In one, without a receiver.
    Associated,
    /// In one, with a receiver.
    Method,
}

pub(super) fn expand(item: &ItemFn, is_associated: bool) -> Result<TokenStream> {
    check(item)?;
    let home = match item.sig.receiver() {
        Some(_) => Home::Method,
        // A function that speaks of `Self` is in an `impl` block.
        None if is_associated || names_self_type(item.to_token_stream()) => Home::Associated,
        None => Home::Free,
    };
    let arguments = item.sig.inputs.iter().enumerate().filter_map(|(i, input)| match input {
        FnArg::Typed(typed) => Some(argument(i, typed)),
        FnArg::Receiver(_) => None,
    });
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let result: Type = match &item.sig.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    let body = body(item, home, &arguments, &result)?;
    let traced = traced(item, home, &arguments, &result, &body);
    Ok(callable(item, home, &arguments, &result, &traced))
}

fn names_self_type(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => names_self_type(group.stream()),
        _ => false,
    })
}

fn check(item: &ItemFn) -> Result<()> {
    let signature = &item.sig;
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(token.span, "an async function cannot be traced"));
    }
    if let Some(token) = &signature.unsafety {
        return Err(Error::new(
            token.span,
            "an unsafe function cannot be traced; put the unsafe part into a function that it calls",
        ));
    }
    if let Some(token) = &signature.constness {
        return Err(Error::new(token.span, "a const function cannot be traced"));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(
            abi,
            "a function for other languages cannot be traced; call it from one",
        ));
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && let Type::ImplTrait(ty) = &**ty
    {
        return Err(Error::new_spanned(ty, "name the type that is returned"));
    }
    if signature.inputs.len() > MOST {
        return Err(Error::new_spanned(
            &signature.inputs,
            "a traced function has at most 12 arguments; put some into a tuple or a struct that derives `Tree`",
        ));
    }
    match signature.receiver() {
        Some(receiver) if receiver.mutability.is_some() => Err(Error::new_spanned(
            receiver,
            "a traced method takes `&self`: it cannot change its receiver; return the new value",
        )),
        _ => Ok(()),
    }
}

fn argument(index: usize, typed: &syn::PatType) -> Result<Argument> {
    let (ty, is_reference) = match &*typed.ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            return Err(Error::new_spanned(
                reference,
                "a traced function cannot change its arguments; take the value and return the new one",
            ));
        }
        Type::Reference(reference)
            if reference.lifetime.as_ref().is_none_or(|name| name.ident != "static") =>
        {
            ((*reference.elem).clone(), true)
        }
        Type::ImplTrait(ty) => {
            return Err(Error::new_spanned(ty, "name the type by a parameter: `fn f<T: Tree>(x: T)`"));
        }
        ty => (ty.clone(), false),
    };
    let name = match &*typed.pat {
        Pat::Ident(PatIdent { ident, subpat: None, .. }) => ident.clone(),
        _ => format_ident!("argument{index}", span = Span::mixed_site()),
    };
    Ok(Argument { name, pattern: (*typed.pat).clone(), ty, is_reference })
}

/// The name of the receiver in the traced body.
fn own() -> Ident {
    Ident::new("receiver", Span::mixed_site())
}

/// The closure's body.
fn body(item: &ItemFn, home: Home, arguments: &[Argument], result: &Type) -> Result<TokenStream> {
    let is_method = home == Home::Method;
    let block = if is_method {
        syn::parse2(without_self(item.block.to_token_stream()))?
    } else {
        (*item.block).clone()
    };
    let mut lower = Lower::new(result.clone());
    let bind = arguments.iter().map(|Argument { name, pattern, is_reference, .. }| {
        let reference = is_reference.then(|| quote!(&));
        quote!(let #pattern = #reference #name;)
    });
    let bind: TokenStream = bind.collect();
    let statements = lower.function(&block, arguments.iter().map(|argument| &argument.pattern))?;
    let receiver = is_method.then(|| {
        let own = own();
        quote!(let #own = &#own;)
    });
    Ok(quote!(#receiver #bind #statements))
}

/// The tokens with the receiver's name for `self`: the body becomes a closure over its arguments, in which `self` is one of them, and no
/// closure may call an argument so. Tokens, not expressions, because macros hold them too. `self::path` stays.
fn without_self(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut renamed = TokenStream::new();
    while let Some(token) = tokens.next() {
        renamed.extend([match token {
            TokenTree::Ident(ident) if ident == "self" => {
                let is_path =
                    matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                let span = Span::mixed_site().located_at(ident.span());
                TokenTree::Ident(if is_path { ident } else { Ident::new("receiver", span) })
            }
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), without_self(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        }]);
    }
    renamed
}

/// The type parameters, as they are declared and as they are given; lifetimes are those of references, which are not traced.
fn generics(generics: &Generics) -> (Generics, TokenStream) {
    let mut declared = generics.clone();
    let without_lifetimes = generics.params.iter().filter(|p| !matches!(p, GenericParam::Lifetime(_)));
    declared.params = without_lifetimes.cloned().collect();
    let names = declared.params.iter().map(|parameter| match parameter {
        GenericParam::Type(ty) => ty.ident.to_token_stream(),
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Lifetime(lifetime) => lifetime.to_token_stream(),
    });
    let given = if declared.params.is_empty() { quote!() } else { quote!(::<#(#names),*>) };
    (declared, given)
}

/// The function that gives the traced one.
fn traced(
    item: &ItemFn,
    home: Home,
    arguments: &[Argument],
    result: &Type,
    body: &TokenStream,
) -> TokenStream {
    let is_method = home == Home::Method;
    let (declared, _) = generics(&item.sig.generics);
    let (parameters, _, clause) = declared.split_for_impl();
    let visibility = &item.vis;
    let text = item.sig.ident.to_string();
    let name = match home {
        Home::Free => format_ident!("function"),
        Home::Associated | Home::Method => format_ident!("{}_function", item.sig.ident),
    };
    let receiver = is_method.then(own);
    let receiver_type = is_method.then(|| quote!(Self));
    let names: Vec<&Ident> = arguments.iter().map(|argument| &argument.name).collect();
    let texts = is_method.then(|| "self".to_owned()).into_iter();
    let texts: Vec<String> = texts.chain(names.iter().map(|name| name.to_string())).collect();
    let types: Vec<TokenStream> =
        receiver_type.into_iter().chain(arguments.iter().map(|a| a.ty.to_token_stream())).collect();
    let names = receiver.iter().chain(names);
    let tree = quote_spanned!(result.span()=> <#result as ::tensorwright::Output>::Tree);
    let function = quote!(::tensorwright::Function<(#(#types,)*), #tree>);
    let make = quote! {
        ::tensorwright::control::natural::traced(|(#(#names,)*): (#(#types,)*)| -> ::tensorwright::Result<#tree> { #body })
            .with_name(#text)
            .with_argument_names([#(#texts),*] as [&str; _])
    };
    // An argument that is no tree is to be told at its type, not inside of what is expanded.
    let asserts = arguments
        .iter()
        .map(|Argument { ty, .. }| quote_spanned!(ty.span()=> ::tensorwright::tree::assert_tree::<#ty>();));
    let asserts: TokenStream = asserts.collect();
    let find = if home != Home::Free || !declared.params.is_empty() {
        quote!(::tensorwright::control::natural::instance(|| #make))
    } else {
        quote! {
            static FUNCTION: ::std::sync::OnceLock<#function> = ::std::sync::OnceLock::new();
            FUNCTION.get_or_init(|| #make)
        }
    };
    let docs = format!("The traced function behind `{text}`: its counters, signatures and dumps.");
    quote! {
        #[doc = #docs]
        #[allow(clippy::all, unused_assignments, unused_mut, unused_variables, unreachable_code, unused_braces, unused_parens)]
        #visibility fn #name #parameters() -> &'static #function #clause {
            #asserts
            #find
        }
    }
}

/// What callers call, and the traced function next to it.
fn callable(
    item: &ItemFn,
    home: Home,
    arguments: &[Argument],
    result: &Type,
    traced: &TokenStream,
) -> TokenStream {
    let receiver = item.sig.receiver();
    let (attributes, visibility, signature) = (&item.attrs, &item.vis, &item.sig);
    let (ident, output, clause) = (&signature.ident, &signature.output, &signature.generics.where_clause);
    let (parameters, _, _) = signature.generics.split_for_impl();
    let (_, given) = generics(&signature.generics);
    let types = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(&typed.ty),
        FnArg::Receiver(_) => None,
    });
    let names: Vec<&Ident> = arguments.iter().map(|argument| &argument.name).collect();
    let passed = arguments.iter().map(
        |Argument { name, is_reference, .. }| {
            if *is_reference { quote!(#name) } else { quote!(&#name) }
        },
    );
    let is_reference = receiver.is_some_and(|receiver| receiver.reference.is_some());
    let own = receiver.map(|_| if is_reference { quote!(self,) } else { quote!(&self,) });
    let comma = receiver.map(|receiver| quote!(#receiver,));
    let name = format_ident!("{ident}_function");
    let of = match home {
        Home::Free => quote!(#ident::function #given()),
        Home::Associated | Home::Method => quote!(Self::#name #given()),
    };
    let call = quote_spanned! {result.span()=>
        <#result as ::tensorwright::control::natural::Returned>::from_call(#of.call((#own #(#passed,)*)))
    };
    let (docs, place) =
        (format!("The traced function behind [`{ident}()`]."), quote!(#visibility struct #ident {}));
    let traced = match home {
        Home::Associated | Home::Method => traced.clone(),
        Home::Free => quote! {
            #[doc = #docs]
            #[allow(non_camel_case_types)]
            #place
            impl #ident { #traced }
        },
    };
    quote! {
        #(#attributes)*
        #[track_caller]
        #visibility fn #ident #parameters(#comma #(#names: #types),*) #output #clause {
            #call
        }
        #traced
    }
}
