//! GGUF files, versions 2 and 3: what a model says of itself, and tensors, most of them in blocks of quantised numbers.
//!
//! `GGUF`, the version, how many tensors and how many pairs of metadata there are; the pairs; for each tensor its name, extents (the last axis first), kind, and place; from the next multiple of the alignment on the elements.

use std::ops::Range;
use std::path::Path;

use tensorwright::{BlockLayout, DType, Shape, Tensor, TensorType};

use super::elements;
use super::error::{Damage, Read, WeightsError, damaged};
use super::source::{Contents, MetadataValue, Source};
use super::spec::{self, WeightDtype, WeightSpec};
use crate::mapped::Mapped;

/// How deep lists of metadata may lie in each other.
const DEPTH: usize = 4;
/// Where tensors begin, if the file does not say.
const ALIGNMENT: usize = 32;

/// An open file.
struct File {
    bytes: Mapped,
    /// Where the elements of each tensor are, and the type that they are read as.
    places: Vec<(Range<usize>, Option<TensorType>)>,
}

/// Opens a file.
pub(super) fn open(path: &Path, bytes: Mapped) -> Result<Contents, WeightsError> {
    let (table, metadata, places) = read(bytes.as_ref()).map_err(|damage| damage.in_file(path))?;
    let places = places.into_iter().zip(&table).map(|(place, (_, spec))| (place, spec.ty())).collect();
    Ok(Contents { table, metadata, source: Box::new(File { bytes, places }) })
}

impl Source for File {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        let (place, ty) = &self.places[at];
        let ty = ty.as_ref().ok_or_else(|| Damage::new("tensors of its kind are not read"))?;
        let own = self.bytes.part(place.clone())?;
        let tensor = elements::tensor(own, ty);
        self.bytes.forget(own);
        tensor
    }
}

/// Bytes that are read from the front.
struct Cursor<'b> {
    whole: &'b [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    fn take(&mut self, count: usize) -> Read<&'b [u8]> {
        let end = self.at.checked_add(count);
        let own = end.and_then(|end| self.whole.get(self.at..end));
        let own = own.ok_or_else(|| Damage::new("the file ends too early"))?;
        self.at += count;
        Ok(own)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let own = self.take(N)?;
        Ok(std::array::from_fn(|at| own[at]))
    }

    fn u32(&mut self) -> Read<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Read<usize> {
        let size = u64::from_le_bytes(self.array()?);
        usize::try_from(size).map_err(|_| Damage::new("a size is too large"))
    }

    fn text(&mut self) -> Read<String> {
        let length = self.size()?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// A value of metadata of this kind. A list takes 32 bytes of memory for each value, of which each has a byte in the file.
    fn value(&mut self, kind: u32, depth: usize) -> Read<MetadataValue> {
        let int = |number: i128| Ok(MetadataValue::Int(number));
        match kind {
            0 => int(u8::from_le_bytes(self.array()?).into()),
            1 => int(i8::from_le_bytes(self.array()?).into()),
            2 => int(u16::from_le_bytes(self.array()?).into()),
            3 => int(i16::from_le_bytes(self.array()?).into()),
            4 => int(self.u32()?.into()),
            5 => int(i32::from_le_bytes(self.array()?).into()),
            6 => Ok(MetadataValue::Float(f32::from_le_bytes(self.array()?).into())),
            7 => Ok(MetadataValue::Bool(self.array::<1>()? != [0])),
            8 => Ok(MetadataValue::Text(self.text()?)),
            9 if depth < DEPTH => {
                let (kind, count) = (self.u32()?, self.size()?);
                if count > self.whole.len() - self.at {
                    return damaged("a list of metadata ends behind the file");
                }
                (0..count).map(|_| self.value(kind, depth + 1)).collect::<Read<_>>().map(MetadataValue::List)
            }
            10 => int(u64::from_le_bytes(self.array()?).into()),
            11 => int(i64::from_le_bytes(self.array()?).into()),
            12 => Ok(MetadataValue::Float(f64::from_le_bytes(self.array()?))),
            other => damaged(format!("metadata of kind {other} are not read")),
        }
    }
}

type Metadata = Vec<(String, MetadataValue)>;
type Table = Vec<(String, WeightSpec)>;

fn read(bytes: &[u8]) -> Read<(Table, Metadata, Vec<Range<usize>>)> {
    let mut cursor = Cursor { whole: bytes, at: 0 };
    if cursor.take(4)? != b"GGUF" {
        return damaged("it is no GGUF file");
    }
    match cursor.u32()? {
        2 | 3 => {}
        version if matches!(version.swap_bytes(), 1..=3) => {
            return damaged("its numbers are big-endian, which is not read");
        }
        version => return damaged(format!("version {version} of GGUF is not read")),
    }
    let (tensors, pairs) = (cursor.size()?, cursor.size()?);
    let mut metadata = Metadata::new();
    for _ in 0..pairs {
        let name = cursor.text()?;
        let kind = cursor.u32()?;
        let value = cursor.value(kind, 0).map_err(|damage| damage.at(&name))?;
        metadata.push((name, value));
    }
    let mut found = Vec::new();
    for _ in 0..tensors {
        let name = cursor.text()?;
        let (spec, start) = tensor(&mut cursor).map_err(|damage| damage.at(&name))?;
        found.push((name, spec, start));
    }
    let data = data(&metadata, cursor.at)?;
    let places = places(&mut found, bytes.len(), data)?;
    Ok((found.into_iter().map(|(name, spec, _)| (name, spec)).collect(), metadata, places))
}

/// Where the elements begin.
fn data(metadata: &Metadata, end: usize) -> Read<usize> {
    let stated = metadata.iter().find(|(name, _)| name == "general.alignment");
    let alignment = match stated {
        None => ALIGNMENT,
        Some((_, MetadataValue::Int(own))) if (1..=1 << 30).contains(own) => *own as usize,
        Some(_) => {
            return damaged("its alignment is none").map_err(|damage: Damage| damage.at("general.alignment"));
        }
    };
    end.checked_next_multiple_of(alignment).ok_or_else(|| Damage::new("the file ends too early"))
}

/// What is said of a tensor, and where its elements are behind the table.
fn tensor(cursor: &mut Cursor<'_>) -> Read<(WeightSpec, usize)> {
    let axes = cursor.u32()? as usize;
    if axes > Shape::MAX_RANK {
        return damaged(format!("it has {axes} axes, a tensor at most {}", Shape::MAX_RANK));
    }
    let mut extents = (0..axes).map(|_| cursor.size()).collect::<Read<Vec<usize>>>()?;
    extents.reverse();
    let shape = spec::shape(&extents)?;
    let kind = Kind::of(cursor.u32()?);
    let start = cursor.size()?;
    let last = extents.last().copied().unwrap_or(1);
    if !last.is_multiple_of(kind.length) {
        return damaged(format!("its rows of {last} are no whole blocks of {}", kind.length));
    }
    let bytes = (shape.elements() / kind.length).checked_mul(kind.bytes);
    let bytes = bytes.ok_or_else(|| Damage::new(format!("no tensor is as large as {shape}")))?;
    Ok((WeightSpec { dtype: kind.dtype, shape, bytes: bytes as u64 }, start))
}

/// Where the elements of each tensor are: in the file, and in no other tensor.
fn places(found: &mut [(String, WeightSpec, usize)], size: usize, data: usize) -> Read<Vec<Range<usize>>> {
    let mut places = Vec::new();
    for (name, spec, start) in found.iter() {
        let start = data.checked_add(*start);
        let end = start.and_then(|start| start.checked_add(spec.bytes as usize));
        match (start, end) {
            // A tensor whose kind is not known has no end that is known.
            (Some(start), Some(end)) if end <= size => places.push(start..end),
            _ => return damaged("it ends behind its file").map_err(|damage: Damage| damage.at(name)),
        }
    }
    let mut sorted: Vec<(&Range<usize>, &str)> = places
        .iter()
        .zip(found.iter())
        .filter(|(place, _)| !place.is_empty())
        .map(|(place, (name, ..))| (place, name.as_str()))
        .collect();
    sorted.sort_by_key(|(place, _)| (place.start, place.end));
    if let Some([(_, one), (_, other)]) =
        sorted.array_windows().find(|[(one, _), (other, _)]| other.start < one.end)
    {
        return damaged(format!("its bytes are those of `{one}` too"))
            .map_err(|damage: Damage| damage.at(other));
    }
    Ok(places)
}

/// What elements are: so many numbers in so many bytes.
struct Kind {
    dtype: WeightDtype,
    length: usize,
    bytes: usize,
}

impl Kind {
    fn of(number: u32) -> Kind {
        let plain = |dtype: DType| Kind { dtype: WeightDtype::Plain(dtype), length: 1, bytes: dtype.size() };
        let blocks = |layout: BlockLayout| Kind {
            dtype: WeightDtype::Blocks(layout),
            length: layout.length(),
            bytes: layout.bytes(),
        };
        let other =
            |word: &str, length, bytes| Kind { dtype: WeightDtype::Other(word.to_owned()), length, bytes };
        match number {
            0 => plain(DType::F32),
            1 => plain(DType::F16),
            2 => blocks(BlockLayout::Q4_0),
            3 => blocks(BlockLayout::Q4_1),
            6 => blocks(BlockLayout::Q5_0),
            7 => blocks(BlockLayout::Q5_1),
            8 => blocks(BlockLayout::Q8_0),
            9 => other("q8_1", 32, 36),
            10 => blocks(BlockLayout::Q2K),
            11 => blocks(BlockLayout::Q3K),
            12 => blocks(BlockLayout::Q4K),
            13 => blocks(BlockLayout::Q5K),
            14 => blocks(BlockLayout::Q6K),
            15 => blocks(BlockLayout::Q8K),
            16 => other("iq2_xxs", 256, 66),
            17 => other("iq2_xs", 256, 74),
            18 => other("iq3_xxs", 256, 98),
            19 => other("iq1_s", 256, 50),
            20 => other("iq4_nl", 32, 18),
            21 => other("iq3_s", 256, 110),
            22 => other("iq2_s", 256, 82),
            23 => other("iq4_xs", 256, 136),
            24 => plain(DType::I8),
            25 => plain(DType::I16),
            26 => plain(DType::I32),
            27 => plain(DType::I64),
            28 => plain(DType::F64),
            29 => other("iq1_m", 256, 56),
            30 => plain(DType::BF16),
            34 => other("tq1_0", 256, 54),
            35 => other("tq2_0", 256, 66),
            39 => other("mxfp4", 32, 17),
            // Nothing is known of its bytes.
            kind => other(&format!("kind {kind}"), 1, 0),
        }
    }
}
