//! Specs as text: `(f32[28,28], i64[])`, `{label: i64[], words: text[?]}`, `ragged i32[?,?]`.

use std::fmt;

use super::{ElementKind, Spec};

impl fmt::Display for ElementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ElementKind::Number(dtype) => dtype.fmt(f),
            ElementKind::Text => f.write_str("text"),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spec::Any => f.write_str("anything"),
            Spec::Dense(kind, shape) => write!(f, "{kind}{shape}"),
            Spec::Ragged(kind, shape, _) => write!(f, "ragged {kind}{shape}"),
            Spec::Sparse(kind, shape) => write!(f, "sparse {kind}{shape}"),
            Spec::Window(spec) => write!(f, "window of {spec}"),
            Spec::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(Spec::to_string).collect();
                write!(f, "({}{})", parts.join(", "), if parts.len() == 1 { "," } else { "" })
            }
            Spec::Dict(parts) => {
                let parts: Vec<String> = parts.iter().map(|(name, part)| format!("{name}: {part}")).collect();
                write!(f, "{{{}}}", parts.join(", "))
            }
        }
    }
}
