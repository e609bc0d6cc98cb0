//! What elements look like, known before the first one is read: structure, dtypes, and sizes as far as they are known.

mod extents;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use tensorwright::DType;

pub use extents::Extents;

/// What the places of an array hold: numbers of a dtype, or texts, which are bytes on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementKind {
    /// Numbers, or truth values.
    Number(DType),
    /// Strings of bytes, as a rule UTF-8.
    Text,
}

impl From<DType> for ElementKind {
    fn from(dtype: DType) -> ElementKind {
        ElementKind::Number(dtype)
    }
}

/// The spec of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// Nothing is known.
    Any,
    /// An array.
    Dense(ElementKind, Extents),
    /// Rows of rows that have different lengths: the kind, the shape with its outer sizes, and how many axes are ragged. With none of these the
    /// elements are arrays.
    Ragged(ElementKind, Extents, usize),
    /// An array by those of its places that are not 0.
    Sparse(ElementKind, Extents),
    /// A window: a finite dataset.
    Window(Box<Spec>),
    /// Several elements side by side.
    Tuple(Vec<Spec>),
    /// Several elements by names.
    Dict(BTreeMap<Arc<str>, Spec>),
}

impl Spec {
    /// One number, or one text.
    pub fn scalar(kind: impl Into<ElementKind>) -> Spec {
        Spec::Dense(kind.into(), Extents::scalar())
    }

    /// An array of numbers.
    pub fn number(dtype: DType, shape: impl Into<Extents>) -> Spec {
        Spec::Dense(ElementKind::Number(dtype), shape.into())
    }

    /// An array of texts.
    pub fn text(shape: impl Into<Extents>) -> Spec {
        Spec::Dense(ElementKind::Text, shape.into())
    }

    /// Elements by names.
    pub fn dict<'n>(entries: impl IntoIterator<Item = (&'n str, Spec)>) -> Spec {
        Spec::Dict(entries.into_iter().map(|(name, spec)| (Arc::from(name), spec)).collect())
    }

    /// The parts that are no tuples or dicts, in order; entries of dicts by their names.
    pub fn components(&self) -> Vec<&Spec> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'s>(&'s self, found: &mut Vec<&'s Spec>) {
        match self {
            Spec::Tuple(parts) => parts.iter().for_each(|part| part.collect(found)),
            Spec::Dict(parts) => parts.values().for_each(|part| part.collect(found)),
            leaf => found.push(leaf),
        }
    }

    /// Names of the components, in order: those of entries and the numbers of parts on the way to each, with dots between them. The name of an element without parts is empty.
    pub fn component_names(&self) -> Vec<String> {
        let inner = |name: &str, spec: &Spec| {
            let joined = |own: String| if own.is_empty() { name.to_owned() } else { format!("{name}.{own}") };
            spec.component_names().into_iter().map(joined).collect::<Vec<_>>()
        };
        match self {
            Spec::Tuple(parts) => {
                parts.iter().enumerate().flat_map(|(i, part)| inner(&i.to_string(), part)).collect()
            }
            Spec::Dict(parts) => parts.iter().flat_map(|(name, part)| inner(name, part)).collect(),
            _ => vec![String::new()],
        }
    }

    /// The same structure, with `f` of each component.
    ///
    /// # Errors
    /// The first that `f` gives.
    pub(crate) fn try_map<E>(&self, f: &mut impl FnMut(&Spec) -> Result<Spec, E>) -> Result<Spec, E> {
        Ok(match self {
            Spec::Tuple(parts) => {
                Spec::Tuple(parts.iter().map(|part| part.try_map(f)).collect::<Result<_, E>>()?)
            }
            Spec::Dict(parts) => {
                let entries = parts.iter().map(|(name, part)| Ok((Arc::clone(name), part.try_map(f)?)));
                Spec::Dict(entries.collect::<Result<_, E>>()?)
            }
            leaf => f(leaf)?,
        })
    }

    pub(crate) fn map(&self, mut f: impl FnMut(&Spec) -> Spec) -> Spec {
        let result: Result<Spec, std::convert::Infallible> = self.try_map(&mut |leaf| Ok(f(leaf)));
        match result {
            Ok(spec) => spec,
            Err(never) => match never {},
        }
    }

    /// The spec of `size` of these in one, side by side along a new first axis; of some number that is not known. `None` for windows, which do not
    /// stack.
    pub(crate) fn batched(&self, size: Option<usize>) -> Option<Spec> {
        let batched: Result<Spec, ()> = self.try_map(&mut |leaf| {
            Ok(match leaf {
                Spec::Dense(kind, shape) => Spec::Dense(*kind, shape.with_first(size)),
                Spec::Ragged(kind, shape, ragged) => Spec::Ragged(*kind, shape.with_first(size), ragged + 1),
                Spec::Sparse(kind, shape) => Spec::Sparse(*kind, shape.with_first(size)),
                Spec::Window(_) => return Err(()),
                Spec::Any | Spec::Tuple(_) | Spec::Dict(_) => Spec::Any,
            })
        });
        batched.ok()
    }

    /// The spec of one row along the first axis. `None` for what has no axis.
    pub(crate) fn row(&self) -> Option<Spec> {
        let row: Result<Spec, ()> = self.try_map(&mut |leaf| {
            Ok(match leaf {
                Spec::Dense(kind, shape) => Spec::Dense(*kind, shape.without_first().ok_or(())?),
                Spec::Ragged(kind, shape, ragged) => {
                    Spec::Ragged(*kind, shape.without_first().ok_or(())?, ragged.saturating_sub(1))
                }
                Spec::Sparse(kind, shape) => Spec::Sparse(*kind, shape.without_first().ok_or(())?),
                Spec::Window(_) => return Err(()),
                Spec::Any | Spec::Tuple(_) | Spec::Dict(_) => Spec::Any,
            })
        });
        row.ok()
    }

    /// The shape of an array, sparse or ragged, too.
    pub fn shape(&self) -> Option<&Extents> {
        match self {
            Spec::Dense(_, shape) | Spec::Ragged(_, shape, _) | Spec::Sparse(_, shape) => Some(shape),
            _ => None,
        }
    }

    /// The least spec that allows what either allows; `None` if they differ in more than sizes.
    pub fn relaxed(&self, other: &Spec) -> Option<Spec> {
        Some(match (self, other) {
            (Spec::Any, _) | (_, Spec::Any) => Spec::Any,
            (Spec::Dense(kind, a), Spec::Dense(other, b)) if kind == other => {
                Spec::Dense(*kind, a.relaxed(b))
            }
            (Spec::Ragged(kind, a, n), Spec::Ragged(other, b, m)) if kind == other && n == m => {
                Spec::Ragged(*kind, a.relaxed(b), *n)
            }
            (Spec::Sparse(kind, a), Spec::Sparse(other, b)) if kind == other => {
                Spec::Sparse(*kind, a.relaxed(b))
            }
            (Spec::Window(a), Spec::Window(b)) => Spec::Window(Box::new(a.relaxed(b)?)),
            (Spec::Tuple(a), Spec::Tuple(b)) if a.len() == b.len() => {
                Spec::Tuple(a.iter().zip(b).map(|(a, b)| a.relaxed(b)).collect::<Option<_>>()?)
            }
            (Spec::Dict(a), Spec::Dict(b)) if a.keys().eq(b.keys()) => {
                let entries = a.iter().zip(b.values());
                Spec::Dict(
                    entries
                        .map(|((name, a), b)| Some((Arc::clone(name), a.relaxed(b)?)))
                        .collect::<Option<_>>()?,
                )
            }
            _ => return None,
        })
    }
}
