//! No text makes the parser panic, hang or take unbounded memory; and what parses prints, parses again and verifies.
//!
//! The small run is an ordinary test. The large one: `cargo run --release -p tensorwright-soak -- texts`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tensorwright_ir::op::{Draw, OpKind, Random};
use tensorwright_ir::text::{self, MAX_FILL_BYTES, Style};
use tensorwright_ir::{Builder, DType, Literal, Op, Scalar, TensorType, verify};

/// Knows how much memory this thread holds, and held at most.
struct Measuring;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: all calls go to the system allocator unchanged.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static MEASURING: Measuring = Measuring;

fn choose<'a, T: ?Sized>(random: &mut Random, items: &[&'a T]) -> &'a T {
    items[random.below(items.len())]
}

const TOKENS: [&str; 70] = [
    "graph",
    "return",
    "@",
    "@f",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "->",
    "%x",
    "%y",
    "%0",
    "%1",
    "%2",
    "%3",
    "%\"a\"",
    "%x#1",
    "\"s\"",
    "\"\\u{41}\"",
    "// c\n",
    "\n",
    "f32[4]",
    "f32[]",
    "f32[2,3]",
    "f32",
    "i8",
    "bool",
    "nan",
    "nan:0x7fc00001",
    "inf",
    "-inf",
    "true",
    "axes",
    "kind",
    "sum",
    "shape",
    "value",
    "blob(64, 0)",
    "reduce",
    "reshape",
    "neg",
    "add",
    "constant",
    "iota",
    "cast",
    "dtype",
    "axis",
    "%z = neg(%x)",
    "{axes = [0]}",
    ": f32[4]",
    "1.5:f32",
    "graph(%x: f32[4]) {",
    "return %x }",
    "%x: f32[4]",
    "()",
    "[[[[",
    "é",
    "while",
    "scan",
    "call",
    "{name = \"f\"} (",
    "{carried = 1} (",
    "if(%x) (graph(%x: f32[4]) { return %x },",
    "%t: token",
    "print(%t) {format = \"{}\"}",
];

const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "-2",
    "32",
    "33",
    "64",
    "65",
    "255",
    "4294967295",
    "4294967296",
    "1000000000000",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "1e400",
    "0x7fffffffffffffff",
    "1000000",
    "170141183460469231731687303715884105727",
];

/// Texts to start from.
struct Corpus {
    texts: Vec<String>,
    weights: Vec<u8>,
    names: Vec<&'static str>,
}

impl Corpus {
    fn new() -> Corpus {
        let kinds = Op::kinds();
        let mut texts: Vec<String> =
            kinds.iter().flat_map(|kind| (0..3).map(|seed| sample(*kind, seed))).collect();
        let mut b = Builder::new("weights");
        let elements = Literal::from_fn(TensorType::new(DType::F32, [10, 10]), |i| Scalar::F32(i as f32));
        let (w, x) = (b.literal(elements), b.input(TensorType::new(DType::F32, [10, 10])));
        let y = b.add(w, x).expect("two equal types");
        let (text, weights) = text::print_with_weights(&b.finish(&[y]));
        texts.extend([text, REGIONS.to_owned(), FILLED.to_owned()]);
        let loose: Vec<String> = texts.iter().map(|text| without_annotations(text)).collect();
        texts.extend(loose);
        let names = kinds
            .iter()
            .flat_map(|kind| [kind.name].into_iter().chain(kind.attributes.iter().copied()))
            .collect();
        Corpus { texts, weights: weights.into_bytes(), names }
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        match random.below(20) {
            0 => (0..random.below(300)).map(|_| random.bits() as u8).collect(),
            1 => (0..random.below(300)).map(|_| 32 + random.below(96) as u8).collect(),
            2 => (0..random.below(60))
                .flat_map(|_| [choose(random, &TOKENS), " "])
                .collect::<String>()
                .into_bytes(),
            3 | 4 => self.truncated(random),
            5 => [self.truncated(random), self.truncated(random)].concat(),
            6 | 7 => self.flipped(random),
            _ => self.edited(random),
        }
    }

    fn text(&self, random: &mut Random) -> &str {
        &self.texts[random.below(self.texts.len())]
    }

    fn truncated(&self, random: &mut Random) -> Vec<u8> {
        let text = self.text(random).as_bytes();
        let (a, b) = (random.below(text.len()), random.below(text.len() + 1));
        if random.below(2) == 0 { text[..b].to_vec() } else { text[a.min(b)..].to_vec() }
    }

    /// Some bytes changed, taken out or doubled.
    fn flipped(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.text(random).as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.bits() as u8,
                2 => bytes.insert(at, bytes[at]),
                _ => drop(bytes.drain(at..(at + 1 + random.below(8)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                break;
            }
        }
        bytes
    }

    /// Some words replaced, mostly by others of the same kind.
    fn edited(&self, random: &mut Random) -> Vec<u8> {
        let text = self.text(random);
        let mut words = words(text);
        for _ in 0..=random.below(3) {
            let plain = |word: &str| word.starts_with(|c: char| c.is_ascii_alphanumeric());
            let mut at = random.below(words.len());
            while random.below(8) != 0 && !plain(words[at]) {
                at = (at + 1) % words.len();
            }
            match random.below(16) {
                0 => drop(words.remove(at)),
                1 => words.insert(at, choose(random, &TOKENS)),
                2 => words[at] = words[random.below(words.len())],
                _ => words[at] = self.similar(words[at], random),
            }
        }
        words.concat().into_bytes()
    }

    fn similar<'a>(&self, word: &'a str, random: &mut Random) -> &'a str {
        match word.as_bytes()[0] {
            b'0'..=b'9' if random.below(4) == 0 => choose(random, &NUMBERS),
            b'0'..=b'9' => choose(random, &["0", "1", "2", "3", "4", "5"]),
            _ if word.parse::<DType>().is_ok() => choose(random, &DType::REAL.map(DType::name)),
            b'a'..=b'z' => choose(random, &self.names),
            _ => choose(random, &TOKENS),
        }
    }
}

const FILLED: &str = "graph @f() { %0 = constant() {value = f32[5, 2] 0.0} return %0 }";

const REGIONS: &str = "graph @f(%x: f32[4]) -> (f32[4]) {
  %y = reshape(%x) {shape = [4]} (graph @a(%x: f32[4]) { return %x }, graph @b() { return }) : f32[4] @ \"f.rs\":1:2
  return %y
}";

/// A text that uses one op.
fn sample(kind: OpKind, seed: u64) -> String {
    let mut random = Random::new(seed + 1);
    let choices = random.choices(64);
    let sample = kind.sample(&mut Draw::new(&choices), &TensorType::new(DType::F32, [2, 3]).into());
    let mut b = Builder::new(kind.name);
    let operands: Vec<_> = sample.operands.iter().map(|operand| b.input(operand.ty.clone())).collect();
    let results = b.push_with_regions(sample.op, &operands, sample.regions).expect("samples are accepted");
    b.finish(&results).to_string()
}

/// The text without result types, so that a change of an operand's type can be a graph again.
fn without_annotations(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once(" : ") {
        Some((statement, _)) => format!("{statement}\n"),
        None => match (line.split_once(" -> "), line.ends_with('{')) {
            (Some((head, _)), true) => format!("{head} {{\n"),
            _ => format!("{line}\n"),
        },
    };
    text.lines().map(line).collect()
}

/// Runs of letters and digits, and the characters between them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let len = if word(first) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        words.push(&rest[..len]);
        rest = &rest[len..];
    }
    words
}

/// Whether the input is a graph. Panics if it is one that does not verify or does not round-trip.
fn check(input: &[u8], weights: &[u8]) -> bool {
    let Ok(graph) = text::parse_bytes(input, Some(weights)) else { return false };
    verify(&graph).unwrap_or_else(|found| panic!("{found}"));
    let printed = text::print(&graph, Style::default());
    let again = text::parse(&printed).unwrap_or_else(|error| panic!("{error}\nin\n{printed}"));
    assert_eq!(again, graph, "{printed}");
    true
}

/// Checks `count` inputs and returns how many were graphs.
pub(crate) fn run(seed: u64, count: u64) -> u64 {
    let corpus = Corpus::new();
    let (mut accepted, mut slowest, mut largest) = (0, Duration::ZERO, 0);
    for index in seed..seed + count {
        let input = corpus.input(&mut Random::new(index.wrapping_mul(0x2545_f491_4f6c_dd1d)));
        let shown = String::from_utf8_lossy(&input).into_owned();
        let (before, start) = (HELD.get(), Instant::now());
        PEAK.set(before);
        let result = catch_unwind(AssertUnwindSafe(|| check(&input, &corpus.weights)));
        let (took, peak) = (start.elapsed(), PEAK.get() - before);
        accepted += u64::from(result.unwrap_or_else(|_| panic!("input {index} panics:\n{shown}")));
        assert!(took < Duration::from_secs(2), "input {index} takes {took:?}:\n{shown}");
        // The graph, its text, and the graph again; and what filled tensors take.
        let limit = (4 << 20) + 3 * MAX_FILL_BYTES + 400 * input.len();
        assert!(peak <= limit as isize, "input {index} takes {peak} bytes:\n{shown}");
        (slowest, largest) = (slowest.max(took), largest.max(peak));
    }
    println!("{count} inputs, {accepted} of them graphs, slowest {slowest:?}, at most {largest} bytes");
    accepted
}

#[test]
fn no_input_breaks_the_parser() {
    assert!(run(0, 3_000) > 100, "some inputs must be graphs, or the test sees only first errors");
}
