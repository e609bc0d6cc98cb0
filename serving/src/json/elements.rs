//! Nested lists as a tensor: the shape is that of the first lists, and the others must agree.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use half::{bf16, f16};
use jiter::{Jiter, Peek};
use tensorwright::DType;

use super::outline::{broken, kind, reader, shown};
use crate::error::{Code, Error, Result};
use crate::tf::dtype::plain_name;
use crate::value::{ElementType, Elements, Value};

/// A tensor in the making.
pub(super) struct Builder {
    ty: ElementType,
    /// Extents as far as a list has ended.
    extents: Vec<Option<usize>>,
    /// Whether all extents are there: an element was found, or an empty list.
    is_deep: bool,
    numbers: Vec<u8>,
    strings: Vec<Bytes>,
}

impl Builder {
    pub(super) fn new(ty: ElementType) -> Builder {
        Builder { ty, extents: Vec::new(), is_deep: false, numbers: Vec::new(), strings: Vec::new() }
    }

    /// The tensor, with these extents before its own.
    pub(super) fn finish(self, outer: Option<usize>) -> Result<Value> {
        let own = self.extents.iter().map(|extent| extent.unwrap_or(0));
        let shape = outer.into_iter().chain(own).collect();
        let elements = match self.ty {
            ElementType::Number(dtype) => Elements::Numbers(dtype, self.numbers.into()),
            ElementType::Bytes => Elements::Strings(self.strings),
        };
        Value::new(shape, elements)
    }

    /// Adds the value that comes next.
    pub(super) fn add(&mut self, json: &mut Jiter<'_>, peek: Peek) -> Result<()> {
        self.at_level(json, peek, 0)
    }

    fn at_level(&mut self, json: &mut Jiter<'_>, peek: Peek, level: usize) -> Result<()> {
        if peek != Peek::Array {
            return self.element(json, peek, level);
        }
        if level == self.extents.len() {
            if self.is_deep {
                let rank = self.extents.len();
                return Err(Error::invalid(format!(
                    "Encountered list at unexpected level: {level} expected < {rank}"
                )));
            }
            self.extents.push(None);
        }
        let mut count = 0;
        let mut next = json.known_array().map_err(|error| broken(&error))?;
        if next.is_some_and(|peek| self.is_plain(peek, level)) {
            count = self.floats(json, next)?;
        } else {
            while let Some(peek) = next {
                self.at_level(json, peek, level + 1)?;
                count += 1;
                next = json.array_step().map_err(|error| broken(&error))?;
            }
        }
        self.is_deep |= count == 0;
        match self.extents[level].replace(count) {
            Some(expected) if expected != count => Err(Error::invalid(format!(
                "Encountered list at unexpected size: {count} at level: {level} expected size: {expected}"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether the list that has begun may be one of f32, which is read without a look at its type for each.
    fn is_plain(&self, peek: Peek, level: usize) -> bool {
        let is_last = level + 1 == self.extents.len();
        is_last && self.ty == ElementType::Number(DType::F32) && peek.is_num()
    }

    /// Reads the rest of a list of f32, as far as there are numbers.
    fn floats(&mut self, json: &mut Jiter<'_>, mut next: Option<Peek>) -> Result<usize> {
        self.is_deep = true;
        let mut count = 0;
        let level = self.extents.len();
        while let Some(peek) = next {
            if peek.is_num() {
                let number = number(json, peek, 24, f64::from(f32::MAX), "float")? as f32;
                self.numbers.extend_from_slice(&number.to_le_bytes());
            } else {
                self.at_level(json, peek, level)?;
            }
            count += 1;
            next = json.array_step().map_err(|error| broken(&error))?;
        }
        Ok(count)
    }

    fn element(&mut self, json: &mut Jiter<'_>, peek: Peek, level: usize) -> Result<()> {
        self.is_deep = true;
        if level != self.extents.len() {
            let value = skipped(json, peek)?;
            let (level, rank) = (level + 1, self.extents.len());
            return Err(Error::invalid(format!(
                "JSON Value: {value} found at incorrect level: {level} in the JSON DOM. Expected at level: {rank}"
            )));
        }
        match self.ty {
            ElementType::Bytes => self.string(json, peek),
            ElementType::Number(dtype) => self.number(json, peek, dtype),
        }
    }

    fn string(&mut self, json: &mut Jiter<'_>, peek: Peek) -> Result<()> {
        let string = match peek {
            Peek::String => {
                Bytes::copy_from_slice(json.known_str().map_err(|error| broken(&error))?.as_bytes())
            }
            Peek::Object => {
                let begin = json.current_index();
                json.known_skip(peek).map_err(|error| broken(&error))?;
                decoded(json.slice_to_current(begin))?
            }
            _ => return Err(self.wrong_type(json, peek)),
        };
        self.strings.push(string);
        Ok(())
    }

    fn number(&mut self, json: &mut Jiter<'_>, peek: Peek, dtype: DType) -> Result<()> {
        let fits = match dtype {
            DType::Bool => matches!(peek, Peek::True | Peek::False),
            _ => peek.is_num(),
        };
        if !fits {
            return Err(self.wrong_type(json, peek));
        }
        let numbers = &mut self.numbers;
        match dtype {
            DType::F32 => {
                let x = number(json, peek, 24, f64::from(f32::MAX), "float")?;
                numbers.extend_from_slice(&(x as f32).to_le_bytes());
            }
            DType::F64 => {
                numbers.extend_from_slice(&number(json, peek, 53, f64::MAX, "double")?.to_le_bytes());
            }
            DType::F16 => {
                let x = number(json, peek, 11, 65504.0, "half")?;
                numbers.extend_from_slice(&f16::from_f64(x).to_le_bytes());
            }
            DType::BF16 => {
                let x = number(json, peek, 8, f64::from(bf16::MAX.to_f32()), "bfloat16")?;
                numbers.extend_from_slice(&bf16::from_f64(x).to_le_bytes());
            }
            DType::Bool => numbers.push(u8::from(json.known_bool(peek).map_err(|error| broken(&error))?)),
            DType::C64 | DType::C128 => {
                let value = skipped(json, peek)?;
                let message = format!("Conversion of JSON Value: {value} to type: {}", plain_name(self.ty));
                return Err(Error::new(Code::Unimplemented, message));
            }
            _ => return self.integer(json, peek, dtype),
        }
        Ok(())
    }

    fn integer(&mut self, json: &mut Jiter<'_>, peek: Peek, dtype: DType) -> Result<()> {
        let text = json.known_number_bytes(peek).map_err(|error| broken(&error))?;
        let whole = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i128>().ok());
        let (low, high) = match dtype {
            DType::I8 => (i128::from(i8::MIN), i128::from(i8::MAX)),
            DType::I16 => (i128::from(i16::MIN), i128::from(i16::MAX)),
            DType::I32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
            DType::I64 => (i128::from(i64::MIN), i128::from(i64::MAX)),
            DType::U8 => (0, i128::from(u8::MAX)),
            DType::U16 => (0, i128::from(u16::MAX)),
            DType::U32 => (0, i128::from(u32::MAX)),
            _ => (0, i128::from(u64::MAX)),
        };
        match whole.filter(|whole| (low..=high).contains(whole)) {
            Some(whole) => {
                self.numbers.extend_from_slice(&whole.to_le_bytes()[..dtype.size()]);
                Ok(())
            }
            None => {
                let (value, expected) = (shown(text), plain_name(self.ty));
                let message = format!("JSON Value: {value} Type: Number is not of expected type: {expected}");
                Err(Error::invalid(message))
            }
        }
    }

    fn wrong_type(&self, json: &mut Jiter<'_>, peek: Peek) -> Error {
        let value = match skipped(json, peek) {
            Ok(value) => value,
            Err(error) => return error,
        };
        let expected = plain_name(self.ty);
        Error::invalid(format!(
            "JSON Value: {value} Type: {} is not of expected type: {expected}",
            kind(peek)
        ))
    }
}

/// A number that its type can hold without loss: no integer of more bits, and nothing beyond the greatest.
fn number(json: &mut Jiter<'_>, peek: Peek, bits: u32, most: f64, target: &str) -> Result<f64> {
    let begin = json.current_index();
    let number = json.known_float(peek).map_err(|error| broken(&error))?;
    let whole = ((1u64 << bits) - 1) as f64;
    if number.abs() <= whole || !number.is_finite() && !is_literal(json.slice_to_current(begin)) {
        return Ok(number);
    }
    let text = json.slice_to_current(begin);
    let is_integer = !text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    match is_integer || number.abs() > most {
        true => Err(Error::invalid(format!(
            "Cannot convert JSON value: {} to {target} without loss of precision.",
            shown(text)
        ))),
        false => Ok(number),
    }
}

/// Whether a number is written in digits, so that an infinity is an overflow.
fn is_literal(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

/// The value that comes next, to be shown.
fn skipped(json: &mut Jiter<'_>, peek: Peek) -> Result<String> {
    let begin = json.current_index();
    json.known_skip(peek).map_err(|error| broken(&error))?;
    Ok(shown(json.slice_to_current(begin)))
}

/// Whether an object is `{"b64": ".."}` and nothing else, which stands for a string.
pub(super) fn is_base64(text: &[u8]) -> bool {
    encoded(text).is_some()
}

fn encoded(text: &[u8]) -> Option<String> {
    let mut json = reader(text);
    let is_named = json.next_object().ok()? == Some("b64");
    let string = json.next_str().ok()?.to_owned();
    (is_named && json.next_key().ok()?.is_none()).then_some(string)
}

fn decoded(text: &[u8]) -> Result<Bytes> {
    let Some(string) = encoded(text) else {
        let value = shown(text);
        return Err(Error::invalid(format!("JSON Value: {value} not formatted correctly for base64 data")));
    };
    let standard = STANDARD.decode(&string).or_else(|_| URL_SAFE.decode(&string));
    standard.map(Bytes::from).map_err(|_| Error::invalid("Unable to base64 decode"))
}

/// A text of nested lists as a tensor of this shape, however the lists nest.
pub(crate) fn flat(text: &[u8], ty: ElementType, shape: Vec<usize>) -> Result<Value> {
    let mut builder = Builder::new(ty);
    let mut json = reader(text);
    let peek = json.peek().map_err(|error| broken(&error))?;
    builder.add(&mut json, peek)?;
    let own = builder.finish(None)?;
    Value::new(shape, own.elements().clone())
}
