//! Datasets with a name: builders, what is known of them, their splits; readers of well-known formats; sets that are generated.

mod builtin;
mod folders;
mod generated;
mod idx;
mod made;
mod registry;
mod split;

pub(crate) use folders::sorted;
pub use folders::{cifar, image_folders, text_folders, word_lines};
pub use generated::{addition_task, blobs, copy_task, moons, sines, spirals};
pub use idx::{idx, idx_pairs};
pub use registry::{Registry, SetBuilder, SetInfo, SplitInfo, check_builder};
