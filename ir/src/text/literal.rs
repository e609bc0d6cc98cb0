//! Parsing what stands for tensors and their elements.

use half::{bf16, f16};

use super::error::{ParseError, Span};
use super::lexer::Kind;
use super::parser::Parser;
use super::{Code, FREE_FILL_ELEMENTS, MAX_FILL_BYTES};
use crate::{DType, Literal, LiteralRef, Scalar, Shape, TensorType, Type};

impl Parser<'_> {
    /// `f32[4,8]`, `list<f32[4,8]>` or `token`.
    pub(super) fn ty(&mut self) -> Result<(Type, Span), ParseError> {
        if self.at_word("token") {
            return Ok((Type::Token, self.advance()?));
        }
        if !self.at_word("list") {
            let (ty, span) = self.tensor_type()?;
            return Ok((Type::Tensor(ty), span));
        }
        let start = self.advance()?;
        self.expect('<')?;
        let (row, _) = self.tensor_type()?;
        self.expect('>')?;
        Ok((Type::List(row), start.to(self.last)))
    }

    fn tensor_type(&mut self) -> Result<(TensorType, Span), ParseError> {
        let (word, span) = self.word("a type such as f32[4,8]")?;
        let Ok(dtype) = word.parse::<DType>() else {
            let help = super::suggest::nearest(word, DType::ALL.map(DType::name));
            return Err(self
                .error(Code::UnknownDType, span, format!("unknown dtype `{word}`"), "not a dtype")
                .with_help(help.map(|name| format!("did you mean `{name}`?"))));
        };
        self.extents(dtype, span)
    }

    /// `[4,8]` after a dtype.
    pub(super) fn extents(&mut self, dtype: DType, start: Span) -> Result<(TensorType, Span), ParseError> {
        let mut sizes: Vec<usize> = Vec::new();
        self.list('[', ']', |p| {
            sizes.push(p.unsigned("an extent")?);
            Ok(())
        })?;
        let span = start.to(self.last);
        let shape = Shape::from(sizes);
        if !shape.check() {
            let limit =
                format!("a tensor has at most {} axes and {} elements", Shape::MAX_RANK, Shape::MAX_ELEMENTS);
            return Err(self.error(Code::TooLarge, span, "the type is too large", limit));
        }
        Ok((TensorType { dtype, shape }, span))
    }

    /// A tensor, of which the type has been read.
    pub(super) fn tensor(&mut self, ty: TensorType, span: Span) -> Result<LiteralRef, ParseError> {
        if self.at('[') {
            self.elements(ty, span)
        } else if self.at_word("blob") {
            self.blob(ty, span)
        } else {
            self.filled(ty, span)
        }
    }

    /// `[1.0, [2.0]]`: all elements, nested by axis or flat.
    fn elements(&mut self, ty: TensorType, span: Span) -> Result<LiteralRef, ParseError> {
        let mut bytes: Vec<u8> = Vec::new();
        let (width, expected) = (ty.dtype.size(), ty.elements());
        let mut nesting = Nesting::new(&ty.shape);
        loop {
            if self.at('[') {
                let at = self.advance()?;
                nesting.open().map_err(|what| self.wrong_nesting(at, &ty, what))?;
                if !self.at(']') {
                    continue;
                }
            } else {
                let (element, at) = self.element(ty.dtype)?;
                if bytes.len() == expected * width {
                    return Err(self.wrong_count(at, &ty, "this is one too many".to_owned()));
                }
                bytes.extend_from_slice(&element.le_bytes());
                nesting.item();
            }
            while self.at(']') {
                let at = self.advance()?;
                nesting.close().map_err(|what| self.wrong_nesting(at, &ty, what))?;
                if nesting.is_closed() {
                    return self.finished(ty, bytes, span);
                }
            }
            self.expect_one_of(',', ']')?;
        }
    }

    fn finished(&self, ty: TensorType, bytes: Vec<u8>, span: Span) -> Result<LiteralRef, ParseError> {
        let found = bytes.len() / ty.dtype.size();
        let expected = ty.elements();
        match Literal::from_bytes(ty.clone(), bytes) {
            Some(literal) => Ok(literal.into()),
            None => {
                let label = format!("{expected} elements expected, found {found}");
                Err(self.wrong_count(span.to(self.last), &ty, label))
            }
        }
    }

    fn wrong_count(&self, span: Span, ty: &TensorType, label: String) -> ParseError {
        let message = format!("a tensor of type {ty} has {} elements", ty.elements());
        self.error(Code::WrongCount, span, message, label)
    }

    fn wrong_nesting(&self, span: Span, ty: &TensorType, label: String) -> ParseError {
        let message = format!("the brackets do not follow the axes of {ty}");
        self.error(Code::WrongNesting, span, message, label).with_help(Some(
            "nest the elements by axis, or list all of them in one pair of brackets".to_owned(),
        ))
    }

    /// One element that fills the tensor.
    fn filled(&mut self, ty: TensorType, span: Span) -> Result<LiteralRef, ParseError> {
        let (element, at) = self.element(ty.dtype)?;
        if ty.elements() > FREE_FILL_ELEMENTS {
            let Some(left) = self.fill_budget.checked_sub(ty.bytes()) else {
                let message = "tensors written as one element are too large".to_owned();
                let label = format!("together they may take {MAX_FILL_BYTES} bytes");
                return Err(self
                    .error(Code::FillTooLarge, span.to(at), message, label)
                    .with_help(Some("broadcast a scalar with `broadcast_in_dim`".to_owned())));
            };
            self.fill_budget = left;
        }
        Ok(Literal::full(ty.shape, element).into())
    }

    /// `blob(64, 0x1f..)`: a reference to the side file.
    fn blob(&mut self, ty: TensorType, span: Span) -> Result<LiteralRef, ParseError> {
        self.advance()?;
        self.expect('(')?;
        let offset = self.unsigned("an offset in the side file")?;
        self.expect(',')?;
        let checksum = self.unsigned("a checksum")?;
        self.expect(')')?;
        let span = span.to(self.last);
        self.weights.read(ty, offset, checksum).map_err(|error| {
            self.error(
                Code::SideFile,
                span,
                "the constant cannot be read from the side file",
                error.to_string(),
            )
        })
    }

    /// One element of a tensor of this dtype; a complex one as its parts, `(1.0, -2.0)`, or as its real part alone.
    pub(super) fn element(&mut self, dtype: DType) -> Result<(Scalar, Span), ParseError> {
        if !dtype.is_complex() {
            return self.real_element(dtype);
        }
        if !self.at('(') {
            let (re, span) = self.real_element(dtype.part())?;
            return Ok((re.cast(dtype), span));
        }
        let start = self.advance()?;
        let (re, _) = self.real_element(dtype.part())?;
        self.expect(',')?;
        let (im, _) = self.real_element(dtype.part())?;
        self.expect(')')?;
        Ok((Scalar::complex(re, im), start.to(self.last)))
    }

    fn real_element(&mut self, dtype: DType) -> Result<(Scalar, Span), ParseError> {
        if !matches!(self.token.kind, Kind::Number | Kind::Word) {
            return Err(self.unexpected("an element"));
        }
        let span = self.advance()?;
        let text = self.slice(span);
        if text == "nan" && self.at(':') && dtype.is_float() && self.nan_bits_follow() {
            self.advance()?;
            let bits = self.advance()?;
            let span = span.to(bits);
            return match nan_from_bits(dtype, self.slice(bits)) {
                Some(nan) => Ok((nan, span)),
                None => Err(self.bad_number(span, format!("these are not the bits of a {dtype} NaN"))),
            };
        }
        match scalar(dtype, text) {
            Some(scalar) => Ok((scalar, span)),
            None => Err(self.bad_number(span, format!("`{text}` is not a value of {dtype}"))),
        }
    }
}

/// Follows the brackets around elements: nested by axis, or one pair around all.
struct Nesting {
    /// Extents of the axes.
    sizes: Vec<usize>,
    /// Items so far in each open pair of brackets.
    open: Vec<usize>,
    /// Whether an element has stood directly in the outermost brackets of a tensor of rank 2 or more.
    flat: bool,
    items: usize,
}

impl Nesting {
    fn new(shape: &Shape) -> Nesting {
        Nesting { sizes: shape.sizes().to_vec(), open: Vec::new(), flat: false, items: 0 }
    }

    fn open(&mut self) -> Result<(), String> {
        let deep = self.open.len() >= self.sizes.len().max(1);
        if deep || self.flat {
            return Err("no bracket expected here".to_owned());
        }
        if let Some(outer) = self.open.last_mut() {
            *outer += 1;
        }
        self.open.push(0);
        Ok(())
    }

    fn item(&mut self) {
        self.items += 1;
        self.flat |= self.open.len() == 1 && self.sizes.len() != 1;
        if let Some(inner) = self.open.last_mut() {
            *inner += 1;
        }
    }

    fn close(&mut self) -> Result<(), String> {
        let depth = self.open.len();
        let found = self.open.pop().unwrap_or(0);
        // The number of all elements is checked by the caller; without elements `[]` stands for the whole tensor.
        if self.flat || (self.items == 0 && depth == 1) || self.sizes.len() <= 1 {
            return Ok(());
        }
        match self.sizes.get(depth - 1) {
            Some(&expected) if expected != found => {
                Err(format!("axis {} has extent {expected}, found {found} items", depth - 1))
            }
            _ => Ok(()),
        }
    }

    fn is_closed(&self) -> bool {
        self.open.is_empty()
    }
}

/// The element of `dtype` that is written like this; `None` if there is none. Decimals round to the nearest value.
fn scalar(dtype: DType, text: &str) -> Option<Scalar> {
    let finite = |v: f64| v.is_finite() || text.ends_with("inf");
    let decimal = || text.parse::<f64>().ok().filter(|_| is_decimal(text));
    Some(match dtype {
        DType::Bool => Scalar::Bool(text.parse().ok()?),
        DType::F16 => Scalar::F16(decimal().map(f16::from_f64).filter(|v| finite(v.to_f64()) || v.is_nan())?),
        DType::BF16 => {
            Scalar::BF16(decimal().map(bf16::from_f64).filter(|v| finite(v.to_f64()) || v.is_nan())?)
        }
        // Straight to f32: by way of f64 the value could be rounded twice.
        DType::F32 => Scalar::F32(
            text.parse::<f32>().ok().filter(|v| is_decimal(text) && (finite(f64::from(*v)) || v.is_nan()))?,
        ),
        DType::F64 => Scalar::F64(decimal().filter(|v| finite(*v) || v.is_nan())?),
        _ => integer(text)
            .filter(|v| Scalar::from_i128(dtype, *v).to_i128() == *v)
            .map(|v| Scalar::from_i128(dtype, v))?,
    })
}

/// Whether the text is one of the forms of a float that the text form knows; Rust's own parser knows some more.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) || digits == "inf" || text == "nan"
}

/// A decimal or hexadecimal integer.
pub(super) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => unsigned(hex, 16)?,
        None => unsigned(digits, 10)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn unsigned(digits: &str, radix: u32) -> Option<i128> {
    digits.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| i128::from_str_radix(digits, radix).ok())?
}

fn nan_from_bits(dtype: DType, text: &str) -> Option<Scalar> {
    let bits = u64::try_from(integer(text)?).ok()?;
    let nan = Scalar::from_bits(dtype, bits);
    (nan.bits() == bits && nan.to_f64().is_nan()).then_some(nan)
}
