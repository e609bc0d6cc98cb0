//! Random numbers from keys.

use tensorwright::Result;
use tensorwright::prelude::*;

#[test]
fn the_same_key_gives_the_same_numbers_in_any_mode() -> Result<()> {
    let f = function(|key: RandomKey| {
        let [a, b] = key.split();
        (a.uniform([100], -1.0f32, 1.0), b.normal([100], 0.0f32, 2.0), key.fold_in(3).uniform([10], 0i32, 6))
    });
    let key = RandomKey::new(7);
    let compiled = f.call(&key)?;
    let threaded = f.call_with_threads(2, &key)?;
    f.run_eagerly(true);
    let eager = f.call(&key)?;
    for other in [threaded, eager] {
        assert_eq!(compiled.0.as_bytes()?, other.0.as_bytes()?);
        assert_eq!(compiled.1.as_bytes()?, other.1.as_bytes()?);
        assert_eq!(compiled.2.as_bytes()?, other.2.as_bytes()?);
    }
    assert!(compiled.0.to_vec::<f32>()?.iter().all(|x| (-1.0..1.0).contains(x)));
    assert!(compiled.2.to_vec::<i32>()?.iter().all(|x| (0..6).contains(x)));
    Ok(())
}

#[test]
fn other_keys_give_other_numbers() -> Result<()> {
    let key = RandomKey::new(1);
    let numbers = |key: &RandomKey| key.uniform([8], 0u64, u64::MAX).to_vec::<u64>();
    let [a, b] = key.split();
    let all =
        [numbers(&key)?, numbers(&a)?, numbers(&b)?, numbers(&key.fold_in(0))?, numbers(&RandomKey::new(2))?];
    for (i, one) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|other| other != one));
    }
    Ok(())
}

#[test]
fn keys_are_operands() -> Result<()> {
    let key = RandomKey::new(5);
    let x = Tensor::ones([1000], DType::F32);
    let dropped = x.dropout(&key, 0.5).to_vec::<f32>()?;
    assert!(dropped.iter().all(|&v| v == 0.0 || v == 2.0));
    let zeros = dropped.iter().filter(|&&v| v == 0.0).count();
    assert!((400..600).contains(&zeros), "{zeros}");
    let order = key.permutation(100).sort(0).to_vec::<i32>()?;
    assert_eq!(order, (0..100).collect::<Vec<i32>>());
    Ok(())
}

/// Uses of the generator in branches, loops, and around them.
fn walk(numbers: &Generator) -> Function<Tensor, (Tensor, Tensor)> {
    let numbers = numbers.clone();
    function(move |x: Tensor| {
        let first = numbers.uniform([2], 0.0f32, 1.0);
        let far = |x: &Tensor| x.abs().sum(..).lt(5.0);
        let x = while_loop(&x + &first, far, |x| {
            cond(
                &numbers.uniform([], 0.0f32, 1.0).lt(0.5),
                || &x + numbers.normal([2], 0.0f32, 1.0),
                || &x - numbers.truncated_normal([2], 0.0f32, 1.0).abs(),
            )
        })?;
        Ok::<_, tensorwright::Error>((x, numbers.permutation(10)))
    })
}

#[test]
fn a_generator_gives_the_same_numbers_in_any_mode() -> Result<()> {
    let runs = [(false, 1), (false, 2), (true, 1)].map(|(eagerly, threads)| -> Result<_> {
        let numbers = Generator::new(11)?;
        let f = walk(&numbers).with_threads(threads);
        f.run_eagerly(eagerly);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let (x, order) = f.call([0.0f32, 0.0])?;
            seen.push((x.to_vec::<f32>()?, order.to_vec::<i32>()?));
        }
        assert!(eagerly || f.trace_count() == 1);
        let state: Vec<_> =
            numbers.variables().into_iter().map(|(path, v)| (path, v.value().to_literal())).collect();
        assert_eq!(state.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["key", "counter"]);
        Ok((seen, numbers.uniform([3], 0u32, u32::MAX).to_vec::<u32>()?))
    });
    let [one, two, eager] = runs.map(|run| run.expect("all runs pass"));
    assert_eq!(one, two);
    assert_eq!(one, eager);
    assert_ne!(one.0[0], one.0[1]);
    Ok(())
}

#[test]
fn generators_begin_anew_and_split() -> Result<()> {
    let numbers = Generator::new(3)?;
    let draw = |numbers: &Generator| numbers.uniform([4], 0u64, u64::MAX).to_vec::<u64>();
    let (a, b) = (draw(&numbers)?, draw(&numbers)?);
    assert_ne!(a, b);
    numbers.reseed(3)?;
    assert_eq!(draw(&numbers)?, a);
    let [left, right] = numbers.split()?;
    assert_ne!(draw(&left)?, draw(&right)?);
    let again = Generator::from_key(RandomKey::new(3))?;
    assert_eq!((draw(&again)?, draw(&again)?), (a, b));
    let inside = function(|x: Tensor| Generator::new(1).map(|numbers| x + numbers.normal([], 0.0f32, 1.0)));
    assert!(inside.call(1.0f32).unwrap_err().to_string().contains("variable"));
    Ok(())
}

#[test]
fn no_two_threads_get_the_same_numbers() -> Result<()> {
    let numbers = Generator::new(3)?;
    let draw = || numbers.uniform([], 0u64, u64::MAX).item::<u64>().unwrap();
    let many = || (0..50).map(|_| draw()).collect::<Vec<u64>>();
    let mut all: Vec<u64> = std::thread::scope(|scope| {
        let threads = [0, 1, 2].map(|_| scope.spawn(many));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 150);
    Ok(())
}

#[test]
fn integers_and_waiting_times() -> Result<()> {
    let key = RandomKey::new(3);
    let dice = key.randint([6000], 1, 7);
    for (face, count) in dice.bincount(7).to_vec::<i32>()?.into_iter().enumerate().skip(1) {
        assert!((850..1150).contains(&count), "{face}: {count}");
    }
    let waits = key.exponential([20000], 3.0f64);
    assert!((waits.mean(..).item::<f64>()? - 3.0).abs() < 0.1 && waits.min(..).item::<f64>()? >= 0.0);
    assert!((waits.std(.., 0).item::<f64>()? - 3.0).abs() < 0.15);
    assert!(key.randint([1], 0.0f32, 1.0).ok().is_err() && key.randint([1], 2, 2).ok().is_err());
    Ok(())
}

#[test]
fn choices_go_by_their_weights() -> Result<()> {
    let numbers = Generator::new(5)?;
    let drawn = numbers.choice_weighted([0, 1, 2, 3], [0.0f32, 1.0, 2.0, 0.0], 6000);
    let counts = drawn.bincount(4).to_vec::<i32>()?;
    assert_eq!((counts[0], counts[3], counts[1] + counts[2]), (0, 0, 6000));
    assert!((1850..2150).contains(&counts[1]), "{counts:?}");

    let rows = Tensor::arange(8, DType::I32).reshape((4, 2));
    assert_eq!(numbers.choice(&rows, (3, 5)).shape()?, &[3, 5, 2].into());
    let distinct = numbers.choice_distinct(&rows, 4);
    assert_eq!(distinct.i((.., 0)).sort(0).to_vec::<i32>()?, [0, 2, 4, 6]);
    // Of two without replacement, the heavier comes first in two of three cases.
    let first = vmap(|key: RandomKey| key.choice_distinct_weighted([0, 1], [1.0f32, 2.0], 2).i(0));
    let keys = RandomKey::from_tensor(RandomKey::new(1).tensor().rng_split(3000));
    let heavier = first.call(keys)?.sum(..).item::<i32>()?;
    assert!((1900..2100).contains(&heavier), "{heavier}");

    assert!(numbers.choice_distinct(&rows, 5).ok().is_err());
    let error = numbers.choice_weighted(&rows, [1.0, 2.0], 3).ok().unwrap_err().to_string();
    assert!(error.contains("weights f64[2] for the slices of i32[4,2] along axis 0"), "{error}");
    Ok(())
}

#[test]
fn draws_are_the_same_compiled() -> Result<()> {
    let draws = |key: RandomKey| {
        let p = Tensor::from([0.1f32, 0.5, 0.4]);
        let x = Tensor::from([10, 20, 30]);
        (
            key.choice(&x, 5),
            key.choice_weighted(&x, &p, 5),
            key.choice_distinct_weighted(&x, &p, 2),
            key.shuffle(&x, 0),
            key.randint([4], 0u8, 100),
            key.bernoulli([9], 0.5),
        )
    };
    let (eager, compiled) = (draws(RandomKey::new(9)), function(draws).call(RandomKey::new(9))?);
    assert_eq!(format!("{eager:?}"), format!("{compiled:?}"));
    Ok(())
}
