//! Readers of the files of well-known datasets, on small ones of their layouts, whole and damaged.

use std::io::Write;
use std::path::{Path, PathBuf};

use tensorwright::Tensor;
use tensorwright_data::sets::{cifar, idx, idx_pairs, text_folders, word_lines};
use tensorwright_data::{Item, Result};

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tensorwright-readers-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("a folder can be made");
        std::fs::write(&path, bytes).expect("the file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    to.write_all(bytes).expect("memory can be written");
    to.finish().expect("memory can be written")
}

/// An idx file of bytes.
fn bytes_of(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
    [&[0, 0, 8, (sizes.len() / 4) as u8][..], &sizes, data].concat()
}

#[test]
fn mnist_is_read_compressed_or_not() {
    let folder = Folder::new("mnist");
    let pixels: Vec<u8> = (0..3 * 28 * 28).map(|i| (i % 251) as u8).collect();
    let (images, labels) = (bytes_of(&[3, 28, 28], &pixels), bytes_of(&[3], &[7, 2, 1]));
    for ending in ["", ".gz"] {
        let packed = |bytes: &[u8]| if ending.is_empty() { bytes.to_vec() } else { gzip(bytes) };
        let images = folder.write(&format!("train-images-idx3-ubyte{ending}"), &packed(&images));
        let labels = folder.write(&format!("train-labels-idx1-ubyte{ending}"), &packed(&labels));
        let pairs = idx_pairs(images, labels);
        assert_eq!(pairs.spec().expect("pairs").to_string(), "(u8[28,28], u8[])");
        let pairs: Vec<(Tensor, u8)> = pairs.iter_as().expect("pairs").collect::<Result<_>>().expect("whole");
        assert_eq!(pairs.iter().map(|(_, label)| *label).collect::<Vec<_>>(), [7, 2, 1]);
        assert_eq!(pairs[2].0.to_vec::<u8>().expect("values"), pixels[2 * 784..]);
    }
    let few = folder.write("few-idx1-ubyte", &bytes_of(&[2], &[7, 2]));
    let error = idx_pairs(folder.write("images", &images), &few);
    assert!(error.error().expect("one label is missing").message().contains("rows"), "{error:?}");
    for cut in 0..labels.len() {
        let error = idx(folder.write("cut", &labels[..cut])).expect_err("it is cut short");
        assert_eq!(error.file(), Some(&*folder.0.join("cut")));
    }
    assert!(idx(folder.write("more", &[&labels[..], &[0]].concat())).is_err(), "there is more than it says");
}

#[test]
fn cifar_is_read_with_one_label_or_two() {
    let folder = Folder::new("cifar");
    let record = |labels: &[u8], red: u8| [labels, &[red; 1024], &[2; 1024], &[3; 1024]].concat();
    let ten = folder.write("data_batch_1.bin", &[record(&[9], 10), record(&[0], 20)].concat());
    let hundred = folder.write("train.bin", &record(&[5, 77], 30));
    for (files, labels, expected) in
        [(vec![&ten], 1, vec![(10, 9), (20, 0)]), (vec![&hundred], 2, vec![(30, 77)])]
    {
        let pairs = cifar(files, labels);
        assert_eq!(pairs.spec().expect("pairs").to_string(), "(u8[32,32,3], i64[])");
        let pairs: Vec<(Tensor, i64)> =
            pairs.iter_as().expect("pairs").collect::<Result<_>>().expect("whole");
        let first = |image: &Tensor| image.to_vec::<u8>().expect("values")[..6].to_vec();
        for ((image, label), (red, wanted)) in pairs.iter().zip(&expected) {
            assert_eq!((first(image), *label), (vec![*red, 2, 3, *red, 2, 3], *wanted));
        }
        assert_eq!(pairs.len(), expected.len());
    }
    assert!(cifar([&ten], 2).iter().expect("built").any(|pair| pair.is_err()), "records of another length");
    assert!(cifar([&ten], 0).error().is_some());
    assert!(cifar([folder.0.join("none")], 1).iter().expect("built").any(|pair| pair.is_err()));
}

#[test]
fn reviews_are_read_in_the_order_of_their_names() {
    let folder = Folder::new("imdb");
    for (name, text) in
        [("neg/0_2.txt", "bad"), ("pos/0_9.txt", "good"), ("pos/10_7.txt", "fine"), ("neg/.DS_Store", "?")]
    {
        folder.write(name, text.as_bytes());
    }
    folder.write("imdb.vocab", b"words");
    let texts = text_folders(&folder.0);
    let texts: Vec<(String, i64)> = texts.iter_as().expect("pairs").collect::<Result<_>>().expect("read");
    let all: Vec<(&str, i64)> = texts.iter().map(|(text, label)| (&**text, *label)).collect();
    assert_eq!(all, [("bad", 0), ("good", 1), ("fine", 1)]);
    assert!(text_folders(folder.0.join("pos")).error().is_some(), "there are no folders of labels");
    assert!(text_folders(Path::new("no such folder")).error().is_some());
}

#[test]
fn words_of_lines_end_with_a_mark() {
    let folder = Folder::new("ptb");
    let files = [
        folder.write("ptb.train.txt", b" no it was n't \n\n the <unk> N\n"),
        folder.write("ptb.test.txt", b"last"),
    ];
    let words = |item: Result<Item>| match item.expect("a line") {
        Item::Texts(texts) => texts
            .values()
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect::<Vec<_>>()
            .join("|"),
        other => panic!("{other:?}"),
    };
    let lines: Vec<String> = word_lines(&files, "<eos>").iter().expect("lines").map(words).collect();
    assert_eq!(lines, ["no|it|was|n't|<eos>", "<eos>", "the|<unk>|N|<eos>", "last|<eos>"]);
}
