//! Operators that a model defines itself, as graphs.

use std::collections::HashMap;

use super::error::Error;
use super::graph::{Graph, Port, Reading};
use super::schema::{AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto};

/// Functions may call functions this deep.
const DEEPEST: usize = 64;

/// The functions of a model, by domain, name and overload.
pub(crate) struct Functions<'m>(HashMap<(&'m str, &'m str, &'m str), &'m FunctionProto>);

impl<'m> Functions<'m> {
    pub(crate) fn of(functions: &'m [FunctionProto]) -> Functions<'m> {
        let key = |f: &'m FunctionProto| (f.domain.as_str(), f.name.as_str(), f.overload.as_str());
        Functions(functions.iter().map(|function| (key(function), function)).collect())
    }

    /// The function that a node calls.
    pub(crate) fn find(&self, node: &NodeProto) -> Option<&'m FunctionProto> {
        self.0.get(&(node.domain.as_str(), node.op_type.as_str(), node.overload.as_str())).copied()
    }
}

/// Versions by domain; the standard's domain has no name.
pub(crate) fn versions(imports: &[OperatorSetIdProto]) -> HashMap<String, i64> {
    let name = |domain: &str| if domain == "ai.onnx" { String::new() } else { domain.to_owned() };
    imports.iter().map(|import| (name(&import.domain), import.version)).collect()
}

impl FunctionProto {
    /// The graph for a call with these attributes.
    pub(crate) fn body(
        &self,
        mut given: HashMap<String, AttributeProto>,
        caller: &Reading<'_>,
    ) -> Result<Graph, Error> {
        let refuse =
            |reason: &str| Error::Part { what: "function", name: self.name.clone(), reason: reason.into() };
        if caller.depth >= DEEPEST {
            return Err(refuse("calls are nested too deep; does it call itself?"));
        }
        for default in &self.attribute_proto {
            given.entry(default.name.clone()).or_insert_with(|| default.clone());
        }
        let mut versions = caller.versions.clone();
        versions.extend(self::versions(&self.opset_import));
        let reading = Reading {
            versions,
            functions: caller.functions,
            folder: caller.folder,
            file: caller.file,
            given: Some(&given),
            depth: caller.depth + 1,
            nodes: caller.nodes,
        };
        let ports =
            |names: &[String]| names.iter().map(|name| Port { name: name.clone(), ty: None }).collect();
        Graph::of(
            self.name.clone(),
            ports(&self.input),
            ports(&self.output),
            HashMap::new(),
            &self.node,
            &reading,
        )
    }
}
