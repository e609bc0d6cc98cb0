//! Words and integers as categories, and back.

use std::collections::HashMap;
use std::hash::Hash;

use serde_json::Value;
use tensorwright::{DType, Result, SearchSide, Tensor};

use super::digest::fingerprint;
use super::encode::{OutputMode, encoded};
use super::learned::Learned;
use crate::{Argument, Inputs, Layer, Outputs, Scope, Signal, Strings, layer};

/// The places before the tokens that are known: one for padding, some for what is not known.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub(super) masked: bool,
    pub(super) unknown: usize,
}

impl Places {
    /// The places of a lookup; only numbers have one for padding.
    pub(super) fn new(has_mask: bool, mode: OutputMode, unknown: usize) -> Places {
        Places { masked: has_mask && mode == OutputMode::Int, unknown }
    }

    /// The place of the first token.
    pub(super) fn start(self) -> usize {
        usize::from(self.masked) + self.unknown
    }
}

/// Tokens with how often they come, and in how many examples.
pub(super) struct Counts<T> {
    tokens: HashMap<T, usize>,
    examples: HashMap<T, usize>,
    total: usize,
}

impl<T: Clone + Eq + Hash + Ord> Counts<T> {
    pub(super) fn new() -> Counts<T> {
        Counts { tokens: HashMap::new(), examples: HashMap::new(), total: 0 }
    }

    pub(super) fn add(&mut self, example: &[T]) {
        self.total += 1;
        for (i, token) in example.iter().enumerate() {
            *self.tokens.entry(token.clone()).or_default() += 1;
            if !example[..i].contains(token) {
                *self.examples.entry(token.clone()).or_default() += 1;
            }
        }
    }

    /// The tokens that come most often, of those that come equally often the greater first; and how rare each is.
    pub(super) fn learnt(mut self, without: &[Option<T>], most: Option<usize>) -> (Vec<T>, Vec<f64>) {
        for token in without.iter().flatten() {
            self.tokens.remove(token);
        }
        let mut tokens: Vec<(usize, T)> =
            self.tokens.into_iter().map(|(token, count)| (count, token)).collect();
        tokens.sort_by(|a, b| b.cmp(a));
        tokens.truncate(most.unwrap_or(usize::MAX));
        let tokens: Vec<T> = tokens.into_iter().map(|(_, token)| token).collect();
        let rarity = |token: &T| {
            let examples = self.examples.get(token).copied().unwrap_or(0);
            (1.0 + self.total as f64 / (1.0 + examples as f64)).ln()
        };
        let rarities = tokens.iter().map(rarity).collect();
        (tokens, rarities)
    }
}

/// Weights of places: of tokens as they are, of what is not known their mean, and zeros to fill up.
pub(super) fn idf_of_places(weights: &[f64], places: Places, depth: usize) -> Tensor {
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    let mut all = vec![mean; places.start()];
    all.extend(weights);
    all.resize(depth, 0.0);
    Tensor::from_slice(&all, [depth]).cast(DType::F32)
}

/// Categories as what the layer's mode says; `i64`, or `f32` for weighted counts.
pub(super) fn finished(
    categories: &Tensor,
    mode: OutputMode,
    depth: usize,
    places: Places,
    weights: &Learned<Vec<f64>>,
    scope: &Scope<'_>,
) -> Result<Tensor> {
    let found = encoded(categories, mode, depth, DType::I64, None)?;
    if mode != OutputMode::TfIdf {
        return Ok(found);
    }
    let weights =
        weights.get().ok_or_else(|| scope.refuse("`idf_weights` are given with a vocabulary, or learnt"))?;
    Ok(found.cast(DType::F32) * idf_of_places(&weights, places, depth))
}

layer! {
    /// Words as integers: the place in a vocabulary, behind places for padding and for what is not in it. The inputs are [`Strings`].
    pub struct StringLookup() {
        /// The most places that there may be.
        max_tokens: Option<usize> = None,
        /// How many places there are for what is not in the vocabulary; of several, a hash function says which.
        num_oov_indices: usize = 1,
        /// The word that stands for padding.
        mask_token: Option<String> = None,
        /// The word that stands for what is not in the vocabulary.
        oov_token: Option<String> = Some("[UNK]".to_owned()),
        /// The words, without special ones; `adapt` finds those that come most often.
        vocabulary: Learned<Vec<String>> = Learned::default(),
        /// How rare each word is.
        idf_weights: Learned<Vec<f64>> = Learned::default(),
        /// Whether integers become words.
        invert: bool = false,
        /// What becomes of words.
        output_mode: OutputMode = OutputMode::Int,
        /// Whether vectors have `max_tokens` numbers, however many words there are.
        pad_to_max_tokens: bool = false,
        /// Read and kept: vectors are dense.
        sparse: bool = false,
        /// Read and kept: strings are UTF-8.
        encoding: String = "utf-8".to_owned(),
        /// Read and kept: what several places for unknown words are chosen by.
        oov_method: String = "floormod".to_owned(),
        /// Read and kept.
        salt: Option<Value> = None,
        /// Read and kept: the vocabulary says it.
        vocabulary_size: Option<usize> = None,
    }
}

impl StringLookup {
    fn places(&self) -> Places {
        Places::new(self.mask_token.is_some(), self.output_mode, self.num_oov_indices)
    }

    /// The words behind the special ones.
    fn words(&self, scope: &Scope<'_>) -> Result<Vec<String>> {
        let words = self.vocabulary.get();
        let words = words.ok_or_else(|| scope.refuse("a vocabulary is given, or learnt by `adapt`"))?;
        Ok(plain_words(&words, &self.mask_token, &self.oov_token, self.places()))
    }

    pub(super) fn depth(&self, words: usize) -> usize {
        let own = self.places().start() + words;
        self.max_tokens.filter(|_| self.pad_to_max_tokens).unwrap_or(own)
    }

    /// The place of each word; -1 for what is left out.
    pub(super) fn found(&self, words: &[String], known: &[String], scope: &Scope<'_>) -> Result<Vec<i64>> {
        let (places, mut table) = (self.places(), HashMap::new());
        for (i, word) in known.iter().enumerate() {
            table.insert(word.as_str(), (places.start() + i) as i64);
        }
        let place = |word: &String| {
            if self.mask_token.as_ref() == Some(word) {
                return Ok(if places.masked { 0 } else { -1 });
            }
            match (table.get(word.as_str()), self.num_oov_indices) {
                (Some(&place), _) => Ok(place),
                (None, 0) => Err(scope.refuse(format!("`{word}` is not in the vocabulary"))),
                (None, 1) => Ok(i64::from(places.masked)),
                (None, many) => {
                    Ok(i64::from(places.masked) + (fingerprint(word.as_bytes()) % many as u64) as i64)
                }
            }
        };
        words.iter().map(place).collect()
    }
}

/// A vocabulary that begins with its special words, without them.
fn plain_words(
    words: &[String],
    mask: &Option<String>,
    unknown: &Option<String>,
    places: Places,
) -> Vec<String> {
    let masks = mask.iter().take(usize::from(places.masked)).cloned();
    let special: Vec<String> = masks.chain(unknown.iter().cycle().take(places.unknown).cloned()).collect();
    words.strip_prefix(&special[..]).filter(|_| !special.is_empty()).unwrap_or(words).to_vec()
}

impl Layer for StringLookup {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let known = self.words(scope)?;
        if self.invert {
            // Words are no tensors: places go on, and `LayerRef::words` says which words they are.
            return Ok(inputs.list().into());
        }
        let strings = inputs.strings().ok_or_else(|| scope.refuse("strings are wanted"))?;
        let found = self.found(&strings.values, &known, scope)?;
        let categories = Tensor::from_slice(&found, &strings.shape[..]);
        let depth = self.depth(known.len());
        Ok(finished(&categories, self.output_mode, depth, self.places(), &self.idf_weights, scope)?.into())
    }

    fn words(&self, places: &Tensor, scope: &Scope<'_>) -> Result<Strings> {
        let (known, start) = (StringLookup::words(self, scope)?, self.places().start());
        let word = |&place: &i64| {
            let known = usize::try_from(place).ok().and_then(|place| known.get(place.checked_sub(start)?));
            match (place, known) {
                (_, Some(word)) => word.clone(),
                (0, None) if self.places().masked => self.mask_token.clone().unwrap_or_default(),
                _ => self.oov_token.clone().unwrap_or_default(),
            }
        };
        let values = places.cast(DType::I64).to_vec::<i64>()?;
        Ok(Strings { values: values.iter().map(word).collect(), shape: places.shape()?.sizes().to_vec() })
    }

    fn adapt(&self, data: &[Argument], scope: &Scope<'_>) -> Result<()> {
        let mut counts = Counts::new();
        for argument in data {
            let Argument::Strings(strings) = argument else {
                return Err(scope.refuse("vocabularies are learnt from strings"));
            };
            let width = if strings.shape.len() > 1 { strings.shape[strings.shape.len() - 1] } else { 1 };
            strings.values.chunks(width.max(1)).for_each(|example| counts.add(example));
        }
        let most = self.max_tokens.map(|most| most.saturating_sub(self.places().start()));
        let (words, weights) = counts.learnt(&[self.mask_token.clone(), self.oov_token.clone()], most);
        self.vocabulary.set(words);
        if self.output_mode == OutputMode::TfIdf {
            self.idf_weights.set(weights);
        }
        Ok(())
    }

    fn vocabulary(&self) -> Option<Value> {
        let (places, words) = (self.places(), self.vocabulary.get()?);
        let masks = self.mask_token.iter().filter(|_| places.masked);
        let unknown = self.oov_token.iter().cycle().take(places.unknown);
        let plain = plain_words(&words, &self.mask_token, &self.oov_token, places);
        Some(masks.chain(unknown).chain(&plain).cloned().collect::<Vec<String>>().into())
    }
}

layer! {
    /// Integers of a vocabulary as their places in it, behind places for padding and for what is not in it. What is in no place is -1.
    pub struct IntegerLookup() {
        /// The most places that there may be.
        max_tokens: Option<usize> = None,
        /// How many places there are for what is not in the vocabulary; of several, the remainder of a division says which.
        num_oov_indices: usize = 1,
        /// The integer that stands for padding.
        mask_token: Option<i64> = None,
        /// The integer that stands for what is not in the vocabulary.
        oov_token: Option<i64> = Some(-1),
        /// The integers, without special ones; `adapt` finds those that come most often.
        vocabulary: Learned<Vec<i64>> = Learned::default(),
        /// The dtype of the integers.
        vocabulary_dtype: String = "int64".to_owned(),
        /// How rare each is.
        idf_weights: Learned<Vec<f64>> = Learned::default(),
        /// Whether places become integers.
        invert: bool = false,
        /// What becomes of integers.
        output_mode: OutputMode = OutputMode::Int,
        /// Whether vectors have `max_tokens` numbers, however many integers there are.
        pad_to_max_tokens: bool = false,
        /// Read and kept: vectors are dense.
        sparse: bool = false,
        /// Read and kept.
        oov_method: String = "floormod".to_owned(),
        /// Read and kept.
        salt: Option<Value> = None,
        /// Read and kept: the vocabulary says it.
        vocabulary_size: Option<usize> = None,
    }
}

impl IntegerLookup {
    fn places(&self) -> Places {
        Places::new(self.mask_token.is_some(), self.output_mode, self.num_oov_indices)
    }

    fn known(&self, scope: &Scope<'_>) -> Result<Vec<i64>> {
        let known = self.vocabulary.get();
        let known = known.filter(|known| !known.is_empty());
        let known = known.ok_or_else(|| scope.refuse("a vocabulary is given, or learnt by `adapt`"))?;
        let places = self.places();
        let masks = self.mask_token.into_iter().filter(|_| places.masked);
        let special: Vec<i64> =
            masks.chain(self.oov_token.into_iter().cycle().take(places.unknown)).collect();
        Ok(known.strip_prefix(&special[..]).filter(|_| !special.is_empty()).unwrap_or(&known).to_vec())
    }

    /// The places of integers, by a search among the sorted ones.
    fn found(&self, x: &Tensor, known: &[i64]) -> Tensor {
        let places = self.places();
        let mut sorted: Vec<(i64, i64)> =
            known.iter().enumerate().map(|(i, &token)| (token, (places.start() + i) as i64)).collect();
        sorted.sort_unstable();
        let (tokens, own): (Vec<i64>, Vec<i64>) = sorted.into_iter().unzip();
        let tokens = Tensor::from_slice(&tokens, [tokens.len()]);
        let own = Tensor::from_slice(&own, [own.len()]);
        let at = tokens.searchsorted(x, SearchSide::Left).clamp(0, known.len() as i64 - 1);
        let first = i64::from(places.masked);
        let unknown = match self.num_oov_indices {
            0 => x.full_like(-1),
            1 => x.full_like(first),
            many => {
                let many = many as i64;
                ((x % many + many) % many) + first
            }
        };
        let found = tokens.take(&at, 0).eq(x).select(own.take(&at, 0), unknown);
        match self.mask_token {
            Some(mask) => x.eq(mask).select(x.full_like(if places.masked { 0i64 } else { -1 }), found),
            None => found,
        }
    }

    fn inverted(&self, x: &Tensor, known: &[i64]) -> Tensor {
        let start = self.places().start() as i64;
        let at = (x - start).clamp(0, known.len() as i64 - 1);
        let tokens = Tensor::from_slice(known, [known.len()]);
        let inside = x.ge(start) & x.lt(start + known.len() as i64);
        let found = inside.select(tokens.take(&at, 0), x.full_like(self.oov_token.unwrap_or(-1)));
        match self.mask_token {
            Some(mask) => x.eq(0).select(x.full_like(mask), found),
            None => found,
        }
    }
}

impl Layer for IntegerLookup {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, known) = (inputs.tensor()?.cast(DType::I64), self.known(scope)?);
        if self.invert {
            return Ok(self.inverted(&x, &known).into());
        }
        let categories = self.found(&x, &known);
        let depth = self.places().start() + known.len();
        let depth = self.max_tokens.filter(|_| self.pad_to_max_tokens).unwrap_or(depth);
        Ok(finished(&categories, self.output_mode, depth, self.places(), &self.idf_weights, scope)?.into())
    }

    fn adapt(&self, data: &[Argument], scope: &Scope<'_>) -> Result<()> {
        let mut counts = Counts::new();
        for Signal { value, .. } in data.iter().flat_map(Argument::signals) {
            let width = if value.rank()? > 1 { value.extent(-1)? } else { 1 };
            value
                .cast(DType::I64)
                .to_vec::<i64>()?
                .chunks(width.max(1))
                .for_each(|example| counts.add(example));
        }
        let most = self.max_tokens.map(|most| most.saturating_sub(self.places().start()));
        let (tokens, weights) = counts.learnt(&[self.mask_token, self.oov_token], most);
        if tokens.is_empty() {
            return Err(scope.refuse("there is nothing to learn from"));
        }
        self.vocabulary.set(tokens);
        if self.output_mode == OutputMode::TfIdf {
            self.idf_weights.set(weights);
        }
        Ok(())
    }

    fn vocabulary(&self) -> Option<Value> {
        let places = self.places();
        let masks = self.mask_token.into_iter().filter(|_| places.masked);
        let unknown = self.oov_token.into_iter().cycle().take(places.unknown);
        Some(masks.chain(unknown).chain(self.vocabulary.get()?).collect::<Vec<i64>>().into())
    }
}
