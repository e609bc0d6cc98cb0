//! Steps of a graph: what passes must not increase.

use tensorwright_ir::op::{Lowering, Runs};
use tensorwright_ir::{Graph, Node, Op, Value};

use super::dce::live_nodes;
use crate::cost::{TRIPS, contraction, element_cost};

/// Steps that the outputs of the graph need. Index maps and constants are free: they become a way of reading.
pub fn cost(graph: &Graph) -> u64 {
    let live = live_nodes(graph);
    let costs = graph.iter().filter(|(id, _)| live[id.index()]).map(|(_, node)| node_cost(graph, node));
    costs.fold(0, u64::saturating_add)
}

/// Steps of one node.
pub fn node_cost(graph: &Graph, node: &Node) -> u64 {
    let elements = |v| graph.ty(v).elements() as u64;
    let result: u64 = node.results.iter().map(|&v| elements(v)).sum();
    let operands: u64 = node.operands.iter().map(|&v| elements(v)).sum();
    match node.op.lowering() {
        Lowering::Region => region_cost(node),
        Lowering::Effect => operands,
        Lowering::List => operands.saturating_add(result),
        Lowering::Map => result.saturating_mul(element_cost(graph, node).into()),
        Lowering::View | Lowering::Token | Lowering::Mark => 0,
        Lowering::Reduce => operands.max(result),
        // No sum is computed; what the operands would cost to read does not matter.
        Lowering::Tiled if result == 0 => 0,
        Lowering::Tiled => contraction(result, terms(graph, node)).saturating_add(operands),
        Lowering::Library | Lowering::Expand | Lowering::Host => {
            operands.saturating_add(result).saturating_mul(4)
        }
    }
}

/// One branch is taken, the most expensive for all that is known; a body runs many times. Regions nest little, so the functions call
/// each other.
fn region_cost(node: &Node) -> u64 {
    let costs = node.regions.iter().map(cost);
    let trips = match node.op.ports().map(|ports| ports.runs) {
        Some(Runs::While) => TRIPS,
        Some(Runs::ForEach { length, .. }) => length as u64,
        Some(Runs::Once | Runs::Again | Runs::Selected(_)) | None => return costs.max().unwrap_or(0),
    };
    costs.fold(0, u64::saturating_add).saturating_mul(trips)
}

/// Products that are added up for an element of the result.
fn terms(graph: &Graph, node: &Node) -> u64 {
    match (&node.op, node.operands.first()) {
        (Op::DotGeneral(dot), Some(&lhs)) => dot
            .lhs_contract
            .iter()
            .map(|&axis| graph.tensor(lhs).shape.size(axis) as u64)
            .product::<u64>()
            .max(1),
        (Op::Conv(conv), Some(&lhs)) => {
            let size = |value: Value, axis: usize| graph.tensor(value).shape.size(axis) as u64;
            let channels = conv.lhs_contract.iter().map(|&axis| size(lhs, axis));
            let taps = conv.rhs_spatial.iter().map(|&axis| size(node.operands[1], axis));
            channels.chain(taps).fold(1, u64::saturating_mul).max(1)
        }
        _ => 1,
    }
}
