//! One text for graphs that differ in their sizes alone.
//!
//! The texts of a function's graphs for some sizes are compared word by word. Words that are not the same are numbers, and each is a sum of multiples of the sizes and of products of
//! different sizes: with two probes of each size such a sum has as many coefficients as there are graphs, which decide it. They are whole numbers, or it is no such sum. A further graph, for sizes that
//! had no part in this, must be what the text gives.

use std::collections::BTreeMap;

/// Sizes that a function is traced for: two of each open size that decide the sums, and one to check them.
pub(crate) const PROBES: [[usize; 3]; MOST_OPEN] = [[5, 8, 13], [7, 11, 18], [6, 9, 17]];

/// Open sizes of a function, at most.
pub(crate) const MOST_OPEN: usize = 3;

/// What encloses a sum.
const MARKS: [char; 2] = ['⟨', '⟩'];

/// Probes of each size: those that decide, with the first size's varying fastest, then that which checks.
pub(crate) fn probes(count: usize) -> Vec<Vec<usize>> {
    let decide =
        (0..1 << count).map(|which: usize| (0..count).map(|at| PROBES[at][which >> at & 1]).collect());
    decide.chain([PROBES[..count].iter().map(|own| own[2]).collect()]).collect()
}

/// A sum of products of sizes: coefficients by the set of sizes, a bit for each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Poly(Vec<i128>);

impl Poly {
    /// The one that has these values at the deciding probes.
    fn through(values: &[i128], count: usize) -> Option<Poly> {
        let mut rows = values.to_vec();
        for at in 0..count {
            let [low, high] = [PROBES[at][0] as i128, PROBES[at][1] as i128];
            for which in (0..rows.len()).filter(|which| which >> at & 1 == 0) {
                let (a, b) = (rows[which], rows[which | 1 << at]);
                if (b - a) % (high - low) != 0 {
                    return None;
                }
                let slope = (b - a) / (high - low);
                (rows[which], rows[which | 1 << at]) = (a - slope * low, slope);
            }
        }
        Some(Poly(rows))
    }

    /// As in `2*batch*width-1`.
    fn written(&self, names: &[&str]) -> String {
        let mut text = String::new();
        for (which, &coefficient) in self.0.iter().enumerate().rev().filter(|(_, c)| **c != 0) {
            let mut factors: Vec<String> =
                (0..names.len()).filter(|at| which >> at & 1 == 1).map(|at| names[at].to_owned()).collect();
            let size = coefficient.unsigned_abs();
            if size != 1 || factors.is_empty() {
                factors.insert(0, size.to_string());
            }
            match (coefficient < 0, text.is_empty()) {
                (true, _) => text.push('-'),
                (false, false) => text.push('+'),
                (false, true) => {}
            }
            text += &factors.join("*");
        }
        if text.is_empty() { "0".to_owned() } else { text }
    }
}

/// What has these values at all [`probes`], as a sum; `None` if there is no such.
pub(crate) fn sum(values: &[usize], names: &[&str]) -> Option<String> {
    let (&check, decide) = values.split_last()?;
    let decide: Vec<i128> = decide.iter().map(|&value| value as i128).collect();
    let sum = Poly::through(&decide, names.len())?.written(names);
    let sizes = probes(names.len()).pop()?;
    (value(&sum, &names.iter().copied().zip(sizes).collect()) == Some(check)).then_some(sum)
}

/// The value of a written sum, if it is one of these sizes.
pub(crate) fn value(sum: &str, sizes: &BTreeMap<&str, usize>) -> Option<usize> {
    let (mut total, mut rest, mut sign) = (0i128, sum, 1i128);
    if let Some(after) = rest.strip_prefix('-') {
        (rest, sign) = (after, -1);
    }
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let product = rest[..end].split('*').try_fold(1i128, |product, factor| {
            let number = match factor.parse::<u64>() {
                Ok(number) => i128::from(number),
                Err(_) => *sizes.get(factor)? as i128,
            };
            product.checked_mul(number)
        })?;
        total = total.checked_add(sign * product)?;
        match rest[end..].chars().next() {
            None => return usize::try_from(total).ok(),
            Some(next) => (rest, sign) = (&rest[end + 1..], if next == '-' { -1 } else { 1 }),
        }
    }
}

/// The text with its sums computed; `None` if one of them is none of these sizes, or not closed.
pub(crate) fn filled(text: &str, sizes: &BTreeMap<&str, usize>) -> Option<String> {
    let mut parts = text.split(MARKS[0]);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sum, rest) = part.split_once(MARKS[1])?;
        filled += &value(sum, sizes)?.to_string();
        filled += rest;
    }
    Some(filled)
}

/// Words: numbers, names and single other characters. Digits in names, and what belongs to a number that is not whole, are not apart.
fn words(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '%' | '@' | '#');
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        found.push(word);
        rest = after;
    }
    found
}

/// One text for the texts of all [`probes`].
///
/// # Errors
/// The line of the first text that has no counterpart.
pub(crate) fn joined(texts: &[String], names: &[&str]) -> Result<String, String> {
    if let Some(text) = texts.iter().find(|text| text.contains(MARKS)) {
        return Err(format!(
            "holds the mark {} in {:?}",
            MARKS[0],
            line(text, text.find(MARKS).unwrap_or(0))
        ));
    }
    let (check, decide) = texts.split_last().ok_or("was not traced")?;
    let rows: Vec<Vec<&str>> = decide.iter().map(|text| words(text)).collect();
    let mut joined = String::new();
    let mut at = 0;
    for (number, &word) in rows[0].iter().enumerate() {
        let differs =
            || format!("has a graph of another form for other sizes: see {:?}", line(&texts[0], at));
        let own: Option<Vec<&str>> = rows.iter().map(|row| row.get(number).copied()).collect();
        let own = own.ok_or_else(differs)?;
        if own.iter().all(|other| *other == word) {
            joined += word;
        } else {
            let numbers: Option<Vec<i128>> =
                own.iter().map(|word| word.parse::<u64>().ok().map(i128::from)).collect();
            let sum = numbers.and_then(|numbers| Poly::through(&numbers, names.len())).ok_or_else(differs)?;
            joined += &format!("{}{}{}", MARKS[0], sum.written(names), MARKS[1]);
        }
        at += word.len();
    }
    let sizes = probes(names.len()).pop().unwrap_or_default();
    let sizes = names.iter().copied().zip(sizes).collect();
    match filled(&joined, &sizes) {
        Some(text) if &text == check => Ok(joined),
        Some(text) => {
            let other = text.lines().zip(check.lines()).find(|(a, b)| a != b);
            let (_, line) = other.unwrap_or_default();
            Err(format!("has a graph of another form for other sizes: see {:?}", line.trim()))
        }
        None => Err("has a size below 0 for some sizes".to_owned()),
    }
}

/// The line of a text that a byte is in.
fn line(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |before| before + 1);
    let end = text[at..].find('\n').map_or(text.len(), |after| at + after);
    text[start..end].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: impl Fn(&[usize]) -> String, count: usize) -> Vec<String> {
        probes(count).iter().map(|sizes| of(sizes)).collect()
    }

    #[test]
    fn sums_of_products_are_found_and_computed() {
        let of =
            |s: &[usize]| format!("a[{}, {}] b2 {} {}", s[0], s[1], 3 * s[0] * s[1] + 2 * s[1] - 1, s[0] - 5);
        let joined = joined(&texts(of, 2), &["n", "m"]).unwrap();
        assert_eq!(joined, "a[⟨n⟩, ⟨m⟩] b2 ⟨3*n*m+2*m-1⟩ ⟨n-5⟩");
        let sizes = BTreeMap::from([("n", 100), ("m", 1)]);
        assert_eq!(filled(&joined, &sizes).unwrap(), of(&[100, 1]));
        assert_eq!(filled(&joined, &BTreeMap::from([("n", 4), ("m", 1)])), None);
    }

    #[test]
    fn other_forms_are_refused() {
        for of in [
            (|s: &[usize]| format!("f {}", s[0] / 2)) as fn(&[usize]) -> String,
            |s| format!("f {}", s[0] * s[0]),
            |s| format!("f {:.1}", s[0] as f64),
            |s| format!("f {}", "x ".repeat(s[0])),
            |s| format!("f {}", s[0].min(10)),
        ] {
            let error = joined(&texts(of, 1), &["n"]).unwrap_err();
            assert!(error.contains("another form"), "{error}");
        }
    }
}
