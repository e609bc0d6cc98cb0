//! Assigned variables are updated in the very memory, where nobody else can see the old value.

use tensorwright::optimizer::{Adam, Optimizer, Sgd, Trainer};
use tensorwright::prelude::*;
use tensorwright::{Error, LossReduction, Result};

/// Where the value is. The handle is gone afterwards.
fn place(variable: &Variable) -> *const u8 {
    variable.value().as_bytes().unwrap().as_ptr()
}

fn places(variables: &[Variable]) -> Vec<*const u8> {
    variables.iter().map(place).collect()
}

fn f32s(variable: &Variable) -> Vec<f32> {
    variable.value().cast(DType::F32).to_vec().unwrap()
}

/// A network of three layers, large enough that no kernel does all of it.
fn network() -> Vec<Variable> {
    let keys: [RandomKey; 3] = RandomKey::new(3).split();
    let layers = keys.iter().zip([64usize, 160, 96, 10].windows(2).collect::<Vec<_>>());
    let layer = |(key, size): (&RandomKey, &[usize])| {
        let weight = Variable::named("weight", key.normal([size[0], size[1]], 0.0f32, 0.1)).unwrap();
        let bias = Variable::named("bias", Tensor::zeros([size[1]], DType::F32)).unwrap();
        [weight, bias]
    };
    layers.flat_map(layer).collect()
}

fn loss(parameters: &[Variable], x: &Tensor, y: &Tensor) -> Tensor {
    let layers = parameters.chunks(2);
    let last = layers.len() - 1;
    let logits = layers.enumerate().fold(x.clone(), |x, (i, layer)| {
        let x = x.matmul(layer[0].value()) + layer[1].value();
        if i < last { x.tanh() } else { x }
    });
    logits.sparse_softmax_cross_entropy(y, -1, LossReduction::Mean)
}

/// A step of training that assigns the parameters, and the state of the optimiser.
fn training<O: Optimizer + Send + Sync + 'static>(
    parameters: &[Variable],
    rule: O,
) -> (Function<(Tensor, Tensor), Tensor>, Vec<Variable>) {
    let trainer = Trainer::new(rule, parameters.to_vec()).unwrap();
    let own = trainer.variables().into_iter().map(|(_, variable)| variable);
    let all = parameters.iter().cloned().chain(own).collect();
    let parameters = parameters.to_vec();
    let step = function(move |(x, y): (Tensor, Tensor)| trainer.step(|| loss(&parameters, &x, &y)));
    (step, all)
}

fn data() -> (Tensor, Tensor) {
    let labels: Vec<i32> = (0..48).map(|i| i % 10).collect();
    (RandomKey::new(5).normal([48, 64], 0.0f32, 1.0), Tensor::from_slice(&labels, [48]))
}

fn parameters_stay_where_they_are<O>(rule: impl Fn() -> O)
where
    O: Optimizer + Send + Sync + 'static,
{
    let ((x, y), variables, same) = (data(), network(), network());
    let (step, all) = training(&variables, rule());
    let (eager, all_eager) = training(&same, rule());
    eager.run_eagerly(true);
    // Values that were made by others are shared at first.
    step.call((&x, &y)).unwrap();
    eager.call((&x, &y)).unwrap();
    let before = places(&all);
    for _ in 0..4 {
        let (compiled, eagerly) = (step.call((&x, &y)).unwrap(), eager.call((&x, &y)).unwrap());
        let [compiled, eagerly] = [compiled, eagerly].map(|x| x.item::<f32>().unwrap());
        assert!((compiled - eagerly).abs() < 1e-4, "{compiled} {eagerly}");
    }
    assert_eq!(places(&all), before);
    for (compiled, eagerly) in all.iter().zip(&all_eager) {
        for (l, r) in f32s(compiled).into_iter().zip(f32s(eagerly)) {
            assert!((l - r).abs() <= 1e-3 * r.abs().max(0.1), "{compiled:?}: {l} {r}");
        }
    }
}

#[test]
fn parameters_stay_where_they_are_under_sgd() {
    parameters_stay_where_they_are(|| Sgd { learning_rate: 0.1, ..Sgd::default() });
    parameters_stay_where_they_are(|| Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: true });
}

#[test]
fn parameters_stay_where_they_are_under_adam() {
    parameters_stay_where_they_are(|| Adam { learning_rate: 0.01, ..Adam::default() });
}

fn stepping(v: &Variable, by: f32) -> Function<Tensor, Tensor> {
    let v = v.clone();
    function(move |x: Tensor| {
        v.assign(v.value() * by + &x)?;
        Ok::<_, Error>(x.sum(..))
    })
}

#[test]
fn who_holds_the_old_value_keeps_it() {
    let v = Variable::new(vec![1.0f32; 3000]).unwrap();
    let step = stepping(&v, 2.0);
    let x = Tensor::from(vec![1.0f32; 3000]);
    step.call(&x).unwrap();
    let (old, before) = (v.value(), place(&v));
    step.call(&x).unwrap();
    assert!(old.to_vec::<f32>().unwrap().iter().all(|&x| x == 3.0), "the old value");
    assert!(f32s(&v).iter().all(|&x| x == 7.0), "the new value");
    assert_ne!(place(&v), before, "the old value kept its place");
    drop(old);
    let before = place(&v);
    step.call(&x).unwrap();
    assert_eq!((place(&v), f32s(&v)[2999]), (before, 15.0));
}

#[test]
fn a_variable_may_be_its_own_argument() {
    let v = Variable::new(vec![1.0f32; 3000]).unwrap();
    let step = stepping(&v, 2.0);
    for expected in [3.0, 9.0, 27.0] {
        step.call(v.value()).unwrap();
        assert!(f32s(&v).iter().all(|&x| x == expected));
    }
}

#[test]
fn variables_of_one_value_come_apart() {
    let shared = Tensor::from(vec![1.0f32; 3000]);
    let (a, b) = (Variable::new(shared.clone()).unwrap(), Variable::new(shared.clone()).unwrap());
    let step = stepping(&a, 2.0);
    let x = Tensor::from(vec![1.0f32; 3000]);
    step.call(&x).unwrap();
    step.call(&x).unwrap();
    assert_eq!((f32s(&a)[7], f32s(&b)[7], shared.to_vec::<f32>().unwrap()[7]), (7.0, 1.0, 1.0));
}

#[test]
fn results_and_other_elements_are_of_the_old_value() {
    let v = Variable::new((0..4000).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
    let step = {
        let v = v.clone();
        function(move |x: Tensor| {
            let old = v.value();
            // The elements that are read last are the ones that are written first.
            v.assign(old.reverse(0) + &x)?;
            Ok::<_, Error>((old.sum(..), v.value().i(0)))
        })
    };
    let x = Tensor::from(1.0f32);
    let mut expected: Vec<f32> = (0..4000).map(|i| i as f32).collect();
    for _ in 0..3 {
        let (sum, first) = step.call(&x).unwrap();
        let old: f64 = expected.iter().map(|&x| f64::from(x)).sum();
        expected = expected.iter().rev().map(|x| x + 1.0).collect();
        assert!((f64::from(sum.item::<f32>().unwrap()) - old).abs() < 1e-3 * old);
        assert_eq!(first.item::<f32>().unwrap(), expected[0]);
        assert_eq!(f32s(&v), expected);
    }
}

#[test]
fn a_run_that_fails_changes_nothing() {
    let v = Variable::new(vec![1.0f32; 3000]).unwrap();
    let step = {
        let v = v.clone();
        function(move |x: Tensor| {
            v.assign(v.value() * &x)?;
            assert_that(&v.value().sum(..).lt(1e5), "too much")?;
            Ok::<_, Error>(x)
        })
    };
    step.call(2.0f32).unwrap();
    assert!(step.call(1e6f32).is_err());
    assert!(f32s(&v).iter().all(|&x| x == 2.0));
}

#[test]
fn rows_are_scattered_in_place() {
    let v = Variable::new(Tensor::zeros([500, 64], DType::F32)).unwrap();
    let step = {
        let v = v.clone();
        function(move |(at, row): (Tensor, Tensor)| {
            v.scatter_update(at.reshape([1]), row.reshape([1, 64]))?;
            v.scatter_add(at.reshape([1]), row.reshape([1, 64]))?;
            Ok::<_, Error>(row.sum(..))
        })
    };
    let row = Tensor::ones([64], DType::F32);
    step.call((Tensor::from(3i64), &row)).unwrap();
    let before = place(&v);
    for at in [499i64, 0, 3] {
        step.call((Tensor::from(at), &row)).unwrap();
    }
    assert_eq!(place(&v), before);
    let sums = v.value().sum(1).to_vec::<f32>().unwrap();
    let expected = |at: usize| if [0, 3, 499].contains(&at) { 128.0 } else { 0.0 };
    assert!(sums.iter().enumerate().all(|(at, &sum)| sum == expected(at)));
}

#[test]
fn many_threads_step_one_variable() -> Result<()> {
    let v = Variable::new(vec![0.0f32; 20_000])?;
    let step = stepping(&v, 1.0);
    let x = Tensor::ones([20_000], DType::F32);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..100 {
                    step.call(&x).unwrap();
                    // Whatever was read stays whole.
                    let seen = v.value().to_vec::<f32>().unwrap();
                    assert!(seen.iter().all(|&x| x == seen[0]));
                }
            });
        }
    });
    assert!(f32s(&v).iter().all(|&x| x == 300.0));
    Ok(())
}

#[test]
fn a_dump_shows_the_program_that_runs() -> Result<()> {
    let count = Variable::new([1.0f32, 2.0])?;
    let step = function(move |by: Tensor| count.assign_add(&by));
    step.call([1.0f32, 1.0])?;
    let text = step.dump(Stage::Kernels)?;
    assert!(text.contains("input 1, overwritten"), "{text}");
    Ok(())
}

#[test]
fn what_a_check_may_stop_overwrites_nothing() -> Result<()> {
    let count = Variable::new([1.0f32, 2.0])?;
    let own = count.clone();
    let step = function(move |by: Tensor| {
        own.assign_add(&by)?;
        assert_that(&by.gt(0.0).all(..), "positive")
    });
    step.call([1.0f32, 1.0])?;
    assert!(!step.dump(Stage::Kernels)?.contains("overwritten"));
    assert!(step.call([1.0f32, -1.0]).is_err());
    assert_eq!(f32s(&count), [2.0, 3.0]);
    Ok(())
}
