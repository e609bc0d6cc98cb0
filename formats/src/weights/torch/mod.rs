//! Checkpoints of PyTorch (`torch.save`): a zip archive with a [`pickle`] and a file for each storage.
//!
//! Names are the keys of dicts and the numbers in lists on the way to a tensor, with points between them: `model.encoder.weight`. What is no tensor is left out.

mod names;
mod pickle;
mod word;

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;

use tensorwright::{DType, Shape, Tensor, TensorType};
use zip::{CompressionMethod, ZipArchive};

use self::pickle::{Pickle, View};
use super::elements::{self, ByteOrder};
use super::error::{Damage, Read, WeightsError, damaged};
use super::source::{Contents, Source};
use super::spec::{self, WeightDtype, WeightSpec};
use crate::mapped::Mapped;

/// The file of the pickle, in the folder of the archive if it has one.
const PICKLE: &str = "data.pkl";
/// All tensors together take at most so many times the bytes of the file: they may be views of the same ones.
const MOST: u64 = 64;

/// A tensor: a view of elements of the file.
struct Stored {
    /// The bytes of its storage.
    storage: Range<usize>,
    dtype: Result<DType, String>,
    shape: Shape,
    /// Where its first element is, and how far the next ones of each axis are, in elements.
    offset: usize,
    strides: Vec<usize>,
}

/// An open checkpoint.
struct File {
    bytes: Mapped,
    order: ByteOrder,
    tensors: Vec<Stored>,
}

/// Where the files of an archive are, which are as they were put there.
struct Files {
    places: HashMap<String, Range<usize>>,
    packed: Vec<String>,
}

impl Files {
    fn of(archive: &mut ZipArchive<Cursor<Mapped>>) -> Read<Files> {
        let mut files = Files { places: HashMap::new(), packed: Vec::new() };
        for at in 0..archive.len() {
            let file = archive.by_index_raw(at).map_err(Damage::new)?;
            let name = file.name().to_owned();
            if file.compression() != CompressionMethod::Stored || file.size() != file.compressed_size() {
                files.packed.push(name);
                continue;
            }
            let start = usize::try_from(file.data_start()).map_err(Damage::new)?;
            let size = usize::try_from(file.size()).map_err(Damage::new)?;
            files.places.insert(name, start..start.saturating_add(size));
        }
        Ok(files)
    }

    /// Where the bytes of a file are.
    fn place(&self, name: &str, whole: &[u8]) -> Read<Range<usize>> {
        match self.places.get(name) {
            Some(place) if place.end <= whole.len() => Ok(place.clone()),
            Some(_) => damaged(format!("`{name}` ends behind the archive")),
            None if self.packed.iter().any(|own| own == name) => {
                damaged(format!("`{name}` is compressed, which PyTorch does not do"))
            }
            None => damaged(format!("there is no `{name}` in the archive")),
        }
    }
}

/// The name of the pickle in an archive, if it is one of PyTorch's.
pub(super) fn pickle_of(archive: &ZipArchive<Cursor<Mapped>>) -> Option<String> {
    let of = |name: &&str| {
        name.strip_suffix(PICKLE)
            .is_some_and(|folder| folder.is_empty() || folder.find('/') == Some(folder.len() - 1))
    };
    archive.file_names().find(of).map(str::to_owned)
}

/// Opens an archive.
pub(super) fn open(
    path: &Path,
    bytes: Mapped,
    archive: &mut ZipArchive<Cursor<Mapped>>,
    pickle: &str,
) -> Result<Contents, WeightsError> {
    let failed = |damage: Damage| damage.in_file(path);
    let folder = pickle.strip_suffix(PICKLE).unwrap_or_default().to_owned();
    let files = Files::of(archive).map_err(failed)?;
    let whole = bytes.as_ref();
    let place = files.place(pickle, whole).map_err(failed)?;
    let read = pickle::read(&whole[place.clone()]).map_err(failed)?;
    let order = match files.place(&format!("{folder}byteorder"), whole) {
        Ok(place) if whole[place.clone()] == *b"big" => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let (table, tensors) = tensors(&read, place.len(), &files, &folder, whole).map_err(failed)?;
    Ok(Contents { table, metadata: Vec::new(), source: Box::new(File { bytes, order, tensors }) })
}

type Tensors = (Vec<(String, WeightSpec)>, Vec<Stored>);

/// All tensors of a pickle of so many bytes.
fn tensors(pickle: &Pickle<'_>, length: usize, files: &Files, folder: &str, whole: &[u8]) -> Read<Tensors> {
    let (mut table, mut tensors) = (Vec::new(), Vec::new());
    let mut left = (whole.len() as u64).saturating_mul(MOST);
    for (name, view) in names::of(pickle, length)? {
        let (spec, stored) = tensor(view, files, folder, whole).map_err(|damage| damage.at(&name))?;
        left = left.checked_sub(spec.bytes).ok_or_else(|| {
            Damage::new(format!("the tensors are more than {MOST} times as large as the file")).at(&name)
        })?;
        table.push((name, spec));
        tensors.push(stored);
    }
    Ok((table, tensors))
}

fn tensor(view: &View<'_>, files: &Files, folder: &str, whole: &[u8]) -> Read<(WeightSpec, Stored)> {
    let storage = files.place(&format!("{folder}data/{}", view.storage.key), whole)?;
    let dtype = match view.dtype {
        Some(name) => word::dtype(name),
        None => word::dtype_of_storage(view.storage.class),
    };
    let shape = spec::shape(&view.sizes)?;
    let natural = |numbers: &[i64]| -> Option<Vec<usize>> {
        numbers.iter().map(|&number| usize::try_from(number).ok()).collect()
    };
    let (Some(strides), Ok(offset)) = (natural(&view.strides), usize::try_from(view.offset)) else {
        return damaged("it steps backwards in its storage");
    };
    let own = match dtype {
        Ok(own) => own,
        Err(word) => {
            let dtype = WeightDtype::Other(word.to_owned());
            let spec = WeightSpec { dtype, shape: shape.clone(), bytes: storage.len() as u64 };
            return Ok((spec, Stored { storage, dtype: Err(word.to_owned()), shape, offset, strides }));
        }
    };
    let ty = spec::plain_type(own, &shape)?;
    let last = shape.sizes().iter().zip(&strides).try_fold(offset, |last, (&size, &stride)| {
        last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
    });
    let elements = storage.len() / own.size();
    if shape.elements() > 0 && last.is_none_or(|last| last >= elements) {
        return damaged(format!("its elements are not all in its storage, which has {elements}"));
    }
    let spec = WeightSpec::plain(&ty);
    Ok((spec, Stored { storage, dtype: Ok(own), shape, offset, strides }))
}

impl Source for File {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        let stored = &self.tensors[at];
        let dtype = match &stored.dtype {
            Ok(dtype) => *dtype,
            Err(word) => return damaged(format!("tensors of {word} are not read")),
        };
        let ty = TensorType { dtype, shape: stored.shape.clone() };
        let storage = self.bytes.part(stored.storage.clone())?;
        let from = stored.offset.saturating_mul(dtype.size());
        if stored.is_dense() || ty.bytes() == 0 {
            let own = storage.get(from..).and_then(|rest| rest.get(..ty.bytes())).unwrap_or_default();
            let tensor = elements::tensor(&elements::little(own, dtype, self.order), &ty);
            self.bytes.forget(own);
            return tensor;
        }
        let own = stored.gathered(storage, dtype.size());
        elements::tensor(&elements::little(&own, dtype, self.order), &ty)
    }
}

impl Stored {
    /// Whether the elements follow each other in row-major order.
    fn is_dense(&self) -> bool {
        let steps = self.shape.strides();
        let sizes = self.shape.sizes();
        sizes
            .iter()
            .zip(&self.strides)
            .zip(&steps)
            .all(|((&size, &stride), &step)| size == 1 || stride == step)
    }

    /// The elements of `size` bytes in row-major order.
    fn gathered(&self, storage: &[u8], size: usize) -> Vec<u8> {
        let sizes = self.shape.sizes();
        let mut index = vec![0; sizes.len()];
        let mut at = self.offset;
        let mut own = Vec::with_capacity(self.shape.elements() * size);
        for _ in 0..self.shape.elements() {
            own.extend_from_slice(&storage[at * size..(at + 1) * size]);
            for axis in (0..sizes.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < sizes[axis] {
                    break;
                }
                at -= sizes[axis] * self.strides[axis];
                index[axis] = 0;
            }
        }
        own
    }
}
