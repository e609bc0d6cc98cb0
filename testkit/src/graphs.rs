//! Random well-typed graphs, with values for their inputs.
//!
//! A graph is drawn from a sequence of numbers by a [`Draw`]: smaller numbers give simpler choices and a shorter sequence a
//! smaller graph, so shrinking the sequence shrinks the graph. Ops come from the registry with the operands that they ask
//! for; an operand is, in order of preference, a value at hand of the right type, another value converted to it, a constant, or
//! a new input. Graphs get deep because each op is offered the type of a recent value.

use std::fmt;

use tensorwright_ir::op::primitive::CompareFn;
use tensorwright_ir::op::{Draw, Lowering, Operand, Sample, Tolerance, Values};
use tensorwright_ir::{
    Builder, DType, DTypeClass, Graph, Literal, Op, Scalar, Shape, TensorType, Type, Value,
};

pub use tensorwright_ir::op::OpKind;

use crate::literals;

/// Limits of random graphs.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// Which ops occur.
    pub kinds: Vec<OpKind>,
    /// The most ops to draw; conversions of operands come on top.
    pub max_ops: usize,
    /// The most elements of a value, and of the index space of a contraction per 64 elements.
    pub max_elements: usize,
    /// Whether ops may occur that tell one NaN from another: total orders of floats, and bit casts of floats.
    pub nan_bits: bool,
    /// Whether all floats are f64, complex numbers c128, and both are moved into the range in which the op that uses them is smooth: for derivatives.
    pub smooth: bool,
    /// Dtypes of the first input.
    pub first: DTypeClass,
}

/// Whether ops of the kind are more than functions of tensors: control flow, effects, lists, calls of the program.
fn is_control(kind: &OpKind) -> bool {
    use Lowering::{Effect, Host, List, Region, Token};
    matches!(kind.lowering, Region | Effect | List | Token | Host)
}

/// Whether the op has complex operands or results whatever values are at hand.
fn is_complex(kind: &OpKind) -> bool {
    const NAMES: [&str; 13] = [
        "real",
        "imag",
        "conj",
        "complex",
        "as_real",
        "as_complex",
        "angle",
        "fft",
        "ifft",
        "rfft",
        "irfft",
        "eig",
        "eigvals",
    ];
    NAMES.contains(&kind.name)
}

/// Whether the op takes complex numbers or gives some where these are at hand.
fn sees_complex(kind: &OpKind) -> bool {
    let hint = Type::from(TensorType::new(DType::C128, [2, 2]));
    let Sample { op, operands, .. } = kind.sample(&mut Draw::new(&[]), &hint);
    let operands: Vec<&Type> = operands.iter().map(|o| &o.ty).collect();
    let results = op.infer(&operands, &[]).unwrap_or_default();
    let is_complex = |ty: &Type| ty.as_tensor().is_some_and(|ty| ty.dtype.is_complex());
    operands.into_iter().chain(&results).any(is_complex)
}

/// Graphs of all ops but control flow, effects, lists, and what is about complex numbers.
impl Default for GraphOptions {
    fn default() -> GraphOptions {
        let kinds = Op::kinds().into_iter().filter(|kind| !is_control(kind) && !is_complex(kind)).collect();
        let first = DTypeClass::Any;
        GraphOptions { kinds, max_ops: 24, max_elements: 1024, nan_bits: false, smooth: false, first }
    }
}

impl GraphOptions {
    /// Graphs with control flow, effects and lists, of which one in two ops is one. Evaluating such a graph may fail: an assertion
    /// may not hold.
    pub fn with_control() -> GraphOptions {
        let plain = GraphOptions::default();
        // A closure is another each time that it is drawn, and has no text.
        let has_text = |kind: &OpKind| !["host_callback", "pure_callback"].contains(&kind.name);
        let control = Op::kinds().into_iter().filter(|kind| is_control(kind) && has_text(kind));
        let control: Vec<OpKind> = control.collect();
        let copies = plain.kinds.len() / control.len().max(1);
        let kinds =
            std::iter::repeat_n(control, copies).flatten().chain(plain.kinds.iter().copied()).collect();
        GraphOptions { kinds, max_elements: 256, ..plain }
    }

    /// Graphs that begin with a complex number; of two ops one takes or gives some wherever it can.
    pub fn complex() -> GraphOptions {
        let plain = GraphOptions::default();
        // A mark computes nothing: it is drawn among other numbers.
        let computes = |kind: &OpKind| !is_control(kind) && kind.lowering != Lowering::Mark;
        let all: Vec<OpKind> = Op::kinds().into_iter().filter(computes).collect();
        let of_complex: Vec<OpKind> = all.iter().copied().filter(sees_complex).collect();
        let copies = all.len() / of_complex.len().max(1);
        let kinds = std::iter::repeat_n(of_complex, copies).flatten().chain(all).collect();
        GraphOptions { kinds, max_ops: 12, first: DTypeClass::Complex, ..plain }
    }

    /// Graphs of ops on c128, as far as they are accepted, within the ranges in which they are smooth: for derivatives.
    pub fn smooth_complex(accept: impl Fn(&OpKind) -> bool) -> GraphOptions {
        let mut options = GraphOptions::complex();
        options.kinds.retain(|kind| sees_complex(kind) && accept(kind));
        GraphOptions { max_ops: 8, max_elements: 32, smooth: true, nan_bits: true, ..options }
    }

    /// Graphs of these ops only, without control flow, effects and lists.
    pub fn of(accept: impl Fn(&OpKind) -> bool) -> GraphOptions {
        let mut options = GraphOptions::default();
        options.kinds.retain(accept);
        options
    }
}

/// A graph with values for its inputs.
#[derive(Clone)]
pub struct RandomGraph {
    /// The graph.
    pub graph: Graph,
    /// One value per input.
    pub inputs: Vec<Literal>,
    /// How far the results of each node may be from the evaluator's, given the same operands.
    pub tolerances: Vec<Tolerance>,
}

impl RandomGraph {
    /// The same graph with pairs of real and imaginary parts for complex inputs and outputs.
    pub fn in_parts(&self) -> RandomGraph {
        let mut b = Builder::new("parts");
        let is_complex = |ty: &TensorType| ty.dtype.is_complex();
        let pairs = |ty: &TensorType| {
            TensorType::new(
                ty.dtype.part(),
                ty.shape.dims().iter().copied().chain([2.into()]).collect::<Shape>(),
            )
        };
        let mut inputs = Vec::new();
        let mut given = Vec::new();
        for input in &self.inputs {
            let ty = input.ty();
            if !is_complex(ty) {
                inputs.push(input.clone());
                given.push(b.input(ty.clone()));
                continue;
            }
            let bytes = input.bytes().to_vec();
            inputs.push(Literal::from_bytes(pairs(ty), bytes).expect("as many bytes"));
            let parts = b.input(pairs(ty));
            given.push(b.as_complex(parts).expect("pairs"));
        }
        let before = b.graph().nodes().len();
        let mut results = b.inline(&self.graph, &given).expect("a copy of a graph");
        for result in &mut results {
            if is_complex(b.tensor(*result)) {
                *result = b.as_real(*result).expect("a complex value");
            }
        }
        let graph = b.finish(&results);
        let mut tolerances = vec![Tolerance::Exact; before];
        tolerances.extend(&self.tolerances);
        tolerances.resize(graph.nodes().len(), Tolerance::Exact);
        RandomGraph { graph, inputs, tolerances }
    }
}

/// The text of the graph, then its inputs.
impl fmt::Debug for RandomGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.graph)?;
        self.inputs.iter().enumerate().try_for_each(|(i, input)| writeln!(f, "input {i}: {input:?}"))
    }
}

/// Draws a graph. It has at least one output, and nodes that no output needs are not rare.
pub fn random_graph(draw: &mut Draw<'_>, options: &GraphOptions) -> RandomGraph {
    let mut growing =
        Growing { b: Builder::new("random"), inputs: Vec::new(), values: Vec::new(), tolerances: Vec::new() };
    let first = draw.ty(options.first, 3);
    growing.add_input(
        draw,
        &match options.smooth {
            true if first.dtype.is_complex() => Operand::new(first.with_dtype(DType::C128), Values::Moderate),
            true => Operand::new(first.with_dtype(DType::F64), Values::Moderate),
            false => Operand::any(first),
        },
    );
    for _ in 0..options.max_ops {
        if draw.is_exhausted() {
            break;
        }
        growing.grow(draw, options);
    }
    growing.finish(draw)
}

struct Growing {
    b: Builder,
    inputs: Vec<Literal>,
    /// Values at hand.
    values: Vec<Value>,
    /// Of the nodes so far, but for exact ones at the end.
    tolerances: Vec<Tolerance>,
}

impl Growing {
    fn grow(&mut self, draw: &mut Draw<'_>, options: &GraphOptions) {
        let choice = draw.raw() as usize;
        let kind = options.kinds[choice % options.kinds.len()];
        // Of the same choice, so that shrinking has no more to get right. Nothing may take such a tensor for a token.
        let hint = match choice / options.kinds.len() % 16 {
            15 => self.add_input(draw, &Operand::any(TensorType::new(DType::Bool, [0]))),
            _ => self.pick(draw),
        };
        let Sample { op, mut operands, regions, tolerance, smooth } = kind.sample(draw, self.b.ty(hint));
        if options.smooth {
            operands.iter_mut().for_each(|operand| narrow(operand, smooth));
        }
        if !acceptable(&op, &operands, &regions, options) {
            return;
        }
        let operands: Vec<Value> = operands
            .iter()
            .enumerate()
            .map(|(i, o)| self.operand(draw, o, (i == 0).then_some(hint)))
            .collect();
        self.tolerances.resize(self.b.graph().nodes().len(), Tolerance::Exact);
        self.tolerances.push(tolerance);
        let results = self.b.push_with_regions(op, &operands, regions);
        let results = results.expect("a sampled op accepts its operands");
        self.values.extend(results);
    }

    /// One of the values at hand, recent ones more often.
    fn pick(&mut self, draw: &mut Draw<'_>) -> Value {
        let back = draw.below(self.values.len()).min(draw.below(self.values.len()));
        self.values[self.values.len() - 1 - back]
    }

    fn operand(&mut self, draw: &mut Draw<'_>, wanted: &Operand, hint: Option<Value>) -> Value {
        if matches!(wanted.values, Values::Index(_)) {
            return if draw.flip() { self.constant(draw, wanted) } else { self.add_input(draw, wanted) };
        }
        let value = self.of_type(draw, wanted, hint);
        self.within(value, wanted.values)
    }

    /// The value, moved into the range that the operand asks for. NaN becomes the lower end.
    fn within(&mut self, value: Value, values: Values) -> Value {
        let (low, high) = match values {
            Values::Range(low, high) => (low, high),
            Values::Moderate => (-4.0, 4.0),
            Values::Dominant(_) => (-Values::SLIGHT, Values::SLIGHT),
            Values::Any | Values::Index(_) | Values::Rows(_) => return value,
        };
        let TensorType { dtype, shape } = match self.b.ty(value) {
            Type::Tensor(ty) if ty.dtype.is_float() => ty.clone(),
            Type::Tensor(ty) if ty.dtype.is_complex() => {
                let parts = [self.b.real(value), self.b.imag(value)];
                let [re, im] = parts.map(|part| self.within(part.expect("a complex value"), values));
                return self.b.complex(re, im).expect("parts of one type");
            }
            _ => return value,
        };
        let b = &mut self.b;
        let [low, high] =
            [low, high].map(|x| b.full(Scalar::from_f64(dtype, x), &shape).expect("a scalar broadcasts"));
        let in_range = b.push_one(CompareFn::Ge, &[value, low]).expect("same types");
        let at_least = b.select(in_range, value, low).expect("same types");
        let within = b.minimum(at_least, high).expect("same types");
        let Values::Dominant(_) = values else { return within };
        let ty = TensorType { dtype, shape };
        let about = |flat| Scalar::from_f64(dtype, values.about(&ty.shape, flat));
        let about = b.literal(Literal::from_fn(ty.clone(), about));
        b.add(within, about).expect("same types")
    }

    fn of_type(&mut self, draw: &mut Draw<'_>, wanted: &Operand, hint: Option<Value>) -> Value {
        if let Some(hint) = hint.filter(|&v| *self.b.ty(v) == wanted.ty) {
            return hint;
        }
        match (&wanted.ty, draw.below(8)) {
            (Type::List(row), _) => self.list(draw, row, wanted.values),
            (Type::Token, _) => self.token(draw),
            (Type::Tensor(ty), 0..=3) => self.fitting(draw, ty, wanted),
            (Type::Tensor(ty), 4 | 5) => self.splat(draw, ty),
            (Type::Tensor(_), 6) => self.constant(draw, wanted),
            (Type::Tensor(_), _) => self.add_input(draw, wanted),
        }
    }

    /// The values at hand of a type.
    fn of(&self, ty: &Type) -> Vec<Value> {
        self.values.iter().copied().filter(|&v| self.b.ty(v) == ty).collect()
    }

    /// A token at hand, mostly, or a new one.
    fn token(&mut self, draw: &mut Draw<'_>) -> Value {
        match self.of(&Type::Token)[..] {
            [.., last] if draw.below(4) < 3 => last,
            _ => self.b.token(),
        }
    }

    /// A list at hand, mostly, or a new one. What must have a length is new.
    fn list(&mut self, draw: &mut Draw<'_>, row: &TensorType, values: Values) -> Value {
        let fits = self.of(&Type::List(row.clone()));
        let count = match values {
            Values::Rows(count) => count,
            _ if !fits.is_empty() && draw.below(4) < 3 => {
                return fits[fits.len() - 1 - draw.below(fits.len())];
            }
            _ => draw.below(4),
        };
        let mut list = self.b.list_new(row).expect("a possible row");
        let row = Operand::any(row.clone());
        for _ in 0..count {
            let x = self.of_type(draw, &row, None);
            list = self.b.list_push(list, x).expect("a row of the type");
        }
        list
    }

    /// What a list shows as a tensor: its last row, or its length. A token shows nothing, so the first input stands for it. Outputs of
    /// graphs are tensors.
    fn seen(&mut self, value: Value, last: bool) -> Value {
        match self.b.ty(value) {
            Type::Tensor(_) => value,
            Type::List(_) if last => self.b.list_pop(value).expect("a list").1,
            Type::List(_) => self.b.list_len(value).expect("a list"),
            Type::Token => self.values[0],
        }
    }

    /// A value at hand of the type, or one that a conversion brings to it.
    fn fitting(&mut self, draw: &mut Draw<'_>, ty: &TensorType, wanted: &Operand) -> Value {
        let fits = self.of(&wanted.ty);
        if !fits.is_empty() {
            return fits[fits.len() - 1 - draw.below(fits.len())];
        }
        let from = self.pick(draw);
        self.converted(from, ty).unwrap_or_else(|| self.add_input(draw, wanted))
    }

    fn converted(&mut self, from: Value, wanted: &TensorType) -> Option<Value> {
        let TensorType { dtype, shape } = self.b.ty(from).as_tensor()?.clone();
        let cast = |b: &mut Builder| {
            if dtype == wanted.dtype { from } else { b.cast(from, wanted.dtype).expect("casts are total") }
        };
        if shape.elements() == wanted.elements() {
            let value = cast(&mut self.b);
            return self.b.reshape(value, wanted.shape.clone()).ok();
        }
        if shape.broadcast(&wanted.shape).as_ref() != Some(&wanted.shape) {
            return None;
        }
        let value = cast(&mut self.b);
        self.b.broadcast_to(value, &wanted.shape).ok()
    }

    fn splat(&mut self, draw: &mut Draw<'_>, ty: &TensorType) -> Value {
        let value = literals::simple(draw, ty.dtype);
        self.b.full(value, &ty.shape).expect("a scalar broadcasts to every shape")
    }

    fn constant(&mut self, draw: &mut Draw<'_>, wanted: &Operand) -> Value {
        let literal = literals::random_literal(draw, wanted);
        let value = self.b.literal(literal);
        self.values.push(value);
        value
    }

    fn add_input(&mut self, draw: &mut Draw<'_>, wanted: &Operand) -> Value {
        let value = self.b.input(wanted.ty.clone());
        self.inputs.push(literals::random_literal(draw, wanted));
        self.values.push(value);
        value
    }

    fn finish(mut self, draw: &mut Draw<'_>) -> RandomGraph {
        let mut outputs = vec![self.values[self.values.len() - 1]];
        for _ in 0..draw.below(3) {
            outputs.push(self.pick(draw));
        }
        let last = draw.flip();
        let outputs: Vec<Value> =
            outputs.into_iter().enumerate().map(|(i, v)| self.seen(v, last == (i % 2 == 0))).collect();
        let graph = self.b.finish(&outputs);
        self.tolerances.resize(graph.nodes().len(), Tolerance::Exact);
        RandomGraph { graph, inputs: self.inputs, tolerances: self.tolerances }
    }
}

fn acceptable(op: &Op, operands: &[Operand], regions: &[Graph], options: &GraphOptions) -> bool {
    let types: Vec<&Type> = operands.iter().map(|o| &o.ty).collect();
    let Ok(results) = op.infer(&types, regions) else { return false };
    let small = types.iter().copied().chain(&results).all(|ty| ty.elements() <= options.max_elements);
    let pairs = types.iter().fold(1usize, |n, ty| n.saturating_mul(ty.elements().max(1)));
    let cheap = !matches!(op, Op::DotGeneral(_) | Op::Conv(_)) || pairs <= options.max_elements * 64;
    let double = |ty: &Type| match ty {
        Type::Tensor(ty) | Type::List(ty) => {
            !ty.dtype.is_differentiable() || matches!(ty.dtype, DType::F64 | DType::C128)
        }
        Type::Token => true,
    };
    let smooth = !options.smooth || types.iter().copied().chain(&results).all(double);
    small && cheap && smooth && (options.nan_bits || !sees_nan_bits(op, &types))
}

/// Gives an operand that takes all floats a range of them.
fn narrow(operand: &mut Operand, (low, high): (f64, f64)) {
    if operand.ty.is_differentiable() && matches!(operand.values, Values::Any | Values::Moderate) {
        operand.values = Values::Range(low, high);
    }
}

/// Whether the op's result depends on which NaN an operand is.
fn sees_nan_bits(op: &Op, operands: &[&Type]) -> bool {
    let sees = matches!(op.name(), "bitcast" | "lt_total" | "le_total" | "sort" | "argsort" | "top_k");
    sees && operands.iter().any(|ty| ty.is_differentiable())
}

#[cfg(test)]
mod tests {

    use tensorwright_ir::eval::{EvalError, Evaluator, evaluate};

    use super::*;
    use crate::literals::Random;

    #[test]
    fn graphs_evaluate_and_are_deterministic() {
        let options = GraphOptions::default();
        let mut random = Random::new(1);
        for _ in 0..100 {
            let choices: Vec<u32> = (0..300).map(|_| random.bits() as u32).collect();
            let drawn = random_graph(&mut Draw::new(&choices), &options);
            let again = random_graph(&mut Draw::new(&choices), &options);
            assert_eq!(drawn.graph, again.graph);
            assert!(evaluate(&drawn.graph, &drawn.inputs).is_ok());
        }
    }

    #[test]
    fn graphs_with_control_flow_evaluate_or_fail_as_they_say() {
        let options = GraphOptions::with_control();
        let mut random = Random::new(2);
        let mut regions = 0;
        for _ in 0..200 {
            let choices: Vec<u32> = (0..300).map(|_| random.bits() as u32).collect();
            let RandomGraph { graph, inputs, .. } = random_graph(&mut Draw::new(&choices), &options);
            tensorwright_ir::verify(&graph).unwrap();
            regions += graph.nodes().iter().map(|node| node.regions.len()).sum::<usize>();
            match Evaluator::new().with_budget(1 << 24).evaluate(&graph, &inputs) {
                Ok(_)
                | Err(
                    EvalError::Assertion { .. } | EvalError::NotFinite { .. } | EvalError::ListLength { .. },
                ) => {}
                Err(error) => panic!("{error}\n{graph}"),
            }
        }
        assert!(regions > 200, "{regions}");
    }

    #[test]
    fn bools_without_elements_occur_beside_tokens() {
        let options = GraphOptions::with_control();
        let mut random = Random::new(3);
        let (mut empty, mut both) = (0, 0);
        for _ in 0..200 {
            let choices = random.choices(300);
            let RandomGraph { graph, .. } = random_graph(&mut Draw::new(&choices), &options);
            let read = |ty: &Type| graph.nodes().iter().flat_map(|n| &n.operands).any(|&v| graph.ty(v) == ty);
            let is_read = read(&TensorType::new(DType::Bool, [0]).into());
            empty += usize::from(is_read);
            both += usize::from(is_read && read(&Type::Token));
        }
        assert!(empty > 50 && both > 20, "{empty}, {both}");
    }

    #[test]
    fn no_choices_give_the_smallest_graph() {
        let drawn = random_graph(&mut Draw::new(&[]), &GraphOptions::default());
        assert_eq!(drawn.graph.nodes().len(), 0);
        assert_eq!(drawn.graph.tensor(drawn.graph.outputs()[0]).dtype, DType::Bool);
    }
}
