//! Cases that other libraries computed: lines of a file that a script makes.

use std::collections::HashMap;

use tensorwright::prelude::*;

/// A line of the file.
pub(crate) struct Case<'a> {
    pub(crate) what: &'a str,
    pub(crate) keys: HashMap<&'a str, &'a str>,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

/// Numbers between commas.
pub(crate) fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split(',').map(|number| number.parse().ok().expect("a number")).collect()
}

impl<'a> Case<'a> {
    pub(crate) fn parse(line: &'a str) -> Case<'a> {
        let (case, results) = line.split_once(" -> ").expect("results");
        let (what, keys) = case.split_once(' ').expect("keys");
        let (shape, values) = results.split_once(": ").expect("values");
        Case {
            what,
            keys: keys.split(' ').map(|key| key.split_once('=').expect("a value")).collect(),
            shape: numbers(shape),
            values: values.split(' ').map(|value| value.parse().expect("a number")).collect(),
        }
    }

    pub(crate) fn list(&self, key: &str) -> Vec<usize> {
        numbers(self.keys[key])
    }

    /// Operand number `k`, as the script makes it.
    pub(crate) fn operand(k: i64, shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>() as i64;
        let values: Vec<f64> = (0..count).map(|i| ((i * 37 + k * 11) % 23 - 11) as f64 / 4.0).collect();
        Tensor::from(values).reshape(shape.to_vec())
    }
}
