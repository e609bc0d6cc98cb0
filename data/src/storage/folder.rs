//! Datasets in folders: `save` and `load`.
//!
//! A folder has the elements in framed records (as TFRecord files have them, with checksums), one file or several, and a file `dataset` that is written last: the
//! format's version, how the others are compressed, the number of elements in each, and the spec. So a folder without it is not whole.

use std::path::{Path, PathBuf};

use crate::error::{DataError, ErrorKind, Result};
use crate::file::{Compression, Framed, Records, TfRecordWriter, files};
use crate::item::{Item, read_item, read_spec, write_item, write_spec};
use crate::pipeline::{Cardinality, Dataset, Outcome, Plan};
use crate::spec::Spec;
use crate::state::{Reader, Writer, damaged};

/// What the file `dataset` begins with; the last byte is the version.
const MAGIC: [u8; 4] = *b"TWD\x01";

/// How a dataset is saved.
#[derive(Clone, Copy, Debug)]
pub struct SaveOptions {
    shards: usize,
    compression: Compression,
}

impl Default for SaveOptions {
    fn default() -> SaveOptions {
        SaveOptions { shards: 1, compression: Compression::None }
    }
}

impl SaveOptions {
    /// In one file, not compressed.
    pub fn new() -> SaveOptions {
        SaveOptions::default()
    }

    /// In so many files, elements in turn.
    pub fn shards(self, shards: usize) -> SaveOptions {
        SaveOptions { shards, ..self }
    }

    /// Compressed.
    pub fn compression(self, compression: Compression) -> SaveOptions {
        SaveOptions { compression, ..self }
    }
}

/// What the file `dataset` says.
pub(super) struct Info {
    pub(super) spec: Spec,
    compression: Compression,
    counts: Vec<u64>,
}

impl Info {
    fn write(&self, folder: &Path) -> Result<()> {
        let mut to = Writer::new();
        to.raw(&MAGIC);
        to.usize(match self.compression {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Zlib => 2,
        });
        to.usize(self.counts.len());
        self.counts.iter().for_each(|count| to.u64(*count));
        write_spec(&self.spec, &mut to);
        let path = folder.join("dataset");
        std::fs::write(&path, to.into_bytes()).map_err(|error| DataError::io(&path, &error))
    }

    pub(super) fn read(folder: &Path) -> Result<Info> {
        let path = folder.join("dataset");
        let bytes = std::fs::read(&path).map_err(|error| DataError::io(&path, &error))?;
        Info::parse(&bytes).map_err(|error| error.in_file(&path))
    }

    fn parse(bytes: &[u8]) -> Result<Info> {
        let mut from = Reader::new(bytes);
        if from.raw(MAGIC.len())? != MAGIC {
            return Err(DataError::data_loss("this is no saved dataset, or one of another version"));
        }
        let compression = match from.usize()? {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Zlib,
            _ => return Err(damaged()),
        };
        let counts = (0..from.count()?).map(|_| from.u64()).collect::<Result<_>>()?;
        Ok(Info { spec: read_spec(&mut from)?, compression, counts })
    }

    fn count(&self) -> u64 {
        self.counts.iter().fold(0, |all, count| all.saturating_add(*count))
    }
}

fn part(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("part-{number:05}"))
}

/// Writes the elements of a dataset into a folder, one by one.
pub(super) struct FolderWriter {
    folder: PathBuf,
    parts: Vec<TfRecordWriter>,
    info: Info,
    written: u64,
}

impl FolderWriter {
    pub(super) fn create(folder: &Path, spec: &Spec, options: SaveOptions) -> Result<FolderWriter> {
        if options.shards == 0 {
            return Err(DataError::invalid("a dataset is saved in at least 1 file"));
        }
        std::fs::create_dir_all(folder).map_err(|error| DataError::io(folder, &error))?;
        let parts = (0..options.shards).map(|i| TfRecordWriter::create(part(folder, i), options.compression));
        let info =
            Info { spec: spec.clone(), compression: options.compression, counts: vec![0; options.shards] };
        Ok(FolderWriter { folder: folder.to_owned(), parts: parts.collect::<Result<_>>()?, info, written: 0 })
    }

    pub(super) fn write(&mut self, item: &Item) -> Result<()> {
        let shard = (self.written % self.parts.len() as u64) as usize;
        let mut record = Writer::new();
        write_item(item, &mut record)?;
        self.parts[shard].write(&record.into_bytes())?;
        self.info.counts[shard] += 1;
        self.written += 1;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<()> {
        self.parts.into_iter().try_for_each(TfRecordWriter::finish)?;
        self.info.write(&self.folder)
    }
}

/// The elements of a file.
struct Part {
    framed: Framed,
    spec: Spec,
}

impl Records for Part {
    fn next(&mut self) -> Option<Outcome> {
        let record = self.framed.next_record()?;
        Some(record.and_then(|record| read_item(&mut Reader::new(&record))?.fitting(&self.spec)))
    }

    fn save(&self, to: &mut Writer) {
        self.framed.save(to);
    }
}

/// A plan of the elements in a folder.
pub(super) fn plan(name: &'static str, folder: &Path, info: &Info) -> Plan {
    let (spec, compression) = (info.spec.clone(), info.compression);
    let paths: Vec<PathBuf> = (0..info.counts.len()).map(|i| part(folder, i)).collect();
    files(name, info.spec.clone(), paths, move |path, from| {
        Ok(Box::new(Part { framed: Framed::open(path, compression, from)?, spec: spec.clone() }))
    })
    .with_cardinality(Cardinality::Known(info.count()))
}

impl Dataset {
    /// Writes all elements into a folder, which appears when it is whole.
    ///
    /// # Errors
    /// The error of the dataset, of the first element that has one, or of writing; when there is such a folder.
    ///
    /// ```
    /// # use tensorwright::data::{Cardinality, Dataset, SaveOptions};
    /// # let folder = std::env::temp_dir().join(format!("saved-{}", std::process::id()));
    /// Dataset::range(5).filter(|x: i64| x > 2).save(&folder, SaveOptions::new())?;
    /// let loaded = Dataset::load(&folder);
    /// assert_eq!(loaded.cardinality()?, Cardinality::Known(2));
    /// assert_eq!(loaded.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [3, 4]);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, folder: impl AsRef<Path>, options: SaveOptions) -> Result<()> {
        let folder = folder.as_ref();
        if folder.exists() {
            return Err(DataError::new(ErrorKind::AlreadyExists, "there is such a folder").in_file(folder));
        }
        let partial = beside(folder, "partial");
        drop(std::fs::remove_dir_all(&partial));
        let mut writer = FolderWriter::create(&partial, self.spec()?, options)?;
        for item in self.iter()? {
            writer.write(&item?)?;
        }
        writer.finish()?;
        std::fs::rename(&partial, folder).map_err(|error| DataError::io(folder, &error))
    }

    /// The elements that [`Dataset::save`] has written into a folder.
    #[track_caller]
    pub fn load(folder: impl AsRef<Path>) -> Dataset {
        let folder = folder.as_ref();
        Dataset::build(Info::read(folder).map(|info| plan("load", folder, &info)))
    }
}

/// A path beside another one: of the same name with an ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}
