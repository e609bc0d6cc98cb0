//! Expressions of the case language: what they give is found from specs when a pipeline is built, and computed from elements when it is read.

use std::collections::BTreeMap;

use serde_json::Value;
use tensorwright::{DType, Scalar};
use tensorwright_data::{ElementKind, Extents, Item, Result, Spec};

use crate::operators as op;
use crate::value::{self, bad};

/// What names stand for.
#[derive(Clone, Default)]
pub(crate) struct Env {
    pub(crate) specs: BTreeMap<String, Spec>,
    /// None while a pipeline is built for elements that are not there yet.
    pub(crate) items: Option<BTreeMap<String, Item>>,
}

impl Env {
    pub(crate) fn top() -> Env {
        Env { specs: BTreeMap::new(), items: Some(BTreeMap::new()) }
    }

    pub(crate) fn with_spec(&self, name: &str, spec: Spec) -> Env {
        let mut env = self.clone();
        env.specs.insert(name.to_owned(), spec);
        env.items = None;
        env
    }

    pub(crate) fn with_item(&self, name: &str, item: Item) -> Env {
        let mut env = self.clone();
        env.specs.insert(name.to_owned(), item.spec());
        env.items.get_or_insert_default().insert(name.to_owned(), item);
        env
    }
}

/// The parts of an operation.
fn parts(expr: &Value) -> Result<(&str, &[Value])> {
    match expr.as_array().map(Vec::as_slice) {
        Some([Value::String(name), rest @ ..]) => Ok((name, rest)),
        _ => Err(bad(format!("{expr} is no expression"))),
    }
}

fn is_literal(expr: &Value) -> bool {
    expr.is_number() || expr.is_boolean()
}

/// The dtype that a literal has on its own.
fn own_dtype(expr: &Value) -> DType {
    match expr {
        Value::Bool(_) => DType::Bool,
        number if number.is_f64() => DType::F32,
        _ => DType::I32,
    }
}

/// The spec of an expression.
pub(crate) fn infer(expr: &Value, env: &Env) -> Result<Spec> {
    infer_as(expr, env, None)
}

fn infer_as(expr: &Value, env: &Env, dtype: Option<DType>) -> Result<Spec> {
    match expr {
        Value::String(name) => env.specs.get(name).cloned().ok_or_else(|| bad(format!("no name {name}"))),
        Value::Object(_) => Ok(value::item(expr)?.spec()),
        literal if is_literal(literal) => Ok(Spec::scalar(dtype.unwrap_or_else(|| own_dtype(literal)))),
        _ => infer_operation(expr, env),
    }
}

/// The specs of two operands, of which a literal takes the dtype of the other one.
fn infer_pair(args: &[Value], env: &Env) -> Result<[Spec; 2]> {
    let dtype = |spec: &Spec| match spec {
        Spec::Dense(ElementKind::Number(dtype), _) => Some(*dtype),
        _ => None,
    };
    Ok(match is_literal(&args[0]) {
        true => {
            let right = infer(&args[1], env)?;
            [infer_as(&args[0], env, dtype(&right))?, right]
        }
        false => {
            let left = infer(&args[0], env)?;
            let right = infer_as(&args[1], env, dtype(&left))?;
            [left, right]
        }
    })
}

fn infer_operation(expr: &Value, env: &Env) -> Result<Spec> {
    let (name, args) = parts(expr)?;
    match name {
        "+" | "-" | "*" | "/" | "//" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" => {
            let [left, right] = infer_pair(args, env)?;
            op::infer_binary(name, &left, &right)
        }
        "tuple" => Ok(Spec::Tuple(args.iter().map(|arg| infer(arg, env)).collect::<Result<_>>()?)),
        "dict" => {
            let entries = args[0].as_object().into_iter().flatten();
            let entries = entries.map(|(name, arg)| Ok((&**name, infer(arg, env)?)));
            Ok(Spec::dict(entries.collect::<Result<Vec<_>>>()?))
        }
        "get" => get_spec(infer(&args[0], env)?, &args[1]),
        "cast" => Ok(Spec::Dense(value::kind(text(&args[0])?)?, op::dense(&infer(&args[1], env)?)?.1)),
        "reshape" => op::infer_reshape(&infer(&args[1], env)?, &args[0]),
        "ensure_shape" => op::infer_ensured(&infer(&args[1], env)?, &value::extents(&args[0])),
        "fill" => {
            let size = args[0].as_u64().or_else(|| args[0]["value"].as_u64()).map(|size| size as usize);
            let (kind, _) = op::dense(&infer(&args[1], env)?)?;
            op::dense(&infer(&args[0], env)?)?;
            Ok(Spec::Dense(kind, [size].into()))
        }
        "iota" => {
            let (kind, _) = op::dense(&infer(&args[0], env)?)?;
            Ok(Spec::Dense(kind, [None].into()))
        }
        "index" => {
            let (kind, shape) = op::dense(&infer(&args[0], env)?)?;
            let is_inside =
                |size: usize| args[1].as_i64().is_none_or(|i| (-(size as i64)..size as i64).contains(&i));
            if !shape.first().is_none_or(is_inside) {
                return Err(bad("the index lies outside"));
            }
            Ok(Spec::Dense(kind, shape.without_first().ok_or_else(|| bad("a scalar has no parts"))?))
        }
        "require" => {
            let (kind, _) = op::dense(&infer(&args[0], env)?)?;
            match kind == ElementKind::Number(DType::Bool) {
                true => infer(&args[1], env),
                false => Err(bad("a condition is bool")),
            }
        }
        "to_number" => Ok(Spec::Dense(value::kind(text(&args[0])?)?, op::texts(&infer(&args[1], env)?)?)),
        "decode_raw" => {
            Ok(Spec::Dense(value::kind(text(&args[0])?)?, op::texts(&infer(&args[1], env)?)?.with_last(None)))
        }
        "decode_csv" | "parse_single_example" | "parse_example" | "parse_sequence_example" => {
            let record = args.last().ok_or_else(|| bad("no record"))?;
            let shape = op::texts(&infer(record, env)?)?;
            crate::records::infer(name, args, &shape)
        }
        _ => op::infer_unary(name, &args.iter().map(|arg| infer(arg, env)).collect::<Result<Vec<_>>>()?),
    }
}

pub(crate) fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| bad(format!("{value} is no name")))
}

fn get_spec(spec: Spec, key: &Value) -> Result<Spec> {
    let found = match (&spec, key.as_i64(), key.as_str()) {
        (Spec::Tuple(parts), Some(place), _) => place_of(place, parts.len()).map(|place| &parts[place]),
        (Spec::Dict(parts), _, Some(name)) => parts.get(name),
        _ => None,
    };
    found.cloned().ok_or_else(|| bad(format!("{spec} has no part {key}")))
}

fn place_of(place: i64, len: usize) -> Option<usize> {
    let place = if place < 0 { place + len as i64 } else { place };
    usize::try_from(place).ok().filter(|place| *place < len)
}

fn get_item(item: &Item, key: &Value) -> Result<Item> {
    let found = match (item, key.as_i64(), key.as_str()) {
        (Item::Tuple(parts), Some(place), _) => place_of(place, parts.len()).map(|place| &parts[place]),
        (Item::Dict(dict), _, Some(name)) => dict.get(name),
        _ => None,
    };
    found.cloned().ok_or_else(|| bad(format!("no part {key}")))
}

/// The value of an expression.
pub(crate) fn eval(expr: &Value, env: &BTreeMap<String, Item>) -> Result<Item> {
    eval_as(expr, env, None)
}

fn eval_as(expr: &Value, env: &BTreeMap<String, Item>, dtype: Option<DType>) -> Result<Item> {
    match expr {
        Value::String(name) => env.get(name).cloned().ok_or_else(|| bad(format!("no name {name}"))),
        Value::Object(_) => value::item(expr),
        literal if is_literal(literal) => {
            Ok(Item::Number(value::scalar(dtype.unwrap_or_else(|| own_dtype(literal)), literal)?))
        }
        _ => eval_operation(expr, env),
    }
}

fn eval_pair(args: &[Value], env: &BTreeMap<String, Item>) -> Result<[Item; 2]> {
    Ok(match is_literal(&args[0]) {
        true => {
            let right = eval(&args[1], env)?;
            [eval_as(&args[0], env, op::dtype_of(&right))?, right]
        }
        false => {
            let left = eval(&args[0], env)?;
            let right = eval_as(&args[1], env, op::dtype_of(&left))?;
            [left, right]
        }
    })
}

fn eval_operation(expr: &Value, env: &BTreeMap<String, Item>) -> Result<Item> {
    let (name, args) = parts(expr)?;
    match name {
        "+" | "-" | "*" | "/" | "//" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" => {
            let [left, right] = eval_pair(args, env)?;
            op::binary(name, &left, &right)
        }
        "tuple" => Ok(Item::tuple(args.iter().map(|arg| eval(arg, env)).collect::<Result<Vec<_>>>()?)),
        "dict" => {
            let entries = args[0].as_object().into_iter().flatten();
            let entries = entries.map(|(name, arg)| Ok((&**name, eval(arg, env)?)));
            Ok(Item::dict(entries.collect::<Result<Vec<_>>>()?))
        }
        "get" => get_item(&eval(&args[0], env)?, &args[1]),
        "cast" => op::cast(&eval(&args[1], env)?, value::dtype(text(&args[0])?)?),
        "reshape" => op::reshape(&eval(&args[1], env)?, &args[0]),
        "ensure_shape" => {
            let item = eval(&args[1], env)?;
            match value::extents(&args[0]).accepts(item.sizes().unwrap_or(&[])) {
                true => Ok(item),
                false => Err(bad("another shape was promised")),
            }
        }
        "fill" => op::fill(eval(&args[0], env)?.to_number()?.to_i128(), &eval(&args[1], env)?),
        "iota" => {
            let count = eval(&args[0], env)?.to_number()?;
            let numbers =
                (0..count.to_i128()).map(|i| Scalar::from_i128(count.dtype(), i)).collect::<Vec<_>>();
            Item::numbers(count.dtype(), &[numbers.len()], numbers)
        }
        "index" => op::index(&eval(&args[0], env)?, eval(&args[1], env)?.to_number()?.to_i128()),
        "require" => {
            let holds = op::numbers(&eval(&args[0], env)?)?.iter().all(|number| number.to_bool());
            if holds { eval(&args[1], env) } else { Err(bad("required")) }
        }
        "to_number" => op::to_number(&eval(&args[1], env)?, value::dtype(text(&args[0])?)?),
        "decode_raw" => op::decode_raw(&eval(&args[1], env)?, value::dtype(text(&args[0])?)?),
        "decode_csv" | "parse_single_example" | "parse_example" | "parse_sequence_example" => {
            let record = args.last().ok_or_else(|| bad("no record"))?;
            crate::records::eval(name, args, &eval(record, env)?)
        }
        _ => op::unary(name, &args.iter().map(|arg| eval(arg, env)).collect::<Result<Vec<_>>>()?),
    }
}

/// With an extent behind the others.
pub(crate) trait WithLast {
    fn with_last(&self, last: Option<usize>) -> Extents;
}

impl WithLast for Extents {
    fn with_last(&self, last: Option<usize>) -> Extents {
        self.known().map_or_else(Extents::unknown, |known| Extents::new(known.iter().copied().chain([last])))
    }
}
