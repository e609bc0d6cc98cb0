//! `#[derive(Module)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, Result};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "only structs are modules; put the enum into a field"));
    };
    let name = &input.ident;
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(syn::parse_quote!(::tensorwright::Module));
    }
    let (with_bounds, arguments, clause) = generics.split_for_impl();
    let visits = visits(&data.fields)?;
    Ok(quote! {
        #[automatically_derived]
        impl #with_bounds ::tensorwright::Module for #name #arguments #clause {
            fn visit_variables(
                &self,
                path: &mut ::tensorwright::module::Path,
                visit: &mut dyn FnMut(&str, &::tensorwright::Variable),
            ) {
                #(#visits)*
            }
        }
    })
}

fn visits(fields: &Fields) -> Result<Vec<TokenStream>> {
    let mut visits = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if is_skipped(field)? {
            continue;
        }
        let position = syn::Index::from(index);
        let (member, name) = match &field.ident {
            Some(name) => (quote!(#name), name.to_string()),
            None => (quote!(#position), index.to_string()),
        };
        visits.push(quote! {
            path.within(#name, |path| ::tensorwright::Module::visit_variables(&self.#member, path, visit));
        });
    }
    Ok(visits)
}

fn is_skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            skipped |= meta.path.is_ident("skip");
            if meta.path.is_ident("skip") {
                Ok(())
            } else {
                Err(meta.error("unknown option; the only one is `skip`"))
            }
        })?;
    }
    Ok(skipped)
}
