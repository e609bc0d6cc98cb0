//! Rules of computed places.

use super::super::range::Space;
use super::super::{Buffer, Instr, Loop, Var, loops};
use super::Verifier;

impl<'k> Verifier<'k> {
    /// Rules 14 and 15.
    pub(super) fn computed_places(&mut self, space: &Space<'_>, body: &Loop) {
        let is_computed = |instr: &Instr| matches!(instr, Instr::LoadAt { .. } | Instr::StoreAt { .. });
        if !body.body.iter().any(is_computed) {
            return;
        }
        let inner = Var::Dim(body.dims.len().saturating_sub(1) as u32);
        let varies = loops::varying(&body.body, &loops::spans(&body.body).unwrap_or_default(), inner);
        let one_point = body.dims.last().is_none_or(|&extent| space.longest(extent) <= 1);
        for instr in body.body.iter().filter(|instr| is_computed(instr)) {
            for reg in instr.operands() {
                self.require(!varies[reg.0 as usize], 14, || format!("{reg} differs from point to point"));
            }
            match *instr {
                Instr::LoadAt { buffer, at, .. } => {
                    self.require(one_point || !stores(body, buffer), 14, || {
                        format!("{buffer} is read at {at} while it is stored to")
                    });
                }
                Instr::StoreAt { buffer, ref index, value, .. } => {
                    let is_same = index.coefficient(inner) == 0;
                    self.require(is_same, 15, || format!("the index {index} differs from point to point"));
                    let alone = one_point && body.folds.is_empty();
                    self.require(alone, 15, || format!("several points store to {buffer}"));
                    let has_value = body.body[value.0 as usize].has_value();
                    self.require(has_value, 15, || format!("{value} has no value"));
                }
                _ => {}
            }
        }
    }
}

/// Whether a stage stores to a buffer.
fn stores(body: &Loop, buffer: Buffer) -> bool {
    let stored = body.stores.iter().map(|s| s.buffer).chain(body.folds.iter().map(|f| f.buffer));
    stored.chain(body.written()).any(|b| b == buffer)
}
