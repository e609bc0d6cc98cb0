//! Random loops that read and write cells of their state, against the evaluator: with branches and inner loops, indices out of range, old
//! versions of arrays, and memory that is given away.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::lower::Promises;
use tensorwright_compiler::program::Step;
use tensorwright_ir::op::Draw;
use tensorwright_ir::{Graph, Literal, Scalar};
use tensorwright_runtime::Executable;

const WHERE: &str = "offset_axes = [], collapsed = [0], batch = [], index_batch = [], indexed = [0]";

/// What a body works on: names of the values that are current.
#[derive(Clone)]
struct Env {
    counter: String,
    arrays: Vec<(String, usize)>,
    sum: String,
}

/// The text of a region as it grows.
struct Body<'a, 'd> {
    draw: &'a mut Draw<'d>,
    lines: String,
    names: usize,
    env: Env,
    /// Arrays as they were earlier.
    old: Vec<(String, usize)>,
}

impl Body<'_, '_> {
    fn value(&mut self, expression: &str) -> String {
        self.names += 1;
        let name = format!("%v{}", self.names);
        self.lines.push_str(&format!("{name} = {expression}\n"));
        name
    }

    fn number(&mut self, n: i64) -> String {
        self.value(&format!("constant() {{value = {n}:i64}}"))
    }

    /// An index for an array of `n`, at times out of range: any, or one near that of the run, in whichever dtype.
    fn index(&mut self, n: usize) -> String {
        let index = match self.draw.below(6) {
            0 => self.in_ring(n),
            1 => self.guarded(n),
            2 => self.behind_end(n),
            3 => return self.any(n),
            _ => return self.near(),
        };
        self.value(&format!("reshape({index}) {{shape = [1]}}"))
    }

    /// A place of a ring, near that of the run.
    fn in_ring(&mut self, n: usize) -> String {
        let (n, function) = (n as i64, self.draw.choose(&["rem", "floor_mod"]));
        let distance = self.draw.choose(&[-1, 1, n - 1, n, 1 - n]);
        let (distance, n) = (self.number(distance), self.number(n));
        let index = self.value(&format!("add({}, {distance})", self.env.counter.clone()));
        self.value(&format!("{function}({index}, {n})"))
    }

    /// The sum where it is a place, or nearly, else another one.
    fn guarded(&mut self, n: usize) -> String {
        let (limit, other) = ((n + self.draw.below(2)) as i64, self.draw.below(n) as i64);
        let (zero, limit, other) = (self.number(0), self.number(limit), self.number(other));
        let sum = self.env.sum.clone();
        let low = self.value(&format!("ge({sum}, {zero})"));
        let high = self.value(&format!("lt({sum}, {limit})"));
        let inside = self.value(&format!("and({low}, {high})"));
        self.value(&format!("select({inside}, {sum}, {other})"))
    }

    /// The sum, or the counter less a few, where negative numbers count from the end.
    fn behind_end(&mut self, n: usize) -> String {
        let (zero, n, few) = (self.number(0), self.number(n as i64), self.draw.below(4) as i64);
        let few = self.number(few);
        let index = match self.draw.flip() {
            true => self.value(&format!("sub({}, {few})", self.env.counter.clone())),
            false => self.env.sum.clone(),
        };
        let negative = self.value(&format!("lt({index}, {zero})"));
        let more = self.value(&format!("add({index}, {n})"));
        self.value(&format!("select({negative}, {more}, {index})"))
    }

    fn any(&mut self, n: usize) -> String {
        let (factor, modulus) = (self.draw.below(7) as i64 - 2, (n + self.draw.below(4)) as i64);
        let (factor, modulus) = (self.number(factor), self.number(modulus));
        let from = if self.draw.flip() { self.env.sum.clone() } else { self.env.counter.clone() };
        let product = self.value(&format!("mul({from}, {factor})"));
        let index = self.value(&format!("rem({product}, {modulus})"));
        self.value(&format!("reshape({index}) {{shape = [1]}}"))
    }

    fn near(&mut self) -> String {
        let (function, distance) = (self.draw.choose(&["add", "sub"]), self.draw.below(3) as i64);
        let dtype = self.draw.choose(&["i64", "i64", "i32", "u64", "u8"]);
        let counter = self.value(&format!("cast({}) {{dtype = {dtype}}}", self.env.counter.clone()));
        let distance = self.value(&format!("constant() {{value = {distance}:{dtype}}}"));
        let index = self.value(&format!("{function}({counter}, {distance})"));
        let index =
            self.value(&format!("cast({index}) {{dtype = {}}}", if dtype == "u8" { "i32" } else { dtype }));
        self.value(&format!("reshape({index}) {{shape = [1]}}"))
    }

    /// A division by a constant.
    fn divide(&mut self) {
        let function = self.draw.choose(&["div", "rem", "floordiv", "floor_mod"]);
        let divisor = self.draw.choose(&[-7, -1, 0, 1, 2, 3, 8, 10]);
        let divisor = self.number(divisor);
        let of = if self.draw.flip() { self.env.sum.clone() } else { self.env.counter.clone() };
        let quotient = self.value(&format!("{function}({of}, {divisor})"));
        self.env.sum = self.value(&format!("add({}, {quotient})", self.env.sum.clone()));
    }

    fn read(&mut self) {
        let all = [&self.env.arrays[..], &self.old].concat();
        let (array, n) = all[self.draw.below(all.len())].clone();
        let at = self.index(n);
        let element = match self.draw.below(3) {
            0 if n > 1 => {
                let pair = self.value(&format!("dynamic_slice({array}, {at}) {{sizes = [2]}}"));
                self.value(&format!("reduce({pair}) {{kind = sum, axes = [0]}}"))
            }
            _ => self.value(&format!("gather({array}, {at}) {{{WHERE}, sizes = [1]}}")),
        };
        let function = self.draw.choose(&["add", "xor", "sub", "maximum"]);
        let sum = self.env.sum.clone();
        self.env.sum = self.value(&format!("{function}({sum}, {element})"));
    }

    fn write(&mut self) {
        let which = self.draw.below(self.env.arrays.len());
        let (array, n) = self.env.arrays[which].clone();
        let at = self.index(n);
        let sum = self.env.sum.clone();
        let updated = match self.draw.below(4) {
            0 => {
                let kind = self.draw.choose(&["set", "add", "mul", "min", "max"]);
                self.value(&format!("scatter({array}, {at}, {sum}) {{kind = {kind}, {WHERE}}}"))
            }
            1 => self.set_inside(&array, n),
            2 if n > 2 => {
                let pair = self.value(&format!("broadcast_in_dim({sum}) {{shape = [2], axes = []}}"));
                self.value(&format!("dynamic_update_slice({array}, {pair}, {at})"))
            }
            _ => {
                let cell = self.value(&format!("reshape({sum}) {{shape = [1]}}"));
                self.value(&format!("dynamic_update_slice({array}, {cell}, {at})"))
            }
        };
        if self.draw.below(12) == 11 {
            self.old.push(self.env.arrays[which].clone());
        }
        self.env.arrays[which].0 = updated;
    }

    /// An array with a cell that is set if there is one at the place.
    fn set_inside(&mut self, array: &str, n: usize) -> String {
        let (at, sum) = (self.behind_end(n), self.env.sum.clone());
        let (zero, last) = (self.number(0), self.number(n as i64 - 1));
        let low = self.value(&format!("ge({at}, {zero})"));
        let high = self.value(&format!("le({at}, {last})"));
        let inside = self.value(&format!("and({low}, {high})"));
        let [at, sum, inside] =
            [at, sum, inside].map(|scalar| self.value(&format!("reshape({scalar}) {{shape = [1]}}")));
        let old = self.value(&format!("dynamic_slice({array}, {at}) {{sizes = [1]}}"));
        let new = self.value(&format!("select({inside}, {sum}, {old})"));
        self.value(&format!("dynamic_update_slice({array}, {new}, {at})"))
    }

    fn operands(&self) -> String {
        let arrays = self.env.arrays.iter().map(|(name, _)| format!("{name}, "));
        format!("{}{}, {}", arrays.collect::<String>(), self.env.sum, self.env.counter)
    }

    fn region(&mut self, depth: usize) -> String {
        region(self.draw, &self.env.arrays, depth)
    }

    /// Results that take the place of arrays and sum.
    fn results(&mut self, first: &[&str]) -> String {
        let mut names: Vec<String> = first.iter().map(|&name| name.to_owned()).collect();
        for (name, _) in &mut self.env.arrays {
            self.names += 1;
            *name = format!("%v{}", self.names);
            names.push(name.clone());
        }
        self.names += 1;
        self.env.sum = format!("%v{}", self.names);
        names.push(self.env.sum.clone());
        names.join(", ")
    }

    fn branch(&mut self, depth: usize) {
        let limit = self.draw.below(5) as i64;
        let limit = self.number(limit);
        let holds = self.value(&format!("gt({}, {limit})", self.env.sum.clone()));
        let (operands, regions) = (self.operands(), [self.region(depth), self.region(depth)]);
        let results = self.results(&[]);
        self.lines
            .push_str(&format!("{results} = if({holds}, {operands}) ({}, {})\n", regions[0], regions[1]));
    }

    fn inner_loop(&mut self, depth: usize) {
        let (zero, one, end) = (self.number(0), self.number(1), self.draw.below(9) as i64);
        let (operands, region) = (self.operands(), self.region(depth));
        let (carried, taken) = (self.env.arrays.len() + 2, taken(&self.env.arrays));
        let named = |letter: char| {
            let names = (0..carried - 2).map(|k| format!("%{letter}{k}"));
            names.collect::<Vec<String>>().join(", ")
        };
        let (before, after, index) = (named('a'), named('b'), format!("%k{}", self.names));
        let results = self.results(&[&index]);
        self.lines.push_str(&format!(
            "{results} = while({zero}, {operands}, {one}) {{carried = {carried}}} (
               graph(%k: i64[], {taken}, %one: i64[]) {{
                 %end = constant() {{value = {end}:i64}} %c = lt(%k, %end) return %c
               }},
               graph(%k: i64[], {taken}, %one: i64[]) {{
                 {after}, %t = call({before}, %s, %k) {{name = \"inner\"}} ({region})
                 %next = add(%k, %one)
                 return %next, {after}, %t
               }})\n"
        ));
    }

    /// A loop over slices that stacks others, of which one is read.
    fn inner_scan(&mut self, depth: usize) {
        let length = self.draw.choose(&[1, 3, 20]);
        let reverse = self.draw.flip();
        let slices = self.value(&format!("iota() {{dtype = i64, shape = [{length}], axis = 0}}"));
        let (operands, region) = (self.operands(), self.region(depth));
        let operands = operands.trim_end_matches(&self.env.counter).to_owned();
        let (arrays, taken) = (self.env.arrays.len(), taken(&self.env.arrays));
        let names =
            |letter: char| (0..arrays).map(|k| format!("%{letter}{k}")).collect::<Vec<String>>().join(", ");
        let (before, after, stack) = (names('a'), names('b'), format!("%stack{}", self.names));
        let results = self.results(&[]);
        self.lines.push_str(&format!(
            "{results}, {stack} = scan({operands}{slices}) {{carried = {}, scanned = 1, length = {length}, reverse = {reverse}}} (
               graph({taken}) {{
                 {after}, %t = call({before}, %s, %i) {{name = \"run\"}} ({region})
                 %y = add(%t, %i)
                 return {after}, %t, %y
               }})\n",
            arrays + 1,
        ));
        let at = self.index(length);
        let element = self.value(&format!("gather({stack}, {at}) {{{WHERE}, sizes = [1]}}"));
        self.env.sum = self.value(&format!("xor({}, {element})", self.env.sum.clone()));
    }

    fn statements(&mut self, depth: usize) {
        for _ in 0..1 + self.draw.below(4) {
            match self.draw.below(10) {
                6 if depth > 0 => self.branch(depth - 1),
                7 if depth > 0 => self.inner_loop(depth - 1),
                8 if depth > 0 => self.inner_scan(depth - 1),
                9 => self.divide(),
                0..=2 => self.read(),
                _ => self.write(),
            }
        }
    }
}

/// `%a0: i64[3], .., %s: i64[], %i: i64[]`.
fn taken(arrays: &[(String, usize)]) -> String {
    let arrays = arrays.iter().enumerate().map(|(k, (_, n))| format!("%a{k}: i64[{n}], "));
    format!("{}%s: i64[], %i: i64[]", arrays.collect::<String>())
}

/// A region from arrays, sum and counter to arrays and sum.
fn region(draw: &mut Draw<'_>, arrays: &[(String, usize)], depth: usize) -> String {
    let names = arrays.iter().enumerate().map(|(k, &(_, n))| (format!("%a{k}"), n)).collect();
    let env = Env { counter: "%i".to_owned(), arrays: names, sum: "%s".to_owned() };
    let mut body = Body { draw, lines: String::new(), names: 0, env, old: Vec::new() };
    body.statements(depth);
    let given: Vec<String> = body.env.arrays.iter().map(|(name, _)| name.clone()).collect();
    format!("graph({}) {{\n{}return {}, {}\n}}", taken(arrays), body.lines, given.join(", "), body.env.sum)
}

/// A loop over two arrays and a sum.
fn random_loop(draw: &mut Draw<'_>) -> Graph {
    let sizes = [1, 3, 6, 16, 17, 40];
    let arrays: Vec<(String, usize)> = (0..2).map(|k| (format!("%x{k}"), draw.choose(&sizes))).collect();
    let body = region(draw, &arrays, 2);
    let (n, m) = (arrays[0].1, arrays[1].1);
    let taken = format!("%i: i64[], %a0: i64[{n}], %a1: i64[{m}], %s: i64[]");
    let text = format!(
        "graph @f(%x0: i64[{n}], %x1: i64[{m}], %sum: i64[]) {{
           %zero = constant() {{value = 0:i64}}
           %i, %a0, %a1, %s = while(%zero, %x0, %x1, %sum) {{carried = 4}} (
             graph({taken}) {{ %end = constant() {{value = 9:i64}} %c = lt(%i, %end) return %c }},
             graph({taken}) {{
               %one = constant() {{value = 1:i64}}
               %next = add(%i, %one)
               %b0, %b1, %t = call(%a0, %a1, %s, %i) {{name = \"body\"}} ({body})
               return %next, %b0, %b1, %t
             }})
           return %a0, %a1, %s
         }}"
    );
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn numbers(graph: &Graph) -> Vec<Literal> {
    let literal = |ty: &tensorwright_ir::Type| {
        Literal::from_fn(ty.tensor().clone(), |i| Scalar::I64((i as i64 * 37 + 11) % 23 - 5))
    };
    graph.input_types().iter().map(literal).collect()
}

#[test]
fn random_loops_give_what_the_evaluator_gives() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut native = 0;
    for case in 0..300 {
        let choices: Vec<u32> = (0..600)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u32
            })
            .collect();
        let graph = random_loop(&mut Draw::new(&choices));
        let inputs = numbers(&graph);
        let expected = tensorwright_ir::eval::evaluate(&graph, &inputs).expect("it evaluates");
        let pairs = [(0, 0), (1, 1), (2, 2)];
        let options = CompileOptions::default();
        let executable =
            Executable::compile_promised(&graph, &options, &Promises::donated(&pairs)).expect("it compiles");
        let found = executable.run_donating_literals(&inputs, 2).expect("it runs");
        assert_eq!(found, expected, "case {case}\n{graph}\n{}", executable.program());
        let mut steps = executable.program().steps.iter();
        native += usize::from(!steps.any(|step| matches!(step, Step::Control(_))));
    }
    assert!(native >= 200, "{native} of 300 loops are kernels");
}
