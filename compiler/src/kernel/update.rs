//! Kernels that update memory in place: what was a param to read and one to write becomes one.

use super::{Access, Buffer, Extent, Instr, Kernel, TileStage, verify};

impl Kernel {
    /// The kernel that writes over what it reads: with param `written`, which takes the place of param `read`. None if that could
    /// change a result.
    ///
    /// Tiles must not touch each other's elements, which the verifier knows. Within a tile, whatever reads old elements
    /// comes before they are stored: stages before the only one that stores them, or a load of the same element in that
    /// stage, which stores each element once. If the first stage that touches new elements copies the old ones, the copy is left out.
    pub fn updating(&self, read: usize, written: usize) -> Option<Kernel> {
        let (old, new) = (&self.params[read], &self.params[written]);
        let is_pair = old.access == Access::Read && new.access == Access::Write;
        if !is_pair || (old.dtype, old.len) != (new.dtype, new.len) {
            return None;
        }
        let (old, new) = (Buffer::Param(read as u32), Buffer::Param(written as u32));
        if let Some(copy) = self.copy(old, new) {
            let mut kernel = self.clone();
            kernel.stages.remove(copy);
            return kernel.with_one_param(read, written);
        }
        let mut stores = (0..self.stages.len()).filter(|&at| self.stages[at].stores(new));
        let (Some(at), None) = (stores.next(), stores.next()) else { return None };
        let is_read_later = self.stages[at + 1..].iter().any(|stage| stage.reads(old));
        if is_read_later || !self.stores_each_once(at, new, self.params[written].len) {
            return None;
        }
        self.stages[at].reads_only_where_it_stores(old, new).then(|| self.with_one_param(read, written))?
    }

    /// Pairs of a param that a stage copies and the one that it copies it to: memory that the stages behind it change.
    pub(crate) fn copies(&self) -> Vec<(usize, usize)> {
        let copied = |stage: &TileStage| match stage.copied()? {
            (Buffer::Param(from), Buffer::Param(to)) => Some((from as usize, to as usize)),
            _ => None,
        };
        self.stages.iter().filter_map(copied).collect()
    }

    /// The stage that copies all of `old` to `new`, before which nothing else is there, and behind which nothing reads `old`.
    fn copy(&self, old: Buffer, new: Buffer) -> Option<usize> {
        let at = self.stages.iter().position(|stage| stage.stores(new))?;
        let is_copy = self.stages[at].copied() == Some((old, new));
        let is_read_later = self.stages[at + 1..].iter().any(|stage| stage.reads(old));
        let len = self.len(new);
        (is_copy && !is_read_later && self.stores_each_once(at, new, len)).then_some(at)
    }

    fn with_one_param(&self, read: usize, written: usize) -> Option<Kernel> {
        let mut kernel = self.clone();
        kernel.params[written].access = Access::ReadWrite;
        kernel.params.remove(read);
        let (read, written) = (read as u32, written as u32);
        let moved = |param: u32| if param > read { param - 1 } else { param };
        let rename = |buffer: Buffer| match buffer {
            Buffer::Param(param) if param == read => Buffer::Param(moved(written)),
            Buffer::Param(param) => Buffer::Param(moved(param)),
            local => local,
        };
        kernel.stages.iter_mut().for_each(|stage| stage.rename_buffers(&rename));
        verify(&kernel).is_ok().then_some(kernel)
    }

    /// Whether a stage of all tiles stores to a buffer as often as it has elements. It stores all of them, so it stores each once.
    fn stores_each_once(&self, at: usize, buffer: Buffer, len: u64) -> bool {
        let (dims, stores) = match &self.stages[at] {
            TileStage::Loop(l) if l.folded == 0 && l.written().all(|written| written != buffer) => {
                (&l.dims, l.stores.iter().filter(|store| store.buffer == buffer).count())
            }
            TileStage::Loop(_) => return false,
            TileStage::Math(m) => (&m.dims, 1),
        };
        let along = |g: usize| {
            let is_walked = dims.iter().filter(|dim| **dim == Extent::Tile(g as u32)).count();
            match is_walked {
                0 => Some(self.grid[g].tiles()),
                1 => Some(self.grid[g].extent),
                _ => None,
            }
        };
        let fixed = dims.iter().map(|dim| match dim {
            Extent::Fixed(n) => Some(*n),
            Extent::Tile(_) => Some(1),
        });
        let points = (0..self.grid.len()).map(along).chain(fixed);
        stores == 1 && points.product::<Option<u64>>() == Some(len)
    }
}

impl TileStage {
    /// From where to where the stage copies elements that stay in their places, if it does nothing else.
    fn copied(&self) -> Option<(Buffer, Buffer)> {
        let TileStage::Loop(stage) = self else { return None };
        match (&stage.body[..], &stage.stores[..]) {
            ([Instr::Load { buffer, index }], [store])
                if store.index == *index && *buffer != store.buffer =>
            {
                Some((*buffer, store.buffer))
            }
            _ => None,
        }
    }

    fn stores(&self, buffer: Buffer) -> bool {
        match self {
            TileStage::Loop(l) => {
                l.stores.iter().any(|store| store.buffer == buffer)
                    || l.written().any(|written| written == buffer)
                    || l.folds.iter().any(|fold| fold.buffer == buffer)
            }
            TileStage::Math(m) => m.out.buffer == buffer,
        }
    }

    fn reads(&self, buffer: Buffer) -> bool {
        match self {
            TileStage::Loop(l) => l.body.iter().any(|instr| loads(instr, buffer)),
            TileStage::Math(m) => m.args.iter().any(|span| span.buffer == buffer),
        }
    }

    /// Whether each point that reads `old` stores to the same element of `new`.
    fn reads_only_where_it_stores(&self, old: Buffer, new: Buffer) -> bool {
        match self {
            TileStage::Loop(l) => {
                let store = l.stores.iter().find(|store| store.buffer == new);
                let mut loads = l.body.iter().filter(|instr| loads(instr, old));
                loads.all(|instr| match instr {
                    Instr::Load { index, .. } => store.is_some_and(|store| store.index == *index),
                    // A computed place may be that of any point.
                    _ => false,
                })
            }
            TileStage::Math(m) => {
                m.args.iter().filter(|span| span.buffer == old).all(|span| span.start == m.out.start)
            }
        }
    }

    pub(crate) fn rename_buffers(&mut self, rename: &impl Fn(Buffer) -> Buffer) {
        match self {
            TileStage::Loop(l) => {
                for instr in &mut l.body {
                    if let Instr::Load { buffer, .. }
                    | Instr::LoadAt { buffer, .. }
                    | Instr::StoreAt { buffer, .. } = instr
                    {
                        *buffer = rename(*buffer);
                    }
                }
                l.stores.iter_mut().for_each(|store| store.buffer = rename(store.buffer));
                l.folds.iter_mut().for_each(|fold| fold.buffer = rename(fold.buffer));
            }
            TileStage::Math(m) => {
                m.out.buffer = rename(m.out.buffer);
                m.args.iter_mut().for_each(|span| span.buffer = rename(span.buffer));
            }
        }
    }
}

fn loads(instr: &Instr, from: Buffer) -> bool {
    matches!(instr, Instr::Load { buffer, .. } | Instr::LoadAt { buffer, .. } if *buffer == from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(text: &str) -> Kernel {
        text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    const STEP: &str = "kernel {
      param p0: read f32[4096]
      param p1: read f32[4096]
      param p2: write f32[4096]
      grid g0: 4096 by 1000
      loop d0 < tile g0 {
        r0 = load p0[g0 + d0]
        r1 = load p1[INDEX]
        r2 = sub r0 r1
        store p2[g0 + d0] = r2
      }
    }";

    #[test]
    fn a_step_down_is_taken_in_place() {
        let step = kernel(&STEP.replace("INDEX", "g0 + d0"));
        let updating = step.updating(0, 2).unwrap();
        assert_eq!(updating.params.len(), 2);
        assert_eq!(updating.params[1].access, Access::ReadWrite);
        assert!(updating.to_string().contains("store p1[g0 + d0]"), "{updating}");
        assert!(step.updating(1, 2).is_some());
    }

    #[test]
    fn other_elements_are_not_overwritten_before_they_are_read() {
        let reversed = kernel(&STEP.replace("INDEX", "4095 - g0 - d0"));
        assert!(reversed.updating(0, 2).is_some());
        assert!(reversed.updating(1, 2).is_none());
    }

    #[test]
    fn what_is_read_later_is_kept() {
        let rows = |second: &str| {
            kernel(&format!(
                "kernel {{
                  param p0: read f32[64]
                  param p1: write f32[64]
                  param p2: write f32[1]
                  local l0: f32[1]
                  loop fold d0 < 64 {{
                    r0 = load p0[d0]
                    fold sum l0[0] = r0
                  }}
                  loop d0 < 64 {{
                    r0 = load p0[d0]
                    r1 = load l0[0]
                    r2 = mul r0 r1
                    store p1[d0] = r2
                  }}
                  {second}
                }}"
            ))
        };
        let fold = "loop fold d0 < 64 {
            r0 = load p0[63 - d0]
            fold sum p2[0] = r0
          }";
        let of_result = fold.replace("p0", "p1");
        assert!(rows(&of_result).updating(0, 1).is_some());
        assert!(rows(fold).updating(0, 1).is_none());
    }

    #[test]
    fn computed_places_are_not_overwritten() {
        let gather = "kernel {
          param p0: read f32[8]
          param p1: read i64[1]
          param p2: write f32[8]
          loop d0 < 8 {
            r0 = load p1[0]
            r1 = load p0[0] at r0 of 8
            store p2[d0] = r1
          }
        }";
        assert!(kernel(gather).updating(0, 2).is_none());
    }

    #[test]
    fn a_result_of_another_type_is_no_place() {
        let cast = "kernel {
          param p0: read i32[8]
          param p1: write f32[8]
          loop d0 < 8 {
            r0 = load p0[d0]
            r1 = cast f32 r0
            store p1[d0] = r1
          }
        }";
        assert!(kernel(cast).updating(0, 1).is_none());
    }
}
