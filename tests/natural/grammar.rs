//! Programs out of a small grammar: nested branches and loops with `break`, `continue` and `return`.
//!
//! The macro needs source, so programs are generated as source: the files of `generated/` are what the grammar gives for a fixed seed, and are
//! checked in, so that a failure can be read. A test compares; with `UPDATE_EXPECT=1` it writes the files instead. Each loop counts its iterations,
//! and stops after a few.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// The files: how deep their programs nest, and how many there are.
const FILES: [(&str, u32, usize); 2] = [("shallow", 2, 20), ("deep", 3, 10)];

#[derive(Clone, Debug)]
enum Stmt {
    Assign(bool, u8),
    If(u8, Vec<Stmt>, Option<Vec<Stmt>>),
    While(u8, Vec<Stmt>),
    Break(u8),
    Continue(u8),
    Return(u8),
}

fn stmts(depth: u32) -> BoxedStrategy<Vec<Stmt>> {
    let assign = (any::<bool>(), 0u8..6).prop_map(|(is_a, k)| Stmt::Assign(is_a, k));
    let jump = |kind: fn(u8) -> Stmt| (0u8..8).prop_map(kind);
    let leaf = prop_oneof![
        4 => assign,
        1 => jump(Stmt::Break),
        1 => jump(Stmt::Continue),
        1 => jump(Stmt::Return),
    ];
    if depth == 0 {
        return prop::collection::vec(leaf, 1..3).boxed();
    }
    let choice = (0u8..8, stmts(depth - 1), prop::option::of(stmts(depth - 1)));
    let choice = choice.prop_map(|(c, then, otherwise)| Stmt::If(c, then, otherwise));
    let repeat = (2u8..5, stmts(depth - 1)).prop_map(|(times, body)| Stmt::While(times, body));
    prop::collection::vec(prop_oneof![2 => leaf, 2 => choice, 2 => repeat], 1..4).boxed()
}

fn condition(k: u8) -> String {
    let conditions = [
        "a > b",
        "a < 3.0",
        "b >= 1.0",
        "a + b > 4.0",
        "a != 2.0",
        "!(b > 2.5)",
        "a > 0.0 && b < 8.0",
        "a < 0.0 || b > 1.0",
    ];
    conditions[usize::from(k) % conditions.len()].replace("a + b", "&a + &b")
}

/// Prints programs; loops are numbered.
struct Printer {
    text: String,
    loops: usize,
    nesting: usize,
    indent: usize,
}

impl Printer {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "    ".repeat(self.indent));
    }

    fn block(&mut self, head: &str, body: &[Stmt]) {
        self.line(head);
        self.indent += 1;
        body.iter().for_each(|stmt| self.stmt(stmt));
        self.indent -= 1;
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Assign(is_a, k) => {
                let (to, other) = if *is_a { ("a", "b") } else { ("b", "a") };
                let values = ["&O + 1.0", "&T * 0.5", "&T - &O", "&T + 0.25", "-&O", "&T * &O - 1.0"];
                let value = values[usize::from(*k)].replace('O', other).replace('T', to);
                self.line(&format!("{to} = {value};"));
            }
            Stmt::If(c, then, otherwise) => {
                self.block(&format!("if {} {{", condition(*c)), then);
                if let Some(otherwise) = otherwise {
                    self.block("} else {", otherwise);
                }
                self.line("}");
            }
            Stmt::While(times, body) => {
                let i = format!("i{}", self.loops);
                self.loops += 1;
                self.line(&format!("let mut {i} = &x * 0.0;"));
                self.line(&format!("while {i} < {times}.0 {{"));
                self.nesting += 1;
                self.indent += 1;
                self.line(&format!("{i} += 1.0;"));
                body.iter().for_each(|stmt| self.stmt(stmt));
                self.indent -= 1;
                self.nesting -= 1;
                self.line("}");
            }
            Stmt::Break(c) if self.nesting > 0 => self.jump(*c, "break;"),
            Stmt::Continue(c) if self.nesting > 0 => self.jump(*c, "continue;"),
            Stmt::Break(c) | Stmt::Continue(c) | Stmt::Return(c) => self.jump(*c, "return &a * 10.0 + &b;"),
        }
    }

    fn jump(&mut self, c: u8, jump: &str) {
        self.line(&format!("if {} {{ {jump} }}", condition(c)));
    }
}

fn generated(depth: u32, count: usize) -> String {
    let mut runner = TestRunner::deterministic();
    let mut printer = Printer { text: String::new(), loops: 0, nesting: 0, indent: 1 };
    let _ = writeln!(
        printer.text,
        "//! Programs of depth {depth} out of `grammar.rs`, which explains them. Not written by hand.\n\nprograms! {{"
    );
    for number in 0..count {
        let program = stmts(depth).new_tree(&mut runner).expect("the grammar gives programs").current();
        printer.loops = 0;
        printer.line(&format!("generated_{number}(x, y) {{"));
        printer.indent += 1;
        printer.line("let mut a = x.clone();");
        printer.line("let mut b = y.clone();");
        program.iter().for_each(|stmt| printer.stmt(stmt));
        printer.line("a + b * 2.0");
        printer.indent -= 1;
        printer.line("} on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]\n");
    }
    printer.text.push_str("}\n");
    printer.text
}

#[test]
fn the_programs_are_those_of_the_grammar() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/natural/generated");
    for (name, depth, count) in FILES {
        let (path, text) = (folder.join(format!("{name}.rs")), generated(depth, count));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &text).expect("the file is writable");
        }
        let found = std::fs::read_to_string(&path).expect("the file is there");
        assert!(found == text, "{name}.rs is not what grammar.rs gives; run with UPDATE_EXPECT=1");
    }
}
