//! What an op says of its ports is what its type rule and its evaluation do.

use tensorwright_ir::eval::{Datum, EvalError, Evaluator};
use tensorwright_ir::op::{Draw, Feed, Lowering, Ports, Random, Runs, Sample};
use tensorwright_ir::{Builder, DTypeClass, Graph, Literal, Op, TensorType, Type, Value};

use crate::numbers::Numbers;

/// The results of an op as its ports say, region by region.
struct Told<'a> {
    ports: Ports,
    operands: &'a [Datum],
    regions: &'a [Graph],
    state: Vec<Datum>,
    /// What each run gave behind the state, with the slice that it was for.
    given: Vec<(usize, Vec<Datum>)>,
}

impl<'a> Told<'a> {
    fn new(ports: Ports, operands: &'a [Datum], regions: &'a [Graph]) -> Told<'a> {
        let inputs = &operands[ports.selectors()..];
        let state = inputs[..ports.carried].to_vec();
        Told { ports, operands: inputs, regions, state, given: Vec::new() }
    }

    fn inputs(&self, slice: usize) -> Vec<Datum> {
        let input = |(i, operand): (usize, &Datum)| match self.ports.feed(i) {
            Feed::Carried => self.state[i].clone(),
            Feed::Sliced => {
                let body = &self.ports.bodies(self.regions)[0];
                slice_of(operand.tensor(), slice, body.tensor(body.inputs()[i])).into()
            }
            Feed::Invariant => operand.clone(),
        };
        self.operands.iter().enumerate().map(input).collect()
    }

    fn run(&mut self, body: &Graph, slice: usize) {
        let mut outputs = evaluate(body, self.inputs(slice)).expect("regions of samples have no effects");
        outputs.truncate(outputs.len() - self.ports.hidden);
        let given = outputs.split_off(self.ports.carried);
        self.state = outputs;
        self.given.push((slice, given));
    }

    fn runs(&mut self, selector: Option<&Datum>) {
        let regions = self.regions;
        let bodies = self.ports.bodies(regions);
        match self.ports.runs {
            Runs::Once | Runs::Again => self.run(&bodies[0], 0),
            Runs::Selected(by) => {
                let value = selector.expect("operand 0").tensor().get(0).to_i128();
                self.run(&bodies[by.region(value, bodies.len())], 0);
            }
            Runs::While => {
                let condition = self.ports.condition(regions).expect("it decides");
                while evaluate(condition, self.inputs(0)).expect("no effects")[0].tensor().get(0).to_bool() {
                    self.run(&bodies[0], 0);
                }
            }
            Runs::ForEach { length, order } => {
                (0..length).for_each(|run| self.run(&bodies[0], order.slice(run, length)));
            }
        }
    }

    fn results(mut self, types: &[Type]) -> Vec<Datum> {
        let mut results = self.state;
        self.given.sort_by_key(|(slice, _)| *slice);
        for (i, ty) in types.iter().enumerate().skip(self.ports.carried) {
            let mut of_runs = self.given.iter().map(|(_, given)| &given[i - self.ports.carried]);
            results.push(match self.ports.stacks() {
                true => {
                    let bytes = of_runs.flat_map(|slice| slice.tensor().bytes().to_vec()).collect();
                    Literal::from_bytes(ty.tensor().clone(), bytes).expect("a slice of each run").into()
                }
                false => of_runs.next_back().expect("a run").clone(),
            });
        }
        results
    }
}

fn evaluate(graph: &Graph, inputs: Vec<Datum>) -> Result<Vec<Datum>, EvalError> {
    Evaluator::new().evaluate_data(graph, inputs)
}

/// The slice along axis 0, of this type.
fn slice_of(x: &Literal, slice: usize, ty: &TensorType) -> Literal {
    let size = ty.bytes();
    let bytes = x.bytes()[slice * size..(slice + 1) * size].to_vec();
    Literal::from_bytes(ty.clone(), bytes).expect("a part of a tensor")
}

/// A node of a drawn op with regions, with values of its operands; `None` if the op has none.
fn check(sample: &Sample<Op>, numbers: &mut Numbers) -> Option<()> {
    let ports = sample.op.ports()?;
    let operands: Vec<Datum> = sample.operands.iter().map(|operand| numbers.datum(operand)).collect();
    let types: Vec<&Type> = sample.operands.iter().map(|operand| &operand.ty).collect();
    let results = sample.op.infer(&types, &sample.regions).expect("samples are accepted");
    let mut b = Builder::new("f");
    let inputs: Vec<Value> = types.iter().map(|&ty| b.input(ty.clone())).collect();
    let values = b.push_with_regions(sample.op.clone(), &inputs, sample.regions.clone()).expect("accepted");
    let found = evaluate(&b.finish(&values), operands.clone()).expect("samples have no effects");
    let mut told = Told::new(ports, &operands, &sample.regions);
    told.runs(operands.first());
    assert_eq!(told.results(&results), found, "{:?} with {ports:?}", sample.op);
    if let Some(op) = sample.op.with_counts(ports.carried, ports.sliced) {
        assert_eq!(op, sample.op, "it has its own numbers of operands");
    }
    Some(())
}

#[test]
fn ports_say_what_the_type_rule_and_the_evaluation_do() {
    let mut numbers = Numbers(Random::new(3));
    for kind in Op::kinds().into_iter().filter(|kind| kind.lowering == Lowering::Region) {
        for round in 0..200 {
            let choices = numbers.0.choices(round.min(40));
            let hint = Draw::new(&numbers.0.choices(10)).ty(DTypeClass::Any, 4);
            let sample = kind.sample(&mut Draw::new(&choices), &hint.into());
            assert!(check(&sample, &mut numbers).is_some(), "{} has ports", kind.name);
        }
    }
}
