//! `println!`, `assert!` and its kin, whose arguments may be tensors.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, LitStr, Macro, Token};

use super::lower::Lower;

type Arguments = Punctuated<Expr, Token![,]>;

/// The macro as a call, if it is one of those.
pub(super) fn call(lower: &mut Lower, mac: &Macro) -> Option<TokenStream> {
    let name = mac.path.get_ident()?.to_string();
    let arguments = || Arguments::parse_terminated.parse2(mac.tokens.clone()).ok();
    match name.as_str() {
        "println" => print_line(mac, &arguments()?),
        "assert" => assert(lower, mac, &arguments()?),
        "assert_eq" => assert_same(lower, mac, &arguments()?, Same::Yes),
        "assert_ne" => assert_same(lower, mac, &arguments()?, Same::No),
        "debug_assert" => Some(in_debug(assert(lower, mac, &arguments()?)?)),
        "debug_assert_eq" => Some(in_debug(assert_same(lower, mac, &arguments()?, Same::Yes)?)),
        "debug_assert_ne" => Some(in_debug(assert_same(lower, mac, &arguments()?, Same::No)?)),
        "vec" => {
            let elements = arguments()?;
            let elements: Vec<TokenStream> = elements.iter().map(|element| lower.expr(element)).collect();
            let path = &mac.path;
            Some(quote!(#path![#(#elements),*]))
        }
        _ => None,
    }
}

fn assert(lower: &mut Lower, mac: &Macro, arguments: &Arguments) -> Option<TokenStream> {
    let condition = arguments.first()?;
    let span = mac.path.span();
    let message: Arguments = arguments.iter().skip(1).cloned().collect();
    let text = quote!(#condition).to_string();
    let message = message_line(&message).unwrap_or_else(|| {
        let text = text_piece(&text);
        quote!([#text])
    });
    let truth = lower.truth(condition);
    Some(checked(&truth, &quote!(::std::vec::Vec::from(#message)), span))
}

/// Whether an assertion wants two values to be the same.
#[derive(Clone, Copy)]
enum Same {
    Yes,
    No,
}

/// `assert_eq!` and `assert_ne!`: of tensors all elements count, and the message shows both sides.
fn assert_same(lower: &mut Lower, mac: &Macro, arguments: &Arguments, same: Same) -> Option<TokenStream> {
    let (left, right) = (arguments.first()?, arguments.get(1)?);
    let span = mac.path.span();
    let message: Arguments = arguments.iter().skip(2).cloned().collect();
    let operator = match same {
        Same::Yes => "==",
        Same::No => "!=",
    };
    let message = message_line(&message).unwrap_or_else(|| {
        let text = text_piece(&format!("{} {operator} {}", quote!(#left), quote!(#right)));
        quote!([#text])
    });
    let (left, right) = (lower.place(left), lower.place(right));
    let (l, r) = (Ident::new("left", Span::mixed_site()), Ident::new("right", Span::mixed_site()));
    let is_same = quote_spanned! {span=>
        ::tensorwright::control::natural::whole(&::tensorwright::control::natural::Left(#l).eq(#r))
    };
    let truth = match same {
        Same::Yes => is_same,
        Same::No => quote_spanned!(span=> ::tensorwright::control::natural::not(&#is_same)),
    };
    let shown = |value: &Ident| quote!(::tensorwright::control::natural::Printed(#value).piece(|| ::std::format!("{:?}", #value)));
    let (shown_left, shown_right) = (shown(&l), shown(&r));
    let (before, between) = (text_piece(": left is "), text_piece(", right is "));
    let message = quote! {{
        let mut message = ::std::vec::Vec::from(#message);
        message.extend([#before, #shown_left, #between, #shown_right]);
        message
    }};
    let check = checked(&truth, &message, span);
    Some(quote_spanned! {span=>
        match (&(#left), &(#right)) {
            (#l, #r) => {
                #[allow(unused_imports)]
                use ::tensorwright::control::natural::{PlainLeft as _, TensorLeft as _};
                #check
            }
        }
    })
}

/// A condition that must hold, and the pieces of what is said if it does not.
fn checked(truth: &TokenStream, message: &TokenStream, span: Span) -> TokenStream {
    quote_spanned! {span=>
        ::tensorwright::control::natural::assert_condition(
            ::tensorwright::control::natural::condition(&(#truth))?,
            || {
                #[allow(unused_imports)]
                use ::tensorwright::control::natural::{ViaDisplay as _, ViaTensor as _};
                #message
            },
        )?
    }
}

fn in_debug(check: TokenStream) -> TokenStream {
    quote!(if ::core::cfg!(debug_assertions) { #check })
}

/// The message of an assertion as an array of pieces, if it has one.
fn message_line(message: &Arguments) -> Option<TokenStream> {
    if message.is_empty() {
        return None;
    }
    Some(line(message).unwrap_or_else(|| {
        let text = quote!(::tensorwright::control::natural::Piece::Text(::std::format!(#message)));
        quote!([#text])
    }))
}

fn print_line(mac: &Macro, arguments: &Arguments) -> Option<TokenStream> {
    let span = mac.path.span();
    let pieces = line(arguments)?;
    Some(quote_spanned! {span=>
        {
            #[allow(unused_imports)]
            use ::tensorwright::control::natural::{ViaDisplay as _, ViaTensor as _};
            ::tensorwright::control::natural::print_line(&#pieces)?
        }
    })
}

/// The arguments of `format!` as an array of pieces.
fn line(arguments: &Arguments) -> Option<TokenStream> {
    let Some(Expr::Lit(ExprLit { lit: Lit::Str(format), .. })) = arguments.first() else { return None };
    let pieces = pieces(format, arguments)?;
    Some(quote!([#(#pieces),*]))
}

/// The pieces of a format string, unless it is beyond us: then the macro stays as it is.
fn pieces(format: &LitStr, arguments: &Arguments) -> Option<Vec<TokenStream>> {
    let text = format.value();
    let (mut pieces, mut plain, mut position) = (Vec::new(), String::new(), 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                plain.push(c);
            }
            '{' => {
                let place: String = chars.by_ref().take_while(|&c| c != '}').collect();
                pieces.push(plain_piece(&mut plain));
                pieces.push(placeholder(&place, format, arguments, &mut position)?);
            }
            c => plain.push(c),
        }
    }
    pieces.push(plain_piece(&mut plain));
    Some(pieces)
}

fn plain_piece(plain: &mut String) -> TokenStream {
    text_piece(&std::mem::take(plain))
}

fn text_piece(text: &str) -> TokenStream {
    quote!(::tensorwright::control::natural::Piece::Text(::std::string::String::from(#text)))
}

fn placeholder(
    place: &str,
    format: &LitStr,
    arguments: &Arguments,
    position: &mut usize,
) -> Option<TokenStream> {
    let (name, style) = place.split_once(':').unwrap_or((place, ""));
    if style.contains(['$', '*']) {
        return None;
    }
    let name = name.trim();
    let value = if name.is_empty() {
        *position += 1;
        unnamed(arguments, *position - 1)?
    } else if let Ok(number) = name.parse::<usize>() {
        unnamed(arguments, number + 1)?
    } else {
        let named = arguments.iter().find_map(|argument| match argument {
            Expr::Assign(assign) => {
                let is_it = matches!(&*assign.left, Expr::Path(path) if path.path.is_ident(name));
                is_it.then(|| (*assign.right).clone())
            }
            _ => None,
        });
        let captured = || Ident::new(name, format.span());
        named.unwrap_or_else(|| {
            let captured = captured();
            syn::parse_quote!(#captured)
        })
    };
    let style = format!("{{:{style}}}");
    Some(quote! {
        ::tensorwright::control::natural::Printed(&(#value)).piece(|| ::std::format!(#style, #value))
    })
}

fn unnamed(arguments: &Arguments, index: usize) -> Option<Expr> {
    arguments.get(index).filter(|argument| !matches!(argument, Expr::Assign(_))).cloned()
}
