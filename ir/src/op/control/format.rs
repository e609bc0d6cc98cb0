//! Format strings of `print` and `assert`: `{}` stands for an operand, `{{` and `}}` for braces.

use crate::Literal;

/// A part of a format string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Operand,
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
            ('{' | '}', _) => return Err(format!("a single `{c}`: write `{c}{c}`")),
            _ => text.push(c),
        }
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// The text with values in place of `{}`.
pub(super) fn render(format: &str, values: &[&Literal]) -> String {
    let mut values = values.iter();
    let piece = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Operand => values.next().map_or(String::new(), |value| value.to_string()),
    };
    pieces(format).unwrap_or_default().into_iter().map(piece).collect()
}
