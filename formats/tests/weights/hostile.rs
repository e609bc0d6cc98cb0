//! Files of weights that were damaged, or made to do harm: an error that names the file, or tensors that are no larger than the file lets them be. Nothing panics or hangs.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tensorwright_formats::weights::{WeightDtype, Weights};
use tensorwright_testkit::damage::damaged;
use tensorwright_testkit::literals::Random;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What a file may take.
const LONGEST: Duration = Duration::from_secs(10);
/// The most bytes of tensors for each byte of a file: compressed arrays.
const MOST: usize = 1100;

#[test]
fn damaged_weights_are_errors_or_weights() {
    run(2_000);
}

/// A folder of one thread.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tensorwright-hostile-{name}-{}", std::process::id()));
    fs::create_dir_all(&path).expect("a folder can be made");
    path
}

/// Looks at so many files.
pub(crate) fn run(count: u64) {
    let files = files();
    let folder = folder("weights");
    let (mut open, mut read) = (0, 0);
    for seed in 0..count {
        let random = &mut Random::new(seed + 1);
        let (name, bytes) = damaged_file(&files, random);
        // The other files of a checkpoint are whole.
        for (beside, whole) in &files {
            let stem = |name: &str| name.split('.').next().map(str::to_owned);
            if stem(beside) == stem(&name) && *beside != name {
                fs::write(folder.join(beside), whole).expect("written");
            }
        }
        let path = folder.join(&name);
        fs::write(&path, &bytes).expect("written");
        let start = Instant::now();
        if let Some(found) = opened(&path, &format!("input {seed}, {name}")) {
            open += 1;
            read += u64::from(found > 0);
        }
        let elapsed = start.elapsed();
        assert!(elapsed < LONGEST, "input {seed}, {name} takes {elapsed:?}");
        fs::remove_file(path).expect("removed");
    }
    let _ = fs::remove_dir_all(folder);
    println!("{count} damaged files: {open} can be opened, something of {read} can be read");
    assert!(
        count < 1000 || (open > count / 20 && read > count / 50),
        "what is damaged is still mostly a file"
    );
}

/// How many tensors of a file can be read, if it can be opened.
fn opened(path: &Path, input: &str) -> Option<usize> {
    let named = |error: String| {
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        assert!(error.starts_with(&folder), "{input}: {error}");
    };
    let weights = match Weights::open(path) {
        Ok(weights) => weights,
        Err(error) => {
            named(error.to_string());
            return None;
        }
    };
    let size: usize = fs::read_dir(path.parent().expect("a folder"))
        .expect("a folder")
        .map(|file| file.and_then(|file| file.metadata()).map_or(0, |about| about.len() as usize))
        .sum();
    let mut read = 0;
    for (name, spec) in weights.specs() {
        let found = match spec.dtype {
            WeightDtype::Strings => weights.strings(name).map(|all| all.iter().map(Vec::len).sum()),
            _ => weights.read(name).map(|tensor| tensor.as_bytes().map_or(0, <[u8]>::len)),
        };
        match found {
            Ok(bytes) => {
                assert!(bytes <= size * MOST, "{input}: {bytes} bytes of `{name}`");
                read += 1;
            }
            Err(error) => named(error.to_string()),
        }
    }
    Some(read)
}

/// The files of this folder's tests.
fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/weights/files");
    let entries = fs::read_dir(folder).expect("the files are there");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let mut files: Vec<(String, Vec<u8>)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension != "json"))
        .map(|path| {
            (
                path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                fs::read(path).expect("a file"),
            )
        })
        .collect();
    files.sort();
    files
}

/// One of the files with a few changes.
fn damaged_file(files: &[(String, Vec<u8>)], random: &mut Random) -> (String, Vec<u8>) {
    let (name, whole) = &files[random.below(files.len())];
    let all: Vec<&Vec<u8>> = files.iter().map(|(_, bytes)| bytes).collect();
    let mut bytes = damaged(whole, &all, random);
    if name.ends_with(".index") && bytes.len() == whole.len() && random.below(4) > 0 {
        mend(whole, &mut bytes);
    }
    (name.clone(), bytes)
}

/// Makes the checksums of an index of one block right again, so that its readers look at what is in it.
fn mend(whole: &[u8], bytes: &mut [u8]) {
    let mut places = whole[whole.len() - 48..].iter();
    let mut number = || {
        let (mut number, mut shift) = (0, 0);
        for byte in places.by_ref() {
            number |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                break;
            }
        }
        number
    };
    let (meta, meta_size, index, size) = (number(), number(), number(), number());
    for (start, size) in [(0, meta - 5), (meta, meta_size), (index, size)] {
        let end = start + size + 1;
        let crc = crc32c::crc32c(&bytes[start..end]).rotate_right(15).wrapping_add(0xa282_ead8);
        bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
    }
}

/// What is wrong with a file of these bytes, which must not be opened or not be read.
fn refused(test: &str, name: &str, bytes: &[u8]) -> String {
    let folder = folder(test);
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    let start = Instant::now();
    let error = match Weights::open(&path) {
        Ok(weights) => weights.read_all().map(|all| all.len()).expect_err("the file does harm").to_string(),
        Err(error) => error.to_string(),
    };
    assert!(start.elapsed() < LONGEST, "{test}: {:?}", start.elapsed());
    fs::remove_dir_all(folder).expect("removed");
    assert!(error.contains(name), "{error}");
    error
}

/// An archive of PyTorch with this pickle, and a storage of four floats.
fn archive(pickle: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in [("a/data.pkl", pickle), ("a/data/0", &[0; 16])] {
        zip.start_file(name, options).and_then(|()| Ok(zip.write_all(bytes)?)).expect("written");
    }
    zip.finish().expect("written").into_inner()
}

/// A pickle of a dict with a tensor of this shape and these strides, at an offset.
fn tensor(offset: u8, sizes: &[i32], strides: &[i32]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}X\x01\0\0\0tctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK".to_vec();
    pickle.push(offset);
    for numbers in [sizes, strides] {
        pickle.push(b'(');
        numbers.iter().for_each(|number| pickle.extend([&b"J"[..], &number.to_le_bytes()].concat()));
        pickle.push(b't');
    }
    pickle.extend(b"\x89NtRs.");
    pickle
}

#[test]
fn pickles_do_nothing() {
    let wrong = |pickle: &[u8]| refused("pickles", "bad.pt", &archive(pickle, CompressionMethod::Stored));
    assert!(wrong(b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.").contains("`posix.system`"));
    assert!(wrong(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x01x\x85R.").contains("`builtins.eval`"));
    assert!(wrong(b"\x80\x02ccollections\nOrderedDict\n)\x81.").contains("objects of classes"));
    assert!(wrong(b"\x80\x02]0.").contains("more from its stack"));
    assert!(wrong(b"\x80\x02h\x07.").contains("never kept"));
    assert!(wrong(b"\x80\x02X\xff\xff\xff\xff.").contains("too early"));
    assert!(wrong(b"").contains("too early"));
    // A dict of twice the dict before, and so on: 2^40 tensors.
    let mut bomb = tensor(0, &[1], &[1]);
    bomb.truncate(bomb.len() - 1);
    for _ in 0..40 {
        bomb.extend(b"q\x01}(X\x01\0\0\0ah\x01X\x01\0\0\0bh\x01u");
    }
    bomb.push(b'.');
    assert!(wrong(&bomb).contains("the pickle names more than"));
    // A dict that has itself.
    assert!(wrong(b"\x80\x02}q\0X\x01\0\0\0ah\0s.").contains("the pickle names more than"));
    let deep = [&b"\x80\x02"[..], &b"]".repeat(100_000), &b"a".repeat(99_999), b"."].concat();
    assert!(wrong(&deep).contains("deep"));
}

#[test]
fn views_are_in_their_storages() {
    let file = |pickle: &[u8]| archive(pickle, CompressionMethod::Stored);
    let wrong = |offset, sizes: &[i32], strides: &[i32]| {
        refused("views", "bad.pt", &file(&tensor(offset, sizes, strides)))
    };
    assert!(wrong(1, &[4], &[1]).contains("`t`: its elements are not all in its storage"));
    assert!(wrong(0, &[2, 2], &[3, 1]).contains("`t`: its elements are not all in its storage"));
    assert!(wrong(0, &[2], &[-1]).contains("`t`: it steps backwards"));
    assert!(wrong(0, &[-2], &[1]).contains("`t`: no tensor has the extents"));
    assert!(wrong(0, &[1 << 30, 1 << 30], &[0, 0]).contains("`t`: "));
    assert!(
        wrong(0, &[1 << 20, 1 << 10], &[0, 0])
            .contains("`t`: the tensors are more than 64 times as large as the file")
    );
    assert!(wrong(0, &[1; 33], &[1; 33]).contains("axes"));
    let packed = archive(&tensor(0, &[4], &[1]), CompressionMethod::Deflated);
    assert!(refused("packed", "bad.pt", &packed).contains("compressed"));
    let folder = folder("whole");
    let path = folder.join("good.pt");
    fs::write(&path, file(&tensor(0, &[2, 2], &[1, 2]))).expect("written");
    assert_eq!(Weights::open(&path).expect("a file").read("t").expect("a tensor").elements().ok(), Some(4));
    fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn tables_say_no_more_than_is_there() {
    let safetensors = |header: &str, data: usize| {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    };
    let entry = |name: &str, shape: &str, from: u64, to: u64| {
        format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let wrong = |entries: &[String]| {
        let header = format!("{{{}}}", entries.join(","));
        refused("tables", "bad.safetensors", &safetensors(&header, 16))
    };
    assert!(
        wrong(&[entry("x", "[4]", 0, 16), entry("y", "[2]", 8, 16)])
            .contains("`x` and `y` have the same bytes")
    );
    assert!(wrong(&[entry("x", "[5]", 0, 20)]).contains("`x`"));
    assert!(wrong(&[entry("x", "[4]", 16, 0)]).contains("`x`"));
    assert!(wrong(&[entry("x", "[4294967296,4294967296,4294967296]", 0, 16)]).contains("`x`"));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!wrong(&[format!(r#""x":{deep}"#)]).is_empty());

    let gguf = |tensors: u64, pairs: u64, rest: &[u8]| {
        [&b"GGUF\x03\0\0\0"[..], &tensors.to_le_bytes(), &pairs.to_le_bytes(), rest].concat()
    };
    let wrong = |bytes: Vec<u8>| refused("gguf", "bad.gguf", &bytes);
    assert!(wrong(gguf(u64::MAX, 0, &[])).contains("too early"));
    assert!(wrong(gguf(0, u64::MAX, &[])).contains("too early"));
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let list = [&text("l")[..], &[9, 0, 0, 0, 0, 0, 0, 0], &(1u64 << 60).to_le_bytes()].concat();
    assert!(wrong(gguf(0, 1, &list)).contains("`l`: a list of metadata ends behind the file"));
    let one = |name: &str, extent: u64, kind: u32, offset: u64| {
        [
            &text(name)[..],
            &1u32.to_le_bytes(),
            &extent.to_le_bytes(),
            &kind.to_le_bytes(),
            &offset.to_le_bytes(),
        ]
        .concat()
    };
    let both = |offset| [one("x", 8, 0, 0), one("y", 8, 0, offset), vec![0; 128]].concat();
    assert!(wrong(gguf(2, 0, &both(16))).contains("`y`: its bytes are those of `x` too"));
    assert!(wrong(gguf(2, 0, &both(1 << 40))).contains("`y`: it ends behind its file"));
    assert!(wrong(gguf(1, 0, &one("x", 33, 2, 0))).contains("`x`: its rows of 33 are no whole blocks of 32"));
    assert!(wrong(gguf(1, 0, &one("x", 1 << 60, 0, 0))).contains("`x`: "));
}

#[test]
fn archives_are_no_larger_than_they_can_be() {
    // An array of zeros, whose entry says that it is much larger than its bytes can tell.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (100000,), }\n";
    let array =
        [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), &[0; 100_000]]
            .concat();
    zip.start_file("x.npy", options).and_then(|()| Ok(zip.write_all(&array)?)).expect("written");
    let bytes = zip.finish().expect("written").into_inner();
    let size = (array.len() as u32).to_le_bytes();
    let mut larger = bytes.clone();
    for at in 0..larger.len() - 4 {
        if larger[at..at + 4] == size {
            larger[at..at + 4].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
        }
    }
    assert!(refused("larger", "bad.npz", &larger).contains("`x`"));
    // Two entries of the same bytes.
    let own = bytes.windows(4).rposition(|own| own == b"PK\x01\x02").expect("a table");
    let end = bytes.windows(4).rposition(|own| own == b"PK\x05\x06").expect("an end");
    let mut second = bytes[own..end].to_vec();
    second[46] = b'y';
    let mut twice = [&bytes[..end], &second, &bytes[end..]].concat();
    let at = end + second.len();
    twice[at + 8..at + 12].copy_from_slice(&[2, 0, 2, 0]);
    let table = (2 * second.len() as u32).to_le_bytes();
    twice[at + 12..at + 16].copy_from_slice(&table);
    assert!(refused("twice", "bad.npz", &twice).contains("overlap"));
}
