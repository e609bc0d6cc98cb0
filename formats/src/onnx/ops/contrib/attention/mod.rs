//! Attention as ONNX Runtime's operators have it, which hold projections, caches and masks of many forms.

mod grouped;
mod heads;
mod mask;
mod multi;
mod packed;
mod rotary;
mod stored;

use super::super::Apply;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Attention", packed::attention),
    ("QAttention", packed::quantized_attention),
    ("MultiHeadAttention", multi::multi_head_attention),
    ("DecoderMaskedMultiHeadAttention", multi::decoder_attention),
    ("GroupQueryAttention", grouped::group_query_attention),
    ("RotaryEmbedding", rotary::rotary),
    ("MRotaryEmbedding", rotary::rotary_of_streams),
];
