//! Windows: finite datasets of adjacent elements.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{DataError, Result};
use crate::item::{Dict, Item, Window, read_outcome, write_outcome};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::spec::Spec;
use crate::state::{Reader, Writer};

/// Which elements make a window. A number is how many.
#[derive(Clone, Copy, Debug)]
pub struct WindowOptions {
    size: usize,
    shift: usize,
    stride: usize,
    drops_remainder: bool,
}

impl WindowOptions {
    /// Windows of so many elements, one behind the other; the last one may have fewer.
    pub fn new(size: usize) -> WindowOptions {
        WindowOptions { size, shift: size, stride: 1, drops_remainder: false }
    }

    /// Each window begins this many elements behind the one before.
    pub fn shift(self, shift: usize) -> WindowOptions {
        WindowOptions { shift, ..self }
    }

    /// Elements of a window are this far apart.
    pub fn stride(self, stride: usize) -> WindowOptions {
        WindowOptions { stride, ..self }
    }

    /// Without windows of fewer elements.
    pub fn drop_remainder(self) -> WindowOptions {
        WindowOptions { drops_remainder: true, ..self }
    }

    /// How many elements a whole window spans.
    fn span(self) -> usize {
        (self.size - 1).saturating_mul(self.stride).saturating_add(1)
    }

    fn check(self) -> Result<WindowOptions> {
        match self.size.min(self.shift).min(self.stride) {
            0 => Err(DataError::invalid("size, shift and stride of windows are at least 1")),
            _ => Ok(self),
        }
    }

    fn cardinality(self, input: Cardinality) -> Cardinality {
        let (span, shift) = (self.span() as u64, self.shift as u64);
        input.map(|count| match self.drops_remainder {
            true if count < span => 0,
            true => (count - span) / shift + 1,
            false => count.div_ceil(shift),
        })
    }
}

impl From<usize> for WindowOptions {
    fn from(size: usize) -> WindowOptions {
        WindowOptions::new(size)
    }
}

struct Windows {
    input: Input,
    options: WindowOptions,
}

impl Stage for Windows {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let (input, spec) = (self.input.open(&pass.input(0)), self.input.spec().clone());
        Box::new(Windowing {
            input,
            spec,
            options: self.options,
            buffer: VecDeque::new(),
            skip: 0,
            has_ended: false,
        })
    }
}

struct Windowing {
    input: BoxCursor,
    spec: Spec,
    options: WindowOptions,
    /// Elements from the beginning of the next window on.
    buffer: VecDeque<Outcome>,
    /// How many elements lie before the next window, beyond the buffer.
    skip: usize,
    has_ended: bool,
}

impl Windowing {
    fn pull(&mut self) -> Option<Outcome> {
        let outcome = if self.has_ended { None } else { self.input.next() };
        self.has_ended |= outcome.is_none();
        outcome
    }

    fn fill(&mut self) {
        while self.skip > 0 && self.pull().is_some() {
            self.skip -= 1;
        }
        while self.buffer.len() < self.options.span() {
            match self.pull() {
                Some(outcome) => self.buffer.push_back(outcome),
                None => break,
            }
        }
    }

    fn shift(&mut self) {
        let dropped = self.options.shift.min(self.buffer.len());
        self.buffer.drain(..dropped);
        self.skip = self.options.shift - dropped;
    }
}

impl Cursor for Windowing {
    fn next(&mut self) -> Option<Outcome> {
        self.fill();
        let is_short = self.buffer.len() < self.options.span();
        if self.buffer.is_empty() || (is_short && self.options.drops_remainder) {
            return None;
        }
        let items: Result<Vec<Item>> = self.buffer.iter().step_by(self.options.stride).cloned().collect();
        self.shift();
        Some(items.and_then(|items| windows(&self.spec, &items)))
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.usize(self.skip);
        to.flag(self.has_ended);
        to.usize(self.buffer.len());
        self.buffer.iter().try_for_each(|outcome| write_outcome(outcome, to))?;
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.skip = from.usize()?;
        self.has_ended = from.flag()?;
        self.buffer = (0..from.count()?).map(|_| read_outcome(from)).collect::<Result<_>>()?;
        self.input.restore(from)
    }
}

/// A window for each component, in the structure of elements.
fn windows(spec: &Spec, items: &[Item]) -> Result<Item> {
    let part = |place: usize| -> Result<Vec<Item>> {
        let parts = items.iter().map(|item| item.parts().and_then(|parts| parts.get(place)).cloned());
        parts.collect::<Option<_>>().ok_or_else(|| DataError::invalid("an element lacks a component"))
    };
    Ok(match spec {
        Spec::Tuple(specs) => {
            let parts = specs.iter().enumerate().map(|(i, spec)| windows(spec, &part(i)?));
            Item::tuple(parts.collect::<Result<Vec<_>>>()?)
        }
        Spec::Dict(specs) => {
            let parts = specs.values().enumerate().map(|(i, spec)| windows(spec, &part(i)?));
            Item::Dict(Box::new(Dict::sorted(specs.keys().cloned().collect(), parts.collect::<Result<_>>()?)))
        }
        leaf => Item::Window(Arc::new(Window { spec: leaf.clone(), items: items.to_vec() })),
    })
}

impl Dataset {
    /// Windows of adjacent elements: each a dataset, one for each component. [`Dataset::flat_map`] makes elements of them again. An element that fails is an error in place of
    /// each window that holds it.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, WindowOptions};
    /// let windows = Dataset::range(5).window(WindowOptions::new(3).shift(1).drop_remainder());
    /// let batches = windows.flat_map(|window: std::sync::Arc<tensorwright::data::Window>| Dataset::from_window(&window).batch(3));
    /// assert_eq!(batches.iter()?.count(), 3); // 0 1 2, 1 2 3, 2 3 4
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn window(&self, options: impl Into<WindowOptions>) -> Dataset {
        self.then(|input| {
            let options = options.into().check()?;
            let spec = input.spec().map(|leaf| Spec::Window(Box::new(leaf.clone())));
            let stage = Windows { input: input.clone(), options };
            let cardinality = options.cardinality(input.cardinality());
            Ok(Plan::like(input, "window", stage).with_spec(spec).with_cardinality(cardinality))
        })
    }
}
