//! Declares recurrent cells and the layers that run them along sequences: their settings are those of the cell, and those of the walk.

macro_rules! recurrent {
    (
        $(#[$cell_doc:meta])* cell $cell:ident;
        $(#[$layer_doc:meta])* layer $layer:ident;
        { $($(#[$doc:meta])* $field:ident: $ty:ty = $default:expr),* $(,)? }
    ) => {
        $crate::layer! {
            $(#[$cell_doc])*
            pub struct $cell(
                /// How long the state is.
                units: usize,
            ) {
                $($(#[$doc])* $field: $ty = $default,)*
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

        $crate::layer! {
            $(#[$layer_doc])*
            pub struct $layer(
                /// How long the state is.
                units: usize,
            ) {
                $($(#[$doc])* $field: $ty = $default,)*
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
                /// What the results add to the loss.
                activity_regularizer: Option<Regularizer> = None,
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

        impl $layer {
            fn cell(&self) -> $cell {
                $cell {
                    units: self.units,
                    $($field: self.$field.clone(),)*
                    use_bias: self.use_bias,
                    kernel_initializer: self.kernel_initializer.clone(),
                    recurrent_initializer: self.recurrent_initializer.clone(),
                    bias_initializer: self.bias_initializer.clone(),
                    kernel_regularizer: self.kernel_regularizer.clone(),
                    recurrent_regularizer: self.recurrent_regularizer.clone(),
                    bias_regularizer: self.bias_regularizer.clone(),
                    kernel_constraint: self.kernel_constraint.clone(),
                    recurrent_constraint: self.recurrent_constraint.clone(),
                    bias_constraint: self.bias_constraint.clone(),
                    dropout: self.dropout,
                    recurrent_dropout: self.recurrent_dropout,
                }
            }
        }
    };
}
pub(super) use recurrent;
