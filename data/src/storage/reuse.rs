//! Elements on disk that the first whole pass writes, and later passes and programs read: `cache_in` and `snapshot`.
//!
//! Who writes holds a lock of the operating system, which ends with the process: a program that was killed leaves nothing in the way.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::folder::{FolderWriter, Info, SaveOptions, beside, plan};
use crate::error::{DataError, ErrorKind, Result};
use crate::pipeline::{BoxCursor, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::state::{Reader, Writer};

/// What a pass does while another one writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenBusy {
    Fail,
    /// It reads the input and writes nothing.
    PassBy,
}

struct Reuse {
    input: Input,
    folder: PathBuf,
    when_busy: WhenBusy,
}

impl Stage for Reuse {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Reusing {
            input: self.input.clone(),
            pass: pass.input(0),
            folder: self.folder.clone(),
            when_busy: self.when_busy,
            state: State::New,
        })
    }
}

struct Reusing {
    input: Input,
    pass: Pass,
    folder: PathBuf,
    when_busy: WhenBusy,
    state: State,
}

enum State {
    New,
    /// The folder is read.
    Reading(BoxCursor),
    /// The input is read, and written.
    Writing(Writing),
    /// The input is read.
    Passing(BoxCursor),
    Failed(DataError),
}

struct Writing {
    input: BoxCursor,
    /// None if an element has failed: the pass does not count.
    writer: Option<FolderWriter>,
    /// Held as long as the pass writes.
    _lock: File,
    read: u64,
}

impl Reusing {
    fn reading(&self) -> Result<BoxCursor> {
        let info = Info::read(&self.folder)?;
        Ok(plan("reuse", &self.folder, &info).stage.open(&self.pass))
    }

    fn begin(&mut self) {
        if let State::New = self.state {
            self.state = self.started().unwrap_or_else(State::Failed);
        }
    }

    fn started(&self) -> Result<State> {
        if self.folder.exists() {
            return self.reading().map(State::Reading);
        }
        match (self.locked()?, self.when_busy) {
            // Somebody has finished meanwhile.
            (Some(_), _) if self.folder.exists() => self.reading().map(State::Reading),
            (Some(lock), _) => self.writing(lock).map(State::Writing),
            (None, WhenBusy::PassBy) => Ok(State::Passing(self.input.open(&self.pass))),
            (None, WhenBusy::Fail) => {
                Err(DataError::new(ErrorKind::AlreadyExists, "another pass writes this cache")
                    .in_file(&self.folder))
            }
        }
    }

    /// The lock of who writes, if nobody has it.
    fn locked(&self) -> Result<Option<File>> {
        let path = beside(&self.folder, "lock");
        let lock = File::create(&path).map_err(|error| DataError::io(&path, &error))?;
        Ok(lock.try_lock().is_ok().then_some(lock))
    }

    fn writing(&self, lock: File) -> Result<Writing> {
        let partial = beside(&self.folder, "partial");
        drop(std::fs::remove_dir_all(&partial));
        let writer = FolderWriter::create(&partial, self.input.spec(), SaveOptions::new())?;
        Ok(Writing { input: self.input.open(&self.pass), writer: Some(writer), _lock: lock, read: 0 })
    }
}

impl Writing {
    fn next(&mut self, folder: &Path, last: Option<u64>) -> Option<Outcome> {
        let outcome = self.input.next();
        self.read += u64::from(outcome.is_some());
        let noted = match (&outcome, &mut self.writer) {
            (Some(Ok(item)), Some(writer)) => writer.write(item),
            (Some(Err(_)), _) => {
                self.writer = None;
                Ok(())
            }
            _ => Ok(()),
        };
        let is_last = outcome.is_none() || last == Some(self.read);
        let finished = noted.and_then(|()| if is_last { self.finish(folder) } else { Ok(()) });
        match finished {
            Ok(()) => outcome,
            Err(error) => {
                self.writer = None;
                Some(Err(error))
            }
        }
    }

    fn finish(&mut self, folder: &Path) -> Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.finish()?;
        std::fs::rename(beside(folder, "partial"), folder).map_err(|error| DataError::io(folder, &error))
    }
}

impl Cursor for Reusing {
    fn next(&mut self) -> Option<Outcome> {
        self.begin();
        match &mut self.state {
            State::Reading(cursor) | State::Passing(cursor) => cursor.next(),
            State::Writing(writing) => writing.next(&self.folder, self.input.cardinality().known()),
            State::Failed(error) => Some(Err(error.clone())),
            State::New => None,
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        match &mut self.state {
            State::New | State::Failed(_) => to.usize(0),
            State::Reading(cursor) => {
                to.usize(1);
                cursor.save(to)?;
            }
            State::Writing(Writing { input, read, .. }) => {
                to.usize(2);
                to.u64(*read);
                input.save(to)?;
            }
            State::Passing(cursor) => {
                to.usize(3);
                cursor.save(to)?;
            }
        }
        Ok(())
    }

    /// A pass that wrote reads its elements again to write them, if nobody else does and they are the same again; else it writes nothing.
    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        match from.usize()? {
            0 => {}
            1 => {
                let mut cursor = self.reading()?;
                cursor.restore(from)?;
                self.state = State::Reading(cursor);
            }
            kind => {
                let read = if kind == 2 { from.u64()? } else { 0 };
                let mut input = self.input.open(&self.pass);
                input.restore(from)?;
                let lock = if kind == 2 && self.input.replays() && !self.folder.exists() {
                    self.locked()?
                } else {
                    None
                };
                self.state = match lock {
                    Some(lock) => {
                        let mut writing = self.writing(lock)?;
                        (0..read).for_each(|_| drop(writing.next(&self.folder, None)));
                        writing.input = input;
                        State::Writing(writing)
                    }
                    None => State::Passing(input),
                };
            }
        }
        Ok(())
    }
}

fn reuse(input: &Input, name: &'static str, folder: &Path, when_busy: WhenBusy) -> Plan {
    Plan::like(input, name, Reuse { input: input.clone(), folder: folder.to_owned(), when_busy })
}

impl Dataset {
    /// The same elements, kept in a folder by the first pass that reads them all, for those that begin later, in this program or another. While a pass writes, others
    /// fail. A pass in which an element failed is not kept.
    #[track_caller]
    pub fn cache_in(&self, folder: impl AsRef<Path>) -> Dataset {
        self.then(|input| Ok(reuse(input, "cache_in", folder.as_ref(), WhenBusy::Fail)))
    }

    /// As [`Dataset::cache_in`], but passes that begin while another one writes compute their elements.
    #[track_caller]
    pub fn snapshot(&self, folder: impl AsRef<Path>) -> Dataset {
        self.then(|input| Ok(reuse(input, "snapshot", folder.as_ref(), WhenBusy::PassBy)))
    }
}
