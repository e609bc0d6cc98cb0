//! The text form of programs: what prints parses back to the same program.
//!
//! ```text
//! program @f (f32[64,64], f32[64]) arena 16384 {
//!   s0: f32[64,64] = input 0
//!   s1: f32[64] = input 1, overwritten
//!   s2: f32[] = constant {value = f32[] 0.5}
//!   s3: f32[64,64] = arena +0
//!   s4: f32[64,64] = output
//!   k0 = kernel {
//!     ...
//!   }
//!   matmul f32->f32 rows 64 (64, 0, 64) columns 64 (0, 1, 1) depth 64 (1, 64, 0) s0, s0 -> s3 then k0(s3, s1)
//!   scatter {kind = add}(s3: f32[64,64], s5: i32[4], s1: f32[64]) -> (s3: f32[64,64]) @ "src/main.rs":12:8
//!   run k0(s3, s4)
//!   return s4: f32[64,64]
//! }
//! ```
//!
//! Slots come first, then kernels, then steps. A slot that has no place yet is `unplaced`. An input can be `lasting`, and memory `kept +0`: behind the arena then comes how much
//! is kept, and how many steps are ahead, as in `arena 16384 kept 4096 ahead 1`. `run` calls a kernel, `matmul` is a product
//! ([`Product`](super::Product) says how it reads) of operands some of which may be `packed`, `pack matmul` packs one ahead, `_` for each operand before it. Every other step is an op
//! with the slots of its operands and results and the types that it takes them for; control flow has a workspace and regions:
//!
//! ```text
//!   scan {carried = 1, scanned = 0, length = 8, reverse = false}(s0: f32[4]) -> (s1: f32[4]) in s2 (
//!     program @body (f32[4]) arena 0 {
//!       ...
//!     }
//!   )
//! ```

use std::fmt::{self, Display, Formatter, Write};

use tensorwright_ir::Type;
use tensorwright_ir::op::primitive::Constant;
use tensorwright_ir::text::{Style, print_location, print_op, quoted_name};

use super::{KernelCall, OperandForm, Place, Program, Step, TiledCall};

/// The program in the text form; a style that elides constants is for eyes only.
pub fn print(program: &Program, style: Style) -> String {
    let mut out = String::new();
    write_program(&mut out, program, style, 0);
    out
}

/// The whole program in the text form.
impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self, Style::default()))
    }
}

/// A step on one line, the regions of control flow by their names.
impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = Style { locations: false, elide: true };
        f.write_str(&step(self, style))?;
        let Step::Control(control) = self else { return Ok(()) };
        let names: Vec<String> = control.regions.iter().map(|region| format!("@{}", region.name)).collect();
        write!(f, " running {}", names.join(", "))
    }
}

impl Display for KernelCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "k{}({})", self.kernel, list(&self.args, |slot| format!("s{slot}")))
    }
}

fn write_program(out: &mut String, program: &Program, style: Style, depth: usize) {
    let name = quoted_name(&program.name);
    let inputs = list(&program.inputs, Type::to_string);
    let kept = match (program.kept_bytes, program.ahead) {
        (0, 0) => String::new(),
        (bytes, steps) => format!(" kept {bytes} ahead {steps}"),
    };
    line(out, depth, &format!("program @{name} ({inputs}) arena {}{kept} {{", program.arena_bytes));
    for (i, slot) in program.slots.iter().enumerate() {
        line(out, depth + 1, &format!("s{i}: {} = {}", slot.ty, place(program, &slot.place, style)));
    }
    for (i, kernel) in program.kernels.iter().enumerate() {
        lines(out, depth + 1, &format!("k{i} = {kernel}"));
    }
    for step in &program.steps {
        write_step(out, step, style, depth + 1);
    }
    let outputs = list(&program.outputs, |(ty, slot)| format!("s{slot}: {ty}"));
    line(out, depth + 1, format!("return {outputs}").trim_end());
    line(out, depth, "}");
}

fn place(program: &Program, place: &Place, style: Style) -> String {
    match place {
        Place::Input(i) if program.overwritten.contains(i) => format!("input {i}, overwritten"),
        Place::Input(i) if program.lasting.contains(i) => format!("input {i}, lasting"),
        Place::Input(i) => format!("input {i}"),
        Place::Constant(value) => print_op(&Constant { value: value.clone() }.into(), style),
        Place::Output => "output".to_owned(),
        Place::Arena(offset) => format!("arena +{offset}"),
        Place::Unplaced => "unplaced".to_owned(),
        Place::Kept(offset) => format!("kept +{offset}"),
    }
}

fn write_step(out: &mut String, step: &Step, style: Style, depth: usize) {
    let text = self::step(step, style);
    let Step::Control(control) = step else { return line(out, depth, &text) };
    line(out, depth, &format!("{text} ("));
    for (i, region) in control.regions.iter().enumerate() {
        if i > 0 {
            line(out, depth + 1, ",");
        }
        write_program(out, region, style, depth + 1);
    }
    line(out, depth, ")");
}

/// A step without its regions.
fn step(step: &Step, style: Style) -> String {
    let location = |location: &Option<tensorwright_ir::Location>| {
        let shown = location.as_ref().filter(|_| style.locations);
        shown.map_or_else(String::new, |location| format!(" {}", print_location(location)))
    };
    match step {
        Step::Kernel(call) => format!("run {call}"),
        Step::Pack { routine, operand, from, out } => {
            let others = "_, ".repeat(*operand);
            format!("pack {} {routine} {others}s{from} -> s{out}", routine.word())
        }
        Step::Tiled(call) => {
            let TiledCall { routine, operands, out, epilogue } = &**call;
            let operands = list(operands, |operand| match operand.form {
                OperandForm::Strided => format!("s{}", operand.slot),
                OperandForm::Packed => format!("packed s{}", operand.slot),
            });
            let then = epilogue.as_ref().map_or_else(String::new, |call| format!(" then {call}"));
            format!("{} {routine} {operands} -> s{out}{then}", routine.word())
        }
        Step::Routine { op, operands, operand_types, results, result_types, location: at } => format!(
            "{}{} -> {}{}",
            print_op(op, style),
            typed(operands, operand_types),
            typed(results, result_types),
            location(at)
        ),
        Step::List { op, operands, operand_types, results, result_types, location: at } => format!(
            "{}{} -> {}{}",
            print_op(op, style),
            typed(operands, operand_types),
            typed(results, result_types),
            location(at)
        ),
        Step::Control(c) => format!(
            "{}{} -> {} in s{}{}",
            print_op(&c.op, style),
            typed(&c.operands, &c.operand_types),
            typed(&c.results, &c.result_types),
            c.workspace,
            location(&c.location)
        ),
        Step::Effect { op, operands, operand_types, location: at } => {
            format!("{}{}{}", print_op(op, style), typed(operands, operand_types), location(at))
        }
    }
}

/// Slots with the types that an op takes them for.
fn typed(slots: &[usize], types: &[impl Display]) -> String {
    let pairs: Vec<_> = slots.iter().zip(types).collect();
    format!("({})", list(&pairs, |(slot, ty)| format!("s{slot}: {ty}")))
}

fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    items.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{:1$}{text}", "", 2 * depth);
}

fn lines(out: &mut String, depth: usize, text: &str) {
    text.lines().for_each(|text| line(out, depth, text));
}
