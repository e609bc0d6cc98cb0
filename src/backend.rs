//! Compiled graphs, for now as the reference evaluator runs them.

use smallvec::SmallVec;
use tensorwright_ir::{Graph, Literal, Type, eval};
use tensorwright_runtime::buffer::{BufferPool, OutOfMemory, SharedBuffer};

/// How a graph is compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CompileOptions {}

/// A graph that can run.
pub(crate) struct Executable {
    graph: Graph,
    input_types: Vec<Type>,
    output_types: Vec<Type>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CompileError(String);

impl Executable {
    pub(crate) fn compile(graph: &Graph, _options: &CompileOptions) -> Result<Executable, CompileError> {
        if graph.outputs().iter().any(|&v| !graph.ty(v).shape.check()) {
            return Err(CompileError("a result is too large".to_owned()));
        }
        Ok(Executable {
            graph: graph.clone(),
            input_types: graph.input_types(),
            output_types: graph.output_types(),
        })
    }

    pub(crate) fn output_types(&self) -> &[Type] {
        &self.output_types
    }

    pub(crate) fn run(&self, inputs: &[&SharedBuffer], _threads: usize) -> Result<SmallVec<[SharedBuffer; 2]>, OutOfMemory> {
        let literal = |(ty, buffer): (&Type, &&SharedBuffer)| {
            Literal::from_bytes(ty.clone(), buffer.as_bytes().to_vec()).expect("inputs have the declared types")
        };
        let literals: Vec<Literal> = self.input_types.iter().zip(inputs).map(literal).collect();
        let results = eval::evaluate(&self.graph, &literals).expect("inputs have the declared types");
        let pool = BufferPool::global();
        results.iter().map(|l| pool.copy_of(l.bytes())).collect()
    }

    pub(crate) fn code_bytes(&self) -> usize {
        0
    }

    pub(crate) fn constant_bytes(&self) -> usize {
        0
    }

    pub(crate) fn peak_bytes(&self) -> usize {
        0
    }

    pub(crate) fn dump(&self, _stage: &str) -> Result<String, CompileError> {
        Ok(format!("{:#?}\n", self.graph))
    }
}
