//! The program verifier: what makes a [`Program`] valid. The executor's unsafe code relies on it.
//!
//! 1. Each slot, kernel and input that is named exists, and an input has at most one slot.
//! 2. Each kernel is [valid](crate::kernel::verify()).
//! 3. A kernel is called with a slot for each param, of as many bytes. Its elements have the dtype of the param; where a slot is known as
//!    elements of another dtype, neither is bool. No kernel touches a list or a token.
//! 4. A slot that a kernel writes is the argument of one param.
//! 5. A routine that runs tile by tile, such as a product, stays within the slots of its operands and its result, which have its dtypes and none of which is its result. An operand
//!    is packed by a step, or by one around the region, for a routine that reads it in the same way, and takes as many bytes as the target
//!    says. What finishes the tiles of a routine has the same tiles and does not write to its operands; such a product has no loops
//!    around its batch.
//! 6. Each op accepts the types of its operands and gives those of its results. A slot has as many bytes as the type it is taken
//!    for, and holds a list or a token if that is one.
//! 7. The result of a step has the slot of an operand only if the op updates that operand in place, which is then no other operand. No two
//!    results have the same slot.
//! 8. Nothing writes to constants. The inputs that steps write to are those that the program says it overwrites, ascending, and each of
//!    them is an output.
//! 9. What a step reads is an input, a constant or has been written by an earlier step, unless it has no bytes.
//! 10. An output is an input, a constant or a slot of its own, which has been written; it has the bytes of its type. Slots of outputs are
//!     outputs.
//! 11. Each slot that a step touches has a place. Places in the arena are aligned and within it; what is the caller's or a
//!     constant has the bytes of its type.
//! 12. Slots in the arena that are needed at the same time do not overlap: from the first step that touches a slot to the last. Those of lists
//!     are needed all the time.
//! 13. A workspace is in the arena, large enough for the op with its regions, and is touched by no other step and in no other way.
//! 14. Inputs and outputs of regions are what the op says of its operands and results, and regions keep all these rules. They overwrite nothing
//!     but the state of a loop, in its body, where the new state takes the place of the old.
//! 15. The steps ahead are kernels and routines that read constants, inputs that last, and what others of them have written; what they write is in the arena or
//!     kept. Steps behind them read nothing of theirs but what is kept, and write to none of that. Places that are kept are aligned, apart, and within
//!     what is kept. Inputs that last are ascending, and none is overwritten. Regions keep nothing.
//!
//! That nothing needs the old value where a step updates an operand in place cannot be seen in a program: for that the stage that
//! shares memory compares the program [before and after](same_flow).

mod arena;
mod flow;
mod kept;
mod regions;
mod steps;

use std::fmt;

use tensorwright_ir::Type;

use super::{Place, Program, Step, Target, Tiled};
pub(crate) use flow::same_flow;

/// A rule that a program breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's number in the [module documentation](self).
    pub rule: u32,
    /// The regions that lead to the program, from the outermost: the step and the region's position.
    pub region: Vec<(usize, usize)>,
    /// The step, if the rule is about one.
    pub step: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, position) in &self.region {
            write!(f, "in region {position} of step {step}: ")?;
        }
        if let Some(step) = self.step {
            write!(f, "step {step}: ")?;
        }
        write!(f, "{} (rule {})", self.message, self.rule)
    }
}

/// A program that breaks rules: all that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProgram {
    /// At least one.
    pub violations: Vec<Violation>,
}

impl fmt::Display for InvalidProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid program")?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

impl std::error::Error for InvalidProgram {}

/// Checks all rules, in the program and in its regions.
///
/// # Errors
///
/// All violations, if there are any.
pub fn verify(program: &Program, target: &dyn Target) -> Result<(), InvalidProgram> {
    check(program, target, Placement::Required)
}

/// As [`verify`], between stages of lowering, before slots and workspaces have places: without the rules 11 to 13.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_unplaced(program: &Program, target: &dyn Target) -> Result<(), InvalidProgram> {
    check(program, target, Placement::Later)
}

/// Whether slots must have places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placement {
    Required,
    Later,
}

/// The routine, and which of its operands, that a slot is packed for.
type Packed<'p> = Option<(&'p Tiled, usize)>;

/// A program to be verified: the regions that lead to it, and what its inputs are packed for.
type Open<'p> = (&'p Program, Vec<(usize, usize)>, Vec<Packed<'p>>);

fn check(program: &Program, target: &dyn Target, placement: Placement) -> Result<(), InvalidProgram> {
    let mut violations = Vec::new();
    let mut open: Vec<Open<'_>> = vec![(program, Vec::new(), vec![None; program.inputs.len()])];
    while let Some((program, region, inputs)) = open.pop() {
        let mut verifier = Verifier::new(program, target, placement, region, &inputs);
        verifier.whole();
        open.extend(verifier.regions);
        violations.extend(verifier.violations);
    }
    if violations.is_empty() { Ok(()) } else { Err(InvalidProgram { violations }) }
}

/// Whether both are types of tensors, of lists or of tokens.
fn same_kind(a: &Type, b: &Type) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// The check of one program.
struct Verifier<'p> {
    program: &'p Program,
    target: &'p dyn Target,
    placement: Placement,
    region: Vec<(usize, usize)>,
    step: Option<usize>,
    /// For each slot whether a step has written it.
    written: Vec<bool>,
    /// What each slot is packed for.
    packed: Vec<Packed<'p>>,
    regions: Vec<Open<'p>>,
    violations: Vec<Violation>,
}

impl<'p> Verifier<'p> {
    fn new(
        program: &'p Program,
        target: &'p dyn Target,
        placement: Placement,
        region: Vec<(usize, usize)>,
        inputs: &[Packed<'p>],
    ) -> Verifier<'p> {
        let packed = program.slots.iter().map(|slot| match slot.place {
            Place::Input(input) => inputs.get(input).copied().flatten(),
            _ => None,
        });
        Verifier {
            program,
            target,
            placement,
            region,
            step: None,
            written: vec![false; program.slots.len()],
            packed: packed.collect(),
            regions: Vec::new(),
            violations: Vec::new(),
        }
    }

    fn complain(&mut self, rule: u32, message: impl Into<String>) {
        let (region, step) = (self.region.clone(), self.step);
        self.violations.push(Violation { rule, region, step, message: message.into() });
    }

    fn require(&mut self, holds: bool, rule: u32, message: impl FnOnce() -> String) {
        if !holds {
            self.complain(rule, message());
        }
    }

    fn whole(&mut self) {
        self.names();
        // What follows speaks of slots and kernels that exist.
        if !self.violations.is_empty() {
            return;
        }
        self.kernels();
        for (at, step) in self.program.steps.iter().enumerate() {
            self.step = Some(at);
            self.ahead(at, step);
            self.reads(step);
            self.one_step(step);
            self.writes(step);
        }
        self.step = None;
        self.kept();
        self.overwritten();
        self.outputs();
        self.contents();
        if self.placement == Placement::Required {
            self.places();
            self.lifetimes();
        }
    }

    /// Rule 1.
    fn names(&mut self) {
        let program = self.program;
        let mut slot_of = vec![None; program.inputs.len()];
        for (s, slot) in program.slots.iter().enumerate() {
            let Place::Input(input) = slot.place else { continue };
            match slot_of.get_mut(input) {
                Some(known @ None) => *known = Some(s),
                Some(Some(other)) => {
                    let message = format!("s{other} and s{s} are both input {input}");
                    self.complain(1, message);
                }
                None => self.complain(1, format!("s{s} is input {input}, which there is not")),
            }
        }
        for (at, step) in program.steps.iter().enumerate() {
            self.step = Some(at);
            step.slots().into_iter().for_each(|slot| self.slot_exists(slot));
            for call in step.calls() {
                self.require(call.kernel < program.kernels.len(), 1, || {
                    format!("there is no kernel k{}", call.kernel)
                });
            }
        }
        self.step = None;
        program.outputs.iter().for_each(|&(_, slot)| self.slot_exists(slot));
    }

    fn slot_exists(&mut self, slot: usize) {
        let exists = slot < self.program.slots.len();
        self.require(exists, 1, || format!("there is no slot s{slot}"));
    }

    /// Rule 2.
    fn kernels(&mut self) {
        for (k, kernel) in self.program.kernels.iter().enumerate() {
            if let Err(invalid) = crate::kernel::verify(kernel) {
                self.complain(2, format!("k{k}: {invalid}"));
            }
        }
    }

    /// Rule 9.
    fn reads(&mut self, step: &Step) {
        let program = self.program;
        for slot in self.well_called(step).then(|| program.read(step)).into_iter().flatten() {
            let known = matches!(program.slots[slot].place, Place::Input(_) | Place::Constant(_));
            let has_value = known || self.written[slot] || program.slots[slot].ty.bytes() == 0;
            self.require(has_value, 9, || format!("s{slot} is read, but was not written"));
        }
    }

    /// Rule 8, but for what inputs are overwritten for.
    fn writes(&mut self, step: &Step) {
        let program = self.program;
        for slot in self.well_called(step).then(|| program.written(step)).into_iter().flatten() {
            self.written[slot] = true;
            match program.slots[slot].place {
                Place::Constant(_) => self.complain(8, format!("s{slot} is written, but is a constant")),
                Place::Input(input) => {
                    let allowed = program.overwritten.contains(&input);
                    self.require(allowed, 8, || {
                        format!("s{slot} is written, but the program does not overwrite input {input}")
                    });
                }
                Place::Output | Place::Arena(_) | Place::Unplaced => {}
                Place::Kept(_) => {
                    let is_ahead = self.step.is_some_and(|at| at < program.ahead);
                    self.require(is_ahead, 15, || format!("s{slot} is written, but is kept"));
                }
            }
        }
    }

    /// Whether the kernels of the step are called with as many slots as they have params.
    fn well_called(&self, step: &Step) -> bool {
        step.calls().all(|call| self.program.kernels[call.kernel].params.len() == call.args.len())
    }

    /// Rule 8.
    fn overwritten(&mut self) {
        let program = self.program;
        let ascending = program.overwritten.windows(2).all(|pair| pair[0] < pair[1]);
        self.require(ascending, 8, || "the inputs that are overwritten are not in order".to_owned());
        for &input in &program.overwritten {
            let is_input = |slot: usize| matches!(program.slots[slot].place, Place::Input(i) if i == input);
            let is_written = (0..program.slots.len()).any(|slot| is_input(slot) && self.written[slot]);
            self.require(is_written, 8, || format!("input {input} is not overwritten"));
            let is_output = program.outputs.iter().any(|&(_, slot)| is_input(slot));
            self.require(is_output, 8, || format!("input {input} is overwritten, but is no output"));
        }
    }

    /// Rule 10.
    fn outputs(&mut self) {
        let program = self.program;
        let mut is_output = vec![false; program.slots.len()];
        for (position, (ty, slot)) in program.outputs.iter().enumerate() {
            is_output[*slot] = true;
            let known = &program.slots[*slot];
            let (found, expected) = (known.ty.bytes(), ty.bytes());
            self.require(found == expected && same_kind(&known.ty, ty), 10, || {
                format!("output {position} is a {ty}, but s{slot} holds a {}", known.ty)
            });
            match known.place {
                Place::Output => {
                    let written = self.written[*slot] || found == 0;
                    self.require(written, 10, || format!("output {position}, s{slot}, is not written"));
                }
                Place::Arena(_) | Place::Unplaced | Place::Kept(_) => {
                    self.complain(10, format!("output {position}, s{slot}, is no memory of an output"));
                }
                Place::Input(_) | Place::Constant(_) => {}
            }
        }
        for (s, slot) in program.slots.iter().enumerate() {
            let used = is_output[s] || !matches!(slot.place, Place::Output);
            self.require(used, 10, || format!("s{s} is memory of an output, but is none"));
        }
    }

    /// Rule 11, as far as it is about what slots hold.
    fn contents(&mut self) {
        let program = self.program;
        for (s, slot) in program.slots.iter().enumerate() {
            let held = match &slot.place {
                Place::Input(input) => program.inputs[*input].bytes(),
                Place::Constant(value) => value.bytes().len(),
                Place::Output | Place::Arena(_) | Place::Unplaced | Place::Kept(_) => continue,
            };
            self.require(held == slot.ty.bytes(), 11, || format!("s{s}: {} has {held} bytes", slot.ty));
        }
    }
}
