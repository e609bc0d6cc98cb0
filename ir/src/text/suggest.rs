//! "Did you mean": the nearest known word.

/// What people write who know other libraries, and what it is called here.
const ALIASES: [(&str, &str); 20] = [
    ("amax", "reduce"),
    ("amin", "reduce"),
    ("astype", "cast"),
    ("convert", "cast"),
    ("const", "constant"),
    ("divide", "div"),
    ("einsum", "dot_general"),
    ("matmul", "dot_general"),
    ("max", "maximum"),
    ("min", "minimum"),
    ("multiply", "mul"),
    ("negate", "neg"),
    ("permute", "transpose"),
    ("power", "pow"),
    ("prod", "reduce"),
    ("sigmoid", "logistic"),
    ("subtract", "sub"),
    ("sum", "reduce"),
    ("swish", "silu"),
    ("where", "select"),
];

/// The candidate that `word` is most likely meant to be, if one is near. Ties go to the first.
pub(super) fn nearest(
    word: &str,
    candidates: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    let limit = (word.len() / 3).clamp(1, 3);
    let alias = ALIASES.iter().find(|(name, _)| *name == word).map(|(_, target)| *target);
    let mut best: Option<(usize, &'static str)> = None;
    for candidate in candidates {
        if alias == Some(candidate) {
            return alias;
        }
        if candidate.len().abs_diff(word.len()) <= limit {
            let far = distance(word.as_bytes(), candidate.as_bytes());
            if far <= limit && best.is_none_or(|(least, _)| far < least) {
                best = Some((far, candidate));
            }
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many letters must be added, removed, replaced or swapped with their neighbour to get from `a` to `b` (the restricted
/// Damerau-Levenshtein distance).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance(b"redcue", b"reduce"), 1);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
    }

    #[test]
    fn only_near_words_are_suggested() {
        let words = ["reduce", "reshape", "cast", "maximum"];
        assert_eq!(nearest("redcue", words), Some("reduce"));
        assert_eq!(nearest("max", words), Some("maximum"));
        assert_eq!(nearest("frobnicate", words), None);
    }
}
