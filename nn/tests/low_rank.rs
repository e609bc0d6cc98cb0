//! Updates of low rank beside frozen matrices: what they compute, what is trained, and what is in files.

use serde_json::json;
use tensorwright::prelude::*;
use tensorwright_nn::layers::{Conv2D, Dense, EinsumDense, Embedding, Flatten, MultiHeadAttention};
use tensorwright_nn::losses::MeanSquaredError;
use tensorwright_nn::optimizers::{Adam, Optimizer};
use tensorwright_nn::{
    Constraint, Fit, Inputs, LayerRef, Model, Result, Sequential, WeightsFile, layer_from_json,
};

fn normal(seed: u64, shape: &[usize]) -> Tensor {
    RandomKey::new(seed).normal(shape, 0.0f32, 1.0)
}

#[track_caller]
fn assert_close(left: &Tensor, right: &Tensor) {
    assert_eq!(left.shape().unwrap(), right.shape().unwrap());
    let far = (left - right).abs().max(..).item::<f32>().unwrap();
    assert!(far <= 1e-5, "{far}");
}

fn value(layer: &LayerRef, path: &str) -> Tensor {
    let found = layer.variables().into_iter().find(|(own, _)| own == path);
    found.unwrap_or_else(|| panic!("no {path}")).1.value()
}

/// Gives all variables of the layer random numbers.
fn filled(layer: &LayerRef) -> Result<()> {
    for (i, (_, variable)) in layer.variables().iter().enumerate() {
        variable.assign(normal(i as u64, variable.ty().shape.sizes().as_slice()) * 0.3)?;
    }
    Ok(())
}

#[test]
fn the_product_is_added_to_the_matrix() -> Result<()> {
    let x = normal(1, &[2, 5]);
    let layer = Dense::new(3).layer();
    layer.infer(&x)?;
    layer.enable_lora(2, 6.0)?;
    filled(&layer)?;
    let [kernel, bias, a, b] =
        ["kernel", "bias", "lora_kernel_a", "lora_kernel_b"].map(|path| value(&layer, path));
    assert_eq!((a.shape()?, b.shape()?), (&[5, 2].into(), &[2, 3].into()));
    assert_close(&layer.infer(&x)?, &(x.matmul(kernel + a.matmul(b) * 3.0) + bias));

    // Of a table, and of a kernel with several axes.
    let words = Tensor::from([[0i32, 3], [2, 1]]);
    let table = layer_from_json(
        &json!({"class_name": "Embedding", "config": {"input_dim": 4, "output_dim": 3, "lora_rank": 1}}),
    )?;
    table.infer(&words)?;
    filled(&table)?;
    let update = value(&table, "lora_embeddings_a").matmul(value(&table, "lora_embeddings_b"));
    assert_close(&table.infer(&words)?, &(value(&table, "embeddings") + update).take(words, 0));
    let heads = EinsumDense::new("abc,cde->abde".to_owned(), vec![None, Some(2), Some(3)]).layer();
    heads.enable_lora(2, None)?;
    heads.infer(normal(3, &[2, 3, 4]))?;
    assert_eq!(value(&heads, "lora_kernel_a").shape()?, &[4, 2, 2].into());
    assert_eq!(value(&heads, "lora_kernel_b").shape()?, &[2, 3].into());
    Ok(())
}

#[test]
fn the_matrix_is_frozen_whatever_is_thawed() -> Result<()> {
    let x = normal(1, &[2, 5, 4]);
    let layer = MultiHeadAttention::new(2, 3).layer();
    layer.enable_lora(1, None)?;
    layer.infer(Inputs::from(&x).with("value", &x))?;
    let frozen = |layer: &LayerRef| -> Vec<String> {
        let all = layer.variables().into_iter().filter(|(_, variable)| !variable.trainable());
        all.map(|(path, _)| path).collect()
    };
    assert_eq!(frozen(&layer), ["query.kernel", "value.kernel"]);
    layer.set_trainable(false);
    layer.set_trainable(true);
    assert_eq!(frozen(&layer), ["query.kernel", "value.kernel"]);
    assert!(layer.enable_lora(1, None).is_err_and(|error| error.to_string().contains("already")));
    Ok(())
}

#[test]
fn what_cannot_have_an_update_says_so() -> Result<()> {
    let said = |layer: LayerRef| layer.enable_lora(2, None).expect_err("it cannot").to_string();
    assert!(said(Flatten::new().layer()).contains("flatten"));
    assert!(Dense::new(2).layer().enable_lora(0, None).is_err());
    let limited = Dense::new(2).kernel_constraint("non_neg".parse::<Constraint>().expect("one")).layer();
    limited.infer(normal(1, &[1, 2]))?;
    assert!(said(limited).contains("constraint"));
    let json = json!({"class_name": "Flatten", "config": {"lora_rank": 2}});
    assert!(layer_from_json(&json).is_err_and(|error| error.to_string().contains("lora_rank")));
    Ok(())
}

fn model() -> Result<Model> {
    let model = Model::new(
        Sequential::new().add(Conv2D::new(3, 2)).add(Flatten::new()).add(Dense::new(4)).add(Dense::new(1)),
    );
    model.build(&[Tensor::zeros([1, 4, 4, 1], DType::F32)])?;
    Ok(model)
}

#[test]
fn training_changes_the_update_alone_and_files_keep_both() -> Result<()> {
    let (x, y) = (normal(1, &[16, 4, 4, 1]), normal(2, &[16, 1]));
    let model = model()?;
    let before = model.predict(&x)?;
    let kernels: Vec<Tensor> =
        ["conv2d.kernel", "dense.kernel", "dense_1.kernel"].map(|path| value(model.layer(), path)).to_vec();
    model.enable_lora(2, None)?;
    assert_eq!(model.predict(&x)?.to_vec::<f32>()?, before.to_vec::<f32>()?);
    model.compile(Optimizer::from(Adam::default()).learning_rate(0.02), MeanSquaredError, &[]);
    let history = model.fit((&x, &y), Fit::new().epochs(30).quiet())?;
    let losses = history.curve("loss");
    assert!(losses[29] < losses[0] * 0.8, "{losses:?}");
    for (path, kernel) in ["conv2d.kernel", "dense.kernel", "dense_1.kernel"].iter().zip(&kernels) {
        assert_eq!(value(model.layer(), path).to_vec::<f32>()?, kernel.to_vec::<f32>()?);
    }
    let after = model.predict(&x)?;
    assert!((&after - before).abs().max(..).item::<f32>()? > 0.01);

    let path = std::env::temp_dir().join(format!("tensorwright-low-rank-{}.zip", std::process::id()));
    model.save(&path)?;
    let loaded = Model::load(&path)?;
    assert_eq!(loaded.predict(&x)?.to_vec::<f32>()?, after.to_vec::<f32>()?);
    assert_eq!(loaded.parameters().len(), model.parameters().len());
    std::fs::remove_file(path).expect("it can be removed");
    assert!(model.enable_lora(2, None).is_err_and(|error| error.to_string().contains("before training")));
    Ok(())
}

#[test]
fn keras_gets_the_sum() -> Result<()> {
    let (x, model) = (normal(1, &[3, 4, 4, 1]), model()?);
    model.enable_lora(2, None)?;
    filled(model.layer())?;
    let wanted = model.predict(&x)?;
    let path = std::env::temp_dir().join(format!("tensorwright-low-rank-{}.weights.h5", std::process::id()));
    model.save_weights(&path)?;
    assert_eq!(WeightsFile::open(&path)?.names().count(), 6);
    // A model without updates, and one with: there is nothing beside the matrices then.
    let (plain, with) = (self::model()?, self::model()?);
    with.enable_lora(2, None)?;
    filled(with.layer())?;
    for other in [plain, with] {
        assert!(other.load_weights(&path)?.is_complete());
        assert_close(&other.predict(&x)?, &wanted);
    }
    std::fs::remove_file(path).expect("it can be removed");
    Ok(())
}

#[test]
fn a_table_of_words_learns_beside_itself() -> Result<()> {
    let words = Tensor::from([[0i32, 1, 2], [2, 3, 0]]);
    let model =
        Model::new(Sequential::new().add(Embedding::new(4, 3)).add(Flatten::new()).add(Dense::new(1)));
    model.build(std::slice::from_ref(&words))?;
    let before = value(model.layer(), "embedding.embeddings");
    model.enable_lora(1, 2.0)?;
    model.compile(Optimizer::from(Adam::default()).learning_rate(0.05), MeanSquaredError, &[]);
    let history = model.fit((&words, &normal(4, &[2, 1])), Fit::new().epochs(40).quiet())?;
    let losses = history.curve("loss");
    assert!(losses[39] < losses[0] / 2.0, "{losses:?}");
    assert_eq!(value(model.layer(), "embedding.embeddings").to_vec::<f32>()?, before.to_vec::<f32>()?);
    Ok(())
}
