//! Updating single elements in the order of a list of places: histograms, and the gradients of reads from a table.

use std::ops::Range;

use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::ScatterKind;

use super::Phase;
use super::joining::{Add, Joining, Max, Min, Mul, Replace};
use super::value::{with_bits, with_value};
use super::windows::Places;

/// Updates of a tile at least. Each tile reads the whole list, so that few are shared.
const PER_TILE: usize = 1 << 16;
/// Tiles at most.
const MAX_TILES: usize = 4;

/// Updates for a range of places, with the list, the updates, and `x`.
type Apply = unsafe fn(&Places, Range<u64>, *const u8, *const u8, *mut u8);

/// Updates of single elements of certain types.
#[derive(Debug)]
pub(super) struct Listed {
    places: Places,
    tiles: u64,
    apply: Apply,
}

impl Listed {
    /// `None` for lists of dtypes that are rare.
    pub(super) fn new(places: Places, kind: ScatterKind, dtype: DType) -> Option<Listed> {
        let apply = match places.index {
            DType::I32 => apply::<i32>(kind, dtype),
            DType::I64 => apply::<i64>(kind, dtype),
            _ => return None,
        };
        let tiles = (places.count / PER_TILE).clamp(1, MAX_TILES) as u64;
        Some(Listed { places, tiles, apply })
    }

    pub(super) fn phase(&self) -> Phase {
        let tiles = if self.places.count == 0 { 0 } else { self.tiles };
        Phase { tiles, tile_ns: self.places.count as u64 / 2 }
    }

    /// Applies the updates for the places of some tiles: neighbours in one go through the list.
    ///
    /// # Safety
    /// There are as many numbers and updates as the places say, `x` has an element at each place, and nobody else uses those of
    /// these tiles.
    pub(super) unsafe fn apply(&self, tiles: Range<u64>, list: *const u8, updates: *const u8, x: *mut u8) {
        let first_of =
            |tile: u64| (u128::from(self.places.extent) * u128::from(tile) / u128::from(self.tiles)) as u64;
        // SAFETY: as of this function.
        unsafe { (self.apply)(&self.places, first_of(tiles.start)..first_of(tiles.end), list, updates, x) }
    }
}

/// A dtype of lists. A negative number is one beyond all places.
trait Index: Copy {
    fn place(self) -> u64;
}

impl Index for i32 {
    #[inline(always)]
    fn place(self) -> u64 {
        i64::from(self) as u64
    }
}

impl Index for i64 {
    #[inline(always)]
    fn place(self) -> u64 {
        self as u64
    }
}

fn apply<I: Index>(kind: ScatterKind, dtype: DType) -> Apply {
    match kind {
        ScatterKind::Set => with_bits!(dtype.size(), Bits => each::<I, Bits, Replace>),
        ScatterKind::Add => with_value!(dtype, V => each::<I, V, Add>),
        ScatterKind::Mul => with_value!(dtype, V => each::<I, V, Mul>),
        ScatterKind::Min => with_value!(dtype, V => each::<I, V, Min>),
        ScatterKind::Max => with_value!(dtype, V => each::<I, V, Max>),
    }
}

/// # Safety
/// As of [`Listed::apply`].
unsafe fn each<I: Index, T: Copy, J: Joining<T>>(
    places: &Places,
    mine: Range<u64>,
    list: *const u8,
    updates: *const u8,
    x: *mut u8,
) {
    let (list, updates, x) = (list.cast::<I>(), updates.cast::<T>(), x.cast::<T>());
    let count = mine.end - mine.start;
    for i in 0..places.count {
        // SAFETY: the list is so long, and what is one of the places is within `x`.
        unsafe {
            let place = (*list.add(i)).place();
            if place.wrapping_sub(mine.start) < count {
                let element = x.add(place as usize * places.step);
                *element = J::join(*element, *updates.add(i));
            }
        }
    }
}
