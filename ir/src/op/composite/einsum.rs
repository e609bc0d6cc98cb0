//! Einstein summation: any sum of products of tensors, written as an equation over labelled axes.
//!
//! The equation is read into one list of labels per operand and one for the result. Operands become *factors*: values whose
//! axes have distinct labels, each of the label's full extent. That takes a diagonal for a label that an operand names twice,
//! and dropping axes of one element where another operand has more. Then, as long as there are two factors, a pair is
//! replaced by its product, summed over the labels that nobody else needs. What is left is transposed into the result.

use std::collections::BTreeMap;
use std::fmt;

use smallvec::{SmallVec, smallvec};

use super::contraction::diagonal;
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::primitive::DotGeneral;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, Shape, TensorType, Value, attributes};

attributes! {
    /// The sum of products that an equation such as `bij,bjk->bik` describes: each operand's axes have labels, labels that are
    /// not in the result are summed over.
    ///
    /// The notation is NumPy's: a letter per axis; `...` for any number of axes before, between or after, which broadcast
    /// from the right; a label twice in one operand takes the diagonal; without `->` the result has the axes of `...` and then
    /// the labels that occur once, in alphabetical order. Axes of one element broadcast. Numbers of one dtype, one operand or
    /// more; with more than two, the pair with the smallest product goes first.
    pub struct Einsum {
        /// The equation.
        pub equation: String,
    }
}

impl CompositeDef for Einsum {
    const NAME: &'static str = "einsum";
    const ARITY: Arity = Arity::AtLeast(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (equation, extents) = self.read(b, operands)?;
        let mut uses = Uses::count(&equation);
        let mut factors = Vec::with_capacity(operands.len());
        for (&x, labels) in operands.iter().zip(&equation.operands) {
            let factor = factor(b, x, labels, &extents)?;
            factors.push(sum_private(b, factor, &mut uses)?);
        }
        let product = multiply(b, factors, uses, &extents)?;
        Ok(smallvec![aligned(b, &product, &equation.result)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Einsum> {
        let ty = draw.like(hint, DTypeClass::Number, 0);
        let labels: String = ('a'..='z').take(ty.rank()).collect();
        let mut kept = |_: &char| draw.flip();
        let result: String = labels.chars().filter(&mut kept).collect();
        let shared: String = labels.chars().filter(&mut kept).collect();
        let sizes: Shape = labels
            .chars()
            .zip(ty.shape.iter())
            .filter(|(l, _)| shared.contains(*l))
            .map(|(_, &d)| d)
            .collect();
        let other = ty.with_shape(sizes);
        let op = Einsum { equation: format!("{labels},{shared}->{result}") };
        if ty.dtype.is_differentiable() {
            Sample::epsilons(op, 64, [Operand::moderate(ty), Operand::moderate(other)])
        } else {
            Sample::exact(op, [Operand::any(ty), Operand::any(other)])
        }
    }
}

impl Einsum {
    /// The equation, with a label for each axis and the extent of each label.
    fn read(&self, b: &Builder, operands: &[Value]) -> Result<(Labelled, Extents), TypeError> {
        let types: SmallVec<[&TensorType; 4]> = operands.iter().map(|&x| b.tensor(x)).collect();
        rule::require_class(&types, 0, DTypeClass::Number)?;
        for other in 1..types.len() {
            rule::same_dtype(&types, 0, other)?;
        }
        let equation = Equation::parse(&self.equation)?.label(&types)?;
        let extents = extents(&equation.operands, &types)?;
        Ok((equation, extents))
    }
}

/// Name of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// An axis of `...`, counted from its end.
    Ellipsis(usize),
    /// An axis with a letter.
    Letter(char),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Ellipsis(i) => write!(f, "axis -{} of `...`", i + 1),
            Label::Letter(c) => write!(f, "label `{c}`"),
        }
    }
}

type Labels = SmallVec<[Label; 6]>;
type Extents = BTreeMap<Label, Dim>;

/// The labels of one operand or of the result as written.
#[derive(Debug, Default)]
struct Term {
    letters: SmallVec<[char; 6]>,
    /// How many letters are before `...`, if it is there.
    ellipsis: Option<usize>,
}

fn malformed(reason: impl Into<String>) -> TypeError {
    TypeError::attribute("equation", reason)
}

impl Term {
    fn parse(text: &str) -> Result<Term, TypeError> {
        let mut term = Term::default();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("...") {
                if term.ellipsis.replace(term.letters.len()).is_some() {
                    return Err(malformed(format!("`...` is twice in one term of `{text}`")));
                }
                rest = after;
                continue;
            }
            if !c.is_alphabetic() {
                return Err(malformed(format!(
                    "`{c}` is not a label; expected letters, `...`, `,` and `->`"
                )));
            }
            if term.letters.len() == Shape::MAX_RANK {
                return Err(malformed(format!("more than {} labels in one term", Shape::MAX_RANK)));
            }
            term.letters.push(c);
            rest = &rest[c.len_utf8()..];
        }
        Ok(term)
    }

    /// The labels of all axes when `...` stands for `hidden` axes.
    fn labels(&self, hidden: usize) -> Labels {
        let (before, after) = self.letters.split_at(self.ellipsis.unwrap_or(0));
        let letters = |part: &[char]| part.iter().map(|&c| Label::Letter(c)).collect::<Labels>();
        let dots = (0..hidden).rev().map(Label::Ellipsis);
        letters(before).into_iter().chain(dots).chain(letters(after)).collect()
    }
}

/// An equation as written.
#[derive(Debug)]
struct Equation {
    operands: Vec<Term>,
    result: Option<Term>,
}

/// An equation with a label for each axis.
struct Labelled {
    operands: Vec<Labels>,
    result: Labels,
}

impl Equation {
    fn parse(text: &str) -> Result<Equation, TypeError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (operands, result) = match text.split_once("->") {
            Some((operands, result)) => (operands, Some(Term::parse(result)?)),
            None => (&text[..], None),
        };
        let operands = operands.split(',').map(Term::parse).collect::<Result<_, _>>()?;
        Ok(Equation { operands, result })
    }

    /// Gives each axis of operands of these types its label.
    fn label(&self, types: &[&TensorType]) -> Result<Labelled, TypeError> {
        if self.operands.len() != types.len() {
            let reason = format!("{} terms for {} operands", self.operands.len(), types.len());
            return Err(malformed(reason));
        }
        let mut operands = Vec::with_capacity(types.len());
        let mut hidden = 0;
        for (operand, (term, ty)) in self.operands.iter().zip(types).enumerate() {
            let dots = ty.rank().checked_sub(term.letters.len());
            let dots = dots.filter(|&d| d == 0 || term.ellipsis.is_some()).ok_or_else(|| {
                malformed(format!(
                    "{} labels for operand {operand} of rank {}",
                    term.letters.len(),
                    ty.rank()
                ))
            })?;
            operands.push(term.labels(dots));
            hidden = hidden.max(dots);
        }
        let result = match &self.result {
            Some(term) => checked_result(term, hidden, &operands)?,
            None => implicit_result(hidden, &operands),
        };
        Ok(Labelled { operands, result })
    }
}

fn checked_result(term: &Term, hidden: usize, operands: &[Labels]) -> Result<Labels, TypeError> {
    if term.ellipsis.is_none() && hidden > 0 {
        return Err(malformed("the result must have `...`, as its operands do"));
    }
    let result = term.labels(hidden);
    for (i, label) in result.iter().enumerate() {
        if result[..i].contains(label) {
            return Err(malformed(format!("{label} is twice in the result")));
        }
        if !operands.iter().any(|labels| labels.contains(label)) {
            return Err(malformed(format!("{label} of the result is in no operand")));
        }
    }
    Ok(result)
}

fn implicit_result(hidden: usize, operands: &[Labels]) -> Labels {
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    for &label in operands.iter().flatten() {
        *counts.entry(label).or_default() += 1;
    }
    let single =
        |(&label, &n): (&Label, &usize)| (n == 1 && matches!(label, Label::Letter(_))).then_some(label);
    (0..hidden).rev().map(Label::Ellipsis).chain(counts.iter().filter_map(single)).collect()
}

/// The extent of each label, which all operands must agree on.
fn extents(operands: &[Labels], types: &[&TensorType]) -> Result<Extents, TypeError> {
    let mut extents = Extents::new();
    for (operand, (labels, ty)) in operands.iter().zip(types).enumerate() {
        for (&label, &dim) in labels.iter().zip(ty.shape.iter()) {
            let known = *extents.entry(label).or_insert(dim);
            let joint = known.broadcast(dim).ok_or_else(|| {
                malformed(format!("{label} has extent {dim} in operand {operand} and {known} before"))
            })?;
            extents.insert(label, joint);
        }
    }
    Ok(extents)
}

/// A value whose axes have distinct labels.
struct Factor {
    value: Value,
    labels: Labels,
}

/// An operand without axes that broadcast, and with diagonals taken.
fn factor(b: &mut Builder, x: Value, labels: &Labels, extents: &Extents) -> Result<Factor, TypeError> {
    let shape = b.shape(x);
    let full = |&axis: &usize| shape[axis] == extents[&labels[axis]];
    let kept: Axes = (0..shape.rank()).filter(full).collect();
    let mut labels: Labels = kept.iter().map(|&axis| labels[axis]).collect();
    let mut value = x;
    if kept.len() < shape.rank() {
        value = b.reshape(x, kept.iter().map(|&axis| shape[axis]).collect::<Shape>())?;
    }
    while let Some((first, second)) = repeated(&labels) {
        value = diagonal(b, value, first, second)?;
        let label = labels.remove(second);
        labels.remove(first);
        labels.push(label);
    }
    Ok(Factor { value, labels })
}

/// Two axes with the same label.
fn repeated(labels: &Labels) -> Option<(usize, usize)> {
    (0..labels.len()).find_map(|second| {
        let first = labels[..second].iter().position(|l| *l == labels[second])?;
        Some((first, second))
    })
}

/// How many factors have each label; the result counts as one.
struct Uses(BTreeMap<Label, usize>);

impl Uses {
    fn count(equation: &Labelled) -> Uses {
        let mut uses = Uses(BTreeMap::new());
        for labels in equation.operands.iter().chain([&equation.result]) {
            for (i, &label) in labels.iter().enumerate() {
                *uses.0.entry(label).or_default() += usize::from(!labels[..i].contains(&label));
            }
        }
        uses
    }

    /// Uses of the label by anybody but these two.
    fn beside(&self, left: &Factor, right: &Factor, label: &Label) -> usize {
        let here = usize::from(left.labels.contains(label)) + usize::from(right.labels.contains(label));
        self.0[label].saturating_sub(here)
    }

    /// The uses when `product` stands for `left` and `right`.
    fn replace(&mut self, left: &Factor, right: &Factor, product: &Factor) {
        for label in left.labels.iter().chain(&right.labels) {
            self.0.entry(*label).and_modify(|n| *n -= 1);
        }
        for label in &product.labels {
            self.0.entry(*label).and_modify(|n| *n += 1);
        }
    }
}

/// The factor summed over the labels that nobody else has.
fn sum_private(b: &mut Builder, factor: Factor, uses: &mut Uses) -> Result<Factor, BuildError> {
    let (private, kept): (Axes, Axes) =
        (0..factor.labels.len()).partition(|&axis| uses.0[&factor.labels[axis]] == 1);
    if private.is_empty() {
        return Ok(factor);
    }
    let value = b.sum_over(factor.value, &private)?;
    Ok(Factor { value, labels: kept.iter().map(|&axis| factor.labels[axis]).collect() })
}

/// Above that many factors, pairs are taken as they come: looking for the best costs their number cubed.
const SEARCHED_FACTORS: usize = 16;

/// The product of all factors, summed over the labels that are not in the result.
fn multiply(
    b: &mut Builder,
    mut factors: Vec<Factor>,
    mut uses: Uses,
    extents: &Extents,
) -> Result<Factor, TypeError> {
    while factors.len() > 1 {
        let (first, second) = best_pair(&factors, &uses, extents);
        let right = factors.swap_remove(second);
        let left = &factors[first];
        let product = pair(b, left, &right, |label| uses.beside(left, &right, label) > 0)?;
        uses.replace(left, &right, &product);
        factors[first] = product;
    }
    factors.pop().ok_or_else(|| malformed("needs an operand"))
}

/// The pair whose product has the fewest elements; the first among equals.
fn best_pair(factors: &[Factor], uses: &Uses, extents: &Extents) -> (usize, usize) {
    let count = factors.len();
    if count == 2 || count > SEARCHED_FACTORS {
        return (count - 2, count - 1);
    }
    let pairs = (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
    let size =
        |&(first, second): &(usize, usize)| product_size(&factors[first], &factors[second], uses, extents);
    pairs.min_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or((0, 1))
}

fn product_size(left: &Factor, right: &Factor, uses: &Uses, extents: &Extents) -> f64 {
    let union = left.labels.iter().chain(right.labels.iter().filter(|l| !left.labels.contains(l)));
    let kept = union.filter(|l| uses.beside(left, right, l) > 0);
    kept.map(|l| extents[l].size() as f64).product()
}

/// The product of two factors, summed over the labels that both have and nobody else needs.
fn pair(
    b: &mut Builder,
    left: &Factor,
    right: &Factor,
    needed: impl Fn(&Label) -> bool,
) -> Result<Factor, TypeError> {
    let shared: Labels = left.labels.iter().copied().filter(|l| right.labels.contains(l)).collect();
    let (batch, summed): (Labels, Labels) = shared.iter().copied().partition(|l| needed(l));
    let free = |f: &Factor| f.labels.iter().copied().filter(|l| !shared.contains(l)).collect::<Labels>();
    let labels: Labels = batch.iter().copied().chain(free(left)).chain(free(right)).collect();
    if summed.is_empty() {
        let shape: Shape =
            labels.iter().map(|l| extent(b, left, l).or(extent(b, right, l)).unwrap_or(Dim::ONE)).collect();
        let lhs = spread(b, left, &labels, &shape)?;
        let rhs = spread(b, right, &labels, &shape)?;
        return Ok(Factor { value: b.mul(lhs, rhs)?, labels });
    }
    let axes = |f: &Factor, of: &Labels| of.iter().filter_map(|l| position(f, l)).collect::<Axes>();
    let op = DotGeneral {
        lhs_batch: axes(left, &batch),
        rhs_batch: axes(right, &batch),
        lhs_contract: axes(left, &summed),
        rhs_contract: axes(right, &summed),
        dtype: b.tensor(left.value).dtype,
    };
    Ok(Factor { value: b.push_one(op, &[left.value, right.value])?, labels })
}

fn position(factor: &Factor, label: &Label) -> Option<usize> {
    factor.labels.iter().position(|l| l == label)
}

fn extent(b: &Builder, factor: &Factor, label: &Label) -> Option<Dim> {
    position(factor, label).map(|axis| b.tensor(factor.value).shape[axis])
}

/// The factor's value with its axes in the order of `labels`; labels that it does not have are left out.
fn aligned(b: &mut Builder, factor: &Factor, labels: &Labels) -> Result<Value, BuildError> {
    let order: Axes = labels.iter().filter_map(|l| position(factor, l)).collect();
    if order.is_sorted() { Ok(factor.value) } else { b.transpose(factor.value, order) }
}

/// The factor's value repeated along the axes of `labels` that it does not have.
fn spread(b: &mut Builder, factor: &Factor, labels: &Labels, shape: &Shape) -> Result<Value, BuildError> {
    let value = aligned(b, factor, labels)?;
    let axes: Axes = (0..labels.len()).filter(|&axis| position(factor, &labels[axis]).is_some()).collect();
    if axes.len() == labels.len() { Ok(value) } else { b.broadcast_in_dim(value, shape.clone(), axes) }
}
