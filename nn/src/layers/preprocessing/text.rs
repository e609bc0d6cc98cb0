//! Texts as words, and words as categories.

use serde_json::Value;
use tensorwright::{Result, Tensor};

use super::encode::OutputMode;
use super::learned::Learned;
use super::lookup::{Counts, Places, StringLookup, finished};
use crate::settings::keyword;
use crate::{Argument, Field, Inputs, Layer, Outputs, Scope, Setting, Strings, layer};

keyword! {
    /// What is done to a text before it is split.
    pub enum TextStandard {
        /// Letters become small.
        Lower = "lower",
        /// Punctuation goes.
        StripPunctuation = "strip_punctuation",
        /// Both.
        LowerAndStripPunctuation = "lower_and_strip_punctuation",
    }
}

keyword! {
    /// Where a text is split.
    pub enum TextSplit {
        /// At white space.
        Whitespace = "whitespace",
        /// Behind each character.
        Character = "character",
    }
}

/// Lengths of groups of words: up to a number, or those of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ngrams(Vec<usize>);

impl Setting<Option<Ngrams>> for usize {
    fn setting(self) -> Option<Ngrams> {
        Some(Ngrams((1..=self).collect()))
    }
}

impl Field for Ngrams {
    fn to_json(&self) -> Value {
        self.0.clone().into()
    }

    fn from_json(value: &Value) -> Result<Ngrams, String> {
        match value.as_u64() {
            Some(most) => Ok(Ngrams((1..=most as usize).collect())),
            None => Vec::<usize>::from_json(value).map(Ngrams),
        }
    }
}

const PUNCTUATION: &str = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'";

layer! {
    /// Texts as places of their words in a vocabulary. The inputs are [`Strings`], a text each.
    pub struct TextVectorization() {
        /// The most places that there may be.
        max_tokens: Option<usize> = None,
        /// What is done to a text before it is split.
        standardize: Option<TextStandard> = Some(TextStandard::LowerAndStripPunctuation),
        /// Where a text is split.
        split: Option<TextSplit> = Some(TextSplit::Whitespace),
        /// Lengths of groups of words that count as words.
        ngrams: Option<Ngrams> = None,
        /// What becomes of words.
        output_mode: OutputMode = OutputMode::Int,
        /// How many places a text has: longer ones are cut, shorter ones padded with 0.
        output_sequence_length: Option<usize> = None,
        /// Whether vectors have `max_tokens` numbers, however many words there are.
        pad_to_max_tokens: bool = false,
        /// The words, without special ones; `adapt` finds those that come most often.
        vocabulary: Learned<Vec<String>> = Learned::default(),
        /// How rare each word is.
        idf_weights: Learned<Vec<f64>> = Learned::default(),
        /// Read and kept: vectors are dense.
        sparse: bool = false,
        /// Read and kept: rows have one length.
        ragged: bool = false,
        /// Read and kept: strings are UTF-8.
        encoding: String = "utf-8".to_owned(),
        /// Read and kept: the vocabulary says it.
        vocabulary_size: Option<usize> = None,
    }
}

impl TextVectorization {
    fn lookup(&self) -> StringLookup {
        let lookup = StringLookup::new()
            .max_tokens(self.max_tokens)
            .output_mode(self.output_mode)
            .pad_to_max_tokens(self.pad_to_max_tokens)
            .vocabulary(self.vocabulary.clone())
            .idf_weights(self.idf_weights.clone());
        lookup.mask_token(String::new())
    }

    fn places(&self) -> Places {
        Places::new(true, self.output_mode, 1)
    }

    /// A text before it is split.
    fn standard(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if matches!(self.standardize, Some(TextStandard::Lower | TextStandard::LowerAndStripPunctuation)) {
            text = text.to_lowercase();
        }
        if matches!(
            self.standardize,
            Some(TextStandard::StripPunctuation | TextStandard::LowerAndStripPunctuation)
        ) {
            text.retain(|c| !PUNCTUATION.contains(c));
        }
        text
    }

    /// The words of a text.
    fn words(&self, text: &str) -> Vec<String> {
        let text = self.standard(text);
        self.grouped(match self.split {
            None => vec![text],
            Some(TextSplit::Whitespace) => text.split_whitespace().map(str::to_owned).collect(),
            Some(TextSplit::Character) => text.chars().map(String::from).collect(),
        })
    }

    /// The groups of words that count as words.
    fn grouped(&self, words: Vec<String>) -> Vec<String> {
        let Some(Ngrams(lengths)) = &self.ngrams else { return words };
        let groups =
            |&length: &usize| words.windows(length.max(1)).map(|group| group.join(" ")).collect::<Vec<_>>();
        lengths.iter().flat_map(groups).collect()
    }

    /// What becomes a vector, or a row of places, and the axes before these: the words of a text, or, where texts are not split, all texts along the last
    /// axis.
    fn rows(&self, strings: &Strings, scope: &Scope<'_>) -> Result<(Vec<Vec<String>>, Vec<usize>)> {
        let Strings { values, shape } = strings;
        let (&last, before) = shape.split_last().unwrap_or((&1, &[]));
        if self.split.is_none() {
            let row = |texts: &[String]| {
                self.grouped(texts.iter().map(|text| self.standard(text)).collect::<Vec<String>>())
            };
            return Ok((values.chunks(last.max(1)).map(row).collect(), before.to_vec()));
        }
        if !before.is_empty() && last != 1 {
            return Err(scope.refuse(format!("a text each is wanted, found strings of shape {shape:?}")));
        }
        let sizes = if before.is_empty() { shape.clone() } else { before.to_vec() };
        Ok((values.iter().map(|text| self.words(text)).collect(), sizes))
    }

    fn texts(&self, argument: &Argument, scope: &Scope<'_>) -> Result<Vec<Vec<String>>> {
        match argument {
            Argument::Strings(Strings { values, .. }) => {
                Ok(values.iter().map(|text| self.words(text)).collect())
            }
            _ => Err(scope.refuse("strings are wanted")),
        }
    }
}

impl Layer for TextVectorization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let strings = inputs.strings().ok_or_else(|| scope.refuse("strings are wanted"))?;
        let known = self.vocabulary.get();
        let known = known.ok_or_else(|| scope.refuse("a vocabulary is given, or learnt by `adapt`"))?;
        let (texts, mut sizes) = self.rows(strings, scope)?;
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        let is_int = self.output_mode == OutputMode::Int;
        let width = self.output_sequence_length.filter(|_| is_int).unwrap_or(longest);
        let lookup = self.lookup();
        let mut rows = Vec::new();
        for words in &texts {
            let mut row = lookup.found(words, &known, scope)?;
            row.resize(width, if is_int { 0 } else { -1 });
            rows.extend(row);
        }
        sizes.push(width);
        let categories = Tensor::from_slice(&rows, sizes);
        let depth = lookup.depth(known.len());
        Ok(finished(&categories, self.output_mode, depth, self.places(), &self.idf_weights, scope)?.into())
    }

    fn adapt(&self, data: &[Argument], scope: &Scope<'_>) -> Result<()> {
        let mut counts = Counts::new();
        for argument in data {
            self.texts(argument, scope)?.iter().for_each(|words| counts.add(words));
        }
        let most = self.max_tokens.map(|most| most.saturating_sub(self.places().start()));
        let special = [Some(String::new()), Some("[UNK]".to_owned())];
        let (words, weights) = counts.learnt(&special, most);
        self.vocabulary.set(words);
        if self.output_mode == OutputMode::TfIdf {
            self.idf_weights.set(weights);
        }
        Ok(())
    }

    fn vocabulary(&self) -> Option<Value> {
        Layer::vocabulary(&self.lookup())
    }
}
