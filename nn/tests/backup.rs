//! A training whose process is killed goes on from its backup with the same bits, and nothing of the number of threads is in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tensorwright::prelude::*;
use tensorwright_data::Dataset;
use tensorwright_nn::callbacks::{Callback, EarlyStopping, Flow, ModelCheckpoint, ReduceLrOnPlateau};
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::{MeanSquaredError, SparseCategoricalCrossentropy};
use tensorwright_nn::optimizers::{Adam, Optimizer};
use tensorwright_nn::{
    Activation, Arrays, Examples, Fit, History, Logs, Model, PaddingMode, Plan, Result, Sequential, set_seed,
};

const EPOCHS: usize = 4;

/// Waits after each step, so that a process lives long enough to be killed.
struct Slow(Duration);

impl Callback for Slow {
    fn batch_end(&mut self, _batch: usize, _loss: &Tensor, _model: &Model) -> Result<Flow> {
        std::thread::sleep(self.0);
        Ok(Flow::Continue)
    }

    fn epoch_end(&mut self, _epoch: usize, _logs: &Logs, _model: &Model) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

/// Augmentation, dropout, moving statistics, a metric that the first batch decides, and a number of the step's own.
fn model() -> Result<Model> {
    set_seed(11);
    let moved = RandomTranslation::new((-0.2, 0.2), (-0.2, 0.2)).fill_mode(FillMode::Constant);
    let network = Sequential::new()
        .add(moved)
        .add(Conv2D::new(4, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(3));
    let model = Model::new(network);
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    let plan = Plan::new(Optimizer::from(Adam::default()).learning_rate(0.02), loss).metric_named("accuracy");
    model.compile_with(plan.train_step(|step| {
        step.minimize(|| {
            let outputs = step.outputs()?;
            step.measure(&outputs)?;
            step.log("greatest", &outputs.tensor()?.max(..))?;
            step.loss(&outputs)
        })
    }));
    model.build(&[Tensor::zeros([1, 6, 6, 1], DType::F32)])?;
    // Seeds are the process's, in which tests run side by side.
    for (i, (_, variable)) in model.parameters().iter().enumerate() {
        let shape = variable.ty().shape.clone();
        variable.assign(RandomKey::new(7).fold_in(i).normal(shape, 0.0f32, 0.2))?;
    }
    Ok(model)
}

fn data(kind: &str) -> Examples {
    let x = RandomKey::new(1).uniform([90, 6, 6, 1], 0.0f32, 1.0);
    let y = (x.mean((1, 2, 3)) * 1e4).cast(DType::I32) % 3;
    match kind {
        "arrays" => (x, y).into(),
        _ => {
            let pairs = Dataset::from_slices((x, y)).shuffle((40, 9));
            pairs.map(|(x, y): (Tensor, Tensor)| (x * 2.0 - 1.0, y)).batch(8).prefetch(2).into()
        }
    }
}

fn options(kind: &str) -> Fit {
    let fit = Fit::new().epochs(EPOCHS).seed(3).quiet().validation_data(data("arrays"));
    let fit = fit
        .callback(ReduceLrOnPlateau::new("val_loss", 0.5, 1))
        .callback(EarlyStopping::new("val_loss", 9).restore_best_weights());
    match kind {
        "arrays" => fit.batch_size(8),
        "steps" => fit.steps_per_epoch(7),
        _ => fit,
    }
}

fn weights(model: &Model) -> Result<Vec<f32>> {
    let all = model.layer().variables();
    let all = all.iter().map(|(_, variable)| variable.value().cast(DType::F32).to_vec::<f32>());
    Ok(all.collect::<tensorwright::Result<Vec<_>>>()?.concat())
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tensorwright-backup-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The training that is killed: what the test below starts as a process of its own.
#[test]
fn training_to_be_killed() -> Result<()> {
    let (Ok(kind), Ok(path)) = (std::env::var("BACKUP_KIND"), std::env::var("BACKUP_PATH")) else {
        return Ok(());
    };
    let fit = options(&kind).backup_every(path, 3).callback(Slow(Duration::from_millis(20)));
    model()?.fit(data(&kind), fit)?;
    Ok(())
}

/// Starts the training as a process, and kills it once it has written a few backups.
fn killed(kind: &str, path: &Path, backups: usize) {
    let mut process = Command::new(std::env::current_exe().expect("this program"))
        .args(["training_to_be_killed", "--exact"])
        .env("BACKUP_KIND", kind)
        .env("BACKUP_PATH", path)
        .stdout(Stdio::null())
        .spawn()
        .expect("a process");
    let changed = || std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let (mut seen, mut last) = (0, None);
    while seen < backups {
        assert!(process.try_wait().expect("a process").is_none(), "it has ended before it was killed");
        if changed() != last {
            (seen, last) = (seen + 1, changed());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    process.kill().expect("it can be killed");
    process.wait().expect("it has ended");
    assert!(path.exists(), "a backup is there");
}

fn resumed_as_if_never_killed(kind: &str, backups: usize) -> Result<()> {
    let path = folder(kind).join("backup.zip");
    let whole = model()?;
    let history = whole.fit(data(kind), options(kind).callback(Slow(Duration::ZERO)))?;
    killed(kind, &path, backups);
    let resumed = model()?;
    let rest = options(kind).backup_every(&path, 3).callback(Slow(Duration::ZERO));
    let found: History = resumed.fit(data(kind), rest)?;
    assert_eq!(found, history);
    assert_eq!(weights(&resumed)?, weights(&whole)?);
    assert!(!path.exists(), "a training that has ended needs no backup");
    std::fs::remove_dir_all(path.parent().expect("a folder")).expect("it can be removed");
    Ok(())
}

#[test]
fn arrays_go_on_after_a_kill() -> Result<()> {
    resumed_as_if_never_killed("arrays", 6)
}

#[test]
fn datasets_go_on_after_a_kill() -> Result<()> {
    resumed_as_if_never_killed("dataset", 3)
}

#[test]
fn passes_that_epochs_cut_go_on_after_a_kill() -> Result<()> {
    resumed_as_if_never_killed("steps", 5)
}

#[test]
fn one_two_and_three_threads_train_the_same_bits() -> Result<()> {
    let run = |threads: usize| {
        tensorwright::set_threads(threads);
        let model = model()?;
        let history = model.fit(data("dataset"), options("dataset"))?;
        Ok((weights(&model)?, history))
    };
    let all: Vec<(Vec<f32>, History)> = [1, 2, 3].into_iter().map(run).collect::<Result<_>>()?;
    tensorwright::set_threads(0);
    assert!(all[0] == all[1] && all[1] == all[2]);
    Ok(())
}

#[test]
fn a_backup_that_does_not_fit_is_an_error() -> Result<()> {
    let path = folder("wrong").join("backup.zip");
    let said = |options: Fit| model()?.fit(data("arrays"), options.backup(&path)).map(drop);
    std::fs::write(&path, b"PK nonsense").expect("it can be written");
    assert!(said(options("arrays")).is_err_and(|error| error.to_string().contains("backup.zip")));
    let saved = model()?;
    saved.save(&path)?;
    assert!(said(options("arrays")).is_err_and(|error| error.to_string().contains("no backup")));
    // Broken in any place, it is an error or what it was, and never a panic.
    std::fs::remove_file(&path).expect("it can be removed");
    let twice = |epoch: usize, _: &Logs, _: &Model| match epoch {
        1 => Err(tensorwright_nn::Error::Model("enough".to_owned())),
        _ => Ok(Flow::Continue),
    };
    assert!(said(options("arrays").callback(twice)).is_err());
    let found = said(options("arrays"));
    assert!(found.is_err_and(|error| error.to_string().contains("2 callbacks, and there were 3")));
    let bytes = std::fs::read(&path).expect("a backup");
    for at in (0..bytes.len()).step_by(bytes.len() / 60) {
        let mut other = bytes.clone();
        other[at] ^= 0x55;
        std::fs::write(&path, &other).expect("it can be written");
        let _ = said(options("arrays").callback(|_: usize, _: &Logs, _: &Model| Ok(Flow::Continue)));
    }
    std::fs::remove_dir_all(path.parent().expect("a folder")).expect("it can be removed");
    Ok(())
}

#[test]
fn checkpoints_remember_the_best_after_a_kill() -> Result<()> {
    let folder = folder("best");
    let (path, best) = (folder.join("backup.zip"), folder.join("best.zip"));
    let checkpoint = || ModelCheckpoint::new(&best).best_only("loss");
    let stop = |epoch: usize, _: &Logs, _: &Model| match epoch {
        1 => Err(tensorwright_nn::Error::Model("enough".to_owned())),
        _ => Ok(Flow::Continue),
    };
    let fit = || Fit::new().epochs(2).seed(3).quiet().backup(&path).callback(checkpoint());
    assert!(model()?.fit(data("arrays"), fit().callback(stop)).is_err());
    let before = std::fs::read(&best).expect("a checkpoint");
    // Losses that are worse than the one before the kill write nothing.
    let worse = model()?;
    let steps = Fit::new().epochs(2).steps_per_epoch(1).seed(3).quiet().backup(&path).callback(checkpoint());
    let history =
        worse.fit(data("arrays"), steps.callback(|_: usize, _: &Logs, _: &Model| Ok(Flow::Continue)))?;
    let is_better = history.curve("loss")[1] < history.curve("loss")[0];
    assert_eq!(std::fs::read(&best).expect("a checkpoint") != before, is_better);
    std::fs::remove_dir_all(folder).expect("it can be removed");
    Ok(())
}

#[test]
fn a_folder_keeps_the_best_and_goes_on() -> Result<()> {
    let folder = folder("folder");
    let fit = |epochs: usize| Fit::new().epochs(epochs).batch_size(8).seed(3).quiet().best_by("val_accuracy");
    let train = |model: &Model, name: &str, fit: Fit| {
        model.train_and_evaluate(folder.join(name), data("arrays"), data("arrays"), fit)
    };
    let whole = model()?;
    let wanted = train(&whole, "whole", fit(5))?;
    // First two epochs, then an interruption in the middle of one, then the rest.
    train(&model()?, "parts", fit(2))?;
    let stop = |epoch: usize, _: &Logs, _: &Model| match epoch {
        3 => Err(tensorwright_nn::Error::Model("enough".to_owned())),
        _ => Ok(Flow::Continue),
    };
    assert!(
        train(&model()?, "parts", fit(5).callback(stop))
            .is_err_and(|error| error.to_string().contains("callbacks"))
    );
    let parts = model()?;
    let found = train(&parts, "parts", fit(5))?;
    assert_eq!((found.history.clone(), found.best_epoch), (wanted.history.clone(), wanted.best_epoch));
    assert_eq!(weights(&parts)?, weights(&whole)?);
    // A call when all is done changes nothing, and gives the same.
    let again = train(&model()?, "parts", fit(5))?;
    assert_eq!(again.history, wanted.history);

    let best = wanted.history.curve("val_accuracy")[wanted.best_epoch];
    assert!(wanted.history.curve("val_accuracy").iter().all(|value| *value <= best));
    let exported = Model::load(&found.model)?;
    let x = RandomKey::new(1).uniform([90, 6, 6, 1], 0.0f32, 1.0);
    let y = (x.mean((1, 2, 3)) * 1e4).cast(DType::I32) % 3;
    let right =
        exported.predict(&x)?.argmax(-1).cast(DType::I32).eq(&y).cast(DType::F64).mean(..).item::<f64>()?;
    assert!((right - best).abs() < 1e-6, "{right} of the exported model, {best} in training");
    assert!(exported.fit((&x, &y), Fit::new()).is_err_and(|error| error.to_string().contains("compile")));
    let table = std::fs::read_to_string(folder.join("parts/history.csv")).expect("a table");
    assert_eq!(table.lines().count(), 6, "{table}");
    std::fs::remove_dir_all(folder).expect("it can be removed");
    Ok(())
}

/// Ends the training with an error behind so many steps, as a kill would.
struct EndsAt(Option<usize>);

impl Callback for EndsAt {
    fn batch_end(&mut self, _batch: usize, _loss: &Tensor, _model: &Model) -> Result<Flow> {
        match &mut self.0 {
            Some(0) => Err(tensorwright_nn::Error::Model("enough".to_owned())),
            left => {
                *left = left.map(|left| left - 1);
                Ok(Flow::Continue)
            }
        }
    }

    fn epoch_end(&mut self, _epoch: usize, _logs: &Logs, _model: &Model) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

/// Recurrent layers, one of them in another layer, that begin a batch where the one before ended.
fn stateful() -> Result<Model> {
    let inner = GRU::new(2).stateful(true).return_sequences(true).layer();
    let network =
        Sequential::new().add(Bidirectional::new(inner)).add(LSTM::new(3).stateful(true)).add(Dense::new(1));
    let model = Model::new(network);
    model.compile(Optimizer::from(Adam::default()).learning_rate(0.02), MeanSquaredError, &["mae"]);
    model.build(&[Tensor::zeros([8, 4, 2], DType::F32)])?;
    for (i, (_, variable)) in model.parameters().iter().enumerate() {
        let shape = variable.ty().shape.clone();
        variable.assign(RandomKey::new(7).fold_in(i).normal(shape, 0.0f32, 0.5))?;
    }
    Ok(model)
}

#[test]
fn states_of_layers_go_on_after_an_end() -> Result<()> {
    let folder = folder("stateful");
    let x = RandomKey::new(2).normal([64, 4, 2], 0.0f32, 1.0);
    let data = || Arrays::from((x.clone(), x.sum((1, 2)).expand_dims(-1)));
    let fit = || Fit::new().epochs(3).batch_size(8).seed(5).quiet();
    let whole = stateful()?;
    let history = whole.fit(data(), fit().callback(EndsAt(None)))?;
    assert!(whole.layer().states().len() == 4, "both directions, and two of the LSTM");
    // In the middle of an epoch, behind a backup and a step of which nothing is kept, and between two epochs.
    for end in [2, 7, 11, 16] {
        let path = folder.join(format!("{end}.zip"));
        let killed = stateful()?;
        let backup = || fit().backup_every(&path, 2);
        assert!(killed.fit(data(), backup().callback(EndsAt(Some(end)))).is_err());
        let resumed = stateful()?;
        assert_eq!(resumed.fit(data(), backup().callback(EndsAt(None)))?, history, "after {end} steps");
        assert_eq!(weights(&resumed)?, weights(&whole)?);
        let states = |model: &Model| -> Result<Vec<Vec<f32>>> {
            let all = model.layer().states();
            Ok(all.iter().map(|state| state.value().to_vec::<f32>()).collect::<tensorwright::Result<_>>()?)
        };
        assert_eq!(states(&resumed)?, states(&whole)?);
        assert!(states(&whole)?.iter().flatten().any(|number| *number != 0.0));
    }
    std::fs::remove_dir_all(folder).expect("it can be removed");
    Ok(())
}
