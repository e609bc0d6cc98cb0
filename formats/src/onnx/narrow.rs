//! Dtypes of few bits, as far as a file says where they are: tensors do not know them.

use std::collections::HashMap;

use super::dtype::is_narrow;
use super::graph::Node;
use super::schema::{AttributeProto, GraphProto, KindProto, NodeProto, ValueInfoProto};

/// Names of a graph whose elements are of a dtype that no dtype of ours is, with its number.
pub(crate) struct Narrow<'g>(HashMap<&'g str, i32>);

impl<'g> Narrow<'g> {
    /// As types, initializers, constants and casts say it.
    pub(crate) fn of(proto: &'g GraphProto) -> Narrow<'g> {
        let typed = proto.input.iter().chain(&proto.output).chain(&proto.value_info).filter_map(of_type);
        let stored = proto.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor.data_type));
        let made = proto.node.iter().filter_map(of_node);
        let all = typed.chain(stored).chain(made);
        Narrow(all.filter(|(_, number)| is_narrow(*number)).collect())
    }

    /// Tells nodes which of their inputs these are.
    pub(crate) fn tell(&self, nodes: &mut [Node]) {
        for node in nodes.iter_mut().filter(|_| !self.0.is_empty()) {
            let known = node.inputs.iter().map(|name| self.0.get(name.as_str()));
            node.narrow = known.enumerate().filter_map(|(at, number)| Some((at, *number?))).collect();
        }
    }
}

fn of_type(info: &ValueInfoProto) -> Option<(&str, i32)> {
    match info.r#type.as_ref()?.kind.as_ref()? {
        KindProto::Tensor(tensor) => Some((&info.name, tensor.elem_type)),
        _ => None,
    }
}

fn of_node(node: &NodeProto) -> Option<(&str, i32)> {
    let attribute =
        |name: &str| node.attribute.iter().find(|attribute: &&AttributeProto| attribute.name == name);
    let number = match node.op_type.as_str() {
        "Cast" => i32::try_from(attribute("to")?.i).ok()?,
        "QuantizeLinear" => i32::try_from(attribute("output_dtype")?.i).ok()?,
        "Constant" => attribute("value")?.t.as_ref()?.data_type,
        _ => return None,
    };
    Some((node.output.first()?, number))
}
