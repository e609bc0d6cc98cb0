//! Bundles as users write, read and damage them.

mod hostile;

use std::fs;
use std::path::Path;

use tensorwright::bundle::Bundle;
use tensorwright::nn::layers::*;
use tensorwright::nn::{Activation, Sequential};
use tensorwright::prelude::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn bits(x: &Tensor) -> Vec<u32> {
    x.to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

fn ramp<const N: usize>(shape: [usize; N]) -> Tensor {
    (Tensor::arange(shape.iter().product(), DType::F32) * 0.37).sin().reshape(shape)
}

/// A network with a convolution, statistics and attention, over any number of images.
fn network() -> Function<Tensor, Tensor> {
    let network = Sequential::new()
        .add(Conv2D::new(4, 3).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(MaxPooling2D::new())
        .add(Reshape::new([9, 4]))
        .add(LayerNormalization::new())
        .add(LSTM::new(5))
        .add(Dense::new(3).activation(Activation::Softmax));
    let network = tensorwright::nn::LayerRef::from(network);
    function(move |x: Tensor| network.infer(x)).with_argument_names(["images"])
}

#[test]
fn a_network_of_layers_takes_any_number_of_images() -> Outcome {
    let folder = tempfile::tempdir()?;
    let network = network();
    network.call(ramp([2, 8, 8, 1]))?;
    let bundle = Bundle::new()
        .with_open("classify", &network, ["batch"], |[batch]| TensorSpec::f32([batch, 8, 8, 1]))?;
    for name in ["folder", "archive.zip"] {
        let path = folder.path().join(name);
        bundle.save(&path)?;
        bundle.save(&path)?;
        let read = Bundle::load(&path)?.endpoint("classify")?;
        assert_eq!(read.to_string(), "classify(images: f32[batch, 8, 8, 1]) -> (output: f32[batch, 3])");
        for batch in [1, 2, 33] {
            let images = ramp([batch, 8, 8, 1]);
            let found = read.call(&[("images", images.clone())])?;
            assert_eq!(found[0].0, "output");
            assert_eq!(bits(&found[0].1), bits(&network.call(&images)?), "{batch} images");
        }
    }
    Ok(())
}

#[test]
fn loops_and_branches_are_read_back() -> Outcome {
    let f = function(|(x, n): (Tensor, Tensor)| {
        let (_, y) = while_loop(
            (Tensor::from(0i32), x),
            move |(i, _): &(Tensor, Tensor)| i.lt(&n),
            |(i, x): (Tensor, Tensor)| {
                let x = cond(
                    x.sum(..).gt(10.0),
                    {
                        let x = x.clone();
                        move || x.clone() * 0.5
                    },
                    move || x.clone() * 2.0 + 1.0,
                )?;
                Ok((i + 1, x))
            },
        )?;
        Ok(y)
    });
    let bundle =
        Bundle::new().with_open("f", &f, ["n"], |[n]| (TensorSpec::f32([n]), TensorSpec::i32([0; 0])))?;
    for n in [1, 3, 100] {
        let (x, steps) = (ramp([n]), Tensor::from(7i32));
        let found = bundle.endpoint("f")?.call(&[("input_1", steps.clone()), ("input_0", x.clone())])?;
        assert_eq!(bits(&found[0].1), bits(&f.call((&x, &steps))?));
    }
    Ok(())
}

#[test]
fn what_was_read_is_trained_further_and_written_again() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (w, table) = (Variable::named("w", [1.0f32, 2.0])?, Tensor::from([10.0f32, 20.0]));
    let momentum = Variable::named("w", [0.0f32, 0.0])?.frozen();
    let score = {
        let (w, table) = (w.clone(), table.clone());
        function(move |x: Tensor| (x * w.value() + &table).sum(-1))
    };
    let step = function(move |x: Tensor| {
        let slope = x.sum(0);
        momentum.assign(momentum.value() * 0.5 + slope)?;
        w.assign_sub(momentum.value())?;
        Ok(w.value())
    });
    score.concrete(TensorSpec::f32([1, 2]))?;
    let path = folder.path().join("model.zip");
    Bundle::new()
        .with_function("score", &score)?
        .with_open("step", &step, ["batch"], |[batch]| TensorSpec::f32([batch, 2]))?
        .with_asset("words/first.txt", "a\nb\n")
        .with_metadata("author", "somebody")
        .with_warm_up("score", &[("input", Tensor::zeros((1, 2), DType::F32))])
        .save(&path)?;

    let read = Bundle::load(&path)?;
    let names: Vec<(&str, bool)> = read.variables().map(|(name, v)| (name, v.trainable())).collect();
    assert_eq!(names, [("w", true), ("w_1", false)]);
    assert_eq!(
        (read.assets()["words/first.txt"].as_slice(), read.metadata()["author"].as_str()),
        (&b"a\nb\n"[..], "somebody")
    );
    let score = read.endpoint("score")?;
    read.warm_up(&score)?;
    assert_eq!(score.function().trace_count(), 1);
    let x = Tensor::from([[1.0f32, 1.0]]);
    for _ in 0..2 {
        read.endpoint("step")?.call(&[("input", x.clone())])?;
    }
    // w = [1, 2] - 1 - 1.5
    assert_eq!(score.call(&[("input", x.clone())])?[0].1.to_vec::<f32>()?, [28.0]);
    assert_eq!(score.function().trace_count(), 1);

    let again = folder.path().join("again");
    read.save(&again)?;
    let read = Bundle::load(&again)?;
    assert_eq!(read.endpoint("score")?.call(&[("input", x)])?[0].1.to_vec::<f32>()?, [28.0]);
    let (_, w) = read.variables().next().ok_or("no variable")?;
    let loss = {
        let score = read.endpoint("score")?.function().clone();
        move |x: Tensor| Ok(score.call(vec![x])?.remove(0).sum(..))
    };
    let slope = grad(loss).call([[1.0f32, 1.0]])?;
    assert_eq!(slope.to_vec::<f32>()?, w.value().to_vec::<f32>()?);
    Ok(())
}

#[test]
fn what_has_no_one_form_is_refused_with_the_line() -> Outcome {
    let folded = function(|x: Tensor| if x.shape()?.elements() > 6 { Ok(x.sum(..)) } else { Ok(x.max(..)) });
    let error = Bundle::new().with_open("f", &folded, ["n"], |[n]| TensorSpec::f32([n])).unwrap_err();
    assert!(
        error.to_string().contains("the endpoint `f` has a graph of another form for other sizes: see"),
        "{error}"
    );
    let halves = function(|x: Tensor| x.i(0..2));
    assert!(Bundle::new().with_open("f", &halves, ["n"], |[n]| TensorSpec::f32([n])).is_ok());
    let named = function(|x: Tensor| x * 2.0);
    let error = Bundle::new().with_open("f", &named, ["n"], |_| TensorSpec::f32([3])).unwrap_err();
    assert_eq!(error.to_string(), "the endpoint `f` has no input of which `n` is a size");
    let new = function(|x: Tensor| x * 2.0);
    let error = Bundle::new().with_function("f", &new).unwrap_err();
    assert!(error.to_string().contains("has no signature yet"), "{error}");
    let printed = function(|x: Tensor| {
        host_callback(&[&x], |_| Ok(()))?;
        Ok(x * 2.0)
    });
    printed.concrete(TensorSpec::f32([4]))?;
    let error = Bundle::new().with_function("f", &printed).unwrap_err();
    assert!(error.to_string().contains("calls a closure of the program (`host_callback`)"), "{error}");
    let scaled = function(|(x, by): (Tensor, f64)| x * by);
    scaled.call((&Tensor::from([1.0f32]), &2.0))?;
    let error = Bundle::new().with_function("f", &scaled).unwrap_err();
    assert!(error.to_string().contains("is no tensor"), "{error}");
    Ok(())
}

#[test]
fn calls_that_do_not_fit_say_what_is_taken() -> Outcome {
    let f = function(|x: Tensor| x * 2.0).with_argument_names(["x"]);
    f.concrete(TensorSpec::i32([4]))?;
    let bundle =
        Bundle::new().with_function("f", &f)?.with_open("f", &f, ["n"], |[n]| TensorSpec::f32([n, n]))?;
    let endpoint = bundle.endpoint("f")?;
    let error = endpoint.call(&[("x", Tensor::zeros((2, 3), DType::F32))]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the endpoint `f` takes (x: i32[4]) or (x: f32[n, n]), found (x: f32[2,3])"
    );
    let error = endpoint.call(&[("y", Tensor::zeros((2, 2), DType::F32))]).unwrap_err();
    assert!(error.to_string().contains("found (y: f32[2,2])"), "{error}");
    let error = bundle.endpoint("g").unwrap_err();
    assert_eq!(error.to_string(), "the endpoint `g` is not there; there are f");
    Ok(())
}

/// What is not a bundle is left alone, and half a bundle never stands in its place.
#[test]
fn other_folders_are_not_replaced() -> Outcome {
    let folder = tempfile::tempdir()?;
    let f = function(|x: Tensor| x * 2.0);
    f.concrete(TensorSpec::f32([4]))?;
    let bundle = Bundle::new().with_function("f", &f)?;
    let mine = folder.path().join("mine");
    fs::create_dir(&mine)?;
    fs::write(mine.join("notes.txt"), "keep")?;
    let error = bundle.save(&mine).unwrap_err();
    assert!(error.to_string().contains("it is there, and no bundle"), "{error}");
    assert_eq!(fs::read_to_string(mine.join("notes.txt"))?, "keep");
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}

/// Each file of this folder was written by a version of this library, and is read by all later ones. `BLESS=1` writes that of this version, if it is not there.
#[test]
fn bundles_of_all_versions_are_read() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let this = folder.join("format-1.zip");
    if std::env::var_os("BLESS").is_some() && !this.exists() {
        let scale = Variable::named("scale", [2.0f32, 3.0])?;
        let table = Tensor::arange(100, DType::F32);
        let f = function(move |x: Tensor| ((&x * scale.value()).tanh(), x.sum(..) + table.sum(..)));
        Bundle::new()
            .with_open("f", &f, ["batch"], |[batch]| TensorSpec::f32([batch, 2]))?
            .with_asset("read.me", "of the first format")
            .with_warm_up("f", &[("input", Tensor::zeros((1, 2), DType::F32))])
            .save(&this)?;
    }
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        let bundle = Bundle::load(&path)?;
        let x = Tensor::from([[0.5f32, -0.25], [0.0, 1.0], [2.0, 3.0]]);
        let found = bundle.endpoint("f")?.call(&[("input", x.clone())])?;
        assert_eq!(found[0].0, "output_0", "{}", path.display());
        assert_eq!(bits(&found[0].1), bits(&(&x * Tensor::from([2.0f32, 3.0])).tanh()));
        assert_eq!(found[1].1.item::<f32>()?, 4950.0 + 6.25);
        assert_eq!(bundle.assets()["read.me"], b"of the first format");
    }
    Ok(())
}

/// A manifest that vouches for files that it has changed is checked like any other: graphs are typed, weights and places are in range.
#[test]
fn manifests_that_lie_are_errors() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bundle");
    let f = function(|x: Tensor| x * 2.0);
    let bundle = Bundle::new().with_open("f", &f, ["n"], |[n]| TensorSpec::f32([n]))?;
    bundle.save(&path)?;
    let manifest = fs::read_to_string(path.join("manifest.json"))?;
    for (from, to, message) in [
        ("\"format\": 1", "\"format\": 2", "this version reads formats up to 1"),
        ("\"graphs/0.tw\"", "\"../graphs/0.tw\"", "no name of a file in a bundle"),
        ("\"f32\"", "\"f64\"", "another signature than it says"),
        ("\"captures\": []", "\"captures\": [7]", "another signature than it says"),
        ("\"bytes\": ", "\"bytes\": 1", "where the manifest says"),
        ("\"n\"", "\"n*n\"", "has no graph for"),
        ("\"endpoints\"", "\"others\"", "missing field `endpoints`"),
    ] {
        assert!(manifest.contains(from), "{from} in {manifest}");
        fs::write(path.join("manifest.json"), manifest.replace(from, to))?;
        let error = Bundle::load(&path).unwrap_err();
        assert!(error.to_string().contains(message), "{from} -> {to}: {error}");
    }
    Ok(())
}
