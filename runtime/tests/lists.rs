//! Lists at run time: results as the evaluator has them, memory given back, and no copies in loops that have a list to themselves.

use std::sync::{Mutex, PoisonError};

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::{Graph, Literal, eval};
use tensorwright_runtime::buffer::BufferPool;
use tensorwright_runtime::{Executable, RunError};

/// Tests count buffers of the process, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn compiled(text: &str) -> Executable {
    let graph: Graph = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    Executable::compile(&graph, &CompileOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the graph as the evaluator does, or fails like it, and gives all memory back.
fn check(text: &str, inputs: &[Literal]) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let executable = compiled(text);
    let expected = eval::evaluate(executable.graph(), inputs);
    for threads in [1, 2] {
        let live = BufferPool::global().stats().live_bytes;
        match (&expected, executable.run_literals(inputs, threads)) {
            (Ok(expected), Ok(found)) => assert_eq!(*expected, found, "{text}"),
            (Err(expected), Err(RunError::Effect(found))) => {
                assert_eq!(expected.to_string(), found.to_string(), "{text}");
            }
            (expected, found) => panic!("{expected:?} expected, found {found:?}"),
        }
        // Threads keep some scratch memory; the smallest part of a list is larger.
        let held = BufferPool::global().stats().live_bytes - live;
        assert!(held < 1024, "{held} bytes are held after a run of\n{text}");
    }
}

/// A loop over `%i` below `%n` that carries the list `%l` of i32 scalars.
fn counting(body: &str, after: &str) -> String {
    format!(
        "graph @f(%n: i32[], %k: i32[]) {{
           %zero = constant() {{value = 0:i32}}
           %e = list_new() {{dtype = i32, shape = []}}
           %first = list_push(%e, %k)
           %end, %l = while(%zero, %first, %n, %k) {{carried = 2}} (
             graph(%i: i32[], %l: list<i32[]>, %n: i32[], %k: i32[]) {{ %go = lt(%i, %n) return %go }},
             graph(%i: i32[], %l: list<i32[]>, %n: i32[], %k: i32[]) {{
               %one = constant() {{value = 1:i32}}
               %next = add(%i, %one)
               {body}
               return %next, %m
             }}
           )
           {after}
         }}"
    )
}

fn numbers(n: i32, k: i32) -> [Literal; 2] {
    [Literal::scalar(n), Literal::scalar(k)]
}

const SEEN: &str =
    "%len = list_len(%l) %x = list_get(%l, %k) %r, %last = list_pop(%l) return %len, %x, %last";

#[test]
fn loops_push_and_pop() {
    for n in [0, 1, 5, 1000] {
        check(&counting("%m = list_push(%l, %i)", SEEN), &numbers(n, 3));
        check(
            &counting("%p, %x = list_pop(%l) %y = add(%x, %i) %m = list_push(%p, %y)", SEEN),
            &numbers(n, -2),
        );
        check(&counting("%m, %x = list_pop(%l)", SEEN), &numbers(n, 9));
    }
}

#[test]
fn loops_set_rows() {
    for n in [0, 1, 5, 1000] {
        // In place, at an index that is clamped, and beside a list that shares the rows.
        check(&counting("%p = list_push(%l, %i) %m = list_set(%p, %n, %i)", SEEN), &numbers(n, 3));
        check(&counting("%p = list_push(%l, %i) %m = list_set(%p, %one, %n)", SEEN), &numbers(n, 1));
        check(&counting("%m = list_set(%l, %i, %n)", SEEN), &numbers(n, -2));
        let shared = "%p = list_push(%l, %i) %s = list_set(%p, %one, %n) %x = list_get(%s, %one) %m = list_push(%p, %x)";
        check(&counting(shared, SEEN), &numbers(n, 1));
    }
}

#[test]
fn lists_that_are_needed_again_stay_as_they_are() {
    let body = "%a = list_push(%l, %i) %b = list_push(%l, %n) %x = list_get(%b, %i) %m = list_push(%a, %x)";
    check(&counting(body, SEEN), &numbers(300, 200));
    let after = "%a = list_push(%l, %n) %b, %x = list_pop(%l) %na = list_len(%a) %nb = list_len(%b) %nl = list_len(%l)
                 %y = list_get(%a, %end) return %na, %nb, %nl, %x, %y";
    check(&counting("%m = list_push(%l, %i)", after), &numbers(200, 0));
}

#[test]
fn branches_take_and_give_lists() {
    let body = "%bit = and(%i, %one) %p = cast(%bit) {dtype = bool}
        %m, %u = if(%p, %l, %i) (
          graph(%l: list<i32[]>, %i: i32[]) { %m = list_push(%l, %i) return %m, %i },
          graph(%l: list<i32[]>, %i: i32[]) { return %l, %i }
        )";
    check(&counting(body, SEEN), &numbers(1000, 300));
    let body = "%m = case(%i, %l, %i) (
          graph(%l: list<i32[]>, %i: i32[]) { return %l },
          graph(%l: list<i32[]>, %i: i32[]) { %e = list_new() {dtype = i32, shape = []} %m = list_push(%e, %i) return %m },
          graph(%l: list<i32[]>, %i: i32[]) { %m, %x = list_pop(%l) %a = list_push(%m, %i) %b = list_push(%a, %x) return %b }
        )";
    check(&counting(body, SEEN), &numbers(50, 30));
}

#[test]
fn two_lists_trade_places() {
    let text = "graph @f(%x: f32[3], %y: f32[3]) {
       %e = list_new() {dtype = f32, shape = [3]}
       %a = list_push(%e, %x)
       %c, %d = scan(%a, %e, %y) {carried = 2, scanned = 0, length = 7, reverse = false} (
         graph(%a: list<f32[3]>, %b: list<f32[3]>, %y: f32[3]) { %c = list_push(%a, %y) return %b, %c }
       )
       %nc = list_len(%c) %nd = list_len(%d)
       return %nc, %nd
     }";
    let row = |x: f32| Literal::new([3], &[x, x + 1.0, x + 2.0]).unwrap();
    check(text, &[row(0.0), row(5.0)]);
}

#[test]
fn the_whole_history_of_a_loop_is_stacked() {
    let text = |length: usize| {
        format!(
            "graph @f(%x: f32[2]) {{
               %e = list_new() {{dtype = f32, shape = [2]}}
               %y, %l = scan(%x, %e) {{carried = 2, scanned = 0, length = 40, reverse = false}} (
                 graph(%x: f32[2], %l: list<f32[2]>) {{ %y = add(%x, %x) %m = list_push(%l, %y) return %y, %m }}
               )
               %s = list_stack(%l) {{length = {length}}} @ \"a.rs\":3:4
               return %s
             }}"
        )
    };
    let x = Literal::new([2], &[1.0f32, -0.5]).unwrap();
    check(&text(40), std::slice::from_ref(&x));
    check(&text(41), std::slice::from_ref(&x));
    let error = compiled(&text(41)).run_literals(&[x], 1).unwrap_err();
    let expected = "the list must have 41 rows to be stacked, found 40 (written at a.rs:3:4)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_failure_in_a_loop_gives_all_lists_back() {
    let body = "%t = token_new() %ten = constant() {value = 10:i32} %p = lt(%i, %ten)
        %u = assert(%t, %p) {message = \"below ten\"} %a = list_push(%l, %i) %m = list_push(%a, %n) %q = list_push(%l, %k)
        %z = list_len(%q)";
    check(&counting(body, SEEN), &numbers(50, 1));
    check(&counting(body, SEEN), &numbers(5, 1));
}

#[test]
fn slices_of_maps_read_lists_and_have_their_own() {
    let text = "graph @f(%x: i32[500], %k: i32[]) {
       %e = list_new() {dtype = i32, shape = []}
       %a = list_push(%e, %k)
       %b = list_push(%a, %k)
       %y = map(%x, %b) {mapped = 1, length = 500} (
         graph(%x: i32[], %l: list<i32[]>) {
           %m = list_push(%l, %x) %n, %p = list_pop(%m) %q, %r = list_pop(%n) %s = list_len(%q)
           %t = add(%p, %r) %u = add(%t, %s) return %u
         }
       )
       %n = list_len(%b)
       return %y, %n
     }";
    let x = Literal::new([500], &(0..500).collect::<Vec<i32>>()).unwrap();
    check(text, &[x, Literal::scalar(1000i32)]);
}

#[test]
fn a_loop_with_a_list_to_itself_copies_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let pool = BufferPool::global();
    let requests = || pool.stats().allocated + pool.stats().reused;
    let branch = "%bit = and(%i, %one) %p = cast(%bit) {dtype = bool}
        %m = if(%p, %l, %i) (
          graph(%l: list<i32[]>, %i: i32[]) { %m = list_push(%l, %i) return %m },
          graph(%l: list<i32[]>, %i: i32[]) { %a, %x = list_pop(%l) %b = list_push(%a, %x) %c = list_push(%b, %i) return %c }
        )";
    for body in ["%m = list_push(%l, %i)", branch] {
        let executable = compiled(&counting(body, SEEN));
        let before = requests();
        executable.run_literals(&numbers(50_000, 0), 1).unwrap();
        // Chunks of up to 64 KiB, and inputs, outputs and the arena.
        assert!(requests() - before < 40, "{} buffers for\n{body}", requests() - before);
    }
}
