//! `wright weights`: files of weights, of whichever library.

mod convert;
mod ls;

use clap::Subcommand;
use tensorwright::weights::WeightsError;

use crate::fault::Fault;

/// Look into files of weights, and convert them: safetensors, NumPy arrays, checkpoints of TensorFlow and PyTorch, GGUF, weights of Keras.
#[derive(Subcommand)]
pub(crate) enum Command {
    Ls(ls::Args),
    Convert(convert::Args),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Ls(args) => ls::run(args),
        Command::Convert(args) => convert::run(args),
    }
}

fn fault(error: WeightsError) -> Fault {
    match error {
        WeightsError::File { .. } => Fault::input(format!("cannot read {error}")),
        error => Fault::input(error),
    }
}
