//! Strings, which are on the host.

use tensorwright::{DType, Shape, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, integers, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::value::{Strings, Value};

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("StringNormalizer", normalizer),
    ("StringConcat", string_concat),
    ("StringSplit", string_split),
    ("RegexFullMatch", regex_full_match),
    ("TfIdfVectorizer", tf_idf),
];

/// Which strings are equal.
pub(super) fn equal(x: &Strings, y: &Strings) -> Results {
    let (shape, left, right) = both(x, y)?;
    let found: Vec<bool> = left.iter().zip(&right).map(|(x, y)| x == y).collect();
    one(Tensor::from_slice(&found, shape))
}

/// Strings of both broadcast to one shape.
fn both<'s>(x: &'s Strings, y: &'s Strings) -> Result<(Shape, Vec<&'s String>, Vec<&'s String>), Reason> {
    let (left, right) = (places(x)?, places(y)?);
    let shape = (&left + &right).shape()?.clone();
    let spread = |places: Tensor, strings: &'s Strings| -> Result<Vec<&'s String>, Reason> {
        let places = places.broadcast_to(shape.clone()).to_vec::<i64>()?;
        places.into_iter().map(|at| strings.at(at)).collect()
    };
    let (left, right) = (spread(left, x)?, spread(right, y)?);
    Ok((shape.clone(), left, right))
}

fn places(strings: &Strings) -> Result<Tensor, Reason> {
    Ok(Tensor::arange(strings.elements.len(), DType::I64).reshape(strings.shape.clone()).ok()?)
}

/// Strings at places of a tensor, which must be those of a vector of strings.
pub(super) fn taken(strings: &Strings, places_of: &Tensor) -> Result<Value, Reason> {
    at_places(strings, &places(strings)?.reshape([-1]).take(places_of, 0))
}

impl Strings {
    fn at(&self, place: i64) -> Result<&String, Reason> {
        let found = usize::try_from(place).ok().and_then(|place| self.elements.get(place));
        found.ok_or_else(|| Reason::other(format!("place {place} of {} strings", self.elements.len())))
    }
}

/// Strings at places of a tensor.
pub(super) fn at_places(strings: &Strings, places: &Tensor) -> Result<Value, Reason> {
    let flat = integers(places)?;
    let words = flat.iter().map(|&at| strings.at(at).cloned()).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::strings(places.shape()?.clone(), words))
}

pub(super) fn gather(call: &Call<'_>, strings: &Strings) -> Results {
    let indices = call.tensor(1)?;
    let at = axis(call.int("axis", 0)?, strings.shape.rank())?;
    let size = strings.shape.size(at) as i64;
    let indices = indices.cast(DType::I64);
    let indices = indices.lt(0).select(&indices + size, &indices);
    Ok(vec![at_places(strings, &places(strings)?.take(indices, at))?])
}

pub(super) fn concat(call: &Call<'_>) -> Results {
    let mut all = Strings { shape: Shape::from(0), elements: Vec::new() };
    let mut parts = Vec::new();
    for position in 0..call.count() {
        let strings = call.strings(position)?;
        parts.push(places(strings)? + all.elements.len() as i64);
        all.elements.extend(strings.elements.iter().cloned());
    }
    let at = axis(call.required_int("axis")?, parts.first().ok_or(Reason::MissingInput(0))?.rank()?)?;
    Ok(vec![at_places(&all, &Tensor::concat(&parts, at))?])
}

fn normalizer(call: &Call<'_>) -> Results {
    let strings = call.strings(0)?;
    let is_case_sensitive = call.flag("is_case_sensitive", false)?;
    let stop_words = call.words("stopwords")?.unwrap_or_default();
    let lower: Vec<String> = stop_words.iter().map(|word| word.to_lowercase()).collect();
    let stops = |word: &String| match is_case_sensitive {
        true => stop_words.contains(word),
        false => lower.contains(&word.to_lowercase()),
    };
    let change = |word: String| -> Result<String, Reason> {
        Ok(match call.word("case_change_action", "NONE")? {
            "LOWER" => word.to_lowercase(),
            "UPPER" => word.to_uppercase(),
            "NONE" => word,
            other => return Err(call.unknown_word("case_change_action", other)),
        })
    };
    let kept = strings.elements.iter().filter(|word| !stops(word)).cloned();
    let mut words = kept.map(change).collect::<Result<Vec<_>, _>>()?;
    if words.is_empty() {
        words.push(String::new());
    }
    let shape =
        if strings.shape.rank() == 2 { Shape::from([1, words.len()]) } else { Shape::from(words.len()) };
    Ok(vec![Value::strings(shape, words)])
}

fn string_concat(call: &Call<'_>) -> Results {
    let (shape, left, right) = both(call.strings(0)?, call.strings(1)?)?;
    let words = left.iter().zip(&right).map(|(x, y)| format!("{x}{y}")).collect();
    Ok(vec![Value::strings(shape, words)])
}

fn string_split(call: &Call<'_>) -> Results {
    let strings = call.strings(0)?;
    let delimiter = call.word("delimiter", "")?;
    let most = call.maybe_int("maxsplit")?.and_then(|most| usize::try_from(most).ok());
    let split = |text: &String| -> Vec<String> {
        let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
        match (delimiter, most) {
            _ if text.is_empty() => Vec::new(),
            ("", None) => owned(text.split_whitespace().collect()),
            ("", Some(most)) => at_spaces(text, most),
            (delimiter, None) => owned(text.split(delimiter).collect()),
            (delimiter, Some(most)) => owned(text.splitn(most + 1, delimiter).collect()),
        }
    };
    let rows: Vec<Vec<String>> = strings.elements.iter().map(split).collect();
    let counts: Vec<i64> = rows.iter().map(|row| row.len() as i64).collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut shape = strings.shape.sizes().to_vec();
    shape.push(width);
    let words = rows.into_iter().flat_map(|mut row| {
        row.resize(width, String::new());
        row
    });
    let words = Value::strings(shape, words.collect());
    Ok(vec![words, Tensor::from_slice(&counts, strings.shape.clone()).into()])
}

/// At runs of spaces, at most so many times; the rest stays as it is but for spaces at its ends.
fn at_spaces(text: &str, most: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        match rest.split_once(char::is_whitespace).filter(|_| words.len() < most) {
            Some((word, behind)) => {
                words.push(word.to_owned());
                rest = behind.trim_start();
            }
            None => {
                words.push(rest.to_owned());
                break;
            }
        }
    }
    words
}

fn regex_full_match(call: &Call<'_>) -> Results {
    let strings = call.strings(0)?;
    let pattern = call.word("pattern", "")?;
    let regex = regex::Regex::new(&format!("^(?:{pattern})$"));
    let regex = regex.map_err(|error| Reason::attribute("pattern", error.to_string()))?;
    let found: Vec<bool> = strings.elements.iter().map(|word| regex.is_match(word)).collect();
    one(Tensor::from_slice(&found, strings.shape.clone()))
}

/// Counts of runs of words or numbers, which may skip some in between.
fn tf_idf(call: &Call<'_>) -> Results {
    let words: Vec<String> = match call.value(0)? {
        Value::Strings(strings) => strings.0.elements.clone(),
        _ => call.numbers(0)?.iter().map(i64::to_string).collect(),
    };
    let shape = match call.value(0)? {
        Value::Strings(strings) => strings.0.shape.sizes().to_vec(),
        _ => sizes(call.tensor(0)?)?,
    };
    let grams = Grams::of(call)?;
    let (rows, width) = match shape[..] {
        [rows, width] => (rows, width),
        _ => (1, words.len()),
    };
    if rows.saturating_mul(width) != words.len() {
        return Err(Reason::other(format!("{} words are no {rows} rows", words.len())));
    }
    let count = grams.places.iter().map(|&place| place + 1).max().unwrap_or(0);
    if rows.saturating_mul(count) > 1 << 28 {
        return Err(Reason::other(format!("{rows} rows of {count} counts are too many")));
    }
    let mut found = vec![0.0f32; rows * count];
    for (row, counts) in found.chunks_mut(count.max(1)).enumerate() {
        grams.count(&words[row * width..(row + 1) * width], counts);
    }
    let shape = if shape.len() == 2 { vec![rows, count] } else { vec![count] };
    one(Tensor::from_slice(&found, shape))
}

/// Runs that are counted.
struct Grams {
    /// The run of each number.
    runs: Vec<Vec<String>>,
    /// Where each is counted.
    places: Vec<usize>,
    weights: Option<Vec<f32>>,
    lengths: std::ops::RangeInclusive<usize>,
    skips: usize,
    mode: Mode,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Count,
    Weight,
    Both,
}

impl Grams {
    fn of(call: &Call<'_>) -> Result<Grams, Reason> {
        let number = |name: &str| -> Result<usize, Reason> {
            crate::onnx::call::natural(name, call.required_int(name)?)
        };
        let pool = match (call.words("pool_strings")?, call.ints("pool_int64s")?) {
            (Some(words), _) if !words.is_empty() => words,
            (_, Some(numbers)) => numbers.iter().map(i64::to_string).collect(),
            _ => Vec::new(),
        };
        let starts =
            crate::onnx::call::naturals("ngram_counts", &call.ints("ngram_counts")?.unwrap_or_default())?;
        let mut runs = Vec::new();
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(pool.len()).min(pool.len());
            let part =
                pool.get(start..end).ok_or_else(|| Reason::attribute("ngram_counts", "is out of order"))?;
            runs.extend(part.chunks_exact(i + 1).map(<[String]>::to_vec));
        }
        let places =
            crate::onnx::call::naturals("ngram_indexes", &call.ints("ngram_indexes")?.unwrap_or_default())?;
        if places.len() != runs.len() || places.iter().any(|&place| place > 1 << 30) {
            return Err(Reason::attribute(
                "ngram_indexes",
                format!("has {} numbers for {} runs", places.len(), runs.len()),
            ));
        }
        Ok(Grams {
            runs,
            places,
            weights: call.float_list("weights")?,
            lengths: number("min_gram_length")?..=number("max_gram_length")?,
            skips: number("max_skip_count")?,
            mode: match call.word("mode", "")? {
                "TF" => Mode::Count,
                "IDF" => Mode::Weight,
                "TFIDF" => Mode::Both,
                other => return Err(call.unknown_word("mode", other)),
            },
        })
    }

    fn count(&self, words: &[String], counts: &mut [f32]) {
        let mut times = vec![0u32; self.runs.len()];
        for skip in 0..=self.skips {
            for length in self.lengths.clone().filter(|&length| length > 0) {
                // Single words are the same however many are skipped.
                if length == 1 && skip > 0 {
                    continue;
                }
                let span = (length - 1) * (skip + 1) + 1;
                for start in 0..(words.len() + 1).saturating_sub(span) {
                    let run: Vec<&String> = (0..length).map(|i| &words[start + i * (skip + 1)]).collect();
                    let is_it =
                        |known: &Vec<String>| known.len() == length && known.iter().eq(run.iter().copied());
                    self.runs
                        .iter()
                        .zip(&mut times)
                        .filter(|(known, _)| is_it(known))
                        .for_each(|(_, n)| *n += 1);
                }
            }
        }
        for (i, &n) in times.iter().enumerate() {
            let weight = self.weights.as_ref().and_then(|weights| weights.get(i).copied()).unwrap_or(1.0);
            counts[self.places[i]] += match self.mode {
                Mode::Count => n as f32,
                Mode::Weight => {
                    if n > 0 {
                        weight
                    } else {
                        0.0
                    }
                }
                Mode::Both => n as f32 * weight,
            };
        }
    }
}
