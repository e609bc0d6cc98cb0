//! Lists while a program runs: handles, the cells that hold them, and the ops.
//!
//! The slot of a list is a [`Cell`], which owns a handle or none; no handle is an empty list. A list is changed in place by whoever
//! has the only handle, and copied on write by others. Ownership is what keeps loops from copying:
//!
//! - A block owns the cells of its lists in the arena: it empties them before its first step, and after its last, also when a step
//!   fails. Nothing else ever has these places.
//! - A block owns the cells of its inputs while it runs, and may take the handles. Whoever needs a list afterwards gives a second
//!   handle, see [`BorrowedLists`].
//! - Cells of results and outputs belong to the block around, and always hold a handle or none; giving them another one drops it.

use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright_ir::eval::EvalError;
use tensorwright_ir::op::control::ListGet;
use tensorwright_ir::{DType, Location, Op, Type};

use super::RunError;
use super::rows::Rows;

/// What the slot of a list holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell(Option<Arc<Rows>>);

const _: () = assert!(size_of::<Cell>() <= Type::HANDLE_BYTES);

impl Cell {
    /// Makes memory a cell without a handle. What it held is forgotten.
    ///
    /// # Safety
    /// The memory is that of a slot of a list, and holds no handle.
    pub(super) unsafe fn start(cell: *mut u8) {
        // SAFETY: slots are as large as cells, and aligned.
        unsafe { cell.cast::<Cell>().write(Cell::default()) };
    }

    /// Takes the handle out.
    ///
    /// # Safety
    /// `cell` is a cell that nobody else uses now.
    pub(super) unsafe fn take(cell: *mut u8) -> Cell {
        // SAFETY: the caller's promise.
        unsafe { cell.cast::<Cell>().replace(Cell::default()) }
    }

    /// Another handle of the same list.
    ///
    /// # Safety
    /// `cell` is a cell that nobody changes now.
    pub(super) unsafe fn another(cell: *const u8) -> Cell {
        // SAFETY: the caller's promise.
        unsafe { (*cell.cast::<Cell>()).clone() }
    }

    /// The handle, taken out if nothing needs the cell any more, else another one.
    ///
    /// # Safety
    /// As of [`Cell::take`].
    pub(super) unsafe fn of(cell: *mut u8, is_last_use: bool) -> Cell {
        // SAFETY: the caller's promise.
        unsafe { if is_last_use { Cell::take(cell) } else { Cell::another(cell) } }
    }

    /// Puts this handle in the place of that of a cell.
    ///
    /// # Safety
    /// As of [`Cell::take`].
    pub(super) unsafe fn put(self, cell: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { *cell.cast::<Cell>() = self };
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |rows| rows.len())
    }

    /// The rows, of which no other handle is.
    fn rows(&mut self, row_bytes: usize) -> &mut Rows {
        Arc::make_mut(self.0.get_or_insert_with(|| Arc::new(Rows::new(row_bytes))))
    }
}

/// Cells of memory that hold handles until this goes.
pub(super) struct Cells(SmallVec<[*mut u8; 4]>);

impl Cells {
    /// Cells without handles in these places.
    ///
    /// # Safety
    /// The places are of slots of lists, each once, are valid as long as this lives, and hold no handles.
    pub(super) unsafe fn start(places: impl Iterator<Item = *mut u8>) -> Cells {
        let cells: SmallVec<[*mut u8; 4]> = places.collect();
        // SAFETY: the caller's promise.
        cells.iter().for_each(|&cell| unsafe { Cell::start(cell) });
        Cells(cells)
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        for &cell in &self.0 {
            // SAFETY: `start` made it a cell, and the places are valid still.
            drop(unsafe { Cell::take(cell) });
        }
    }
}

/// Handles of lists for one run of a region, by the number of its input. They go with this, and with them the second handles.
#[derive(Default)]
pub(super) struct BorrowedLists(SmallVec<[(usize, Cell); 2]>);

impl BorrowedLists {
    pub(super) fn add(&mut self, input: usize, cell: Cell) {
        self.0.push((input, cell));
    }

    /// The cells in memory, which must not move while somebody uses them.
    pub(super) fn places(&mut self) -> SmallVec<[(usize, *mut u8); 2]> {
        self.0.iter_mut().map(|(input, cell)| (*input, (&raw mut *cell).cast())).collect()
    }
}

/// An op on lists.
#[derive(Debug)]
pub(super) struct ListTask {
    op: ListOp,
    /// Slot of the list, if the op takes one.
    list: usize,
    /// Whether nothing needs the list in that slot any more.
    takes: bool,
    /// Slot of the second operand, and of the third.
    other: usize,
    row: usize,
    results: SmallVec<[usize; 2]>,
    row_bytes: usize,
    location: Option<Location>,
}

#[derive(Debug)]
enum ListOp {
    New,
    Push,
    Pop,
    Get { index: DType },
    Set { index: DType },
    Len,
    Stack { length: usize },
}

impl ListTask {
    /// A step with this op, which `takes` the handle of its first operand if nothing needs that any more; `None` if it is no op on lists.
    pub(super) fn new(
        op: &Op,
        (operands, types): (&[usize], &[Type]),
        results: &[usize],
        location: Option<Location>,
        takes: bool,
    ) -> Option<ListTask> {
        let list = operands.first().copied().unwrap_or_default();
        let op = match op {
            Op::ListNew(_) => ListOp::New,
            Op::ListPush(_) => ListOp::Push,
            Op::ListPop(_) => ListOp::Pop,
            Op::ListGet(_) => ListOp::Get { index: types[1].tensor().dtype },
            Op::ListSet(_) => ListOp::Set { index: types[1].tensor().dtype },
            Op::ListLen(_) => ListOp::Len,
            Op::ListStack(stack) => ListOp::Stack { length: stack.length },
            _ => return None,
        };
        Some(ListTask {
            op,
            list,
            takes,
            other: operands.get(1).copied().unwrap_or_default(),
            row: operands.get(2).copied().unwrap_or_default(),
            results: results.iter().copied().collect(),
            row_bytes: types.first().map_or(0, |ty| ty.list().bytes()),
            location,
        })
    }

    /// # Safety
    /// As of `Task::run`.
    pub(super) unsafe fn run(&self, memory: &[*mut u8]) -> Result<(), RunError> {
        let result = |i: usize| memory[self.results[i]];
        // SAFETY: slots of lists are cells, and all others have as many bytes as their types take.
        unsafe {
            if let ListOp::New = self.op {
                Cell::default().put(result(0));
                return Ok(());
            }
            let mut list = Cell::of(memory[self.list], self.takes);
            match self.op {
                ListOp::New => {}
                ListOp::Push => {
                    list.rows(self.row_bytes).push(memory[self.other])?;
                    list.put(result(0));
                }
                ListOp::Pop => {
                    self.read(&list, list.len().checked_sub(1), result(1));
                    if list.len() > 0 {
                        list.rows(self.row_bytes).pop();
                    }
                    list.put(result(0));
                }
                ListOp::Get { index } => {
                    let index = read_index(memory[self.other], index);
                    self.read(&list, ListGet::clamped(index, list.len()), result(0));
                }
                ListOp::Set { index } => {
                    let index = read_index(memory[self.other], index);
                    if let Some(index) = ListGet::clamped(index, list.len()) {
                        list.rows(self.row_bytes).set(index, memory[self.row])?;
                    }
                    list.put(result(0));
                }
                ListOp::Len => {
                    let len = i32::try_from(list.len()).unwrap_or(i32::MAX);
                    result(0).cast::<i32>().write(len);
                }
                ListOp::Stack { length } => self.stack(&list, length, result(0))?,
            }
        }
        Ok(())
    }

    /// Copies a row, or zeros if there is none.
    ///
    /// # Safety
    /// `out` is valid for writes of a row.
    unsafe fn read(&self, list: &Cell, index: Option<usize>, out: *mut u8) {
        let row = index.and_then(|index| list.0.as_ref()?.get(index));
        // SAFETY: a row of the list has so many bytes.
        unsafe {
            match row {
                Some(row) => out.copy_from_nonoverlapping(row, self.row_bytes),
                None => out.write_bytes(0, self.row_bytes),
            }
        }
    }

    /// # Safety
    /// `out` is valid for writes of `length` rows.
    unsafe fn stack(&self, list: &Cell, length: usize, out: *mut u8) -> Result<(), RunError> {
        let found = list.len();
        if found != length {
            let location = self.location.clone();
            return Err(EvalError::ListLength { expected: length, found, location }.into());
        }
        if let Some(rows) = &list.0 {
            // SAFETY: there are as many rows as there is room for.
            unsafe { rows.copy_to(out) };
        }
        Ok(())
    }

    /// Estimated nanoseconds on one thread.
    pub(super) fn estimated_ns(&self) -> u64 {
        20 + self.row_bytes as u64 / 16
    }
}

/// # Safety
/// `at` is valid for reads of an element of the dtype, one of indices.
unsafe fn read_index(at: *const u8, dtype: DType) -> i128 {
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::I32 => at.cast::<i32>().read_unaligned().into(),
            DType::U32 => at.cast::<u32>().read_unaligned().into(),
            DType::U64 => at.cast::<u64>().read_unaligned().into(),
            _ => at.cast::<i64>().read_unaligned().into(),
        }
    }
}
