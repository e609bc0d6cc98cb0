//! Real digits: a convolutional network learns them, is saved and loaded, and goes on with the same bits.

use tensorwright::prelude::*;
use tensorwright_nn::layers::*;
use tensorwright_nn::optimizers::{Adam, Optimizer};
use tensorwright_nn::schedules::CosineDecay;
use tensorwright_nn::{Fit, Model, Sequential};

use crate::{digits, loss, network};

const EPOCHS: usize = 8;

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
