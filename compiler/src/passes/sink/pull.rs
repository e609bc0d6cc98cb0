//! Index maps up a tree of element-wise functions.
//!
//! The *tree* of an index map is the function that made its operand, the functions that made that one's operands and so on,
//! as long as nothing else needs their results. Its *leaves* are the values where it ends. The index map of the root is the tree
//! of index maps of the leaves.
//!
//! The *price* of a leaf is the number of index maps that it then has, less the number that it had and that is needed
//! no more. So the price of a leaf that undoes the index map is -1, that of a broadcast scalar 0, and that of any other value 1.
//! A transpose, reshape or reversal moves up if the prices add up to 0 or less, for then one index map fewer is left. A section
//! always moves up: functions of fewer elements cost less.

use smallvec::SmallVec;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::{BuildError, Node, Op, Shape, Value};

use super::Before;
use crate::passes::canonicalise::append;
use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::{Operands, Rewriter, Site};

/// Functions of a tree; what is beyond waits for the next sweep.
const MAX_TREE: usize = 64;

/// Which functions an index map moves past.
struct Tree<'a, 'g> {
    before: &'a Before<'g>,
    view: &'g Op,
    passed: SmallVec<[Value; 8]>,
    room: usize,
}

/// Moves a transpose, reshape or reversal to the leaves if one index map fewer is left.
pub(super) fn to_its_like<'g>(r: &mut Rewriter<'g>, before: &Before<'g>, site: &Site<'g>) -> Rewritten {
    let mut tree = Tree { before, view: &site.node.op, passed: SmallVec::new(), room: MAX_TREE };
    let root = site.node.operands[0];
    match tree.function(root) {
        Some(function) if tree.price_of_operands(function) <= 0 => {
            tree.passed.push(root);
            tree.moved(r, root, &r.result_shape(site)).map(Some)
        }
        _ => Ok(None),
    }
}

/// Moves a section to the leaves.
pub(super) fn section<'g>(r: &mut Rewriter<'g>, before: &Before<'g>, site: &Site<'g>) -> Rewritten {
    let mut tree = Tree { before, view: &site.node.op, passed: SmallVec::new(), room: MAX_TREE };
    let root = site.node.operands[0];
    tree.pass_everything(root);
    if tree.passed.is_empty() {
        return Ok(None);
    }
    tree.moved(r, root, &r.result_shape(site)).map(Some)
}

impl<'g> Tree<'_, 'g> {
    /// The element-wise function that made the value for one reader.
    fn function(&mut self, value: Value) -> Option<&'g Node> {
        let node = self.before.only_for_one(value).filter(|node| self.before.is_elementwise(node))?;
        self.room = self.room.checked_sub(1)?;
        Some(node)
    }

    /// Recursion is as deep as there is room.
    fn price_of_operands(&mut self, function: &Node) -> i32 {
        let mut price = 0;
        for (i, &operand) in function.operands.iter().enumerate() {
            if !function.operands[..i].contains(&operand) {
                price += self.price(operand);
            }
        }
        price
    }

    /// The lower of the prices of the index map here and further up.
    fn price(&mut self, value: Value) -> i32 {
        let here = self.leaf_price(value);
        let passed = self.passed.len();
        let Some(function) = self.function(value) else { return here };
        let above = self.price_of_operands(function);
        if above < here {
            self.passed.push(value);
            above
        } else {
            self.passed.truncate(passed);
            here
        }
    }

    fn leaf_price(&self, value: Value) -> i32 {
        let before = self.before;
        let Some((_, node)) = before.graph.producer(value) else { return 1 };
        let given_up = i32::from(before.uses[value.index()] == 1);
        match (self.view, &node.op) {
            (_, Op::BroadcastInDim(op)) if op.axes.is_empty() => 0,
            (Op::Transpose(outer), Op::Transpose(inner)) => {
                let both: Axes = outer.permutation.iter().map(|&axis| inner.permutation[axis]).collect();
                i32::from(!both.is_sorted()) - given_up
            }
            (Op::Transpose(outer), Op::BroadcastInDim(op)) => {
                let place = |axis: usize| outer.permutation.iter().position(|&from| from == axis);
                let axes: SmallVec<[Option<usize>; 6]> = op.axes.iter().map(|&axis| place(axis)).collect();
                i32::from(!axes.is_sorted())
            }
            (Op::Transpose(_), Op::Iota(_)) => 0,
            (Op::Reshape(outer), Op::Reshape(_)) => {
                i32::from(*before.shape(node.operands[0]) != outer.shape) - given_up
            }
            (Op::Reverse(outer), Op::Reverse(inner)) => i32::from(outer != inner) - given_up,
            _ => 1,
        }
    }

    fn pass_everything(&mut self, root: Value) {
        let mut open = vec![root];
        while let Some(value) = open.pop() {
            if let Some(function) = self.function(value) {
                self.passed.push(value);
                open.extend_from_slice(&function.operands);
            }
        }
    }

    /// The index map of the value, which has this shape.
    fn moved(&self, r: &mut Rewriter<'_>, value: Value, shape: &Shape) -> Result<Value, BuildError> {
        if !self.passed.contains(&value) {
            return self.leaf(r, value, shape);
        }
        let (_, node) = self.before.graph.producer(value).expect("a function that was passed");
        let operands: Result<Operands, BuildError> =
            node.operands.iter().map(|&operand| self.moved(r, operand, shape)).collect();
        let location = node.location.clone();
        let operands = operands?;
        r.build_at(location).push_one(node.op.clone(), &operands)
    }

    fn leaf(&self, r: &mut Rewriter<'_>, value: Value, shape: &Shape) -> Result<Value, BuildError> {
        let value = r.current(value);
        if let Some((Op::BroadcastInDim(op), operands)) = made_by(r.graph(), value)
            && op.axes.is_empty()
        {
            let scalar = operands[0];
            return r.build().broadcast_in_dim(scalar, shape.clone(), []);
        }
        append(r, self.view, value, shape)
    }
}
