//! Running a graph: node after node, with values by name.
//!
//! In a trace, a node whose inputs all have values is run at once, outside of the trace: that is how shape arithmetic and what is computed of weights
//! alone folds away. The others are recorded.

use std::collections::{HashMap, HashSet};

use tensorwright::eagerly;

use super::call::Call;
use super::error::{Error, Reason};
use super::graph::{Action, Graph, Node};
use super::value::Value;

/// The values of a graph, and those around it.
pub(crate) struct Scope<'s> {
    values: HashMap<&'s str, Value>,
    graph: &'s Graph,
    around: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    /// The value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let own = self.values.get(name).or_else(|| self.graph.constants.get(name));
        own.or_else(|| self.around.and_then(|around| around.get(name)))
    }
}

impl Graph {
    /// What the graph computes of its inputs, those that are there.
    pub(crate) fn run(
        &self,
        inputs: Vec<Option<Value>>,
        around: Option<&Scope<'_>>,
    ) -> Result<Vec<Value>, Error> {
        let mut scope = Scope { values: HashMap::new(), graph: self, around };
        for (port, value) in self.inputs.iter().zip(inputs) {
            if let Some(value) = value {
                scope.values.insert(&port.name, value);
            }
        }
        for (node, last) in self.nodes.iter().zip(&self.last_uses) {
            let results = node.run(&scope).map_err(|reason| node.failed(reason))?;
            for (name, value) in node.outputs.iter().zip(results) {
                let value = value.checked().map_err(|reason| node.failed(reason))?;
                if !name.is_empty() {
                    scope.values.insert(name, value);
                }
            }
            for name in last {
                scope.values.remove(name.as_str());
            }
        }
        let output = |name: &String| {
            scope.get(name).cloned().ok_or_else(|| Error::Part {
                what: "output",
                name: name.clone(),
                reason: "nothing computes it".to_owned(),
            })
        };
        self.outputs.iter().map(|port| output(&port.name)).collect()
    }
}

impl<'s> Scope<'s> {
    /// A value of this graph, computed anew of others that are known.
    pub(crate) fn computed(&self, name: &str, known: HashMap<String, Value>) -> Result<Value, Error> {
        let mut needed: HashSet<&str> = HashSet::from([name]);
        let mut nodes: Vec<&Node> = Vec::new();
        for node in self.graph.nodes.iter().rev() {
            let gives = |name: &String| needed.contains(name.as_str()) && !known.contains_key(name);
            if node.outputs.iter().any(gives) {
                needed.extend(node.inputs.iter().map(String::as_str));
                nodes.push(node);
            }
        }
        let mut scope = Scope { values: HashMap::new(), graph: self.graph, around: Some(self) };
        for (name, value) in &known {
            scope.values.insert(name, value.clone());
        }
        for node in nodes.into_iter().rev() {
            let results = node.run(&scope).map_err(|reason| node.failed(reason))?;
            for (name, value) in node.outputs.iter().zip(results) {
                if !known.contains_key(name) {
                    scope.values.insert(name, value);
                }
            }
        }
        scope.get(name).cloned().ok_or_else(|| Error::Part {
            what: "value",
            name: name.to_owned(),
            reason: "nothing computes it".to_owned(),
        })
    }
}

impl Node {
    fn run(&self, scope: &Scope<'_>) -> Result<Vec<Value>, Reason> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for name in &self.inputs {
            inputs.push(match scope.get(name) {
                Some(value) => Some(value.clone()),
                None if name.is_empty() => None,
                // An input of a function that its call leaves out is left out here too.
                None if scope.graph.inputs.iter().any(|port| port.name == *name) => None,
                None => return Err(Reason::other(format!("nothing computes its input `{name}`"))),
            });
        }
        match &self.action {
            Action::Operator(operator) => {
                let call = Call { node: self, inputs: &inputs, scope };
                let is_traced = |name: &&str| scope.get(name).is_some_and(Value::is_traced);
                match !self.draws && !self.uses().iter().any(is_traced) {
                    true => eagerly(|| (operator.apply)(&call)),
                    false => (operator.apply)(&call),
                }
            }
            Action::Graph(body) => body.run(inputs, None).map_err(|error| Reason::Inner(Box::new(error))),
            Action::Unknown => Err(Reason::other("there is no such operator")),
        }
    }
}
