//! What is known of computed places: between which numbers they are, whatever the memory holds.
//!
//! # Notation
//!
//! The *range* of a register is an interval that has all its values. The *drift* of a state variable is the range of what a run adds to it. A
//! place in the body is *inside* of a loop if it is behind its test: there the test holds.
//!
//! # Invariant
//!
//! A range is right for the values of the dtype, which wrap: where a sum may leave the dtype, nothing is known of it. A state variable that is
//! being looked at may be anything meanwhile, so whatever is found out in a circle is right, if not the best that could be found.
//!
//! # State variables
//!
//! Two arguments, of which both hold. A state variable has its first value or one that a run has given it. And one with a drift goes on from
//! where it began:
//!
//! - upwards up to what the test admits and one drift more: inside of the loop it is what the test says;
//! - or so many drifts as the loop has runs at most, which a variable knows that the test bounds.
//!
//! By induction over runs neither wraps, as long as all that is admitted fits the dtype.

use std::cell::RefCell;

use hashbrown::HashMap;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::{DType, Scalar};

use super::loops::{self, BodyLoop};
use super::range::Space;
use super::{Instr, Kernel, Loop, Reg};

/// How far back the search for what a number is made of goes.
const DEPTH: u32 = 16;
/// Parts of a bool that are looked at.
const MAX_CONJUNCTS: usize = 64;

/// The least and the greatest number that a register can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    low: i128,
    high: i128,
}

/// The ranges of the registers of a stage.
pub struct Bounds<'k> {
    body: &'k [Instr],
    dtypes: Vec<DType>,
    spans: Vec<BodyLoop>,
    space: Space<'k>,
    known: RefCell<Known>,
    /// State variables that are being looked at.
    open: RefCell<Vec<usize>>,
}

/// Ranges by the register, and the test behind which it is asked for.
#[derive(Default)]
struct Known {
    found: HashMap<(Reg, usize), Range>,
    /// What is right, but wider than need be, since it was found while some state variable was being looked at.
    meanwhile: HashMap<(Reg, usize), Range>,
}

/// What a loop's test says of a state variable.
#[derive(Clone, Copy, Debug, Default)]
struct Test {
    low: Option<i128>,
    high: Option<i128>,
    /// The greatest number that its square may be, if the square does not wrap.
    square: Option<i128>,
}

impl Range {
    const ALL: Range = Range { low: i128::MIN, high: i128::MAX };

    fn new(low: i128, high: i128) -> Range {
        Range { low, high }
    }

    /// From one number to another.
    pub fn between(low: i128, high: i128) -> Range {
        Range::new(low, high)
    }

    /// One number.
    pub fn at(n: i128) -> Range {
        Range::new(n, n)
    }

    /// All numbers of a dtype; of floats nothing is known.
    fn of(dtype: DType) -> Range {
        let bits = 8 * dtype.size() as u32;
        match dtype {
            DType::Bool => Range::new(0, 1),
            _ if dtype.is_signed_int() => Range::new(-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            _ if dtype.is_int() => Range::new(0, (1 << bits) - 1),
            _ => Range::ALL,
        }
    }

    fn hull(self, other: Range) -> Range {
        Range::new(self.low.min(other.low), self.high.max(other.high))
    }

    fn meet(self, other: Range) -> Range {
        Range::new(self.low.max(other.low), self.high.min(other.high))
    }

    /// Whether no number of the other one is greater than any of its own.
    pub fn is_above(self, other: Range) -> bool {
        self.low >= other.high && self != Range::ALL && other != Range::ALL
    }

    /// How all of its numbers compare with all of the other one's, if they do so alike.
    pub fn compares(self, function: CompareFn, other: Range) -> Option<bool> {
        if self == Range::ALL || other == Range::ALL {
            return None;
        }
        let less = match () {
            () if self.high < other.low => Some(true),
            () if self.low >= other.high => Some(false),
            () => None,
        };
        match function {
            CompareFn::Lt => less,
            CompareFn::Ge => less.map(|less| !less),
            CompareFn::Gt => other.compares(CompareFn::Lt, self),
            CompareFn::Le => other.compares(CompareFn::Ge, self),
            CompareFn::Eq if self.meet(other).is_empty() => Some(false),
            CompareFn::Ne if self.meet(other).is_empty() => Some(true),
            _ => None,
        }
    }

    fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// Whether its numbers are at least 0 and all of them below all of the other one's.
    pub fn is_below(self, other: Range) -> bool {
        self.low >= 0 && self.high < other.low
    }

    /// Whether all of its numbers are in the other one.
    pub fn is_in(self, other: Range) -> bool {
        self.low >= other.low && self.high <= other.high
    }

    fn plus(self, other: Range) -> Range {
        Range::new(self.low.saturating_add(other.low), self.high.saturating_add(other.high))
    }

    fn minus(self, other: Range) -> Range {
        Range::new(self.low.saturating_sub(other.high), self.high.saturating_sub(other.low))
    }

    fn times(self, other: Range) -> Range {
        let ends =
            [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        let mut products = ends.into_iter().map(|(x, y)| Range::at(x.saturating_mul(y)));
        let first = products.next().unwrap_or(Range::ALL);
        products.fold(first, Range::hull)
    }

    /// What up to so many of these add up to.
    fn sums(self, most: i128) -> Range {
        Range::new(self.low.min(0).saturating_mul(most), self.high.max(0).saturating_mul(most))
    }
}

impl Known {
    fn get(&self, key: (Reg, usize), is_open: bool) -> Option<Range> {
        let meanwhile = || self.meanwhile.get(&key).filter(|_| is_open);
        self.found.get(&key).or_else(meanwhile).copied()
    }

    fn insert(&mut self, key: (Reg, usize), range: Range, is_open: bool) {
        if is_open {
            self.meanwhile.insert(key, range);
        } else {
            self.meanwhile.clear();
            self.found.insert(key, range);
        }
    }
}

impl<'k> Bounds<'k> {
    /// Of a stage of a kernel.
    pub fn new(kernel: &'k Kernel, stage: &'k Loop) -> Bounds<'k> {
        Bounds {
            body: &stage.body,
            dtypes: kernel.dtypes(stage),
            spans: loops::spans(&stage.body).unwrap_or_default(),
            space: Space::new(kernel, &stage.dims),
            known: RefCell::default(),
            open: RefCell::default(),
        }
    }

    /// Whether an instruction accesses memory at a computed place that is below its count anyway.
    pub fn is_in_range(&self, instr: usize) -> bool {
        match self.body[instr] {
            Instr::LoadAt { at, count, .. } | Instr::StoreAt { at, count, .. } => {
                self.at(at, instr).is_in(Range::new(0, i128::from(count) - 1))
            }
            _ => false,
        }
    }

    /// The range of a register where an instruction reads it.
    pub fn at(&self, reg: Reg, instr: usize) -> Range {
        self.range(reg, self.test_before(instr), DEPTH)
    }

    /// Whether a sum, a difference, a product or a conversion of integers is what it is of numbers that do not wrap.
    pub fn is_exact(&self, instr: usize) -> bool {
        let all = Range::of(self.dtypes[instr]);
        match self.body[instr] {
            Instr::Binary(function, x, y) => {
                combined(function, self.at(x, instr), self.at(y, instr)).is_in(all)
            }
            Instr::Cast(_, x) => self.at(x, instr).is_in(all),
            _ => false,
        }
    }

    /// The comparisons and other bools that all hold where a bool does.
    pub fn parts(&self, holds: Reg) -> Vec<Reg> {
        let (mut open, mut found) = (vec![holds], Vec::new());
        while let Some(holds) = open.pop() {
            match self.body[holds.0 as usize] {
                Instr::Binary(BinaryFn::And, x, y) if found.len() < MAX_CONJUNCTS => open.extend([y, x]),
                _ => found.push(holds),
            }
        }
        found
    }

    /// Whether a bool is a comparison of a register that holds wherever that is in a range, at an instruction.
    pub fn follows(&self, test: Reg, of: Reg, range: Range, instr: usize) -> bool {
        let mut follows = false;
        let same = self.moved(of, self.test_before(instr), DEPTH).filter(|(_, more)| *more == 0);
        let same = same.map_or(of, |(same, _)| same);
        if let Instr::Compare(function, x, y) = self.body[test.0 as usize] {
            both_ways(function, x, y, &mut |function, own, other| {
                follows |= (own == of || own == same)
                    && range.compares(function, self.at(other, instr)) == Some(true);
            });
        }
        follows
    }

    /// What a register is at an instruction if all these bools hold.
    pub fn told_by(&self, tests: &[Reg], about: Reg, instr: usize) -> Range {
        let told = |&test: &Reg| self.told(Says::Holds(test), about, self.test_before(instr), DEPTH);
        tests.iter().map(told).fold(self.at(about, instr), Range::meet)
    }

    /// The last test that holds at an instruction; 0 if there is none.
    fn test_before(&self, instr: usize) -> usize {
        let around = self.spans.iter().filter(|span| (span.test + 1..=span.end).contains(&instr));
        around.map(|span| span.test).max().unwrap_or(0)
    }

    fn range(&self, reg: Reg, test: usize, depth: u32) -> Range {
        let all = Range::of(self.dtypes[reg.0 as usize]);
        let Some(depth) = depth.checked_sub(1) else { return all };
        let key = (reg, test);
        let is_open = !self.open.borrow().is_empty();
        if let Some(known) = self.known.borrow().get(key, is_open) {
            return known;
        }
        let found = self.computed(reg, test, depth);
        // What may wrap may be anything.
        let found = if found.is_in(all) { found } else { all };
        self.known.borrow_mut().insert(key, found, is_open);
        found
    }

    fn computed(&self, reg: Reg, test: usize, depth: u32) -> Range {
        let of = |reg: Reg| self.range(reg, test, depth);
        match self.body[reg.0 as usize] {
            Instr::Const(Scalar::Bool(_)) => Range::ALL,
            Instr::Const(scalar) if scalar.dtype().is_int() => Range::at(scalar.to_i128()),
            Instr::Index { ref index, .. } => {
                self.space.interval(index).map_or(Range::ALL, |i| Range::new(i.low, i.high))
            }
            Instr::Select(holds, x, y) => {
                let chosen = |holds, x| of(x).meet(self.told(holds, x, test, depth));
                chosen(Says::Holds(holds), x).hull(chosen(Says::Fails(holds), y))
            }
            Instr::Cast(_, x) if self.dtypes[x.0 as usize].is_float() => Range::ALL,
            Instr::Cast(_, x) => of(x),
            Instr::Binary(function, x, y) => combined(function, of(x), of(y)),
            Instr::State(_) => self.state(reg.0 as usize, test, depth),
            _ => Range::ALL,
        }
    }

    /// A state variable where the test at `test` holds.
    fn state(&self, state: usize, test: usize, depth: u32) -> Range {
        let all = Range::of(self.dtypes[state]);
        let span = self.spans.iter().find(|span| span.state().any(|s| s == state));
        let Some(span) = span.filter(|_| !self.open.borrow().contains(&state)) else { return all };
        self.open.borrow_mut().push(state);
        let found = self.of_all_runs(span, state, depth);
        self.open.borrow_mut().pop();
        let (header, holds) = found;
        let inside = (span.test..=span.end).contains(&test) && test > 0;
        if inside { header.meet(holds) } else { header }
    }

    /// The range of a state variable, and what the test says of it besides.
    fn of_all_runs(&self, span: &BodyLoop, state: usize, depth: u32) -> (Range, Range) {
        let all = Range::of(self.dtypes[state]);
        let (first, next) = self.ends(span, state);
        let first = self.range(first, self.test_before(span.begin), depth);
        let given = self.given(next, state, span.test, depth).map_or(first, |given| first.hull(given));
        let test = self.tested(span, state, depth);
        let mut holds = test.range();
        let Some(drift) = self.drift(next, state, span, depth) else { return (given, holds) };
        let mut header = given;
        if let Some(square) = test.square.filter(|_| first.low >= 0 && drift.low >= 0) {
            let root = square.isqrt();
            let most = first.high.max(root.saturating_add(drift.high));
            if most.saturating_mul(most) <= all.high {
                holds = holds.meet(Range::new(0, root));
            }
        }
        if let Some(gone) = self.by_test(first, drift, holds).filter(|gone| gone.is_in(all)) {
            header = header.meet(gone);
        }
        if let Some(most) = self.most_runs(span, depth) {
            let gone = first.plus(drift.sums(most));
            header = if gone.is_in(all) { header.meet(gone) } else { header };
        }
        (header, holds)
    }

    /// What a run gives a state variable, if it does not leave it as it is.
    fn given(&self, next: Reg, state: usize, test: usize, depth: u32) -> Option<Range> {
        let less = depth.checked_sub(1);
        match (&self.body[next.0 as usize], less) {
            _ if next.0 as usize == state => None,
            (&Instr::Select(holds, x, y), Some(less)) => {
                let chosen =
                    |holds, x| Some(self.given(x, state, test, less)?.meet(self.told(holds, x, test, less)));
                let (x, y) = (chosen(Says::Holds(holds), x), chosen(Says::Fails(holds), y));
                x.map(|x| y.map_or(x, |y| x.hull(y))).or(y)
            }
            _ => Some(self.range(next, test, depth)),
        }
    }

    /// Where a variable gets that goes one way, as far as a test lets it.
    fn by_test(&self, first: Range, drift: Range, holds: Range) -> Option<Range> {
        match drift {
            Range { low: 0.., high } if holds.high < i128::MAX => {
                Some(Range::new(first.low, first.high.max(holds.high.saturating_add(high))))
            }
            Range { low, high: ..=0 } if holds.low > i128::MIN => {
                Some(Range::new(first.low.min(holds.low.saturating_add(low)), first.high))
            }
            _ => None,
        }
    }

    /// The most runs that a loop makes, if some variable of the test bounds it.
    fn most_runs(&self, span: &BodyLoop, depth: u32) -> Option<i128> {
        let runs = span.state().filter_map(|state| self.runs_by(span, state, depth.checked_sub(1)?));
        runs.min()
    }

    fn runs_by(&self, span: &BodyLoop, state: usize, depth: u32) -> Option<i128> {
        let all = Range::of(self.dtypes[state]);
        let test = self.tested(span, state, depth);
        let (first, next) = self.ends(span, state);
        let drift = self.drift(next, state, span, depth)?;
        let first = self.range(first, self.test_before(span.begin), depth);
        let holds = test.range();
        self.by_test(first, drift, holds).filter(|gone| gone.is_in(all))?;
        let step = drift.low.max(-drift.high);
        let way = if drift.low > 0 { holds.high - first.low } else { first.high.saturating_sub(holds.low) };
        (step > 0).then(|| (way / step + 1).max(0))
    }

    /// The registers of a state variable's first and next value.
    fn ends(&self, span: &BodyLoop, state: usize) -> (Reg, Reg) {
        let own = Reg(state as u32);
        let first = match self.body[state] {
            Instr::State(first) => first,
            _ => own,
        };
        let next = match &self.body[span.end] {
            Instr::Repeat(next) => next.get(state - span.begin - 1).copied(),
            _ => None,
        };
        (first, next.unwrap_or(own))
    }

    /// By how much a register is more than a state variable of the loop is in the same run, if it is made of it by additions.
    fn drift(&self, reg: Reg, state: usize, span: &BodyLoop, depth: u32) -> Option<Range> {
        let less = depth.checked_sub(1)?;
        let known = |reg: Reg| {
            let range = self.range(reg, span.test, less);
            (range != Range::of(self.dtypes[reg.0 as usize])).then_some(range)
        };
        let own = |reg: Reg| self.drift(reg, state, span, less);
        match self.body[reg.0 as usize] {
            _ if reg.0 as usize == state => Some(Range::at(0)),
            // What was computed before the loop knows nothing of its state.
            _ if (reg.0 as usize) < span.begin => None,
            Instr::Binary(BinaryFn::Add, x, y) => match own(x) {
                Some(drift) => Some(drift.plus(known(y)?)),
                None => Some(own(y)?.plus(known(x)?)),
            },
            Instr::Binary(BinaryFn::Sub, x, y) => Some(own(x)?.minus(known(y)?)),
            Instr::Select(_, x, y) => Some(own(x)?.hull(own(y)?)),
            Instr::State(first) => {
                let inner = self.spans.iter().find(|inner| inner.state().any(|s| s == reg.0 as usize))?;
                let (_, next) = self.ends(inner, reg.0 as usize);
                let inside = self.drift(next, reg.0 as usize, inner, less)?;
                let gone =
                    if inside == Range::at(0) { inside } else { inside.sums(self.most_runs(inner, less)?) };
                Some(own(first)?.plus(gone))
            }
            _ => None,
        }
    }

    /// What a loop's test says of a state variable.
    fn tested(&self, span: &BodyLoop, state: usize, depth: u32) -> Test {
        let mut test = Test::default();
        let Instr::While(holds) = self.body[span.test] else { return test };
        let before = self.test_before(span.begin);
        self.conjuncts(holds, &mut |function, own, other| {
            if own.0 as usize == state {
                test.compared(function, self.range(other, before, depth));
            } else if self.is_square(own, state) {
                test.square_compared(function, self.range(other, before, depth));
            }
        });
        test
    }

    /// What a bool says of a number, if it is an integer.
    fn told(&self, says: Says, about: Reg, test: usize, depth: u32) -> Range {
        let (Some(less), true) = (depth.checked_sub(1), self.dtypes[about.0 as usize].is_int()) else {
            return Range::ALL;
        };
        // The number may be the one that is compared, or both are known ones more or less than another one.
        let based = |reg: Reg| self.moved(reg, test, less).unwrap_or((reg, 0));
        let (own, more) = based(about);
        let mut range = Range::ALL;
        self.said(says, &mut |function, compared, other| {
            let (base, by) = if compared == about { (own, more) } else { based(compared) };
            if base == own {
                let mut said = Test::default();
                said.compared(function, self.range(other, test, less));
                range = range.meet(said.range().plus(Range::at(more - by)));
            }
        });
        range
    }

    /// A register and what is added to it to make another one, without wrapping, whatever its dtype is.
    fn moved(&self, reg: Reg, test: usize, depth: u32) -> Option<(Reg, i128)> {
        let all = Range::of(self.dtypes[reg.0 as usize]);
        if let Instr::Cast(_, x) = self.body[reg.0 as usize] {
            let is_same = self.dtypes[x.0 as usize].is_int() && self.range(x, test, depth).is_in(all);
            return is_same.then_some((x, 0));
        }
        let Instr::Binary(function @ (BinaryFn::Add | BinaryFn::Sub), x, y) = self.body[reg.0 as usize]
        else {
            return None;
        };
        let Instr::Const(by) = self.body[y.0 as usize] else { return None };
        let more = if function == BinaryFn::Add { by.to_i128() } else { -by.to_i128() };
        self.range(x, test, depth).plus(Range::at(more)).is_in(all).then_some((x, more))
    }

    /// The comparisons that hold where a bool does as it is said to, both ways round.
    fn said(&self, says: Says, with: &mut dyn FnMut(CompareFn, Reg, Reg)) {
        match says {
            Says::Holds(holds) => self.conjuncts(holds, with),
            Says::Fails(fails) => match self.body[fails.0 as usize] {
                Instr::Unary(UnaryFn::Not, holds) => self.conjuncts(holds, with),
                Instr::Compare(function, x, y) if self.dtypes[x.0 as usize].is_int() => {
                    if let Some(opposite) = opposite(function) {
                        both_ways(opposite, x, y, with);
                    }
                }
                _ => {}
            },
        }
    }

    /// The comparisons that all hold where a bool does, both ways round.
    fn conjuncts(&self, holds: Reg, with: &mut dyn FnMut(CompareFn, Reg, Reg)) {
        let (mut open, mut left) = (vec![holds], MAX_CONJUNCTS);
        while let (Some(holds), 1..) = (open.pop(), left) {
            left -= 1;
            match self.body[holds.0 as usize] {
                Instr::Binary(BinaryFn::And, x, y) => open.extend([x, y]),
                Instr::Compare(function, x, y) => both_ways(function, x, y, with),
                _ => {}
            }
        }
    }

    fn is_square(&self, reg: Reg, state: usize) -> bool {
        let of = Reg(state as u32);
        matches!(self.body[reg.0 as usize], Instr::Binary(BinaryFn::Mul, x, y) if x == of && y == of)
    }
}

/// What is known of a bool.
#[derive(Clone, Copy, Debug)]
enum Says {
    Holds(Reg),
    Fails(Reg),
}

fn both_ways(function: CompareFn, x: Reg, y: Reg, with: &mut dyn FnMut(CompareFn, Reg, Reg)) {
    with(function, x, y);
    if let Some(function) = function.mirrored() {
        with(function, y, x);
    }
}

/// The comparison of integers that holds where another one does not.
fn opposite(function: CompareFn) -> Option<CompareFn> {
    Some(match function {
        CompareFn::Lt => CompareFn::Ge,
        CompareFn::Ge => CompareFn::Lt,
        CompareFn::Gt => CompareFn::Le,
        CompareFn::Le => CompareFn::Gt,
        CompareFn::Eq => CompareFn::Ne,
        CompareFn::Ne => CompareFn::Eq,
        CompareFn::LtTotal | CompareFn::LeTotal => return None,
    })
}

impl Test {
    /// What the variable may be.
    fn range(self) -> Range {
        Range::new(self.low.unwrap_or(i128::MIN), self.high.unwrap_or(i128::MAX))
    }

    /// It holds only if the variable compares so with a number in the range.
    fn compared(&mut self, function: CompareFn, with: Range) {
        let (low, high) = match function {
            CompareFn::Lt => (None, Some(with.high.saturating_sub(1))),
            CompareFn::Le => (None, Some(with.high)),
            CompareFn::Gt => (Some(with.low.saturating_add(1)), None),
            CompareFn::Ge => (Some(with.low), None),
            CompareFn::Eq => (Some(with.low), Some(with.high)),
            _ => (None, None),
        };
        self.low = self.low.max(low);
        self.high = [self.high, high].into_iter().flatten().min();
    }

    fn square_compared(&mut self, function: CompareFn, with: Range) {
        let most = match function {
            CompareFn::Lt => with.high.saturating_sub(1),
            CompareFn::Le => with.high,
            _ => return,
        };
        self.square = [self.square, Some(most)].into_iter().flatten().filter(|&most| most >= 0).min();
    }
}

fn combined(function: BinaryFn, x: Range, y: Range) -> Range {
    match function {
        BinaryFn::Maximum => Range::new(x.low.max(y.low), x.high.max(y.high)),
        BinaryFn::Minimum => Range::new(x.low.min(y.low), x.high.min(y.high)),
        BinaryFn::Add => x.plus(y),
        BinaryFn::Sub => x.minus(y),
        BinaryFn::Mul => x.times(y),
        // A divisor of 0 gives the number itself, or 0.
        BinaryFn::FloorMod if y.low > 0 => Range::new(0, y.high - 1),
        BinaryFn::Rem if y.low > 0 => {
            let most = y.high - 1;
            Range::new(if x.low >= 0 { 0 } else { (-most).max(x.low) }, most.min(x.high.max(0)))
        }
        BinaryFn::Div | BinaryFn::Floordiv if y.low > 0 && x.low >= 0 => {
            Range::new(x.low / y.high, x.high / y.low)
        }
        BinaryFn::And if y.low >= 0 => Range::new(0, y.high),
        BinaryFn::And if x.low >= 0 => Range::new(0, x.high),
        BinaryFn::ShrLogic | BinaryFn::ShrArith if x.low >= 0 && y.low >= 0 => {
            Range::new(0, x.high >> y.low.min(127))
        }
        _ => Range::ALL,
    }
}

#[cfg(test)]
mod tests;
