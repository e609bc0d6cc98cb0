//! `if`, `match`, loops and jumps.
//!
//! An `if` or a loop whose condition may be a tensor becomes a driver. What matches patterns (`if let`, `while let`, `match`) cannot depend on
//! a tensor, and stays Rust's own: only the code in it is lowered, and jumps in it become flags like others.
//!
//! Levels: each block that a driver runs is one level further in than what is around it (`Scopes::level`). A variable from a level
//! further out is copied where it is used as a value, because the other block, or the next iteration, may use it too.

use std::collections::BTreeSet;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Block, Error, Expr, ExprForLoop, ExprIf, ExprLoop, ExprMatch, ExprWhile, Label, Lifetime, Lit};

use super::express::bare;
use super::lower::{Dest, Frame, Jump, Lower, Lowered, is_construct};
use super::scan;

impl Lower {
    /// An expression whose value goes to a place.
    pub(super) fn value(&mut self, expr: &Expr, dest: &Dest) -> Lowered {
        match bare(expr) {
            Expr::If(choice) if has_let(&choice.cond) => self.plain_if(choice, dest),
            Expr::If(choice) => self.choose(choice, dest),
            Expr::Match(choice) => self.matched(choice, dest),
            Expr::While(repeat) => self.while_loop(repeat, dest),
            Expr::Loop(repeat) => self.forever(repeat, dest),
            Expr::ForLoop(repeat) => self.for_loop(repeat, dest),
            Expr::Block(block) => {
                if let Some(label) = &block.label {
                    self.refuse(
                        label,
                        "a labelled block is not supported; use an `if`, or a function of its own",
                    );
                }
                self.scopes.level += 1;
                let lowered = self.block(&block.block, dest);
                self.scopes.level -= 1;
                let tokens = lowered.tokens;
                Lowered { tokens: quote!({ #tokens }), ..lowered }
            }
            Expr::Unsafe(block) => self.unsafe_block(block, dest),
            Expr::Assign(_) => self.statement(expr, dest),
            Expr::Return(jump) => self.leave(Jump::Return, jump.expr.as_deref(), &Dest::Result),
            Expr::Break(jump) => self.break_loop(jump),
            Expr::Continue(jump) => match self.frame(jump.label.as_ref(), jump) {
                Some(index) => self.leave(Jump::Continue(self.frames[index].number), None, &Dest::Nowhere),
                None => Lowered::default(),
            },
            other => {
                let value = self.expr(other);
                self.fill(dest, &value, other.span()).into()
            }
        }
    }

    fn refuse(&mut self, at: &impl quote::ToTokens, message: &str) {
        self.errors.push(Error::new_spanned(at, message));
    }

    fn unsafe_block(&mut self, block: &syn::ExprUnsafe, dest: &Dest) -> Lowered {
        if has_control_flow(&block.block) {
            let message =
                "an unsafe block with control flow in it cannot be traced; put it into a function of its own";
            self.errors.push(Error::new(block.unsafe_token.span, message));
        }
        self.fill(dest, &quote!(#block), block.span()).into()
    }

    /// A jump, with a value or without.
    fn leave(&mut self, jump: Jump, value: Option<&Expr>, dest: &Dest) -> Lowered {
        let lowered = match value {
            Some(value) => self.value(value, dest),
            None => self.fill_unit(dest, Span::call_site()).into(),
        };
        if !lowered.jumps.is_empty() {
            self.refuse(
                &value,
                "a jump inside the value of a jump is not supported; bind the value with `let` first",
            );
        }
        // The flag goes up behind the value: computing the value is not part of what the jump skips.
        let (tokens, flag) = (lowered.tokens, jump.flag());
        Lowered {
            tokens: quote!(#tokens #flag.set();),
            jumps: BTreeSet::from([jump]),
            ends: true,
            ..Lowered::default()
        }
    }

    fn break_loop(&mut self, jump: &syn::ExprBreak) -> Lowered {
        let Some(index) = self.frame(jump.label.as_ref(), jump) else { return Lowered::default() };
        let (number, dest) = (self.frames[index].number, self.frames[index].dest.clone());
        self.leave(Jump::Break(number), jump.expr.as_deref(), &dest)
    }

    /// The loop that a jump is about.
    fn frame(&mut self, label: Option<&Lifetime>, at: &impl quote::ToTokens) -> Option<usize> {
        let is_it = |frame: &Frame| match label {
            Some(label) => frame.label.as_ref().is_some_and(|own| label.ident == own),
            None => true,
        };
        let found = self.frames.iter().rposition(is_it);
        if found.is_none() {
            self.refuse(at, "there is no such loop around this");
        }
        found
    }

    /// `if` with patterns: plain Rust, whatever is in its blocks.
    fn plain_if(&mut self, choice: &ExprIf, dest: &Dest) -> Lowered {
        // To the compiler, code after a jump runs: what a block moves may be used there.
        self.scopes.level += 1;
        self.scopes.enter();
        let condition = self.pattern_condition(&choice.cond);
        let then = self.block(&choice.then_branch, dest);
        self.scopes.leave();
        let otherwise = self.otherwise(choice, dest);
        self.scopes.level -= 1;
        let (then_code, else_code) = (then.tokens, otherwise.tokens);
        Lowered {
            tokens: quote!(if #condition { #then_code } else { #else_code }),
            jumps: &then.jumps | &otherwise.jumps,
            ends: then.ends && otherwise.ends,
            ..Lowered::default()
        }
    }

    /// A condition with patterns; what they bind is in scope afterwards.
    fn pattern_condition(&mut self, condition: &Expr) -> TokenStream {
        match bare(condition) {
            Expr::Binary(binary) if matches!(binary.op, syn::BinOp::And(_)) => {
                let left = self.pattern_condition(&binary.left);
                let right = self.pattern_condition(&binary.right);
                quote!(#left && #right)
            }
            Expr::Let(binding) => {
                let (pattern, value) = (&binding.pat, self.place(&binding.expr));
                self.scopes.bind(pattern);
                quote!(let #pattern = #value)
            }
            other => self.truth(other),
        }
    }

    fn otherwise(&mut self, choice: &ExprIf, dest: &Dest) -> Lowered {
        match &choice.else_branch {
            Some((_, otherwise)) => self.value(otherwise, dest),
            None => self.fill_unit(dest, choice.span()).into(),
        }
    }

    fn choose(&mut self, choice: &ExprIf, dest: &Dest) -> Lowered {
        let mut touched = scan::block(&choice.then_branch);
        if let Some((_, otherwise)) = &choice.else_branch {
            scan::join(&mut touched, scan::expr(otherwise));
        }
        // Before the blocks are lowered: they may declare variables that hide these.
        let variables = self.carriers(&touched);
        let condition = self.truth(&choice.cond);
        self.scopes.level += 1;
        let then = self.block(&choice.then_branch, dest);
        let otherwise = self.otherwise(choice, dest);
        self.scopes.level -= 1;
        let jumps = &then.jumps | &otherwise.jumps;
        let carriers = self.all_carriers(variables, &jumps, dest);
        let condition = quote_spanned!(choice.cond.span()=> &(#condition));
        let begin = quote_spanned! {choice.if_token.span=>
            ::tensorwright::control::natural::Choice::new(
                ::tensorwright::control::natural::condition(#condition)?
            )?
        };
        let tokens = self.choice(begin, then.tokens, otherwise.tokens, &carriers);
        Lowered { tokens, jumps, ends: then.ends && otherwise.ends, ..Lowered::default() }
    }

    fn matched(&mut self, choice: &ExprMatch, dest: &Dest) -> Lowered {
        let value = self.place(&choice.expr);
        let (mut arms, mut jumps, mut ends) = (Vec::new(), BTreeSet::new(), !choice.arms.is_empty());
        self.scopes.level += 1;
        for arm in &choice.arms {
            self.scopes.enter();
            self.scopes.bind(&arm.pat);
            let (attributes, pattern) = (&arm.attrs, &arm.pat);
            let guard = arm.guard.as_ref().map(|(_, guard)| {
                let guard = self.truth(guard);
                quote!(if #guard)
            });
            let body = self.value(&arm.body, dest);
            self.scopes.leave();
            let code = body.tokens;
            arms.push(quote!(#(#attributes)* #pattern #guard => { #code }));
            jumps.extend(body.jumps);
            ends &= body.ends;
        }
        self.scopes.level -= 1;
        Lowered { tokens: quote!(match #value { #(#arms)* }), jumps, ends, ..Lowered::default() }
    }

    /// A loop's body with its variables; `bind` declares what each iteration binds.
    ///
    /// Two levels: what an iteration binds is of its own level, since the next iteration binds it anew, and the body is one
    /// further in, since a guard may be around it.
    fn body(
        &mut self,
        label: Option<&Label>,
        dest: &Dest,
        body: &Block,
        bind: impl FnOnce(&mut Lower),
    ) -> LoopCode {
        let number = self.number();
        let label = label.map(|label| label.name.ident.to_string());
        self.frames.push(Frame { number, label, dest: dest.clone() });
        self.scopes.enter();
        self.scopes.level += 1;
        bind(self);
        let touched = scan::block(body);
        let inner = self.carriers(&touched);
        self.scopes.level += 1;
        let lowered = self.block(body, &Dest::Nowhere);
        self.scopes.level -= 2;
        self.scopes.leave();
        // `continue` ends at the end of the body, where its flag is gone.
        let mut stops = lowered.jumps;
        stops.remove(&Jump::Continue(number));
        let mut code = lowered.tokens;
        // A traced loop cannot be left in the middle: its driver asks the flags at the end, and until it does iterations do nothing. Eagerly
        // the driver ends the loop at once.
        if !stops.is_empty() {
            let carriers = self.all_carriers(inner, &stops, &Dest::Nowhere);
            code = self.guard(&stops, code, &carriers, body.span());
        }
        let next = Jump::Continue(number).flag();
        let code = quote! {
            let mut #next = ::tensorwright::control::natural::Flag::new();
            #code
        };
        // `break` ends at the end of the loop.
        let mut jumps = stops.clone();
        jumps.remove(&Jump::Break(number));
        LoopCode { number, code, stops, jumps }
    }

    /// The whole of a loop.
    fn repeat(
        &mut self,
        body: &LoopCode,
        begin: TokenStream,
        driver: &proc_macro2::Ident,
        phases: TokenStream,
        carriers: Vec<TokenStream>,
    ) -> TokenStream {
        // While the frame is there: a `break` with a value carries the slot of the frame's destination.
        let carriers = self.all_carriers(carriers, &body.stops, &Dest::Nowhere);
        self.frames.pop();
        let stop = Jump::Break(body.number).flag();
        quote! {{
            let mut #stop = ::tensorwright::control::natural::Flag::new();
            #begin
            loop {
                match #driver.phase() {
                    #phases
                    ::tensorwright::control::natural::Phase::Done => break,
                    _ => {}
                }
                #[allow(unused_imports)]
                use ::tensorwright::control::natural::{ViaAny as _, ViaTree as _};
                #driver.step(&mut [#(#carriers),*])?;
            }
        }}
    }

    fn while_loop(&mut self, repeat: &ExprWhile, dest: &Dest) -> Lowered {
        if matches!(bare(&repeat.cond), Expr::Lit(literal) if matches!(&literal.lit, Lit::Bool(b) if b.value))
        {
            let (label, body) = (repeat.label.as_ref(), &repeat.body);
            // A condition that never fails leaves nothing to trace.
            return self.endless(label, body, repeat.while_token.span, &Dest::Nowhere).then_unit(self, dest);
        }
        let mut touched = scan::expr(&repeat.cond);
        scan::join(&mut touched, scan::block(&repeat.body));
        let carriers = self.carriers(&touched);
        let driver = self.name("driver");
        let span = repeat.while_token.span;
        let (body, begin, phases);
        if has_let(&repeat.cond) {
            let mut condition = quote!();
            body = self.body(repeat.label.as_ref(), &Dest::Nowhere, &repeat.body, |lower| {
                condition = lower.pattern_condition(&repeat.cond);
            });
            let code = &body.code;
            let make = quote_spanned!(span=> ::tensorwright::control::natural::Loop::while_loop(false));
            begin = quote!(let mut #driver = #make;);
            phases = quote! {
                ::tensorwright::control::natural::Phase::Body => if #condition { #code } else { break },
            };
        } else {
            self.scopes.level += 1;
            let condition = self.truth(&repeat.cond);
            self.scopes.level -= 1;
            body = self.body(repeat.label.as_ref(), &Dest::Nowhere, &repeat.body, |_| {});
            // The driver must know before the first test whether it is to trace, and the test must not run twice. So its type is asked of an
            // expression that is compiled and never run.
            let (kind, code) = (self.name("kind"), &body.code);
            let condition = quote_spanned!(repeat.cond.span()=> &(#condition));
            let is_tensor = quote_spanned! {repeat.cond.span()=>
                ::tensorwright::control::natural::is_tensor(&#kind)
            };
            let make = quote_spanned!(span=> ::tensorwright::control::natural::Loop::while_loop(#is_tensor));
            begin = quote! {
                let #kind = ::tensorwright::control::natural::Kind::new();
                if false {
                    #kind.of(#condition);
                }
                let mut #driver = #make;
            };
            let test = quote_spanned!(span=> ::tensorwright::control::natural::condition(#condition)?);
            phases = quote! {
                ::tensorwright::control::natural::Phase::Test => #driver.test(#test),
                ::tensorwright::control::natural::Phase::Body => { #code }
            };
        }
        let tokens = self.repeat(&body, begin, &driver, phases, carriers);
        Lowered { tokens, jumps: body.jumps, ..Lowered::default() }.then_unit(self, dest)
    }

    fn forever(&mut self, repeat: &ExprLoop, dest: &Dest) -> Lowered {
        self.endless(repeat.label.as_ref(), &repeat.body, repeat.loop_token.span, dest)
    }

    fn endless(&mut self, label: Option<&Label>, block: &Block, span: Span, dest: &Dest) -> Lowered {
        let carriers = self.carriers(&scan::block(block));
        let driver = self.name("driver");
        let body = self.body(label, dest, block, |_| {});
        let make = quote_spanned!(span=> ::tensorwright::control::natural::Loop::forever());
        let code = &body.code;
        let phases = quote!(::tensorwright::control::natural::Phase::Body => { #code });
        // Without a `break` what follows is dead, and the loop has whatever type is asked for.
        let ends = !body.stops.contains(&Jump::Break(body.number));
        let tokens = self.repeat(&body, quote!(let mut #driver = #make;), &driver, phases, carriers);
        Lowered { tokens, jumps: body.jumps, ends, ..Lowered::default() }
    }

    fn for_loop(&mut self, repeat: &ExprForLoop, dest: &Dest) -> Lowered {
        let carriers = self.carriers(&scan::block(&repeat.body));
        let (driver, source, item) = (self.name("driver"), self.name("source"), self.name("item"));
        let over = self.iterated(&repeat.expr);
        let pattern = &repeat.pat;
        let body = self.body(repeat.label.as_ref(), &Dest::Nowhere, &repeat.body, |lower| {
            lower.scopes.bind(pattern);
        });
        let may_leave = !body.stops.is_empty();
        let span = repeat.for_token.span;
        let make = quote_spanned!(span=> ::tensorwright::control::natural::Iterate::source(#over));
        let run = quote_spanned! {span=>
            ::tensorwright::control::natural::Loop::for_loop(
                ::tensorwright::control::natural::Source::trip(&#source),
                #may_leave,
            )?
        };
        let code = &body.code;
        let phases = quote! {
            ::tensorwright::control::natural::Phase::Body => {
                let ::std::option::Option::Some(#item) =
                    ::tensorwright::control::natural::Source::next(&mut #source, &#driver)?
                else {
                    break;
                };
                let #pattern = #item;
                #code
            }
        };
        let begin = quote! {
            let mut #source = #make;
            let mut #driver = #run;
        };
        let tokens = self.repeat(&body, begin, &driver, phases, carriers);
        Lowered { tokens, jumps: body.jumps, ..Lowered::default() }.then_unit(self, dest)
    }
}

/// A loop's body, lowered.
struct LoopCode {
    number: usize,
    code: TokenStream,
    /// Jumps that end the loop.
    stops: BTreeSet<Jump>,
    /// Those of them that go further.
    jumps: BTreeSet<Jump>,
}

impl Lowered {
    /// `while` and `for` give nothing.
    fn then_unit(mut self, lower: &Lower, dest: &Dest) -> Lowered {
        self.tokens.extend(lower.fill_unit(dest, Span::call_site()));
        self
    }
}

/// Whether a condition binds names.
fn has_let(condition: &Expr) -> bool {
    match bare(condition) {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

fn has_control_flow(block: &Block) -> bool {
    struct Find(bool);

    impl<'b> Visit<'b> for Find {
        fn visit_expr(&mut self, expr: &'b Expr) {
            self.0 |= is_construct(expr) && !matches!(expr, Expr::Block(_) | Expr::Unsafe(_));
            syn::visit::visit_expr(self, expr);
        }
    }

    let mut find = Find(false);
    find.visit_block(block);
    find.0
}
