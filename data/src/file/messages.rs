//! The messages `tf.train.Example` and `tf.train.SequenceExample`, read from their bytes.
//!
//! What is read is the wire format of protocol buffers: fields of a number and one of four forms, of which unknown ones are skipped, and packed lists of numbers.

use std::collections::HashMap;

/// The bytes are no such message.
#[derive(Debug)]
pub(super) struct NoMessage;

type Result<T> = std::result::Result<T, NoMessage>;

/// The values of a feature.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Bytes(Vec<Vec<u8>>),
    Float(Vec<f32>),
    Int64(Vec<i64>),
}

/// A feature, which may be there and have no values of any kind.
pub(super) type FeatureMessage = Option<Values>;

/// Features by their names.
pub(super) type Features = HashMap<String, FeatureMessage>;

/// Features of steps by their names.
pub(super) type FeatureLists = HashMap<String, Vec<FeatureMessage>>;

/// A field's value on the wire.
enum Wire<'b> {
    Varint(u64),
    Fixed32([u8; 4]),
    Bytes(&'b [u8]),
    /// Of eight bytes, which no field here has.
    Other,
}

/// The fields of a message.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NoMessage)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(NoMessage)
    }

    fn wire(&mut self, form: u64) -> Result<Wire<'b>> {
        Ok(match form {
            0 => Wire::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Wire::Other
            }
            2 => {
                let count = usize::try_from(self.varint()?).map_err(|_| NoMessage)?;
                Wire::Bytes(self.take(count)?)
            }
            5 => Wire::Fixed32(self.take(4)?.try_into().map_err(|_| NoMessage)?),
            _ => return Err(NoMessage),
        })
    }

    /// The number and the value of the next field.
    fn next(&mut self) -> Result<Option<(u64, Wire<'b>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        match key >> 3 {
            0 => Err(NoMessage),
            number => Ok(Some((number, self.wire(key & 7)?))),
        }
    }
}

/// The messages in the field of this number.
fn inner<'b>(message: &'b [u8], number: u64, mut each: impl FnMut(&'b [u8]) -> Result<()>) -> Result<()> {
    let mut fields = Fields(message);
    while let Some((own, value)) = fields.next()? {
        if let (true, Wire::Bytes(bytes)) = (own == number, value) {
            each(bytes)?;
        }
    }
    Ok(())
}

/// An entry of a map: its name, and its value.
fn entry(message: &[u8]) -> Result<(String, &[u8])> {
    let (mut name, mut value) = (String::new(), &[][..]);
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Wire::Bytes(bytes)) => name = String::from_utf8(bytes.to_vec()).map_err(|_| NoMessage)?,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((name, value))
}

fn feature(message: &[u8]) -> Result<FeatureMessage> {
    let mut values = None;
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        values = match field {
            (1, Wire::Bytes(list)) => Some(Values::Bytes(texts(list)?)),
            (2, Wire::Bytes(list)) => Some(Values::Float(floats(list)?)),
            (3, Wire::Bytes(list)) => Some(Values::Int64(ints(list)?)),
            _ => values,
        };
    }
    Ok(values)
}

fn texts(list: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut texts = Vec::new();
    inner(list, 1, |text| {
        texts.push(text.to_vec());
        Ok(())
    })?;
    Ok(texts)
}

fn floats(list: &[u8]) -> Result<Vec<f32>> {
    let (mut floats, mut fields) = (Vec::new(), Fields(list));
    while let Some(field) = fields.next()? {
        match field {
            (1, Wire::Fixed32(bytes)) => floats.push(f32::from_le_bytes(bytes)),
            (1, Wire::Bytes(packed)) => {
                let (numbers, rest) = packed.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(NoMessage);
                }
                floats.extend(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            _ => {}
        }
    }
    Ok(floats)
}

fn ints(list: &[u8]) -> Result<Vec<i64>> {
    let (mut ints, mut fields) = (Vec::new(), Fields(list));
    while let Some(field) = fields.next()? {
        match field {
            (1, Wire::Varint(number)) => ints.push(number as i64),
            (1, Wire::Bytes(packed)) => {
                let mut packed = Fields(packed);
                while !packed.0.is_empty() {
                    ints.push(packed.varint()? as i64);
                }
            }
            _ => {}
        }
    }
    Ok(ints)
}

fn features(message: &[u8], found: &mut Features) -> Result<()> {
    inner(message, 1, |item| {
        let (name, value) = entry(item)?;
        found.insert(name, feature(value)?);
        Ok(())
    })
}

/// The features of a `tf.train.Example`.
pub(super) fn example(message: &[u8]) -> Result<Features> {
    let mut found = Features::new();
    inner(message, 1, |own| features(own, &mut found))?;
    Ok(found)
}

/// The features of a `tf.train.SequenceExample`, and those of its steps.
pub(super) fn sequence_example(message: &[u8]) -> Result<(Features, FeatureLists)> {
    let (mut context, mut lists) = (Features::new(), FeatureLists::new());
    inner(message, 1, |own| features(own, &mut context))?;
    inner(message, 2, |own| {
        inner(own, 1, |item| {
            let (name, list) = entry(item)?;
            let mut steps = Vec::new();
            inner(list, 1, |step| {
                steps.push(feature(step)?);
                Ok(())
            })?;
            lists.insert(name, steps);
            Ok(())
        })
    })?;
    Ok((context, lists))
}
