//! Signatures as users read them.

use std::fmt::Write;

use tensorwright_runtime::cache::{Leaf, LeafValue, Signature};

use super::callable::Site;
use super::flatten::leaf_type;
use crate::error::CallSite;
use crate::tree::erased::AnyTree;
use crate::tree::{LeafRef, Segment, StaticValue, TreeLike, Visitor};

/// The signature of an argument. `names` are those of the closure's parameters, or of the fields of its one tuple.
pub(crate) fn signature<A, H: TreeLike<A>>(argument: &H, names: &[String], at: CallSite) -> Signature {
    let mut describe = Describe::new(names, at);
    argument.visit(&mut describe);
    Signature { leaves: describe.leaves }
}

/// The signature of a tree whose parts have no names but those of fields.
pub(crate) fn tree(tree: &dyn AnyTree, at: CallSite) -> Signature {
    let mut describe = Describe::new(&[], at);
    tree.show(&mut describe);
    Signature { leaves: describe.leaves }
}

/// What messages call the tensors of an argument: by name where there is one.
pub(crate) fn paths(argument: &dyn AnyTree, site: Site<'_>) -> Vec<String> {
    let mut paths = Paths { place: Describe::new(site.names, site.at), found: Vec::new() };
    argument.show(&mut paths);
    paths.found
}

/// The paths of tensors, of lists too.
struct Paths<'n> {
    place: Describe<'n>,
    found: Vec<String>,
}

impl<'t> Visitor<'t> for Paths<'_> {
    fn enter(&mut self, segment: Segment<'_>) {
        self.place.enter(segment);
    }

    fn leave(&mut self) {
        self.place.leave();
    }

    fn length(&mut self, _: usize) {}

    fn variant(&mut self, _: usize, _: &'static str) {}

    fn tensor(&mut self, _: LeafRef<'t>) {
        self.found.push(shown(&self.place.path()));
    }

    fn fixed(&mut self, _: &dyn StaticValue) {}
}

fn shown(path: &str) -> String {
    match path.chars().next() {
        None => "the argument".to_owned(),
        Some('0'..='9') => format!("`.{path}`"),
        Some(_) => format!("`{path}`"),
    }
}

struct Describe<'n> {
    names: &'n [String],
    path: String,
    /// Lengths of the path before each place that was entered.
    ends: Vec<usize>,
    leaves: Vec<Leaf>,
    at: CallSite,
}

impl<'n> Describe<'n> {
    fn new(names: &'n [String], at: CallSite) -> Describe<'n> {
        Describe { names, path: String::new(), ends: Vec::new(), leaves: Vec::new(), at }
    }

    fn leaf(&mut self, value: LeafValue) {
        self.leaves.push(Leaf { path: self.path(), value });
    }

    fn path(&self) -> String {
        match (self.path.as_str(), self.names) {
            ("", [name, ..]) => name.clone(),
            (path, _) => path.to_owned(),
        }
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
        self.leaf(LeafValue::Structure(format!("{length} element{}", if length == 1 { "" } else { "s" })));
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
