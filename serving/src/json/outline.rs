//! Where the values of a JSON object are in its text.

use std::ops::Range;

use jiter::{Jiter, JiterError, Peek};

use crate::error::{Error, Result};

/// So much of a text is shown in messages.
const SHOWN: usize = 100;

/// A reader of a text that must be JSON with numbers as TensorFlow Serving takes them.
pub(crate) fn reader(text: &[u8]) -> Jiter<'_> {
    Jiter::new(text).with_allow_inf_nan()
}

/// What the reader says.
pub(crate) fn broken(error: &JiterError) -> Error {
    Error::invalid(format!("JSON Parse error: {} at offset: {}", error.error_type, error.index))
}

/// A part of the text, in a message.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

/// What kind of value a token begins, in a message.
pub(crate) fn kind(peek: Peek) -> &'static str {
    match peek {
        Peek::Null => "Null",
        Peek::True => "True",
        Peek::False => "False",
        Peek::Object => "Object",
        Peek::Array => "Array",
        Peek::String => "String",
        _ => "Number",
    }
}

/// The values of an object, as parts of its text, in order. The whole text is read, and must be one object.
pub(crate) fn object(text: &[u8]) -> Result<Vec<(String, Range<usize>)>> {
    if text.is_empty() {
        return Err(Error::invalid("JSON Parse error: The document is empty"));
    }
    let mut json = reader(text);
    let fields = fields(&mut json)?;
    json.finish().map_err(|error| broken(&error))?;
    Ok(fields)
}

/// The values of the object that comes next.
fn fields(json: &mut Jiter<'_>) -> Result<Vec<(String, Range<usize>)>> {
    let peek = json.peek().map_err(|error| broken(&error))?;
    if peek != Peek::Object {
        let begin = json.current_index();
        json.known_skip(peek).map_err(|error| broken(&error))?;
        let value = shown(json.slice_to_current(begin));
        return Err(Error::invalid(format!("JSON Value: {value} Is not object")));
    }
    let mut found = Vec::new();
    let mut key = json.known_object().map_err(|error| broken(&error))?.map(str::to_owned);
    while let Some(name) = key {
        let peek = json.peek().map_err(|error| broken(&error))?;
        let begin = json.current_index();
        json.known_skip(peek).map_err(|error| broken(&error))?;
        found.push((name, begin..json.current_index()));
        key = json.next_key().map_err(|error| broken(&error))?.map(str::to_owned);
    }
    Ok(found)
}

/// A string.
pub(crate) fn string(text: &[u8]) -> Result<String> {
    let mut json = reader(text);
    let found = json.next_str().map(str::to_owned);
    found.map_err(|_| Error::invalid(format!("JSON Value: {} is not a string", shown(text))))
}

/// The items of a list, as parts of its text.
pub(crate) fn list(text: &[u8]) -> Result<Vec<Range<usize>>> {
    let mut json = reader(text);
    let mut found = Vec::new();
    let wrong = |_| Error::invalid(format!("JSON Value: {} is not a list", shown(text)));
    let mut next = json.next_array().map_err(wrong)?;
    while let Some(peek) = next {
        let begin = json.current_index();
        json.known_skip(peek).map_err(|error| broken(&error))?;
        found.push(begin..json.current_index());
        next = json.array_step().map_err(|error| broken(&error))?;
    }
    Ok(found)
}
