//! `#[derive(Layer)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Ident, LitStr, Result, Type};

/// A setting of the layer.
struct Setting<'a> {
    name: &'a Ident,
    ty: &'a Type,
    docs: Vec<&'a Attribute>,
    default: Option<TokenStream>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let settings = settings(input)?;
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "layers are loaded by name, so their types have no parameters",
        ));
    }
    let builder = builder(input, &settings);
    let configuration = configuration(input, &settings);
    let class = class(input, &settings)?;
    let name = &input.ident;
    Ok(quote! {
        #builder
        #configuration
        #class

        #[automatically_derived]
        impl ::tensorwright::nn::Layer for #name {
            fn call(
                &self,
                inputs: &::tensorwright::nn::Inputs,
                scope: &::tensorwright::nn::Scope<'_>,
            ) -> ::tensorwright::Result<::tensorwright::nn::Outputs> {
                let given = ::tensorwright::nn::FromInputs::from_inputs(inputs)?;
                ::core::result::Result::Ok(::core::convert::Into::into(self.forward(given, scope)?))
            }
        }
    })
}

fn settings(input: &DeriveInput) -> Result<Vec<Setting<'_>>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "only structs are layers; put the enum into a field"));
    };
    match &data.fields {
        Fields::Named(fields) => fields.named.iter().map(setting).collect(),
        Fields::Unit => Ok(Vec::new()),
        Fields::Unnamed(fields) => Err(Error::new_spanned(fields, "settings of layers have names")),
    }
}

fn setting(field: &syn::Field) -> Result<Setting<'_>> {
    let name =
        field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "settings of layers have names"))?;
    let mut default = None;
    for attribute in own(&field.attrs) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("default") {
                return Err(meta.error("unknown option; the only one of a field is `default`"));
            }
            default = Some(match meta.value() {
                Ok(value) => {
                    let value: Expr = value.parse()?;
                    quote!(#value)
                }
                Err(_) => quote!(::core::default::Default::default()),
            });
            Ok(())
        })?;
    }
    let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect();
    Ok(Setting { name, ty: &field.ty, docs, default })
}

fn own(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("layer"))
}

/// `new`, a method for each setting with a default, and `layer`.
fn builder(input: &DeriveInput, settings: &[Setting<'_>]) -> TokenStream {
    let (name, visibility) = (&input.ident, &input.vis);
    let parameters = settings
        .iter()
        .filter(|setting| setting.default.is_none())
        .map(|Setting { name, ty, .. }| quote!(#name: impl ::tensorwright::nn::Setting<#ty>));
    let values = settings.iter().map(|Setting { name, default, .. }| match default {
        Some(default) => quote!(#name: #default),
        None => quote!(#name: ::tensorwright::nn::Setting::setting(#name)),
    });
    let setters = settings.iter().filter(|setting| setting.default.is_some()).map(
        |Setting { name, ty, docs, .. }| {
            quote! {
                #(#docs)*
                #[must_use]
                #visibility fn #name(mut self, #name: impl ::tensorwright::nn::Setting<#ty>) -> Self {
                    self.#name = ::tensorwright::nn::Setting::setting(#name);
                    self
                }
            }
        },
    );
    quote! {
        #[automatically_derived]
        #[allow(dead_code, clippy::new_without_default)]
        impl #name {
            /// The layer with defaults for all that is not given.
            #visibility fn new(#(#parameters),*) -> Self {
                #name { #(#values),* }
            }

            #(#setters)*

            /// The layer, to be called and shared.
            #visibility fn layer(self) -> ::tensorwright::nn::LayerRef {
                ::core::convert::Into::into(self)
            }
        }
    }
}

/// Settings as JSON, and the layers among them.
fn configuration(input: &DeriveInput, settings: &[Setting<'_>]) -> TokenStream {
    let name = &input.ident;
    let fields: Vec<&Ident> = settings.iter().map(|setting| setting.name).collect();
    quote! {
        #[automatically_derived]
        impl ::tensorwright::nn::Configuration for #name {
            fn class_name(&self) -> &'static str {
                <Self as ::tensorwright::nn::LayerClass>::CLASS
            }

            fn config(&self) -> ::tensorwright::nn::json::Map<::std::string::String, ::tensorwright::nn::json::Value> {
                ::core::iter::FromIterator::from_iter::<[(::std::string::String, _); _]>([
                    #((::std::string::ToString::to_string(stringify!(#fields)), ::tensorwright::nn::Field::to_json(&self.#fields))),*
                ])
            }

            fn visit_layers(&self, visit: &mut dyn FnMut(&str, &::tensorwright::nn::LayerRef)) {
                let _ = &visit;
                #(::tensorwright::nn::Field::visit_layers(&self.#fields, visit);)*
            }
        }
    }
}

/// The layer of its settings.
fn class(input: &DeriveInput, settings: &[Setting<'_>]) -> Result<TokenStream> {
    let name = &input.ident;
    let mut class = LitStr::new(&name.to_string(), name.span());
    for attribute in own(&input.attrs) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("class") {
                return Err(meta.error("unknown option; the only one of a struct is `class`"));
            }
            class = meta.value()?.parse()?;
            Ok(())
        })?;
    }
    let fields: Vec<&Ident> = settings.iter().map(|setting| setting.name).collect();
    let values = settings.iter().map(|Setting { name, default, .. }| match default {
        Some(default) => quote!(#name: row.optional(stringify!(#name))?.unwrap_or_else(|| #default)),
        None => quote!(#name: row.required(stringify!(#name))?),
    });
    Ok(quote! {
        #[automatically_derived]
        impl ::tensorwright::nn::LayerClass for #name {
            const CLASS: &'static str = #class;

            fn from_config(
                config: &::tensorwright::nn::json::Map<::std::string::String, ::tensorwright::nn::json::Value>,
            ) -> ::core::result::Result<Self, ::tensorwright::nn::Error> {
                let row = ::tensorwright::nn::Row::new(#class, config, &[#(stringify!(#fields)),*])?;
                let _ = &row;
                ::core::result::Result::Ok(#name { #(#values),* })
            }
        }
    })
}
