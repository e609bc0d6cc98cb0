//! Sources and operations of the case language that read files and records.

use serde_json::Value;
use tensorwright::DType;
use tensorwright_data::{
    BatchOptions, Compression, CsvColumn, CsvOptions, Dataset, ElementKind, ExampleParser, Extents, Feature,
    FixedOptions, InterleaveOptions, Item, Result, SaveOptions, SequenceParser, Spec, TableOptions, Text,
    parse_csv_line,
};

use crate::build::Builder;
use crate::expression::text;
use crate::operators::{sizes, text_values};
use crate::value::{self, bad};

fn compression(stage: &Value) -> Result<Compression> {
    match stage["compression"].as_str() {
        None | Some("") => Ok(Compression::None),
        Some("GZIP") => Ok(Compression::Gzip),
        Some("ZLIB") => Ok(Compression::Zlib),
        Some(other) => Err(bad(format!("no compression {other}"))),
    }
}

fn column(column: &Value) -> Result<CsvColumn> {
    let kind = value::kind_of(column)?;
    Ok(match (&column["default"], kind) {
        (Value::Null, kind) => CsvColumn::required(kind),
        (default, ElementKind::Number(dtype)) => CsvColumn::number(value::scalar(dtype, default)?),
        (default, ElementKind::Text) => CsvColumn::text(text(default)?),
    })
}

fn columns(stage: &Value) -> Result<Vec<CsvColumn>> {
    stage.as_array().into_iter().flatten().map(column).collect()
}

fn byte(value: &Value) -> u8 {
    value.as_str().and_then(|text| text.bytes().next()).unwrap_or(b',')
}

fn names(value: &Value) -> Option<Vec<String>> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn feature(value: &Value) -> Result<Feature> {
    let kind = value::kind_of(value)?;
    let shape: Vec<usize> = value["shape"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .map(|n| n as usize)
        .collect();
    let key = |name: &str| text(&value[name]).map(str::to_owned);
    Ok(match text(&value["kind"])? {
        "fixed" => {
            let default = match &value["default"] {
                Value::Null => None,
                default => Some(value::dense(kind, default, Some(shape.clone()))?),
            };
            Feature::Fixed { kind, shape, default }
        }
        "varlen" => Feature::VarLen { kind },
        "fixed_sequence" => {
            let default = match &value["default"] {
                Value::Null => None,
                default => Some(value::dense(kind, default, None)?),
            };
            Feature::FixedSequence { kind, shape, allow_missing: value["allow_missing"] == true, default }
        }
        "ragged" => Feature::Ragged { kind },
        "sparse" => {
            let size = value["size"].as_u64().unwrap_or(0) as usize;
            Feature::Sparse { index_key: key("index_key")?, value_key: key("value_key")?, kind, size }
        }
        other => return Err(bad(format!("no feature {other}"))),
    })
}

fn features(value: &Value) -> Result<Vec<(String, Feature)>> {
    value.as_object().into_iter().flatten().map(|(name, own)| Ok((name.clone(), feature(own)?))).collect()
}

/// What parsing records of some shape gives.
pub(crate) fn infer(name: &str, args: &[Value], shape: &Extents) -> Result<Spec> {
    let is_one = shape.is_compatible(&Extents::scalar());
    match name {
        "decode_csv" if is_one => {
            let options = CsvOptions::new(columns(&args[0])?);
            let columns = args[0].as_array().into_iter().flatten();
            parse_csv_line(b"", &options)
                .map(drop)
                .or_else(|error| if error.message().contains("described") { Err(error) } else { Ok(()) })?;
            Ok(Spec::Tuple(
                columns.map(|column| value::kind_of(column).map(Spec::scalar)).collect::<Result<_>>()?,
            ))
        }
        "parse_single_example" if is_one => Ok(ExampleParser::new(features(&args[0])?)?.spec()),
        "parse_example" if shape.rank() == Some(1) => {
            Ok(ExampleParser::new(features(&args[0])?)?.batch_spec(shape.first()))
        }
        "parse_sequence_example" if is_one => {
            Ok(SequenceParser::new(features(&args[0])?, features(&args[1])?)?.spec())
        }
        other => Err(bad(format!("{other} of records of shape {shape}"))),
    }
}

/// What a record holds.
pub(crate) fn eval(name: &str, args: &[Value], record: &Item) -> Result<Item> {
    let records: Vec<Text> = text_values(record)?;
    match name {
        "decode_csv" => parse_csv_line(&records[0], &CsvOptions::new(columns(&args[0])?)),
        "parse_single_example" => ExampleParser::new(features(&args[0])?)?.parse(&records[0]),
        "parse_example" if sizes(record)?.len() == 1 => {
            ExampleParser::new(features(&args[0])?)?.parse_batch(&records)
        }
        "parse_sequence_example" => {
            SequenceParser::new(features(&args[0])?, features(&args[1])?)?.parse(&records[0])
        }
        other => Err(bad(format!("no operation {other}"))),
    }
}

/// An error for each file: what a compression that there is not gives where files are opened.
fn failing(spec: Spec, count: usize, message: String) -> Dataset {
    Dataset::from_generator(spec, move || {
        (0..count).map({
            let message = message.clone();
            move |_| Err(bad(&message))
        })
    })
}

impl Builder {
    pub(crate) fn file_source(&self, stage: &Value) -> Result<Dataset> {
        let op = text(&stage["op"])?;
        let paths = self.write(stage)?;
        let compression = match compression(stage) {
            Ok(compression) => compression,
            Err(error) => {
                return Ok(failing(Spec::scalar(ElementKind::Text), paths.len(), error.message().to_owned()));
            }
        };
        let bytes = |name: &str| stage[name].as_u64().unwrap_or(0) as usize;
        Ok(match op {
            "text_lines" => Dataset::text_lines(paths, compression),
            "csv" => Dataset::csv(paths, csv(stage)?.compression(compression)),
            "make_csv" => table(stage, paths)?,
            "fixed_length" => {
                let options = FixedOptions::new(bytes("record_bytes"))
                    .header(bytes("header_bytes"))
                    .footer(bytes("footer_bytes"));
                Dataset::fixed_length_records(paths, options.compression(compression))
            }
            "tfrecord" => match stage["parallel"].as_u64() {
                None => Dataset::tfrecords(paths, compression),
                Some(parallel) => {
                    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                    let spec = Spec::scalar(ElementKind::Text);
                    Dataset::from_iter(names).interleave_items(
                        InterleaveOptions::new(parallel as usize).parallel(parallel as usize),
                        spec,
                        move |name| {
                            let name = String::from_utf8(text_values(&name)?[0].to_vec()).map_err(bad)?;
                            Ok(Dataset::tfrecords([name], compression))
                        },
                    )
                }
            },
            "list_files" => self.listed(stage)?,
            other => return Err(bad(format!("no source {other}"))),
        })
    }

    fn listed(&self, stage: &Value) -> Result<Dataset> {
        let folder = self.path("");
        std::fs::create_dir_all(&folder).map_err(bad)?;
        for name in names(&stage["create"]).unwrap_or_default() {
            std::fs::write(folder.join(name), "").map_err(bad)?;
        }
        let patterns: Vec<_> =
            names(&stage["patterns"]).unwrap_or_default().iter().map(|p| folder.join(p)).collect();
        let files = Dataset::list_files(&patterns);
        let count = files.cardinality()?.known().unwrap_or(1);
        let files = match (&stage["shuffle"], stage["seed"].as_u64()) {
            (Value::Bool(false), _) => files,
            (_, None) => files.shuffle(count as usize),
            (_, Some(seed)) => files.shuffle((count as usize, seed)),
        };
        Ok(files.map_items(Spec::scalar(ElementKind::Text), |path| {
            let path = text_values(&path)?.remove(0);
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            Ok(Item::text(name))
        }))
    }

    pub(crate) fn storage(&self, dataset: &Dataset, stage: &Value) -> Result<Dataset> {
        Ok(match text(&stage["op"])? {
            "cache" if stage["file"] == true => dataset.cache_in(self.path(".cache")),
            "cache" => dataset.cache(),
            "snapshot" => dataset.snapshot(self.path(".snapshot")),
            "save_load" => {
                let folder = self.path(".saved");
                dataset.save(&folder, SaveOptions::new().compression(compression(stage)?))?;
                Dataset::load(&folder)
            }
            other => return Err(bad(format!("no stage {other}"))),
        })
    }
}

fn csv(stage: &Value) -> Result<CsvOptions> {
    let mut options = CsvOptions::new(columns(&stage["columns"])?).delimiter(byte(&stage["delimiter"]));
    if stage["header"] == true {
        options = options.header();
    }
    if stage["quotes"] == false {
        options = options.no_quotes();
    }
    if let Some(missing) = stage["na"].as_str() {
        options = options.missing(missing);
    }
    if let Some(select) = stage["select"].as_array() {
        options =
            options.select(select.iter().filter_map(Value::as_u64).map(|n| n as usize).collect::<Vec<_>>());
    }
    Ok(options)
}

/// `make_csv`: a table in batches, with a label apart or not.
fn table(stage: &Value, paths: Vec<std::path::PathBuf>) -> Result<Dataset> {
    let mut options = TableOptions::new().delimiter(byte(&stage["delimiter"]));
    if let Some(names) = names(&stage["names"]) {
        options = options.names(names);
    }
    if stage["header"] == false {
        options = options.no_header();
    }
    if stage["columns"].is_array() {
        options = options.columns(columns(&stage["columns"])?);
    }
    if let Some(select) = names(&stage["select"]) {
        options = options.select(select);
    }
    if let Some(missing) = stage["na"].as_str() {
        options = options.missing(missing);
    }
    if let Some(rows) = stage["inference_rows"].as_u64() {
        options = options.inference_rows(rows as usize);
    }
    let mut rows = Dataset::table(paths, &options);
    if stage["ignore_errors"] == true {
        rows = rows.on_error(tensorwright_data::OnError::Skip);
    }
    if let Some(label) = stage["label"].as_str() {
        rows = labelled(&rows.ok()?, label)?;
    }
    let epochs = match &stage["epochs"] {
        Value::Null if stage.get("epochs").is_some() => None,
        epochs => Some(epochs.as_u64().unwrap_or(1)),
    };
    let batch = BatchOptions::new(stage["batch_size"].as_u64().unwrap_or(0) as usize);
    let batch = if epochs.is_none() { batch.drop_remainder() } else { batch };
    let rows = if epochs == Some(1) { rows } else { rows.repeat(epochs) };
    Ok(rows.batch(batch))
}

/// Rows as pairs of the other columns and the label.
fn labelled(rows: &Dataset, label: &str) -> Result<Dataset> {
    let Spec::Dict(parts) = rows.spec()? else { return Err(bad("no rows")) };
    let mut rest = parts.clone();
    let own = rest.remove(label).ok_or_else(|| bad(format!("no column {label}")))?;
    let (label, spec) = (label.to_owned(), Spec::Tuple(vec![Spec::Dict(rest), own]));
    Ok(rows.map_items(spec, move |row| {
        let Item::Dict(dict) = &row else { return Err(bad("no row")) };
        let entries = dict.names().iter().zip(dict.parts()).filter(|(name, _)| ***name != *label);
        let rest = Item::dict(entries.map(|(name, part)| (&**name, part.clone())));
        Ok(Item::tuple([rest, dict.get(&label).cloned().ok_or_else(|| bad("no label"))?]))
    }))
}

/// Dtypes that the cases name are all there.
#[test]
fn dtypes_have_names() {
    assert_eq!(value::dtype("bfloat16").ok(), Some(DType::BF16));
}
