//! Who may overwrite what was given to it.

use tensorwright_compiler::lower::Promises;
use tensorwright_compiler::{CompileOptions, compile_promised};
use tensorwright_ir::{BuildError, Builder, DType, TensorType, Value};

use crate::Tiles;

/// Inputs that the program of a sine overwrites, with other nodes that read it, if its input may become its output.
fn overwritten(rest: impl FnOnce(&mut Builder, Value) -> Result<(), BuildError>) -> Vec<usize> {
    let mut b = Builder::new("f");
    let x = b.input(TensorType::new(DType::F32, [4]));
    let y = b.sin(x).expect("a sine");
    rest(&mut b, y).expect("well formed");
    let target = Tiles { packed: None };
    let program =
        compile_promised(&b.finish(&[y]), &CompileOptions::default(), &target, &Promises::donated(&[(0, 0)]));
    program.expect("compiles").overwritten
}

/// So nobody needs to look at the program and compile the graph again.
#[test]
fn a_run_that_may_fail_overwrites_nothing_from_the_start() {
    assert_eq!(overwritten(|_, _| Ok(())), [0]);
    let check = |b: &mut Builder, y: Value| {
        let token = b.token();
        b.check_finite(token, y, "y").map(drop)
    };
    assert!(overwritten(check).is_empty());
    let check_sometimes = |b: &mut Builder, y: Value| {
        let (p, token) = (b.input(TensorType::new(DType::Bool, [])), b.token());
        b.cond(p, &[token, y], |b, v| Ok([b.check_finite(v[0], v[1], "y")?]), |_, v| Ok([v[0]])).map(drop)
    };
    assert!(overwritten(check_sometimes).is_empty());
}
