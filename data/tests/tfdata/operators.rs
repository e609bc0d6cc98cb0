//! Operators of the case language, over plain numbers and texts.

use serde_json::Value;
use tensorwright::{DType, Scalar};
use tensorwright_data::{ElementKind, Extents, Item, Result, Spec, Text};

use crate::value::bad;

/// Kind and shape of an array.
pub(crate) fn dense(spec: &Spec) -> Result<(ElementKind, Extents)> {
    match spec {
        Spec::Dense(kind, shape) | Spec::Ragged(kind, shape, 0) => Ok((*kind, shape.clone())),
        other => Err(bad(format!("an array is wanted, not {other}"))),
    }
}

/// The shape of an array of texts.
pub(crate) fn texts(spec: &Spec) -> Result<Extents> {
    match dense(spec)? {
        (ElementKind::Text, shape) => Ok(shape),
        _ => Err(bad("texts are wanted")),
    }
}

fn broadcast(a: &Extents, b: &Extents) -> Result<Extents> {
    let (Some(a), Some(b)) = (a.known(), b.known()) else { return Ok(Extents::unknown()) };
    let rank = a.len().max(b.len());
    let at = |own: &[Option<usize>], i: usize| (i + own.len()).checked_sub(rank).map_or(Some(1), |i| own[i]);
    let axes = (0..rank).map(|i| match (at(a, i), at(b, i)) {
        (Some(1), other) | (other, Some(1)) => Ok(other),
        (None, other) | (other, None) => Ok(other),
        (Some(a), Some(b)) if a == b => Ok(Some(a)),
        _ => Err(bad("shapes do not broadcast")),
    });
    Ok(Extents::new(axes.collect::<Result<Vec<_>>>()?))
}

fn is_comparison(name: &str) -> bool {
    matches!(name, "==" | "!=" | "<" | "<=" | ">" | ">=")
}

pub(crate) fn infer_binary(name: &str, left: &Spec, right: &Spec) -> Result<Spec> {
    let ((kind, a), (other, b)) = (dense(left)?, dense(right)?);
    if kind != other {
        return Err(bad(format!("{kind} and {other} do not go together")));
    }
    let result = match (name, kind) {
        (name, _) if is_comparison(name) => ElementKind::Number(DType::Bool),
        ("and" | "or", ElementKind::Number(DType::Bool)) => kind,
        ("and" | "or", _) => return Err(bad("bool is wanted")),
        ("/", ElementKind::Number(dtype)) if dtype.is_int() => ElementKind::Number(quotient(dtype)),
        ("+", ElementKind::Text) => kind,
        (_, ElementKind::Text | ElementKind::Number(DType::Bool)) => return Err(bad("numbers are wanted")),
        _ => kind,
    };
    Ok(Spec::Dense(result, broadcast(&a, &b)?))
}

/// The dtype of a quotient of integers.
fn quotient(dtype: DType) -> DType {
    if dtype.size() <= 2 { DType::F32 } else { DType::F64 }
}

pub(crate) fn infer_unary(name: &str, specs: &[Spec]) -> Result<Spec> {
    let first = specs.first().ok_or_else(|| bad("an operand is wanted"))?;
    if name == "identity" {
        return Ok(first.clone());
    }
    if name == "to_dense" {
        return match first {
            Spec::Sparse(kind, shape) | Spec::Ragged(kind, shape, _) => Ok(Spec::Dense(*kind, shape.clone())),
            _ => Err(bad("nothing to make dense")),
        };
    }
    let (kind, shape) = dense(first)?;
    Ok(match name {
        "neg" | "not" => Spec::Dense(kind, shape),
        "sum" => Spec::scalar(kind),
        "size" => Spec::scalar(DType::I64),
        "shape" => Spec::number(DType::I64, Extents::new([shape.rank()])),
        "strlen" => Spec::number(DType::I64, texts(first)?),
        "strcat" => {
            let shapes = specs.iter().map(texts).collect::<Result<Vec<_>>>()?;
            Spec::text(shapes.iter().skip(1).try_fold(shape, |all, shape| broadcast(&all, shape))?)
        }
        "split" if texts(first)?.rank() == Some(0) => Spec::text([None]),
        "to_string" => Spec::text(shape),
        other => return Err(bad(format!("no operation {other} of these"))),
    })
}

pub(crate) fn infer_reshape(spec: &Spec, wanted: &Value) -> Result<Spec> {
    let (kind, shape) = dense(spec)?;
    let wanted: Vec<i64> = wanted.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    let product: usize = wanted.iter().filter(|size| **size >= 0).map(|size| *size as usize).product();
    let have = shape.sizes().map(|sizes| sizes.iter().product::<usize>());
    let is_open = wanted.contains(&-1);
    if let Some(have) = have {
        let fits = if is_open { product > 0 && have.is_multiple_of(product) } else { have == product };
        if !fits {
            return Err(bad(format!("{have} elements do not have shape {wanted:?}")));
        }
    }
    let size =
        |size: &i64| if *size >= 0 { Some(*size as usize) } else { have.map(|have| have / product.max(1)) };
    Ok(Spec::Dense(kind, Extents::new(wanted.iter().map(size))))
}

pub(crate) fn infer_ensured(spec: &Spec, wanted: &Extents) -> Result<Spec> {
    let (kind, shape) = dense(spec)?;
    if !shape.is_compatible(wanted) {
        return Err(bad("another shape is known"));
    }
    let both = match (shape.known(), wanted.known()) {
        (Some(own), Some(wanted)) => {
            Extents::new(own.iter().zip(wanted).map(|(own, wanted)| own.or(*wanted)))
        }
        (Some(_), None) => shape.clone(),
        _ => wanted.clone(),
    };
    Ok(Spec::Dense(kind, both))
}

/// The numbers of an array, row major.
pub(crate) fn numbers(item: &Item) -> Result<Vec<Scalar>> {
    Ok(item.to_tensor()?.to_literal()?.iter().collect())
}

pub(crate) fn dtype_of(item: &Item) -> Option<DType> {
    match item {
        Item::Number(number) => Some(number.dtype()),
        Item::Array(array) => Some(array.dtype()),
        _ => None,
    }
}

/// The texts of an array, row major.
pub(crate) fn text_values(item: &Item) -> Result<Vec<Text>> {
    match item {
        Item::Text(text) => Ok(vec![text.clone()]),
        Item::Texts(texts) => Ok(texts.values().to_vec()),
        _ => Err(bad("texts are wanted")),
    }
}

pub(crate) fn sizes(item: &Item) -> Result<Vec<usize>> {
    item.sizes().map(<[usize]>::to_vec).ok_or_else(|| bad("an array is wanted"))
}

/// The place in an operand of each place of a result.
fn places(own: &[usize], all: &[usize]) -> Vec<usize> {
    let mut places = vec![0];
    for (axis, size) in all.iter().enumerate() {
        let extent = (axis + own.len()).checked_sub(all.len()).map_or(1, |axis| own[axis]);
        places = places
            .iter()
            .flat_map(|place| (0..*size).map(move |i| if extent == 1 { *place } else { place * extent + i }))
            .collect();
    }
    places
}

fn common_sizes(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    broadcast(&Extents::from(a), &Extents::from(b))?.sizes().ok_or_else(|| bad("shapes do not broadcast"))
}

pub(crate) fn binary(name: &str, left: &Item, right: &Item) -> Result<Item> {
    let (a, b) = (sizes(left)?, sizes(right)?);
    let all = common_sizes(&a, &b)?;
    let pairs = places(&a, &all).into_iter().zip(places(&b, &all));
    if dtype_of(left).is_none() {
        let (left, right) = (text_values(left)?, text_values(right)?);
        let pairs = pairs.map(|(i, j)| (&left[i], &right[j]));
        return match name {
            "+" => Item::texts(
                &all,
                pairs.map(|(a, b)| Text::from([&a[..], &b[..]].concat())).collect::<Vec<_>>(),
            ),
            _ => Item::numbers(
                DType::Bool,
                &all,
                pairs.map(|(a, b)| Scalar::Bool(compare(name, a.cmp(b)))).collect::<Vec<_>>(),
            ),
        };
    }
    let (left, right) = (numbers(left)?, numbers(right)?);
    let results = pairs.map(|(i, j)| one(name, left[i], right[j])).collect::<Result<Vec<_>>>()?;
    let dtype = results.first().map_or(DType::I64, |number| number.dtype());
    Item::numbers(dtype, &all, results)
}

fn compare(name: &str, order: std::cmp::Ordering) -> bool {
    match name {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn one(name: &str, a: Scalar, b: Scalar) -> Result<Scalar> {
    let dtype = a.dtype();
    if is_comparison(name) {
        let order = match dtype.is_float() {
            true => a.to_f64().partial_cmp(&b.to_f64()),
            false => Some(a.to_i128().cmp(&b.to_i128())),
        };
        return Ok(Scalar::Bool(order.map_or(name == "!=", |order| compare(name, order))));
    }
    if let (Scalar::Bool(a), Scalar::Bool(b)) = (a, b) {
        return Ok(Scalar::Bool(if name == "and" { a && b } else { a || b }));
    }
    if name == "/" && dtype.is_int() {
        return Ok(Scalar::from_f64(quotient(dtype), a.to_f64() / b.to_f64()));
    }
    match dtype {
        DType::F32 => Ok(Scalar::F32(float(name, f64::from(a.to_f64() as f32), b.to_f64()) as f32)),
        float_dtype if float_dtype.is_float() => {
            Ok(Scalar::from_f64(dtype, float(name, a.to_f64(), b.to_f64())))
        }
        _ => int(name, a.to_i128(), b.to_i128()).map(|result| Scalar::from_i128(dtype, result)),
    }
}

fn float(name: &str, a: f64, b: f64) -> f64 {
    match name {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "//" => (a / b).floor(),
        _ => a - (a / b).floor() * b,
    }
}

fn int(name: &str, a: i128, b: i128) -> Result<i128> {
    match name {
        "+" => Ok(a + b),
        "-" => Ok(a - b),
        "*" => Ok(a.wrapping_mul(b)),
        _ if b == 0 => Err(bad("integer division by zero")),
        "//" => Ok(a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0)),
        _ => Ok(((a % b) + b) % b),
    }
}

pub(crate) fn cast(item: &Item, dtype: DType) -> Result<Item> {
    let numbers = numbers(item)?.into_iter().map(|number| number.cast(dtype)).collect::<Vec<_>>();
    Item::numbers(dtype, &sizes(item)?, numbers)
}

/// The same elements in another shape.
fn with_sizes(item: &Item, sizes: &[usize]) -> Result<Item> {
    match dtype_of(item) {
        Some(dtype) => Item::numbers(dtype, sizes, numbers(item)?),
        None => Item::texts(sizes, text_values(item)?),
    }
}

pub(crate) fn reshape(item: &Item, wanted: &Value) -> Result<Item> {
    let have: usize = sizes(item)?.iter().product();
    let spec = infer_reshape(&item.spec(), wanted)?;
    let sizes = dense(&spec)?.1.sizes().ok_or_else(|| bad("unknown sizes"))?;
    match sizes.iter().product::<usize>() == have {
        true => with_sizes(item, &sizes),
        false => Err(bad("another number of elements")),
    }
}

pub(crate) fn fill(count: i128, item: &Item) -> Result<Item> {
    let count = usize::try_from(count).map_err(|_| bad("a size is not negative"))?;
    match item {
        Item::Number(number) => Item::numbers(number.dtype(), &[count], vec![*number; count]),
        Item::Text(text) => Item::texts(&[count], vec![text.clone(); count]),
        _ => Err(bad("one number or text is wanted")),
    }
}

pub(crate) fn index(item: &Item, index: i128) -> Result<Item> {
    let sizes = sizes(item)?;
    let [rows, rest @ ..] = &sizes[..] else { return Err(bad("a scalar has no parts")) };
    let index = if index < 0 { index + *rows as i128 } else { index };
    let index = usize::try_from(index)
        .ok()
        .filter(|index| index < rows)
        .ok_or_else(|| bad("the index lies outside"))?;
    let width: usize = rest.iter().product();
    let own = index * width..(index + 1) * width;
    match dtype_of(item) {
        Some(dtype) => Item::numbers(dtype, rest, numbers(item)?[own].to_vec()),
        None => Item::texts(rest, text_values(item)?[own].to_vec()),
    }
}

fn parsed(text: &[u8], dtype: DType) -> Result<Scalar> {
    let wrong = || bad(format!("{} is no {dtype}", String::from_utf8_lossy(text)));
    let text = std::str::from_utf8(text).map_err(|_| wrong())?.trim();
    match dtype {
        DType::F32 => text.parse().map(Scalar::F32).map_err(|_| wrong()),
        float if float.is_float() => text.parse().map(Scalar::F64).map_err(|_| wrong()),
        _ => {
            let number: i128 = text.parse().map_err(|_| wrong())?;
            Some(Scalar::from_i128(dtype, number)).filter(|own| own.to_i128() == number).ok_or_else(wrong)
        }
    }
}

pub(crate) fn to_number(item: &Item, dtype: DType) -> Result<Item> {
    let numbers = text_values(item)?.iter().map(|text| parsed(text, dtype)).collect::<Result<Vec<_>>>()?;
    Item::numbers(dtype, &sizes(item)?, numbers)
}

pub(crate) fn decode_raw(item: &Item, dtype: DType) -> Result<Item> {
    let texts = text_values(item)?;
    let width = texts.first().map_or(0, |text| text.len());
    if texts.iter().any(|text| text.len() != width) || !width.is_multiple_of(dtype.size()) {
        return Err(bad(format!("{width} bytes are no array of {dtype}")));
    }
    let all: Vec<usize> = sizes(item)?.into_iter().chain([width / dtype.size()]).collect();
    Item::array(dtype, &all, &texts.concat())
}

pub(crate) fn unary(name: &str, items: &[Item]) -> Result<Item> {
    let item = &items[0];
    match name {
        "identity" => Ok(item.clone()),
        "to_dense" => to_dense(item),
        "neg" => binary("-", &Item::Number(Scalar::zero(dtype_of(item).unwrap_or(DType::I64))), item),
        "not" => {
            let flipped =
                numbers(item)?.into_iter().map(|number| Scalar::Bool(!number.to_bool())).collect::<Vec<_>>();
            Item::numbers(DType::Bool, &sizes(item)?, flipped)
        }
        "sum" => {
            let all = numbers(item)?;
            let dtype = dtype_of(item).ok_or_else(|| bad("numbers are wanted"))?;
            all.into_iter()
                .try_fold(Scalar::zero(dtype), |sum, number| one("+", sum, number))
                .map(Item::Number)
        }
        "size" => Ok(Item::number(sizes(item)?.iter().product::<usize>() as i64)),
        "shape" => {
            let sizes: Vec<Scalar> = sizes(item)?.into_iter().map(|size| Scalar::I64(size as i64)).collect();
            Item::numbers(DType::I64, &[sizes.len()], sizes)
        }
        "strlen" => {
            let lengths =
                text_values(item)?.iter().map(|text| Scalar::I64(text.len() as i64)).collect::<Vec<_>>();
            Item::numbers(DType::I64, &sizes(item)?, lengths)
        }
        "strcat" => items[1..].iter().try_fold(item.clone(), |all, item| binary("+", &all, item)),
        "split" => {
            let text = text_values(item)?.remove(0);
            let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(Text::from);
            let words: Vec<Text> = words.collect();
            Item::texts(&[words.len()], words)
        }
        "to_string" => {
            let shown = |number: Scalar| match number {
                Scalar::Bool(value) => value.to_string(),
                float if float.dtype().is_float() => format!("{:.6}", float.to_f64()),
                int => int.to_i128().to_string(),
            };
            let texts = numbers(item)?
                .into_iter()
                .map(|number| Text::from(shown(number).as_bytes()))
                .collect::<Vec<_>>();
            Item::texts(&sizes(item)?, texts)
        }
        other => Err(bad(format!("no operation {other}"))),
    }
}

fn to_dense(item: &Item) -> Result<Item> {
    match item {
        Item::Sparse(sparse) => {
            let all = sparse.sizes();
            let mut strides = vec![1; all.len()];
            (1..all.len()).rev().for_each(|axis| strides[axis - 1] = strides[axis] * all[axis]);
            let places = sparse.places().chunks(all.len().max(1));
            let places = places.map(|place| {
                place.iter().zip(&strides).map(|(i, stride)| *i as usize * stride).sum::<usize>()
            });
            scattered(sparse.values(), &places.collect::<Vec<_>>(), all)
        }
        Item::Ragged(ragged) => {
            let offsets = ragged.offsets();
            let width = offsets.windows(2).map(|ends| ends[1] - ends[0]).max().unwrap_or(0);
            let places = offsets
                .windows(2)
                .enumerate()
                .flat_map(|(row, ends)| (0..ends[1] - ends[0]).map(move |i| row * width + i));
            scattered(ragged.values(), &places.collect::<Vec<_>>(), &[ragged.rows(), width])
        }
        other => Ok(other.clone()),
    }
}

/// Values at places of an array of zeros or empty texts.
fn scattered(values: &Item, places: &[usize], all: &[usize]) -> Result<Item> {
    let count: usize = all.iter().product();
    match dtype_of(values) {
        Some(dtype) => {
            let mut result = vec![Scalar::zero(dtype); count];
            places.iter().zip(numbers(values)?).for_each(|(place, number)| result[*place] = number);
            Item::numbers(dtype, all, result)
        }
        None => {
            let mut result = vec![Text::from([]); count];
            places.iter().zip(text_values(values)?).for_each(|(place, text)| result[*place] = text);
            Item::texts(all, result)
        }
    }
}
