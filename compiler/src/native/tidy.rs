//! Leaves out what changes nothing, and takes what costs less for what gives the same: sums with 0, bringing into range what is there already or what
//! an access brings there itself, divisions of what is not negative by powers of two. Lowering cannot know what a loop's state will be; behind it
//! [`Bounds`] do.

use smallvec::SmallVec;
use tensorwright_ir::Scalar;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};

use crate::kernel::bounds::{Bounds, Range};
use crate::kernel::range::Space;
use crate::kernel::{Instr, Kernel, Loop, Outside, Reg, TileStage, loops};

/// How often what is left out may let more be left out.
const MAX_ROUNDS: usize = 4;

/// Tidies all stages.
pub(super) fn tidy(kernel: &mut Kernel) {
    for at in 0..kernel.stages.len() {
        for _ in 0..MAX_ROUNDS {
            let TileStage::Loop(stage) = &kernel.stages[at] else { break };
            let tidied = without_unused(shortened(kernel, stage));
            let is_settled = tidied.body.len() == stage.body.len();
            kernel.stages[at] = TileStage::Loop(tidied);
            if is_settled {
                break;
            }
        }
    }
}

/// A body as it grows from another one.
#[derive(Default)]
pub(super) struct Rewrite {
    pub(super) body: Vec<Instr>,
    /// What has become of the old registers.
    regs: Vec<Reg>,
}

impl Rewrite {
    /// The register that has taken the place of an old one.
    pub(super) fn of(&self, old: Reg) -> Reg {
        self.regs[old.0 as usize]
    }

    /// Appends an instruction that was not there before.
    pub(super) fn push(&mut self, instr: Instr) -> Reg {
        self.body.push(instr);
        Reg(self.body.len() as u32 - 1)
    }

    /// Appends the next old instruction.
    pub(super) fn keep(&mut self, instr: &Instr) {
        let instr = instr.with_operands(|reg| self.of(reg));
        let reg = self.push(instr);
        self.regs.push(reg);
    }

    /// Appends an instruction in place of the next old one, of whose registers the second is a constant if there is one.
    fn keep_with(&mut self, instr: &Instr, second: Option<Scalar>) {
        let second = second.map(|scalar| self.push(Instr::Const(scalar)));
        let instr = match (instr.with_operands(|reg| self.of(reg)), second) {
            (Instr::Binary(function, x, _), Some(y)) => Instr::Binary(function, x, y),
            (instr, _) => instr,
        };
        let reg = self.push(instr);
        self.regs.push(reg);
    }

    /// Leaves the next old instruction out: it is this register.
    pub(super) fn replace(&mut self, by: Reg) {
        self.regs.push(by);
    }

    /// The stage with this body.
    pub(super) fn finish(self, stage: &Loop) -> Loop {
        let mut stage = stage.clone();
        stage.stores.iter_mut().for_each(|store| store.value = self.of(store.value));
        stage.folds.iter_mut().for_each(|fold| fold.value = self.of(fold.value));
        Loop { body: self.body, ..stage }
    }
}

fn shortened(kernel: &Kernel, stage: &Loop) -> Loop {
    let bounds = Bounds::new(kernel, stage);
    let spans = loops::spans(&stage.body).unwrap_or_default();
    let one_point =
        stage.dims.last().is_none_or(|&extent| Space::new(kernel, &stage.dims).longest(extent) <= 1);
    // Of several points some may have left the loop: what its test says is not so of all of them.
    let holds = |test: Reg, at: usize| {
        let mut around = spans.iter().filter(|span| span.test < at && at <= span.end);
        one_point && around.any(|span| matches!(stage.body[span.test], Instr::While(reg) if reg == test))
    };
    let mut rewrite = Rewrite::default();
    for (at, instr) in stage.body.iter().enumerate() {
        let chosen = match *instr {
            Instr::Select(test, x, _) if holds(test, at) => Some(x),
            Instr::Select(test, x, y) if one_point => {
                decided(stage, &bounds, at, test).map(|holds| if holds { x } else { y })
            }
            _ => same(&bounds, at, instr),
        };
        if let Some(store) = within(stage, &bounds, at, &mut rewrite) {
            let store = rewrite.push(store);
            rewrite.replace(store);
            continue;
        }
        let chosen = chosen.map(|reg| rewrite.of(reg));
        match chosen.or_else(|| remainder(stage, &bounds, at, &mut rewrite)) {
            Some(reg) => rewrite.replace(reg),
            None => match cheaper(stage, &bounds, at) {
                Some((instr, constant)) => rewrite.keep_with(&instr, constant),
                None => rewrite.keep(instr),
            },
        }
    }
    rewrite.finish(stage)
}

/// What a bool is that follows from the ranges of integers, where an instruction reads it.
fn decided(stage: &Loop, bounds: &Bounds<'_>, at: usize, test: Reg) -> Option<bool> {
    let of = |reg: Reg| decided(stage, bounds, at, reg);
    match stage.body[test.0 as usize] {
        Instr::Const(Scalar::Bool(holds)) => Some(holds),
        Instr::Unary(UnaryFn::Not, x) => of(x).map(|holds| !holds),
        Instr::Binary(BinaryFn::And, x, y) => match (of(x), of(y)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (x, y) => Some(x? && y?),
        },
        Instr::Compare(function, x, y) => bounds.at(x, at).compares(function, bounds.at(y, at)),
        _ => None,
    }
}

/// An instruction that gives the same as the one at a place for less; its second operand may be a constant that is not there yet.
fn cheaper(stage: &Loop, bounds: &Bounds<'_>, at: usize) -> Option<(Instr, Option<Scalar>)> {
    let instr = &stage.body[at];
    match *instr {
        Instr::LoadAt { buffer, ref index, at: place, count } => {
            let at = unclamped(stage, bounds, at, place, count)?;
            Some((Instr::LoadAt { buffer, index: index.clone(), at, count }, None))
        }
        Instr::StoreAt { buffer, ref index, at: place, count, value, outside: Outside::Nearest } => {
            let (at, outside) = (unclamped(stage, bounds, at, place, count)?, Outside::Nearest);
            Some((Instr::StoreAt { buffer, index: index.clone(), at, count, value, outside }, None))
        }
        Instr::Binary(function, x, y) => {
            let Instr::Const(divisor) = stage.body[y.0 as usize] else { return None };
            let shift = exponent(divisor)?;
            let is_natural = bounds.at(x, at).is_above(Range::at(0));
            let (function, by) = match function {
                BinaryFn::FloorMod => (BinaryFn::And, divisor.to_i128() - 1),
                BinaryFn::Rem if is_natural => (BinaryFn::And, divisor.to_i128() - 1),
                BinaryFn::Div if is_natural => (BinaryFn::ShrLogic, shift),
                _ => return None,
            };
            Some((Instr::Binary(function, x, y), Some(Scalar::from_i128(divisor.dtype(), by))))
        }
        _ => None,
    }
}

/// A store that puts back what it finds if its place is out of range, as one that stores nothing there.
fn within(stage: &Loop, bounds: &Bounds<'_>, store: usize, rewrite: &mut Rewrite) -> Option<Instr> {
    let Instr::StoreAt { buffer, ref index, at, count, mut value, outside: Outside::Nearest } =
        stage.body[store]
    else {
        return None;
    };
    let found = |reg: Reg| {
        let load = reg.0 as usize;
        let changes = |instr: &Instr| match instr {
            Instr::StoreAt { buffer: other, .. } => *other == buffer,
            Instr::Loop | Instr::Repeat(_) => true,
            _ => false,
        };
        let is_load = stage.body[load] == Instr::LoadAt { buffer, index: index.clone(), at, count };
        is_load && !stage.body[load..store].iter().any(changes)
    };
    let mut tests: SmallVec<[Reg; 4]> = SmallVec::new();
    let mut old = None;
    while let Instr::Select(test, new, back) = stage.body[value.0 as usize]
        && found(back)
    {
        tests.extend(bounds.parts(test));
        (value, old) = (new, Some(back));
    }
    let inside = Range::between(0, i128::from(count) - 1);
    let is_test = |&test: &Reg| bounds.follows(test, at, inside, store);
    let (own, others): (SmallVec<[Reg; 4]>, SmallVec<[Reg; 4]>) = tests.into_iter().partition(is_test);
    if bounds.is_in_range(store) || !bounds.told_by(&own, at, store).is_in(inside) {
        return None;
    }
    let mut value = rewrite.of(value);
    let all = others.iter().map(|&test| rewrite.of(test)).collect::<SmallVec<[Reg; 4]>>();
    let all = all.into_iter().reduce(|x, y| rewrite.push(Instr::Binary(BinaryFn::And, x, y)));
    if let (Some(test), Some(old)) = (all, old) {
        value = rewrite.push(Instr::Select(test, value, rewrite.of(old)));
    }
    Some(Instr::StoreAt {
        buffer,
        index: index.clone(),
        at: rewrite.of(at),
        count,
        value,
        outside: Outside::Nowhere,
    })
}

/// A remainder of what is less than one divisor out of range, as a ring's next and last place are: the number, or with the divisor added or taken off.
fn remainder(stage: &Loop, bounds: &Bounds<'_>, at: usize, rewrite: &mut Rewrite) -> Option<Reg> {
    let Instr::Binary(function @ (BinaryFn::Rem | BinaryFn::FloorMod), x, y) = stage.body[at] else {
        return None;
    };
    let Instr::Const(divisor) = stage.body[y.0 as usize] else { return None };
    let n = Some(divisor).filter(|n| n.dtype().is_int()).map(Scalar::to_i128).filter(|&n| n > 0)?;
    let range = bounds.at(x, at);
    let (x, y) = (rewrite.of(x), rewrite.of(y));
    if range.is_in(Range::between(0, 2 * n - 1)) {
        let is_less = rewrite.push(Instr::Compare(CompareFn::Lt, x, y));
        let rest = rewrite.push(Instr::Binary(BinaryFn::Sub, x, y));
        return Some(rewrite.push(Instr::Select(is_less, x, rest)));
    }
    if function == BinaryFn::FloorMod && range.is_in(Range::between(-n, n - 1)) {
        let zero = rewrite.push(Instr::Const(Scalar::from_i128(divisor.dtype(), 0)));
        let is_negative = rewrite.push(Instr::Compare(CompareFn::Lt, x, zero));
        let more = rewrite.push(Instr::Binary(BinaryFn::Add, x, y));
        return Some(rewrite.push(Instr::Select(is_negative, more, x)));
    }
    None
}

/// The exponent of an integer that is a power of two.
fn exponent(number: Scalar) -> Option<i128> {
    let is_power = number.dtype().is_int() && number.to_i128() > 0 && number.to_i128().count_ones() == 1;
    is_power.then(|| number.to_i128().trailing_zeros().into())
}

/// The place of an access before it is brought to where the access would bring it anyway: at least 0 and below its count.
fn unclamped(stage: &Loop, bounds: &Bounds<'_>, access: usize, place: Reg, count: u64) -> Option<Reg> {
    let is = |reg: Reg, n: i128| bounds.at(reg, access) == Range::at(n);
    match stage.body[place.0 as usize] {
        Instr::Binary(BinaryFn::Minimum, x, last) if is(last, i128::from(count) - 1) => {
            Some(unclamped(stage, bounds, access, x, count).unwrap_or(x))
        }
        Instr::Binary(BinaryFn::Maximum, x, zero) if is(zero, 0) => Some(x),
        _ => None,
    }
}

/// The operand that an instruction gives.
fn same(bounds: &Bounds<'_>, at: usize, instr: &Instr) -> Option<Reg> {
    let Instr::Binary(function, x, y) = *instr else { return None };
    let (own, other) = (bounds.at(x, at), bounds.at(y, at));
    let is = |range: Range, n: i128| range == Range::at(n);
    match function {
        BinaryFn::Add if is(other, 0) => Some(x),
        BinaryFn::Add if is(own, 0) => Some(y),
        BinaryFn::Sub if is(other, 0) => Some(x),
        BinaryFn::Mul if is(other, 1) => Some(x),
        BinaryFn::Mul if is(own, 1) => Some(y),
        BinaryFn::Maximum if own.is_above(other) => Some(x),
        BinaryFn::Maximum if other.is_above(own) => Some(y),
        BinaryFn::Minimum if own.is_above(other) => Some(y),
        BinaryFn::Minimum if other.is_above(own) => Some(x),
        BinaryFn::Rem | BinaryFn::FloorMod if own.is_below(other) => Some(x),
        _ => None,
    }
}

/// Without what has a value that nothing needs.
fn without_unused(stage: Loop) -> Loop {
    let mut needed = vec![false; stage.body.len()];
    let results = stage.stores.iter().map(|s| s.value).chain(stage.folds.iter().map(|f| f.value));
    results.for_each(|reg| needed[reg.0 as usize] = true);
    for (at, instr) in stage.body.iter().enumerate().rev() {
        needed[at] |= !instr.has_value() || matches!(instr, Instr::State(_));
        if needed[at] {
            instr.operands().into_iter().for_each(|reg| needed[reg.0 as usize] = true);
        }
    }
    let mut rewrite = Rewrite::default();
    for (instr, needed) in stage.body.iter().zip(needed) {
        match needed {
            true => rewrite.keep(instr),
            // Nothing asks what it is.
            false => rewrite.replace(Reg(0)),
        }
    }
    rewrite.finish(&stage)
}
