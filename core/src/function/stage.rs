//! What can be looked at between the closure and the machine code.

use std::fmt;

/// A stage of compilation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The graph as it was traced.
    Traced,
    /// The graph after the pass of this name.
    Pass(String),
    /// The graph after all passes.
    Optimized,
    /// What lowering has decided after the stage of this name.
    Lowered(String),
    /// The kernels that the graph became.
    Kernels,
    /// How the loops of each kernel run on this machine.
    Nests,
    /// Cranelift's intermediate form of each kernel.
    Clif,
    /// The machine code of each kernel.
    Asm,
}

impl Stage {
    /// The name that the compiler knows the stage by.
    pub fn name(&self) -> &str {
        match self {
            Stage::Traced => "traced",
            Stage::Pass(name) | Stage::Lowered(name) => name,
            Stage::Optimized => "optimized",
            Stage::Kernels => "kernels",
            Stage::Nests => "nests",
            Stage::Clif => "clif",
            Stage::Asm => "asm",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
