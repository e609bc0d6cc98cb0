//! Elements and specs.

use super::Item;
use crate::error::{DataError, Result};
use crate::spec::{ElementKind, Extents, Spec};

impl Item {
    /// The spec that just this element has.
    pub fn spec(&self) -> Spec {
        match self {
            Item::Number(number) => Spec::scalar(number.dtype()),
            Item::Text(_) => Spec::scalar(ElementKind::Text),
            Item::Array(array) => Spec::number(array.dtype(), array.sizes()),
            Item::Texts(texts) => Spec::text(texts.sizes()),
            Item::Ragged(ragged) => {
                let (kind, inner) = flat_kind(ragged.values());
                let unknown = ragged.ragged_axes();
                let inner = inner.into_iter().skip(1).map(Some);
                let shape = [Some(ragged.rows())].into_iter().chain((0..unknown).map(|_| None)).chain(inner);
                Spec::Ragged(kind, Extents::new(shape), unknown)
            }
            Item::Sparse(sparse) => {
                let (kind, _) = flat_kind(sparse.values());
                Spec::Sparse(kind, Extents::from(sparse.sizes()))
            }
            Item::Window(window) => Spec::Window(Box::new(window.spec.clone())),
            Item::Tuple(parts) => Spec::Tuple(parts.iter().map(Item::spec).collect()),
            Item::Dict(dict) => {
                let specs = dict.parts().iter().map(Item::spec);
                Spec::Dict(dict.names().iter().cloned().zip(specs).collect())
            }
        }
    }

    /// Whether a spec allows the element. Numbers on their own, which are many, are looked at first.
    pub(crate) fn fits(&self, spec: &Spec) -> bool {
        match (self, spec) {
            (_, Spec::Any) => true,
            (Item::Number(number), Spec::Dense(ElementKind::Number(dtype), shape)) => {
                number.dtype() == *dtype && shape.accepts(&[])
            }
            (Item::Text(_), Spec::Dense(ElementKind::Text, shape)) => shape.accepts(&[]),
            (Item::Array(array), Spec::Dense(kind, shape) | Spec::Ragged(kind, shape, 0)) => {
                *kind == ElementKind::Number(array.dtype()) && shape.accepts(array.sizes())
            }
            (Item::Texts(texts), Spec::Dense(kind, shape) | Spec::Ragged(kind, shape, 0)) => {
                *kind == ElementKind::Text && shape.accepts(texts.sizes())
            }
            (Item::Tuple(parts), Spec::Tuple(specs)) => {
                parts.len() == specs.len() && parts.iter().zip(specs).all(|(part, spec)| part.fits(spec))
            }
            (Item::Dict(dict), Spec::Dict(specs)) => {
                dict.names().iter().eq(specs.keys())
                    && dict.parts().iter().zip(specs.values()).all(|(part, spec)| part.fits(spec))
            }
            (Item::Ragged(_), Spec::Ragged(kind, shape, ragged)) => match self.spec() {
                Spec::Ragged(own, sizes, axes) => {
                    own == *kind && axes == *ragged && sizes.is_compatible(shape)
                }
                _ => false,
            },
            (Item::Sparse(sparse), Spec::Sparse(kind, shape)) => {
                flat_kind(sparse.values()).0 == *kind && shape.accepts(sparse.sizes())
            }
            (Item::Window(_), Spec::Window(_)) => true,
            _ => false,
        }
    }

    /// The element, if a spec allows it.
    ///
    /// # Errors
    /// When it does not: which component it is, what it is and what was expected.
    pub(crate) fn fitting(self, spec: &Spec) -> Result<Item> {
        if self.fits(spec) {
            return Ok(self);
        }
        let (own, wanted) = (self.components(), spec.components());
        let pairs = own.iter().zip(&wanted).enumerate();
        let wrong = pairs.filter(|_| own.len() == wanted.len()).find(|(_, (item, spec))| !item.fits(spec));
        Err(DataError::invalid(match wrong {
            Some((i, (item, spec))) => {
                format!("component {i} is expected to be {spec}, found {}", item.spec())
            }
            None => format!("{spec} is expected, found {}", self.spec()),
        }))
    }
}

/// What values hold, and the sizes of the array of them.
fn flat_kind(values: &Item) -> (ElementKind, Vec<usize>) {
    match values {
        Item::Array(array) => (ElementKind::Number(array.dtype()), array.sizes().to_vec()),
        Item::Texts(texts) => (ElementKind::Text, texts.sizes().to_vec()),
        Item::Number(number) => (ElementKind::Number(number.dtype()), Vec::new()),
        Item::Ragged(ragged) => flat_kind(ragged.values()),
        _ => (ElementKind::Text, Vec::new()),
    }
}
