//! Models in files of Keras: what is written gives the same numbers when it is read, here and, where there is a Keras, there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tensorwright::prelude::*;
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::MeanSquaredError;
use tensorwright_nn::optimizers::{Adam, Optimizer};
use tensorwright_nn::schedules::CosineDecay;
use tensorwright_nn::{
    Activation, DataFormat, Functional, Input, LayerRef, Model, OnSymbols, Policy, Sequential, layer_classes,
    layer_from_json, write_weights,
};

use super::examples::{Draw, of};

/// How many configurations of each class.
const EXAMPLES: u64 = 4;

/// Layers that are not Keras's, or no part of a model there.
const OTHERS: [&str; 15] = [
    "AlibiBias",
    "Any",
    "AugMix",
    "CutMix",
    "Equalization",
    "Functional",
    "HashedCrossing",
    "Lambda",
    "MixUp",
    "NotEqual",
    "PositionEmbedding",
    "RandAugment",
    "RotaryEmbedding",
    "SinePositionEncoding",
    "WeightNormalization",
];

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Writes the model and what it gives for these inputs, and reads it back.
fn written(folder: &Path, name: &str, model: &Model, inputs: &[Tensor]) -> Result<(), String> {
    let path = folder.join(format!("{name}.keras"));
    let outputs = model.predict_all(inputs.to_vec()).map_err(text)?;
    model.save_keras(&path).map_err(text)?;
    let again = Model::load_keras(&path).map_err(text)?;
    for (a, b) in again.predict_all(inputs.to_vec()).map_err(text)?.iter().zip(&outputs) {
        if a.as_bytes().map_err(text)? != b.as_bytes().map_err(text)? {
            return Err("it gives other numbers when it is read".to_owned());
        }
    }
    let numbered = |letter: &str, tensors: &[Tensor]| -> Vec<(String, Tensor)> {
        let wide = |x: &Tensor| match x.dtype() {
            Ok(DType::BF16) => x.cast(DType::F32),
            _ => x.clone(),
        };
        tensors.iter().enumerate().map(|(i, x)| (format!("{letter}{i}"), wide(x))).collect()
    };
    let all = [numbered("x", inputs), numbered("y", &outputs)].concat();
    write_weights(path.with_extension("npz"), &all).map_err(text)
}

/// Settings with which a layer gives other numbers than Keras's, see `docs/keras.md`.
fn differs(class: &str, config: &Value) -> bool {
    match class {
        "AutoContrast" => config["data_format"] == "channels_first",
        "Resizing" => config["interpolation"] == "bicubic",
        _ => false,
    }
}

/// A model of one layer in a random configuration, if it is one of tensors alone.
fn single(folder: &Path, class: &str, seed: u64) -> Result<(), String> {
    let example = of(class, &mut Draw(seed));
    let inputs: Vec<Tensor> = example.inputs.list().into_iter().map(|signal| signal.value).collect();
    if differs(class, &example.config) {
        return Ok(());
    }
    if inputs.len() != 1 || example.inputs.arguments().len() > 1 || inputs[0].rank().map_err(text)? < 2 {
        return Ok(());
    }
    let layer = layer_from_json(&json!({"class_name": class, "config": example.config})).map_err(text)?;
    let model = Model::new(Sequential::new().add(layer));
    model.build(&inputs).map_err(text)?;
    written(folder, &format!("{class}_{seed}"), &model, &inputs)
        .map_err(|reason| format!("{}: {reason}", example.config))
}

fn normal(seed: u64, shape: &[usize]) -> Tensor {
    RandomKey::new(seed).normal(shape, 0.0f32, 1.0)
}

/// Gives all weights random numbers, so that none is what it is at first.
fn filled(model: Model, inputs: &[Tensor]) -> tensorwright_nn::Result<Model> {
    model.build(inputs)?;
    for (i, (_, variable)) in Module::parameters(model.layer()).iter().enumerate() {
        variable.assign(normal(i as u64, &variable.ty().shape.sizes()) * 0.4)?;
    }
    Ok(model)
}

/// A graph whose layers Keras numbers in another order than they were made in, with a model in it, and a layer that is used twice.
fn graph() -> tensorwright_nn::Result<Functional> {
    let (x, z) = (Input::new([6]).named("first"), Input::new([6]).named("second"));
    let shared = Dense::new(6).activation(Activation::Tanh).layer();
    let far = Dense::new(6).on(&Dense::new(6).on(&x));
    let near = Dense::new(6).on(&z);
    let inner = Sequential::new().add(Dense::new(6)).add(LayerNormalization::new()).layer();
    let sum = Add::new().on([&near, &far, &shared.on(&shared.on(&x)), &inner.on(&z)]);
    let last = Dense::new(2).on(&sum);
    let other = Multiply::new().on([&shared.on(&z), &Dense::new(6).on(&far)]);
    Functional::new([&x, &z], [&last, &other])
}

fn models(folder: &Path) -> tensorwright_nn::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut put = |name: &str, model: Model, inputs: &[Tensor]| -> tensorwright_nn::Result<()> {
        if let Err(reason) = written(folder, name, &filled(model, inputs)?, inputs) {
            wrong.push(format!("{name}: {reason}"));
        }
        Ok(())
    };
    put("graph", Model::new(graph()?), &[normal(1, &[3, 6]), normal(2, &[3, 6])])?;
    // Three of the kernels look alike but for their names: `[3, 12]`.
    let cells: Vec<LayerRef> = vec![
        LSTMCell::new(3).layer(),
        GRUCell::new(4).reset_after(false).layer(),
        SimpleRNNCell::new(3).layer(),
        LSTMCell::new(3).layer(),
    ];
    let rows = Sequential::new()
        .add(Bidirectional::new(GRU::new(3).return_sequences(true).dropout(0.2).layer()))
        .add(TimeDistributed::new(Dense::new(3).layer()))
        .add(RNN::new(StackedRNNCells::new(cells).layer()));
    put("rows", Model::new(rows), &[normal(3, &[2, 5, 3])])?;
    let kept = Sequential::new()
        .add(LSTM::new(3).stateful(true).return_sequences(true))
        .add(Bidirectional::new(GRU::new(2).stateful(true).layer()));
    put("stateful", Model::new(kept), &[normal(3, &[2, 5, 3])])?;
    let (x, spectral) = (normal(9, &[2, 4]), SpectralNormalization::new(Dense::new(3).layer()));
    put("spectral", Model::new(Sequential::new().add(spectral).add(Dense::new(2))), &[x])?;
    let tokens = RandomKey::new(1).randint([2, 5], 0i32, 9);
    let words = Sequential::new()
        .add(Embedding::new(9, 4).mask_zero(true))
        .add(LSTM::new(3))
        .add(Dropout::new(0.5))
        .add(Dense::new(2));
    put("words", Model::new(words), &[tokens])?;
    let input = Input::of([4, 4, 3], DType::U8);
    let pixels = Functional::new([&input], [&CenterCrop::new(2, 2).on(&input)])?;
    put("bytes", Model::new(pixels), &[RandomKey::new(7).randint([2, 4, 4, 3], 0i32, 255).cast(DType::U8)])?;
    let half = Sequential::new().add(Dense::new(5)).add(Dense::new(2)).layer();
    put("bf16", Model::new(half.with_policy(Policy::mixed_bfloat16())?), &[normal(4, &[2, 3])])?;

    let x = normal(5, &[2, 6, 6, 1]);
    let images = Sequential::new().add(Conv2D::new(3, 2)).add(Flatten::new()).add(Dense::new(2));
    let model = filled(Model::new(images), std::slice::from_ref(&x))?;
    model.enable_lora(1, 3.0)?;
    put("low_rank", model, std::slice::from_ref(&x))?;
    let x = normal(6, &[4, 3]);
    let trained = Model::new(Sequential::new().add(Dense::new(2)));
    let rate = CosineDecay { initial_learning_rate: 0.1, decay_steps: 10.0, ..CosineDecay::default() };
    trained.compile(Optimizer::from(Adam::default()).learning_rate(rate), MeanSquaredError, &["mae"]);
    put("trained", trained, &[x])?;
    Ok(wrong)
}

/// The Python that has Keras, if there is one: `KERAS_PYTHON`, or `python3`.
fn python() -> Option<PathBuf> {
    let own = std::env::var_os("KERAS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let found = Command::new(&own).args(["-c", "import keras"]).output();
    found.is_ok_and(|found| found.status.success()).then_some(own)
}

#[test]
fn models_are_written_as_keras_saves_them() {
    let folder = std::env::temp_dir().join(format!("tensorwright-written-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut wrong = models(&folder).expect("models");
    let only = std::env::var("CLASS").unwrap_or_default();
    for class in layer_classes().into_iter().filter(|class| !OTHERS.contains(class) && class.contains(&only))
    {
        for seed in 0..EXAMPLES {
            if let Err(reason) = single(&folder, class, seed) {
                wrong.push(format!("{class}: {reason}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail:\n{}", wrong.len(), wrong.join("\n"));
    match python() {
        Some(python) => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/classes/written.py");
            let run = Command::new(python).arg("-W").arg("ignore").arg(script).arg(&folder).output();
            let run = run.expect("Python runs");
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
        }
        None => println!("skipped: neither KERAS_PYTHON nor python3 has Keras"),
    }
    std::fs::remove_dir_all(folder).expect("it can be removed");
}

#[test]
fn what_keras_does_not_have_is_not_written() {
    let x = normal(1, &[2, 3, 4]);
    let path = std::env::temp_dir().join("tensorwright-never-written.keras");
    let attention = MultiHeadAttention::new(2, 2).rotary_max_wavelength(100.0);
    let input = Input::new([3, 4]);
    let looked = attention.layer().on(tensorwright_nn::SymbolCall::from(&input).with("value", &input));
    for (layer, word) in [
        (
            Sequential::new().add(WeightNormalization::new(Dense::new(2).layer())).layer(),
            "WeightNormalization",
        ),
        (Functional::new([&input], [&looked]).expect("a graph").layer(), "rotary_max_wavelength"),
        (Sequential::new().add(Equalization::new()).add(Dense::new(2)).layer(), "Equalization"),
        (
            Sequential::new().add(Cropping1D::new().data_format(DataFormat::ChannelsFirst)).layer(),
            "cropping1d: Keras crops sequences with channels last",
        ),
    ] {
        let model = Model::new(layer);
        model.build(std::slice::from_ref(&x)).expect("it is called");
        let said = model.save_keras(&path).expect_err("Keras has no such thing").to_string();
        assert!(said.contains(word) && !path.exists(), "{said}");
    }
}
