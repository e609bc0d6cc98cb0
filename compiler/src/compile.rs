//! The whole way from a graph to a program.

use tensorwright_ir::op::Port;
use tensorwright_ir::{BuildError, Graph, NodeId, Type};

use crate::contraction;
use crate::in_place::Donations;
use crate::passes::{self, PassError, PassOptions};
use crate::program::{InvalidProgram, Program, Target, verify};
use crate::{fusion, plan};

/// How to compile.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// How to run the passes.
    pub passes: PassOptions,
}

/// Why a graph cannot be compiled. A graph that verifies and takes and gives tensors always compiles, so all but [`List`] are bugs
/// of the compiler.
///
/// [`List`]: CompileError::List
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A pass failed.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// A rewrite that does not type-check.
    #[error("a rewrite of the compiler does not type-check: {0}")]
    Rewrite(#[from] BuildError),
    /// A list where a function meets its caller.
    #[error(
        "{port} {position} of the function is a {ty}: lists live inside functions, what goes in and out are tensors"
    )]
    List {
        /// Input or output.
        port: Port,
        /// Its position, from 0.
        position: usize,
        /// Its type.
        ty: Box<Type>,
    },
    /// A program that breaks a rule. Reported if [`PassOptions::verify`] is set.
    #[error(transparent)]
    Program(#[from] InvalidProgram),
    /// An invariant does not hold.
    #[error("internal error of the compiler: {what}")]
    Internal {
        /// What went wrong.
        what: &'static str,
    },
}

/// Compiles a graph to a program for `target`. Fails if an input or output is a list, else only through a bug of the compiler.
pub fn compile(
    graph: &Graph,
    options: &CompileOptions,
    target: &dyn Target,
) -> Result<Program, CompileError> {
    compile_donating(graph, options, target, &[])
}

/// As [`compile`], with leave to overwrite inputs: of each pair of an input and an output of the same type, the output may get the
/// memory of the input. Which inputs a program overwrites is in [`Program::overwritten`].
///
/// # Errors
/// As [`compile`].
pub fn compile_donating(
    graph: &Graph,
    options: &CompileOptions,
    target: &dyn Target,
    pairs: &[(usize, usize)],
) -> Result<Program, CompileError> {
    check_ports(graph)?;
    let optimized = passes::run_pipeline(graph.clone(), &options.passes)?;
    let program = lower_region(&optimized, target, &Donations { pairs: pairs.to_vec(), to_kernels: true })?;
    if options.passes.verify {
        verify(&program, target)?;
    }
    Ok(program)
}

fn check_ports(graph: &Graph) -> Result<(), CompileError> {
    let ports = [(Port::Input, graph.input_types()), (Port::Output, graph.output_types())];
    for (port, types) in ports {
        if let Some(position) = types.iter().position(Type::is_list) {
            return Err(CompileError::List { port, position, ty: types[position].clone().into() });
        }
    }
    Ok(())
}

/// Fuses, schedules and plans a graph of primitives. Fails only through a bug of the compiler.
pub fn lower(graph: &Graph, target: &dyn Target) -> Result<Program, CompileError> {
    lower_region(graph, target, &Donations::default())
}

/// As [`lower`], with leave to overwrite inputs. Called for regions within regions; how deep they nest is bounded.
pub(crate) fn lower_region(
    graph: &Graph,
    target: &dyn Target,
    donations: &Donations,
) -> Result<Program, CompileError> {
    let adjacent = contraction::with_adjacent_axes(graph)?;
    let fused = fusion::fuse(adjacent.as_ref().unwrap_or(graph));
    plan::plan(&fused, target, donations)
}

/// How a graph of primitives is cut into kernels, for pictures: the graph as it is fused, and the nodes of each cluster. Nodes
/// in no cluster are routines of their own, constants, or index maps that are part of every read.
pub fn clusters(graph: &Graph) -> Result<(Graph, Vec<Vec<NodeId>>), CompileError> {
    let graph = contraction::with_adjacent_axes(graph)?.unwrap_or_else(|| graph.clone());
    let clusters = fusion::fuse(&graph).clusters.iter().map(|cluster| cluster.nodes.clone()).collect();
    Ok((graph, clusters))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Product;

    struct Untiled;

    impl Target for Untiled {
        fn matmul_tile(&self, _product: &Product) -> Option<(u64, u64)> {
            None
        }

        fn packed_bytes(&self, _product: &Product) -> Option<usize> {
            None
        }
    }

    fn compiled(text: &str) -> Result<Program, CompileError> {
        let graph = text.parse().unwrap_or_else(|error| panic!("{error}"));
        compile(&graph, &CompileOptions::default(), &Untiled)
    }

    #[test]
    fn functions_neither_take_nor_give_lists() {
        let error =
            compiled("graph @f(%x: f32[], %l: list<f32[]>) { %n = list_len(%l) return %n }").unwrap_err();
        let expected = "input 1 of the function is a list<f32[]>: lists live inside functions, what goes in and out are tensors";
        assert_eq!(error.to_string(), expected);
        let error =
            compiled("graph @f() { %l = list_new() {dtype = i8, shape = [2]} return %l }").unwrap_err();
        assert!(matches!(error, CompileError::List { port: Port::Output, position: 0, .. }));
    }

    #[test]
    fn control_flow_that_is_decided_compiles() {
        let text = "graph @f(%x: f32[4]) {
          %p = constant() {value = true:bool}
          %y = if(%p, %x) (graph(%x: f32[4]) { %y = neg(%x) return %y }, graph(%x: f32[4]) { return %x })
          %z = call(%y) {name = \"g\"} (graph(%x: f32[4]) { %y = exp(%x) return %y })
          return %z
        }";
        assert_eq!(compiled(text).unwrap().outputs.len(), 1);
    }
}
