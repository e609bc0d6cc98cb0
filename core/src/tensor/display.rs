//! Tensors as text, as NumPy shows them: columns aligned, long axes cut in the middle, dtype and shape at the end.

use std::fmt::{self, Write};
use std::ops::Range;

use tensorwright_ir::{DType, Location, Scalar, Shape, TensorType};

use super::access::scalars;
use super::{Repr, Tensor};

/// Tensors with more elements are shown by the edges of their axes.
const THRESHOLD: usize = 1000;
/// How many elements are shown at each edge.
const EDGE: usize = 3;
/// Rows are wrapped to this many columns.
const WIDTH: usize = 80;
/// The most decimals of a float.
const DECIMALS: usize = 8;

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr() {
            Repr::Concrete(ty, buffer) => {
                let elements = |flat| element(ty, buffer.as_bytes(), flat);
                write!(f, "{} {ty}", Layout::new(&ty.shape).text(&elements))
            }
            Repr::Traced(traced) => write!(f, "{} traced at {}", traced.ty, Location::from(traced.made)),
            Repr::List(rows) => write!(f, "{} rows {}", rows.len(), rows.ty()),
            Repr::Failed(error) => write!(f, "error: {error}"),
        }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({self})")
    }
}

fn element(ty: &TensorType, bytes: &[u8], flat: usize) -> Scalar {
    let width = ty.dtype.size();
    let one = &bytes[flat * width..(flat + 1) * width];
    scalars(ty.dtype, one).next().unwrap_or(Scalar::zero(ty.dtype))
}

/// Which elements are shown where.
struct Layout<'s> {
    shape: &'s Shape,
    strides: Vec<usize>,
    cut: bool,
}

impl<'s> Layout<'s> {
    fn new(shape: &'s Shape) -> Layout<'s> {
        Layout { shape, strides: shape.strides().to_vec(), cut: shape.elements() > THRESHOLD }
    }

    fn text(&self, element: &dyn Fn(usize) -> Scalar) -> String {
        if self.shape.elements() == 0 {
            return "[]".to_owned();
        }
        let mut shown = Vec::new();
        self.collect(0, 0, &mut shown);
        let scalars: Vec<Scalar> = shown.into_iter().map(element).collect();
        let mut cells = aligned(&scalars).into_iter();
        let mut text = String::new();
        self.write(0, &mut cells, &mut text);
        text
    }

    /// The shown indices of an axis: one range, or two with a gap between.
    fn shown(&self, axis: usize) -> (Range<usize>, Range<usize>) {
        let size = self.shape.size(axis);
        if self.cut && size > 2 * EDGE { (0..EDGE, size - EDGE..size) } else { (0..size, size..size) }
    }

    // Rank is bounded, and with it the depth of these two.
    fn collect(&self, axis: usize, base: usize, flat: &mut Vec<usize>) {
        if axis == self.shape.rank() {
            return flat.push(base);
        }
        let (head, tail) = self.shown(axis);
        head.chain(tail).for_each(|i| self.collect(axis + 1, base + i * self.strides[axis], flat));
    }

    fn write(&self, axis: usize, cells: &mut std::vec::IntoIter<String>, text: &mut String) {
        if axis == self.shape.rank() {
            return text.push_str(&cells.next().unwrap_or_default());
        }
        let (head, tail) = self.shown(axis);
        text.push('[');
        head.clone().for_each(|i| self.write_part(axis, i == 0, cells, text));
        if !tail.is_empty() {
            self.separate(axis, 3, text);
            text.push_str("...");
        }
        tail.for_each(|_| self.write_part(axis, false, cells, text));
        text.push(']');
    }

    fn write_part(
        &self,
        axis: usize,
        first: bool,
        cells: &mut std::vec::IntoIter<String>,
        text: &mut String,
    ) {
        if !first {
            let width = cells.as_slice().first().map_or(0, String::len);
            self.separate(axis, width, text);
        }
        self.write(axis + 1, cells, text);
    }

    /// A space between elements of a row, or a new line if the next does not fit; new lines between rows, and
    /// one more per axis that ends.
    fn separate(&self, axis: usize, width: usize, text: &mut String) {
        let inner = self.shape.rank() - 1 - axis;
        let line = text.rsplit('\n').next().unwrap_or_default().len();
        if inner > 0 {
            text.push_str(&"\n".repeat(inner));
            text.push_str(&" ".repeat(axis + 1));
        } else if line + 1 + width > WIDTH {
            let _ = write!(text, "\n{}", " ".repeat(axis + 1));
        } else {
            text.push(' ');
        }
    }
}

/// The elements as text of one width.
fn aligned(scalars: &[Scalar]) -> Vec<String> {
    let texts = match scalars.first() {
        Some(first) if first.dtype().is_float() => floats(scalars),
        Some(first) if first.dtype().is_complex() => complexes(scalars),
        _ => scalars.iter().map(Scalar::to_string).collect(),
    };
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    texts.into_iter().map(|text| format!("{text:>width$}")).collect()
}

/// Complex numbers, `1.+2.5i`, each of their parts as floats.
fn complexes(scalars: &[Scalar]) -> Vec<String> {
    let part = |part: usize| floats(&scalars.iter().map(|z| z.parts()[part]).collect::<Vec<_>>());
    let joined = |(re, im): (String, String)| match im.starts_with('-') {
        true => format!("{re}{im}i"),
        false => format!("{re}+{im}i"),
    };
    part(0).into_iter().zip(part(1)).map(joined).collect()
}

/// Floats with their points in one column.
fn floats(scalars: &[Scalar]) -> Vec<String> {
    let finite = || scalars.iter().map(|s| s.to_f64().abs()).filter(|v| v.is_finite() && *v != 0.0);
    let (max, min) = (finite().fold(0.0, f64::max), finite().fold(f64::INFINITY, f64::min));
    let scientific = max >= 1e8 || min < 1e-4 || max / min > 1e7;
    let decimals = decimals(scalars[0].dtype());
    let texts: Vec<String> = scalars.iter().map(|&s| float(s, scientific, decimals)).collect();
    if scientific {
        return texts;
    }
    let after = |text: &str| text.find('.').map_or(0, |point| text.len() - point - 1);
    let most = texts.iter().map(|text| after(text)).max().unwrap_or(0);
    let padded = |text: String| match text.contains('.') {
        true => format!("{text}{}", " ".repeat(most - after(&text))),
        false => text,
    };
    texts.into_iter().map(padded).collect()
}

fn decimals(dtype: DType) -> usize {
    match dtype {
        DType::F16 => 4,
        DType::BF16 => 3,
        _ => DECIMALS,
    }
}

/// The shortest text that reads back to the value, with a limited number of decimals.
fn float(scalar: Scalar, scientific: bool, decimals: usize) -> String {
    let value = scalar.to_f64();
    if !value.is_finite() {
        return if value.is_nan() { "nan".to_owned() } else { format!("{value}") };
    }
    let shortest = |text: String, limited: String| if text.len() <= limited.len() { text } else { limited };
    match (scalar, scientific) {
        (Scalar::F32(v), true) => shortest(format!("{v:e}"), format!("{v:.decimals$e}")),
        (_, true) => shortest(format!("{value:e}"), format!("{value:.decimals$e}")),
        (Scalar::F32(v), false) => trimmed(shortest(format!("{v:?}"), format!("{v:.decimals$}"))),
        (_, false) => trimmed(shortest(format!("{value:?}"), format!("{value:.decimals$}"))),
    }
}

/// Without zeros at the end of the decimals; the point stays.
fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').to_owned() } else { text + "." }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    #[test]
    fn columns_and_points_are_aligned() {
        let x = Tensor::from([[1.0f32, -2.5], [10.25, 0.0]]);
        assert_eq!(x.to_string(), "[[ 1.   -2.5 ]\n [10.25  0.  ]] f32[2,2]");
        assert_eq!(Tensor::from([1i32, -20, 3]).to_string(), "[  1 -20   3] i32[3]");
        assert_eq!(Tensor::from([true, false]).to_string(), "[ true false] bool[2]");
    }

    #[test]
    fn complex_numbers_are_sums() {
        use crate::Complex;
        let z = Tensor::from([Complex::new(1.0f32, -2.5), Complex::new(-10.0, 0.25)]);
        assert_eq!(z.to_string(), "[  1.-2.5 i -10.+0.25i] c64[2]");
        assert_eq!(Tensor::from(Complex::new(f64::NAN, 1.0)).to_string(), "nan+1.i c128[]");
    }

    #[test]
    fn scalars_and_empty_tensors() {
        assert_eq!(Tensor::from(0.1f32).to_string(), "0.1 f32[]");
        assert_eq!(Tensor::zeros([2, 0], DType::I8).to_string(), "[] i8[2,0]");
    }

    #[test]
    fn extremes_are_scientific() {
        assert_eq!(Tensor::from([1e-10f64, 2.0]).to_string(), "[1e-10   2e0] f64[2]");
        assert_eq!(Tensor::from([f32::NAN, f32::INFINITY, 1.0]).to_string(), "[nan inf  1.] f32[3]");
    }

    #[test]
    fn long_axes_are_cut() {
        let text = Tensor::from_slice(&(0..2000).collect::<Vec<i32>>(), [2000]).to_string();
        assert_eq!(text, "[   0    1    2 ... 1997 1998 1999] i32[2000]");
        let rows = Tensor::from_slice(&[0u8; 4000], [1000, 4]).to_string();
        assert!(rows.starts_with("[[0 0 0 0]\n [0 0 0 0]\n [0 0 0 0]\n ...\n [0 0 0 0]"), "{rows}");
    }

    #[test]
    fn deep_tensors_have_empty_lines_between_blocks() {
        let x = Tensor::from([[[1i32, 2]], [[3, 4]]]);
        assert_eq!(x.to_string(), "[[[1 2]]\n\n [[3 4]]] i32[2,1,2]");
    }

    #[test]
    fn long_rows_are_wrapped() {
        let text = Tensor::from_slice(&[123456789i32; 20], [20]).to_string();
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= 90), "{text}");
    }
}
