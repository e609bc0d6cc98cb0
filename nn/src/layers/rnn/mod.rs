//! Recurrent layers.
//!
//! - [`walk`]: the loop over time; [`declare`]: settings of cells and layers; [`simple`], [`gru`], [`lstm`]: cells and their layers; [`conv_lstm`]: an LSTM of images;
//! - [`general`]: layers of any cells; [`wrappers`]: both directions, and one layer for all steps.

mod conv_lstm;
mod declare;
mod general;
mod gru;
mod lstm;
mod simple;
mod walk;
mod wrappers;

pub use conv_lstm::{ConvLSTM1D, ConvLSTM2D, ConvLSTM3D};
pub use general::{RNN, StackedRNNCells};
pub use gru::{GRU, GRUCell};
pub use lstm::{LSTM, LSTMCell};
pub use simple::{SimpleRNN, SimpleRNNCell};
pub use wrappers::{Bidirectional, MergeMode, TimeDistributed};
