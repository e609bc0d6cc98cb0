//! Elements and specs as bytes: what saved datasets, caches on disk and positions hold.

use std::sync::Arc;

use tensorwright::{DType, Scalar};

use super::{Dict, Item, RaggedArray, SparseArray, Text, Window};
use crate::error::{DataError, ErrorKind, Result};
use crate::spec::{ElementKind, Extents, Spec};
use crate::state::{Reader, Writer, damaged};

/// Nested deeper than any element is: what is nested deeper is damaged.
const MAX_DEPTH: usize = 64;

fn write_dtype(dtype: DType, to: &mut Writer) {
    to.usize(DType::ALL.iter().position(|other| *other == dtype).expect("all dtypes are listed"));
}

fn read_dtype(from: &mut Reader<'_>) -> Result<DType> {
    DType::ALL.get(from.usize()?).copied().ok_or_else(damaged)
}

fn write_sizes(sizes: &[usize], to: &mut Writer) {
    to.usize(sizes.len());
    sizes.iter().for_each(|size| to.usize(*size));
}

fn read_sizes(from: &mut Reader<'_>) -> Result<Vec<usize>> {
    (0..from.count()?).map(|_| from.usize()).collect()
}

fn write_texts(texts: &[Text], to: &mut Writer) {
    texts.iter().for_each(|text| to.bytes(text));
}

/// Appends an element.
///
/// # Errors
/// When a tensor in it is traced, and has no values.
pub(crate) fn write_item(item: &Item, to: &mut Writer) -> Result<()> {
    match item {
        Item::Number(number) => {
            to.usize(0);
            write_dtype(number.dtype(), to);
            to.raw(&number.le_bytes());
        }
        Item::Text(text) => {
            to.usize(1);
            to.bytes(text);
        }
        Item::Array(array) => {
            to.usize(2);
            write_dtype(array.dtype(), to);
            write_sizes(array.sizes(), to);
            to.bytes(array.bytes()?);
        }
        Item::Texts(texts) => {
            to.usize(3);
            write_sizes(texts.sizes(), to);
            write_texts(texts.values(), to);
        }
        Item::Ragged(ragged) => {
            to.usize(4);
            write_sizes(ragged.offsets(), to);
            write_item(ragged.values(), to)?;
        }
        Item::Sparse(sparse) => {
            to.usize(5);
            write_sizes(sparse.sizes(), to);
            to.usize(sparse.places().len());
            sparse.places().iter().for_each(|place| to.i64(*place));
            write_item(sparse.values(), to)?;
        }
        Item::Window(window) => {
            to.usize(6);
            write_window(window, to)?;
        }
        Item::Tuple(parts) => {
            to.usize(7);
            to.usize(parts.len());
            parts.iter().try_for_each(|part| write_item(part, to))?;
        }
        Item::Dict(dict) => {
            to.usize(8);
            to.usize(dict.parts().len());
            for (name, part) in dict.names().iter().zip(dict.parts()) {
                to.bytes(name.as_bytes());
                write_item(part, to)?;
            }
        }
    }
    Ok(())
}

fn write_window(window: &Window, to: &mut Writer) -> Result<()> {
    write_spec(&window.spec, to);
    to.usize(window.items.len());
    window.items.iter().try_for_each(|item| write_item(item, to))
}

/// Appends an element, or the error in its place.
///
/// # Errors
/// As [`write_item`].
pub(crate) fn write_outcome(outcome: &Result<Item>, to: &mut Writer) -> Result<()> {
    to.flag(outcome.is_ok());
    match outcome {
        Ok(item) => write_item(item, to)?,
        Err(error) => {
            to.usize(KINDS.iter().position(|kind| *kind == error.kind()).expect("all kinds are listed"));
            to.bytes(error.message().as_bytes());
        }
    }
    Ok(())
}

const KINDS: [ErrorKind; 6] = [
    ErrorKind::InvalidArgument,
    ErrorKind::DataLoss,
    ErrorKind::FailedPrecondition,
    ErrorKind::AlreadyExists,
    ErrorKind::NotFound,
    ErrorKind::Io,
];

/// Reads what [`write_outcome`] wrote.
///
/// # Errors
/// When the bytes are damaged.
pub(crate) fn read_outcome(from: &mut Reader<'_>) -> Result<Result<Item>> {
    if from.flag()? {
        return Ok(Ok(read_item(from)?));
    }
    let kind = *KINDS.get(from.usize()?).ok_or_else(damaged)?;
    Ok(Err(DataError::new(kind, from.text()?)))
}

/// Reads what [`write_item`] wrote.
///
/// # Errors
/// When the bytes are damaged.
pub(crate) fn read_item(from: &mut Reader<'_>) -> Result<Item> {
    item_at(from, 0)
}

fn item_at(from: &mut Reader<'_>, depth: usize) -> Result<Item> {
    if depth > MAX_DEPTH {
        return Err(damaged());
    }
    Ok(match from.usize()? {
        0 => {
            let dtype = read_dtype(from)?;
            Item::Number(Scalar::from_le_bytes(dtype, from.raw(dtype.size())?))
        }
        1 => Item::Text(Text::from(from.bytes()?)),
        2 => {
            let (dtype, sizes) = (read_dtype(from)?, read_sizes(from)?);
            let bytes = from.bytes()?;
            checked(&sizes, bytes.len() / dtype.size())?;
            Item::Array(Box::new(super::Array::of_bytes(dtype, &sizes, bytes)?))
        }
        3 => {
            let sizes = read_sizes(from)?;
            let count =
                sizes.iter().try_fold(1usize, |all, size| all.checked_mul(*size)).ok_or_else(damaged)?;
            let values: Vec<Text> =
                (0..count).map(|_| Ok(Text::from(from.bytes()?))).collect::<Result<_>>()?;
            Item::Texts(Box::new(super::Texts::new(&sizes, values)?))
        }
        4 => {
            let offsets = read_sizes(from)?;
            Item::Ragged(Box::new(RaggedArray::new(offsets, item_at(from, depth + 1)?)?))
        }
        5 => {
            let sizes = read_sizes(from)?;
            let places = (0..from.count()?).map(|_| from.i64()).collect::<Result<_>>()?;
            Item::Sparse(Box::new(SparseArray::new(places, item_at(from, depth + 1)?, sizes)?))
        }
        6 => {
            let spec = read_spec(from)?;
            let items = (0..from.count()?).map(|_| item_at(from, depth + 1)).collect::<Result<_>>()?;
            Item::Window(Arc::new(Window { spec, items }))
        }
        7 => Item::Tuple((0..from.count()?).map(|_| item_at(from, depth + 1)).collect::<Result<_>>()?),
        8 => {
            let count = from.count()?;
            let entry = |_| Ok((Arc::from(from.text()?), item_at(from, depth + 1)?));
            let entries: Vec<(Arc<str>, Item)> = (0..count).map(entry).collect::<Result<_>>()?;
            let (names, parts): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            if !names.is_sorted() {
                return Err(damaged());
            }
            Item::Dict(Box::new(Dict::sorted(names.into(), parts)))
        }
        _ => return Err(damaged()),
    })
}

fn checked(sizes: &[usize], count: usize) -> Result<()> {
    let all = sizes.iter().try_fold(1usize, |all, size| all.checked_mul(*size));
    if all == Some(count) { Ok(()) } else { Err(damaged()) }
}

fn write_kind(kind: ElementKind, to: &mut Writer) {
    to.flag(kind == ElementKind::Text);
    if let ElementKind::Number(dtype) = kind {
        write_dtype(dtype, to);
    }
}

fn read_kind(from: &mut Reader<'_>) -> Result<ElementKind> {
    Ok(if from.flag()? { ElementKind::Text } else { ElementKind::Number(read_dtype(from)?) })
}

fn write_extents(extents: &Extents, to: &mut Writer) {
    to.flag(extents.known().is_some());
    let known = extents.known().unwrap_or(&[]);
    to.usize(known.len());
    known.iter().for_each(|size| to.usize(size.map_or(0, |size| size + 1)));
}

fn read_extents(from: &mut Reader<'_>) -> Result<Extents> {
    let is_known = from.flag()?;
    let sizes = read_sizes(from)?;
    Ok(if is_known { Extents::new(sizes.iter().map(|size| size.checked_sub(1))) } else { Extents::unknown() })
}

/// Appends a spec.
pub(crate) fn write_spec(spec: &Spec, to: &mut Writer) {
    match spec {
        Spec::Any => to.usize(0),
        Spec::Dense(kind, shape) | Spec::Sparse(kind, shape) => {
            to.usize(if matches!(spec, Spec::Dense(..)) { 1 } else { 3 });
            write_kind(*kind, to);
            write_extents(shape, to);
        }
        Spec::Ragged(kind, shape, ragged) => {
            to.usize(2);
            write_kind(*kind, to);
            write_extents(shape, to);
            to.usize(*ragged);
        }
        Spec::Window(spec) => {
            to.usize(4);
            write_spec(spec, to);
        }
        Spec::Tuple(parts) => {
            to.usize(5);
            to.usize(parts.len());
            parts.iter().for_each(|part| write_spec(part, to));
        }
        Spec::Dict(parts) => {
            to.usize(6);
            to.usize(parts.len());
            for (name, part) in parts {
                to.bytes(name.as_bytes());
                write_spec(part, to);
            }
        }
    }
}

/// Reads what [`write_spec`] wrote.
///
/// # Errors
/// When the bytes are damaged.
pub(crate) fn read_spec(from: &mut Reader<'_>) -> Result<Spec> {
    spec_at(from, 0)
}

fn spec_at(from: &mut Reader<'_>, depth: usize) -> Result<Spec> {
    if depth > MAX_DEPTH {
        return Err(damaged());
    }
    Ok(match from.usize()? {
        0 => Spec::Any,
        1 => Spec::Dense(read_kind(from)?, read_extents(from)?),
        2 => Spec::Ragged(read_kind(from)?, read_extents(from)?, from.usize()?),
        3 => Spec::Sparse(read_kind(from)?, read_extents(from)?),
        4 => Spec::Window(Box::new(spec_at(from, depth + 1)?)),
        5 => Spec::Tuple((0..from.count()?).map(|_| spec_at(from, depth + 1)).collect::<Result<_>>()?),
        6 => {
            let count = from.count()?;
            let entry = |_| Ok((Arc::from(from.text()?), spec_at(from, depth + 1)?));
            Spec::Dict((0..count).map(entry).collect::<Result<_>>()?)
        }
        _ => return Err(damaged()),
    })
}
