//! Input pipelines: sources of elements, transformations, and datasets with a name.
