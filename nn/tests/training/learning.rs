//! Real digits: a convolutional network learns them, is saved and loaded, and goes on with the same bits.

use tensorwright::prelude::*;
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::SparseCategoricalCrossentropy;
use tensorwright_nn::optimizers::{Adam, Optimizer};
use tensorwright_nn::schedules::CosineDecay;
use tensorwright_nn::{Activation, Fit, Model, PaddingMode, Sequential};

use crate::digits;

const EPOCHS: usize = 8;

fn network() -> Sequential {
    let moved = RandomTranslation::new((-0.18, 0.18), (-0.18, 0.18))
        .fill_mode(FillMode::Constant)
        .interpolation(PixelMethod::Nearest);
    Sequential::new()
        .add(moved)
        .add(Conv2D::new(32, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(MaxPooling2D::new())
        .add(Conv2D::new(64, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(10))
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy { from_logits: true, ..SparseCategoricalCrossentropy::default() }
}

#[test]
fn a_network_learns_digits_and_is_saved() -> Result<(), tensorwright_nn::Error> {
    let (x, y) = digits();
    let (train, test) = ((&x.i(..1347), &y.i(..1347)), (&x.i(1347..), &y.i(1347..)));

    tensorwright_nn::set_seed(3);
    let model = Model::new(network());
    let slower = CosineDecay {
        initial_learning_rate: 3e-3,
        decay_steps: 43.0 * EPOCHS as f64,
        ..CosineDecay::default()
    };
    model.compile(
        Optimizer::from(Adam::default()).learning_rate(slower).weight_decay(0.1),
        loss(),
        &["accuracy"],
    );
    let history = model.fit(train, Fit::new().epochs(EPOCHS).validation_data(test))?;
    let found = model.evaluate(test)?;
    println!("{}\n{found}", model.summary()?);
    // Whether it learns at all: how well is no matter of so few epochs.
    assert!(found.get("accuracy") >= Some(0.9), "{found}");
    assert_eq!(history.curve("val_accuracy").len(), EPOCHS);
    assert!(history.to_svg(&["loss", "val_loss"]).contains("polyline"));
    assert_eq!(history.to_csv().lines().count(), EPOCHS + 1);

    let path = std::env::temp_dir().join(format!("digits-{}.zip", std::process::id()));
    model.save(&path)?;
    let loaded = Model::load(&path)?;
    assert_eq!(loaded.predict(test.0)?.to_vec::<f32>()?, model.predict(test.0)?.to_vec::<f32>()?);

    // Both go on alike: the optimiser's state was saved too.
    let more = || Fit::new().epochs(EPOCHS + 1).initial_epoch(EPOCHS);
    assert_eq!(model.fit(train, more())?, loaded.fit(train, more())?);

    let other = Model::new(Sequential::new().add(Dense::new(10)));
    other.build(std::slice::from_ref(&x))?;
    let report = other.load_weights(&path)?;
    assert_eq!(report.loaded, ["dense.bias"], "{report}");
    assert!(
        report.missing.is_empty() && report.unexpected.len() == 4 && report.misfits.len() == 1,
        "{report}"
    );
    std::fs::remove_file(&path).expect("it can be removed");
    Ok(())
}
