//! Masks that compare places of queries and keys are windows.

use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::{DType, Graph, Op, Value};

use super::scores::{Masked, Shows};
use crate::passes::pattern::{made_by, splat};

/// What masks come to.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The least and the greatest number of places that a key that is seen is behind its query.
    pub(super) least: Option<i64>,
    pub(super) most: Option<i64>,
    /// What else has to hold.
    pub(super) mask: Option<Masked>,
}

/// Parts of a mask that all have to hold; more are not looked for.
const MOST_PARTS: usize = 8;
/// Ops between a comparison and the places that it compares.
const MOST_STEPS: usize = 8;

/// The window of masks around each other, the outermost first, of scores with these axes of queries and keys. `None` if they are more than a window around
/// one mask.
pub(super) fn window(graph: &Graph, masks: &[Masked], axes: [usize; 2]) -> Option<Window> {
    let mut found = Window::default();
    // A window hides, whatever masks inside of it put in the place of scores; but masks outside of it do what they do.
    let mut is_outermost = true;
    for masked in masks {
        is_outermost &= masked.fill.to_f64() == f64::NEG_INFINITY;
        let taken = is_outermost.then(|| found.with_parts(graph, masked, axes)).flatten();
        found = match (taken, found.mask) {
            (Some(taken), _) => taken,
            (None, None) => Window { mask: Some(*masked), ..found },
            (None, Some(_)) => return None,
        };
    }
    Some(found)
}

impl Window {
    /// With all parts of a mask that hides; `None` if more than one has to stay a mask.
    fn with_parts(&self, graph: &Graph, masked: &Masked, axes: [usize; 2]) -> Option<Window> {
        let parts = match masked.shows {
            Shows::WhereTrue => conjuncts(graph, masked.mask),
            Shows::WhereFalse => vec![masked.mask],
        };
        let Window { mut least, mut most, mut mask } = *self;
        for part in parts {
            match distance(graph, part, axes, masked.shows) {
                Some((Side::AtLeast, places)) => least = Some(least.map_or(places, |p: i64| p.max(places))),
                Some((Side::AtMost, places)) => most = Some(most.map_or(places, |p: i64| p.min(places))),
                None if mask.is_none() => mask = Some(Masked { mask: part, ..*masked }),
                None => return None,
            }
        }
        Some(Window { least, most, mask })
    }
}

fn conjuncts(graph: &Graph, mask: Value) -> Vec<Value> {
    let mut parts = vec![mask];
    let mut next = 0;
    while next < parts.len() && parts.len() < MOST_PARTS {
        match made_by(graph, parts[next]) {
            Some((Op::Binary(BinaryFn::And), operands)) => {
                parts[next] = operands[0];
                parts.push(operands[1]);
            }
            _ => next += 1,
        }
    }
    parts
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    AtLeast,
    AtMost,
}

/// Whether a comparison is about how many places keys are behind queries, and what it says of those that are seen.
fn distance(graph: &Graph, mask: Value, axes: [usize; 2], shows: Shows) -> Option<(Side, i64)> {
    let (mask, axes) = through_broadcast(graph, mask, axes)?;
    if let (Op::Unary(UnaryFn::Not), operands) = made_by(graph, mask)? {
        let other = if shows == Shows::WhereTrue { Shows::WhereFalse } else { Shows::WhereTrue };
        return distance(graph, operands[0], axes, other);
    }
    let (Op::Compare(compare), operands) = made_by(graph, mask)? else { return None };
    let mut steps = MOST_STEPS;
    let [x, y] = [operands[0], operands[1]].map(|side| Places::of(graph, side, axes, &mut steps));
    let difference = x?.less(&y?);
    // `sign (key - query) + number` against 0.
    let sign = difference.key;
    if difference.query != -sign || sign.abs() != 1 {
        return None;
    }
    use CompareFn::{Ge, Gt, Le, Lt};
    let compare = match (compare, shows) {
        (f @ (Ge | Gt | Le | Lt), Shows::WhereTrue) => *f,
        (Ge, Shows::WhereFalse) => Lt,
        (Gt, Shows::WhereFalse) => Le,
        (Le, Shows::WhereFalse) => Gt,
        (Lt, Shows::WhereFalse) => Ge,
        _ => return None,
    };
    let (compare, number) = match (compare, sign) {
        (f, 1) => (f, -difference.number),
        (Ge, _) => (Le, difference.number),
        (Gt, _) => (Lt, difference.number),
        (Le, _) => (Ge, difference.number),
        (_, _) => (Gt, difference.number),
    };
    Some(match compare {
        Ge => (Side::AtLeast, number),
        Gt => (Side::AtLeast, number + 1),
        Le => (Side::AtMost, number),
        _ => (Side::AtMost, number - 1),
    })
}

/// The value before a broadcast, and where it has the axes.
fn through_broadcast(graph: &Graph, value: Value, axes: [usize; 2]) -> Option<(Value, [usize; 2])> {
    let Some((Op::BroadcastInDim(op), operands)) = made_by(graph, value) else { return Some((value, axes)) };
    let shape = &graph.tensor(operands[0]).shape;
    let place = |axis: usize| op.axes.iter().position(|&to| to == axis);
    let [query, key] = axes.map(place);
    let (query, key) = (query?, key?);
    let is_full = |from: usize, to: usize| shape[from] == op.shape[to];
    (is_full(query, axes[0]) && is_full(key, axes[1])).then_some((operands[0], [query, key]))
}

/// A number of places: `query` times that of the query, `key` times that of the key, and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Places {
    query: i64,
    key: i64,
    number: i64,
}

impl Places {
    /// Places that a value counts in integers that hold all of them.
    fn of(graph: &Graph, value: Value, axes: [usize; 2], steps: &mut usize) -> Option<Places> {
        *steps = steps.checked_sub(1)?;
        if !matches!(graph.tensor(value).dtype, DType::I32 | DType::I64) {
            return None;
        }
        if let Some(number) = splat(graph, value) {
            let number = i64::try_from(number.to_i128()).ok()?;
            return (number.abs() < 1 << 30).then_some(Places { query: 0, key: 0, number });
        }
        let (op, operands) = made_by(graph, value)?;
        match op {
            Op::Iota(iota) if iota.axis == axes[0] => Some(Places { query: 1, key: 0, number: 0 }),
            Op::Iota(iota) if iota.axis == axes[1] => Some(Places { query: 0, key: 1, number: 0 }),
            Op::BroadcastInDim(op) => {
                let place = |axis: usize| op.axes.iter().position(|&to| to == axis);
                let shape = &graph.tensor(operands[0]).shape;
                let is_full = |(from, &to): (usize, &usize)| shape[from] == op.shape[to];
                if !op.axes.iter().enumerate().all(is_full) {
                    return None;
                }
                let axes = axes.map(|axis| place(axis).unwrap_or(usize::MAX));
                Places::of(graph, operands[0], axes, steps)
            }
            Op::Binary(f @ (BinaryFn::Add | BinaryFn::Sub)) => {
                let x = Places::of(graph, operands[0], axes, steps)?;
                let y = Places::of(graph, operands[1], axes, steps)?;
                Some(if *f == BinaryFn::Sub { x.less(&y) } else { x.less(&y.turned()) })
            }
            _ => None,
        }
    }

    fn turned(&self) -> Places {
        Places { query: -self.query, key: -self.key, number: -self.number }
    }

    fn less(&self, other: &Places) -> Places {
        Places {
            query: self.query - other.query,
            key: self.key - other.key,
            number: self.number - other.number,
        }
    }
}
