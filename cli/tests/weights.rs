//! `wright weights` on files of several formats, whole and damaged.

mod harness;

use harness::{Folder, fails, prints};

/// A file of the tests of the formats.
fn file(name: &str) -> String {
    format!("{}/../formats/tests/weights/files/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Whether lines have these words among others, in any lines.
fn has_rows(text: &str, rows: &[&str]) {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for row in rows {
        assert!(text.lines().any(|line| words(line) == words(row)), "`{row}` in\n{text}");
    }
}

#[test]
fn tensors_of_files_are_listed() {
    let model = prints(&["weights", "ls", &file("model")]);
    let kernel = "kernel/.ATTRIBUTES/VARIABLE_VALUE f32 [2,3] 24";
    has_rows(&model, &["format: checkpoint of TensorFlow", "name dtype shape bytes", kernel]);
    let blocks = prints(&["weights", "ls", &file("kinds.gguf")]);
    has_rows(
        &blocks,
        &[
            "format: GGUF",
            "general.architecture: \"llama\"",
            "q4_0 q4_0 [2,64] 72",
            "a.list: 2 values [\"x\", \"y\"]",
        ],
    );
    assert!(blocks.ends_with(" bytes\n"), "{blocks}");
    has_rows(
        &prints(&["weights", "ls", &file("narrow.pt")]),
        &["q float8_e4m3fn [2] 2", "2 tensors, 3 elements, 6 bytes"],
    );
    let folder = Folder::new("weights-ls");
    let cut = folder.write("cut.safetensors", &std::fs::read(file("plain.safetensors")).unwrap()[..200]);
    assert!(fails(&["weights", "ls", &cut], 3).contains("cut.safetensors: "));
    assert!(fails(&["weights", "ls", &folder.file("none")], 3).contains("cannot read"));
}

#[test]
fn files_are_converted() {
    let folder = Folder::new("weights-convert");
    let to = folder.file("a.safetensors");
    let only = ["--only", "model.*", "--rename", "model.0.=dense.", "--rename", "model.=rest."];
    let said = prints(&[&["weights", "convert", &file("nested.pt"), &to][..], &only].concat());
    assert!(said.ends_with("a.safetensors: safetensors, 7 tensors\n"), "{said}");
    has_rows(
        &prints(&["weights", "ls", &to]),
        &["dense.weight f32 [3,2] 24", "rest.1.running_mean f32 [3] 12"],
    );
    let back = folder.file("back");
    prints(&["weights", "convert", &to, &back, "--to", "checkpoint"]);
    has_rows(
        &prints(&["weights", "ls", &back]),
        &["dense.weight f32 [3,2] 24", "format: checkpoint of TensorFlow"],
    );
    let said = prints(&["weights", "convert", &file("model"), &folder.file("b.npz")]);
    assert!(said.contains("left out, as they are strings: _CHECKPOINTABLE_OBJECT_GRAPH"), "{said}");
}

#[test]
fn what_cannot_be_converted_is_said() {
    let folder = Folder::new("weights-refused");
    let convert = |to: &str, options: &[&str], code| {
        fails(&[&["weights", "convert", &file("nested.pt"), &folder.file(to)][..], options].concat(), code)
    };
    assert!(convert("a.bin", &[], 2).contains("the ending says no format"));
    assert!(convert("a.npz", &["--only", "x*"], 2).contains("no tensor has such a name"));
    assert!(convert("a.npz", &["--rename", "x"], 2).contains("OLD=NEW expected"));
    assert!(convert("a.npz", &[], 3).contains("`state.bf16`: it is bf16[3], which NumPy does not have"));
    assert!(
        convert(
            "a.safetensors",
            &["--only", "state.f*", "--rename", "state.f16=x", "--rename", "state.f32=x"],
            3
        )
        .contains("`x`: two tensors")
    );
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}
