//! Format strings of `print` and `assert`: `{}` stands for an operand, `{c}` for one of pairs along its last
//! axis that are shown as complex numbers, `{{` and `}}` for braces.

use crate::{DType, Literal, TensorType};

/// A part of a format string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Operand,
    Complex,
}

/// The parts of a format string, or what is wrong with it.
pub(super) fn pieces(format: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('{', Some('{')) | ('}', Some('}')) => text.extend(rest.next()),
            ('{', Some('}')) => {
                rest.next();
                pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Operand]);
            }
            ('{', Some('c')) => {
                rest.next();
                if rest.next() != Some('}') {
                    return Err("a single `{`: write `{{`".to_owned());
                }
                pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Complex]);
            }
            ('{' | '}', _) => return Err(format!("a single `{c}`: write `{c}{c}`")),
            _ => text.push(c),
        }
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// The format with `{c}` in place of `{}` for each operand that is `complex`.
pub(super) fn with_pairs(format: &str, complex: &[bool]) -> String {
    let mut complex = complex.iter();
    let piece = |piece| match piece {
        Piece::Text(text) => text.replace('{', "{{").replace('}', "}}"),
        Piece::Operand if complex.next() == Some(&true) => "{c}".to_owned(),
        Piece::Operand => "{}".to_owned(),
        Piece::Complex => {
            complex.next();
            "{c}".to_owned()
        }
    };
    pieces(format).unwrap_or_default().into_iter().map(piece).collect()
}

/// Pairs along the last axis as complex numbers; what has no pairs of floats as it is.
fn of_pairs(value: &Literal) -> Literal {
    let ty = value.ty();
    let dtype = match ty.dtype {
        DType::F32 => DType::C64,
        DType::F64 => DType::C128,
        _ => return value.clone(),
    };
    match ty.shape.dims() {
        [axes @ .., pair] if pair.size() == 2 => {
            let ty = TensorType { dtype, shape: axes.iter().copied().collect() };
            Literal::from_bytes(ty, value.bytes().to_vec()).unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}

/// The text with values in place of `{}`.
pub(super) fn render(format: &str, values: &[&Literal]) -> String {
    let mut values = values.iter();
    let piece = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Operand => values.next().map_or(String::new(), |value| value.to_string()),
        Piece::Complex => values.next().map_or(String::new(), |value| of_pairs(value).to_string()),
    };
    pieces(format).unwrap_or_default().into_iter().map(piece).collect()
}
