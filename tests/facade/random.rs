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
