//! Models and weights that Keras has saved give here what they give there, and broken files are errors.

use std::path::PathBuf;

use tensorwright::Tensor;
use tensorwright_nn::layers::*;
use tensorwright_nn::{Activation, Fit, Model, PaddingMode, Result, Sequential, WeightsFile, write_weights};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn close(found: &Tensor, wanted: &Tensor) {
    let far = (found - wanted).abs().max(..) / wanted.abs().max(..);
    let far = far.item::<f32>().expect("tensors of one shape");
    assert!(far < 1e-5, "{far}");
}

#[test]
fn a_row_of_layers_that_keras_has_saved_goes_on_here() -> Result<()> {
    let model = Model::load_keras(data("images.keras"))?;
    let io = tensorwright_data::npz(data("images.npz"))?;
    close(&model.predict(&io["x"])?, &io["y0"]);
    // What it was compiled with is known too.
    let history = model.fit((&io["x"], &io["y0"]), Fit::new())?;
    assert_eq!(history.names(), ["loss", "mae"]);
    Ok(())
}

#[test]
fn a_graph_of_layers_that_keras_has_saved_gives_the_same() -> Result<()> {
    let model = Model::load_keras(data("texts.keras"))?;
    let io = tensorwright_data::npz(data("texts.npz"))?;
    let outputs = model.predict_all(&io["x"])?;
    close(&outputs[0], &io["y0"]);
    close(&outputs[1], &io["y1"]);
    Ok(())
}

fn images() -> Result<Model> {
    let model = Model::new(
        Sequential::new()
            .add(
                Conv2D::new(4, 3)
                    .padding(PaddingMode::Same)
                    .activation(Activation::Relu)
                    .layer()
                    .with_name("edges")?,
            )
            .add(BatchNormalization::new())
            .add(Conv2D::new(4, 3).padding(PaddingMode::Same))
            .add(MaxPooling2D::new())
            .add(Flatten::new())
            .add(Dense::new(5)),
    );
    model.build(&[Tensor::zeros([1, 8, 8, 1], tensorwright::DType::F32)])?;
    Ok(model)
}

#[test]
fn weights_of_keras_are_found_by_classes_and_order() -> Result<()> {
    let io = tensorwright_data::npz(data("images.npz"))?;
    for file in ["images.weights.h5", "images.keras"] {
        let model = images()?;
        let report = model.load_weights(data(file))?;
        assert!(report.is_complete(), "{report}");
        close(&model.predict(&io["x"])?, &io["y0"]);
    }
    let smaller = Model::new(Sequential::new().add(Conv2D::new(4, 3)).add(Dense::new(3)));
    smaller.build(&[Tensor::zeros([1, 8, 8, 1], tensorwright::DType::F32)])?;
    let report = smaller.load_weights(data("images.weights.h5"))?;
    assert_eq!(report.loaded, ["conv2d.kernel", "conv2d.bias"]);
    assert_eq!(report.missing, ["dense.kernel", "dense.bias"]);
    assert_eq!(report.unexpected.len(), 8, "{report}");
    Ok(())
}

#[test]
fn weights_go_through_numpy_and_back() -> Result<()> {
    let model = images()?;
    let path = std::env::temp_dir().join(format!("tensorwright-weights-{}.npz", std::process::id()));
    let named: Vec<(String, Tensor)> = model
        .layer()
        .variables()
        .into_iter()
        .map(|(path, variable)| (path, variable.value() + 1.0))
        .collect();
    write_weights(&path, &named)?;
    assert!(model.load_weights(&path)?.is_complete());
    let file = WeightsFile::open(&path)?;
    for (name, tensor) in &named {
        assert_eq!(file.read(name)?.as_bytes()?, tensor.as_bytes()?);
    }
    let odd = [
        ("scalar".to_owned(), Tensor::from(true)),
        ("none".to_owned(), Tensor::zeros([0, 2], tensorwright::DType::C64)),
    ];
    write_weights(&path, &odd)?;
    let file = WeightsFile::open(&path)?;
    assert_eq!(file.ty("none").map(ToString::to_string).as_deref(), Some("c64[0,2]"));
    assert!(file.read("scalar")?.item::<bool>()?);
    let bf16 = [("b".to_owned(), Tensor::from([1.0f32]).cast(tensorwright::DType::BF16))];
    assert!(
        write_weights(&path, &bf16).is_err_and(|error| error.to_string().contains("NumPy does not have"))
    );
    std::fs::remove_file(path).expect("it can be removed");
    Ok(())
}

#[test]
fn weights_are_written_as_keras_writes_them() -> Result<()> {
    for name in ["images", "texts"] {
        let model = Model::load_keras(data(&format!("{name}.keras")))?;
        let path =
            std::env::temp_dir().join(format!("tensorwright-{name}-{}.weights.h5", std::process::id()));
        model.save_weights(&path)?;
        let (own, keras) = (WeightsFile::open(&path)?, WeightsFile::open(data(&format!("{name}.keras")))?);
        let names: Vec<&str> = keras.names().filter(|name| !name.starts_with("optimizer")).collect();
        assert_eq!(own.names().collect::<Vec<_>>(), names);
        for name in names {
            assert_eq!(own.read(name)?.as_bytes()?, keras.read(name)?.as_bytes()?, "{name}");
        }
        std::fs::remove_file(path).expect("it can be removed");
    }
    Ok(())
}

#[test]
fn files_are_read_tensor_by_tensor() -> Result<()> {
    let model = images()?;
    let path = std::env::temp_dir().join(format!("tensorwright-lazy-{}.zip", std::process::id()));
    model.save(&path)?;
    let file = WeightsFile::open(&path)?;
    for (path, variable) in model.layer().variables() {
        assert_eq!(file.ty(&path), Some(variable.ty()));
        assert_eq!(file.read(&path)?.as_bytes()?, variable.value().as_bytes()?);
    }
    let other = images()?;
    let report = other.load_weights_as(&file, |path| path.starts_with("edges").then(|| path.to_owned()))?;
    assert_eq!(report.loaded, ["edges.kernel", "edges.bias"]);
    assert!(report.missing.is_empty() && report.unexpected.len() == 8, "{report}");
    assert!(file.read("nowhere").is_err_and(|error| error.to_string().contains("nowhere")));
    // The table is kept: a file that has become shorter is an error when a tensor is read.
    let bytes = std::fs::read(&path).expect("a file");
    std::fs::write(&path, &bytes[..400]).expect("it can be cut");
    assert!(file.read("dense.kernel").is_err());
    std::fs::remove_file(path).expect("it can be removed");
    Ok(())
}

#[test]
fn broken_files_of_keras_are_errors_or_what_they_were() {
    let path = std::env::temp_dir().join(format!("tensorwright-broken-{}.keras", std::process::id()));
    for name in ["images.keras", "images.weights.h5", "texts.keras"] {
        let whole = std::fs::read(data(name)).expect("a file");
        for at in (0..whole.len()).step_by(whole.len() / 150) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0xff;
            for bytes in [&whole[..at], &flipped] {
                std::fs::write(&path, bytes).expect("it can be written");
                let is_error = match name.ends_with("h5") {
                    true => WeightsFile::open(&path).is_err(),
                    false => Model::load_keras(&path).is_err(),
                };
                assert!(is_error || bytes.len() == whole.len(), "{name} cut at {at}");
            }
        }
    }
    std::fs::remove_file(path).expect("it can be removed");
}
