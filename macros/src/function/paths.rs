//! Whether every path through a piece of code gives a variable its first value.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Stmt};

use super::express::bare;

/// Whether each path through the expression assigns the variable, or jumps elsewhere.
pub(super) fn give(expr: &Expr, name: &Ident) -> bool {
    match bare(expr) {
        Expr::Assign(assign) => {
            let is_it = matches!(&*assign.left, Expr::Path(path) if path.path.is_ident(name));
            is_it || give(&assign.right, name)
        }
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Block(block) => block_gives(&block.block, name),
        Expr::Unsafe(block) => block_gives(&block.block, name),
        Expr::If(choice) => {
            let otherwise = choice.else_branch.as_ref().is_some_and(|(_, otherwise)| give(otherwise, name));
            otherwise && block_gives(&choice.then_branch, name)
        }
        Expr::Match(choice) => choice.arms.iter().all(|arm| give(&arm.body, name)),
        Expr::Loop(repeat) => loop_gives(&repeat.body, name),
        Expr::Macro(mac) => ends(&mac.mac),
        _ => false,
    }
}

fn block_gives(block: &Block, name: &Ident) -> bool {
    block.stmts.iter().any(|stmt| stmt_gives(stmt, name))
}

/// A `loop` is left by `break`, so that the value must be there before the first one.
fn loop_gives(body: &Block, name: &Ident) -> bool {
    let first = body.stmts.iter().find(|stmt| stmt_gives(stmt, name) || breaks(stmt));
    first.is_some_and(|stmt| !breaks(stmt)) || !body.stmts.iter().any(breaks)
}

fn stmt_gives(stmt: &Stmt, name: &Ident) -> bool {
    match stmt {
        Stmt::Expr(expr, _) => give(expr, name),
        Stmt::Local(local) => local.init.as_ref().is_some_and(|init| give(&init.expr, name)),
        Stmt::Macro(mac) => ends(&mac.mac),
        Stmt::Item(_) => false,
    }
}

fn ends(mac: &syn::Macro) -> bool {
    ["panic", "unreachable", "todo", "unimplemented"].iter().any(|name| mac.path.is_ident(name))
}

fn breaks(stmt: &Stmt) -> bool {
    struct Find(bool);

    impl<'s> Visit<'s> for Find {
        fn visit_expr_break(&mut self, jump: &'s syn::ExprBreak) {
            self.0 = true;
            visit::visit_expr_break(self, jump);
        }
    }

    let mut find = Find(false);
    find.visit_stmt(stmt);
    find.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gives(expr: Expr) -> bool {
        give(&expr, &Ident::new("y", proc_macro2::Span::call_site()))
    }

    #[test]
    fn both_sides_count() {
        assert!(gives(syn::parse_quote!(if a {
            y = 1;
        } else {
            y = 2;
        })));
        assert!(gives(syn::parse_quote!(if a {
            y = 1;
        } else {
            return;
        })));
        assert!(gives(syn::parse_quote!(if a {
            if b {
                return;
            }
            y = 1;
        } else {
            y = 2;
        })));
        assert!(!gives(syn::parse_quote!(if a {
            y = 1;
        } else {
            z = 2;
        })));
        assert!(!gives(syn::parse_quote!(if a {
            y = 1;
        })));
        assert!(gives(syn::parse_quote!(match a {
            1 => y = 1,
            _ => panic!(),
        })));
    }

    #[test]
    fn loops_count_if_they_run_that_far() {
        assert!(gives(syn::parse_quote!(loop {
            y = 1;
            break;
        })));
        assert!(!gives(syn::parse_quote!(loop {
            if a {
                break;
            }
            y = 1;
            break;
        })));
        assert!(!gives(syn::parse_quote!(while a {
            y = 1;
        })));
    }
}
