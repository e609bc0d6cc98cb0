//! Slices, reversals, padding, concatenation.

use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::primitive::{Concat, DynamicSlice, Pad, Reverse, Slice};
use tensorwright_ir::{Graph, Op, Shape, Value};

use crate::passes::pattern::{Rewritten, constant_element, made_by};
use crate::passes::rewriter::{Operands, Rewriter};

/// One axis of a slice: the elements `start + i * stride` for `i < count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Section {
    start: i64,
    stride: i64,
    count: i64,
}

impl Section {
    fn whole(extent: usize) -> Section {
        Section { start: 0, stride: 1, count: extent as i64 }.normal()
    }

    fn reversed(extent: usize) -> Section {
        Section { start: extent as i64 - 1, stride: -1, count: extent as i64 }.normal()
    }

    /// One spelling: the stride of a single element is 1. Nothing is said of sections without elements.
    fn normal(self) -> Section {
        if self.count <= 1 { Section { stride: 1, ..self } } else { self }
    }

    /// The section `outer` of this one. `None` if numbers overflow.
    fn then(self, outer: Section) -> Option<Section> {
        let start = self.stride.checked_mul(outer.start)?.checked_add(self.start)?;
        let stride = if outer.count <= 1 { 1 } else { self.stride.checked_mul(outer.stride)? };
        Some(Section { start, stride, count: outer.count })
    }

    /// Where the section ends: just past its last element in the direction of the stride.
    fn limit(self) -> i64 {
        self.start + (self.count - 1) * self.stride + self.stride.signum()
    }
}

type Sections = smallvec::SmallVec<[Section; 6]>;

fn sections(op: &Slice, result: &Shape) -> Sections {
    let axis = |(i, count): (usize, usize)| {
        Section { start: op.starts[i], stride: op.strides[i], count: count as i64 }.normal()
    };
    result.sizes().into_iter().enumerate().map(axis).collect()
}

fn reversal(axes: &[usize], shape: &Shape) -> Sections {
    let section = |(axis, extent): (usize, usize)| {
        if axes.contains(&axis) { Section::reversed(extent) } else { Section::whole(extent) }
    };
    shape.sizes().into_iter().enumerate().map(section).collect()
}

fn slice_of(sections: &[Section]) -> Slice {
    Slice {
        starts: sections.iter().map(|s| s.start).collect(),
        limits: sections.iter().map(|s| s.limit()).collect(),
        strides: sections.iter().map(|s| s.stride).collect(),
    }
}

pub(super) fn slice(r: &mut Rewriter<'_>, op: &Slice, x: Value, to: &Shape) -> Rewritten {
    let from = r.graph().tensor(x).shape.clone();
    if to.elements() == 0 {
        return Ok(None);
    }
    let wanted = sections(op, to);
    if let Some(found) = section_of_maker(r, &wanted, x)? {
        return Ok(Some(found));
    }
    let canonical = plain_section(&wanted, &from);
    match canonical {
        Plain::Whole => Ok(Some(x)),
        Plain::Reverse(axes) => r.build().reverse(x, axes).map(Some),
        Plain::Slice(slice) if slice == *op => Ok(None),
        Plain::Slice(slice) => r.build().push_one(slice, &[x]).map(Some),
    }
}

/// The plainest op that takes these sections.
enum Plain {
    Whole,
    Reverse(Axes),
    Slice(Slice),
}

fn plain_section(sections: &[Section], from: &Shape) -> Plain {
    let mut reversed = Axes::new();
    for (axis, (section, dim)) in sections.iter().zip(from.iter()).enumerate() {
        if *section == Section::whole(dim.size()) {
            continue;
        }
        if *section != Section::reversed(dim.size()) {
            return Plain::Slice(slice_of(sections));
        }
        reversed.push(axis);
    }
    if reversed.is_empty() { Plain::Whole } else { Plain::Reverse(reversed) }
}

/// The sections of `x` taken from what `x` is made of.
fn section_of_maker(r: &mut Rewriter<'_>, wanted: &[Section], x: Value) -> Rewritten {
    let graph = r.graph();
    let Some((maker, operands)) = made_by(graph, x) else { return Ok(None) };
    let source = operands.first().copied();
    let inner = match (maker, source) {
        (Op::Slice(inner), Some(_)) => sections(inner, &graph.tensor(x).shape),
        (Op::Reverse(inner), Some(_)) => reversal(&inner.axes, &graph.tensor(x).shape),
        (Op::Concat(op), _) => {
            let Some((part, wanted)) = part_of_concat(graph, op, operands, wanted) else { return Ok(None) };
            return r.build().push_one(slice_of(&wanted), &[part]).map(Some);
        }
        (Op::BroadcastInDim(op), Some(source)) => {
            let axes = op.axes.clone();
            return section_of_broadcast(r, &axes, source, wanted);
        }
        _ => return Ok(None),
    };
    let (Some(source), Some(both)) = (source, composed(&inner, wanted)) else { return Ok(None) };
    r.build().push_one(slice_of(&both), &[source]).map(Some)
}

fn composed(inner: &[Section], outer: &[Section]) -> Option<Sections> {
    inner.iter().zip(outer).map(|(i, &o)| i.then(o)).collect()
}

/// The operand of a concatenation in which all of the section lies, and the section there.
fn part_of_concat(
    graph: &Graph,
    op: &Concat,
    operands: &[Value],
    wanted: &[Section],
) -> Option<(Value, Sections)> {
    let Section { start, stride, count } = wanted[op.axis];
    let last = start + (count - 1) * stride;
    let mut begin = 0;
    for &part in operands {
        let end = begin + graph.tensor(part).shape.size(op.axis) as i64;
        if (begin..end).contains(&start) && (begin..end).contains(&last) {
            let mut inside: Sections = wanted.into();
            inside[op.axis].start -= begin;
            return Some((part, inside));
        }
        begin = end;
    }
    None
}

/// A section of a broadcast is a broadcast of a section.
fn section_of_broadcast(
    r: &mut Rewriter<'_>,
    axes: &[usize],
    source: Value,
    wanted: &[Section],
) -> Rewritten {
    let from = r.graph().tensor(source).shape.clone();
    let inside: Sections = axes
        .iter()
        .zip(from.iter())
        .map(|(&axis, dim)| if dim.size() == 1 { Section::whole(1) } else { wanted[axis] })
        .collect();
    let shape: Shape = wanted.iter().map(|s| s.count as usize).collect();
    let whole = matches!(plain_section(&inside, &from), Plain::Whole);
    let section = if whole { source } else { r.build().push_one(slice_of(&inside), &[source])? };
    r.build().broadcast_in_dim(section, shape, axes).map(Some)
}

pub(super) fn reverse(r: &mut Rewriter<'_>, op: &Reverse, x: Value) -> Rewritten {
    let graph = r.graph();
    let shape = &graph.tensor(x).shape;
    let mut axes: Axes = op.axes.iter().copied().filter(|&axis| shape.size(axis) > 1).collect();
    axes.sort_unstable();
    match made_by(graph, x) {
        Some((Op::Reverse(inner), operands)) => {
            let source = operands[0];
            let once = |axis: &usize| axes.contains(axis) != inner.axes.contains(axis);
            let axes: Axes = (0..shape.rank()).filter(once).collect();
            return r.build().reverse(source, axes).map(Some);
        }
        Some((Op::Slice(_), _)) if shape.elements() > 0 => {
            let wanted = reversal(&axes, shape);
            return section_of_maker(r, &wanted, x);
        }
        Some((Op::BroadcastInDim(inner), operands)) => {
            let from = &graph.tensor(operands[0]).shape;
            let moves = |axis: &usize| {
                inner.axes.iter().position(|a| a == axis).is_some_and(|source| from.size(source) > 1)
            };
            axes.retain(|axis| moves(axis));
        }
        _ => {}
    }
    if axes.is_empty() {
        return Ok(Some(x));
    }
    if axes == op.axes { Ok(None) } else { r.build().reverse(x, axes).map(Some) }
}

pub(super) fn pad(r: &mut Rewriter<'_>, op: &Pad, x: Value, value: Value, to: &Shape) -> Rewritten {
    let graph = r.graph();
    let from = graph.tensor(x).shape.clone();
    if to.elements() == 0 {
        return Ok(None);
    }
    if from.elements() == 0 {
        return r.build().broadcast_in_dim(value, to.clone(), []).map(Some);
    }
    let interior: Axes =
        op.interior.iter().zip(from.iter()).map(|(&i, dim)| if dim.size() <= 1 { 0 } else { i }).collect();
    let dense = interior.iter().all(|&i| i == 0);
    if dense && op.low.iter().chain(&op.high).all(|&amount| amount <= 0) {
        let sections: Sections = (0..from.rank())
            .map(|axis| Section { start: -op.low[axis], stride: 1, count: to.size(axis) as i64 })
            .collect();
        let whole = *to == from;
        return if whole { Ok(Some(x)) } else { r.build().push_one(slice_of(&sections), &[x]).map(Some) };
    }
    if let Some((source, both)) = pad_of_pad(graph, op, x, value) {
        return r.build().push_one(both, &[source, value]).map(Some);
    }
    if interior == op.interior {
        return Ok(None);
    }
    r.build().pad(x, value, op.low.clone(), op.high.clone(), interior).map(Some)
}

/// Two pads by the same value as one: both without interior padding, neither cutting off.
fn pad_of_pad(graph: &Graph, outer: &Pad, x: Value, value: Value) -> Option<(Value, Pad)> {
    let (Op::Pad(inner), operands) = made_by(graph, x)? else { return None };
    let plain = |pad: &Pad| {
        pad.interior.iter().all(|&i| i == 0) && pad.low.iter().chain(&pad.high).all(|&amount| amount >= 0)
    };
    if operands[1] != value || !plain(inner) || !plain(outer) {
        return None;
    }
    let sum = |a: &Offsets, b: &Offsets| a.iter().zip(b).map(|(a, b)| a + b).collect();
    let low = sum(&inner.low, &outer.low);
    Some((operands[0], Pad { low, high: sum(&inner.high, &outer.high), interior: inner.interior.clone() }))
}

pub(super) fn concat(r: &mut Rewriter<'_>, op: &Concat, xs: &[Value]) -> Rewritten {
    if let &[x] = xs {
        return Ok(Some(x));
    }
    let graph = r.graph();
    let mut parts = Operands::new();
    for &x in xs.iter().filter(|&&x| graph.tensor(x).shape.size(op.axis) > 0) {
        match made_by(graph, x) {
            Some((Op::Concat(inner), operands)) if inner.axis == op.axis => parts.extend_from_slice(operands),
            _ => parts.push(x),
        }
    }
    let joint = parts.windows(2).position(|pair| joined(graph, op.axis, pair[0], pair[1]).is_some());
    if let Some(at) = joint {
        let (source, slice) = joined(graph, op.axis, parts[at], parts[at + 1]).expect("was found");
        let both = r.build().push_one(slice, &[source])?;
        parts.remove(at);
        parts[at] = both;
    }
    match &parts[..] {
        [] => Ok(None),
        &[x] => Ok(Some(x)),
        parts if parts == xs => Ok(None),
        parts => r.build().concat(parts, op.axis).map(Some),
    }
}

/// Two sections of the same value that follow each other along `axis`, as one section.
fn joined(graph: &Graph, axis: usize, left: Value, right: Value) -> Option<(Value, Slice)> {
    let (Op::Slice(l), l_operands) = made_by(graph, left)? else { return None };
    let (Op::Slice(r), r_operands) = made_by(graph, right)? else { return None };
    let (mut l, r) = (sections(l, &graph.tensor(left).shape), sections(r, &graph.tensor(right).shape));
    let follows = l_operands == r_operands && r[axis].start == l[axis].start + l[axis].count;
    let forward = l[axis].stride == 1 && r[axis].stride == 1;
    let others_same = (0..l.len()).all(|a| a == axis || l[a] == r[a]);
    let filled = l.iter().chain(&r).all(|s| s.count > 0);
    if !(follows && forward && others_same && filled) {
        return None;
    }
    l[axis].count += r[axis].count;
    Some((l_operands[0], slice_of(&l)))
}

/// Makes a slice of a dynamic one at a constant place, clamped into range as the op has it.
pub(super) fn dynamic_slice(r: &mut Rewriter<'_>, op: &DynamicSlice, x: Value, starts: Value) -> Rewritten {
    let graph = r.graph();
    let from = &graph.tensor(x).shape;
    if op.sizes == *from {
        return Ok(Some(x));
    }
    let section = |axis: usize| {
        let room = from.size(axis) - op.sizes.size(axis);
        let start = constant_element(graph, starts, axis)?;
        let start = start.to_i128().clamp(0, room as i128) as i64;
        Some(Section { start, stride: 1, count: op.sizes.size(axis) as i64 })
    };
    let Some(sections) = (0..from.rank()).map(section).collect::<Option<Sections>>() else { return Ok(None) };
    r.build().push_one(slice_of(&sections), &[x]).map(Some)
}

pub(super) fn dynamic_update_slice(r: &Rewriter<'_>, x: Value, update: Value) -> Option<Value> {
    let (old, new) = (&r.graph().tensor(x).shape, &r.graph().tensor(update).shape);
    if old == new {
        return Some(update);
    }
    (new.elements() == 0).then_some(x)
}
