//! The tensors of a pickle by their names: the keys on the way to them.

use super::super::error::{Read, damaged};
use super::pickle::{Id, Pickle, Value, View};

/// How deep dicts and lists may lie in each other.
const DEPTH: usize = 64;
/// What is looked at and the letters of names, for each byte of the pickle: values may be named from several places.
const MOST: usize = 64;
/// The name of a tensor that is all there is.
const ALONE: &str = "tensor";

/// The tensors of a pickle of so many bytes, in its order.
pub(super) fn of<'v, 'p>(pickle: &'v Pickle<'p>, length: usize) -> Read<Vec<(String, &'v View<'p>)>> {
    let mut budget = length.saturating_mul(MOST);
    let mut found = Vec::new();
    let mut open: Vec<(String, Id, usize)> = vec![(String::new(), pickle.root, 0)];
    while let Some((name, id, depth)) = open.pop() {
        // What is looked at costs something, also where nothing is found.
        let (count, name_length) = (pickle.values[id].children(), name.len());
        budget = spend(budget, count.saturating_mul(name_length + 1))?;
        let children: Vec<(String, Id)> = match &pickle.values[id] {
            Value::Tensor(view) => {
                let name = if name.is_empty() { ALONE.to_owned() } else { name };
                found.push((name, &**view));
                continue;
            }
            Value::List(items) if holds(pickle, items.iter().copied()) => {
                items.iter().enumerate().map(|(at, &item)| (joined(&name, &at.to_string()), item)).collect()
            }
            Value::Dict(items) if holds(pickle, items.iter().map(|(_, value)| *value)) => items
                .iter()
                .filter_map(|&(key, value)| Some((joined(&name, &word(pickle, key)?), value)))
                .collect(),
            _ => continue,
        };
        if depth == DEPTH {
            return damaged(format!("`{name}`: dicts lie in each other more than {DEPTH} deep"));
        }
        for (name, child) in children.into_iter().rev() {
            budget = spend(budget, name.len() + 1)?;
            open.push((name, child, depth + 1));
        }
    }
    Ok(found)
}

fn spend(budget: usize, count: usize) -> Read<usize> {
    match budget.checked_sub(count) {
        Some(rest) => Ok(rest),
        None => damaged(format!("the pickle names more than {MOST} times what its bytes can tell")),
    }
}

/// Whether anything among the values may have tensors.
fn holds(pickle: &Pickle<'_>, values: impl Iterator<Item = Id>) -> bool {
    let may = |id: Id| matches!(pickle.values[id], Value::Tensor(_) | Value::List(_) | Value::Dict(_));
    values.into_iter().any(may)
}

/// The key of a dict.
fn word(pickle: &Pickle<'_>, key: Id) -> Option<String> {
    match &pickle.values[key] {
        Value::Text(text) => Some((*text).to_owned()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn joined(before: &str, name: &str) -> String {
    if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
}
