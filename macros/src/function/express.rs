//! Expressions: comparisons, `&&`, `||`, conditions, and variables that other blocks use too.
//!
//! The macro does not know which operands are tensors. Comparisons become calls on `Left(&x)`, and ends of ranges calls on `Ends`, with a trait
//! for tensors and one for all else in scope: method resolution takes the one whose receiver needs fewer references, once types are known.
//!
//! An expression is either *moved* (a value) or only *looked at* (a place: a receiver, a scrutinee, the operand of `&`). Of a variable
//! that another block may use too a value is a copy; a place stays as it is, or assigning to its parts would change a copy.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Error, Expr, ExprBinary, UnOp};

use super::lower::{Dest, Lower};
use super::print;

/// Whether an operator assigns to its left side.
pub(super) fn is_assignment(op: &BinOp) -> bool {
    use BinOp::*;
    matches!(
        op,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitXorAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}

/// The method of a comparison.
fn comparison(op: &BinOp) -> Option<&'static str> {
    Some(match op {
        BinOp::Lt(_) => "lt",
        BinOp::Le(_) => "le",
        BinOp::Gt(_) => "gt",
        BinOp::Ge(_) => "ge",
        BinOp::Eq(_) => "eq",
        BinOp::Ne(_) => "ne",
        _ => return None,
    })
}

/// The expression in parentheses and invisible groups.
pub(super) fn bare(mut expr: &Expr) -> &Expr {
    loop {
        expr = match expr {
            Expr::Paren(paren) => &paren.expr,
            Expr::Group(group) => &group.expr,
            _ => return expr,
        }
    }
}

impl Lower {
    /// An expression as a value.
    pub(super) fn expr(&mut self, expr: &Expr) -> TokenStream {
        let mut expr = expr.clone();
        self.visit_expr_mut(&mut expr);
        quote!(#expr)
    }

    /// An expression that is not moved: a scrutinee, a receiver, the operand of a reference.
    pub(super) fn place(&mut self, expr: &Expr) -> TokenStream {
        let mut expr = expr.clone();
        self.visit_place(&mut expr);
        quote!(#expr)
    }

    /// A condition.
    pub(super) fn truth(&mut self, expr: &Expr) -> TokenStream {
        match bare(expr) {
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
                let operand = self.truth(&unary.expr);
                quote_spanned!(unary.op.span()=> ::tensorwright::control::natural::not(&(#operand)))
            }
            Expr::Path(path) => {
                self.check_given(path);
                quote!(#path)
            }
            other => self.expr(other),
        }
    }

    /// Refuses a variable that has been declared, but not been given a value on every path that leads here.
    fn check_given(&mut self, path: &syn::ExprPath) {
        let Some(ident) = path.path.get_ident() else { return };
        if self.scopes.find(ident).is_some_and(|variable| variable.slot.is_some()) {
            let message = format!("`{ident}` has no value on some path that leads here");
            self.errors.push(Error::new_spanned(path, message));
        }
    }

    fn visit_place(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Path(path) => self.check_given(path),
            Expr::Field(field) => self.visit_place(&mut field.base),
            Expr::Paren(paren) => self.visit_place(&mut paren.expr),
            Expr::Group(group) => self.visit_place(&mut group.expr),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => self.visit_place(&mut unary.expr),
            Expr::Index(index) => {
                self.visit_place(&mut index.expr);
                self.visit_expr_mut(&mut index.index);
            }
            other => self.visit_expr_mut(other),
        }
    }

    /// The left side of an assignment, which may take a value apart.
    pub(super) fn assignee(&mut self, expr: &Expr) -> TokenStream {
        let mut expr = expr.clone();
        self.visit_assignee(&mut expr);
        quote!(#expr)
    }

    fn visit_assignee(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Tuple(tuple) => tuple.elems.iter_mut().for_each(|part| self.visit_assignee(part)),
            Expr::Array(array) => array.elems.iter_mut().for_each(|part| self.visit_assignee(part)),
            Expr::Call(call) => call.args.iter_mut().for_each(|part| self.visit_assignee(part)),
            Expr::Struct(parts) => {
                parts.fields.iter_mut().for_each(|part| self.visit_assignee(&mut part.expr))
            }
            Expr::Paren(paren) => self.visit_assignee(&mut paren.expr),
            Expr::Infer(_) | Expr::Range(_) => {}
            other => self.visit_place(other),
        }
    }

    /// A variable in value position: a copy if other blocks may use it too.
    fn variable(&mut self, expr: &Expr) -> Option<TokenStream> {
        let Expr::Path(path) = expr else { return None };
        self.check_given(path);
        let variable = self.scopes.find(path.path.get_ident()?)?;
        let is_shared = variable.level < self.scopes.level;
        is_shared.then(|| quote_spanned!(path.span()=> ::tensorwright::control::natural::copy(&#path)))
    }

    /// A comparison by reference, as Rust's own are: neither side is moved.
    fn compare(&mut self, binary: &ExprBinary, method: &str) -> TokenStream {
        let (left, right) = (self.place(&binary.left), self.place(&binary.right));
        let span = binary.op.span();
        let method = Ident::new(method, span);
        quote_spanned! {span=> ({
            #[allow(unused_imports)]
            #[allow(unused_imports)]
            use ::tensorwright::control::natural::{PlainLeft as _, TensorLeft as _};
            ::tensorwright::control::natural::Left(&(#left)).#method(&(#right))
        })}
    }

    /// `&&` and `||`: the right side runs if the left one does not decide, or is a tensor. Both sides are conditions, so that what
    /// they are is asked of each alone: a tensor may stand beside a `bool`.
    fn logic(&mut self, binary: &ExprBinary, function: &str) -> TokenStream {
        let (left, right) = (self.truth(&binary.left), self.truth(&binary.right));
        let span = binary.op.span();
        let function = Ident::new(function, span);
        let logic = Ident::new("logic", Span::mixed_site());
        let begin = quote_spanned!(span=> ::tensorwright::control::natural::Logic::#function(&(#left)));
        quote! {({
            let mut #logic = #begin;
            if #logic.needs_right() {
                #logic.right(&(#right));
            }
            #logic.finish()
        })}
    }

    /// What stands behind `in`. Bounds of a range may be tensors, also of one that is reversed or has steps.
    pub(super) fn iterated(&mut self, expr: &Expr) -> TokenStream {
        match bare(expr) {
            Expr::MethodCall(call) if call.method == "rev" || call.method == "step_by" => {
                let (receiver, method) = (self.iterated(&call.receiver), &call.method);
                let arguments: Vec<TokenStream> =
                    call.args.iter().map(|argument| self.expr(argument)).collect();
                quote_spanned!(method.span()=> #receiver.#method(#(#arguments),*))
            }
            Expr::Range(range) => match (&range.start, &range.end) {
                (Some(start), Some(end)) => self.range(start, end, &range.limits, Ranged::Iterated),
                _ => self.expr(expr),
            },
            Expr::Call(call) => match ranged(call) {
                Some((start, end, limits)) => {
                    let (callee, bounds) = (&call.func, self.range(start, end, limits, Ranged::ByFunction));
                    quote_spanned!(callee.span()=> #callee(#bounds))
                }
                None => self.expr(expr),
            },
            _ => self.expr(expr),
        }
    }

    fn range(&mut self, start: &Expr, end: &Expr, limits: &syn::RangeLimits, ranged: Ranged) -> TokenStream {
        let (start, end) = (self.expr(start), self.expr(end));
        let (kind, bounds) = match limits {
            syn::RangeLimits::HalfOpen(_) => ("open", "open_bounds"),
            syn::RangeLimits::Closed(_) => ("closed", "closed_bounds"),
        };
        let method = match ranged {
            Ranged::Iterated => "range",
            Ranged::ByFunction => bounds,
        };
        let (kind, method) = (Ident::new(kind, limits.span()), Ident::new(method, limits.span()));
        quote_spanned! {limits.span()=> ({
            #[allow(unused_imports)]
            #[allow(unused_imports)]
            use ::tensorwright::control::natural::{PlainEnds as _, TensorEnds as _};
            ::tensorwright::control::natural::Ends::#kind(#start, #end).#method()
        })}
    }

    /// A construct in the middle of an expression: a block of its own, which no jump may leave.
    fn nested(&mut self, expr: &Expr) -> TokenStream {
        let slot = self.name("value");
        let lowered = self.value(expr, &Dest::Slot(slot.clone()));
        if !lowered.jumps.is_empty() {
            let message = "`break`, `continue` and `return` cannot leave the middle of an expression here; \
                           bind this value with `let` first";
            self.errors.push(Error::new_spanned(expr, message));
        }
        let (tokens, make) = (lowered.tokens, super::lower::new_slot(&slot));
        let take = super::lower::take(&slot, "the expression", expr.span());
        quote!({ #make #tokens #take })
    }
}

/// Who goes over a range of bounds of any type.
#[derive(Clone, Copy)]
enum Ranged {
    /// The loop itself.
    Iterated,
    /// What a function `range` makes of it. Bounds that are Rust's own stay Rust's own range, whoever's function it is.
    ByFunction,
}

/// The bounds of `range(a..b)` and `range(a..=b)`.
fn ranged(call: &syn::ExprCall) -> Option<(&Expr, &Expr, &syn::RangeLimits)> {
    let Expr::Path(path) = bare(&call.func) else { return None };
    let is_range = path.path.segments.last().is_some_and(|segment| segment.ident == "range");
    let argument = call.args.first().filter(|_| is_range && call.args.len() == 1)?;
    match bare(argument) {
        Expr::Range(range) => Some((range.start.as_deref()?, range.end.as_deref()?, &range.limits)),
        _ => None,
    }
}

impl VisitMut for Lower {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let replaced = match &*expr {
            Expr::Path(_) => self.variable(expr),
            Expr::Binary(binary) => match (&binary.op, comparison(&binary.op)) {
                (_, Some(method)) => Some(self.compare(&binary.clone(), method)),
                (BinOp::And(_), _) => Some(self.logic(&binary.clone(), "and")),
                (BinOp::Or(_), _) => Some(self.logic(&binary.clone(), "or")),
                _ => None,
            },
            Expr::Macro(mac) => print::call(self, &mac.mac),
            Expr::If(_)
            | Expr::Match(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Loop(_)
            | Expr::Block(_)
            | Expr::Unsafe(_)
            | Expr::Return(_)
            | Expr::Break(_)
            | Expr::Continue(_) => Some(self.nested(&expr.clone())),
            Expr::Async(_) | Expr::Await(_) | Expr::Yield(_) | Expr::TryBlock(_) => {
                self.errors.push(Error::new_spanned(
                    &expr,
                    "this cannot be traced: a traced function runs from start to end",
                ));
                None
            }
            // A closure is a function of its own, and stays ordinary Rust.
            Expr::Closure(_) | Expr::Const(_) => return,
            _ => None,
        };
        // What has been lowered is tokens, which are not visited again.
        if let Some(tokens) = replaced {
            *expr = Expr::Verbatim(tokens);
            return;
        }
        self.visit_parts(expr);
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}

    fn visit_type_mut(&mut self, _: &mut syn::Type) {}

    fn visit_pat_mut(&mut self, _: &mut syn::Pat) {}
}

impl Lower {
    /// Visits the parts of an expression that stays, each as what it is there: a place or a value.
    fn visit_parts(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Assign(assign) => {
                self.visit_assignee(&mut assign.left);
                self.visit_expr_mut(&mut assign.right);
            }
            Expr::Binary(binary) if is_assignment(&binary.op) => {
                self.visit_place(&mut binary.left);
                self.visit_expr_mut(&mut binary.right);
            }
            Expr::Reference(reference) => self.visit_place(&mut reference.expr),
            Expr::Field(field) => self.visit_place(&mut field.base),
            Expr::Index(index) => {
                self.visit_place(&mut index.expr);
                self.visit_expr_mut(&mut index.index);
            }
            Expr::MethodCall(call) => {
                self.visit_place(&mut call.receiver);
                call.args.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
            }
            Expr::Call(call) => {
                self.visit_place(&mut call.func);
                call.args.iter_mut().for_each(|argument| self.visit_expr_mut(argument));
            }
            Expr::Let(condition) => self.visit_place(&mut condition.expr),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => self.visit_place(&mut unary.expr),
            other => visit_mut::visit_expr_mut(self, other),
        }
    }
}
