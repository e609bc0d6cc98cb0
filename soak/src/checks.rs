//! The checks are those of the tests, where they are. What only tests use is unused here.

#[expect(dead_code, reason = "the file is a test's")]
#[path = "../../tests/facade/cache.rs"]
pub(crate) mod cache;
#[path = "../../data/tests/chains/main.rs"]
pub(crate) mod chains;
#[path = "../../formats/tests/hostile.rs"]
pub(crate) mod hostile;
#[path = "../../bundle/tests/bundle/hostile.rs"]
pub(crate) mod hostile_bundles;
#[expect(dead_code, reason = "the file is a test's")]
#[path = "../../formats/tests/weights/hostile.rs"]
pub(crate) mod hostile_weights;
#[expect(dead_code, reason = "the file is a test's")]
#[path = "../../runtime/tests/vector_math/inputs.rs"]
mod inputs;
#[path = "../../tests/facade/modes.rs"]
#[expect(dead_code, unused_imports, reason = "the file is a test's")]
pub(crate) mod modes;
#[expect(dead_code, reason = "the file is a test's")]
#[path = "../../runtime/tests/vector_math/narrow.rs"]
pub(crate) mod narrow;
#[expect(dead_code, unused_imports, reason = "the file is a test's")]
#[path = "../../tests/facade/order.rs"]
pub(crate) mod order;
#[path = "../../tests/facade/programs.rs"]
pub(crate) mod programs;
#[path = "../../runtime/tests/codegen/random.rs"]
pub(crate) mod random;
#[path = "../../runtime/tests/suite/random_graphs.rs"]
pub(crate) mod random_graphs;
#[expect(dead_code, reason = "the file is a test's")]
#[path = "../../runtime/tests/vector_math/strips.rs"]
mod strips;
#[path = "../../ir/tests/text_fuzz.rs"]
pub(crate) mod text_fuzz;
#[path = "../../runtime/tests/vector_math/wide.rs"]
pub(crate) mod wide;
