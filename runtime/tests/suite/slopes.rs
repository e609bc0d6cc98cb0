//! Derivatives of scalar functions from the smallest to the largest numbers, against numbers of 40 digits (`scripts/slopes.py`): where a
//! factor overflows, underflows or loses its digits and the derivative does not, evaluated and compiled.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::differentiate::{jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::AttrMap;
use tensorwright_ir::op::composite::GeluForm;
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Op, Scalar, TensorType, Value};
use tensorwright_runtime::Executable;

/// Roundings that a derivative may be off: it is a formula of a few steps, of functions that may be off by 4 themselves.
const ROUNDINGS: f64 = 24.0;

/// Least numbers that a derivative may be off: a factor that is almost 0 has few digits.
const LEAST_NUMBERS: f64 = 64.0;

/// One op in one dtype: for each point the operands, and the derivatives by them.
struct Line<'t> {
    op: &'t str,
    dtype: DType,
    points: Vec<Vec<f64>>,
}

fn lines() -> impl Iterator<Item = Line<'static>> {
    include_str!("slopes.txt").lines().map(|line| {
        let mut words = line.split(' ');
        let (op, dtype) = (words.next().expect("an op"), words.next().expect("a dtype"));
        let dtype = if dtype == "f32" { DType::F32 } else { DType::F64 };
        let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("{word} in {op}"));
        let points = words.map(|point| point.split(':').map(number).collect()).collect();
        Line { op, dtype, points }
    })
}

impl Line<'_> {
    fn operands(&self) -> usize {
        self.points[0].len() / 2
    }

    fn column(&self, column: usize) -> Literal {
        let ty = TensorType::new(self.dtype, [self.points.len()]);
        Literal::from_fn(ty, |i| Scalar::from_f64(self.dtype, self.points[i][column]))
    }

    fn graph(&self) -> Graph {
        let mut b = Builder::new(self.op);
        let ty = TensorType::new(self.dtype, [self.points.len()]);
        let x: Vec<Value> = (0..self.operands()).map(|_| b.input(ty.clone())).collect();
        let y = function(&mut b, self.op, &x).expect("floats");
        b.finish(&[y])
    }

    /// What is wrong with derivatives by one operand.
    fn wrong(&self, how: &str, operand: usize, found: &Literal) -> Vec<String> {
        let (epsilon, least, most) = match self.dtype {
            DType::F32 => (f64::from(f32::EPSILON), f64::from(f32::from_bits(1)), f64::from(f32::MAX)),
            _ => (f64::EPSILON, f64::from_bits(1), f64::MAX),
        };
        let points = self.points.iter().zip(found.iter().map(Scalar::to_f64));
        let wrong = points.filter_map(|(point, found)| {
            let expected = point[self.operands() + operand];
            // Half of what cannot be told from the largest number is no overflow.
            let overflow =
                expected.abs() > most * 0.99 && found.abs() > most * 0.98 && expected * found > 0.0;
            let roundings = ROUNDINGS * epsilon * expected.abs();
            let close = (found - expected).abs() <= roundings + LEAST_NUMBERS * least;
            (!overflow && !close).then(|| {
                let (op, dtype, x) = (self.op, self.dtype, &point[..self.operands()]);
                format!("{how}: {op} {dtype} at {x:?} by {operand}: {found:e}, not {expected:e}")
            })
        });
        wrong.collect()
    }
}

fn function(b: &mut Builder, op: &str, x: &[Value]) -> Result<Value, BuildError> {
    match op {
        "elu" => b.elu(x[0], 1.0),
        "celu" => b.celu(x[0], 1.0),
        "gelu" => b.gelu(x[0], GeluForm::Erf),
        "leaky_relu" => b.leaky_relu(x[0], 0.25),
        op => {
            let op =
                Op::parse(op, &mut AttrMap::default()).unwrap_or_else(|| panic!("{op} is not known here"));
            b.push_one(op.expect("takes no attributes"), x)
        }
    }
}

/// What a derivative's graph gives, evaluated and compiled.
fn both(graph: &Graph, inputs: &[Literal]) -> [(&'static str, Vec<Literal>); 2] {
    let executable = Executable::compile(graph, &CompileOptions::default()).expect("compiles");
    let evaluated = evaluate(graph, inputs).expect("inputs fit");
    [("evaluated", evaluated), ("compiled", executable.run_literals(inputs, 1).expect("runs"))]
}

fn check(line: &Line<'_>) -> Vec<String> {
    let graph = line.graph();
    let wrt: Vec<usize> = (0..line.operands()).collect();
    let values: Vec<Literal> = wrt.iter().map(|&i| line.column(i)).collect();
    let ones = Literal::from_fn(values[0].ty().clone(), |_| Scalar::one(line.dtype));
    let derived = vjp(&graph, &wrt).expect("has a derivative");
    let inputs: Vec<Literal> = values.iter().chain([&ones]).cloned().collect();
    let mut wrong = Vec::new();
    for (how, found) in both(&derived.graph, &inputs) {
        for &operand in &wrt {
            wrong.extend(line.wrong(how, operand, &found[derived.derivatives[operand].expect("connected")]));
        }
    }
    for &operand in &wrt {
        let derived = jvp(&graph, &[operand]).expect("has a derivative");
        for (_, found) in both(&derived.graph, &inputs) {
            wrong.extend(line.wrong("tangent", operand, &found[derived.derivatives[0].expect("connected")]));
        }
    }
    wrong
}

#[test]
fn derivatives_are_right_at_all_magnitudes() {
    let wrong: Vec<String> = lines().flat_map(|line| check(&line)).collect();
    assert!(wrong.is_empty(), "{} derivatives are off:\n{}", wrong.len(), wrong.join("\n"));
}
