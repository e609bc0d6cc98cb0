//! Statements: where values go, which jumps a statement may take, and what they skip.
//!
//! Lowering goes through a block once, from the first statement to the last. Each gives its code and the jumps that it may take. As long
//! as there are none, code is appended as it is. After the first statement that may jump, all that is left of the block is lowered at
//! once, as the inside of one guard ([`Lower::guarded`]): guards nest, and each names only the flags that may be up where it begins.
//!
//! ```text
//! a; if c { break; } b; x     a; choice { flag.set() }  G(flag) { b; result.fill(x) }
//! ```
//!
//! What a statement declares must outlive its guard's beginning, not its end, so the declaration itself goes inside: that is what
//! [`Lowered::after`] is for.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Error, Expr, Local, Pat, Result, Stmt, Type};

use super::express::bare;
use super::paths;
use super::scan::{self, Touched};
use super::scope::{Scopes, bindings};

/// A jump that code may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Jump {
    Return,
    /// Out of the loop of this number.
    Break(usize),
    /// To the next iteration of the loop of this number.
    Continue(usize),
}

/// Where the value of a block goes.
#[derive(Clone)]
pub(super) enum Dest {
    Nowhere,
    Slot(Ident),
    /// The result of the function.
    Result,
}

/// Code that was lowered.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) tokens: TokenStream,
    /// Code that binds the results of the construct: it comes after the code, and is skipped by a jump.
    pub(super) after: TokenStream,
    /// The jumps that the code may take, out of it.
    pub(super) jumps: BTreeSet<Jump>,
    /// Whether nothing can run after it.
    pub(super) ends: bool,
}

impl From<TokenStream> for Lowered {
    fn from(tokens: TokenStream) -> Lowered {
        Lowered { tokens, ..Lowered::default() }
    }
}

/// A loop around the code.
pub(super) struct Frame {
    pub(super) number: usize,
    pub(super) label: Option<String>,
    /// Where `break` puts its value.
    pub(super) dest: Dest,
}

/// The lowering of one function.
pub(super) struct Lower {
    pub(super) scopes: Scopes,
    pub(super) frames: Vec<Frame>,
    pub(super) errors: Vec<Error>,
    result: Type,
    names: usize,
}

pub(super) fn new_slot(slot: &Ident) -> TokenStream {
    quote!(let mut #slot = ::tensorwright::control::natural::Slot::new();)
}

/// The value in a slot; it is there unless a jump was taken.
pub(super) fn take(slot: &Ident, what: &str, span: Span) -> TokenStream {
    quote_spanned!(span=> #slot.take(#what)?)
}

impl Lower {
    pub(super) fn new(result: Type) -> Lower {
        Lower { scopes: Scopes::new(), frames: Vec::new(), errors: Vec::new(), result, names: 0 }
    }

    /// The body of the function.
    pub(super) fn function<'p>(
        &mut self,
        block: &Block,
        arguments: impl Iterator<Item = &'p Pat>,
    ) -> Result<TokenStream> {
        arguments.for_each(|pattern| self.scopes.bind(pattern));
        let tokens = self.block(block, &Dest::Result).tokens;
        if let Some(error) = self.errors.drain(..).reduce(|mut all, error| {
            all.combine(error);
            all
        }) {
            return Err(error);
        }
        let (slot, flag) = (Dest::Result.slot().expect("results have a slot"), Jump::Return.flag());
        let make = new_slot(&slot);
        Ok(quote! {
            #make
            let mut #flag = ::tensorwright::control::natural::Flag::new();
            #tokens
            #slot.take("the function")
        })
    }

    /// A name that nobody else has: the number keeps it apart from our own, hygiene from the user's.
    pub(super) fn name(&mut self, what: &str) -> Ident {
        self.names += 1;
        format_ident!("{what}{}", self.names, span = Span::mixed_site())
    }

    pub(super) fn number(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    /// A block's statements, in a scope of their own.
    pub(super) fn block(&mut self, block: &Block, dest: &Dest) -> Lowered {
        self.scopes.enter();
        let lowered = self.stmts(&block.stmts, dest);
        self.scopes.leave();
        lowered
    }

    /// An assignment where a value may stand, as the body of an arm.
    pub(super) fn statement(&mut self, expr: &Expr, dest: &Dest) -> Lowered {
        self.scopes.enter();
        let lowered = self.stmts(&[Stmt::Expr(expr.clone(), Some(Default::default()))], dest);
        self.scopes.leave();
        lowered
    }

    fn stmts(&mut self, stmts: &[Stmt], dest: &Dest) -> Lowered {
        let mut all = Lowered::default();
        for (i, stmt) in stmts.iter().enumerate() {
            // The tail fills the destination itself, so that a block in it does not need a slot of its own.
            if let (Stmt::Expr(tail, None), true) = (stmt, i + 1 == stmts.len()) {
                let lowered = self.value(tail, dest);
                all.tokens.extend(lowered.tokens);
                all.jumps.extend(lowered.jumps);
                all.ends = lowered.ends;
                return all;
            }
            let lowered = self.stmt(stmt);
            all.tokens.extend(lowered.tokens);
            all.jumps.extend(lowered.jumps.iter().copied());
            // The rest is dead code, which would be a guard that never runs, about variables that may have no type.
            if lowered.ends {
                all.ends = true;
                return all;
            }
            if lowered.jumps.is_empty() {
                all.tokens.extend(lowered.after);
            } else {
                let rest = self.guarded(&lowered.jumps, lowered.after, &stmts[i + 1..], dest, stmt.span());
                all.tokens.extend(rest.tokens);
                all.jumps.extend(rest.jumps);
                return all;
            }
        }
        all.tokens.extend(self.fill_unit(dest, Span::call_site()));
        all
    }

    /// The statements after something that may have jumped, in a guard. They are one level further in: the compiler must not think that
    /// they move a variable that what comes after the guard uses.
    fn guarded(
        &mut self,
        jumps: &BTreeSet<Jump>,
        after: TokenStream,
        rest: &[Stmt],
        dest: &Dest,
        span: Span,
    ) -> Lowered {
        if rest.is_empty() && after.is_empty() && matches!(dest, Dest::Nowhere) {
            return Lowered::default();
        }
        let touched = scan::stmts(rest);
        let variables = self.carriers(&touched);
        self.scopes.enter();
        self.scopes.level += 1;
        let lowered = self.stmts(rest, dest);
        self.scopes.level -= 1;
        self.scopes.leave();
        // Flags that were up are carried too: the guard may be in the part of an iteration that a traced flag skips.
        let raised: BTreeSet<Jump> = jumps | &lowered.jumps;
        let carriers = self.all_carriers(variables, &raised, dest);
        let inner = lowered.tokens;
        let tokens = self.guard(jumps, quote!(#after #inner), &carriers, span);
        Lowered { tokens, jumps: lowered.jumps, ..Lowered::default() }
    }

    /// Code that runs unless a flag is up.
    pub(super) fn guard(
        &mut self,
        jumps: &BTreeSet<Jump>,
        code: TokenStream,
        carriers: &[TokenStream],
        span: Span,
    ) -> TokenStream {
        let flags: Vec<Ident> = jumps.iter().map(|jump| jump.flag()).collect();
        let begin = quote_spanned! {span=>
            ::tensorwright::control::natural::Choice::guard(::tensorwright::control::natural::unless(&[#(&#flags),*]))?
        };
        // Inside no flag is up, and the trace knows it: a flag that has been traced would be asked again by each guard further in.
        let then = quote!(#(#flags.reset();)* #code);
        self.choice(begin, then, quote!(), carriers)
    }

    /// A driver of two sides, and the loop that runs them. Both are arms of one `match`, one of which runs each time round; `step` borrows
    /// the carriers only between them, so that the blocks themselves use the variables as the user wrote it.
    pub(super) fn choice(
        &mut self,
        begin: TokenStream,
        then: TokenStream,
        otherwise: TokenStream,
        carriers: &[TokenStream],
    ) -> TokenStream {
        let choice = self.name("choice");
        quote! {{
            let mut #choice = #begin;
            loop {
                match #choice.phase() {
                    ::tensorwright::control::natural::Phase::Start => {}
                    ::tensorwright::control::natural::Phase::Then => { #then }
                    ::tensorwright::control::natural::Phase::Else => { #otherwise }
                    _ => break,
                }
                #[allow(unused_imports)]
                use ::tensorwright::control::natural::{ViaAny as _, ViaTree as _};
                #choice.step(&mut [#(#carriers),*])?;
            }
        }}
    }

    /// Variables as drivers see them: those of them that may change.
    pub(super) fn carriers(&self, touched: &Touched) -> Vec<TokenStream> {
        let carrier = |(name, (ident, assigned)): (&String, &(Ident, bool))| {
            // What is not in scope is a static, a function, or a word in the tokens of a macro.
            let variable = self.scopes.find(ident)?;
            // Errors about a type that cannot be carried are to point at the variable.
            let span = Span::mixed_site().located_at(ident.span());
            let (probe, own) = match &variable.slot {
                Some(slot) if *assigned => (quote!(SlotProbe), slot),
                // Without `mut` only what is behind a handle can change, which the driver neither sees nor needs to.
                None if variable.mutable => (quote!(Probe), &variable.ident),
                _ => return None,
            };
            Some(quote_spanned! {span=>
                ::tensorwright::control::natural::Carrier::new(
                    #name,
                    #assigned,
                    ::tensorwright::control::natural::#probe(&mut #own).carried(),
                )
            })
        };
        touched.iter().filter_map(carrier).collect()
    }

    /// The variables, and the flags and slots of what jumps and where values go.
    pub(super) fn all_carriers(
        &self,
        mut carriers: Vec<TokenStream>,
        jumps: &BTreeSet<Jump>,
        dest: &Dest,
    ) -> Vec<TokenStream> {
        let mut slots: BTreeSet<Ident> = dest.slot().into_iter().collect();
        for jump in jumps {
            let flag = jump.flag();
            carriers.push(quote!(::tensorwright::control::natural::Carrier::new("", true, #flag.carried())));
            slots.extend(self.slot_of(jump));
        }
        let result = Dest::Result.slot();
        let name = |slot: &Ident| if result.as_ref() == Some(slot) { "the result" } else { "the value" };
        carriers.extend(slots.iter().map(|slot| {
            let name = name(slot);
            quote! {
                ::tensorwright::control::natural::Carrier::new(
                    #name,
                    true,
                    ::tensorwright::control::natural::SlotProbe(&mut #slot).carried(),
                )
            }
        }));
        carriers
    }

    /// Where a jump puts a value.
    fn slot_of(&self, jump: &Jump) -> Option<Ident> {
        match jump {
            Jump::Return => Dest::Result.slot(),
            Jump::Break(number) => {
                self.frames.iter().find(|frame| frame.number == *number).and_then(|frame| frame.dest.slot())
            }
            Jump::Continue(_) => None,
        }
    }

    /// Puts a value where it goes.
    pub(super) fn fill(&self, dest: &Dest, value: &TokenStream, span: Span) -> TokenStream {
        let result = &self.result;
        match dest {
            Dest::Nowhere => quote!(#value;),
            Dest::Slot(slot) => quote_spanned!(span=> #slot.fill(#value);),
            Dest::Result => {
                let slot = dest.slot();
                quote_spanned!(span=> #slot.fill(::tensorwright::control::natural::returned::<#result>(#value)?);)
            }
        }
    }

    /// Puts the value of code that gives none where it goes: nothing at all, if nobody asks for it.
    pub(super) fn fill_unit(&self, dest: &Dest, span: Span) -> TokenStream {
        match dest {
            Dest::Nowhere => quote!(),
            Dest::Slot(_) | Dest::Result => self.fill(dest, &quote!(()), span),
        }
    }

    fn stmt(&mut self, stmt: &Stmt) -> Lowered {
        match stmt {
            Stmt::Local(local) => self.local(local),
            Stmt::Item(item) => quote!(#item).into(),
            Stmt::Expr(expr, _) => self.effect(expr),
            Stmt::Macro(mac) => {
                let expr = Expr::Macro(syn::ExprMacro { attrs: mac.attrs.clone(), mac: mac.mac.clone() });
                let ends = ["panic", "unreachable", "todo", "unimplemented"]
                    .iter()
                    .any(|m| mac.mac.path.is_ident(m));
                let tokens = self.expr(&expr);
                Lowered { tokens: quote!(#tokens;), ends, ..Lowered::default() }
            }
        }
    }

    /// An expression for its effect.
    fn effect(&mut self, expr: &Expr) -> Lowered {
        if let Expr::Assign(assign) = bare(expr) {
            return self.assign(assign);
        }
        let deferred = self.deferred(expr);
        let mut lowered = self.value(expr, &Dest::Nowhere);
        // A variable that one of the blocks gave its first value. Every path did, so that from here on it is an ordinary one, which a `let`
        // that shadows the declaration makes of it.
        for (ident, slot) in deferred {
            let what = format!("`{ident}`");
            let after = quote_spanned!(ident.span()=> let #ident = #slot.get(#what)?;);
            lowered.after.extend(after);
            self.scopes.declare(ident, false, None);
        }
        lowered
    }

    /// Variables without a value that every path through the expression gives one.
    fn deferred(&self, expr: &Expr) -> Vec<(Ident, Ident)> {
        let touched = scan::expr(expr);
        let assigned = touched.values().filter(|(_, assigned)| *assigned);
        let deferred =
            assigned.filter_map(|(ident, _)| Some((ident.clone(), self.scopes.find(ident)?.slot.clone()?)));
        deferred.filter(|(ident, _)| paths::give(expr, ident)).collect()
    }

    fn assign(&mut self, assign: &syn::ExprAssign) -> Lowered {
        let deferred = match &*assign.left {
            Expr::Path(path) => path.path.get_ident().and_then(|ident| {
                self.scopes.find(ident).and_then(|v| v.slot.clone()).map(|slot| (ident.clone(), slot))
            }),
            _ => None,
        };
        let (mut lowered, value) = self.bound(&assign.right);
        match deferred {
            // The block goes on with a variable of its own; what comes after the construct takes the value out of the slot.
            Some((ident, slot)) => {
                lowered.after.extend(quote! {
                    let #ident = #value;
                    #slot.fill(::tensorwright::control::natural::copy(&#ident));
                });
                self.scopes.declare(ident, false, None);
            }
            None => {
                let left = self.assignee(&assign.left);
                lowered.after.extend(quote_spanned!(assign.eq_token.span()=> #left = #value;));
            }
        }
        lowered
    }

    /// Code, and an expression that is its value once the code has run.
    fn bound(&mut self, expr: &Expr) -> (Lowered, TokenStream) {
        if !is_construct(expr) {
            let value = self.expr(expr);
            return (Lowered::default(), value);
        }
        let slot = self.name("value");
        let mut lowered = self.value(expr, &Dest::Slot(slot.clone()));
        let (make, tokens) = (new_slot(&slot), lowered.tokens);
        lowered.tokens = quote!(#make #tokens);
        (lowered, take(&slot, "the expression", expr.span()))
    }

    fn local(&mut self, local: &Local) -> Lowered {
        let pattern = &local.pat;
        let Some(init) = &local.init else { return self.declaration(pattern) };
        if let Some((_, otherwise)) = &init.diverge {
            return self.let_else(local, &init.expr, otherwise);
        }
        // A pattern may bind parts by reference, so what it takes apart is no copy.
        let is_name = matches!(pattern, Pat::Ident(_) | Pat::Type(_) | Pat::Wild(_));
        let (mut lowered, value) = match bare(&init.expr) {
            Expr::Path(_) if !is_name => (Lowered::default(), self.place(&init.expr)),
            _ => self.bound(&init.expr),
        };
        let attributes = &local.attrs;
        lowered.after.extend(quote!(#(#attributes)* let #pattern = #value;));
        self.scopes.bind(pattern);
        lowered
    }

    /// `let y;`: the blocks that give it a value put it into a slot.
    fn declaration(&mut self, pattern: &Pat) -> Lowered {
        let (name, ty) = match pattern {
            Pat::Type(typed) => {
                let ty = &typed.ty;
                (&*typed.pat, quote!(#ty))
            }
            other => (other, quote!(_)),
        };
        match name {
            Pat::Ident(name) if name.mutability.is_none() => {
                let slot = self.name("value");
                self.scopes.declare(name.ident.clone(), false, Some(slot.clone()));
                quote! {
                    let mut #slot: ::tensorwright::control::natural::Slot<#ty> =
                        ::tensorwright::control::natural::Slot::new();
                }
                .into()
            }
            other => {
                let message = "a variable that is `mut`, or a pattern, needs a value where it is declared";
                self.errors.push(Error::new_spanned(other, message));
                Lowered::default()
            }
        }
    }

    fn let_else(&mut self, local: &Local, init: &Expr, otherwise: &Expr) -> Lowered {
        let pattern = &local.pat;
        let names = bindings(pattern);
        let value = self.place(init);
        self.scopes.level += 1;
        let diverged = self.value(otherwise, &Dest::Nowhere);
        self.scopes.level -= 1;
        if diverged.jumps.is_empty() {
            self.scopes.bind(pattern);
            let tokens = diverged.tokens;
            return quote!(let #pattern = #value else { #tokens unreachable!("the block ends here") };)
                .into();
        }
        // `let .. else` must diverge, and a jump that is a flag does not. So the names go through a slot, as one tuple.
        let slot = self.name("value");
        let made = new_slot(&slot);
        let (idents, tokens) = (names.iter().map(|(ident, _)| ident), diverged.tokens);
        let idents = quote!((#(#idents,)*));
        let again = names.iter().map(|(ident, mutable)| {
            let mutability = mutable.then(|| quote!(mut));
            quote!(#mutability #ident)
        });
        let take = take(&slot, "the pattern", pattern.span());
        let after = quote!(let (#(#again,)*) = #take;);
        self.scopes.bind(pattern);
        let tokens = quote! {
            #made
            match #value {
                #pattern => #slot.fill(#idents),
                _ => { #tokens }
            }
        };
        Lowered { tokens, after, jumps: diverged.jumps, ends: false }
    }
}

/// Whether the expression has blocks or jumps, so that its value goes through a slot.
pub(super) fn is_construct(expr: &Expr) -> bool {
    matches!(
        bare(expr),
        Expr::If(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Unsafe(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Loop(_)
            | Expr::Return(_)
            | Expr::Break(_)
            | Expr::Continue(_)
    )
}

impl Jump {
    pub(super) fn flag(self) -> Ident {
        let span = Span::mixed_site();
        match self {
            Jump::Return => Ident::new("returns", span),
            Jump::Break(number) => format_ident!("breaks{number}", span = span),
            Jump::Continue(number) => format_ident!("continues{number}", span = span),
        }
    }
}

impl Dest {
    pub(super) fn slot(&self) -> Option<Ident> {
        match self {
            Dest::Nowhere => None,
            Dest::Slot(slot) => Some(slot.clone()),
            Dest::Result => Some(Ident::new("result", Span::mixed_site())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(block: &Block) -> String {
        Lower::new(syn::parse_quote!(Tensor)).block(block, &Dest::Nowhere).tokens.to_string()
    }

    #[test]
    fn a_unit_that_is_written_stays_and_others_are_not_made() {
        let written: TokenStream = quote!((););
        assert_eq!(
            lowered(&syn::parse_quote!({
                ();
            })),
            written.to_string()
        );
        assert_eq!(
            lowered(&syn::parse_quote!({
                let x = 1;
            })),
            quote!(let x = 1;).to_string()
        );
    }
}
