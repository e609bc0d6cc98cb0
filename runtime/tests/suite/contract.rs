//! What a run promises when memory is out or inputs are wrong.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::text::parse;
use tensorwright_runtime::buffer::{BufferPool, SharedBuffer};
use tensorwright_runtime::executable::Operand;
use tensorwright_runtime::{Executable, RunError};

fn compiled(text: &str) -> Executable {
    Executable::compile(&parse(text).expect("well formed"), &CompileOptions::default()).expect("compiles")
}

fn buffer(bytes: &[u8]) -> SharedBuffer {
    BufferPool::global().copy_of(bytes).expect("memory")
}

/// Each run of the body sorts 128 TiB.
#[test]
fn no_memory_for_a_thread_is_an_error() {
    let executable = compiled(
        "graph @f(%x: u64[4], %k: u32[2], %i: i64[1]) {
           %y = map(%x, %k, %i) {mapped = 1, length = 4} (
             graph(%x: u64[], %k: u32[2], %i: i64[1]) {
               %b = rng_bits(%k, %x) {algorithm = philox, dtype = u64, shape = [17592186044416]}
               %s = sort(%b) {axis = 0, keys = 1, descending = false}
               %f = dynamic_slice(%s, %i) {sizes = [1]}
               %r = reshape(%f) {shape = []}
               return %r
             }
           )
           return %y
         }",
    );
    let [x, pair] = [buffer(&[0; 32]), buffer(&[0; 8])];
    for threads in [1, 2] {
        let error = executable.run(&[&x, &pair, &pair], threads).expect_err("there is not so much memory");
        assert!(matches!(error, RunError::Memory(_)), "{error}");
    }
}

const CHOICE: &str = "graph @f(%p: bool[3], %q: bool[3], %x: i8[3], %y: i8[3]) {
    %b = and(%p, %q) %z = select(%b, %x, %y) return %z, %b
}";

#[test]
#[should_panic(expected = "holds other bytes than 0 and 1")]
fn bools_of_other_bytes_are_refused() {
    let [p, x] = [buffer(&[0, 1, 2]), buffer(&[7; 3])];
    let _ = compiled(CHOICE).run(&[&p, &p, &x, &x], 1);
}

#[test]
#[should_panic(expected = "holds other bytes than 0 and 1")]
fn bools_that_were_written_to_are_looked_at_again() {
    let [mut p, x] = [buffer(&[0, 1, 1]), buffer(&[7; 3])];
    let choice = compiled(CHOICE);
    choice.run(&[&p, &p, &x, &x], 1).expect("memory");
    p.get_mut().expect("the only handle")[0] = 128;
    let _ = choice.run_donating(&mut [&p, &p, &x, &x].map(Operand::Borrowed), 1);
}
