//! The table of a model's layers.

use std::fmt::Write;

use tensorwright::TensorType;

use crate::{LayerRef, Weight};

/// A layer with the types of what it gave.
pub(crate) struct LayerRow {
    pub(crate) name: String,
    pub(crate) layer: LayerRef,
    pub(crate) outputs: Vec<TensorType>,
}

/// The layers, what they give, and how many numbers they have learnt.
pub(super) fn table(root: &LayerRef, rows: &[LayerRow]) -> String {
    let header = ["Layer", "Output", "Parameters", "Trainable"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let weights = row.layer.weights();
        let outputs: Vec<String> = row.outputs.iter().map(without_batch).collect();
        let trainable = trainable(&weights);
        [
            format!("{} ({})", row.name, row.layer.class_name()),
            outputs.join(", "),
            grouped(elements(&weights)),
            if elements(&weights) == 0 { String::new() } else { grouped(trainable) },
        ]
    });
    let lines: Vec<[String; 4]> = [header].into_iter().chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for (i, [layer, output, all, own]) in lines.iter().enumerate() {
        let [a, b, c, d] = widths;
        let _ = writeln!(text, "{layer:<a$}  {output:<b$}  {all:>c$}  {own:>d$}");
        if i == 0 {
            let _ = writeln!(text, "{}", "-".repeat(a + b + c + d + 6));
        }
    }
    let weights = root.weights();
    let (all, own) = (elements(&weights), trainable(&weights));
    let _ =
        writeln!(text, "{} parameters, {} trainable, {} not", grouped(all), grouped(own), grouped(all - own));
    text
}

pub(super) fn elements(weights: &[Weight]) -> usize {
    weights.iter().map(|weight| weight.variable.ty().elements()).sum()
}

fn trainable(weights: &[Weight]) -> usize {
    weights
        .iter()
        .filter(|weight| weight.variable.trainable())
        .map(|weight| weight.variable.ty().elements())
        .sum()
}

/// A type whose first extent may be any: `f32[?,28,28,1]`.
pub(super) fn without_batch(ty: &TensorType) -> String {
    let rest = ty.shape.sizes().iter().skip(1).map(|extent| format!(",{extent}")).collect::<String>();
    format!("{}[?{rest}]", ty.dtype)
}

/// A number with its thousands apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
