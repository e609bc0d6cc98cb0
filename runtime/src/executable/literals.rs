//! Running on literals, for tests and tools: each input is copied into a buffer, each output out of one.

use tensorwright_ir::Literal;

use super::{Executable, Operand, RunError};
use crate::buffer::{BufferPool, SharedBuffer};

impl Executable {
    /// Runs on copies of literals; see [`Executable::run`].
    ///
    /// # Errors
    /// As [`Executable::run`], or when there is no memory for the copies.
    ///
    /// # Panics
    /// As [`Executable::run`].
    pub fn run_literals(&self, inputs: &[Literal], threads: usize) -> Result<Vec<Literal>, RunError> {
        let buffers = copies(inputs)?;
        Ok(self.literals(&self.run(&buffers.iter().collect::<Vec<_>>(), threads)?))
    }

    /// Runs on copies of literals, all of which are donated; see [`Executable::run_donating`].
    ///
    /// # Errors
    /// As [`Executable::run_literals`].
    ///
    /// # Panics
    /// As [`Executable::run`].
    pub fn run_donating_literals(
        &self,
        inputs: &[Literal],
        threads: usize,
    ) -> Result<Vec<Literal>, RunError> {
        let mut buffers = copies(inputs)?;
        let mut operands: Vec<Operand<'_>> = buffers.iter_mut().map(Operand::Donated).collect();
        Ok(self.literals(&self.run_donating(&mut operands, threads)?))
    }

    fn literals(&self, outputs: &[SharedBuffer]) -> Vec<Literal> {
        let literal = |(ty, buffer): (_, &SharedBuffer)| Literal::from_bytes(ty, buffer.as_bytes().to_vec());
        let literals = self.output_types().iter().cloned().zip(outputs).map(literal);
        literals.map(|literal| literal.expect("an output has the bytes of its type")).collect()
    }
}

fn copies(inputs: &[Literal]) -> Result<Vec<SharedBuffer>, RunError> {
    Ok(inputs
        .iter()
        .map(|literal| BufferPool::global().copy_of(literal.bytes()))
        .collect::<Result<_, _>>()?)
}
