//! A crate without warnings has none through the macros: it would not compile.

#![deny(warnings)]

use tensorwright::prelude::*;

#[function]
fn prints(x: Tensor) -> Tensor {
    println!("{x}");
    println!("the value is {} of {x}", 3);
    println!("no value");
    println!();
    x
}

#[function]
fn prints_plainly(x: Tensor, n: i32) -> Tensor {
    println!("{n}");
    print!("{n} ");
    eprintln!("{n}");
    eprint!("{n} ");
    x
}

#[function]
fn asserts(x: Tensor, n: i32) -> Result<Tensor> {
    assert!(x < 10.0, "too large: {}", x);
    assert!(x < 10.0);
    assert!(x < 10.0, "plain");
    assert!(n < 10);
    assert!(n < 10, "too large: {n}");
    assert_eq!(n, 3);
    assert_ne!(n, 4, "n is {n}");
    debug_assert!(n < 10);
    Ok(x)
}

#[function]
fn branches(x: Tensor, n: i32) -> Tensor {
    let mut y = x.clone();
    if x > 0.0 {
        y = y * 2.0;
    } else if n > 3 {
        y = y * 3.0;
    }
    for i in 0..3 {
        y = y + i;
    }
    for i in range(3) {
        y = y + i.cast(DType::F64);
    }
    while y < 1.0 {
        y += 1.0;
        if y > 0.5 {
            continue;
        }
    }
    loop {
        if y > 3.0 || n > 5 {
            break;
        }
        y = y + 1.0;
    }
    let z = match n {
        0 => x,
        _ => y.clone(),
    };
    z + y
}

#[function]
fn rows(x: &Tensor) -> Tensor {
    let mut sum = Tensor::from(0.0f64);
    for row in x {
        if row.sum(..) < 0.0 {
            return sum;
        }
        sum += row.sum(..);
    }
    sum
}

#[derive(Clone, Tree)]
struct Pair<T> {
    x: Tensor,
    rest: T,
    #[tree(static)]
    name: String,
}

#[derive(Module)]
struct Layer {
    weight: Variable,
}

impl Layer {
    #[function(associated)]
    fn shifted(x: Tensor, by: Self_) -> Tensor {
        x + by.0
    }
}

#[derive(Clone, Tree)]
struct Self_(Tensor);

#[test]
fn there_are_no_warnings() -> Result<()> {
    let x = Tensor::from(1.0f64);
    println!("{}", prints(x.clone()) + prints_plainly(x.clone(), 2) + branches(x.clone(), 1));
    println!("{}", asserts(x.clone(), 3)?);
    println!("{}", rows(&Tensor::zeros([0, 2], DType::F64)));
    let pair = Pair { x: x.clone(), rest: (), name: String::new() };
    let Pair { x, rest: (), name } = function(|p: Pair<()>| p).call(&pair)?;
    let layer = Layer { weight: Variable::new(x.clone())? };
    println!("{name} {} {}", Layer::shifted(x.clone(), Self_(x)), &layer.weight * 2.0);
    Ok(())
}
