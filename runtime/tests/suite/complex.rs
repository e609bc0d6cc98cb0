//! Functions of complex numbers against NumPy (`scripts/spectral.py`), evaluated and compiled: values off and on branch cuts, which the sign of a
//! zero decides, and infinities.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Scalar, TensorType, Value};
use tensorwright_runtime::Executable;

const CASES: &str = include_str!("complex.txt");

fn number(word: &str) -> Scalar {
    let (re, im) = word.split_once(',').expect("two parts");
    let [re, im] = [re, im].map(|part| Scalar::F64(part.parse().expect("a number")));
    Scalar::complex(re, im)
}

fn result(b: &mut Builder, name: &str, x: &[Value]) -> Result<Value, BuildError> {
    match name {
        "reciprocal" => b.reciprocal(x[0]),
        "square" => b.square(x[0]),
        "angle" => b.angle(x[0]),
        "conj" => b.conj(x[0]),
        name => match UnaryFn::ALL.iter().find(|f| f.name() == name) {
            Some(&function) => b.push_one(function, x),
            None => b.push_one(*BinaryFn::ALL.iter().find(|f| f.name() == name).expect("a function"), x),
        },
    }
}

fn graph(name: &str, operands: usize, dtype: DType) -> Graph {
    let mut b = Builder::new(name);
    let inputs: Vec<Value> = (0..operands).map(|_| b.input(TensorType::scalar(dtype))).collect();
    let result = result(&mut b, name, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    b.finish(&[result])
}

/// How many units of rounding one number is from the other; parts that are not finite must be the same.
fn distance(expected: Scalar, found: Scalar, unit: f64) -> f64 {
    let (e, f) = (expected.to_c128(), found.to_c128());
    let parts = [(e.re, f.re), (e.im, f.im)];
    let odd =
        |&(e, f): &(f64, f64)| !e.is_nan() && e.is_finite() != f.is_finite() || e.is_infinite() && e != f;
    if parts.iter().any(odd) {
        return f64::INFINITY;
    }
    let finite = |(e, f): (f64, f64)| if e.is_finite() { (e - f).abs() } else { 0.0 };
    let size = if e.re.is_finite() && e.im.is_finite() { e.norm() } else { 1.0 };
    parts.into_iter().map(finite).fold(0.0, f64::max) / unit / size.max(f64::from(f32::MIN_POSITIVE))
}

#[test]
fn complex_functions_agree_with_numpy() {
    let mut compiled: Vec<(String, Graph, Executable, Executable)> = Vec::new();
    let mut wrong = Vec::new();
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let (call, value) = line.split_once(" => ").expect("a value");
        let mut words = call.split(' ');
        let name = words.next().expect("a name");
        let operands: Vec<Literal> = words.map(|word| Literal::scalar(number(word))).collect();
        if compiled.last().is_none_or(|(last, ..)| last != name) {
            let compile =
                |dtype| Executable::compile(&graph(name, operands.len(), dtype), &CompileOptions::default());
            let wide = graph(name, operands.len(), DType::C128);
            let [double, single] =
                [DType::C128, DType::C64].map(|dtype| compile(dtype).expect("it compiles"));
            compiled.push((name.to_owned(), wide, double, single));
        }
        let (_, wide, double, single) = compiled.last().expect("it was pushed");
        let meaning = evaluate(wide, &operands).expect("inputs fit")[0].get(0);
        let found = double.run_literals(&operands, 1).expect("it runs")[0].get(0);
        let narrow: Vec<Literal> =
            operands.iter().map(|x| Literal::scalar(x.get(0).cast(DType::C64))).collect();
        let narrow_meaning = evaluate(single.graph(), &narrow).expect("inputs fit")[0].get(0);
        let narrow_found = single.run_literals(&narrow, 1).expect("it runs")[0].get(0);
        let distances = [
            distance(number(value), meaning, f64::EPSILON),
            distance(meaning, found, f64::EPSILON),
            distance(narrow_meaning, narrow_found, f64::from(f32::EPSILON)),
        ];
        if distances.iter().any(|&units| units > 32.0) {
            wrong.push(format!("{line}: {distances:?}, {meaning} {found} {narrow_meaning} {narrow_found}"));
        }
    }
    assert!(compiled.len() >= 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
