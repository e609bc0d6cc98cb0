//! Comparing trees: what two branches give, what a loop carries before and after an iteration.

use tensorwright_ir::Location;
use tensorwright_runtime::cache::{Leaf, LeafValue};

use crate::error::{CallSite, Error};
use crate::function::describe;
use crate::tensor::{Repr, Tensor};
use crate::tree::erased::AnyTree;
use crate::tree::tensors::types_of;
use crate::tree::{LeafRef, StaticValue, Visitor};

/// Who disagrees, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Parties {
    /// Two branches, by their numbers.
    Branches(usize, usize),
    /// The state of a loop before and after an iteration.
    Iteration,
    /// The argument of a function and its cotangents, as the function's own rule gives them.
    Cotangents,
}

/// A value as messages show it: its leaves, and where its traced tensors were made.
pub(super) struct Shown {
    pub(super) leaves: Vec<Leaf>,
    places: Vec<Option<CallSite>>,
}

impl Shown {
    pub(super) fn new(tree: &dyn AnyTree, at: CallSite) -> Shown {
        Shown { leaves: describe::tree(tree, at).leaves, places: places(tree) }
    }

    /// A variable, as part of a tree whose parts are variables.
    pub(super) fn named(mut self, name: &str) -> Shown {
        for leaf in &mut self.leaves {
            let separator = if leaf.path.is_empty() || leaf.path.starts_with('[') { "" } else { "." };
            leaf.path = format!("{name}{separator}{}", leaf.path);
        }
        self
    }

    fn made(&self, leaf: usize) -> Option<Location> {
        let is_tensor = |leaf: &&Leaf| matches!(leaf.value, LeafValue::Tensor(_));
        let tensor = self.leaves[..leaf.min(self.leaves.len())].iter().filter(is_tensor).count();
        self.places.get(tensor).copied().flatten().map(Location::from)
    }
}

/// Fails with the first part of `found` that is not like that of `expected`.
pub(crate) fn check(
    expected: &dyn AnyTree,
    found: &dyn AnyTree,
    parties: Parties,
    at: CallSite,
) -> Result<(), Error> {
    check_shown(&Shown::new(expected, at), &Shown::new(found, at), parties, at)
}

/// As [`check`], of values as they are shown.
pub(super) fn check_shown(left: &Shown, right: &Shown, parties: Parties, at: CallSite) -> Result<(), Error> {
    let (l, r) = (&left.leaves, &right.leaves);
    let count = l.len().max(r.len());
    let Some(leaf) = (0..count).find(|&i| l.get(i) != r.get(i)) else { return Ok(()) };
    let path = l.get(leaf).or(r.get(leaf)).map(|leaf| leaf.path.clone()).unwrap_or_default();
    Err(Error::Disagreement {
        at: at.into(),
        what: what(parties, &path),
        left: text(l.get(leaf), left.made(leaf), parties, true),
        right: text(r.get(leaf), right.made(leaf), parties, false) + hint(l.get(leaf), parties),
    })
}

/// What a loop carries, as each iteration must leave it.
pub(super) struct Carried {
    before: Shown,
    at: CallSite,
}

impl Carried {
    /// State before the first iteration. Fails if a tensor carries an error.
    pub(super) fn new(state: &dyn AnyTree, at: CallSite) -> Result<Carried, Error> {
        types_of(&state.tensors())?;
        Ok(Carried { before: Shown::new(state, at), at })
    }

    /// The tensors of the state after an iteration. Fails if one carries an error, or the state is not like the one before.
    pub(super) fn after(&self, state: &dyn AnyTree) -> Result<Vec<Tensor>, Error> {
        let tensors = state.tensors();
        types_of(&tensors)?;
        check_shown(&self.before, &Shown::new(state, self.at), Parties::Iteration, self.at)?;
        Ok(tensors)
    }
}

fn what(parties: Parties, path: &str) -> String {
    let name = match path {
        "" => String::new(),
        // What has no name of its own.
        path if path.starts_with("the ") => format!(" {path}"),
        path => format!(" `{path}`"),
    };
    match parties {
        Parties::Branches(..) if path.is_empty() => "the branches give different results".to_owned(),
        Parties::Branches(..) => format!("the branches disagree about{name}"),
        Parties::Iteration if path.is_empty() => "the loop's state changes in an iteration".to_owned(),
        Parties::Iteration => format!("the loop variable{name} changes in an iteration"),
        Parties::Cotangents => format!("the cotangent{name} is not like the argument"),
    }
}

fn text(leaf: Option<&Leaf>, made: Option<Location>, parties: Parties, is_left: bool) -> String {
    let value = match leaf.map(|leaf| &leaf.value) {
        Some(LeafValue::Tensor(ty)) => ty.to_string(),
        Some(LeafValue::Static { type_name, text }) => format!("the {type_name} {text}"),
        Some(LeafValue::Structure(text)) => text.clone(),
        None => "nothing".to_owned(),
    };
    let made = made.map_or(String::new(), |made| format!(" (made at {made})"));
    let who = match (parties, is_left) {
        (Parties::Branches(0, 1), true) => "the first branch has".to_owned(),
        (Parties::Branches(0, 1), false) => "the second".to_owned(),
        (Parties::Branches(branch, _), true) | (Parties::Branches(_, branch), false) => {
            format!("branch {branch} has")
        }
        (Parties::Iteration, true) => "before it is".to_owned(),
        (Parties::Iteration, false) => "after it".to_owned(),
        (Parties::Cotangents, true) => "the argument is".to_owned(),
        (Parties::Cotangents, false) => "its cotangent".to_owned(),
    };
    format!("{who} {value}{made}")
}

/// What is there for a container that a traced loop cannot let grow.
fn hint(before: Option<&Leaf>, parties: Parties) -> &'static str {
    match (before.map(|leaf| &leaf.value), parties) {
        (Some(LeafValue::Structure(_)), Parties::Iteration) => {
            "; `map` and `scan` stack what each iteration gives, and a `TensorList` grows"
        }
        _ => "",
    }
}

/// Where the traced tensors of a tree were made.
fn places(tree: &dyn AnyTree) -> Vec<Option<CallSite>> {
    struct Places(Vec<Option<CallSite>>);

    impl<'t> Visitor<'t> for Places {
        fn length(&mut self, _: usize) {}

        fn variant(&mut self, _: usize, _: &'static str) {}

        fn tensor(&mut self, leaf: LeafRef<'t>) {
            self.0.push(match leaf {
                LeafRef::Tensor(tensor) => match tensor.repr() {
                    Repr::Traced(traced) => Some(traced.made),
                    _ => None,
                },
                LeafRef::Spec(_) => None,
            });
        }

        fn fixed(&mut self, _: &dyn StaticValue) {}
    }

    let mut places = Places(Vec::new());
    tree.show(&mut places);
    places.0
}
