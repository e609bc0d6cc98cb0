//! Models as users have them: read, called by names, used in functions, and refused.

use std::path::Path;

use anyhow::Result;
use tensorwright::prelude::*;
use tensorwright_formats::onnx::{Error, Extent, Model, Value};

fn digits() -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/digits.onnx");
    Model::load(path).expect("the file is a model")
}

fn pixels(rows: usize) -> Tensor {
    RandomKey::new(7).uniform((rows, 64), 0.0f32, 16.0)
}

#[test]
fn a_model_says_what_it_takes_and_gives() {
    let model = digits();
    let input = &model.inputs()[0];
    assert_eq!(input.to_string(), "pixels: float[batch, 64]");
    assert_eq!(input.shape, Some(vec![Extent::Any("batch".to_owned()), Extent::Size(64)]));
    assert_eq!(model.outputs()[0].name, "probabilities");
    assert_eq!(model.operators().iter().map(|(_, count)| count).sum::<usize>(), 7);
    assert_eq!(model.parameters(), 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10 + 1);
    assert!(model.unsupported().is_empty());
}

#[test]
fn each_signature_is_compiled_once() -> Result<()> {
    let model = digits();
    for rows in [1, 3, 1, 3] {
        let outputs = model.call(&[("pixels", pixels(rows))])?;
        let sums = outputs[0].1.tensor().expect("a tensor").sum(-1).to_vec::<f32>()?;
        assert_eq!(sums.len(), rows);
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    }
    assert_eq!(model.function().trace_count(), 2);
    Ok(())
}

#[test]
fn eager_and_compiled_models_agree() -> Result<()> {
    let model = digits();
    let run = || -> Result<Vec<f32>> {
        Ok(model.call(&[("pixels", pixels(5))])?[0].1.tensor().expect("a tensor").to_vec()?)
    };
    let compiled = run()?;
    model.function().run_eagerly(true);
    let eager = run()?;
    assert_eq!(compiled.len(), 50);
    assert!(compiled.iter().zip(&eager).all(|(x, y)| (x - y).abs() < 1e-6));
    Ok(())
}

#[test]
fn a_model_is_a_function_with_derivatives() -> Result<()> {
    let model = digits();
    let function = model.function().clone();
    let loss = move |x: Tensor| -> tensorwright::Result<Tensor> {
        let outputs = function.call(vec![Some(Value::from(x))])?;
        Ok(outputs[0].tensor().expect("a tensor").i((.., 3)).log().sum(..))
    };
    let x = pixels(2);
    let slope = grad(loss.clone()).call(&x)?;
    let step = Tensor::zeros((2, 64), DType::F32).set((0, 5), 1e-2f32);
    let apart = loss(&x + &step)?.item::<f32>()? - loss(&x - &step)?.item::<f32>()?;
    let expected = slope.i((0, 5)).item::<f32>()?;
    assert!((apart / 2e-2 - expected).abs() < 1e-2 * expected.abs().max(0.1), "{apart} {expected}");
    Ok(())
}

#[test]
fn a_saved_model_gives_the_same() -> Result<()> {
    let model = digits();
    let folder = std::env::temp_dir().join(format!("tensorwright-saved-{}", std::process::id()));
    model.save_tw(&folder, &[("pixels", pixels(4))])?;
    let saved = Model::load(&folder)?;
    std::fs::remove_dir_all(&folder)?;
    assert_eq!(saved.inputs()[0].to_string(), "pixels: f32[4, 64]");
    assert_eq!(saved.outputs()[0].name, "probabilities");
    assert!(saved.parameters() >= model.parameters());
    let run = |model: &Model| -> Result<Vec<f32>> {
        Ok(model.call(&[("pixels", pixels(4))])?[0].1.tensor().expect("a tensor").to_vec()?)
    };
    assert_eq!(run(&saved)?, run(&model)?);
    let error = saved.call(&[("pixels", pixels(3))]).expect_err("it is for four rows");
    assert!(error.to_string().contains("must be pixels: f32[4, 64]"), "{error}");
    Ok(())
}

#[test]
fn constants_fold_away() -> Result<()> {
    let model = digits();
    let fixed = model.with_constants(&[("pixels", pixels(2))])?;
    let none: [(&str, Tensor); 0] = [];
    let found = fixed.call(&none)?[0].1.tensor().expect("a tensor").to_vec::<f32>()?;
    let expected = model.call(&[("pixels", pixels(2))])?[0].1.tensor().expect("a tensor").to_vec::<f32>()?;
    assert!(found.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-6));
    let graph = fixed.function().concretes()[0].frozen_graph()?;
    assert!(graph.nodes().iter().all(|node| node.op.name() == "constant"), "{graph}");
    Ok(())
}

/// `loop.onnx` adds `start` to itself as often as its input `runs` says.
#[test]
fn a_number_of_runs_that_is_an_input_cuts_nothing() -> Result<()> {
    let model = Model::from_bytes(&include_bytes!("loop.onnx")[..])?;
    for (runs, expected) in [(3i64, [8.0f32, 16.0]), (0, [1.0, 2.0]), (5, [32.0, 64.0])] {
        let inputs = [("runs", Tensor::scalar(runs)), ("start", Tensor::from([1.0f32, 2.0]))];
        assert_eq!(model.call(&inputs)?[0].1.tensor().expect("a tensor").to_vec::<f32>()?, expected);
    }
    assert_eq!(model.function().trace_count(), 1);
    assert!(model.function().concretes()[0].frozen_graph().is_ok(), "it is one graph");
    Ok(())
}

#[test]
fn wrong_inputs_are_named() {
    let model = digits();
    let message = |inputs: &[(&str, Tensor)]| model.call(inputs).expect_err("it is refused").to_string();
    assert!(message(&[]).contains("input `pixels`: is missing"));
    assert!(message(&[("image", pixels(1))]).contains("the model has the inputs pixels"));
    assert!(message(&[("pixels", pixels(1)), ("pixels", pixels(1))]).contains("given twice"));
    let wide = Tensor::zeros((1, 65), DType::F32);
    assert!(message(&[("pixels", wide)]).contains("must be pixels: float[batch, 64], found f32[1,65]"));
    assert!(message(&[("pixels", pixels(1).cast(DType::F64))]).contains("found f64[1,64]"));
}

#[test]
fn broken_files_are_errors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/digits.onnx");
    let bytes = std::fs::read(path).expect("the file is there");
    assert!(matches!(Model::load("nowhere.onnx"), Err(Error::File { .. })));
    assert!(Model::from_bytes(&b"no model"[..]).is_err());
    for end in (0..bytes.len()).step_by(997) {
        // What is cut within a field is no message, what is cut between two may be a smaller model.
        if let Ok(model) = Model::from_bytes(bytes[..end].to_vec()) {
            let _ = model.call(&[("pixels", pixels(1))]);
        }
    }
}

/// Products of dequantised bytes are products of bytes.
#[test]
fn dequantised_products_multiply_integers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contrib/dequantized_products/model.onnx");
    let model = Model::load(&path).expect("it is read");
    let inputs: Vec<Option<Value>> = vec![
        Some(Tensor::zeros((2, 3, 40), DType::U8).into()),
        Some(Tensor::zeros((17, 40), DType::I8).into()),
    ];
    let concrete = model.function().concrete(&inputs).expect("it compiles");
    let text = concrete.dump(Stage::Kernels).expect("a stage");
    // Two products of each pair differ in their scales alone; those of one pair are along what is summed.
    let steps = |word: &str| text.lines().filter(|line| line.trim_start().starts_with(word)).count();
    let counts = ["matmul i8->i32", "matmul f32->f32"].map(steps);
    assert_eq!(counts, [3, 1], "{text}");
}
