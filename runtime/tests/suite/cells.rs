//! Native loops whose state is in memory, read and written at computed places.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::batch::batch;
use tensorwright_compiler::kernel::{Instr, Outside, TileStage};
use tensorwright_ir::Graph;
use tensorwright_ir::op::primitive::BinaryFn;
use tensorwright_runtime::Executable;

use super::native::{check, counted};

const CELL: &str =
    "{offset_axes = [], collapsed = [0], batch = [], index_batch = [], indexed = [0], sizes = [1]}";

/// `%n` is `%x` with the cell `%i` changed by `body`, which makes `%new` of its element `%old`.
fn of_cell(body: &str) -> String {
    format!(
        "%at = reshape(%i) {{shape = [1]}}
         %old = gather(%x, %at) {CELL}
         {body}
         %cell = reshape(%new) {{shape = [1]}}
         %n = dynamic_update_slice(%x, %cell, %at)"
    )
}

#[test]
fn one_cell_at_a_time_of_state_of_any_size() {
    let body = of_cell("%two = constant() {value = 2:i32} %m = mul(%old, %two) %new = add(%m, %i)");
    for n in [1, 2, 4, 5, 16, 17, 100, 3000] {
        check(&counted(&format!("i32[{n}]"), 40, &body));
    }
}

#[test]
fn cells_of_all_dtypes() {
    for dtype in ["bool", "u8", "i16", "u32", "i64", "f16", "bf16", "f32", "f64"] {
        let body = of_cell(&format!("%c = cast(%i) {{dtype = {dtype}}} %new = maximum(%old, %c)"));
        let body = if dtype == "bool" { body.replace("maximum", "or") } else { body };
        check(&counted(&format!("{dtype}[20]"), 30, &body));
    }
}

/// The instructions of the last stage of the loop, from its beginning to its end.
fn instructions(text: &str) -> Vec<Instr> {
    check(text);
    let graph: Graph = text.parse().expect("a graph");
    let executable = Executable::compile(&graph, &CompileOptions::default()).expect("it compiles");
    let TileStage::Loop(stage) = executable.program().kernels[0].stages.last().expect("a stage") else {
        panic!("it is a loop")
    };
    let begin = stage.body.iter().position(|instr| *instr == Instr::Loop).expect("a loop");
    stage.body[begin..].to_vec()
}

#[test]
fn a_cell_that_the_next_run_reads_stays_in_a_register() {
    let step = |places: &str| {
        format!(
            "{places} %old = gather(%x, %from) {CELL} %new = add(%old, %i) %cell = reshape(%new) {{shape = [1]}}
             %n = dynamic_update_slice(%x, %cell, %to)"
        )
    };
    let loads = |instrs: Vec<Instr>| instrs.iter().filter(|i| matches!(i, Instr::LoadAt { .. })).count();
    let next = "%unit = constant() {value = 1:i32} %j = add(%i, %unit)
      %from = reshape(%i) {shape = [1]} %to = reshape(%j) {shape = [1]}";
    let before = next.replace("reshape(%i)", "reshape(%p)").replace("reshape(%j)", "reshape(%i)");
    let before = format!("%back = constant() {{value = -1:i32}} %p = add(%i, %back) {before}");
    for places in [next, &before] {
        assert_eq!(loads(instructions(&counted("i32[100]", 99, &step(places)))), 0, "{places}");
        // Out of range the place stays the last one.
        check(&counted("i32[100]", 130, &step(places)));
    }
    let always =
        "%k = constant() {value = 7:i32} %from = reshape(%k) {shape = [1]} %to = reshape(%k) {shape = [1]}";
    assert_eq!(loads(instructions(&counted("i32[100]", 99, &step(always)))), 0);
    let behind = next.replace("value = 1", "value = 2");
    assert_eq!(loads(instructions(&counted("i32[100]", 90, &step(&behind)))), 1, "of the run before that");
}

#[test]
fn places_in_range_are_not_brought_there() {
    let body = format!(
        "%at = reshape(%i) {{shape = [1]}} %old = gather(%x, %at) {CELL} %new = add(%old, %i)
         %n = scatter(%x, %at, %new) {{kind = set, offset_axes = [], collapsed = [0], batch = [], index_batch = [], indexed = [0]}}"
    );
    let choices = |count: u32| {
        let instrs = instructions(&counted("i32[100]", count, &body));
        let function = |instr: &Instr| {
            matches!(instr, Instr::Select(..) | Instr::Binary(BinaryFn::Maximum | BinaryFn::Minimum, ..))
        };
        instrs.iter().filter(|instr| function(instr)).count()
    };
    assert_eq!([choices(100), choices(101)], [0, 0]);
    let stores = |count: u32| {
        let instrs = instructions(&counted("i32[100]", count, &body));
        let within = |instr: &&Instr| matches!(instr, Instr::StoreAt { outside: Outside::Nowhere, .. });
        instrs.iter().filter(within).count()
    };
    assert_eq!([stores(100), stores(101)], [0, 1], "the last run sets nothing");
}

/// `set` of the facade: what is negative counts from the end, and what is out of range is not there.
const SET: &str = "%zero = constant() {value = 0:i32} %size = constant() {value = 100:i32} %last = constant() {value = 99:i32}
  %negative = lt(%k, %zero) %more = add(%k, %size) %j = select(%negative, %more, %k)
  %low = ge(%j, %zero) %high = le(%j, %last) %inside = and(%low, %high)
  %at = reshape(%j) {shape = [1]} %is = reshape(%inside) {shape = [1]} %new = reshape(%i) {shape = [1]}
  %old = dynamic_slice(%x, %at) {sizes = [1]} %cell = select(%is, %new, %old)
  %n = dynamic_update_slice(%x, %cell, %at)";

#[test]
fn a_cell_that_there_is_not_is_not_put_back() {
    let set = |k: &str, runs: u32| counted("i32[100]", runs, &format!("{k} {SET}"));
    let count = |instrs: &[Instr], is: fn(&Instr) -> bool| instrs.iter().filter(|instr| is(instr)).count();
    let table = format!("%at0 = reshape(%i) {{shape = [1]}} %k = gather(%x, %at0) {CELL}");
    let instrs = instructions(&set(&table, 100));
    assert_eq!(count(&instrs, |i| matches!(i, Instr::LoadAt { .. })), 1, "the index alone");
    assert_eq!(count(&instrs, |i| matches!(i, Instr::StoreAt { outside: Outside::Nowhere, .. })), 1);
    let counter = "%two = constant() {value = 2:i32} %k = sub(%i, %two)";
    let instrs = instructions(&set(counter, 100));
    assert_eq!(
        count(&instrs, |i| matches!(i, Instr::StoreAt { outside: Outside::Nearest, .. })),
        1,
        "in range"
    );
    instructions(&set(counter, 110));
}

#[test]
fn remainders_of_what_is_nearly_a_place_are_no_divisions() {
    let ring = |k: &str, runs: u32| {
        let body = format!("{k} %at = reshape(%k) {{shape = [1]}} %old = gather(%x, %at) {CELL} %new = add(%old, %i)
            %to = reshape(%i) {{shape = [1]}} %cell = reshape(%new) {{shape = [1]}} %n = dynamic_update_slice(%x, %cell, %to)");
        let instrs = instructions(&counted("i32[100]", runs, &body));
        let divides = |instr: &&Instr| matches!(instr, Instr::Binary(BinaryFn::Rem | BinaryFn::FloorMod, ..));
        instrs.iter().filter(divides).count()
    };
    let of = |more: i32, function: &str| {
        format!(
            "%more = constant() {{value = {more}:i32}} %size = constant() {{value = 100:i32}} %j = add(%i, %more) %k = {function}(%j, %size)"
        )
    };
    for (more, function) in
        [(1, "rem"), (99, "rem"), (1, "floor_mod"), (-1, "floor_mod"), (-100, "floor_mod")]
    {
        assert_eq!(ring(&of(more, function), 100), 0, "{more} {function}");
    }
    assert_eq!(ring(&of(-1, "rem"), 100), 1);
    assert_eq!(ring(&of(101, "rem"), 100), 1);
}

#[test]
fn several_runs_of_a_short_loop_jump_back_once() {
    let text = counted("i32[100]", 100, &of_cell("%new = add(%old, %i)"));
    let executable =
        Executable::compile(&text.parse::<Graph>().expect("a graph"), &CompileOptions::default())
            .expect("it compiles");
    let clif = executable.dump("clif").expect("a stage");
    assert_eq!(clif.matches("icmp slt").count(), 4, "{clif}");
    check(&text);
    for runs in [0, 1, 2, 3, 5, 6, 7] {
        check(&counted("i32[100]", runs, &of_cell("%new = add(%old, %i)")));
    }
}

#[test]
fn sections_of_a_table_are_read_and_written() {
    // A row of the table is too large for registers, a cell of it is not; two cells are written at once.
    let body = "%zero = constant() {value = 0:i32} %z = reshape(%zero) {shape = [1]}
      %at = reshape(%i) {shape = [1]} %place = concat(%at, %z) {axis = 0}
      %row = dynamic_slice(%x, %place) {sizes = [1,20]}
      %line = reshape(%row) {shape = [20]}
      %cell = dynamic_slice(%line, %at) {sizes = [1]}
      %fixed = slice(%x) {starts = [2,3], limits = [3,5], strides = [1,1]}
      %wide = broadcast_in_dim(%cell) {shape = [1,2], axes = [1]}
      %sum = add(%wide, %fixed)
      %corner = concat(%z, %at) {axis = 0}
      %n = dynamic_update_slice(%x, %sum, %corner)";
    check(&counted("i32[7,20]", 30, body));
}

#[test]
fn an_array_is_made_and_copied_in_a_loop() {
    // The old array is read after the new one has been written, and the new one begins as zeros.
    let body = "%zero = constant() {value = 0:i32}
      %zeros = broadcast_in_dim(%zero) {shape = [30], axes = []}
      %at = reshape(%i) {shape = [1]}
      %new = dynamic_update_slice(%zeros, %at, %at)
      %k = constant() {value = 3:i32} %three = reshape(%k) {shape = [1]}
      %both = dynamic_update_slice(%x, %three, %at)
      %old = dynamic_slice(%x, %three) {sizes = [1]}
      %cell = dynamic_slice(%both, %at) {sizes = [1]}
      %sum = add(%old, %cell)
      %n = dynamic_update_slice(%new, %sum, %three)";
    check(&counted("i32[30]", 10, body));
}

#[test]
fn several_windows_are_scattered() {
    let scatter = |kind: &str| {
        let body = format!(
            "%at = reshape(%i) {{shape = [1,1]}} %k = constant() {{value = 4:i32}} %four = reshape(%k) {{shape = [1,1]}}
             %far = mul(%at, %four)
             %indices = concat(%at, %far, %at) {{axis = 0}}
             %iota = iota() {{dtype = i32, shape = [3,2], axis = 0}}
             %j = broadcast_in_dim(%i) {{shape = [3,2], axes = []}}
             %updates = add(%iota, %j)
             %n = scatter(%x, %indices, %updates) {{kind = {kind}, offset_axes = [1], collapsed = [], batch = [], index_batch = [], indexed = [0]}}"
        );
        for n in [2, 5, 40] {
            check(&counted(&format!("i32[{n}]"), 50, &body));
        }
    };
    ["set", "add", "mul", "min", "max"].into_iter().for_each(scatter);
}

#[test]
fn random_bits_are_drawn_without_leaving_the_loop() {
    for (algorithm, dtype, shape) in [
        ("philox", "u32", "[]"),
        ("philox", "u64", "[3]"),
        ("threefry", "u32", "[5]"),
        ("threefry", "u64", "[2]"),
    ] {
        let body = format!(
            "%count = cast(%i) {{dtype = u64}}
             %bits = rng_bits(%x, %count) {{algorithm = {algorithm}, dtype = {dtype}, shape = {shape}}}
             %narrow = cast(%bits) {{dtype = u32}}
             %sum = reduce(%narrow) {{kind = sum, axes = {axes}}}
             %all = broadcast_in_dim(%sum) {{shape = [2], axes = []}}
             %n = add(%x, %all)",
            axes = if shape == "[]" { "[]" } else { "[0]" },
        );
        check(&counted("u32[2]", 20, &body));
    }
}

/// The number of steps until a number is 1, and the greatest on the way.
const COLLATZ: &str = "graph @collatz(%x: i64[]) {
  %zero = constant() {value = 0:f32}
  %one = constant() {value = 1:i64}
  %y, %top, %n = while(%x, %x, %zero, %one) {carried = 3} (
    graph(%x: i64[], %top: i64[], %n: f32[], %one: i64[]) { %c = gt(%x, %one) return %c },
    graph(%x: i64[], %top: i64[], %n: f32[], %one: i64[]) {
      %odd = and(%x, %one) %p = eq(%odd, %one)
      %half = shr_arith(%x, %one)
      %three = constant() {value = 3:i64} %t = mul(%x, %three) %u = add(%t, %one)
      %y = select(%p, %u, %half)
      %m = maximum(%top, %y)
      %f = constant() {value = 1:f32} %k = add(%n, %f)
      return %y, %m, %k
    })
  return %top, %n
}";

#[test]
fn examples_leave_a_loop_by_themselves() {
    for examples in [1, 2, 3, 4, 7, 16, 17, 100, 1500] {
        let batched = batch(&COLLATZ.parse().expect("a graph"), examples, &[true]).expect("it batches");
        check(&batched.graph.to_string());
    }
}

#[test]
fn what_a_test_says_is_not_so_of_examples_that_have_left() {
    // Inside of the loop `%x` is below 1000, but the state of an example that has left it stays all the same.
    let text = "graph @grow(%x: i32[]) {
      %y = while(%x) {carried = 1} (
        graph(%x: i32[]) { %end = constant() {value = 1000:i32} %go = lt(%x, %end) return %go },
        graph(%x: i32[]) { %seven = constant() {value = 7:i32} %y = add(%x, %seven) return %y })
      return %y
    }";
    let batched = batch(&text.parse().expect("a graph"), 100, &[true]).expect("it batches").graph;
    check(&batched.to_string());
    let executable = Executable::compile(&batched, &CompileOptions::default()).expect("it compiles");
    assert_eq!(executable.program().kernels[0].grid[0].tile % 16, 0, "examples go in vectors");
}

#[test]
fn a_map_of_loops_is_a_kernel() {
    for examples in [1, 5, 33, 100] {
        let loop_of_one = COLLATZ.replace("graph @collatz", "graph");
        check(&format!(
            "graph @f(%x: i64[{examples}]) {{
               %top, %n = map(%x) {{mapped = 1, length = {examples}}} ({loop_of_one})
               return %top, %n
             }}"
        ));
    }
}

#[test]
fn memory_of_a_result_that_nobody_reads() {
    let all = counted("i32[20]", 40, &of_cell("%new = add(%old, %i)"));
    check(&all.replace("return %i, %y\n", "return %i\n"));
    // The array decides what else comes out.
    let ty = "%i: i32[], %s: i32[], %x: i32[20]";
    check(&format!(
        "graph @f(%x: i32[20]) {{
           %zero = constant() {{value = 0:i32}}
           %i, %s, %y = while(%zero, %zero, %x) {{carried = 3}} (
             graph({ty}) {{ %end = constant() {{value = 30:i32}} %c = lt(%i, %end) return %c }},
             graph({ty}) {{
               %one = constant() {{value = 1:i32}} %next = add(%i, %one)
               {}
               %sum = sub(%new, %s)
               return %next, %sum, %n
             }})
           return %s
         }}",
        of_cell("%new = add(%old, %i)").replace("reshape(%i)", "reshape(%s)")
    ));
}

#[test]
fn tables_are_read_by_loops() {
    let numbers: Vec<String> = (0..30).map(|k| (k * k % 17).to_string()).collect();
    let table = format!("%t = constant() {{value = i32[30] [{}]}}", numbers.join(", "));
    let body = of_cell("%entry = gather(%t, %at) WHERE %new = add(%old, %entry)").replace("WHERE", CELL);
    check(&counted("i32[25]", 40, &format!("{table} {body}")));
}
