//! Derivatives of scalar functions from the smallest to the largest numbers, against numbers of 40 digits (`scripts/slopes.py`): where a
//! factor overflows, underflows or loses its digits and the derivative does not, evaluated and compiled.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::differentiate::{jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::composite::GeluForm;
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Scalar, TensorType, Value};
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
        "sqrt" => b.sqrt(x[0]),
        "rsqrt" => b.rsqrt(x[0]),
        "cbrt" => b.cbrt(x[0]),
        "exp" => b.exp(x[0]),
        "expm1" => b.expm1(x[0]),
        "exp2" => b.exp2(x[0]),
        "log" => b.log(x[0]),
        "log1p" => b.log1p(x[0]),
        "log2" => b.log2(x[0]),
        "logistic" => b.logistic(x[0]),
        "sin" => b.sin(x[0]),
        "cos" => b.cos(x[0]),
        "tan" => b.tan(x[0]),
        "tanh" => b.tanh(x[0]),
        "asin" => b.asin(x[0]),
        "acos" => b.acos(x[0]),
        "atan" => b.atan(x[0]),
        "sinh" => b.sinh(x[0]),
        "cosh" => b.cosh(x[0]),
        "asinh" => b.asinh(x[0]),
        "acosh" => b.acosh(x[0]),
        "atanh" => b.atanh(x[0]),
        "erf" => b.erf(x[0]),
        "erfc" => b.erfc(x[0]),
        "square" => b.square(x[0]),
        "reciprocal" => b.reciprocal(x[0]),
        "softplus" => b.softplus(x[0]),
        "log_sigmoid" => b.log_sigmoid(x[0]),
        "elu" => b.elu(x[0], 1.0),
        "celu" => b.celu(x[0], 1.0),
        "selu" => b.selu(x[0]),
        "silu" => b.silu(x[0]),
        "gelu" => b.gelu(x[0], GeluForm::Erf),
        "softsign" => b.softsign(x[0]),
        "neg" => b.neg(x[0]),
        "abs" => b.abs(x[0]),
        "log10" => b.log10(x[0]),
        "mish" => b.mish(x[0]),
        "relu" => b.relu(x[0]),
        "relu6" => b.relu6(x[0]),
        "leaky_relu" => b.leaky_relu(x[0], 0.25),
        "hard_sigmoid" => b.hard_sigmoid(x[0]),
        "hard_swish" => b.hard_swish(x[0]),
        "hard_tanh" => b.hard_tanh(x[0]),
        "mul" => b.mul(x[0], x[1]),
        "div" => b.div(x[0], x[1]),
        "pow" => b.pow(x[0], x[1]),
        "atan2" => b.atan2(x[0], x[1]),
        "hypot" => b.hypot(x[0], x[1]),
        "log_add_exp" => b.log_add_exp(x[0], x[1]),
        "xlogy" => b.xlogy(x[0], x[1]),
        "add" => b.add(x[0], x[1]),
        "sub" => b.sub(x[0], x[1]),
        "maximum" => b.maximum(x[0], x[1]),
        "minimum" => b.minimum(x[0], x[1]),
        "divide_no_nan" => b.divide_no_nan(x[0], x[1]),
        "swiglu" => b.swiglu(x[0], x[1]),
        "squared_difference" => b.squared_difference(x[0], x[1]),
        op => panic!("{op} is not known here"),
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
