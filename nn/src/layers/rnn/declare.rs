//! Declares recurrent cells and the layers that run them along sequences. Settings of weights are those of all cells, settings of the walk those of all layers, and both are written here once.

/// Gives `$declare` what it is given, and behind that the settings of the weights and drops of a cell.
macro_rules! with_weights {
    ($declare:ident { $($given:tt)* }) => {
        $declare! {
            { $($given)* }
            {
                /// Whether biases are added.
                use_bias: bool = true,
                /// The matrix of inputs before training.
                kernel_initializer: Initializer = Initializer::default(),
                /// The matrix of states before training.
                recurrent_initializer: Initializer = initializers::Orthogonal::default().into(),
                /// The biases before training.
                bias_initializer: Initializer = initializers::Zeros.into(),
                /// What the matrix of inputs adds to the loss.
                kernel_regularizer: Option<Regularizer> = None,
                /// What the matrix of states adds to the loss.
                recurrent_regularizer: Option<Regularizer> = None,
                /// What the biases add to the loss.
                bias_regularizer: Option<Regularizer> = None,
                /// What is done to the matrix of inputs after each step of training.
                kernel_constraint: Option<Constraint> = None,
                /// What is done to the matrix of states after each step of training.
                recurrent_constraint: Option<Constraint> = None,
                /// What is done to the biases after each step of training.
                bias_constraint: Option<Constraint> = None,
                /// The part of the inputs that training drops.
                dropout: f64 = 0.0,
                /// The part of the states that training drops.
                recurrent_dropout: f64 = 0.0,
            }
        }
    };
}
pub(super) use with_weights;

/// A layer with its own settings, and behind these those of a walk along sequences.
macro_rules! sequence_layer {
    ($(#[$doc:meta])* $name:ident($($required:tt)*) { $($own:tt)* }) => {
        $crate::layer! {
            $(#[$doc])*
            pub struct $name($($required)*) {
                $($own)*
                /// What the results add to the loss, the last states too if they are given.
                activity_regularizer: Option<Regularizer> = None,
                /// Whether there is a result for each step, not for the last alone.
                return_sequences: bool = false,
                /// Whether the last states are given too.
                return_state: bool = false,
                /// Whether time runs backwards.
                go_backwards: bool = false,
                /// Whether a call begins with the states in which the last one ended.
                stateful: bool = false,
                /// Read and kept: loops are compiled either way.
                unroll: bool = false,
                /// Whether steps that a mask leaves out give zeros, not the result of the step before.
                zero_output_for_mask: bool = false,
            }
        }
    };
}
pub(super) use sequence_layer;

/// A cell, and the layer that runs it.
macro_rules! cell_and_layer {
    (
        {
            $(#[$cell_doc:meta])* cell $cell:ident;
            $(#[$layer_doc:meta])* layer $layer:ident;
            { $($(#[$doc:meta])* $field:ident: $ty:ty = $default:expr),* $(,)? }
        }
        { $($(#[$weight_doc:meta])* $weight:ident: $weight_ty:ty = $weight_default:expr),* $(,)? }
    ) => {
        $crate::layer! {
            $(#[$cell_doc])*
            pub struct $cell(
                /// How long the state is.
                units: usize,
            ) {
                $($(#[$doc])* $field: $ty = $default,)*
                $($(#[$weight_doc])* $weight: $weight_ty = $weight_default,)*
            }
        }

        $crate::layers::rnn::declare::sequence_layer! {
            $(#[$layer_doc])*
            $layer(
                /// How long the state is.
                units: usize,
            ) {
                $($(#[$doc])* $field: $ty = $default,)*
                $($(#[$weight_doc])* $weight: $weight_ty = $weight_default,)*
            }
        }

        impl $layer {
            fn cell(&self) -> $cell {
                $cell {
                    units: self.units,
                    $($field: self.$field.clone(),)*
                    $($weight: self.$weight.clone(),)*
                }
            }
        }
    };
}
pub(super) use cell_and_layer;
