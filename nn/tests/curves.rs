//! 100 steps from the weights and with the batches of `scripts/keras_curves.py` lose what they lose in Keras.

use std::collections::BTreeMap;

use tensorwright::Tensor;
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::SparseCategoricalCrossentropy;
use tensorwright_nn::optimizers::{Adam, Optimizer};
use tensorwright_nn::{Activation, Model, PaddingMode, Result, Sequential};

type Named = BTreeMap<String, Tensor>;

/// The greatest difference of a loss.
const FAR: f64 = 1e-3;

fn arrays() -> Named {
    tensorwright_data::npz(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/curves.npz")).expect("the file")
}

/// Losses here and in Keras, step by step.
fn curves(name: &str, network: Sequential, rate: f64, arrays: &Named) -> Result<Vec<(f64, f64)>> {
    let of = |what: &str| &arrays[&format!("{name}.{what}")];
    let (x, y, wanted) = (of("x"), of("y"), of("losses").to_vec::<f32>()?);
    let model = Model::new(network);
    model.build(&[x.i(0)])?;
    for (i, (_, variable)) in model.layer().variables().iter().enumerate() {
        variable.assign(of(&format!("weight.{i}")))?;
    }
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    model.compile(Optimizer::from(Adam::default()).learning_rate(rate), loss, &[]);
    let batches = x.extent(0)?;
    let step = |(i, wanted): (usize, &f32)| {
        let batch = i % batches;
        Ok((model.train_on_batch((x.i(batch), y.i(batch)))?, f64::from(*wanted)))
    };
    wanted.iter().enumerate().map(step).collect()
}

fn follows(name: &str, curves: &[(f64, f64)]) {
    assert_eq!(curves.len(), 100);
    let far = curves.iter().map(|(own, keras)| (own - keras).abs()).fold(0.0, f64::max);
    println!("{name}: the losses of 100 steps differ by at most {far:.1e}");
    assert!(far < FAR, "{name}: {far}");
    // A network that learns nothing would follow too.
    assert!(curves[99].0 < curves[0].0 / 2.0, "{name}: from {} to {}", curves[0].0, curves[99].0);
}

#[test]
fn a_convolutional_network_follows_keras() -> Result<()> {
    let network = Sequential::new()
        .add(Conv2D::new(8, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(MaxPooling2D::new())
        .add(BatchNormalization::new())
        .add(Conv2D::new(12, 3).activation(Activation::Relu))
        .add(Flatten::new())
        .add(Dense::new(5));
    follows("convolutional", &curves("convolutional", network, 0.003, &arrays())?);
    Ok(())
}

#[test]
fn two_lstm_layers_follow_keras() -> Result<()> {
    let network =
        Sequential::new().add(LSTM::new(10).return_sequences(true)).add(LSTM::new(8)).add(Dense::new(5));
    follows("recurrent", &curves("recurrent", network, 0.01, &arrays())?);
    Ok(())
}
