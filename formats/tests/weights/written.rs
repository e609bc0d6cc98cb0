//! What is written is read back.

use tensorwright::{DType, Tensor, TensorType};
use tensorwright_formats::weights::{WeightDtype, Weights, WeightsFormat, convert, write};

use crate::{Folder, check, expected, file};

/// A tensor of each dtype.
fn tensors() -> Vec<(String, Tensor)> {
    let of = |dtype: DType| {
        let bytes: Vec<u8> = (0..6 * dtype.size())
            .map(|at| if dtype == DType::Bool { at as u8 % 2 } else { (at as u8).wrapping_mul(37) })
            .collect();
        Tensor::from_bytes(&bytes, TensorType::new(dtype, [2, 3]))
    };
    let mut tensors: Vec<(String, Tensor)> =
        DType::ALL.into_iter().map(|dtype| (format!("layer/{dtype}"), of(dtype))).collect();
    tensors.push(("none".to_owned(), Tensor::zeros((2, 0), DType::F32)));
    tensors.push(("a scalar, \u{e9}".to_owned(), Tensor::from(2.5f64)));
    tensors
}

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new("written");
    for (name, without) in
        [("a.safetensors", &["c128"][..]), ("a.npz", &["bf16"]), ("a.index", &[]), ("a.ckpt", &[])]
    {
        let is_there = |own: &(String, Tensor)| !without.iter().any(|dtype| own.0.ends_with(dtype));
        let tensors: Vec<(String, Tensor)> = tensors().into_iter().filter(is_there).collect();
        let path = folder.0.join(name);
        write(&path, &tensors).unwrap_or_else(|error| panic!("{error}"));
        let weights = Weights::open(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(weights.names().count(), tensors.len(), "{name}");
        for (own, tensor) in &tensors {
            let read = weights.read(own).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read.ty().expect("a type"), tensor.ty().expect("a type"), "{name}: {own}");
            assert_eq!(
                read.as_bytes().expect("elements"),
                tensor.as_bytes().expect("elements"),
                "{name}: {own}"
            );
        }
    }
    // Files that are not whole are not left.
    let left = std::fs::read_dir(&folder.0)
        .expect("a folder")
        .filter(|file| file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().starts_with('.')));
    assert_eq!(left.count(), 0);
}

#[test]
fn what_has_no_place_is_an_error_and_no_file() {
    let folder = Folder::new("refused");
    let wrong = |name: &str, tensors: &[(String, Tensor)]| {
        let path = folder.0.join(name);
        let error = write(&path, tensors).expect_err("there is no place for it");
        assert_eq!(std::fs::read_dir(&folder.0).expect("a folder").count(), 0, "{name}");
        error.to_string()
    };
    let one = |name: &str, dtype: DType| (name.to_owned(), Tensor::zeros([1], dtype));
    assert!(
        wrong("a.npz", &[one("x", DType::F32), one("b", DType::BF16)])
            .contains("`b`: it is bf16[1], which NumPy does not have")
    );
    assert!(wrong("a.safetensors", &[one("c", DType::C128)]).contains("`c` is c128[1]"));
    assert!(wrong("a.index", &[one("x", DType::F32), one("x", DType::F32)]).contains("`x`: two tensors"));
    assert!(wrong("a.index", &[one("", DType::F32)]).contains("no place for this name"));
    let failed = Tensor::zeros([2], DType::F32) + Tensor::zeros([3], DType::F32);
    assert!(wrong("a.npz", &[("x".to_owned(), failed)]).contains("`x`: "));
    assert!(wrong("nowhere/a.npz", &[one("x", DType::F32)]).contains("nowhere/a.npz: "));
}

#[test]
fn formats_become_each_other() {
    let folder = Folder::new("converted");
    let own = |name: &str| (!name.starts_with('_')).then(|| name.to_owned());
    let to = |from: &str, to: &str| {
        let from = Weights::open(file(from)).unwrap_or_else(|error| panic!("{error}"));
        let path = folder.0.join(to);
        let format = WeightsFormat::of_name(&path).expect("a format");
        let mut told = 0;
        let done = convert(&from, &path, format, &own, &mut |_, _| told += 1);
        let done = done.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(told, done.written.len());
        (Weights::open(&path).unwrap_or_else(|error| panic!("{error}")), done)
    };
    // All of a checkpoint, strings and slices too.
    let (weights, done) = to("dtypes.index", "b.index");
    assert!(done.left_out.is_empty());
    check(&weights, &expected("dtypes.json"));
    check(&to("nested.pt", "c.ckpt").0, &expected("nested.json"));
    // A view becomes a tensor of its own.
    let (arrays, _) = to("nested.pt", "d.index");
    assert_eq!(arrays.spec("state.spread").map(|spec| spec.bytes), Some(24));
    let (weights, done) = to("model.index", "e.npz");
    assert_eq!(
        weights.names().collect::<Vec<_>>(),
        [
            "kernel/.ATTRIBUTES/VARIABLE_VALUE",
            "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
            "step/.ATTRIBUTES/VARIABLE_VALUE"
        ]
        .into_iter()
        .filter(|name| done.written.iter().any(|own| own == name))
        .collect::<Vec<_>>()
    );
    // Blocks are numbers then.
    let (numbers, _) = to("kinds.gguf", "f.safetensors");
    let blocks = Weights::open(file("kinds.gguf")).expect("a file");
    for (name, spec) in blocks.specs().filter(|(_, spec)| matches!(spec.dtype, WeightDtype::Blocks(_))) {
        assert_eq!(numbers.spec(name).map(ToString::to_string), Some(format!("f32{}", spec.shape)));
    }
    let narrow = Weights::open(file("narrow.pt")).expect("a file");
    let error = convert(&narrow, folder.0.join("g.npz"), WeightsFormat::Npz, &own, &mut |_, _| {});
    assert!(
        error.expect_err("it is not read").to_string().contains("`q`: tensors of float8_e4m3fn are not read")
    );
    let both = convert(
        &narrow,
        folder.0.join("g.npz"),
        WeightsFormat::Npz,
        &|_| Some("x".to_owned()),
        &mut |_, _| {},
    );
    assert!(both.is_err());
    assert!(!folder.0.join("g.npz").exists());
}

#[test]
fn strings_are_left_out_where_they_have_no_place() {
    let folder = Folder::new("strings");
    let from = Weights::open(file("model")).expect("a checkpoint");
    let path = folder.0.join("a.safetensors");
    let all = |name: &str| Some(name.to_owned());
    let done = convert(&from, &path, WeightsFormat::Safetensors, &all, &mut |_, _| {}).expect("converted");
    assert_eq!(done.left_out, ["_CHECKPOINTABLE_OBJECT_GRAPH"]);
    assert_eq!(done.written.len() + 1, from.names().count());
}
