//! What a case expects, compared with what is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::build::Builder;
use crate::encode;
use crate::expression::Env;
use crate::run::{cardinality, pass, steps};

/// A folder that is removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("tensorwright-data-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("there is room for files");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What is wrong with a case, if something is.
pub(crate) fn check(case: &Value) -> Result<(), String> {
    let scratch = Scratch::new();
    let builder = Builder::new(scratch.0.clone());
    let expect = &case["expect"];
    let dataset = builder.build(&case["pipeline"], &Env::top());
    if !expect["build_error"].is_null() {
        return match dataset.error() {
            Some(error) => same_kind(&expect["build_error"], &encode::error(error)),
            None => Err("it can be built".to_owned()),
        };
    }
    if let Some(error) = dataset.error() {
        return Err(format!("it cannot be built: {error}"));
    }
    let told = |error| format!("{error}");
    same("spec", &expect["spec"], &encode::spec(dataset.spec().map_err(told)?))?;
    same("cardinality", &expect["cardinality"], &cardinality(&dataset).map_err(told)?)?;
    let limit = case["limit"].as_u64().unwrap_or(64) as usize;
    if case["properties"].is_array() {
        let read = |dataset| pass(dataset, limit).map(elements).map_err(told);
        let (first, second) = (read(&dataset)?, read(&dataset)?);
        let rebuilt = read(&builder.build(&case["pipeline"], &Env::top()))?;
        let mut properties = case["properties"].as_array().into_iter().flatten();
        return properties.try_for_each(|property| holds(property, [&first, &second, &rebuilt]));
    }
    if case["steps"].is_array() {
        let log = steps(case, &builder, dataset, limit);
        if let Some(relations) = case["relations"].as_array() {
            return relations.iter().try_for_each(|relation| related(relation, &log));
        }
        return same("log", &expect["log"], &Value::Array(log));
    }
    let read = pass(&dataset, limit).map_err(told)?;
    same("elements", &expect["elements"], &read["elements"])?;
    same("end", &expect["end"], &read["end"])
}

fn elements(mut read: Value) -> Vec<Value> {
    match read["elements"].take() {
        Value::Array(elements) => elements,
        _ => Vec::new(),
    }
}

/// Errors are compared by their kind. These of Python's are one with an invalid argument.
fn kind(error: &Value) -> &str {
    match error["kind"].as_str().unwrap_or_default() {
        "Value" | "Type" | "Key" | "Index" | "Attribute" => "InvalidArgument",
        other => other,
    }
}

fn same_kind(expected: &Value, found: &Value) -> Result<(), String> {
    match kind(expected) == kind(found) {
        true => Ok(()),
        false => Err(format!("{expected} is expected, found {found}")),
    }
}

/// Equal but for the messages of errors.
fn alike(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) if a.contains_key("error") && b.contains_key("error") => {
            same_kind(&a["error"], &b["error"]).is_ok()
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

fn same(what: &str, expected: &Value, found: &Value) -> Result<(), String> {
    match alike(expected, found) {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected}, found {found}")),
    }
}

/// How often each element comes.
fn bag(elements: &[Value]) -> BTreeMap<String, usize> {
    let mut bag = BTreeMap::new();
    elements.iter().for_each(|element| *bag.entry(element.to_string()).or_default() += 1);
    bag
}

/// The part of an element at a path.
fn at<'v>(element: &'v Value, path: &Value) -> &'v Value {
    path.as_array().into_iter().flatten().fold(element, |element, key| match key.as_u64() {
        Some(place) => &element["tuple"][place as usize],
        None => &element["dict"][key.as_str().unwrap_or_default()],
    })
}

fn share(elements: &[Value], property: &Value) -> f64 {
    let hits = elements.iter().filter(|element| *at(element, &property["path"]) == property["value"]).count();
    hits as f64 / elements.len().max(1) as f64
}

/// Whether a property holds of a first pass, a second one, and one over the dataset built anew.
fn holds(property: &Value, passes: [&Vec<Value>; 3]) -> Result<(), String> {
    let [first, second, rebuilt] = passes;
    let wanted = property["elements"].as_array().map_or(&[][..], Vec::as_slice);
    let size = property["size"].as_u64().unwrap_or(wanted.len().max(1) as u64) as usize;
    let number = |key: &str| property[key].as_f64().unwrap_or_default();
    let each = |f: &dyn Fn(&[Value]) -> bool| passes.iter().all(|pass| f(pass));
    let is_true = property["value"] == true;
    let holds = match property["is"].as_str().unwrap_or_default() {
        "permutation" => each(&|pass| bag(pass) == bag(wanted)),
        "exactly" => each(&|pass| pass == wanted),
        "not_in_order" => first != wanted,
        "within" => each(&|pass| {
            let all = bag(wanted);
            bag(pass).iter().all(|(element, count)| all.get(element).is_some_and(|most| count <= most))
        }),
        "count" => each(&|pass| (number("min")..=number("max")).contains(&(pass.len() as f64))),
        "buffer_bound" => each(&|pass| {
            let late = |(i, value): (usize, &Value)| {
                value.as_f64().is_some_and(|v| v - i as f64 <= number("buffer") - 1.0)
            };
            pass.iter().enumerate().all(late)
        }),
        "block_permutations" => {
            each(&|pass| pass.chunks(wanted.len()).all(|block| bag(block) == bag(wanted)))
        }
        "a_block_is_no_permutation" => first.chunks(wanted.len()).any(|block| bag(block) != bag(wanted)),
        "blocks_same" => first.chunks(size).all(|block| *block == first[..size]) == is_true,
        "second_pass_same" => (first == second) == is_true,
        "rebuilt_same" => (first == rebuilt) == is_true,
        "in_turn" => each(&|pass| {
            let come: Vec<&Value> = pass.iter().filter(|element| wanted.contains(element)).collect();
            come.len() <= wanted.len() && come.iter().zip(wanted).all(|(a, b)| *a == b)
        }),
        "share" => each(&|pass| (share(pass, property) - number("near")).abs() <= number("within")),
        "ends_with_error" => {
            each(&|pass| pass.last().is_some_and(|last| kind(&last["error"]) == kind(property)))
        }
        other => return Err(format!("no property {other}")),
    };
    if holds { Ok(()) } else { Err(format!("{property} does not hold: {passes:?}")) }
}

/// Whether groups of log entries are related as a case says.
fn related(relation: &Value, log: &[Value]) -> Result<(), String> {
    let entry = |place: &Value| {
        let place = place.as_i64().unwrap_or_default();
        let place = if place < 0 { place + log.len() as i64 } else { place };
        log[place as usize]["elements"].as_array().cloned().unwrap_or_default()
    };
    let groups = relation["of"].as_array().into_iter().flatten();
    let groups: Vec<Vec<Value>> =
        groups.map(|group| group.as_array().into_iter().flatten().flat_map(entry).collect()).collect();
    let wanted = relation["elements"].as_array().map_or(&[][..], Vec::as_slice);
    let holds = match relation["is"].as_str().unwrap_or_default() {
        "same" => groups.iter().all(|group| *group == groups[0]),
        "different" => groups[0] != groups[1],
        "permutation" => groups.iter().all(|group| bag(group) == bag(wanted)),
        other => return Err(format!("no relation {other}")),
    };
    if holds { Ok(()) } else { Err(format!("{relation} does not hold: {groups:?}")) }
}
