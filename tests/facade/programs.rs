//! Random programs of shared values, stops, copies and variables: what a tape says of them is what `grad` says, bit for bit, at once and
//! compiled, with persistent tapes and with tapes in tapes.

use tensorwright::Result;
use tensorwright::prelude::*;

const STEPS: usize = 14;
const VARIABLES: usize = 2;

/// One step; operands are numbers of values so far, modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Mul(usize, usize),
    Add(usize, usize),
    Sub(usize, usize),
    Sin(usize),
    /// The greater of two.
    Max(usize, usize),
    Stop(usize),
    Clone(usize),
    Reshape(usize),
    Reverse(usize),
    /// The sum of all, everywhere.
    Total(usize),
    /// Assigns a value to a variable and reads it.
    Assign(usize, usize),
    /// Assigns one variable to another and reads it.
    Copy(usize, usize),
    Read(usize),
    /// A function that gives its argument back, with a derivative of its own.
    Custom(usize),
    Branch(usize, usize),
    Loop(usize, usize),
    Checkpoint(usize, usize),
}

#[derive(Clone, Debug)]
struct Program {
    steps: Vec<Step>,
    variables: Vec<Variable>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }

    fn step(&mut self) -> Step {
        let (a, b) = (self.below(64), self.below(64));
        match self.below(21) {
            0 | 1 => Step::Mul(a, b),
            2 => Step::Add(a, b),
            3 => Step::Sub(a, b),
            4 => Step::Sin(a),
            5 | 6 => Step::Stop(a),
            7 => Step::Clone(a),
            8 => Step::Reshape(a),
            9 | 10 => Step::Assign(a, b),
            11 => Step::Copy(a, b),
            12 | 13 => Step::Read(a),
            14 | 15 => Step::Custom(a),
            16 => Step::Branch(a, b),
            17 => Step::Max(a, b),
            18 => Step::Reverse(a),
            19 => Step::Total(a),
            _ if a % 2 == 0 => Step::Loop(a, b),
            _ => Step::Checkpoint(a, b),
        }
    }
}

fn first_value(variable: usize) -> [f64; 2] {
    [0.25 + variable as f64, -1.5]
}

impl Program {
    fn new(seed: u64) -> Result<Program> {
        let mut random = Random(seed);
        let steps = (0..STEPS).map(|_| random.step()).collect();
        let variables = (0..VARIABLES).map(|i| Variable::new(first_value(i))).collect::<Result<_>>()?;
        Ok(Program { steps, variables })
    }

    /// The program without loops and branches: by itself a loop is its runs, one after the other, which a second derivative adds up in another
    /// order.
    fn without_regions(&self) -> Program {
        let mut plain = self.clone();
        plain.steps.retain(|step| !matches!(step, Step::Loop(..) | Step::Branch(..)));
        plain
    }

    /// Gives variables their first values.
    fn reset(&self) -> Result<()> {
        self.variables.iter().enumerate().try_for_each(|(i, variable)| variable.assign(first_value(i)))
    }

    fn run(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mut values = vec![x.clone(), y.clone()];
        for &step in &self.steps {
            values.push(self.step(step, &values)?);
        }
        let last = values.iter().rev().take(4).fold(x * y, |sum, value| sum + value);
        Ok((last * 0.75).sum(..))
    }

    fn step(&self, step: Step, values: &[Tensor]) -> Result<Tensor> {
        let of = |i: usize| &values[i % values.len()];
        let variable = |i: usize| &self.variables[i % VARIABLES];
        Ok(match step {
            Step::Mul(a, b) => of(a) * of(b) * 0.5,
            Step::Add(a, b) => of(a) + of(b),
            Step::Sub(a, b) => of(a) - of(b),
            Step::Sin(a) => of(a).sin(),
            Step::Max(a, b) => of(a).maximum(of(b)),
            Step::Stop(a) => of(a).stop_gradient(),
            Step::Clone(a) => of(a).clone(),
            Step::Reshape(a) => of(a).reshape([2]),
            Step::Reverse(a) => of(a).reverse([0]),
            Step::Total(a) => of(a).sum(..).broadcast_to([2]) * 0.25,
            Step::Assign(a, b) => {
                variable(b).assign(of(a))?;
                variable(b).value()
            }
            Step::Copy(a, b) => {
                variable(a).assign(variable(b).value())?;
                variable(a).value()
            }
            Step::Read(a) => variable(a).value(),
            Step::Custom(a) => identity(of(a))?,
            Step::Branch(a, b) => cond(&of(a).sum(..).gt(0.0), || of(a) * of(b), || of(b) - of(a))?,
            // What a loop takes as its first state and from around is added up in another order than by its runs.
            Step::Loop(a, b) => fori_loop(0, 3, of(a) * 0.5, |_, x: Tensor| (x * of(b)).sin())?,
            Step::Checkpoint(a, b) => {
                checkpoint(|(x, y): (Tensor, Tensor)| (&x * y).sin() + x, (of(a).clone(), of(b).clone()))?
            }
        })
    }

    /// The gradient by a tape; by a persistent one the second that it gives.
    fn taped(&self, x: &Tensor, y: &Tensor, tape: GradientTape, times: usize) -> Result<Vec<Tensor>> {
        tape.watch(x);
        tape.watch(y);
        let target = self.run(x, y)?;
        for _ in 1..times {
            tape.gradient_or_zero(&target, &[x, y])?;
        }
        // Equal sources: each has the whole derivative.
        let mut found = tape.gradient_or_zero(&target, &[x, y, x])?;
        let again = found.pop().expect("three sources");
        assert_eq!(bits(&[again]), bits(&found[..1]), "equal sources");
        Ok(found)
    }

    /// Second derivatives: of the sum of the gradient, by a tape around a tape.
    fn taped_twice(&self, x: &Tensor, y: &Tensor) -> Result<Vec<Tensor>> {
        let outer = GradientTape::new();
        outer.watch(x);
        outer.watch(y);
        let inner = GradientTape::new();
        inner.watch(x);
        inner.watch(y);
        let found = inner.gradient_or_zero(&self.run(x, y)?, &[x, y])?;
        outer.gradient_or_zero(&summed(&found, x, y), &[x, y])
    }
}

fn summed(gradient: &[Tensor], x: &Tensor, y: &Tensor) -> Tensor {
    (&gradient[0] + &gradient[1]).sum(..) + (x * y).sum(..)
}

fn identity(x: &Tensor) -> Result<Tensor> {
    custom_gradient(|x: Tensor| (x.clone(), ()), |(), g: Tensor| g * 2.0, x.clone())
}

/// The bits, if the tensors have values yet: in a function that is traced they have none.
fn bits(tensors: &[Tensor]) -> Option<Vec<u64>> {
    let values = tensors.iter().map(|x| x.to_vec::<f64>().ok());
    let values: Option<Vec<Vec<f64>>> = values.collect();
    // The sign of a zero is not told apart: a cotangent that is not there adds none.
    Some(values?.concat().into_iter().map(|x| (x + 0.0).to_bits()).collect())
}

/// The gradients by both arguments.
type Gradients = fn(&Program, &Tensor, &Tensor) -> Result<Vec<Tensor>>;

const FIRST: [(&str, Gradients); 5] = [
    ("a tape", |p, x, y| p.taped(x, y, GradientTape::new(), 1)),
    ("a persistent tape", |p, x, y| p.taped(x, y, GradientTape::persistent(), 2)),
    ("a tape in a function", |p, x, y| {
        let own = p.clone();
        function(move |(x, y): (Tensor, Tensor)| own.taped(&x, &y, GradientTape::new(), 1)).call((x, y))
    }),
    ("a tape around a function", |p, x, y| {
        let own = p.clone();
        let f = function(move |(x, y): (Tensor, Tensor)| own.run(&x, &y));
        let tape = GradientTape::new();
        tape.watch(x);
        tape.watch(y);
        tape.gradient_or_zero(&f.call((x, y))?, &[x, y])
    }),
    ("grad in a function", |p, x, y| {
        let own = p.clone();
        function(move |(x, y): (Tensor, Tensor)| first(&own, &x, &y)).call((x, y))
    }),
];

const SECOND: [(&str, Gradients); 2] = [
    ("a tape around a tape", |p, x, y| p.taped_twice(x, y)),
    ("both in a function", |p, x, y| {
        let own = p.clone();
        function(move |(x, y): (Tensor, Tensor)| own.taped_twice(&x, &y)).call((x, y))
    }),
];

/// The gradient by `grad`.
fn first(p: &Program, x: &Tensor, y: &Tensor) -> Result<Vec<Tensor>> {
    let own = p.clone();
    let (by_x, by_y) = grad(move |(x, y): (Tensor, Tensor)| own.run(&x, &y)).call((x, y))?;
    Ok(vec![by_x, by_y])
}

fn second(p: &Program, x: &Tensor, y: &Tensor) -> Result<Vec<Tensor>> {
    let own = p.clone();
    let (by_x, by_y) =
        grad(move |(x, y): (Tensor, Tensor)| Ok(summed(&first(&own, &x, &y)?, &x, &y))).call((x, y))?;
    Ok(vec![by_x, by_y])
}

fn check(program: &Program, by_grad: Gradients, others: &[(&str, Gradients)]) -> Result<()> {
    let (x, y) = (Tensor::from([0.75f64, -1.25]), Tensor::from([1.5f64, 0.5]));
    program.reset()?;
    let expected = by_grad(program, &x, &y)?;
    for (name, other) in others {
        program.reset()?;
        let found = other(program, &x, &y)?;
        assert_eq!(bits(&found), bits(&expected), "{name}: {found:?}, not {expected:?}");
    }
    Ok(())
}

/// Prints a program if what runs it panics.
struct Shown<'p>(u64, &'p Program);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("program {}: {:?}", self.0, self.1.steps);
        }
    }
}

/// Tapes and `grad` give the same bits, by themselves and compiled, of so many random programs.
pub(crate) fn tapes_agree(count: u64) {
    for seed in 0..count {
        let program = Program::new(seed).expect("variables can be made");
        let _shown = Shown(seed, &program);
        check(&program, first, &FIRST).unwrap_or_else(|e| panic!("{e}"));
        let plain = program.without_regions();
        check(&plain, second, &SECOND).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn tapes_and_grad_give_the_same_bits() {
    tapes_agree(60);
}
