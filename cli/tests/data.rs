//! `wright data` on files of every format, whole and damaged.

mod harness;

use harness::{Folder, fails, prints};

/// An array of NumPy.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn png(pixels: &[u8; 6]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels)).expect("written");
    file
}

/// A field of a message that is bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// A `tf.train.Example` of a label, a vector of numbers, and words.
fn example(label: u8, x: &[f32], words: &[&str]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|word| field(1, word.as_bytes())).collect();
    let entry = |name: &str, kind: u8, list: &[u8]| {
        field(1, &[field(1, name.as_bytes()), field(2, &field(kind, list))].concat())
    };
    let features = [
        entry("label", 3, &field(1, &[label])),
        entry("x", 2, &field(1, &floats(x))),
        entry("words", 1, &words),
    ];
    field(1, &features.concat())
}

fn tfrecords(path: &str, records: &[Vec<u8>]) {
    use tensorwright::data::{Compression, TfRecordWriter};
    let mut writer = TfRecordWriter::create(path, Compression::None).expect("a file");
    records.iter().for_each(|record| writer.write(record).expect("written"));
    writer.finish().expect("written");
}

/// Whether lines have these words among others, in any lines.
fn has_rows(text: &str, rows: &[&str]) {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for row in rows {
        assert!(text.lines().any(|line| words(line) == words(row)), "`{row}` in\n{text}");
    }
}

#[test]
fn arrays_are_shown() {
    let folder = Folder::new("data-arrays");
    let path = folder.write("a.npy", npy("<f4", "(3, 2)", &floats(&[1.0, 5.0, 2.0, f32::NAN, 6.0, 5.0])));
    has_rows(&prints(&["data", "info", &path]), &["format: array of NumPy", "elements: 3", "array f32 [2]"]);
    has_rows(&prints(&["data", "head", &path, "-n", "2"]), &["0 [1, 5]", "1 [2, NaN]"]);
    let stats = ["array[0] f32 3 0 1 6 3 2.16025 3", "array[1] f32 2 1 5 5 5 0 1"];
    has_rows(&prints(&["data", "stats", &path]), &stats);

    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#;
    let data = [floats(&[0.5, 1.5]), 7i64.to_le_bytes().to_vec()].concat();
    let path = folder.write("a.safetensors", safetensors(header, &data));
    let text = prints(&["data", "info", &path]);
    has_rows(&text, &["elements: 1", "n i64 []", "w f32 [2]"]);
    assert!(text.contains("rows: arrays have different numbers"), "{text}");
    has_rows(&prints(&["data", "stats", &path]), &["n i64 1 0 7 7 7 0 1", "w[1] f32 1 0 1.5 1.5 1.5 0 1"]);

    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/digits_mlp.npz");
    assert!(prints(&["data", "info", model]).contains("format: arrays of NumPy"));

    let idx = [&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3][..], &[1, 2, 3, 4, 5, 6]].concat();
    let path = folder.write("train-images-idx3-ubyte", &idx);
    has_rows(&prints(&["data", "info", &path]), &["format: idx", "elements: 2", "array u8 [3]"]);
    let path = folder.write("records.bin", [7; 2 * 3073]);
    has_rows(
        &prints(&["data", "info", &path]),
        &["format: CIFAR-10 records", "elements: 2", "image u8 [32,32,3]", "label i64 []"],
    );
}

#[test]
fn tables_are_shown() {
    let folder = Folder::new("data-tables");
    let path = folder.write("a.csv", "x,n,name\n1.5,3,one\n,4,\n2.5,5,\"a,b\"\n");
    has_rows(
        &prints(&["data", "info", &path]),
        &["format: comma-separated values", "elements: 3", "n i32 []", "name text []", "x f32 []"],
    );
    has_rows(&prints(&["data", "head", &path]), &["0 3 \"one\" 1.5", "1 4 \"\" NaN"]);
    has_rows(
        &prints(&["data", "stats", &path]),
        &["x f32 2 1 1.5 2.5 2 0.5 2", "n i32 3 0 3 5 4 0.816497 3", "name text 2 1 3 3 3 0 2"],
    );
    let path = folder.write("b.csv", "1;2\n3;4\n");
    let text = prints(&["data", "info", &path]);
    has_rows(&text, &["elements: 2", "header: none: columns are numbered", "column_1 i32 []"]);
    let path = folder.write("lines.txt", "one\n\ntwo words\n");
    has_rows(&prints(&["data", "stats", &path]), &["elements: 3", "line text 2 1 3 9 6 3 2"]);
}

#[test]
fn records_are_taken_apart() {
    let folder = Folder::new("data-records");
    let path = folder.file("a.tfrecord");
    tfrecords(&path, &[example(1, &[1.0, 2.0], &["a"]), example(3, &[3.0, 4.0], &["b", "cd"])]);
    has_rows(
        &prints(&["data", "info", &path]),
        &["format: TFRecord", "elements: 2", "label i64 []", "words text [?]", "x f32 [2]"],
    );
    has_rows(&prints(&["data", "head", &path]), &["1 3 [\"b\", \"cd\"] [3, 4]"]);
    has_rows(
        &prints(&["data", "stats", &path]),
        &["label i64 2 0 1 3 2 1 2", "words text 3 0 1 2 1.33333 0.471405 3"],
    );
    let path = folder.file("raw");
    tfrecords(&path, &[vec![0xff; 9]]);
    has_rows(&prints(&["data", "info", &path]), &["format: TFRecord", "record text []"]);
}

#[test]
fn folders_are_shown() {
    let folder = Folder::new("data-folders");
    for label in ["cat", "dog"] {
        std::fs::create_dir_all(folder.0.join("images").join(label)).expect("a folder");
        std::fs::create_dir_all(folder.0.join("texts").join(label)).expect("a folder");
        folder.write(&format!("images/{label}/1.png"), png(&[1, 2, 3, 4, 5, 6]));
        folder.write(&format!("texts/{label}/1.txt"), "good");
    }
    std::fs::create_dir_all(folder.0.join("texts/.hidden")).expect("a folder");
    has_rows(
        &prints(&["data", "info", &folder.file("images")]),
        &["elements: 2", "labels: 0 cat, 1 dog", "image u8 [1,2,3]", "label i64 []"],
    );
    let texts = prints(&["data", "head", &folder.file("texts")]);
    has_rows(&texts, &["# text label", "1 \"good\" 1"]);

    std::fs::create_dir_all(folder.0.join("sounds")).expect("a folder");
    let mut wav =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\0\x3e\0\0\x02\0\x10\0data\x04\0\0\0"
            .to_vec();
    wav.extend([0, 0x40, 0, 0xc0]);
    folder.write("sounds/1.wav", &wav);
    has_rows(&prints(&["data", "stats", &folder.file("sounds")]), &["samples f32 2 0 -0.5 0.5 0 0.5 2"]);

    folder.write("sounds/2.txt", "text");
    assert!(fails(&["data", "info", &folder.file("sounds")], 3).contains("several formats"));

    use tensorwright::data::{Dataset, SaveOptions};
    Dataset::range(5).save(folder.0.join("saved"), SaveOptions::new()).expect("written");
    has_rows(&prints(&["data", "info", &folder.file("saved")]), &["format: saved dataset", "element i64 []"]);
}

#[test]
fn datasets_of_the_library_are_shown() {
    let text = prints(&["data", "info", "iris"]);
    has_rows(&text, &["elements: 150", "features f32 [4]", "label i64 []", "splits: train 150"]);
    assert!(text.contains("source: Iris, R. A. Fisher") && text.contains("licence: CC BY 4.0"), "{text}");
    has_rows(
        &prints(&["data", "info", "moons"]),
        &["elements: 1200", "point f32 [2]", "splits: train 1000, test 200"],
    );
    has_rows(&prints(&["data", "stats", "iris"]), &["features[0] f32 150 0 4.3 7.9 5.84333 0.825301 35"]);
    has_rows(&prints(&["data", "info", "digits/test[:10]"]), &["elements: 10"]);
    assert!(fails(&["data", "info", "digits/none"], 3).contains("has no split none"));
    assert!(fails(&["data", "info", "irises"], 3).contains("no dataset of this name; there are addition"));
}

#[test]
fn what_is_damaged_is_named() {
    let folder = Folder::new("data-damaged");
    let whole = npy("<f4", "(3, 2)", &floats(&[0.0; 6]));
    let cut = folder.write("cut.npy", &whole[..whole.len() - 1]);
    let message = fails(&["data", "info", &cut], 3);
    assert!(message.contains("cut.npy") && message.contains("another number of elements"), "{message}");
    for name in ["a.npz", "a.safetensors", "a.idx3-ubyte", "a.wav", "a.png", "a.tfrecord", "nothing"] {
        let path = folder.write(name, b"\xff\xfe\x00what");
        for command in ["info", "head", "stats"] {
            assert!(fails(&["data", command, &path], 3).contains(name), "{name}, {command}");
        }
    }
    for name in ["empty.csv", "empty.npy", "empty"] {
        assert!(fails(&["data", "info", &folder.write(name, "")], 3).contains(name));
    }
    assert!(fails(&["data", "info", &folder.write("a.txt.gz", "not compressed")], 3).contains("a.txt.gz"));
    let path = folder.write("rows.csv", "x,y\n1,2\n3\n5,6\n");
    let message = fails(&["data", "stats", &path], 3);
    assert!(message.contains("1 of 3 elements") && message.contains("rows.csv:3"), "{message}");
    let path = folder.file("records");
    tfrecords(&path, &[example(1, &[1.0], &[]), example(2, &[1.0], &[])]);
    let mut bytes = std::fs::read(&path).expect("written");
    *bytes.last_mut().expect("it has bytes") ^= 1;
    let path = folder.write("records", bytes);
    assert!(fails(&["data", "info", &path], 3).contains("is damaged"));
}
