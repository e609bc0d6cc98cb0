//! Parts of elements as short texts.

use tensorwright::Scalar;
use tensorwright::data::{DataError, Item};

/// So many values of an array are shown, and so many letters of a text.
const VALUES: usize = 6;
const LETTERS: usize = 60;

/// A component in a line.
pub(super) fn of(item: &Item) -> Result<String, DataError> {
    Ok(match item {
        Item::Number(number) => scalar(*number),
        Item::Text(text) => quoted(text),
        Item::Array(array) => {
            let dtype = array.dtype();
            let values = array.bytes()?.chunks_exact(dtype.size());
            let count = values.len();
            list(
                array.sizes(),
                values.take(VALUES).map(|bytes| scalar(Scalar::from_le_bytes(dtype, bytes))),
                count,
            )
        }
        Item::Texts(texts) => {
            let values = texts.values();
            list(texts.sizes(), values.iter().take(VALUES).map(|text| quoted(text)), values.len())
        }
        Item::Ragged(ragged) => format!("{} ragged rows of {}", ragged.rows(), of(ragged.values())?),
        Item::Sparse(sparse) => format!("{} at {:?}", of(sparse.values())?, sparse.places()),
        Item::Window(window) => format!("a dataset of {} elements", window.items.len()),
        Item::Tuple(_) | Item::Dict(_) => item.spec().to_string(),
    })
}

/// The first values of an array; of one of several axes its sizes too.
fn list(sizes: &[usize], first: impl Iterator<Item = String>, count: usize) -> String {
    let first = first.collect::<Vec<_>>().join(", ");
    let rest = if count > VALUES { ", .." } else { "" };
    match sizes {
        [_] if count <= VALUES => format!("[{first}]"),
        _ => format!("{sizes:?} [{first}{rest}]"),
    }
}

/// A number as its dtype writes it, in at most a few digits.
pub(super) fn scalar(scalar: Scalar) -> String {
    if scalar.dtype().is_float() { number(scalar.to_f64()) } else { scalar.to_string() }
}

/// A number in six digits.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    match value.abs().log10().floor() as i32 {
        places @ -4..=5 => {
            let text = format!("{value:.*}", (5 - places) as usize);
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
        _ => format!("{value:.5e}"),
    }
}

/// A text between quotes, cut if it is long; bytes that are no letters as numbers.
fn quoted(text: &[u8]) -> String {
    let Ok(letters) = std::str::from_utf8(text) else {
        let first: Vec<String> = text.iter().take(VALUES).map(|byte| format!("{byte:02x}")).collect();
        return format!("{} bytes {} ..", text.len(), first.join(" "));
    };
    let cut: String = letters.chars().take(LETTERS).collect();
    let rest = if cut.len() < letters.len() { ".." } else { "" };
    format!("{cut:?}{rest}")
}

#[cfg(test)]
mod tests {
    use super::{number, quoted};

    #[test]
    fn numbers_have_six_digits() {
        let all = [0.0, 1.0, -2.5, 123_456.7, 1e9, 1.234_567_8, 0.000_012, f64::NAN];
        let shown = all.map(number);
        assert_eq!(shown, ["0", "1", "-2.5", "123457", "1.00000e9", "1.23457", "1.20000e-5", "NaN"]);
    }

    #[test]
    fn texts_are_cut_and_bytes_are_numbers() {
        assert_eq!(quoted("a\n\u{e9}".as_bytes()), "\"a\\né\"");
        assert!(quoted("x".repeat(100).as_bytes()).ends_with("xx\".."));
        assert_eq!(quoted(&[0xff, 1]), "2 bytes ff 01 ..");
    }
}
