//! Cases whose results are known from Keras 3, and how close a result is to be.
//!
//! `cases.json.gz` and `arrays.npz` lie in `nn/tests/keras`; which software made them says the header of the first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Cursor, Read};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use npyz::NpyFile;
use serde_json::Value;
use tensorwright::{DType, Shape, Tensor};
use zip::ZipArchive;

/// All cases, and the arrays that they refer to.
pub(crate) struct Cases {
    cases: Vec<Value>,
    arrays: RefCell<ZipArchive<Cursor<Vec<u8>>>>,
}

/// How far a result may be from what is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    /// Relative to each element.
    pub(crate) rtol: f64,
    /// Relative to the greatest element, and at least to 1.
    pub(crate) atol: f64,
}

impl Cases {
    /// The cases of the repository, or of the folder that `KERAS_CASES` names: `cases.json`, perhaps packed, and `arrays.npz`.
    pub(crate) fn load() -> Cases {
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keras");
        let folder = std::env::var_os("KERAS_CASES").map_or(own, PathBuf::from);
        let all: Value = match File::open(folder.join("cases.json")) {
            Ok(plain) => serde_json::from_reader(BufReader::new(plain)),
            Err(_) => {
                let packed = File::open(folder.join("cases.json.gz")).expect("the cases are there");
                serde_json::from_reader(GzDecoder::new(packed))
            }
        }
        .expect("the cases are JSON");
        let arrays = fs::read(folder.join("arrays.npz")).expect("the arrays are there");
        let arrays = RefCell::new(ZipArchive::new(Cursor::new(arrays)).expect("the arrays are a zip file"));
        Cases { cases: all["cases"].as_array().expect("a list of cases").clone(), arrays }
    }

    /// The cases of one kind.
    pub(crate) fn of_kind<'c>(&'c self, kind: &'c str) -> impl Iterator<Item = &'c Value> + 'c {
        self.cases.iter().filter(move |case| case["kind"] == kind)
    }

    /// What a tensor reference refers to.
    pub(crate) fn tensor(&self, reference: &Value) -> Tensor {
        let key = reference["tensor"].as_str().unwrap_or_else(|| panic!("no tensor reference: {reference}"));
        let mut arrays = self.arrays.borrow_mut();
        let mut file = arrays.by_name(&format!("{key}.npy")).unwrap_or_else(|e| panic!("{key}: {e}"));
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("an array can be read");
        array(&bytes).cast(dtype(reference["dtype"].as_str().expect("a dtype")))
    }

    /// The tensor of a reference that may be absent.
    pub(crate) fn optional(&self, reference: &Value) -> Option<Tensor> {
        (!reference.is_null()).then(|| self.tensor(reference))
    }
}

/// An array of a `.npy` file.
fn array(bytes: &[u8]) -> Tensor {
    macro_rules! read {
        ($file:ident as $native:ty, $shape:ident) => {
            Tensor::from_slice(&$file.into_vec::<$native>().expect("an array"), $shape)
        };
    }
    let file = NpyFile::new(bytes).expect("an array of NumPy");
    let shape: Shape = file.shape().iter().map(|&extent| extent as usize).collect();
    let descriptor = file.dtype().descr();
    match descriptor.trim_matches('\'') {
        "<f4" => read!(file as f32, shape),
        "<f8" => read!(file as f64, shape),
        "<i4" => read!(file as i32, shape),
        "<i8" => read!(file as i64, shape),
        "|u1" => read!(file as u8, shape),
        "|b1" => read!(file as bool, shape),
        other => panic!("arrays of {other}"),
    }
}

/// The dtype of a name of NumPy's.
pub(crate) fn dtype(name: &str) -> DType {
    match name {
        "float32" => DType::F32,
        "float64" => DType::F64,
        "float16" => DType::F16,
        "bfloat16" => DType::BF16,
        "int8" => DType::I8,
        "int32" => DType::I32,
        "int64" => DType::I64,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        other => panic!("dtype {other}"),
    }
}

impl Tolerance {
    /// The tolerance of a case: its own, or that of its dtype.
    pub(crate) fn of(case: &Value) -> Tolerance {
        if let Some(own) = case.get("tolerance") {
            let number = |field: &str| own[field].as_f64().expect("a tolerance is a number");
            return Tolerance { rtol: number("rtol"), atol: number("atol") };
        }
        match case["dtype"].as_str() {
            Some("float64") => Tolerance { rtol: 1e-9, atol: 1e-10 },
            Some("bfloat16" | "mixed_bfloat16") => Tolerance { rtol: 3e-2, atol: 3e-2 },
            _ => Tolerance { rtol: 1e-4, atol: 2e-5 },
        }
    }

    /// Says how far `got` is from `want`, if that is too far.
    pub(crate) fn check(self, what: &str, got: &Tensor, want: &Tensor) -> Result<(), String> {
        let shape = |x: &Tensor| x.shape().cloned().map_err(|e| format!("{what}: {e}"));
        let shapes = (shape(got)?, shape(want)?);
        if shapes.0 != shapes.1 {
            return Err(format!("{what}: shape {} where {} is known", shapes.0, shapes.1));
        }
        let (got, want) = (numbers(got)?, numbers(want)?);
        let greatest = want.iter().filter(|x| x.is_finite()).fold(1.0f64, |most, x| most.max(x.abs()));
        let is_close = |got: f64, want: f64| {
            let same = got == want || got.is_nan() && want.is_nan();
            same || (got - want).abs() <= self.atol * greatest + self.rtol * want.abs()
        };
        let far = got.iter().zip(&want).enumerate().find(|(_, (got, want))| !is_close(**got, **want));
        match far {
            None => Ok(()),
            Some((at, (got, want))) => Err(format!("{what}: element {at} is {got} where {want} is known")),
        }
    }
}

fn numbers(x: &Tensor) -> Result<Vec<f64>, String> {
    x.cast(DType::F64).to_vec::<f64>().map_err(|e| e.to_string())
}

/// What became of the cases of one kind, by name.
#[derive(Default)]
pub(crate) struct Tally {
    passed: BTreeMap<String, usize>,
    failed: Vec<String>,
}

impl Tally {
    /// Runs a check on each case; what it says is what is wrong.
    pub(crate) fn of<'c>(
        cases: impl Iterator<Item = &'c Value>,
        check: impl Fn(&'c Value) -> Result<(), String>,
    ) -> Tally {
        let mut tally = Tally::default();
        for case in cases {
            match check(case) {
                Ok(()) => {
                    *tally.passed.entry(case["name"].as_str().unwrap_or("?").to_owned()).or_default() += 1
                }
                Err(reason) => tally.failed.push(format!("{}: {reason}", case["id"])),
            }
        }
        tally
    }

    /// Says how many passed, and panics if not all did.
    pub(crate) fn report(self, kind: &str) {
        let passed: usize = self.passed.values().sum();
        println!("{kind}: {passed} of {} cases", passed + self.failed.len());
        assert!(passed > 0, "there are cases of the kind {kind}");
        assert!(self.failed.is_empty(), "{kind}: {} fail:\n{}", self.failed.len(), self.failed.join("\n"));
    }
}
