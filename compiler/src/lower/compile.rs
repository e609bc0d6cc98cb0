//! The whole way from a graph to a program: the passes, then lowering.

use tensorwright_ir::Graph;
use tensorwright_ir::op::Port;

use super::error::CompileError;
use super::{LowerOptions, Promises, lower_observed};
use crate::passes::{self, PassOptions};
use crate::program::{Program, Target};

/// Options of compilation.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// How to run the passes.
    pub passes: PassOptions,
}

/// Compiles a graph to a program for `target`. Fails if an input or output is no tensor, else only through a bug of the compiler.
pub fn compile(
    graph: &Graph,
    options: &CompileOptions,
    target: &dyn Target,
) -> Result<Program, CompileError> {
    compile_promised(graph, options, target, &Promises::default())
}

/// Compiles a graph for a caller who promises something about inputs: that they may be overwritten, or that they last. Of each pair of an input that is
/// donated and an output of the same type, the output may get the memory of the input. Which inputs a program overwrites is in [`Program::overwritten`]. A run that fails on
/// the way would leave half of a result there, so graphs with assertions or lists in them overwrite nothing. What depends on inputs that last, and on constants, is
/// computed in the first run and kept.
///
/// # Errors
/// As [`compile`].
pub fn compile_promised(
    graph: &Graph,
    options: &CompileOptions,
    target: &dyn Target,
    promises: &Promises,
) -> Result<Program, CompileError> {
    check_ports(graph)?;
    let optimized = passes::run_pipeline(graph.clone(), &promises.passes(&options.passes))?;
    let options = LowerOptions::of(&options.passes, promises);
    lower_observed(&optimized, &options, target, &mut |_: &super::StageRun<'_>| {})
}

fn check_ports(graph: &Graph) -> Result<(), CompileError> {
    let ports = [(Port::Input, graph.input_types()), (Port::Output, graph.output_types())];
    for (port, types) in ports {
        if let Some(position) = types.iter().position(|ty| ty.as_tensor().is_none()) {
            return Err(CompileError::NoTensor { port, position, ty: types[position].clone().into() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Untiled;

    fn compiled(text: &str) -> Result<Program, CompileError> {
        let graph = text.parse().unwrap_or_else(|error| panic!("{error}"));
        compile(&graph, &CompileOptions::default(), &Untiled)
    }

    #[test]
    fn functions_neither_take_nor_give_lists() {
        let error =
            compiled("graph @f(%x: f32[], %l: list<f32[]>) { %n = list_len(%l) return %n }").unwrap_err();
        let expected = "input 1 of the function is a list<f32[]>: lists and tokens live inside functions, what goes in and out are tensors";
        assert_eq!(error.to_string(), expected);
        let error =
            compiled("graph @f() { %l = list_new() {dtype = i8, shape = [2]} return %l }").unwrap_err();
        assert!(matches!(error, CompileError::NoTensor { port: Port::Output, position: 0, .. }));
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
