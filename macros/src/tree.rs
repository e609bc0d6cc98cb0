//! `#[derive(Tree)]`.
//!
//! The derived code says two things about a type: how a visitor goes through its leaves, and how the value is built again with
//! other tensors. Both match `self` field by field, in the order of declaration: that order is the order of leaves, so it is part
//! of signatures. Which variant an enum is is told to the visitor before its fields, because a signature that left it out could
//! take two variants of the same leaves for one.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Ident, Index, Member, Result, Type};

/// A field of a struct or variant.
struct Field<'a> {
    member: Member,
    /// The name that patterns bind it to.
    binding: Ident,
    ty: &'a Type,
    is_static: bool,
}

/// A struct, or one variant of an enum.
struct Shape<'a> {
    /// `Self` or `Self::Variant`.
    path: TokenStream,
    /// What comes before the fields are visited.
    prelude: TokenStream,
    fields: Vec<Field<'a>>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let shapes = shapes(input)?;
    let name = &input.ident;
    let mut generics = input.generics.clone();
    // As the derives of the standard library do: a type parameter is taken for a tree, whether a field has it or not.
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(syn::parse_quote!(::tensorwright::tree::Tree));
    }
    let (with_bounds, arguments, clause) = generics.split_for_impl();
    let visits = shapes.iter().map(visit);
    let rebuilds = shapes.iter().map(rebuild);
    let asserts = shapes.iter().flat_map(|shape| &shape.fields).map(assertion);
    let of_self = quote!(#name #arguments);
    Ok(quote! {
        #[automatically_derived]
        impl #with_bounds ::tensorwright::tree::TreeLike<#of_self> for #of_self #clause {
            fn visit<'tree, __V: ::tensorwright::tree::Visitor<'tree>>(&'tree self, visitor: &mut __V) {
                #(#asserts)*
                match self { #(#visits)* }
            }

            fn rebuild<__F: FnMut(::tensorwright::tree::LeafRef<'_>) -> ::tensorwright::Tensor>(
                &self,
                tensor: &mut __F,
            ) -> #of_self {
                match self { #(#rebuilds)* }
            }
        }

        #[automatically_derived]
        impl #with_bounds ::tensorwright::tree::Tree for #of_self #clause {}

        #[automatically_derived]
        impl #with_bounds ::tensorwright::tree::Argument<#of_self> for #of_self #clause {
            type Held = #of_self;

            fn hold(self, _: &'static ::core::panic::Location<'static>) -> #of_self {
                self
            }
        }
    })
}

fn shapes(input: &DeriveInput) -> Result<Vec<Shape<'_>>> {
    match &input.data {
        Data::Struct(data) => {
            Ok(vec![Shape { path: quote!(Self), prelude: quote!(), fields: fields(&data.fields)? }])
        }
        Data::Enum(data) if data.variants.is_empty() => {
            Err(Error::new_spanned(&input.ident, "an enum without variants has no values, so it is no tree"))
        }
        Data::Enum(data) => data.variants.iter().enumerate().map(|(i, v)| variant(i, v)).collect(),
        Data::Union(data) => Err(Error::new_spanned(
            data.union_token,
            "a union is no tree: which of its fields is there is unknown",
        )),
    }
}

fn variant(index: usize, variant: &syn::Variant) -> Result<Shape<'_>> {
    let (ident, name) = (&variant.ident, variant.ident.to_string());
    Ok(Shape {
        path: quote!(Self::#ident),
        prelude: quote!(::tensorwright::tree::Visitor::variant(visitor, #index, #name);),
        fields: fields(&variant.fields)?,
    })
}

fn fields(fields: &Fields) -> Result<Vec<Field<'_>>> {
    fields.iter().enumerate().map(|(i, field)| one_field(i, field)).collect()
}

fn one_field(index: usize, field: &syn::Field) -> Result<Field<'_>> {
    let mut is_static = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("tree")) {
        attribute.parse_nested_meta(|meta| {
            is_static |= meta.path.is_ident("static");
            if meta.path.is_ident("static") {
                Ok(())
            } else {
                Err(meta.error("unknown option; the only one is `static`"))
            }
        })?;
    }
    let member = match &field.ident {
        Some(name) => Member::Named(name.clone()),
        None => Member::Unnamed(Index::from(index)),
    };
    Ok(Field { member, binding: format_ident!("field_{index}"), ty: &field.ty, is_static })
}

/// The match arm that visits the fields.
fn visit(shape: &Shape<'_>) -> TokenStream {
    let Shape { path, prelude, fields } = shape;
    let (members, bindings) = pattern(fields);
    let visits = fields.iter().map(|field| {
        let (segment, binding) = (segment(&field.member), &field.binding);
        let visit = if field.is_static {
            quote!(::tensorwright::tree::visit_static(#binding, visitor);)
        } else {
            quote!(::tensorwright::tree::visit_tree(#binding, visitor);)
        };
        quote! {
            ::tensorwright::tree::Visitor::enter(visitor, #segment);
            #visit
            ::tensorwright::tree::Visitor::leave(visitor);
        }
    });
    quote!(#path { #(#members: #bindings),* } => { #prelude #(#visits)* })
}

/// The match arm that builds the value again.
fn rebuild(shape: &Shape<'_>) -> TokenStream {
    let Shape { path, fields, .. } = shape;
    let (members, bindings) = pattern(fields);
    let rebuilt = fields.iter().map(|field| {
        let binding = &field.binding;
        if field.is_static {
            quote!(::core::clone::Clone::clone(#binding))
        } else {
            quote!(::tensorwright::tree::rebuild_tree(#binding, tensor))
        }
    });
    let again = members.clone();
    quote!(#path { #(#members: #bindings),* } => #path { #(#again: #rebuilt),* },)
}

fn pattern<'f>(fields: &'f [Field<'_>]) -> (Vec<&'f Member>, Vec<&'f Ident>) {
    fields.iter().map(|field| (&field.member, &field.binding)).unzip()
}

fn segment(member: &Member) -> TokenStream {
    match member {
        Member::Named(name) => {
            let name = name.to_string();
            quote!(::tensorwright::tree::Segment::Field(#name))
        }
        Member::Unnamed(index) => {
            let index = index.index as usize;
            quote!(::tensorwright::tree::Segment::Position(#index))
        }
    }
}

/// Makes the compiler point at the field's type if it is not what its mark says.
fn assertion(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    let check = if field.is_static { quote!(assert_static) } else { quote!(assert_tree) };
    let span =
        ty.to_token_stream().into_iter().next().map_or_else(proc_macro2::Span::call_site, |t| t.span());
    let call = quote::quote_spanned!(span=> ::tensorwright::tree::#check::<#ty>(););
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(input: DeriveInput) -> String {
        derive(&input).map(|tokens| tokens.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn structs_and_enums_are_trees() {
        let input = syn::parse_quote! { struct Layer<T> { w: T, #[tree(static)] name: String } };
        let tokens = derive(&input).unwrap();
        assert!(syn::parse2::<syn::File>(tokens.clone()).is_ok());
        let text = tokens.to_string();
        assert!(
            text.contains("visit_static (field_1 , visitor)") && text.contains("T : :: tensorwright"),
            "{text}"
        );
    }

    #[test]
    fn unions_and_empty_enums_are_not() {
        assert!(refusal(syn::parse_quote! { union U { a: u8, b: i8 } }).contains("a union is no tree"));
        assert!(refusal(syn::parse_quote! { enum Never {} }).contains("without variants"));
    }

    #[test]
    fn unknown_options_are_named() {
        let input = syn::parse_quote! { struct S { #[tree(dynamic)] a: u8 } };
        assert!(refusal(input).contains("the only one is `static`"));
    }

    #[test]
    fn several_options_must_all_be_known() {
        assert!(derive(&syn::parse_quote! { struct S { #[tree(static, other)] a: u8 } }).is_err());
    }
}
