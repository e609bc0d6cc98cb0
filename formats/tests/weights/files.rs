//! Each format is read as it was written.

use tensorwright::DType;
use tensorwright_formats::weights::{MetadataValue, WeightDtype, Weights, WeightsFormat};

use crate::{Folder, bytes, check, expected, file};

fn open(name: &str) -> Weights {
    Weights::open(file(name)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn checkpoints_of_tensorflow_are_read() {
    // Two files of elements, all dtypes, strings, and a tensor in three slices.
    let expected = expected("dtypes.json");
    for name in ["dtypes.index", "dtypes", "dtypes.data-00001-of-00002"] {
        let weights = open(name);
        assert_eq!(weights.format(), WeightsFormat::Checkpoint);
        check(&weights, &expected);
    }
    let model = open("model");
    let kernel = model.read("kernel/.ATTRIBUTES/VARIABLE_VALUE").expect("a variable");
    assert_eq!(kernel.to_vec::<f32>().expect("numbers"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(
        model.read("step/.ATTRIBUTES/VARIABLE_VALUE").expect("a variable").item::<i64>().ok(),
        Some(7)
    );
    assert_eq!(model.strings("_CHECKPOINTABLE_OBJECT_GRAPH").expect("a string").len(), 1);
    let missing = model.read("kernel").expect_err("there is none");
    assert!(missing.to_string().ends_with("model: `kernel`: there is no tensor of this name"), "{missing}");
}

#[test]
fn folders_name_their_checkpoints() {
    let own = Folder::new("folder");
    let folder = own.0.clone();
    let variables = folder.join("saved/variables");
    std::fs::create_dir_all(&variables).expect("a folder");
    for ending in ["index", "data-00000-of-00001"] {
        let from = file(&format!("model.{ending}"));
        std::fs::copy(&from, variables.join(format!("variables.{ending}"))).expect("copied");
        std::fs::copy(&from, folder.join(format!("step-3.{ending}"))).expect("copied");
    }
    std::fs::write(folder.join("checkpoint"), "model_checkpoint_path: \"step-3\"\n").expect("written");
    for path in [folder.clone(), folder.join("saved"), folder.join("step-3")] {
        assert_eq!(Weights::open(&path).unwrap_or_else(|error| panic!("{error}")).names().count(), 3);
    }
    std::fs::remove_file(folder.join("step-3.data-00000-of-00001")).expect("removed");
    let lost = Weights::open(&folder).expect_err("a file is missing");
    assert!(lost.to_string().contains("step-3.data-00000-of-00001: "), "{lost}");
    assert!(
        Weights::open(folder.join("step-4")).is_err_and(|error| error.to_string().contains("no such file"))
    );
}

#[test]
fn arrays_of_numpy_are_read() {
    for (name, written) in
        [("stored.npz", "stored.json"), ("packed.npz", "stored.json"), ("one.npy", "one.json")]
    {
        let weights = open(name);
        assert_eq!(weights.format(), WeightsFormat::Npz);
        check(&weights, &expected(written));
    }
}

#[test]
fn safetensors_are_read() {
    let weights = open("plain.safetensors");
    assert_eq!(weights.format(), WeightsFormat::Safetensors);
    assert_eq!(weights.metadata(), [("made by".to_owned(), MetadataValue::Text("make.py".to_owned()))]);
    check(&weights, &expected("plain.json"));
}

#[test]
fn checkpoints_of_pytorch_are_read() {
    for name in ["nested.pt", "flat.pt"] {
        let weights = open(name);
        assert_eq!(weights.format(), WeightsFormat::Torch);
        check(&weights, &expected("nested.json"));
    }
}

#[test]
fn classes_of_python_are_named_and_not_made() {
    let module = Weights::open(file("module.pt")).expect_err("a module is a class");
    assert!(module.to_string().contains("`torch.nn.modules.linear.Linear`"), "{module}");
    let narrow = open("narrow.pt");
    assert_eq!(narrow.spec("q").map(ToString::to_string).as_deref(), Some("float8_e4m3fn[2]"));
    let error = narrow.read("q").expect_err("such tensors are not read");
    assert!(error.to_string().ends_with("narrow.pt: `q`: tensors of float8_e4m3fn are not read"), "{error}");
    assert_eq!(narrow.read("x").expect("a tensor").to_vec::<f32>().expect("numbers"), [1.0]);
}

#[test]
fn gguf_files_are_read() {
    let (weights, expected) = (open("kinds.gguf"), expected("kinds.json"));
    assert_eq!(weights.format(), WeightsFormat::Gguf);
    check(&weights, &expected);
    let about =
        |name: &str| weights.metadata().iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    let text = |text: &str| MetadataValue::Text(text.to_owned());
    assert_eq!(about("general.architecture"), Some(text("llama")));
    assert_eq!(about("a.number"), Some(MetadataValue::Int(7)));
    assert_eq!(about("a.large"), Some(MetadataValue::Int(-(1 << 40))));
    assert_eq!(about("a.float"), Some(MetadataValue::Float(0.5)));
    assert_eq!(about("a.flag"), Some(MetadataValue::Bool(true)));
    assert_eq!(about("a.text"), Some(text("caf\u{e9}")));
    assert_eq!(about("a.list"), Some(MetadataValue::List(vec![text("x"), text("y")])));
    for (name, wanted) in &expected {
        let Some(numbers) = wanted.get("numbers") else { continue };
        assert!(matches!(weights.spec(name).expect("it is listed").dtype, WeightDtype::Blocks(_)));
        let own = weights.dequantized(name, DType::F32).expect("numbers");
        assert_eq!(own.shape().ok(), weights.spec(name).map(|spec| &spec.shape));
        let wanted: Vec<f32> =
            bytes(numbers).as_chunks::<4>().0.iter().map(|own| f32::from_le_bytes(*own)).collect();
        for (own, wanted) in own.to_vec::<f32>().expect("numbers").iter().zip(wanted) {
            assert!((own - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3), "{name}: {own} for {wanted}");
        }
    }
}

#[test]
fn several_files_are_one() {
    let folder = Folder::new("sharded");
    std::fs::copy(file("plain.safetensors"), folder.0.join("a.safetensors")).expect("copied");
    std::fs::copy(file("narrow.pt"), folder.0.join("b.bin")).expect("copied");
    let index = |map: &str| {
        std::fs::write(folder.0.join("model.safetensors.index.json"), format!("{{\"weight_map\": {map}}}"))
            .expect("written");
        Weights::open(&folder.0)
    };
    let both = index(r#"{"f32": "a.safetensors", "bool": "a.safetensors", "x": "b.bin"}"#).expect("an index");
    assert_eq!(both.format(), WeightsFormat::Sharded);
    assert_eq!(both.names().collect::<Vec<_>>(), ["bool", "f32", "x"]);
    assert_eq!(both.read("x").expect("a tensor").to_vec::<f32>().expect("numbers"), [1.0]);
    assert_eq!(both.read("bool").expect("a tensor").to_vec::<bool>().expect("bools"), [true, false, true]);
    let wrong = |map: &str| index(map).expect_err("the index is wrong").to_string();
    assert!(wrong(r#"{"y": "b.bin"}"#).contains("`y`: it is not in `b.bin`"));
    assert!(wrong(r#"{"y": "../b.bin"}"#).contains("`y`: its file, `../b.bin`, is not beside the index"));
    assert!(wrong(r#"{"y": "c.bin"}"#).contains("c.bin: "));
    assert!(wrong("3").contains("weight_map"));
}
