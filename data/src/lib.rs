//! Input pipelines: sources of elements, transformations, and datasets with a name.
//!
//! | | |
//! |---|---|
//! | `pipeline/` | datasets, iterators over them and their positions; what sources and transformations are made of |
//! | `source/` | where elements come from that are in memory or computed |
//! | `file/` | where elements come from that are in files, and the formats of these |
//! | `transform/` | what is made of them |
//! | `sets/` | datasets with a name, readers of well-known formats, generated sets |
//! | `open/` | what is in a file or folder, whatever it is |
//! | `statistics/` | what the elements of a dataset are like |
//! | `storage/` | elements kept for later passes, in memory and on disk |
//! | `item/`, `spec/` | elements, and what is known of them before they are read |

// Paths in examples and in what the macros write begin with the name that users know.
extern crate tensorwright_core as tensorwright;

mod error;
mod file;
mod item;
mod open;
mod pipeline;
mod random;
pub mod sets;
mod source;
mod spec;
mod state;
mod statistics;
mod storage;
mod transform;

pub use error::{DataError, ErrorKind, Result};
pub use file::{
    Compression, CsvColumn, CsvOptions, ExampleParser, Feature, FixedOptions, ImageOptions, Npz, Safetensors,
    SequenceParser, TableOptions, TensorEntry, TfRecordWriter, decode_image, npz, parse_csv_line,
    safetensors, safetensors_header, swap_bytes, write_safetensors,
};
pub use item::{Array, Dict, FromItem, IntoItem, Item, RaggedArray, SparseArray, Text, Texts, Window};
pub use open::{Format, OpenOptions, Opened, open};
pub use pipeline::{Cardinality, Dataset, Iter, IterAs, Position, Profile, StageProfile};
pub use source::Passes;
pub use spec::{ElementKind, Extents, Spec};
pub use statistics::{Distinct, FeatureStatistics, Statistics, Survey};
pub use storage::SaveOptions;
pub use transform::{
    BatchOptions, BucketOptions, InterleaveOptions, OnEmpty, OnError, PadOptions, Parallel, ResampleOptions,
    SampleOptions, ShuffleOptions, WindowOptions, Zipped,
};
