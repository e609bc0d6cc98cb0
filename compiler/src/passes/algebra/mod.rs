//! `algebra`: simplification by named, directional rules, each of which keeps results bit for bit.
//!
//! The rules are data: a name, the dtypes on which the rule holds, the expression before and after. A test builds each
//! expression on each dtype, checks that the rule makes the one of the other on just the dtypes it claims, and compares
//! values on NaN, infinities, zeros of both signs, subnormals and extremes of integers. So what a rule says is what it does.
//!
//! Floats are IEEE 754: `x + 0` is not `x` (for `-0`), but `x + -0` is; `x - x` and `x * 0` are not 0 (for infinities).
//! Rules that change results are in a [table of their own](VALUE_CHANGING), applied if
//! [`PassOptions::value_changing`](super::PassOptions::value_changing) is set.
//!
//! Rules expect constants on the right of commutative functions, as `canonicalise` puts them. There are no rules of
//! commutativity, and of associativity only towards fewer operations.
//!
//! ```text
//! graph @f(%x: f32[4]) {
//!   %eight = constant() {value = f32[] 8.0}
//!   %c = broadcast_in_dim(%eight) {shape = [4], axes = []}
//!   %a = neg(%x)
//!   %b = neg(%a)
//!   %y = div(%b, %c)
//!   return %y
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4]) {
//!   %eighth = constant() {value = f32[] 0.125}
//!   %c = broadcast_in_dim(%eighth) {shape = [4], axes = []}
//!   %y = mul(%x, %c)
//!   return %y
//! }
//! ```

mod arithmetic;
mod casts;
mod changing;
mod constants;
mod logic;
mod matching;

#[cfg(test)]
mod pattern_text;
#[cfg(test)]
mod tests;

use tensorwright_ir::{DType, Graph, Op};

use super::effects::touches_token;
use super::pattern::RuleFn;
use super::rewriter::{Rewrite, rewrite, until_stable};
use super::{Context, Pass};

/// Expressions get smaller with each rule, so this is how deep they may be nested against the order of nodes.
const SWEEPS: usize = 64;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Algebra;

/// Which op a rule's expression begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// A function of one operand.
    Unary,
    /// A function of two operands.
    Binary,
    /// A comparison.
    Compare,
    /// A choice.
    Select,
    /// A conversion.
    Cast,
    /// A clamp.
    Clamp,
}

/// A rewrite rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// The op at the root of the expression.
    pub head: Head,
    /// On which dtypes of the variables it holds.
    pub on: fn(DType) -> bool,
    /// The expression that it replaces: `x`, `y`, `z` are of the dtype, `p`, `q` are bool, numbers are constants.
    pub before: &'static str,
    /// What it puts there.
    pub after: &'static str,
    apply: RuleFn,
}

/// Writes a table of rules: `name, dtypes, before => after, function`.
macro_rules! rules {
    ($(#[$meta:meta])* $vis:vis $table:ident: $($name:ident, $head:ident, $on:expr, $before:literal => $after:literal, $apply:expr;)*) => {
        $(#[$meta])*
        $vis static $table: &[$crate::passes::algebra::Rule] = &[
            $($crate::passes::algebra::Rule {
                name: stringify!($name),
                head: $crate::passes::algebra::Head::$head,
                on: $on,
                before: $before,
                after: $after,
                apply: $apply,
            }),*
        ];
    };
}
use rules;

/// The tables of rules that keep results bit for bit, in order of application.
pub static EXACT: &[&[Rule]] =
    &[constants::RULES, arithmetic::RULES, logic::BITS, logic::COMPARISONS, logic::CHOICES, casts::RULES];

/// The rules that change results.
pub use changing::RULES as VALUE_CHANGING;

impl Pass for Algebra {
    fn name(&self) -> &'static str {
        "algebra"
    }

    fn description(&self) -> &'static str {
        "simplifies expressions by exact rules"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        let tables = EXACT.iter().copied().chain(cx.options.value_changing.then_some(VALUE_CHANGING));
        let rules: Vec<&Rule> = tables.flatten().collect();
        apply(&rules, graph, cx)
    }
}

/// Applies rules until none applies.
fn apply(rules: &[&Rule], graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
    until_stable(graph, cx, SWEEPS, |graph, cx| {
        let mut applied = Vec::new();
        let new = rewrite(graph, cx, |r, site| {
            let Some(head) = head(&site.node.op) else { return Ok(Rewrite::Keep) };
            if touches_token(graph, site.node) {
                return Ok(Rewrite::Keep);
            }
            for rule in rules.iter().filter(|rule| rule.head == head) {
                if let Some(value) = (rule.apply)(r, site)? {
                    applied.push(rule.name);
                    return Ok(Rewrite::with(value));
                }
            }
            Ok(Rewrite::Keep)
        });
        applied.into_iter().for_each(|name| cx.count(name));
        new
    })
}

fn head(op: &Op) -> Option<Head> {
    match op {
        Op::Unary(_) => Some(Head::Unary),
        Op::Binary(_) => Some(Head::Binary),
        Op::Compare(_) => Some(Head::Compare),
        Op::Select(_) => Some(Head::Select),
        Op::Cast(_) => Some(Head::Cast),
        Op::Clamp(_) => Some(Head::Clamp),
        _ => None,
    }
}
