//! What names mean at a place of the body.

use proc_macro2::Ident;
use syn::Pat;
use syn::visit::Visit;

/// A local variable.
#[derive(Clone)]
pub(super) struct Variable {
    pub(super) ident: Ident,
    pub(super) mutable: bool,
    /// How many blocks of drivers are around its declaration. What is used further in may run more than once, or next to another
    /// block that uses it too, so that it is copied there and not moved.
    pub(super) level: usize,
    /// The slot of a variable that is declared without a value.
    pub(super) slot: Option<Ident>,
}

/// The variables in scope.
pub(super) struct Scopes {
    blocks: Vec<Vec<Variable>>,
    pub(super) level: usize,
}

impl Scopes {
    pub(super) fn new() -> Scopes {
        Scopes { blocks: vec![Vec::new()], level: 0 }
    }

    pub(super) fn enter(&mut self) {
        self.blocks.push(Vec::new());
    }

    pub(super) fn leave(&mut self) {
        self.blocks.pop();
    }

    pub(super) fn find(&self, name: &Ident) -> Option<&Variable> {
        self.blocks.iter().rev().flat_map(|block| block.iter().rev()).find(|variable| variable.ident == *name)
    }

    pub(super) fn declare(&mut self, ident: Ident, mutable: bool, slot: Option<Ident>) {
        let level = self.level;
        let block = self.blocks.last_mut().expect("there is always a block");
        block.push(Variable { ident, mutable, level, slot });
    }

    /// Declares what a pattern binds.
    pub(super) fn bind(&mut self, pattern: &Pat) {
        for (ident, mutable) in bindings(pattern) {
            self.declare(ident, mutable, None);
        }
    }
}

/// The names that a pattern binds, and whether they are `mut`.
pub(super) fn bindings(pattern: &Pat) -> Vec<(Ident, bool)> {
    struct Bindings(Vec<(Ident, bool)>);

    impl<'p> Visit<'p> for Bindings {
        fn visit_pat_ident(&mut self, pattern: &'p syn::PatIdent) {
            // A constant or a unit variant looks like a binding, but begins with a capital.
            if !pattern.ident.to_string().starts_with(char::is_uppercase) {
                self.0.push((pattern.ident.clone(), pattern.mutability.is_some()));
            }
            syn::visit::visit_pat_ident(self, pattern);
        }

        fn visit_expr(&mut self, _: &'p syn::Expr) {}
    }

    let mut found = Bindings(Vec::new());
    found.visit_pat(pattern);
    found.0
}
