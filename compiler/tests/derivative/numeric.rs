//! Checks of derivatives by numbers.

use tensorwright_compiler::differentiate::{Derived, jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::{DType, Graph, Literal, Scalar, TensorType};
use tensorwright_testkit::literals::Random;

/// Numbers from -1 to 1.
pub(crate) fn direction(random: &mut Random, ty: &TensorType) -> Literal {
    Literal::from_fn(ty.clone(), |_| Scalar::from_f64(ty.dtype, random.unit() * 2.0 - 1.0))
}

fn elements(x: &Literal) -> Vec<f64> {
    x.iter().map(Scalar::to_f64).collect()
}

/// The derivatives in the order in which they were asked for; those that are zero by structure as zeros of these types.
fn derivatives(derived: &Derived, inputs: &[Literal], types: &[TensorType]) -> Vec<Literal> {
    let outputs = evaluate(&derived.graph, inputs).expect("inputs fit");
    let zero = |ty: &TensorType| Literal::from_fn(ty.clone(), |_| Scalar::zero(ty.dtype));
    derived
        .derivatives
        .iter()
        .zip(types)
        .map(|(d, ty)| d.map_or_else(|| zero(ty), |i| outputs[i].clone()))
        .collect()
}

fn is_float(ty: &TensorType) -> bool {
    ty.dtype.is_float()
}

/// What a check may take for granted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rigour {
    /// The function is smooth at the point and not steep.
    Strict,
    /// It may have a kink there or be steep: where differences of two step sizes disagree, nothing is asked.
    Lenient,
}

/// A function at a point, with some of its float inputs to be differentiated by.
pub(crate) struct Case<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) inputs: &'a [Literal],
    pub(crate) wrt: &'a [usize],
    /// Says which case it is if a check fails.
    pub(crate) name: &'a dyn Fn() -> String,
}

impl Case<'_> {
    /// Forward mode against central differences, reverse against forward mode, and the same for the derivatives in turn, up
    /// to `order`.
    pub(crate) fn check(&self, random: &mut Random, order: usize, rigour: Rigour) {
        let tangents: Vec<Literal> =
            self.wrt.iter().map(|&i| direction(random, self.inputs[i].ty())).collect();
        let forward = self.forward(&tangents);
        self.compare(&forward, &self.differences(&tangents, rigour));
        let outputs = self.output_types();
        let cotangents: Vec<Literal> =
            outputs.iter().filter(|ty| is_float(ty)).map(|ty| direction(random, ty)).collect();
        let reverse = vjp(self.graph, self.wrt).unwrap_or_else(|e| panic!("{}: {e}", (self.name)()));
        let inputs: Vec<Literal> = self.inputs.iter().chain(&cotangents).cloned().collect();
        self.adjoint(&forward, &tangents, &cotangents, &reverse, &inputs);
        if order > 1 && self.is_finite() {
            let name = || format!("vjp of {}", (self.name)());
            let wrt: Vec<usize> = self.wrt.iter().copied().chain(self.inputs.len()..inputs.len()).collect();
            Case { graph: &reverse.graph, inputs: &inputs, wrt: &wrt, name: &name }.check(
                random,
                order - 1,
                rigour,
            );
        }
    }

    fn output_types(&self) -> Vec<TensorType> {
        self.graph.outputs().iter().map(|&v| self.graph.tensor(v).clone()).collect()
    }

    fn is_finite(&self) -> bool {
        let outputs = evaluate(self.graph, self.inputs).expect("inputs fit");
        outputs.iter().flat_map(elements).all(f64::is_finite)
    }

    /// Tangents of the float outputs by forward mode.
    fn forward(&self, tangents: &[Literal]) -> Vec<Literal> {
        let derived = jvp(self.graph, self.wrt).unwrap_or_else(|e| panic!("{}: {e}", (self.name)()));
        let inputs: Vec<Literal> = self.inputs.iter().chain(tangents).cloned().collect();
        let types = self.output_types();
        let found = derivatives(&derived, &inputs, &types);
        found.into_iter().zip(&types).filter(|(_, ty)| is_float(ty)).map(|(t, _)| t).collect()
    }

    /// Tangents of the float outputs by differences of fourth order.
    fn differences(&self, tangents: &[Literal], rigour: Rigour) -> Vec<Vec<f64>> {
        const STEP: f64 = 1e-5;
        let at = |steps: f64| {
            let mut inputs = self.inputs.to_vec();
            for (&i, tangent) in self.wrt.iter().zip(tangents) {
                let moved =
                    |k: usize| self.inputs[i].get(k).to_f64() + steps * STEP * tangent.get(k).to_f64();
                inputs[i] = Literal::from_fn(inputs[i].ty().clone(), |k| Scalar::F64(moved(k)));
            }
            let outputs = evaluate(self.graph, &inputs).expect("inputs fit");
            outputs.iter().filter(|y| is_float(y.ty())).map(elements).collect::<Vec<_>>()
        };
        let (here, near, far) = (at(0.0), (at(1.0), at(-1.0)), (at(2.0), at(-2.0)));
        let one = |i: usize, k: usize| {
            let bend = (near.0[i][k] + near.1[i][k] - 2.0 * here[i][k]) / STEP;
            let near = (near.0[i][k] - near.1[i][k]) / (2.0 * STEP);
            let far = (far.0[i][k] - far.1[i][k]) / (4.0 * STEP);
            let rough = (near - far).abs().max(bend.abs() / 100.0) > 1e-5 * (1.0 + near.abs());
            if rough && rigour == Rigour::Lenient { f64::NAN } else { (4.0 * near - far) / 3.0 }
        };
        (0..near.0.len()).map(|i| (0..near.0[i].len()).map(|k| one(i, k)).collect()).collect()
    }

    fn compare(&self, found: &[Literal], expected: &[Vec<f64>]) {
        for (found, expected) in found.iter().zip(expected) {
            let found = elements(found);
            let scale = expected.iter().fold(1.0, |m: f64, e| m.max(e.abs()));
            // Where the function itself is infinite or NaN, or has a kink, nothing is asked.
            for (f, e) in found.iter().zip(expected).filter(|(_, e)| e.is_finite()) {
                let close = (f - e).abs() <= 1e-6 * (e.abs() + 1e-2 * scale);
                assert!(close, "{}: forward mode {found:?}, differences {expected:?}", (self.name)());
            }
        }
    }

    /// `<J v, u> = <v, J^T u>`.
    fn adjoint(
        &self,
        forward: &[Literal],
        tangents: &[Literal],
        cotangents: &[Literal],
        reverse: &Derived,
        inputs: &[Literal],
    ) {
        let types: Vec<TensorType> = self.wrt.iter().map(|&i| self.inputs[i].ty().clone()).collect();
        let back = derivatives(reverse, inputs, &types);
        if !self.is_finite() {
            return;
        }
        let (left, left_size) = dot(forward, cotangents);
        let (right, right_size) = dot(tangents, &back);
        let close = (left - right).abs() <= 1e-11 * (1.0 + left_size + right_size);
        assert!(
            close,
            "{}: <J v, u> = {left}, <v, J^T u> = {right}\nJ v = {forward:?}\nJ^T u = {back:?}",
            (self.name)()
        );
    }
}

/// The inner product, and the sum of magnitudes of its terms.
fn dot(left: &[Literal], right: &[Literal]) -> (f64, f64) {
    let terms = left
        .iter()
        .zip(right)
        .flat_map(|(l, r)| l.iter().zip(r.iter()).map(|(l, r)| l.to_f64() * r.to_f64()).collect::<Vec<_>>());
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

/// Whether derivatives of the graph can be compared with differences: all floats are f64.
pub(crate) fn is_double(types: &[TensorType]) -> bool {
    types.iter().all(|ty| !ty.dtype.is_float() || ty.dtype == DType::F64)
}
