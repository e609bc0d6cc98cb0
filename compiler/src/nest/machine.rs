//! What a decision about a loop depends on besides the kernel: the machine that will run it.

use std::fmt::{self, Display, Formatter};

/// A target, as far as loops are chosen for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// Vector registers of the machine.
    pub vectors: Vectors,
    /// Fused multiply-add of the machine.
    pub fma: FusedMultiplyAdd,
}

/// Vector registers of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vectors {
    /// None: all code handles one element at a time.
    None,
    /// Registers of so many bytes, a power of two, at least 16.
    Bytes(u32),
}

/// How a target multiplies and adds with one rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FusedMultiplyAdd {
    /// By an instruction.
    Instruction,
    /// By a call for each element.
    Call,
}

impl Machine {
    /// Vectors of 128 bits and a fused multiply-add: x86-64 with FMA, aarch64, riscv64 with V as Cranelift uses them.
    pub const SIMD128: Machine = Machine { vectors: Vectors::Bytes(16), fma: FusedMultiplyAdd::Instruction };
    /// No vectors, but a fused multiply-add: riscv64 without V.
    pub const SCALAR: Machine = Machine { vectors: Vectors::None, fma: FusedMultiplyAdd::Instruction };

    /// Bytes of the register that holds elements of `width` bytes: a vector, or one element where there are none.
    pub fn register(self, width: u32) -> u32 {
        match self.vectors {
            Vectors::None => width,
            Vectors::Bytes(bytes) => bytes,
        }
    }

    /// Elements of `width` bytes in a register.
    pub fn lanes(self, width: u32) -> u32 {
        self.register(width) / width
    }

    /// Whether there are vector registers.
    pub fn has_vectors(self) -> bool {
        self.vectors != Vectors::None
    }
}

impl Display for Machine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.vectors {
            Vectors::None => f.write_str("scalars")?,
            Vectors::Bytes(bytes) => write!(f, "vectors of {bytes} bytes")?,
        }
        match self.fma {
            FusedMultiplyAdd::Instruction => Ok(()),
            FusedMultiplyAdd::Call => f.write_str(", fma by call"),
        }
    }
}
