//! Rules of params between stages and between tiles.

use smallvec::SmallVec;

use super::super::range::{Space, Strip};
use super::super::{Access, Affine, Buffer, Extent, Instr, Span, TileStage, Var};
use super::Verifier;

/// Elements that a stage touches.
struct Touch<'k> {
    buffer: Buffer,
    index: Affine,
    space: Space<'k>,
    stores: bool,
}

/// Params between stages and between tiles.
impl<'k> Verifier<'k> {
    fn touches(&self, stage: &'k TileStage) -> Vec<Touch<'k>> {
        match stage {
            TileStage::Loop(body) => {
                let accesses = body.body.iter().filter_map(access);
                let stores = body.stores.iter().map(|s| (s.buffer, &s.index, 1, true));
                let folds = body.folds.iter().map(|f| (f.buffer, &f.index, 1, true));
                let touch = |(buffer, index, count, stores): (Buffer, &Affine, u64, bool)| Touch {
                    buffer,
                    // A computed place is any that a further loop goes through.
                    index: if count == 1 {
                        index.clone()
                    } else {
                        index.clone().plus(Var::Dim(body.dims.len() as u32), 1)
                    },
                    space: Space::new(self.kernel, &[&body.dims[..], &[Extent::Fixed(count)]].concat()),
                    stores,
                };
                accesses.chain(stores).chain(folds).map(touch).collect()
            }
            TileStage::Math(math) => {
                let strip = Strip::new(self.kernel, &math.dims);
                let spans = math.args.iter().map(|s| (s, false)).chain([(&math.out, true)]);
                let touch = |(span, stores): (&Span, bool)| Touch {
                    buffer: span.buffer,
                    index: strip.index(&span.start),
                    space: strip.space.clone(),
                    stores,
                };
                spans.map(touch).collect()
            }
        }
    }

    /// Rule 8.
    pub(super) fn params_between_stages(&mut self) {
        let mut stored: SmallVec<[Buffer; 8]> = SmallVec::new();
        for (number, stage) in self.kernel.stages.iter().enumerate() {
            self.stage = Some(number);
            let touches = self.touches(stage);
            stored.extend(touches.iter().filter(|t| t.stores).map(|t| t.buffer));
            for touch in touches {
                let Buffer::Param(i) = touch.buffer else { continue };
                match self.kernel.params[i as usize].access {
                    Access::Read => {
                        self.require(!touch.stores, 8, || format!("{} is only read", touch.buffer))
                    }
                    Access::Write => self.require(stored.contains(&touch.buffer), 8, || {
                        format!("{} is loaded before it is stored to", touch.buffer)
                    }),
                    Access::ReadWrite => {}
                }
            }
        }
        self.stage = None;
    }

    /// Rule 10.
    pub(super) fn params_between_tiles(&mut self) {
        if self.kernel.tiles() <= 1 {
            return;
        }
        let stages = self.kernel.stages.iter().enumerate();
        let all: Vec<(usize, Touch<'k>)> =
            stages.flat_map(|(n, stage)| self.touches(stage).into_iter().map(move |t| (n, t))).collect();
        for (stage, store) in all.iter().filter(|(_, t)| t.stores && matches!(t.buffer, Buffer::Param(_))) {
            self.stage = Some(*stage);
            for (_, other) in all.iter().filter(|(_, t)| t.buffer == store.buffer) {
                let apart = store.space.tiles_apart(&store.index, &other.space, &other.index);
                self.require(apart, 10, || {
                    format!(
                        "tiles may share elements of {}: [{}] and [{}]",
                        store.buffer, store.index, other.index
                    )
                });
            }
        }
        self.stage = None;
    }
}

/// The memory that an instruction touches: the buffer, the first element, how many, and whether it stores.
fn access(instr: &Instr) -> Option<(Buffer, &Affine, u64, bool)> {
    match instr {
        Instr::Load { buffer, index } => Some((*buffer, index, 1, false)),
        Instr::LoadAt { buffer, index, count, .. } => Some((*buffer, index, *count, false)),
        Instr::StoreAt { buffer, index, count, .. } => Some((*buffer, index, *count, true)),
        _ => None,
    }
}
