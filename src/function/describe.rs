//! Signatures as users read them.

use std::fmt::Write;

use tensorwright_runtime::cache::{Leaf, LeafValue, Signature};

use super::flatten::leaf_type;
use crate::error::CallSite;
use crate::tree::{LeafRef, Segment, StaticValue, TreeLike, Visitor};

/// The signature of an argument. `names` are those of the closure's parameters, or of the fields of its one tuple.
pub(crate) fn signature<A, H: TreeLike<A>>(argument: &H, names: &[String], at: CallSite) -> Signature {
    let mut describe = Describe { names, path: String::new(), ends: Vec::new(), leaves: Vec::new(), at };
    argument.visit(&mut describe);
    Signature { leaves: describe.leaves }
}

/// The paths of the tensor leaves.
pub(super) fn tensor_paths(signature: &Signature) -> Vec<&str> {
    let is_tensor = |leaf: &&Leaf| matches!(leaf.value, LeafValue::Tensor(_));
    signature.leaves.iter().filter(is_tensor).map(|leaf| leaf.path.as_str()).collect()
}

struct Describe<'n> {
    names: &'n [String],
    path: String,
    /// Lengths of the path before each place that was entered.
    ends: Vec<usize>,
    leaves: Vec<Leaf>,
    at: CallSite,
}

impl Describe<'_> {
    fn leaf(&mut self, value: LeafValue) {
        let path = match (self.path.as_str(), self.names) {
            ("", [name, ..]) => name.clone(),
            (path, _) => path.to_owned(),
        };
        self.leaves.push(Leaf { path, value });
    }

    fn enter_top(&mut self, segment: Segment<'_>) {
        let text = match (segment, self.names) {
            (Segment::Position(i), names) => names.get(i).cloned().unwrap_or_else(|| i.to_string()),
            (Segment::Field(field), []) => field.to_owned(),
            (segment, [name, ..]) => format!("{name}{segment}"),
            (segment, []) => segment.to_string(),
        };
        self.path.push_str(&text);
    }
}

impl<'t> Visitor<'t> for Describe<'_> {
    fn enter(&mut self, segment: Segment<'_>) {
        self.ends.push(self.path.len());
        if self.ends.len() == 1 {
            self.enter_top(segment);
        } else {
            let _ = write!(self.path, "{segment}");
        }
    }

    fn leave(&mut self) {
        self.path.truncate(self.ends.pop().unwrap_or(0));
    }

    fn length(&mut self, length: usize) {
        self.leaf(LeafValue::Structure(format!("{length} elements")));
    }

    fn variant(&mut self, _: usize, name: &'static str) {
        self.leaf(LeafValue::Structure(name.to_owned()));
    }

    fn tensor(&mut self, leaf: LeafRef<'t>) {
        // Arguments without a whole type were refused before they are described.
        if let Ok(ty) = leaf_type(leaf, self.at) {
            self.leaf(LeafValue::Tensor(ty));
        }
    }

    fn fixed(&mut self, value: &dyn StaticValue) {
        self.leaf(LeafValue::Static { type_name: value.type_name(), text: value.text() });
    }
}
