//! Checkpoints of TensorFlow: the index `NAME.index`, and elements in `NAME.data-00000-of-00002` and kin.
//!
//! The index is a [`table`] of messages ([`schema`]), which [`index`] writes: under the empty key what is known of all files, under names their tensors, and under other keys the [`slices`] of partitioned
//! ones.

mod index;
mod schema;
mod slices;
pub(super) mod strings;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crc32c::crc32c;
use prost::Message;
use tensorwright::{DType, Shape, Tensor, TensorType};

pub(super) use self::index::{IndexWriter, WrittenEntry};
use self::schema::{BundleEntryProto, BundleHeaderProto};
use self::slices::Slice;
use self::table::masked;
use super::elements::{self, ByteOrder};
use super::error::{Damage, Read, WeightsError, damaged};
use super::source::{Contents, Source};
use super::spec::{self, WeightDtype, WeightSpec};
use crate::mapped::Mapped;

/// The version of the format that is read here.
const VERSION: i32 = 1;
/// TensorFlow's number of the dtype of strings.
const STRING: i32 = 7;

/// The file with the index of the checkpoint that a path means, if it means one: the index itself or one of its other files, a name without ending, a folder in which
/// a program keeps its checkpoints, or that of a saved model.
pub(super) fn index_of(path: &Path) -> Option<PathBuf> {
    let with = |path: &Path, ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    };
    if path.is_dir() {
        let own = ["variables/variables.index", "variables.index"].map(|name| path.join(name));
        let own = own.into_iter().find(|own| own.is_file());
        return own.or_else(|| with(&path.join(latest(&path.join("checkpoint"))?), ".index"));
    }
    if !path.is_file() {
        return with(path, ".index");
    }
    let name = path.file_name()?.to_str()?;
    if name.ends_with(".index") {
        return Some(path.to_owned());
    }
    let (name, shard) = name.rsplit_once(".data-")?;
    shard.contains("-of-").then(|| path.with_file_name(format!("{name}.index"))).filter(|path| path.is_file())
}

/// The newest checkpoint that the file `checkpoint` of a folder names.
fn latest(state: &Path) -> Option<String> {
    /// Such files are lists of names; no more of one is read.
    const MOST: u64 = 1 << 24;
    if std::fs::metadata(state).ok()?.len() > MOST {
        return None;
    }
    let text = std::fs::read_to_string(state).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("model_checkpoint_path:"))?;
    Some(line.trim().trim_matches('"').to_owned())
}

/// Whether a file is the index of a checkpoint, by its last bytes.
pub(super) fn is_index(bytes: &[u8]) -> bool {
    table::is_table(bytes)
}

/// A tensor, or a slice.
struct Entry {
    dtype: WeightDtype,
    shape: Shape,
    shard: i32,
    start: usize,
    end: usize,
    crc: u32,
    /// The slices that make it up, with their entries.
    slices: Vec<(Slice, Entry)>,
}

/// An open checkpoint.
struct Checkpoint {
    order: ByteOrder,
    shards: HashMap<i32, Mapped>,
    entries: Vec<Entry>,
}

/// Opens the checkpoint of an index.
pub(super) fn open(index: &Path) -> Result<Contents, WeightsError> {
    let failed = |damage: Damage| damage.in_file(index);
    let bytes = Mapped::open(index).map_err(|error| WeightsError::io(index, error))?;
    let mut pairs = table::read(bytes.as_ref()).map_err(failed)?.into_iter();
    let header = match pairs.next() {
        Some((key, value)) if key.is_empty() => header(&value).map_err(failed)?,
        _ => return Err(WeightsError::format(index, "the index has no header")),
    };
    let mut protos = BTreeMap::new();
    for (key, value) in pairs {
        let proto = BundleEntryProto::decode(&value[..]);
        let name = || String::from_utf8_lossy(&key).into_owned();
        let proto = proto.map_err(|error| WeightsError::entry(index, &name(), error))?;
        protos.insert(key, proto);
    }
    let mut named = Vec::new();
    for (key, proto) in &protos {
        // Slices belong to the tensor of which they are.
        if key.first() == Some(&0) {
            continue;
        }
        let name = String::from_utf8(key.clone());
        let name = name.map_err(|_| WeightsError::format(index, "a name in the index is not UTF-8"))?;
        let entry =
            whole(&name, proto, &protos, header.num_shards).map_err(|damage| failed(damage.at(&name)))?;
        named.push((name, entry));
    }
    let shards = shards(index, header.num_shards, &named)?;
    check(&named, &shards).map_err(failed)?;
    let order = if header.endianness == 0 { ByteOrder::Little } else { ByteOrder::Big };
    let spec = |entry: &Entry| WeightSpec {
        dtype: entry.dtype.clone(),
        shape: entry.shape.clone(),
        bytes: parts(entry).map(|part| (part.end - part.start) as u64).sum(),
    };
    let table = named.iter().map(|(name, entry)| (name.clone(), spec(entry))).collect();
    let entries = named.into_iter().map(|(_, entry)| entry).collect();
    Ok(Contents { table, metadata: Vec::new(), source: Box::new(Checkpoint { order, shards, entries }) })
}

fn header(bytes: &[u8]) -> Read<BundleHeaderProto> {
    let header = BundleHeaderProto::decode(bytes).map_err(Damage::new)?;
    let version = header.version.clone().unwrap_or_default();
    if version.min_consumer > VERSION {
        return damaged(format!(
            "readers must know version {} of checkpoints, this is {VERSION}",
            version.min_consumer
        ));
    }
    match header.num_shards {
        ..=0 => damaged("the index says that there are no files of elements"),
        _ => Ok(header),
    }
}

/// An entry with its slices.
fn whole(
    name: &str,
    proto: &BundleEntryProto,
    all: &BTreeMap<Vec<u8>, BundleEntryProto>,
    shards: i32,
) -> Read<Entry> {
    let mut entry = entry(proto, shards)?;
    if proto.slices.is_empty() {
        return Ok(entry);
    }
    if !matches!(entry.dtype, WeightDtype::Plain(_)) {
        return damaged(format!("slices of {} are not read", entry.dtype));
    }
    for slice in slices::of(&proto.slices, &entry.shape)? {
        let part = all.get(&slice.key(name)).ok_or_else(|| Damage::new("one of its slices is missing"))?;
        let part = self::entry(part, shards)?;
        if (&part.dtype, &part.shape) != (&entry.dtype, &slice.shape()) {
            return damaged("one of its slices is of another type");
        }
        entry.slices.push((slice, part));
    }
    Ok(entry)
}

fn entry(proto: &BundleEntryProto, shards: i32) -> Read<Entry> {
    let dims = proto.shape.clone().unwrap_or_default();
    if dims.unknown_rank {
        return damaged("its shape is not known");
    }
    let extents: Vec<i64> = dims.dim.iter().map(|dim| dim.size).collect();
    let shape = spec::shape(&extents)?;
    let dtype = dtype(proto.dtype);
    let start = usize::try_from(proto.offset).map_err(|_| Damage::new("it begins before its file"))?;
    let size = usize::try_from(proto.size).map_err(|_| Damage::new("it has less than no bytes"))?;
    let end = start.checked_add(size).ok_or_else(|| Damage::new("it ends behind its file"))?;
    if !(0..shards).contains(&proto.shard_id) {
        return damaged(format!("it is in file {} of {shards}", proto.shard_id));
    }
    if let (WeightDtype::Plain(dtype), true) = (&dtype, proto.slices.is_empty()) {
        let ty = spec::plain_type(*dtype, &shape)?;
        if ty.bytes() != size {
            return damaged(format!("{ty} takes {} bytes, the index says {size}", ty.bytes()));
        }
    }
    Ok(Entry { dtype, shape, shard: proto.shard_id, start, end, crc: proto.crc32c, slices: Vec::new() })
}

/// What elements of TensorFlow's dtype are.
fn dtype(number: i32) -> WeightDtype {
    WeightDtype::Plain(match number {
        1 => DType::F32,
        2 => DType::F64,
        // Those of quantised tensors are integers.
        3 | 13 => DType::I32,
        4 | 12 => DType::U8,
        5 | 15 => DType::I16,
        6 | 11 => DType::I8,
        8 => DType::C64,
        9 => DType::I64,
        10 => DType::Bool,
        14 => DType::BF16,
        16 | 17 => DType::U16,
        18 => DType::C128,
        19 => DType::F16,
        22 => DType::U32,
        23 => DType::U64,
        STRING => return WeightDtype::Strings,
        20 => return WeightDtype::Other("resource".to_owned()),
        21 => return WeightDtype::Other("variant".to_owned()),
        24 => return WeightDtype::Other("float8_e5m2".to_owned()),
        25 => return WeightDtype::Other("float8_e4m3fn".to_owned()),
        29 => return WeightDtype::Other("int4".to_owned()),
        30 => return WeightDtype::Other("uint4".to_owned()),
        other => return WeightDtype::Other(format!("dtype {other}")),
    })
}

/// The entries that have the bytes of one: its slices, or itself.
fn parts(entry: &Entry) -> impl Iterator<Item = &Entry> {
    let own = entry.slices.is_empty().then_some(entry);
    entry.slices.iter().map(|(_, part)| part).chain(own)
}

/// The files that have elements.
fn shards(index: &Path, count: i32, named: &[(String, Entry)]) -> Result<HashMap<i32, Mapped>, WeightsError> {
    let stem = index.file_stem().unwrap_or_default();
    let mut open = HashMap::new();
    for part in named.iter().flat_map(|(_, entry)| parts(entry)) {
        if open.contains_key(&part.shard) {
            continue;
        }
        let mut name = OsString::from(stem);
        name.push(format!(".data-{:05}-of-{count:05}", part.shard));
        let path = index.with_file_name(name);
        let file = Mapped::open(&path).map_err(|error| WeightsError::io(&path, error))?;
        open.insert(part.shard, file);
    }
    Ok(open)
}

/// All elements are in their files, and none belongs to two tensors.
fn check(named: &[(String, Entry)], shards: &HashMap<i32, Mapped>) -> Read<()> {
    let mut places: BTreeMap<i32, Vec<(usize, usize, &str)>> = BTreeMap::new();
    for (name, entry) in named {
        for part in parts(entry) {
            let size = shards.get(&part.shard).map_or(0, |file| file.as_ref().len());
            if part.end > size {
                let said = format!("it ends at byte {} of a file of {size}", part.end);
                return damaged(said).map_err(|damage: Damage| damage.at(name));
            }
            if part.end > part.start {
                places.entry(part.shard).or_default().push((part.start, part.end, name));
            }
        }
    }
    for places in places.values_mut() {
        places.sort_unstable();
        if let Some([(.., one), (.., other)]) = places.array_windows().find(|[one, other]| other.0 < one.1) {
            return damaged(format!("its bytes are those of `{one}` too"))
                .map_err(|damage: Damage| damage.at(other));
        }
    }
    Ok(())
}

impl Checkpoint {
    /// The bytes of an entry, as the file has them.
    fn bytes(&self, entry: &Entry) -> Read<&[u8]> {
        let file = self.shards.get(&entry.shard).ok_or_else(|| Damage::new("its file is missing"))?;
        Ok(file.part(entry.start..entry.end)?)
    }

    /// The bytes of an entry of numbers, whose checksum is right.
    fn checked(&self, entry: &Entry) -> Read<&[u8]> {
        let bytes = self.bytes(entry)?;
        if masked(crc32c(bytes)) != entry.crc {
            return damaged("it is damaged: its checksum is wrong");
        }
        Ok(bytes)
    }

    /// Tells the system that the bytes of an entry have been read.
    fn forget(&self, entry: &Entry, bytes: &[u8]) {
        if let Some(file) = self.shards.get(&entry.shard) {
            file.forget(bytes);
        }
    }

    fn sliced(&self, entry: &Entry, ty: &TensorType) -> Read<Tensor> {
        let mut whole = vec![0; ty.bytes()];
        for (slice, part) in &entry.slices {
            slice.put(self.checked(part)?, &mut whole, &ty.shape, ty.dtype.size());
        }
        elements::tensor(&elements::little(&whole, ty.dtype, self.order), ty)
    }
}

impl Source for Checkpoint {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        let entry = &self.entries[at];
        let WeightDtype::Plain(dtype) = entry.dtype else {
            return damaged(format!("tensors of {} are not read", entry.dtype));
        };
        let ty = spec::plain_type(dtype, &entry.shape)?;
        if !entry.slices.is_empty() {
            return self.sliced(entry, &ty);
        }
        let bytes = self.checked(entry)?;
        let tensor = elements::tensor(&elements::little(bytes, dtype, self.order), &ty);
        self.forget(entry, bytes);
        tensor
    }

    fn strings(&self, at: usize) -> Read<Vec<Vec<u8>>> {
        let entry = &self.entries[at];
        strings::read(self.bytes(entry)?, entry.shape.elements(), entry.crc)
    }
}
