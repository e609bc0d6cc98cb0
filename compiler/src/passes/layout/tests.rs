//! What is transposed, and what is left alone.

use super::Layout;
use crate::passes::testing::{check_unchanged, graph, plain_text, run};

/// A convolution of images with channels first.
fn conv(operands: &str, strides: &str) -> String {
    format!(
        "conv({operands}) {{lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1], lhs_spatial = [2, 3], rhs_spatial = [2, 3], \
         strides = {strides}, low = [1, 1], high = [1, 1], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 1, 2, 3], sum_order = [1, 2, 0], dtype = f32}}"
    )
}

fn transposes(text: &str) -> usize {
    let new = run(&Layout, &graph(text)).expect("it is laid out");
    plain_text(&new).matches("transpose(").count()
}

/// Only the first image, the kernels and the result are transposed: not what the branches of a block read.
#[test]
fn a_block_with_a_residual_is_transposed_at_its_ends() {
    let (first, second, third) =
        (conv("%x, %v", "[2, 2]"), conv("%b, %w", "[1, 1]"), conv("%d, %w", "[1, 1]"));
    let text = format!(
        "graph @f(%x: f32[1,3,64,64], %v: f32[4,3,3,3], %w: f32[4,4,3,3], %s: f32[4]) {{
           %a = {first}
           %b = tanh(%a)
           %c = {second}
           %t = broadcast_in_dim(%s) {{shape = [1,4,32,32], axes = [1]}}
           %u = mul(%c, %t)
           %d = add(%u, %b)
           %e = {third}
           %y = add(%e, %d)
           return %y
         }}"
    );
    // The image, three kernels, the scale of channels, the result.
    assert_eq!(transposes(&text), 6);
}

#[test]
fn a_pool_and_a_concatenation_of_channels_follow() {
    let window = "[[1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 1, 1], [2, 2, 0, 0, 1, 1], [2, 2, 0, 0, 1, 1]]";
    let text = format!(
        "graph @f(%x: f32[1,3,64,64], %v: f32[4,3,3,3]) {{
           %a = {}
           %b = reduce_window(%a) {{kind = max, window = {window}}}
           %c = concat(%b, %b) {{axis = 1}}
           return %c
         }}",
        conv("%x, %v", "[2, 2]")
    );
    assert_eq!(transposes(&text), 3);
}

#[test]
fn by_itself_a_convolution_of_long_rows_stays() {
    let text = format!(
        "graph @f(%x: f32[1,3,64,64], %v: f32[4,3,3,3]) {{ %a = {} return %a }}",
        conv("%x, %v", "[1, 1]")
    );
    check_unchanged(&Layout, &text);
}

/// Windows that are higher than the image are no gradients by kernels.
#[test]
fn low_images_are_transposed_too() {
    let text = "graph @f(%x: f32[1,3,40,3], %w: f32[4,3,5,5]) {
        %a = conv(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [1], lhs_spatial = [2, 3], rhs_spatial = [2, 3], strides = [1, 1], low = [2, 2], high = [2, 2], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 1, 2, 3], sum_order = [1, 2, 0], dtype = f32}
        return %a
    }";
    assert_eq!(transposes(text), 3);
}

#[test]
fn gradients_by_kernels_stay() {
    check_unchanged(
        &Layout,
        "graph @f(%x: f32[3,64,64,2], %y: f32[3,33,33,5]) {
           %a = conv(%x, %y) {lhs_batch = [], rhs_batch = [], lhs_contract = [0], rhs_contract = [0], lhs_spatial = [1, 2], rhs_spatial = [1, 2], strides = [1, 1], low = [0, 0], high = [0, 0], lhs_dilation = [1, 1], rhs_dilation = [2, 2], order = [2, 3, 0, 1], sum_order = [0, 1, 2], dtype = f32}
           return %a
         }",
    );
    check_unchanged(
        &Layout,
        "graph @f(%x: f32[3,2,64,64], %y: f32[3,5,32,32]) {
           %a = conv(%x, %y) {lhs_batch = [], rhs_batch = [], lhs_contract = [0], rhs_contract = [0], lhs_spatial = [2, 3], rhs_spatial = [2, 3], strides = [1, 1], low = [1, 1], high = [0, 0], lhs_dilation = [1, 1], rhs_dilation = [2, 2], order = [1, 0, 2, 3], sum_order = [0, 1, 2], dtype = f32}
           return %a
         }",
    );
}
