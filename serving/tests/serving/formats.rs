//! Each format that a model can have: its signature, and what it gives.

use std::path::Path;

use serde_json::json;
use tensorwright_bundle::Bundle;
use tensorwright_core::{DType, RandomKey, Tensor, TensorSpec, Variable, function};
use tensorwright_formats::onnx;
use tensorwright_nn::layers::{Dense, Embedding, GlobalAveragePooling1D};
use tensorwright_nn::{Activation, Functional, Input, Model, OnSymbols, Sequential};
use tensorwright_serving::{BatchOptions, Code, Elements, ModelConfig, Servable, Value, load};

use crate::harness::{Folder, Http, digits, options, server};

fn signature(model: &dyn Servable) -> String {
    let signature = &model.signatures()["serving_default"];
    let all = |ports: &[tensorwright_serving::Port]| {
        ports.iter().map(|port| format!("{}: {port}", port.name)).collect::<Vec<_>>().join(", ")
    };
    format!("{} -> {}", all(&signature.inputs), all(&signature.outputs))
}

/// A model and the same of a file agree on some rows.
fn agrees(model: &Model, path: &Path, x: &Tensor) {
    let served = load(path).expect("a model");
    let value = Value::of_tensor(x).expect("a value");
    let y = served.call("serving_default", &[value]).expect("an answer").remove(0).to_f32().expect("numbers");
    let expected = model.predict(x).and_then(|y| Ok(y.to_vec::<f32>()?)).expect("a prediction");
    assert!(y.len() == expected.len() && y.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{y:?}");
}

#[test]
fn saved_models_of_layers_are_served() {
    let folder = Folder::new("layers");
    let x = RandomKey::new(1).normal((5, 4), 0.0f32, 1.0);
    let model =
        Model::new(Sequential::new().add(Dense::new(8).activation(Activation::Relu)).add(Dense::new(3)));
    model.build(std::slice::from_ref(&x)).expect("weights");
    let path = folder.0.join("model.tw");
    model.save(&path).expect("a file");
    assert_eq!(signature(&*load(&path).expect("a model")), "input_0: f32[?,4] -> output_0: f32[?,3]");
    agrees(&model, &path, &x);
    // The folder is that of a version, whatever the file is called.
    agrees(&model, &folder.0, &x);
}

#[test]
fn models_of_keras_are_served_with_their_names() {
    let folder = Folder::new("keras");
    let words = Input::of([None::<usize>], DType::I32).named("words");
    let mean = GlobalAveragePooling1D::new().on(&Embedding::new(10, 4).on(&words));
    let digit = Dense::new(3).layer().with_name("digit").expect("a name").on(&mean);
    let model = Model::new(Functional::new([&words], [&digit]).expect("a graph"));
    let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    model.build(std::slice::from_ref(&x)).expect("weights");
    let path = folder.0.join("model.keras");
    model.save_keras(&path).expect("a file");
    assert_eq!(signature(&*load(&folder.0).expect("a model")), "words: i32[?,?] -> digit: f32[?,3]");
    agrees(&model, &path, &x);
}

#[test]
fn saved_graphs_are_served() {
    let folder = Folder::new("graphs");
    let model = onnx::Model::load(digits()).expect("a model");
    model.save_tw(&folder.0, &[("pixels", Tensor::ones((2, 64), DType::F32))]).expect("files");
    let served = load(&folder.0).expect("a model");
    assert_eq!(signature(&*served), "pixels: f32[2,64] -> probabilities: f32[2,10]");
    assert!(!served.signatures()["serving_default"].is_batched());
    let outputs =
        served.call("serving_default", &[Value::of_f32(vec![2, 64], &[1.0; 128])]).expect("an answer");
    let Elements::Numbers(DType::F32, bytes) = outputs[0].elements() else { panic!("no numbers") };
    assert_eq!((outputs[0].shape(), bytes.len()), (&[2, 10][..], 80));
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_are_served_with_all_their_endpoints() {
    let folder = Folder::new("bundle");
    let w = Variable::named("w", [[1.0f32], [2.0]]).expect("a variable");
    let own = w.clone();
    let predict = function(move |x: Tensor| x.matmul(own.value())).with_argument_names(["x"]);
    let sum = function(move |x: Tensor| x.sum(-1) + w.value().sum(..)).with_argument_names(["x"]);
    let specs = |[batch]: [usize; 1]| TensorSpec::f32([batch, 2]);
    let bundle = Bundle::new().with_open("serving_default", &predict, ["batch"], specs).expect("an endpoint");
    let bundle = bundle.with_open("sum", &sum, ["batch"], specs).expect("an endpoint");
    let steps = Variable::named("steps", 0i32).expect("a variable");
    let step = function(move |x: Tensor| {
        steps.assign_add(1)?;
        Ok(x.sum(-1) * 0.0 + steps.value().cast(DType::F32))
    })
    .with_argument_names(["x"]);
    let bundle = bundle.with_open("step", &step, ["batch"], specs).expect("an endpoint");
    let path = folder.0.join("model.zip");
    bundle
        .with_warm_up("step", &[("x", Tensor::zeros((1, 2), DType::F32))])
        .with_warm_up("sum", &[("x", Tensor::zeros((1, 2), DType::F32))])
        .save(&path)
        .expect("a file");
    assert_eq!(signature(&*load(&path).expect("a model")), "x: f32[?,2] -> output: f32[?,1]");

    let mut options = options([ModelConfig::new("bundle", &path)]);
    options.batching = BatchOptions::batched();
    let server = server(options).await;
    let mut http = Http::connect(server.rest_address()).await;
    // What changes variables runs once for each request that asks for it.
    let asked = [
        ("step", json!([1.0, 1.0])),
        ("serving_default", json!([[5.0], [1.0]])),
        ("sum", json!([6.0, 4.0])),
        ("step", json!([2.0, 2.0])),
    ];
    for (signature, expected) in asked {
        let asked = json!({"instances": [[1.0, 2.0], [1.0, 0.0]], "signature_name": signature});
        let (status, json) = http.posted("/v1/models/bundle:predict", &asked.to_string()).await;
        assert_eq!((status, &json["predictions"]), (200, &expected), "{json}");
    }
}

#[test]
fn what_is_no_model_is_refused_with_its_path() {
    let folder = Folder::new("none");
    let code = |path: &Path| load(path).map(|_| ()).map_err(|error| (error.code(), error.to_string()));
    let place = folder.0.display();
    assert_eq!(code(&folder.0), Err((Code::NotFound, format!("{place}: no model was found there"))));
    std::fs::write(folder.0.join("saved_model.pb"), b"").expect("a file");
    assert_eq!(code(&folder.0).map_err(|(code, _)| code), Err(Code::Unimplemented));
    std::fs::remove_file(folder.0.join("saved_model.pb")).expect("the file is there");
    for name in ["a.onnx", "b.onnx"] {
        std::fs::copy(digits(), folder.0.join(name)).expect("a copy");
    }
    assert_eq!(
        code(&folder.0),
        Err((Code::InvalidArgument, format!("{place}: there are 2 models, not one")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_give_what_single_rows_give() {
    let mut options = options([ModelConfig::new("digits", digits())]);
    options.batching = BatchOptions::batched();
    let server = server(options).await;
    let served = load(digits()).expect("a model");
    let mut http = Http::connect(server.rest_address()).await;
    let rows: Vec<Vec<f32>> = (0..45).map(|row| (0..64).map(|x| ((x * row) % 17) as f32).collect()).collect();
    let (status, json) =
        http.posted("/v1/models/digits:predict", &json!({"instances": rows}).to_string()).await;
    assert_eq!(status, 200, "{json}");
    for (row, found) in rows.iter().zip(json["predictions"].as_array().expect("rows")) {
        let one =
            served.call("serving_default", &[Value::of_f32(vec![1, 64], row)]).expect("an answer").remove(0);
        for (x, y) in found.as_array().expect("a row").iter().zip(one.to_f32().expect("numbers")) {
            assert!((x.as_f64().unwrap_or(f64::NAN) - f64::from(y)).abs() < 1e-6);
        }
    }
}
