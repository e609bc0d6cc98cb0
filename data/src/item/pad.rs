//! Arrays of different sizes in one, with something where one is shorter.

use tensorwright::{DType, Scalar};

use super::stack::by_component;
use super::{Item, Text};
use crate::error::{DataError, Result};
use crate::spec::{ElementKind, Extents, Spec};

/// What stands where an array is shorter.
#[derive(Clone, Debug)]
pub(crate) enum Fill {
    /// A number of the array's dtype.
    Number(Scalar),
    /// A text.
    Text(Text),
}

impl Fill {
    /// 0, or the empty text.
    pub(crate) fn zero(kind: ElementKind) -> Fill {
        match kind {
            ElementKind::Number(dtype) => Fill::Number(Scalar::zero(dtype)),
            ElementKind::Text => Fill::Text(Text::from([])),
        }
    }
}

/// The sizes that a component is padded to, where unknown ones are those of the longest, and with what.
#[derive(Clone, Debug)]
pub(crate) struct PadTarget {
    pub(crate) sizes: Extents,
    pub(crate) fill: Fill,
}

/// The elements along a new first axis, padded; a target for each component.
///
/// # Errors
/// When an array has another rank than its target, or is larger.
pub(crate) fn pad(spec: &Spec, targets: &[PadTarget], items: &[Item]) -> Result<Item> {
    by_component(spec, items, &mut 0, &|_, column, component| one(&targets[component], column, component))
}

fn one(target: &PadTarget, items: &[Item], component: usize) -> Result<Item> {
    let sizes = items.iter().map(|item| item.sizes().map(<[usize]>::to_vec)).collect::<Option<Vec<_>>>();
    let sizes = sizes.ok_or_else(|| {
        DataError::invalid(format!("component {component} is no array: it cannot be padded"))
    })?;
    let to = common_sizes(target, &sizes, component)?;
    let all: Vec<usize> = [items.len()].into_iter().chain(to.iter().copied()).collect();
    let places = sizes.iter().map(|own| places(own, &to)).collect::<Vec<_>>();
    match &target.fill {
        Fill::Number(fill) => numbers(fill.cast(dtype_of(&items[0], *fill)), items, &places, &all),
        Fill::Text(fill) => texts(fill, items, &places, &all),
    }
}

fn dtype_of(item: &Item, fill: Scalar) -> DType {
    match item {
        Item::Number(number) => number.dtype(),
        Item::Array(array) => array.dtype(),
        _ => fill.dtype(),
    }
}

/// The sizes that all are padded to.
fn common_sizes(target: &PadTarget, sizes: &[Vec<usize>], component: usize) -> Result<Vec<usize>> {
    let wanted = target.sizes.known().unwrap_or(&[]);
    if let Some(other) = sizes.iter().find(|own| own.len() != wanted.len()) {
        let message =
            format!("component {component} is to have {} axes, and has {}", wanted.len(), other.len());
        return Err(DataError::invalid(message));
    }
    let longest = |axis: usize| sizes.iter().map(|own| own[axis]).max().unwrap_or(0);
    let to: Vec<usize> =
        wanted.iter().enumerate().map(|(axis, size)| size.unwrap_or_else(|| longest(axis))).collect();
    match sizes.iter().find(|own| own.iter().zip(&to).any(|(own, to)| own > to)) {
        Some(own) => Err(DataError::data_loss(format!(
            "component {component} has sizes {own:?}, larger than {to:?}, to which it is padded"
        ))),
        None => Ok(to),
    }
}

/// Where each place of an array of sizes `own` is in one of sizes `to`, row major.
fn places(own: &[usize], to: &[usize]) -> Vec<usize> {
    let mut places = vec![0];
    for (own, to) in own.iter().zip(to) {
        places = places.iter().flat_map(|place| (0..*own).map(move |i| place * to + i)).collect();
    }
    places
}

fn numbers(fill: Scalar, items: &[Item], places: &[Vec<usize>], sizes: &[usize]) -> Result<Item> {
    let (dtype, each) = (fill.dtype(), sizes[1..].iter().product::<usize>());
    let (fill, width) = (fill.le_bytes(), dtype.size());
    let mut bytes = fill.repeat(items.len() * each);
    for (i, item) in items.iter().enumerate() {
        let own = match item {
            Item::Number(number) if number.dtype() == dtype => number.le_bytes().to_vec(),
            Item::Array(array) if array.dtype() == dtype => array.bytes()?.to_vec(),
            other => return Err(DataError::invalid(format!("{} is padded as {dtype}", other.spec()))),
        };
        for (from, to) in own.chunks_exact(width).zip(&places[i]) {
            let at = (i * each + to) * width;
            bytes[at..at + width].copy_from_slice(from);
        }
    }
    Item::array(dtype, sizes, &bytes)
}

fn texts(fill: &Text, items: &[Item], places: &[Vec<usize>], sizes: &[usize]) -> Result<Item> {
    let each = sizes[1..].iter().product::<usize>();
    let mut values = vec![fill.clone(); items.len() * each];
    for (i, item) in items.iter().enumerate() {
        let own = match item {
            Item::Text(text) => std::slice::from_ref(text),
            Item::Texts(texts) => texts.values(),
            other => return Err(DataError::invalid(format!("{} is padded as a text", other.spec()))),
        };
        for (from, to) in own.iter().zip(&places[i]) {
            values[i * each + to] = from.clone();
        }
    }
    Item::texts(sizes, values)
}
