//! Which variables from outside a piece of code may change.
//!
//! The answer errs on the side of too many. A variable that is assigned changes for sure. One that is the receiver of a method or
//! borrowed as `&mut` may change; so may each word in the tokens of a macro, which could be anything. The driver compares such a
//! variable before and after, and carries it only if it is another value. A name that the code declares itself is not meant, from its declaration on.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Block, Expr, Local, Pat, Stmt};

use super::scope::bindings;

/// Names with whether they are assigned. The others are only receivers of methods, borrowed as `&mut`, or named in a macro.
pub(super) type Touched = BTreeMap<String, (Ident, bool)>;

/// What a block touches.
pub(super) fn block(block: &Block) -> Touched {
    stmts(&block.stmts)
}

/// What statements touch.
pub(super) fn stmts(stmts: &[Stmt]) -> Touched {
    let mut scan = Scan { touched: Touched::new(), own: vec![Vec::new()] };
    stmts.iter().for_each(|stmt| scan.visit_stmt(stmt));
    scan.touched
}

/// What an expression touches.
pub(super) fn expr(expr: &Expr) -> Touched {
    let mut scan = Scan { touched: Touched::new(), own: vec![Vec::new()] };
    scan.visit_expr(expr);
    scan.touched
}

/// Adds what another piece touches.
pub(super) fn join(touched: &mut Touched, other: Touched) {
    for (name, (ident, assigned)) in other {
        touched.entry(name).or_insert((ident, false)).1 |= assigned;
    }
}

/// The variable that a place expression is a part of.
pub(super) fn root(place: &Expr) -> Option<&Ident> {
    let mut place = place;
    loop {
        place = match place {
            Expr::Path(path) => return path.path.get_ident(),
            Expr::Field(field) => &field.base,
            Expr::Index(index) => &index.expr,
            Expr::Paren(paren) => &paren.expr,
            Expr::Group(group) => &group.expr,
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => &unary.expr,
            Expr::MethodCall(call) => &call.receiver,
            _ => return None,
        }
    }
}

struct Scan {
    touched: Touched,
    /// Names that the code declares itself, block by block.
    own: Vec<Vec<Ident>>,
}

impl Scan {
    fn touch(&mut self, ident: &Ident, assigned: bool) {
        if !self.own.iter().flatten().any(|own| own == ident) {
            self.touched.entry(ident.to_string()).or_insert((ident.clone(), false)).1 |= assigned;
        }
    }

    fn assign(&mut self, place: &Expr) {
        if let Some(ident) = root(place) {
            self.touch(ident, true);
        }
        match super::express::bare(place) {
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|part| self.assign(part)),
            Expr::Array(array) => array.elems.iter().for_each(|part| self.assign(part)),
            Expr::Call(call) => call.args.iter().for_each(|part| self.assign(part)),
            Expr::Struct(parts) => parts.fields.iter().for_each(|part| self.assign(&part.expr)),
            _ => {}
        }
    }

    fn declare(&mut self, pattern: &Pat) {
        let names = bindings(pattern).into_iter().map(|(ident, _)| ident);
        self.own.last_mut().expect("there is always a block").extend(names);
    }

    fn within(&mut self, work: impl FnOnce(&mut Scan)) {
        self.own.push(Vec::new());
        work(self);
        self.own.pop();
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.touch(&ident, false),
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'c> Visit<'c> for Scan {
    fn visit_block(&mut self, block: &'c Block) {
        self.within(|scan| visit::visit_block(scan, block));
    }

    fn visit_local(&mut self, local: &'c Local) {
        // The value of `let x = x + 1` is about the `x` from before.
        visit::visit_local(self, local);
        self.declare(&local.pat);
    }

    fn visit_arm(&mut self, arm: &'c syn::Arm) {
        self.within(|scan| {
            scan.declare(&arm.pat);
            visit::visit_arm(scan, arm);
        });
    }

    fn visit_expr_let(&mut self, condition: &'c syn::ExprLet) {
        self.visit_expr(&condition.expr);
        self.declare(&condition.pat);
    }

    fn visit_expr_if(&mut self, choice: &'c syn::ExprIf) {
        self.within(|scan| {
            scan.visit_expr(&choice.cond);
            scan.visit_block(&choice.then_branch);
        });
        if let Some((_, otherwise)) = &choice.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, repeat: &'c syn::ExprWhile) {
        self.within(|scan| visit::visit_expr_while(scan, repeat));
    }

    fn visit_expr_for_loop(&mut self, repeat: &'c syn::ExprForLoop) {
        self.visit_expr(&repeat.expr);
        self.within(|scan| {
            scan.declare(&repeat.pat);
            scan.visit_block(&repeat.body);
        });
    }

    fn visit_expr_closure(&mut self, closure: &'c syn::ExprClosure) {
        self.within(|scan| {
            closure.inputs.iter().for_each(|pattern| scan.declare(pattern));
            scan.visit_expr(&closure.body);
        });
    }

    fn visit_expr_assign(&mut self, assign: &'c syn::ExprAssign) {
        self.assign(&assign.left);
        visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_binary(&mut self, binary: &'c syn::ExprBinary) {
        if super::express::is_assignment(&binary.op) {
            self.assign(&binary.left);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_reference(&mut self, reference: &'c syn::ExprReference) {
        if let (Some(_), Some(ident)) = (&reference.mutability, root(&reference.expr)) {
            self.touch(ident, false);
        }
        visit::visit_expr_reference(self, reference);
    }

    fn visit_expr_method_call(&mut self, call: &'c syn::ExprMethodCall) {
        if let Some(ident) = root(&call.receiver) {
            self.touch(ident, false);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'c syn::Macro) {
        self.tokens(mac.tokens.clone());
    }

    /// An item sees no variables.
    fn visit_item(&mut self, _: &'c syn::Item) {}
}
