//! Transformations, each of a dataset and of what it should give, with options drawn at random.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use tensorwright::Tensor;
use tensorwright_data::{
    BatchOptions, BucketOptions, DataError, Dataset, Extents, InterleaveOptions, Item, OnEmpty, OnError,
    PadOptions, Parallel, Result, Spec, Window, WindowOptions,
};

use super::model::{
    Chain, Random, Slot, Value, gathered, interleaved, mapped, padded, ragged, spec, stacked, taken,
};

/// Whether what can be is parallel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Threads {
    One,
    Several,
}

type Link = fn(&Chain, &mut Random, Threads) -> Option<Chain>;

/// Each link; `None` where it does not fit what there is.
pub(crate) const LINKS: [(&str, Link); 29] = [
    ("map", map),
    ("map of tensors", map_tensors),
    ("map that fails", map_failing),
    ("filter", filter),
    ("take_while", take_while),
    ("scan", scan),
    ("take", take),
    ("skip", skip),
    ("shard", shard),
    ("repeat", repeat),
    ("enumerate", enumerate),
    ("unique", unique),
    ("on_error", on_error),
    ("prefetch", prefetch),
    ("cache", cache),
    ("snapshot", snapshot),
    ("save", save),
    ("concatenate", concatenate),
    ("zip", zip),
    ("choose", choose),
    ("batch", batch),
    ("padded_batch", padded_batch),
    ("ragged_batch", ragged_batch),
    ("unbatch", unbatch),
    ("rebatch", rebatch),
    ("window", window),
    ("interleave", interleave),
    ("group_by_window", group),
    ("bucket_by_length", buckets),
];

/// `f` of elements as plain values.
fn on_values(
    dataset: &Dataset,
    threads: Threads,
    f: impl Fn(&Value) -> Result<Value> + Send + Sync + 'static,
) -> Dataset {
    let f = move |item: Item| f(&Value::of(&item)?)?.item();
    match threads {
        Threads::One => dataset.map_items(spec(None), f),
        Threads::Several => dataset.map_items_parallel(Parallel::new(3), spec(None), f),
    }
}

fn key(item: Item) -> Result<i64> {
    Ok(Value::of(&item)?.key())
}

fn map(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let (n, m) = (r.below(5) - 2, r.below(4));
    let f = move |value: &Value| value.map(|x| x.wrapping_mul(n).wrapping_add(m));
    let dataset = on_values(&chain.dataset, threads, move |value| Ok(f(value)));
    Some(Chain::new(dataset, mapped(chain.slots.clone(), |value| Ok(f(value)))))
}

/// By a function that is traced, in blocks if sizes are known.
fn map_tensors(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let (n, m) = (r.below(5) - 2, r.below(4));
    let f = move |x: Tensor| x * n + m;
    let sizes: HashSet<_> = chain.slots.iter().flatten().map(|value| &value.sizes).collect();
    let one = sizes.iter().next().filter(|_| sizes.len() == 1)?;
    let dataset = chain.dataset.with_spec(Spec::number(tensorwright::DType::I64, &one[..]));
    let dataset = match threads {
        Threads::One => dataset.map(f),
        Threads::Several => dataset.map_parallel(Parallel::Auto, f),
    };
    let f = |value: &Value| Ok(value.map(|x| x.wrapping_mul(n).wrapping_add(m)));
    Some(Chain::new(dataset, mapped(chain.slots.clone(), f)))
}

fn map_failing(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let (n, m) = (4 + r.below(4), r.below(5));
    let fails = move |value: &Value| value.key().rem_euclid(n) == m;
    let dataset = on_values(&chain.dataset, threads, move |value| match fails(value) {
        true => Err(DataError::invalid("refused")),
        false => Ok(value.clone()),
    });
    let f = |value: &Value| if fails(value) { Err(()) } else { Ok(value.clone()) };
    Some(Chain::new(dataset, mapped(chain.slots.clone(), f)))
}

fn filter(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let n = 2 + r.below(3);
    let keeps = move |value: &Value| value.key().rem_euclid(n) != 0;
    let dataset = chain.dataset.filter_items(move |item| Ok(keeps(&Value::of(&item)?)));
    let kept = chain.slots.iter().filter(|slot| slot.as_ref().map_or(true, keeps));
    Some(Chain::new(dataset, kept.cloned().collect()))
}

fn take_while(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let n = 5 + r.below(9);
    let goes_on = move |value: &Value| value.key().rem_euclid(n) != n - 1;
    let dataset = chain.dataset.take_while_items(move |item| Ok(goes_on(&Value::of(&item)?)));
    let first = chain.slots.iter().take_while(|slot| slot.as_ref().map_or(true, goes_on));
    Some(Chain::new(dataset, first.cloned().collect()))
}

fn scan(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let first = r.below(4);
    let step = |pair: Item| {
        let [state, item] = pair.parts().unwrap_or(&[]) else { return Err(DataError::invalid("a pair")) };
        let sum = key(state.clone())?.wrapping_add(key(item.clone())?);
        Ok(Item::tuple([Item::number(sum), Item::number(sum)]))
    };
    let number = Spec::scalar(tensorwright::DType::I64);
    let dataset =
        chain.dataset.scan_items(Item::number(first), Spec::Tuple(vec![number.clone(), number]), step);
    let mut sum = first;
    let sums = chain.slots.iter().map(|slot| {
        slot.clone().map(|value| {
            sum = sum.wrapping_add(value.key());
            Value::number(sum)
        })
    });
    Some(Chain::new(dataset, sums.collect()))
}

fn take(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let count = r.below(13) as usize;
    Some(Chain::new(chain.dataset.take(count as u64), taken(chain.slots.clone(), count)))
}

fn skip(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let count = r.below(5) as usize;
    let rest = chain.slots.iter().enumerate().filter(|(i, slot)| *i >= count || slot.is_err());
    Some(Chain::new(chain.dataset.skip(count as u64), rest.map(|(_, slot)| slot.clone()).collect()))
}

fn shard(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let shards = 1 + r.below(4) as usize;
    let index = r.below(shards as i64) as usize;
    let kept = chain.slots.iter().enumerate().filter(|(i, slot)| i % shards == index || slot.is_err());
    let dataset = chain.dataset.shard(shards as u64, index as u64);
    Some(Chain::new(dataset, kept.map(|(_, slot)| slot.clone()).collect()))
}

fn repeat(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let times = r.below(4) as usize;
    let (mut dataset, mut slots) =
        (chain.dataset.repeat(times as u64), vec![chain.slots.clone(); times].concat());
    if !chain.slots.is_empty() && r.flag() {
        let count = 3 * chain.slots.iter().filter(|slot| slot.is_ok()).count().min(10);
        dataset = chain.dataset.repeat(None).take(count as u64);
        slots = taken(vec![chain.slots.clone(); 4].concat(), count);
    }
    Some(Chain::new(dataset, slots))
}

fn enumerate(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let first = r.below(9) - 4;
    let joined = |number: i64, value: &Value| value.map(|x| x.wrapping_mul(3).wrapping_add(number));
    let pair = move |item: Item| {
        let [number, item] = item.parts().unwrap_or(&[]) else { return Err(DataError::invalid("a pair")) };
        joined(key(number.clone())?, &Value::of(item)?).item()
    };
    let pairs = chain.dataset.enumerate(first);
    let dataset = match threads {
        Threads::One => pairs.map_items(spec(None), pair),
        Threads::Several => pairs.map_items_parallel(2, spec(None), pair),
    };
    let slots = chain.slots.iter().zip(first..);
    let slots = slots.map(|(slot, number)| slot.clone().map(|value| joined(number, &value)));
    Some(Chain::new(dataset, slots.collect()))
}

fn unique(chain: &Chain, _: &mut Random, _: Threads) -> Option<Chain> {
    let mut seen = HashSet::new();
    let kept =
        chain.slots.iter().filter(|slot| slot.as_ref().map_or(true, |value| seen.insert(value.clone())));
    Some(Chain::new(chain.dataset.unique(), kept.cloned().collect()))
}

fn on_error(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    if r.flag() {
        let good = chain.slots.iter().filter(|slot| slot.is_ok()).cloned().collect();
        return Some(Chain::new(chain.dataset.on_error(OnError::Skip), good));
    }
    let end = chain.slots.iter().position(Result::is_err).map_or(chain.slots.len(), |first| first + 1);
    Some(Chain::new(chain.dataset.on_error(OnError::Stop), chain.slots[..end].to_vec()))
}

fn prefetch(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    Some(Chain::new(chain.dataset.prefetch(r.below(4) as usize), chain.slots.clone()))
}

fn cache(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let times = 1 + r.below(2) as usize;
    Some(Chain::new(chain.dataset.cache().repeat(times as u64), vec![chain.slots.clone(); times].concat()))
}

/// Where folders of this run are, which the test removes.
pub(crate) fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("tensorwright-chains-{}", std::process::id()))
}

/// The folder of this link: the same when the chain is built anew.
fn own_folder(r: &mut Random, threads: Threads) -> PathBuf {
    std::fs::create_dir_all(folder()).expect("a folder can be made");
    folder().join(format!("{:x}-{threads:?}", r.0))
}

fn snapshot(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let kept = chain.dataset.snapshot(own_folder(r, threads));
    Some(Chain::new(kept.repeat(2), vec![chain.slots.clone(); 2].concat()))
}

fn save(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let (shards, place) = (1 + r.below(3) as usize, own_folder(r, threads));
    let is_whole = chain.slots.iter().all(Result::is_ok);
    if !place.exists() {
        let saved = chain.dataset.save(&place, tensorwright_data::SaveOptions::new().shards(shards));
        assert_eq!((saved.is_ok(), place.exists()), (is_whole, is_whole), "what fails is not saved");
    }
    if !is_whole {
        return None;
    }
    // Elements go to the files in turn, and files are read one behind the other.
    let turns = (0..shards).flat_map(|shard| chain.slots.iter().skip(shard).step_by(shards).cloned());
    Some(Chain::new(Dataset::load(&place), turns.collect()))
}

fn concatenate(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let count = r.below(5);
    let more = Dataset::range(count).with_spec(spec(None));
    let numbers = (0..count).map(|x| Ok(Value::number(x)));
    let own = chain.dataset.with_spec(spec(None));
    Some(match r.flag() {
        true => Chain::new(own.concatenate(&more), chain.slots.iter().cloned().chain(numbers).collect()),
        false => Chain::new(more.concatenate(&own), numbers.chain(chain.slots.iter().cloned()).collect()),
    })
}

fn zip(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let over = r.below(3) as usize;
    let pair = |item: Item| {
        let [a, b] = item.parts().unwrap_or(&[]) else { return Err(DataError::invalid("a pair")) };
        let b = key(b.clone())?;
        Value::of(a)?.map(|x| x.wrapping_sub(b)).item()
    };
    let other = Chain::new(chain.dataset.skip(over as u64), chain.slots.clone());
    let rest = chain.slots.iter().enumerate().filter(|(i, slot)| *i >= over || slot.is_err());
    let mut rest = rest.map(|(_, slot)| slot);
    let mut slots = Vec::new();
    for a in &chain.slots {
        let b = rest.next();
        match (a, b) {
            (Ok(a), Some(Ok(b))) => slots.push(Ok(a.map(|x| x.wrapping_sub(b.key())))),
            (Ok(_), None) => break,
            _ => slots.push(Err(())),
        }
        // An error of the first input comes out, also where the second one has ended.
        if b.is_none() {
            break;
        }
    }
    let dataset = Dataset::zip((chain.dataset.clone(), other.dataset)).map_items(spec(None), pair);
    Some(Chain::new(dataset, slots))
}

fn choose(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let choices: Vec<i64> = (0..chain.slots.len() + 4).map(|_| r.below(2)).collect();
    let on_empty = if r.flag() { OnEmpty::Stop } else { OnEmpty::Skip };
    let choice = Dataset::from_iter(choices.clone());
    let numbers = Dataset::range(4).with_spec(spec(None));
    let dataset = Dataset::choose(&[chain.dataset.with_spec(spec(None)), numbers], &choice, on_empty);
    let mut inputs = [
        chain.slots.clone().into_iter(),
        (0..4).map(|x| Ok(Value::number(x))).collect::<Vec<_>>().into_iter(),
    ];
    let (mut slots, mut ended) = (Vec::new(), [false; 2]);
    for index in choices {
        match inputs[index as usize].next() {
            Some(slot) => slots.push(slot),
            None if on_empty == OnEmpty::Stop => break,
            None => ended[index as usize] = true,
        }
        if ended == [true; 2] {
            break;
        }
    }
    Some(Chain::new(dataset, slots))
}

/// The size of batches, and whether smaller ones are left out.
fn batching(r: &mut Random) -> (usize, bool, BatchOptions) {
    let (size, drops) = (1 + r.below(4) as usize, r.flag());
    let options = BatchOptions::new(size);
    (size, drops, if drops { options.drop_remainder() } else { options })
}

fn batch(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let (size, drops, options) = batching(r);
    Some(Chain::new(chain.dataset.batch(options), gathered(&chain.slots, size, drops, stacked)))
}

/// Vectors are needed: others become vectors of as many numbers as their key says.
fn vectors(chain: &Chain) -> Chain {
    let vector = |value: &Value| {
        let length = value.key().rem_euclid(5);
        Value {
            sizes: vec![length as usize],
            data: (0..length).map(|i| value.key().wrapping_add(i)).collect(),
        }
    };
    let dataset = chain.dataset.map_items(spec(Some(1)), move |item| vector(&Value::of(&item)?).item());
    Chain::new(dataset, mapped(chain.slots.clone(), |value| Ok(vector(value))))
}

fn padded_batch(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let ((size, drops, options), fill) = (batching(r), r.below(3) - 1);
    let length = if r.flag() { Some(3 + r.below(2) as usize) } else { None };
    let own = vectors(chain);
    let padding = PadOptions::new().value(fill);
    let padding = if length.is_some() { padding.shapes([Extents::new([length])]) } else { padding };
    let join = |values: &[Value]| padded(values, length, fill);
    Some(Chain::new(own.dataset.padded_batch(options, padding), gathered(&own.slots, size, drops, join)))
}

fn ragged_batch(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let (size, drops, options) = batching(r);
    let own = vectors(chain);
    let batches = own.dataset.ragged_batch(options);
    if r.flag() {
        let rows = gathered(&own.slots, size, drops, ragged);
        return Some(Chain::new(batches.map_items(spec(Some(1)), |item| Value::of(&item)?.item()), rows));
    }
    // Rows again: what a batch has lost stays lost.
    let rows = gathered(&own.slots, size, drops, |values| {
        Ok(Value { sizes: vec![0], data: values.iter().map(Value::key).collect() })
    });
    let rows = rows.into_iter().flat_map(|row| match row {
        Ok(keys) => keys.data.iter().map(|key| Ok(Value::number(*key))).collect::<Vec<Slot>>(),
        Err(()) => vec![Err(())],
    });
    let keys = batches.unbatch().map_items(spec(Some(0)), |item| Ok(Item::number(key(item)?)));
    Some(Chain::new(keys, rows.collect()))
}

fn unbatch(chain: &Chain, _: &mut Random, _: Threads) -> Option<Chain> {
    chain.rank().filter(|rank| *rank > 0)?;
    let rows = chain.slots.iter().flat_map(|slot| match slot {
        Ok(value) => value.rows().into_iter().map(Ok).collect::<Vec<Slot>>(),
        Err(()) => vec![Err(())],
    });
    Some(Chain::new(chain.with_rank().unbatch(), rows.collect()))
}

fn rebatch(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let (sizes, drops) = ([1 + r.below(3) as usize, 1 + r.below(3) as usize], r.flag());
    let rows = unbatch(chain, r, Threads::One)?;
    let (mut slots, mut group, mut at) = (Vec::new(), Vec::new(), 0);
    for row in rows.slots {
        match row {
            Ok(row) => group.push(row),
            Err(()) => {
                group.clear();
                slots.push(Err(()));
            }
        }
        if group.len() == sizes[at % 2] {
            slots.push(stacked(&group));
            group.clear();
            at += 1;
        }
    }
    if !group.is_empty() && !drops {
        slots.push(stacked(&group));
    }
    Some(Chain::new(chain.with_rank().rebatch(&sizes, drops), slots))
}

/// The elements of a window in one.
fn joined(window: &Arc<Window>, size: usize) -> Dataset {
    Dataset::from_window(window).batch(size)
}

fn window(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let [size, shift, stride] = [0; 3].map(|_| 1 + r.below(3) as usize);
    let drops = r.flag();
    let options = WindowOptions::new(size).shift(shift).stride(stride);
    let options = if drops { options.drop_remainder() } else { options };
    let dataset = chain.dataset.window(options).flat_map(move |window: Arc<Window>| joined(&window, size));
    let span = (size - 1) * stride + 1;
    let windows = (0..chain.slots.len()).step_by(shift).filter_map(|from| {
        let rest = &chain.slots[from..];
        (!drops || rest.len() >= span).then(|| {
            let own: Vec<&Slot> = rest.iter().take(span).step_by(stride).collect();
            own.into_iter().cloned().collect::<Result<Vec<Value>, ()>>().and_then(|values| stacked(&values))
        })
    });
    Some(Chain::new(dataset, windows.collect()))
}

fn interleave(chain: &Chain, r: &mut Random, threads: Threads) -> Option<Chain> {
    let (cycle, block, fails) = (1 + r.below(3) as usize, 1 + r.below(3) as usize, r.below(7));
    let numbers = |key: i64| key..key.saturating_add(key.rem_euclid(4));
    let body = move |item: Item| {
        let key = key(item)?;
        // Some fail, and some have elements that do.
        match key.rem_euclid(7) == fails {
            true => Err(DataError::invalid("refused")),
            false => {
                let range = numbers(key);
                let odd = |x: i64| if x % 5 == 0 { Err(DataError::invalid("five")) } else { Ok(x) };
                Dataset::range_by(range.start, range.end, 1).map(odd).ok()
            }
        }
    };
    let model = |value: &Value| match value.key().rem_euclid(7) == fails {
        true => None,
        false => Some(
            numbers(value.key()).map(|x| if x % 5 == 0 { Err(()) } else { Ok(Value::number(x)) }).collect(),
        ),
    };
    // An element whose dataset fails takes no turn, like an error.
    let slots = mapped(chain.slots.clone(), |value| model(value).map(|_: Vec<Slot>| value.clone()).ok_or(()));
    let slots = interleaved(&slots, (cycle, block), |value| model(value).unwrap_or_default());
    let options = InterleaveOptions::new(cycle).block(block);
    let options = if threads == Threads::Several { options.parallel(Parallel::Auto) } else { options };
    let number = Spec::scalar(tensorwright::DType::I64);
    let dataset = match cycle {
        1 => chain.dataset.flat_map_items(number, body),
        _ => chain.dataset.interleave_items(options, number, body),
    };
    Some(Chain::new(dataset, slots))
}

/// Values by keys: whole groups as they fill, what is left in the order of keys. An error loses nothing.
fn grouped(
    slots: &[Slot],
    key: impl Fn(&Value) -> i64,
    size: impl Fn(i64) -> usize,
    join: impl Fn(i64, &[Value]) -> Vec<Slot>,
) -> Vec<Slot> {
    let (mut out, mut groups) = (Vec::new(), BTreeMap::<i64, Vec<Value>>::new());
    for slot in slots {
        match slot {
            Err(()) => out.push(Err(())),
            Ok(value) => {
                let key = key(value);
                let group = groups.entry(key).or_default();
                group.push(value.clone());
                if group.len() == size(key) {
                    out.extend(join(key, group));
                    groups.remove(&key);
                }
            }
        }
    }
    groups.iter().for_each(|(key, group)| out.extend(join(*key, group)));
    out
}

fn group(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let (n, batch) = (1 + r.below(3), 1 + r.below(3) as usize);
    let size = move |key: i64| 1 + key as usize + batch / 2;
    let dataset = chain.dataset.group_by_window(
        spec(None),
        move |item| Ok(key(item)?.rem_euclid(n)),
        move |key| Ok(size(key)),
        move |_, window| joined(&window, batch).ok(),
    );
    let join = |_: i64, values: &[Value]| values.chunks(batch).map(stacked).collect();
    Some(Chain::new(dataset, grouped(&chain.slots, |value| value.key().rem_euclid(n), size, join)))
}

fn buckets(chain: &Chain, r: &mut Random, _: Threads) -> Option<Chain> {
    let boundaries = [r.below(3) as usize, 3 + r.below(2) as usize];
    let sizes = [0; 3].map(|_| 1 + r.below(3) as usize);
    let (pads_to_boundary, drops, fill) = (r.flag(), r.flag(), r.below(2));
    let own = vectors(chain);
    let padding = PadOptions::new().value(fill);
    let options = BucketOptions::new(boundaries, sizes);
    let options = if pads_to_boundary { options.pad_to_boundary(padding) } else { options.padding(padding) };
    let options = if drops { options.drop_remainder() } else { options };
    let dataset = own.dataset.bucket_by_length(options, |item| Ok(item.rows().unwrap_or(0) as i64));
    let bucket = |value: &Value| boundaries.iter().filter(|boundary| value.data.len() >= **boundary).count();
    let join = |bucket: i64, values: &[Value]| {
        let bucket = bucket as usize;
        // There is no batch of what is longer than all boundaries, if it is to be padded to one.
        let length = match (pads_to_boundary, boundaries.get(bucket)) {
            (false, _) => None,
            (true, Some(boundary)) => Some(boundary.saturating_sub(1)),
            (true, None) => return vec![Err(())],
        };
        match drops && values.len() < sizes[bucket] {
            true => Vec::new(),
            false => vec![padded(values, length, fill)],
        }
    };
    if pads_to_boundary && own.slots.iter().flatten().any(|value| bucket(value) == 2) {
        // What cannot be batched stays, and fails again at the end: that is checked in the recorded cases.
        return None;
    }
    Some(Chain::new(
        dataset,
        grouped(&own.slots, |value| bucket(value) as i64, |key| sizes[key as usize], join),
    ))
}
