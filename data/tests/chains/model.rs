//! What chains are checked against: elements as plain values, and datasets as vectors of them.

use tensorwright::DType;
use tensorwright_data::{Dataset, Item, Result, Spec};

/// Numbers that look random: a linear congruence.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as i64
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// An array of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) sizes: Vec<usize>,
    pub(crate) data: Vec<i64>,
}

/// An element, or the error in its place.
pub(crate) type Slot = Result<Value, ()>;

impl Value {
    pub(crate) fn number(number: i64) -> Value {
        Value { sizes: Vec::new(), data: vec![number] }
    }

    /// What functions of elements look at.
    pub(crate) fn key(&self) -> i64 {
        self.data.iter().fold(0, |sum, x| sum.wrapping_add(*x))
    }

    pub(crate) fn map(&self, f: impl Fn(i64) -> i64) -> Value {
        Value { sizes: self.sizes.clone(), data: self.data.iter().map(|x| f(*x)).collect() }
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        let width: usize = self.sizes[1..].iter().product();
        (0..self.sizes[0])
            .map(|row| Value {
                sizes: self.sizes[1..].to_vec(),
                data: self.data[row * width..][..width].to_vec(),
            })
            .collect()
    }

    /// The element of a dataset.
    pub(crate) fn item(&self) -> Result<Item> {
        let bytes: Vec<u8> = self.data.iter().flat_map(|x| x.to_le_bytes()).collect();
        Item::array(DType::I64, &self.sizes, &bytes)
    }

    /// An element of a dataset; of ragged rows, all their numbers behind the lengths of rows.
    pub(crate) fn of(item: &Item) -> Result<Value> {
        if let Item::Ragged(ragged) = item {
            let ends = ragged.offsets();
            let mut data: Vec<i64> = ends.windows(2).map(|ends| (ends[1] - ends[0]) as i64).collect();
            let values = Value::of(ragged.values())?;
            data.extend(&values.data[ends[0]..ends[ends.len() - 1]]);
            return Ok(Value { sizes: vec![data.len()], data });
        }
        let tensor = item.to_tensor()?;
        Ok(Value { sizes: tensor.shape()?.sizes().to_vec(), data: tensor.to_vec::<i64>()? })
    }
}

/// Values along a new first axis, if they have one shape.
pub(crate) fn stacked(values: &[Value]) -> Slot {
    let first = values.first().ok_or(())?;
    if values.iter().any(|value| value.sizes != first.sizes) {
        return Err(());
    }
    let sizes = [values.len()].into_iter().chain(first.sizes.iter().copied()).collect();
    Ok(Value { sizes, data: values.iter().flat_map(|value| value.data.clone()).collect() })
}

/// Vectors along a new first axis, padded to a length, or to the longest; one that is longer is an error.
pub(crate) fn padded(values: &[Value], length: Option<usize>, fill: i64) -> Slot {
    let longest = values.iter().map(|value| value.data.len()).max().unwrap_or(0);
    let length = length.unwrap_or(longest);
    if longest > length {
        return Err(());
    }
    let row = |value: &Value| {
        let mut data = value.data.clone();
        data.resize(length, fill);
        Value { sizes: vec![length], data }
    };
    stacked(&values.iter().map(row).collect::<Vec<_>>())
}

/// Vectors as ragged rows: see [`Value::of`].
pub(crate) fn ragged(values: &[Value]) -> Slot {
    let lengths = values.iter().map(|value| value.data.len() as i64);
    let data: Vec<i64> = lengths.chain(values.iter().flat_map(|value| value.data.clone())).collect();
    Ok(Value { sizes: vec![data.len()], data })
}

/// Groups of so many elements; an error loses what was gathered.
pub(crate) fn gathered(
    slots: &[Slot],
    size: usize,
    drops: bool,
    join: impl Fn(&[Value]) -> Slot,
) -> Vec<Slot> {
    let (mut out, mut group) = (Vec::new(), Vec::new());
    for slot in slots {
        match slot {
            Ok(x) => group.push(x.clone()),
            Err(()) => {
                group.clear();
                out.push(Err(()));
            }
        }
        if group.len() == size {
            out.push(join(&group));
            group.clear();
        }
    }
    if !group.is_empty() && !drops {
        out.push(join(&group));
    }
    out
}

/// Turns of so many datasets, `block` elements each. `body` makes them of elements.
pub(crate) fn interleaved(
    slots: &[Slot],
    (cycle, block): (usize, usize),
    body: impl Fn(&Value) -> Vec<Slot>,
) -> Vec<Slot> {
    let mut input = slots.iter();
    let mut open: Vec<Option<std::vec::IntoIter<Slot>>> = (0..cycle).map(|_| None).collect();
    let (mut out, mut turn, mut has_ended) = (Vec::new(), 0, false);
    loop {
        if open[turn].is_none() && !has_ended {
            match input.next() {
                None => has_ended = true,
                Some(Err(())) => {
                    out.push(Err(()));
                    continue;
                }
                Some(Ok(x)) => open[turn] = Some(body(x).into_iter()),
            }
        }
        if open.iter().all(Option::is_none) {
            return out;
        }
        for _ in 0..block {
            match open[turn].as_mut().map(Iterator::next) {
                Some(Some(x)) => out.push(x),
                _ => {
                    open[turn] = None;
                    break;
                }
            }
        }
        turn = (turn + 1) % cycle;
    }
}

/// The first elements; errors do not count.
pub(crate) fn taken(slots: Vec<Slot>, mut left: usize) -> Vec<Slot> {
    let first = slots.into_iter().take_while(|slot| {
        let goes_on = left > 0;
        left -= usize::from(goes_on && slot.is_ok());
        goes_on
    });
    first.collect()
}

/// `f` of each element.
pub(crate) fn mapped(slots: Vec<Slot>, f: impl Fn(&Value) -> Slot) -> Vec<Slot> {
    slots.into_iter().map(|slot| slot.and_then(|value| f(&value))).collect()
}

/// Arrays of this rank, or of any.
pub(crate) fn spec(rank: Option<usize>) -> Spec {
    match rank {
        Some(rank) => Spec::number(DType::I64, tensorwright_data::Extents::new(vec![None; rank])),
        None => Spec::number(DType::I64, tensorwright_data::Extents::unknown()),
    }
}

/// A chain: a dataset, and what it should give.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) dataset: Dataset,
    pub(crate) slots: Vec<Slot>,
}

impl Chain {
    pub(crate) fn new(dataset: Dataset, slots: Vec<Slot>) -> Chain {
        Chain { dataset, slots }
    }

    /// The rank of all elements, if they have one.
    pub(crate) fn rank(&self) -> Option<usize> {
        let mut ranks = self.slots.iter().flatten().map(|value| value.sizes.len());
        let first = ranks.next()?;
        ranks.all(|rank| rank == first).then_some(first)
    }

    /// The dataset with the spec that its elements have in common.
    pub(crate) fn with_rank(&self) -> Dataset {
        self.dataset.with_spec(spec(self.rank()))
    }
}

/// What came of an element.
pub(crate) fn slot(outcome: Result<Item>) -> Slot {
    outcome.and_then(|item| Value::of(&item)).map_err(drop)
}
