//! Loops inside of bodies: how their instructions belong together, and which values differ from point to point.
//!
//! ```text
//! r3 = loop               // begins; its state variables come next
//! r4 = state r0           // r0 at first, then what `repeat` says; after the loop its last value
//! r5 = state r1
//! r6 = lt r4 r2
//! r7 = while r6           // leaves the loop unless r6 holds
//! r8 = add r4 r2
//! r9 = repeat r8 r5       // ends: the new state, in order
//! ```
//!
//! Loops nest. Of what is computed inside, only the state variables are known after the loop.
//!
//! Each point leaves by itself. Points that run together go on as long as one of them does, which makes no difference to those
//! that would have left, if their state is *frozen* where the test fails: `repeat` gives `select r6 .. r4`.

use smallvec::SmallVec;

use super::{Instr, Reg, Var};

/// A loop of a body: positions of its instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyLoop {
    /// The `loop`; state variables follow it.
    pub begin: usize,
    /// How many state variables there are.
    pub states: usize,
    /// The `while`.
    pub test: usize,
    /// The `repeat`.
    pub end: usize,
}

impl BodyLoop {
    /// The state variables.
    pub fn state(&self) -> impl Iterator<Item = usize> + use<> {
        self.begin + 1..self.begin + 1 + self.states
    }

    /// Whether the instruction is part of the loop.
    pub fn contains(&self, instr: usize) -> bool {
        (self.begin..=self.end).contains(&instr)
    }
}

/// The loops of a body, in the order of their ends, or the instruction where they do not fit together and why.
pub fn spans(body: &[Instr]) -> Result<Vec<BodyLoop>, (usize, &'static str)> {
    let mut open: SmallVec<[(usize, usize, Option<usize>); 4]> = SmallVec::new();
    let mut closed = Vec::new();
    for (i, instr) in body.iter().enumerate() {
        match instr {
            Instr::Loop => open.push((i, 0, None)),
            Instr::State(_) => match open.last_mut() {
                Some((begin, states, None)) if *begin + *states + 1 == i => *states += 1,
                _ => return Err((i, "state variables come first in a loop")),
            },
            Instr::While(_) => match open.last_mut() {
                Some((.., test @ None)) => *test = Some(i),
                _ => return Err((i, "a loop has one `while`")),
            },
            Instr::Repeat(next) => match open.pop() {
                Some((begin, states, Some(test))) if states == next.len() => {
                    closed.push(BodyLoop { begin, states, test, end: i });
                }
                Some((_, _, Some(_))) => {
                    return Err((i, "`repeat` gives each state variable its next value"));
                }
                _ => return Err((i, "`repeat` ends a loop that has a `while`")),
            },
            _ => {}
        }
    }
    match open.pop() {
        Some((begin, ..)) => Err((begin, "a loop ends")),
        None => Ok(closed),
    }
}

/// Whether the state of a loop stays as it is at each point where the test does not hold.
pub fn is_frozen(body: &[Instr], span: &BodyLoop) -> bool {
    let (Instr::While(holds), Instr::Repeat(next)) = (&body[span.test], &body[span.end]) else {
        return false;
    };
    span.state().zip(next).all(|(state, next)| {
        let keeps = |instr: &Instr| matches!(instr, Instr::Select(r, _, old) if r == holds && old.0 as usize == state);
        next.0 as usize == state || keeps(&body[next.0 as usize])
    })
}

/// For each instruction whether its value may differ from one index of the loop `inner` to another.
///
/// A state variable differs if its first or any later value does, which is found by going around until nothing changes.
pub fn varying(body: &[Instr], spans: &[BodyLoop], inner: Var) -> Vec<bool> {
    let mut varies = vec![false; body.len()];
    loop {
        let before = varies.clone();
        for (i, instr) in body.iter().enumerate() {
            varies[i] |= match instr {
                Instr::Load { index, .. } | Instr::Index { index, .. } => index.coefficient(inner) != 0,
                Instr::LoadAt { index, at, .. } => index.coefficient(inner) != 0 || is_set(&varies, *at),
                instr if !instr.has_value() => false,
                _ => instr.operands().iter().any(|reg| is_set(&varies, *reg)),
            };
        }
        for span in spans {
            let Instr::Repeat(next) = &body[span.end] else { continue };
            for (state, value) in span.state().zip(next) {
                varies[state] |= is_set(&varies, *value);
            }
        }
        if varies == before {
            return varies;
        }
    }
}

fn is_set(varies: &[bool], reg: Reg) -> bool {
    varies.get(reg.0 as usize).copied().unwrap_or(false)
}
