//! Several elements in one: side by side along a new axis, or one behind the other along the first.

use std::sync::Arc;

use tensorwright::{DType, Scalar};

use super::{Array, Dict, Item, RaggedArray, SparseArray, Text, Texts};
use crate::error::{DataError, Result};
use crate::spec::Spec;

/// The elements along a new first axis. `spec` is what one looks like: rows that are ragged by their spec stack to ragged ones.
///
/// # Errors
/// When shapes or dtypes differ, with the number of the component; windows do not stack.
pub(crate) fn stack(spec: &Spec, items: &[Item]) -> Result<Item> {
    by_component(spec, items, &mut 0, &|spec, column, component| match spec {
        Spec::Ragged(..) => ragged_rows(column),
        _ => leaves(column, component),
    })
}

/// As [`stack`], but arrays whose sizes the spec does not know become ragged.
///
/// # Errors
/// As [`stack`].
pub(crate) fn stack_ragged(spec: &Spec, items: &[Item]) -> Result<Item> {
    by_component(spec, items, &mut 0, &|spec, column, component| match spec {
        Spec::Ragged(..) => ragged_rows(column),
        Spec::Dense(_, shape) if shape.sizes().is_none() => ragged_rows(column),
        _ => leaves(column, component),
    })
}

type StackLeaves<'f> = &'f dyn Fn(&Spec, &[Item], usize) -> Result<Item>;

/// Stacks the columns of a structure by `f`, which is given the number of the column.
pub(super) fn by_component(
    spec: &Spec,
    items: &[Item],
    component: &mut usize,
    f: StackLeaves<'_>,
) -> Result<Item> {
    let column = |place: usize| -> Result<Vec<Item>> {
        let parts = items.iter().map(|item| item.parts().and_then(|parts| parts.get(place)).cloned());
        parts
            .collect::<Option<_>>()
            .ok_or_else(|| DataError::invalid("elements of different structures do not stack"))
    };
    match (spec, items.first()) {
        (_, Some(Item::Tuple(parts))) => {
            let specs = part_specs(spec, parts.len());
            let stacked = (0..parts.len()).map(|i| by_component(specs[i], &column(i)?, component, f));
            Ok(Item::Tuple(stacked.collect::<Result<_>>()?))
        }
        (_, Some(Item::Dict(dict))) => {
            let specs = part_specs(spec, dict.parts().len());
            let stacked = (0..dict.parts().len()).map(|i| by_component(specs[i], &column(i)?, component, f));
            Ok(Item::Dict(Box::new(Dict::sorted(dict.shared_names(), stacked.collect::<Result<_>>()?))))
        }
        _ => {
            *component += 1;
            f(spec, items, *component - 1)
        }
    }
}

/// The specs of the parts, if they are known.
fn part_specs(spec: &Spec, count: usize) -> Vec<&Spec> {
    match spec {
        Spec::Tuple(specs) if specs.len() == count => specs.iter().collect(),
        Spec::Dict(specs) if specs.len() == count => specs.values().collect(),
        _ => vec![&Spec::Any; count],
    }
}

/// Items of one component.
fn leaves(items: &[Item], component: usize) -> Result<Item> {
    match items.first() {
        Some(Item::Number(first)) => {
            numbers(first.dtype(), items).unwrap_or_else(|| Err(differ(items, component)))
        }
        Some(Item::Text(_)) => texts(items).ok_or_else(|| differ(items, component)),
        Some(Item::Array(first)) => arrays(first, items).unwrap_or_else(|| Err(differ(items, component))),
        Some(Item::Texts(first)) => text_arrays(first, items).ok_or_else(|| differ(items, component)),
        Some(Item::Ragged(_)) => ragged_rows(items),
        Some(Item::Sparse(first)) => sparse(first, items).ok_or_else(|| differ(items, component))?,
        Some(Item::Window(_)) => {
            Err(DataError::invalid("windows do not stack: make a dataset of them first"))
        }
        Some(Item::Tuple(_) | Item::Dict(_)) | None => Err(DataError::invalid("there is nothing to stack")),
    }
}

/// Why the items of a component do not stack.
fn differ(items: &[Item], component: usize) -> DataError {
    let first = items[0].spec();
    let other = items.iter().map(Item::spec).enumerate().find(|(_, spec)| *spec != first);
    let (i, other) = other.unwrap_or((0, first.clone()));
    DataError::invalid(format!(
        "elements of different shapes or dtypes do not make a batch: component {component} is {first} in the first one, {other} in number {i}"
    ))
}

/// The bytes of numbers that are all of the first one's dtype.
fn numbers(dtype: DType, items: &[Item]) -> Option<Result<Item>> {
    macro_rules! gather {
        ($($variant:ident)*) => {
            match dtype {
                $(DType::$variant => {
                    let mut bytes = Vec::with_capacity(items.len() * dtype.size());
                    for item in items {
                        let Item::Number(Scalar::$variant(number)) = item else { return None };
                        bytes.extend_from_slice(&number.to_le_bytes());
                    }
                    bytes
                })*
                _ => {
                    let mut bytes = Vec::with_capacity(items.len() * dtype.size());
                    for item in items {
                        let Item::Number(number) = item else { return None };
                        if number.dtype() != dtype {
                            return None;
                        }
                        bytes.extend_from_slice(&number.le_bytes());
                    }
                    bytes
                }
            }
        };
    }
    let bytes = gather!(I32 I64 U8 F32 F64);
    Some(Array::of_bytes(dtype, &[items.len()], &bytes).map(|array| Item::Array(Box::new(array))))
}

fn texts(items: &[Item]) -> Option<Item> {
    let one = |item: &Item| match item {
        Item::Text(text) => Some(Arc::clone(text)),
        _ => None,
    };
    let values: Vec<Text> = items.iter().map(one).collect::<Option<_>>()?;
    Some(Item::Texts(Box::new(Texts::new(&[items.len()], values).ok()?)))
}

fn arrays(first: &Array, items: &[Item]) -> Option<Result<Item>> {
    let mut bytes = Vec::new();
    for item in items {
        let Item::Array(array) = item else { return None };
        if array.dtype() != first.dtype() || array.sizes() != first.sizes() {
            return None;
        }
        match array.bytes() {
            Ok(own) => bytes.extend_from_slice(own),
            Err(error) => return Some(Err(error)),
        }
    }
    let sizes: Vec<usize> = [items.len()].iter().chain(first.sizes()).copied().collect();
    Some(Array::of_bytes(first.dtype(), &sizes, &bytes).map(|array| Item::Array(Box::new(array))))
}

fn text_arrays(first: &Texts, items: &[Item]) -> Option<Item> {
    let one = |item: &Item| match item {
        Item::Texts(texts) if texts.sizes() == first.sizes() => Some(texts.values().to_vec()),
        _ => None,
    };
    let values: Vec<Vec<Text>> = items.iter().map(one).collect::<Option<_>>()?;
    let sizes: Vec<usize> = [items.len()].iter().chain(first.sizes()).copied().collect();
    Some(Item::Texts(Box::new(Texts::new(&sizes, values.concat()).ok()?)))
}

/// Arrays, or ragged ones, as the rows of a ragged one.
fn ragged_rows(items: &[Item]) -> Result<Item> {
    let mut offsets = vec![0];
    for item in items {
        let rows = item.rows().ok_or_else(|| DataError::invalid("what has no axis makes no ragged rows"))?;
        offsets.push(offsets[offsets.len() - 1] + rows);
    }
    Ok(Item::Ragged(Box::new(RaggedArray::new(offsets, concat(items)?)?)))
}

fn sparse(first: &SparseArray, items: &[Item]) -> Option<Result<Item>> {
    let (mut places, mut values) = (Vec::new(), Vec::new());
    for (row, item) in items.iter().enumerate() {
        let Item::Sparse(sparse) = item else { return None };
        if sparse.sizes() != first.sizes() {
            return None;
        }
        for place in sparse.places().chunks_exact(sparse.sizes().len().max(1)) {
            places.push(row as i64);
            places.extend_from_slice(place);
        }
        values.push(sparse.values().clone());
    }
    let sizes = [items.len()].iter().chain(first.sizes()).copied().collect();
    Some(
        concat(&values)
            .and_then(|values| Ok(Item::Sparse(Box::new(SparseArray::new(places, values, sizes)?)))),
    )
}

/// Arrays, or ragged ones, one behind the other along the first axis.
///
/// # Errors
/// When they differ in dtype, or in sizes behind the first.
pub(crate) fn concat(items: &[Item]) -> Result<Item> {
    let rows = items.iter().filter_map(Item::rows).sum();
    match items.first() {
        Some(Item::Array(first)) => {
            let mut bytes = Vec::new();
            for item in items {
                match item {
                    Item::Array(array)
                        if array.dtype() == first.dtype() && array.sizes()[1..] == first.sizes()[1..] =>
                    {
                        bytes.extend_from_slice(array.bytes()?);
                    }
                    _ => return Err(differ(items, 0)),
                }
            }
            Item::array(first.dtype(), &with_rows(first.sizes(), rows), &bytes)
        }
        Some(Item::Texts(first)) => {
            let mut values: Vec<Text> = Vec::new();
            for item in items {
                match item {
                    Item::Texts(texts) if texts.sizes()[1..] == first.sizes()[1..] => {
                        values.extend_from_slice(texts.values());
                    }
                    _ => return Err(differ(items, 0)),
                }
            }
            Item::texts(&with_rows(first.sizes(), rows), values)
        }
        Some(Item::Ragged(_)) => concat_ragged(items),
        _ => Err(DataError::invalid("what has no axis cannot be put one behind the other")),
    }
}

fn with_rows(sizes: &[usize], rows: usize) -> Vec<usize> {
    [rows].iter().chain(&sizes[1..]).copied().collect()
}

fn concat_ragged(items: &[Item]) -> Result<Item> {
    let (mut offsets, mut values) = (vec![0], Vec::new());
    for item in items {
        let Item::Ragged(ragged) = item else { return Err(differ(items, 0)) };
        let own = ragged.offsets();
        let base = offsets[offsets.len() - 1];
        offsets.extend(own[1..].iter().map(|offset| base + offset - own[0]));
        values.push(ragged.values().slice(own[0]..own[own.len() - 1]));
    }
    Ok(Item::Ragged(Box::new(RaggedArray::new(offsets, concat(&values)?)?)))
}
