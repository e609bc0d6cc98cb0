//! How often a `while` runs, as far as its counters say so before it does.
//!
//! A *counter* is an integer in the state of a loop to which each run adds the same known number, its *step*. If the condition compares a
//! counter that begins at a known number with a known limit, it is known how often the loop runs; if it holds only while such a
//! comparison does, how often it runs at most. Numbers are known that are constants or made of constants.
//!
//! A counter needs no saving either: on the way back its step is taken off again.

use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};
use tensorwright_ir::op::{Feed, Ports};
use tensorwright_ir::{BuildError, Builder, Graph, Literal, Op, Scalar, Value};

use crate::passes::has_effect;

/// How many nodes a known number may be made by, one after the other.
const MAX_DEPTH: usize = 8;
/// The most runs that count as known: a loop that runs longer does not end today.
const MAX_RUNS: i128 = u32::MAX as i128;

/// How often a loop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::differentiate) enum Trips {
    /// So often.
    Exactly(usize),
    /// So often, or less.
    AtMost(usize),
    /// Nobody knows.
    Unknown,
}

impl Trips {
    /// Of a `while` with these regions, and operands in `graph`.
    pub(in crate::differentiate) fn of(
        graph: &Graph,
        ports: Ports,
        operands: &[Value],
        regions: &[Graph],
    ) -> Trips {
        let (Some(condition), [body]) = (ports.condition(regions), ports.bodies(regions)) else {
            return Trips::Unknown;
        };
        if condition.nodes().iter().any(has_effect) {
            return Trips::Unknown;
        }
        let around = Around { graph, ports, operands, body };
        let trips = conjuncts(condition).into_iter().map(|part| around.trips(condition, part));
        trips.reduce(Trips::both).unwrap_or(Trips::Unknown)
    }

    /// Of a loop that goes on while two conditions hold.
    fn both(self, other: Trips) -> Trips {
        match (self, other) {
            (Trips::Exactly(n), Trips::Exactly(m)) => Trips::Exactly(n.min(m)),
            (Trips::Unknown, other) | (other, Trips::Unknown) => other.bounded(),
            (Trips::Exactly(n) | Trips::AtMost(n), Trips::Exactly(m) | Trips::AtMost(m)) => {
                Trips::AtMost(n.min(m))
            }
        }
    }

    /// What is left of it if the loop may end earlier.
    fn bounded(self) -> Trips {
        match self {
            Trips::Exactly(n) | Trips::AtMost(n) => Trips::AtMost(n),
            Trips::Unknown => Trips::Unknown,
        }
    }

    /// The most runs there can be.
    pub(in crate::differentiate) fn at_most(self) -> Option<usize> {
        match self {
            Trips::Exactly(n) | Trips::AtMost(n) => Some(n),
            Trips::Unknown => None,
        }
    }
}

/// What each run of a loop does to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    is_taken: bool,
    number: Scalar,
}

impl Step {
    /// The counter before a run that left it like this.
    pub(super) fn undone(self, b: &mut Builder, counter: Value) -> Result<Value, BuildError> {
        let number = b.scalar(self.number);
        if self.is_taken { b.add(counter, number) } else { b.sub(counter, number) }
    }

    /// What it adds.
    fn added(self) -> i128 {
        let number = self.number.to_i128();
        if self.is_taken { -number } else { number }
    }
}

/// For each input of the body of a loop the step, if it is a counter.
pub(super) fn counters(
    graph: &Graph,
    ports: Ports,
    operands: &[Value],
    regions: &[Graph],
) -> Vec<Option<Step>> {
    let [body] = ports.bodies(regions) else { return vec![None; operands.len()] };
    let around = Around { graph, ports, operands, body };
    let step = |input| (input < ports.carried).then(|| around.step(input)).flatten();
    (0..body.inputs().len()).map(step).collect()
}

/// A counter that the way back needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    pub(super) step: Step,
    /// What it was after the last run.
    pub(super) last: Value,
}

/// The counters among the inputs that the way back needs, with the results of the loop.
pub(super) fn counted(given: &[usize], counters: &[Option<Step>], results: &[Value]) -> Vec<Counter> {
    let counter = |&input: &usize| Some(Counter { step: counters[input]?, last: results[input] });
    given.iter().filter_map(counter).collect()
}

/// The number that a value is, if it is a bool or an integer made of constants.
pub(in crate::differentiate) fn number(graph: &Graph, value: Value) -> Option<Scalar> {
    literal(graph, value, MAX_DEPTH).map(|literal| literal.get(0))
}

fn literal(graph: &Graph, value: Value, depth: usize) -> Option<Literal> {
    let ty = graph.ty(value).as_tensor()?;
    let (_, node) = graph.producer(value)?;
    if depth == 0 || ty.elements() != 1 || ty.dtype.is_float() || node.results.len() != 1 {
        return None;
    }
    let operands: Vec<Literal> =
        node.operands.iter().map(|&v| literal(graph, v, depth - 1)).collect::<Option<_>>()?;
    let found = node.op.eval(&operands.iter().collect::<Vec<_>>(), std::slice::from_ref(ty))?;
    found.into_iter().next()
}

/// The conditions that all must hold for the only output to hold.
fn conjuncts(condition: &Graph) -> Vec<Value> {
    let (mut open, mut parts) = (condition.outputs().to_vec(), Vec::new());
    while let Some(value) = open.pop() {
        match condition.producer(value) {
            Some((_, node)) if node.op == Op::Binary(BinaryFn::And) => open.extend(&node.operands),
            _ => parts.push(value),
        }
    }
    parts
}

/// A loop and where it stands.
struct Around<'a> {
    graph: &'a Graph,
    ports: Ports,
    operands: &'a [Value],
    body: &'a Graph,
}

/// A number that something is, or is not more than.
#[derive(Clone, Copy)]
enum Limit {
    Is(i128),
    AtMost(i128),
}

impl Around<'_> {
    /// How often a loop runs that goes on while this value of the condition holds.
    fn trips(&self, condition: &Graph, holds: Value) -> Trips {
        self.counted(condition, holds).unwrap_or(Trips::Unknown)
    }

    fn counted(&self, condition: &Graph, holds: Value) -> Option<Trips> {
        let (_, node) = condition.producer(holds)?;
        let Op::Compare(function) = node.op else { return None };
        let (left, right) = (node.operands[0], node.operands[1]);
        let (function, counter, limit) = match self.counter(condition, left) {
            Some(counter) => (function, counter, right),
            None => (mirrored(function)?, self.counter(condition, right)?, left),
        };
        let first = number(self.graph, self.operands[counter])?.to_i128();
        let step = self.step(counter)?;
        let runs = |limit| runs(function, first, step, limit);
        match self.limit(condition, limit)? {
            Limit::Is(limit) => runs(limit).map(Trips::Exactly),
            Limit::AtMost(limit) if matches!(function, CompareFn::Lt | CompareFn::Le) => {
                runs(limit).map(Trips::AtMost)
            }
            Limit::AtMost(_) => None,
        }
    }

    /// The input that a value of a region is, if that is a counter.
    fn counter(&self, region: &Graph, value: Value) -> Option<usize> {
        let input = region.inputs().iter().position(|&input| input == value)?;
        (input < self.ports.carried && self.step(input).is_some()).then_some(input)
    }

    /// What a run adds to an integer of the state.
    fn step(&self, input: usize) -> Option<Step> {
        let (_, node) = self.body.producer(self.body.outputs()[input])?;
        let state = self.body.inputs()[input];
        self.body.ty(state).as_tensor().filter(|ty| ty.rank() == 0 && ty.dtype.is_int())?;
        let (is_taken, number) = match (&node.op, &node.operands[..]) {
            (Op::Binary(BinaryFn::Add), &[x, y]) if x == state => (false, y),
            (Op::Binary(BinaryFn::Add), &[x, y]) if y == state => (false, x),
            (Op::Binary(BinaryFn::Sub), &[x, y]) if x == state => (true, y),
            _ => return None,
        };
        Some(Step { is_taken, number: self.number(self.body, number)? })
    }

    fn limit(&self, condition: &Graph, value: Value) -> Option<Limit> {
        if let Some(limit) = self.number(condition, value) {
            return Some(Limit::Is(limit.to_i128()));
        }
        let (_, node) = condition.producer(value)?;
        let least =
            node.operands.iter().filter_map(|&v| self.number(condition, v)).map(Scalar::to_i128).min();
        least.filter(|_| node.op == Op::Binary(BinaryFn::Minimum)).map(Limit::AtMost)
    }

    /// The number that a value of a region is in each run.
    fn number(&self, region: &Graph, value: Value) -> Option<Scalar> {
        let Some(input) = region.inputs().iter().position(|&input| input == value) else {
            return number(region, value);
        };
        let stays = match self.ports.feed(input) {
            Feed::Invariant => true,
            Feed::Carried => self.body.outputs()[input] == self.body.inputs()[input],
            Feed::Sliced => false,
        };
        number(self.graph, self.operands[input]).filter(|_| stays)
    }
}

/// The function of exchanged operands, of integers.
fn mirrored(function: CompareFn) -> Option<CompareFn> {
    match function {
        CompareFn::Lt => Some(CompareFn::Gt),
        CompareFn::Le => Some(CompareFn::Ge),
        CompareFn::Gt => Some(CompareFn::Lt),
        CompareFn::Ge => Some(CompareFn::Le),
        CompareFn::Eq | CompareFn::Ne => Some(function),
        CompareFn::LtTotal | CompareFn::LeTotal => None,
    }
}

/// How often a loop runs whose counter begins at `first` and that goes on while the function of it and `limit` holds; `None` if it does
/// not end before the counter leaves its dtype.
fn runs(function: CompareFn, first: i128, step: Step, limit: i128) -> Option<usize> {
    let (dtype, step) = (step.number.dtype(), step.added());
    // The way to the first number for which the function does not hold, and how much of it a run goes.
    let (way, pace) = match function {
        CompareFn::Lt => (limit - first, step),
        CompareFn::Le => (limit + 1 - first, step),
        CompareFn::Gt => (first - limit, -step),
        CompareFn::Ge => (first + 1 - limit, -step),
        CompareFn::Ne if step < 0 => (first - limit, -step),
        CompareFn::Ne => (limit - first, step),
        CompareFn::Eq => (i128::from(first == limit), 0),
        CompareFn::LtTotal | CompareFn::LeTotal => return None,
    };
    let misses = function == CompareFn::Ne && way != 0 && (way < 0 || pace == 0 || way % pace != 0);
    let runs = match way {
        ..=0 if !misses => 0,
        1.. if !misses && pace > 0 => (way + pace - 1) / pace,
        _ => return None,
    };
    let last = first + runs * step;
    let within = Scalar::lowest(dtype).to_i128() <= last && last <= Scalar::highest(dtype).to_i128();
    usize::try_from(runs).ok().filter(|_| within && runs <= MAX_RUNS)
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::op::RegionDef;
    use tensorwright_ir::op::control::While;

    use super::*;

    /// The trips of a loop with an i8 counter, a bool and a number that stays the same.
    fn trips(first: i8, condition: &str, next: &str) -> Trips {
        let code = format!(
            "graph @f(%p: bool[], %u: i8[]) {{
  %first = constant() {{value = {first}:i8}} %three = constant() {{value = 3:i8}} %six = add(%three, %three)
  %i, %q, %s = while(%first, %p, %six, %u) {{carried = 3}} (
    graph @condition(%i: i8[], %q: bool[], %six: i8[], %u: i8[]) {{
      %five = constant() {{value = 5:i8}} {condition} return %go
    }},
    graph @body(%i: i8[], %q: bool[], %six: i8[], %u: i8[]) {{
      %two = constant() {{value = 2:i8}} {next} %r = not(%q) return %j, %r, %six
    }}
  )
  return %i
}}"
        );
        let graph: Graph = code.parse().unwrap_or_else(|e| panic!("{e}\n{code}"));
        let node = graph.nodes().iter().find(|node| !node.regions.is_empty()).expect("there is a loop");
        Trips::of(&graph, While { carried: 3 }.ports(), &node.operands, &node.regions)
    }

    const UP: &str = "%j = add(%i, %two)";
    const DOWN: &str = "%j = sub(%i, %two)";

    #[test]
    fn counters_up_and_down_are_counted() {
        for (first, condition, next, runs) in [
            (0, "%go = lt(%i, %five)", UP, 3),
            (0, "%go = lt(%i, %five)", "%j = add(%two, %i)", 3),
            (1, "%go = lt(%i, %five)", UP, 2),
            (1, "%go = le(%i, %five)", UP, 3),
            (0, "%go = gt(%five, %i)", UP, 3),
            (0, "%go = lt(%i, %six)", UP, 3),
            (9, "%go = gt(%i, %five)", DOWN, 2),
            (9, "%go = ge(%i, %five)", DOWN, 3),
            (9, "%go = le(%five, %i)", DOWN, 3),
            (1, "%go = ne(%i, %five)", UP, 2),
            (9, "%go = ne(%i, %five)", DOWN, 2),
            (5, "%go = ne(%i, %five)", UP, 0),
            (7, "%go = lt(%i, %five)", UP, 0),
            (7, "%go = lt(%i, %five)", DOWN, 0),
            (7, "%go = eq(%i, %five)", UP, 0),
            (0, "%a = lt(%i, %five) %b = lt(%i, %six) %go = and(%a, %b)", UP, 3),
        ] {
            assert_eq!(trips(first, condition, next), Trips::Exactly(runs), "{first} {condition} {next}");
        }
    }

    #[test]
    fn loops_that_may_end_earlier_are_bounded() {
        for condition in [
            "%a = lt(%i, %five) %go = and(%a, %q)",
            "%a = lt(%i, %five) %b = lt(%i, %u) %c = and(%b, %q) %go = and(%c, %a)",
            "%m = minimum(%u, %five) %go = lt(%i, %m)",
        ] {
            assert_eq!(trips(0, condition, UP), Trips::AtMost(3), "{condition}");
        }
    }

    #[test]
    fn what_does_not_count_is_unknown() {
        for (first, condition, next) in [
            (0, "%go = lt(%i, %u)", UP),
            (0, "%go = not(%q)", UP),
            (0, "%go = or(%q, %q)", UP),
            (0, "%m = maximum(%u, %five) %go = lt(%i, %m)", UP),
            (0, "%m = minimum(%u, %five) %go = gt(%i, %m)", DOWN),
            (0, "%go = lt(%i, %five)", DOWN),
            (0, "%go = lt(%i, %five)", "%j = mul(%i, %two)"),
            (0, "%go = lt(%i, %five)", "%j = add(%i, %u)"),
            (0, "%go = lt(%i, %five)", "%j = sub(%two, %i)"),
            // They leave i8 first, or never meet.
            (0, "%l = constant() {value = 127:i8} %go = le(%i, %l)", UP),
            (0, "%l = constant() {value = 127:i8} %go = lt(%i, %l)", UP),
            (0, "%go = ne(%i, %five)", UP),
            (7, "%go = ne(%i, %five)", UP),
            (5, "%go = eq(%i, %five)", UP),
        ] {
            assert_eq!(trips(first, condition, next), Trips::Unknown, "{first} {condition} {next}");
        }
    }
}
