//! `algebra`: simplification by named, directional rules, each of which keeps results bit for bit.
//!
//! The rules are data: a name, the dtypes on which the rule holds, and the expression before and after, in a small
//! notation (`notation.rs`). The text is the rule: it is parsed once, matched and built. What the text cannot say is a condition with a
//! name, such as that a constant is a power of two; one rule, about `iota`, is a function. A rule is never tried on other dtypes than its own.
//!
//! A test builds each expression on each dtype, for many constants, checks that the rule applies to just the dtypes it claims, and
//! compares values on NaN, infinities, zeros of both signs, subnormals and extremes of integers. So what a rule says holds.
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
mod notation;
mod on;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use tensorwright_ir::{DType, Graph};

use self::matching::{Match, RuleSet};
use super::pattern::RuleFn;
use super::rewriter::{Rewrite, rewrite, until_stable};
use super::{Context, Pass};

/// Expressions get smaller with each rule, so this is how deep they may be nested against the order of nodes.
const SWEEPS: usize = 64;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Algebra;

/// A rewrite rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Name of the rule.
    pub name: &'static str,
    /// Dtypes of the variables for which the rule holds.
    pub on: fn(DType) -> bool,
    /// The expression that it replaces, in the notation of `notation.rs`.
    pub before: &'static str,
    /// Expression that takes the place of the one that matched.
    pub after: &'static str,
    answer: Answer,
}

/// What a rule needs besides its text.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Nothing.
    Text,
    /// A condition on what matches.
    If(fn(&Match<'_>) -> bool),
    /// The text is an example: a function decides and builds.
    Function(RuleFn),
}

/// Writes a table of rules: `name, dtypes, before => after if condition`.
macro_rules! rules {
    (@answer) => { $crate::passes::algebra::Answer::Text };
    (@answer if $condition:ident) => { $crate::passes::algebra::Answer::If($condition) };
    (@answer by $function:ident) => { $crate::passes::algebra::Answer::Function($function) };
    ($(#[$meta:meta])* $vis:vis $table:ident: $($name:ident, $on:expr, $before:literal => $after:literal $(if $condition:ident)? $(by $function:ident)?;)*) => {
        $(#[$meta])*
        $vis static $table: &[$crate::passes::algebra::Rule] = &[
            $($crate::passes::algebra::Rule {
                name: stringify!($name),
                on: $on,
                before: $before,
                after: $after,
                answer: $crate::passes::algebra::rules!(@answer $(if $condition)? $(by $function)?),
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
        let rules = if cx.options.value_changing { &*ALL_RULES } else { &*EXACT_RULES };
        apply(rules, graph, cx)
    }
}

static EXACT_RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::new(EXACT.iter().copied().flatten()));

static ALL_RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::new(EXACT.iter().copied().chain([VALUE_CHANGING]).flatten()));

/// Applies rules until none applies.
fn apply(rules: &RuleSet, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
    until_stable(graph, cx, SWEEPS, |graph, cx| {
        let mut applied = Vec::new();
        let new = rewrite(graph, cx, |r, site| {
            Ok(rules.apply(r, site)?.map_or(Rewrite::Keep, |(name, value)| {
                applied.push(name);
                Rewrite::with(value)
            }))
        });
        applied.into_iter().for_each(|name| cx.count(name));
        new
    })
}
