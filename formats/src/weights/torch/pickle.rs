//! Pickles of PyTorch as data: numbers, texts, tuples, lists, dicts, and tensors as views of storages.
//!
//! A pickle is a program for a machine with a stack and a memo. This machine makes data alone: a name of Python is a word, and only words that stand for tensors, storages, dtypes
//! and ordered dicts mean something; any other is an error that says it. Nothing is called and nothing is looked up. Values lie in an arena and name each other
//! by their places, so that a value in itself is no danger. Each instruction makes at most one value, and nothing that a pickle
//! can name twice is copied but shapes of few axes, so that a machine takes no more than some 100 bytes for each of the pickle.

use std::collections::HashMap;
use std::rc::Rc;

use tensorwright::Shape;

use super::super::error::{Damage, Read, damaged};
use super::word::{Rebuild, Word};

/// The place of a value in the arena.
pub(super) type Id = usize;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'p> {
    /// A number that is no integer of 64 bits, bytes, a device: nothing that has tensors.
    Opaque,
    Int(i64),
    Text(&'p str),
    /// A tuple or a list.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Word(Word<'p>),
    Storage(StorageRef<'p>),
    Tensor(Rc<View<'p>>),
}

impl Value<'_> {
    /// How many values it names.
    pub(super) fn children(&self) -> usize {
        match self {
            Value::List(items) => items.len(),
            Value::Dict(items) => items.len(),
            _ => 0,
        }
    }
}

/// A storage: elements in a file of the archive.
#[derive(Clone, Debug)]
pub(super) struct StorageRef<'p> {
    /// The word of its class, which tells the dtype.
    pub(super) class: &'p str,
    /// The name of its file.
    pub(super) key: &'p str,
}

/// A tensor: where its elements are in a storage.
#[derive(Clone, Debug)]
pub(super) struct View<'p> {
    pub(super) storage: StorageRef<'p>,
    /// The word of its dtype, where the storage does not tell it.
    pub(super) dtype: Option<&'p str>,
    pub(super) offset: i64,
    pub(super) sizes: Vec<i64>,
    pub(super) strides: Vec<i64>,
}

/// What a pickle holds.
pub(super) struct Pickle<'p> {
    pub(super) values: Vec<Value<'p>>,
    pub(super) root: Id,
}

struct Machine<'p> {
    rest: &'p [u8],
    values: Vec<Value<'p>>,
    stack: Vec<Id>,
    /// Where the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

/// Reads a pickle.
pub(super) fn read(pickle: &[u8]) -> Read<Pickle<'_>> {
    let mut machine = Machine {
        rest: pickle,
        values: vec![Value::Opaque],
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        let [instruction] = machine.array()?;
        if instruction == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle { values: machine.values, root });
        }
        machine.step(instruction)?;
    }
}

fn short() -> Damage {
    Damage::new("the pickle takes more from its stack than there is")
}

impl<'p> Machine<'p> {
    fn step(&mut self, instruction: u8) -> Read<()> {
        match instruction {
            // The version, and frames, which say what follows anyway.
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            // None, True, False.
            b'N' | 0x88 | 0x89 => self.opaque(),
            b'K' => self.number::<1>(),
            b'M' => self.number::<2>(),
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()))
            }
            0x8a => {
                let [length] = self.array()?;
                self.long(length.into())
            }
            0x8b => {
                let length = self.length::<4>()?;
                self.long(length)
            }
            b'G' => self.take(8).and_then(|_| self.opaque()),
            0x8c => self.text::<1>(),
            b'X' => self.text::<4>(),
            0x8d => self.text::<8>(),
            b'U' | b'C' => self.bytes::<1>(),
            b'T' | b'B' => self.bytes::<4>(),
            0x8e => self.bytes::<8>(),
            b')' | b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            // An empty set.
            0x8f => self.opaque(),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b't' | b'l' => {
                let items = self.marked()?;
                self.push(Value::List(items))
            }
            0x85..=0x87 => {
                let items = self.top(usize::from(instruction - 0x84))?;
                self.push(Value::List(items))
            }
            b'd' => {
                let items = self.marked()?;
                self.push(Value::Dict(pairs(&items)?))
            }
            _ => self.change(instruction),
        }
    }

    /// Instructions that change what is there.
    fn change(&mut self, instruction: u8) -> Read<()> {
        match instruction {
            b'a' => {
                let items = self.top(1)?;
                self.append(&items)
            }
            b'e' => {
                let items = self.marked()?;
                self.append(&items)
            }
            b's' => {
                let items = self.top(2)?;
                self.set(&items)
            }
            b'u' => {
                let items = self.marked()?;
                self.set(&items)
            }
            // Items of sets, and a frozen set.
            0x90 => self.marked().map(drop),
            0x91 => self.marked().and_then(|_| self.opaque()),
            b'0' => self.pop().map(drop),
            b'1' => self.marked().map(drop),
            b'2' => {
                let top = *self.stack.last().ok_or_else(short)?;
                self.stack.push(top);
                Ok(())
            }
            b'q' => {
                let [at] = self.array()?;
                self.keep(at.into())
            }
            b'r' => {
                let at = u32::from_le_bytes(self.array()?);
                self.keep(at)
            }
            0x94 => {
                let at = u32::try_from(self.memo.len()).map_err(|_| short())?;
                self.keep(at)
            }
            b'h' => {
                let [at] = self.array()?;
                self.recall(at.into())
            }
            b'j' => {
                let at = u32::from_le_bytes(self.array()?);
                self.recall(at)
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.word(module, name)
            }
            0x93 => {
                let names = self.top(2)?;
                match (&self.values[names[0]], &self.values[names[1]]) {
                    (&Value::Text(module), &Value::Text(name)) => self.word(module, name),
                    _ => damaged("the pickle has a name that is no text"),
                }
            }
            b'Q' => self.storage(),
            b'R' => self.call(),
            b'b' => self.build(),
            0x81 | 0x92 | b'o' | b'i' => damaged(
                "the pickle makes objects of classes, which are not read: save the tensors by their names (`state_dict`)",
            ),
            other => damaged(format!("the pickle has an instruction that is not read ({other:#04x})")),
        }
    }

    fn take(&mut self, count: usize) -> Read<&'p [u8]> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| Damage::new("the pickle ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|at| taken[at]))
    }

    fn length<const N: usize>(&mut self) -> Read<usize> {
        let bytes: [u8; N] = self.array()?;
        let length = bytes.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
        usize::try_from(length).map_err(|_| Damage::new("the pickle ends too early"))
    }

    fn line(&mut self) -> Read<&'p str> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| Damage::new("the pickle ends too early"))?;
        let line = self.take(end + 1)?;
        std::str::from_utf8(&line[..end]).map_err(|_| Damage::new("the pickle has a name that is no text"))
    }

    fn push(&mut self, value: Value<'p>) -> Read<()> {
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    /// All opaque values are one.
    fn opaque(&mut self) -> Read<()> {
        self.stack.push(0);
        Ok(())
    }

    fn number<const N: usize>(&mut self) -> Read<()> {
        let number = self.length::<N>()?;
        self.push(Value::Int(number as i64))
    }

    /// An integer of any length, in two's complement.
    fn long(&mut self, length: usize) -> Read<()> {
        let bytes = self.take(length)?;
        if length > 8 {
            return self.opaque();
        }
        let sign = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut whole = if sign { [0xff; 8] } else { [0; 8] };
        whole[..length].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(whole)))
    }

    fn text<const N: usize>(&mut self) -> Read<()> {
        let length = self.length::<N>()?;
        // Python lets halves of surrogate pairs into texts.
        match std::str::from_utf8(self.take(length)?) {
            Ok(text) => self.push(Value::Text(text)),
            Err(_) => self.opaque(),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Read<()> {
        let length = self.length::<N>()?;
        let bytes = self.take(length)?;
        // Python 2 wrote texts so.
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Value::Text(text)),
            Err(_) => self.opaque(),
        }
    }

    fn pop(&mut self) -> Read<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(short());
        }
        self.stack.pop().ok_or_else(short)
    }

    /// What stands above the last mark, which goes.
    fn marked(&mut self) -> Read<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(short)?;
        match mark <= self.stack.len() {
            true => Ok(self.stack.split_off(mark)),
            false => Err(short()),
        }
    }

    /// So many values from the top, the last one last.
    fn top(&mut self, count: usize) -> Read<Vec<Id>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(self.stack.split_off(start)),
            _ => Err(short()),
        }
    }

    fn last(&mut self) -> Read<&mut Value<'p>> {
        let top = *self.stack.last().ok_or_else(short)?;
        Ok(&mut self.values[top])
    }

    fn append(&mut self, items: &[Id]) -> Read<()> {
        match self.last()? {
            Value::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => damaged("the pickle appends to what is no list"),
        }
    }

    fn set(&mut self, items: &[Id]) -> Read<()> {
        let items = pairs(items)?;
        match self.last()? {
            Value::Dict(dict) => {
                dict.extend(items);
                Ok(())
            }
            _ => damaged("the pickle sets items of what is no dict"),
        }
    }

    fn keep(&mut self, at: u32) -> Read<()> {
        let top = *self.stack.last().ok_or_else(short)?;
        self.memo.insert(at, top);
        Ok(())
    }

    fn recall(&mut self, at: u32) -> Read<()> {
        let own = self.memo.get(&at).copied();
        self.stack.push(own.ok_or_else(|| Damage::new("the pickle recalls what it never kept"))?);
        Ok(())
    }

    fn word(&mut self, module: &'p str, name: &'p str) -> Read<()> {
        self.push(Value::Word(Word::of(module, name)?))
    }

    fn list(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// `('storage', class, key, device, length)`.
    fn storage(&mut self) -> Read<()> {
        let id = self.pop()?;
        let found = match self.list(id) {
            Some(&[kind, class, key, ..]) => (&self.values[kind], &self.values[class], &self.values[key]),
            _ => return damaged("the pickle has a storage that is none"),
        };
        match found {
            (Value::Text("storage"), &Value::Word(Word::Storage(class)), &Value::Text(key)) => {
                self.push(Value::Storage(StorageRef { class, key }))
            }
            _ => damaged("the pickle has a storage that is none"),
        }
    }

    /// A word with its arguments.
    fn call(&mut self) -> Read<()> {
        /// No name takes more.
        const MOST: usize = 16;
        let ids = self.top(2)?;
        let Value::Word(word) = self.values[ids[0]] else {
            return damaged("the pickle calls what is no name");
        };
        let arguments = self.list(ids[1]).filter(|list| list.len() <= MOST).ok_or_else(short)?.to_vec();
        match (word, &arguments[..]) {
            (Word::Dict, []) => self.push(Value::Dict(Vec::new())),
            (Word::Dict, _) => damaged("the pickle makes a dict of another object"),
            // A shape is the tuple that it is made of.
            (Word::Size, &[sizes]) => {
                self.stack.push(sizes);
                Ok(())
            }
            (Word::Opaque, _) => self.opaque(),
            (Word::Rebuild(rebuild), own) => {
                let view = self.rebuild(rebuild, own)?;
                self.push(Value::Tensor(view))
            }
            (Word::Size, _) => Err(short()),
            (Word::Storage(name) | Word::Dtype(name), _) => damaged(format!("the pickle calls `{name}`")),
        }
    }

    fn rebuild(&self, rebuild: Rebuild, arguments: &[Id]) -> Read<Rc<View<'p>>> {
        let wrong = || Damage::new("the pickle has a tensor that is none");
        let argument = |at: usize| arguments.get(at).map(|&id| &self.values[id]).ok_or_else(wrong);
        match rebuild {
            // A parameter is its tensor, with hooks or a state that are none of ours.
            Rebuild::Parameter => match argument(0)? {
                Value::Tensor(view) => Ok(Rc::clone(view)),
                _ => Err(wrong()),
            },
            // A function, a class, the function's arguments, a state.
            Rebuild::Typed => match (argument(0)?, arguments.get(2).and_then(|&id| self.list(id))) {
                (Value::Word(Word::Rebuild(inner)), Some(own)) if *inner != Rebuild::Typed => {
                    self.rebuild(*inner, own)
                }
                _ => Err(wrong()),
            },
            Rebuild::Tensor | Rebuild::TensorOfDtype => {
                let (Value::Storage(storage), &Value::Int(offset)) = (argument(0)?, argument(1)?) else {
                    return Err(wrong());
                };
                let dtype = match (rebuild, arguments.get(6).map(|&id| &self.values[id])) {
                    (Rebuild::TensorOfDtype, Some(Value::Word(Word::Dtype(name)))) => Some(*name),
                    (Rebuild::TensorOfDtype, _) => return Err(wrong()),
                    _ => None,
                };
                let (sizes, strides) = (self.integers(argument(2)?)?, self.integers(argument(3)?)?);
                if sizes.len() != strides.len() {
                    return Err(wrong());
                }
                Ok(Rc::new(View { storage: storage.clone(), dtype, offset, sizes, strides }))
            }
        }
    }

    fn integers(&self, value: &Value<'p>) -> Read<Vec<i64>> {
        // A list may be named again and again.
        let wrong = || Damage::new("the pickle has a shape that is none");
        let Value::List(items) = value else { return Err(wrong()) };
        if items.len() > Shape::MAX_RANK {
            return damaged(format!("a tensor has at most {} axes", Shape::MAX_RANK));
        }
        let number = |id: &Id| match self.values[*id] {
            Value::Int(number) => Ok(number),
            _ => Err(wrong()),
        };
        items.iter().map(number).collect()
    }

    /// What an object is told beside its items: dicts and parameters have nothing there that is ours.
    fn build(&mut self) -> Read<()> {
        self.pop()?;
        match self.last()? {
            Value::Dict(_) | Value::Tensor(_) => Ok(()),
            _ => damaged("the pickle has an object of a class, which is not read"),
        }
    }
}

/// Keys with their values.
fn pairs(items: &[Id]) -> Read<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return damaged("the pickle has a key without a value");
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}
