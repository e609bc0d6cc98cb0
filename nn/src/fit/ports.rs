//! What a model takes and gives, for programs that have nothing but its file.

use tensorwright::TensorType;

use super::{Model, Names};
use crate::error::Result;

impl Model {
    /// The types of the inputs that the weights were made for, with a batch of 1.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::{Model, Sequential, layers::Dense};
    ///
    /// let model = Model::new(Sequential::new().add(Dense::new(3)));
    /// model.build(&[Tensor::zeros((8, 4), DType::F32)])?;
    /// assert_eq!(model.input_types()?[0].to_string(), "f32[1,4]");
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// Before the weights are made.
    pub fn input_types(&self) -> Result<Vec<TensorType>> {
        self.inputs()
    }

    /// The names of the inputs of a graph of layers; none for other layers.
    pub fn input_names(&self) -> Vec<String> {
        Names::of(self.layer()).inputs
    }

    /// The names of the outputs of a graph of layers, which are those of the layers that give them; none for other layers.
    ///
    /// ```
    /// use tensorwright::nn::{Functional, Input, Model, OnSymbols, layers::Dense};
    ///
    /// let x = Input::new([4]).named("pixels");
    /// let model = Model::new(Functional::new([&x], [&Dense::new(3).layer().with_name("digit")?.on(&x)])?);
    /// assert_eq!((model.input_names(), model.output_names()), (vec!["pixels".to_owned()], vec!["digit".to_owned()]));
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    pub fn output_names(&self) -> Vec<String> {
        Names::of(self.layer()).outputs
    }
}
