#!/usr/bin/env python3
"""Writes models of one operator each, with random attributes, inputs and the outputs of ONNX Runtime.

python3 scripts/onnx_random.py FOLDER [COUNT] [SEED] [OPERATOR..]
cargo test -p tensorwright-formats --test onnx -- FOLDER

COUNT is that of models for each operator. What ONNX Runtime refuses is left out. It needs the packages numpy, onnx and onnxruntime.
"""
import pathlib
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import onnx_contrib
from onnx_contrib import LEARNING, MICROSOFT, Case

STANDARD = ""
MAKERS = {}


class Draw:
    """Random decisions for one model."""

    def __init__(self, case, random):
        self.case, self.random = case, random

    def size(self, low=1, high=5):
        return int(self.random.integers(low, high + 1))

    def one(self, *choices):
        return choices[int(self.random.integers(len(choices)))]

    def flag(self):
        return bool(self.random.integers(2))

    def some(self, low=0.0, high=1.0):
        return float(np.float32(self.random.uniform(low, high)))

    def normal(self, *shape, dtype=np.float32):
        return self.random.standard_normal(shape).astype(dtype)

    def whole(self, low, high, *shape, dtype=np.int64):
        return self.random.integers(low, high, shape).astype(dtype)

    def input(self, name, value):
        return self.case.input(name, value)

    def weights(self, name, value):
        """A constant or an input."""
        return self.case.constant(name, value) if self.flag() else self.case.input(name, value)

    def maybe(self, **attributes):
        """Some of the attributes."""
        return {name: value for name, value in attributes.items() if self.flag()}


def maker(domain, *operators):
    def note(make):
        for op in operators:
            MAKERS[op if domain == STANDARD else f"{domain}.{op}"] = (domain, op, make)
        return make

    return note


@maker(MICROSOFT, "Gelu", "QuickGelu", "FastGelu")
def activation(d, op):
    x = d.input("x", 2 * d.normal(d.size(), d.size()))
    more = {"alpha": d.some(0, 2)} if op == "QuickGelu" else {}
    d.case.node(op, [x], "y", **more)


@maker(MICROSOFT, "BiasGelu", "FastGelu")
def biased(d, op):
    n = d.size()
    d.case.node(op, [d.input("x", d.normal(d.size(), d.size(), n)), d.weights("b", d.normal(n))], "y")


@maker(MICROSOFT, "FusedMatMul")
def fused_matmul(d, op):
    m, k, n, batch = d.size(), d.size(), d.size(), [d.size() for _ in range(d.size(0, 2))]
    flags = {f"trans{x}": int(d.flag()) for x in "AB"}
    a = [*batch, k, m] if flags["transA"] else [*batch, m, k]
    b = [*batch, n, k] if flags["transB"] else [*batch, k, n]
    d.case.node(op, [d.input("a", d.normal(*a)), d.weights("b", d.normal(*b))], "y", alpha=d.some(-2, 2), **flags)


@maker(MICROSOFT, "FusedConv")
def fused_conv(d, op):
    groups, each, out = d.size(1, 3), d.size(1, 3), d.size(1, 3)
    x = d.input("x", d.normal(d.size(1, 2), groups * each, d.size(4, 8), d.size(4, 8)))
    kernel = [d.size(1, 3), d.size(1, 3)]
    inputs = [x, d.weights("w", d.normal(groups * out, each, *kernel))]
    if d.flag():
        inputs.append(d.weights("b", d.normal(groups * out)))
    name, numbers = d.one(("Relu", []), ("LeakyRelu", [d.some()]), ("Clip", [-d.some(), d.some()]), ("HardSigmoid", [d.some(), d.some()]), ("Tanh", []), ("Sigmoid", []))
    more = {"activation_params": numbers} if numbers else {}
    d.case.node(op, inputs, "y", activation=name, group=groups, kernel_shape=kernel, **more, **windows(d, 2))


def windows(d, axes, dilated=True):
    more = d.maybe(strides=[d.size(1, 3) for _ in range(axes)])
    if dilated:
        more |= d.maybe(dilations=[d.size(1, 2) for _ in range(axes)])
    if d.random.integers(3) == 0:
        return more | {"auto_pad": d.one("SAME_UPPER", "SAME_LOWER", "VALID")} if "dilations" not in more else more
    return more | d.maybe(pads=[d.size(0, 1) for _ in range(2 * axes)])


@maker(STANDARD, "Conv", "ConvTranspose")
def conv(d, op):
    axes, groups, each, out = d.size(1, 3), d.size(1, 3), d.size(1, 3), d.size(1, 3)
    x = d.input("x", d.normal(d.size(1, 2), groups * each, *[d.size(4, 7) for _ in range(axes)]))
    kernel = [d.size(1, 3) for _ in range(axes)]
    shape = [groups * out, each] if op == "Conv" else [groups * each, out]
    inputs = [x, d.weights("w", d.normal(*shape, *kernel))]
    if d.flag():
        inputs.append(d.weights("b", d.normal(groups * out)))
    more = windows(d, axes)
    if op == "ConvTranspose" and "strides" in more and d.flag():
        more["output_padding"] = [d.size(0, max(s - 1, 0)) for s in more["strides"]]
    d.case.node(op, inputs, "y", group=groups, kernel_shape=kernel, **more)


@maker(STANDARD, "MaxPool", "AveragePool", "LpPool")
def pool(d, op):
    axes = d.size(1, 3) if op != "LpPool" else d.size(1, 2)
    x = d.input("x", d.normal(d.size(1, 2), d.size(1, 3), *[d.size(4, 8) for _ in range(axes)]))
    more = windows(d, axes, op != "AveragePool") | d.maybe(ceil_mode=1)
    if op == "AveragePool":
        more |= d.maybe(count_include_pad=1)
    if op == "LpPool":
        more |= d.maybe(p=d.size(1, 3))
    kernel = [d.size(2, 3) for _ in range(axes)]
    d.case.node(op, [x], "y", wanted=d.one(1, 2) if op == "MaxPool" else 1, kernel_shape=kernel, **more)


@maker(STANDARD, "LSTM", "GRU", "RNN")
def recurrent(d, op):
    steps, batch, width, hidden = d.size(1, 4), d.size(1, 3), d.size(1, 4), d.size(1, 4)
    direction = d.one("forward", "reverse", "bidirectional")
    both = 2 if direction == "bidirectional" else 1
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    inputs = [d.input("x", d.normal(steps, batch, width)), d.weights("w", d.normal(both, gates * hidden, width)), d.weights("r", d.normal(both, gates * hidden, hidden))]
    inputs.append(d.weights("b", d.normal(both, 2 * gates * hidden)) if d.flag() else "")
    inputs.append(d.input("lengths", d.whole(1, steps + 1, batch, dtype=np.int32)) if d.flag() else "")
    inputs.append(d.input("h", d.normal(both, batch, hidden)) if d.flag() else "")
    if op == "LSTM":
        inputs.append(d.input("c", d.normal(both, batch, hidden)) if d.flag() else "")
        inputs.append(d.weights("p", d.normal(both, 3 * hidden)) if d.flag() else "")
    more = {}
    if op == "GRU":
        more |= d.maybe(linear_before_reset=1)
    if op == "LSTM":
        more |= d.maybe(input_forget=1)
    more |= d.maybe(clip=d.some(0.5, 2))
    if d.flag():
        each = {"LSTM": 3, "GRU": 2, "RNN": 1}[op]
        more["activations"] = [d.one("Sigmoid", "Tanh", "Relu", "Softsign", "Softplus") for _ in range(each * both)]
    d.case.node(op, inputs, "y", wanted=3 if op == "LSTM" else 2, direction=direction, hidden_size=hidden, **more)


@maker(MICROSOFT, "DynamicQuantizeLSTM")
def quantized_lstm(d, op):
    steps, batch, width, hidden = d.size(1, 4), d.size(1, 3), d.size(1, 4), d.size(1, 4)
    direction = d.one("forward", "reverse", "bidirectional")
    both, dtype = 2 if direction == "bidirectional" else 1, d.one(np.int8, np.uint8)
    low, high = (-128, 128) if dtype == np.int8 else (0, 256)
    per = d.flag()
    shape = [both, 4 * hidden] if per else [both]
    inputs = [d.input("x", d.normal(steps, batch, width)), d.case.constant("w", d.whole(low, high, both, width, 4 * hidden, dtype=dtype)), d.case.constant("r", d.whole(low, high, both, hidden, 4 * hidden, dtype=dtype))]
    inputs += [d.case.constant("b", d.normal(both, 8 * hidden)) if d.flag() else "", "", d.input("h", d.normal(both, batch, hidden)) if d.flag() else "", d.input("c", d.normal(both, batch, hidden)) if d.flag() else "", ""]
    zero = np.zeros(shape, dtype) if dtype == np.int8 else np.full(shape, 128, dtype)
    inputs += [d.case.constant("ws", np.abs(d.normal(*shape)) * np.float32(0.01)), d.case.constant("wz", zero), d.case.constant("rs", np.abs(d.normal(*shape)) * np.float32(0.01)), d.case.constant("rz", zero)]
    d.case.node(op, inputs, "y", wanted=3, direction=direction, hidden_size=hidden)


@maker(MICROSOFT, "SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
def skip(d, op):
    shape = [d.size(), d.size(), d.size(2, 6)]
    n = shape[-1]
    inputs = [d.input("x", d.normal(*shape)), d.input("s", d.normal(*shape)), d.weights("g", d.normal(n))]
    if op == "SkipLayerNormalization":
        inputs.append(d.weights("b", d.normal(n)) if d.flag() else "")
    if d.flag():
        inputs.append(d.weights("bias", d.normal(n)))
    d.case.node(op, inputs, "y", wanted=d.one(1, [0, 3]), **d.maybe(epsilon=d.some(0.001, 0.5)))


@maker(STANDARD, "LayerNormalization", "SimplifiedLayerNormalization")
def layer(d, op):
    shape = [d.size(1, 4) for _ in range(d.size(2, 4))]
    axis = int(d.random.integers(-len(shape), len(shape)))
    inputs = [d.input("x", d.normal(*shape)), d.weights("g", d.normal(*shape[axis:]))]
    if op == "LayerNormalization" and d.flag():
        inputs.append(d.weights("b", d.normal(*shape[axis:])))
    d.case.node(op, inputs, "y", axis=axis, **d.maybe(epsilon=d.some(0.001, 0.5)))


@maker(MICROSOFT, "EmbedLayerNormalization")
def embed(d, op):
    batch, tokens, width = d.size(1, 3), d.size(1, 4), d.size(2, 5)
    ids = d.input("ids", d.whole(0, 7, batch, tokens, dtype=np.int32))
    segments = d.flag()
    inputs = [ids, d.input("seg", d.whole(0, 2, batch, tokens, dtype=np.int32)) if segments else "", d.weights("t", d.normal(7, width)), d.weights("p", d.normal(tokens + 1, width))]
    inputs += [d.weights("k", d.normal(2, width)) if segments else "", d.weights("g", d.normal(width)), d.weights("b", d.normal(width))]
    inputs.append(d.input("mask", d.whole(0, 2, batch, tokens, dtype=np.int32)) if d.flag() else "")
    if d.flag():
        inputs.append(d.input("at", d.whole(0, tokens + 1, batch, tokens, dtype=np.int32)))
    d.case.node(op, inputs, "y", wanted=d.one(1, 2, 3), **d.maybe(epsilon=d.some(0.001, 0.5)))


@maker(MICROSOFT, "Attention")
def attention(d, op):
    batch, tokens, width, heads, each, value = d.size(1, 3), d.size(1, 4), d.size(1, 5), d.size(1, 3), d.size(1, 4), d.size(1, 4)
    value = d.one(each, value)
    whole = heads * (2 * each + value)
    inputs = [d.input("x", d.normal(batch, tokens, width)), d.weights("w", d.normal(width, whole)), d.weights("b", d.normal(whole)) if d.flag() else ""]
    past = d.size(1, 3) if d.flag() and value == each else 0
    kind = d.one("", "ends", "rows", "cube")
    mask = {"": None, "ends": d.whole(1, tokens + past + 1, batch), "rows": d.whole(0, 2, batch, tokens + past), "cube": d.whole(0, 2, batch, tokens, tokens + past)}[kind]
    inputs.append(d.input("mask", mask.astype(np.int32)) if kind else "")
    inputs.append(d.input("past", d.normal(2, batch, heads, past, each)) if past else "")
    if d.flag():
        inputs.append(d.input("bias", d.normal(d.one(1, batch), d.one(1, heads), tokens, tokens + past)))
    more = d.maybe(unidirectional=1, scale=d.some(0.1, 1), mask_filter_value=-d.some(1, 100))
    if value != each:
        more["qkv_hidden_sizes"] = [heads * each, heads * each, heads * value]
    d.case.node(op, inputs, "y", wanted=2 if past else 1, num_heads=heads, **more)


@maker(MICROSOFT, "MultiHeadAttention")
def multi_head(d, op):
    batch, queries, keys, heads, each, value = d.size(1, 3), d.size(1, 4), d.size(1, 4), d.size(1, 3), 2 * d.size(1, 3), d.size(1, 4)
    kind = d.one("apart", "cross")
    score = {3: TensorProto.FLOAT}
    if kind == "cross":
        inputs = [d.input("q", d.normal(batch, queries, heads * each)), d.input("k", d.normal(batch, heads, keys, each)), d.input("v", d.normal(batch, heads, keys, value))]
    else:
        inputs = [d.input("q", d.normal(batch, queries, heads * each)), d.input("k", d.normal(batch, keys, heads * each)), d.input("v", d.normal(batch, keys, heads * value))]
    inputs.append(d.weights("b", d.normal(heads * (2 * each + value))) if d.flag() else "")
    mask = d.one(None, d.whole(1, keys + 1, batch), d.whole(0, 2, batch, keys))
    inputs.append(d.input("mask", mask.astype(np.int32)) if mask is not None else "")
    inputs.append(d.input("bias", d.normal(d.one(1, batch), d.one(1, heads), queries, keys)) if d.flag() else "")
    d.case.node(op, inputs, "y", wanted=d.one(1, [0, 3]), types=score, num_heads=heads, **d.maybe(unidirectional=1, scale=d.some(0.1, 1)))


@maker(MICROSOFT, "GroupQueryAttention")
def grouped(d, op):
    shared, kv, each = d.size(1, 3), d.size(1, 2), 16
    heads, fresh = shared * kv, d.size(1, 4)
    past = d.size(1, 4) if fresh == 1 or d.flag() else 0
    q, k, v = d.input("q", d.normal(1, fresh, heads * each)), d.input("k", d.normal(1, fresh, kv * each)), d.input("v", d.normal(1, fresh, kv * each))
    whole = past + fresh
    caches = [d.input("pk", d.normal(1, kv, past, each)), d.input("pv", d.normal(1, kv, past, each))] if past else ["", ""]
    inputs = [q, k, v, *caches, d.input("last", np.array([whole - 1], np.int32)), d.case.constant("total", np.int32(whole))]
    more = d.maybe(scale=d.some(0.1, 1), softcap=d.some(0.5, 3), local_window_size=d.size(1, 4), smooth_softmax=1)
    if d.flag():
        more |= {"do_rotary": 1} | d.maybe(rotary_interleaved=1)
        inputs += [d.case.constant("cos", d.normal(whole + 1, each // 2)), d.case.constant("sin", d.normal(whole + 1, each // 2))]
    d.case.node(op, inputs, "y", wanted=3, num_heads=heads, kv_num_heads=kv, **more)


@maker(MICROSOFT, "RotaryEmbedding", "MRotaryEmbedding")
def rotary(d, op):
    batch, tokens, heads, each = d.size(1, 3), d.size(1, 4), d.size(1, 3), 2 * d.size(1, 6)
    joined = d.flag()
    x = d.input("x", d.normal(batch, tokens, heads * each) if joined else d.normal(batch, heads, tokens, each))
    more = d.maybe(interleaved=1)
    if op == "MRotaryEmbedding":
        more |= {"num_heads": heads} if joined else {}
        first, second = sorted(int(n) for n in d.random.integers(0, each // 2 + 1, 2))
        more |= {"mrope_section": [first, second - first, each // 2 - second]} | d.maybe(mrope_layout=1)
        if "mrope_layout" in more:
            part = each // 6
            more["mrope_section"] = [each // 2 - 2 * part, part, part]
        places = d.whole(0, 9, 3, batch, tokens)
    else:
        places = d.one(d.whole(0, 9, batch, tokens), np.array([d.size(0, 3)]))
    d.case.node(op, [x, d.input("at", places), d.case.constant("cos", d.normal(9, each // 2)), d.case.constant("sin", d.normal(9, each // 2))], "y", **more)


@maker(MICROSOFT, "MatMulNBits")
def n_bits(d, op):
    rows, columns, block, bits = d.size(1, 6), d.one(16, 32, 40, 48), d.one(16, 32), d.one(2, 4, 8)
    blocks = -(-columns // block)
    inputs = [d.input("x", d.normal(d.size(1, 3), columns)), d.case.constant("w", d.whole(0, 256, rows, blocks, block * bits // 8, dtype=np.uint8)), d.case.constant("s", d.normal(rows, blocks))]
    zeros = d.one(None, d.whole(0, 256, rows, -(-blocks * bits // 8), dtype=np.uint8), d.normal(rows, blocks))
    inputs.append(d.case.constant("z", zeros) if zeros is not None else "")
    if d.flag():
        inputs += ["", d.case.constant("b", d.normal(rows))]
    d.case.node(op, inputs, "y", K=columns, N=rows, bits=bits, block_size=block)


def quantized(d, name, *shape, dtype=None, constant=False):
    """Bytes, with a scale and a zero point."""
    dtype = dtype or d.one(np.uint8, np.int8)
    low, high = (0, 256) if dtype == np.uint8 else (-128, 128)
    put = d.case.constant if constant else d.input
    return [put(name, d.whole(low, high, *shape, dtype=dtype)), d.case.constant(f"{name}_scale", np.float32(d.some(0.005, 0.05))), d.case.constant(f"{name}_zero", np.array(d.whole(low, high, dtype=dtype)))], dtype


def result(d, dtype, scale=(0.01, 0.1)):
    low, high = (0, 256) if dtype == np.uint8 else (-128, 128)
    return [d.case.constant("y_scale", np.float32(d.some(*scale))), d.case.constant("y_zero", np.array(d.whole(low, high, dtype=dtype)))]


@maker(MICROSOFT, "QLinearAdd", "QLinearMul")
def q_binary(d, op):
    m, n = d.size(), d.size()
    x, dtype = quantized(d, "x", m, n)
    y, _ = quantized(d, "b", *d.one([m, n], [n], [m, 1]), dtype=dtype)
    d.case.node(op, [*x, *y, *result(d, dtype)], "y")


@maker(MICROSOFT, "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax")
def q_unary(d, op):
    x, dtype = quantized(d, "x", d.size(), d.size(), d.size())
    more = {"QLinearLeakyRelu": d.maybe(alpha=d.some())}.get(op, {})
    scale = (0.01, 0.1) if op == "QLinearLeakyRelu" else (0.0039, 0.004)
    if op == "QLinearSoftmax":
        more = {"axis": d.one(-1, 1, 2, 0), "opset": d.one(12, 13)}
    d.case.node(op, [*x, *result(d, dtype, scale)], "y", **more)


@maker(MICROSOFT, "QLinearAveragePool", "QLinearGlobalAveragePool")
def q_pool(d, op):
    last = d.flag()
    shape = [d.size(1, 2), d.size(4, 6), d.size(4, 6), d.size(1, 3)] if last else [d.size(1, 2), d.size(1, 3), d.size(4, 6), d.size(4, 6)]
    x, dtype = quantized(d, "x", *shape)
    more = {"channels_last": int(last)}
    if op == "QLinearAveragePool":
        more |= {"kernel_shape": [d.size(2, 3), d.size(2, 3)]} | windows(d, 2, False) | d.maybe(count_include_pad=1, ceil_mode=1)
    d.case.node(op, [*x, *result(d, dtype)], "y", **more)


@maker(MICROSOFT, "QLinearConcat")
def q_concat(d, op):
    m = d.size()
    first, dtype = quantized(d, "a", m, d.size())
    second, _ = quantized(d, "b", m, d.size(), dtype=dtype)
    d.case.node(op, [*result(d, dtype), *first, *second], "y", axis=d.one(1, -1))


@maker(STANDARD, "QLinearConv")
def q_conv(d, op):
    groups, each, out, axes = d.size(1, 2), d.size(1, 3), d.size(1, 3), d.size(1, 2)
    x, dtype = quantized(d, "x", d.size(1, 2), groups * each, *[d.size(4, 6) for _ in range(axes)])
    kernel = [d.size(1, 3) for _ in range(axes)]
    w, kind = quantized(d, "w", groups * out, each, *kernel, constant=True, dtype=d.one(np.int8, np.uint8) if dtype == np.uint8 else np.int8)
    if d.flag() and kind == np.int8:
        w[1] = d.case.constant("ws", np.abs(d.normal(groups * out)) * np.float32(0.02))
        w[2] = d.case.constant("wz", np.zeros(groups * out, np.int8))
    inputs = [*x, *w, *result(d, dtype)]
    if d.flag():
        inputs.append(d.case.constant("b", d.whole(-2000, 2000, groups * out, dtype=np.int32)))
    d.case.node(op, inputs, "y", group=groups, kernel_shape=kernel, **windows(d, axes))


@maker(STANDARD, "QLinearMatMul")
def q_matmul(d, op):
    m, k, n = d.size(), d.size(1, 40), d.size()
    x, dtype = quantized(d, "x", m, k)
    w, _ = quantized(d, "w", k, n, constant=d.flag(), dtype=d.one(np.int8, np.uint8) if dtype == np.uint8 else np.int8)
    d.case.node(op, [*x, *w, *result(d, dtype)], "y")


@maker(MICROSOFT, "DynamicQuantizeMatMul")
def dynamic(d, op):
    k, n, dtype = d.size(2, 20), d.size(), d.one(np.int8, np.uint8)
    w, _ = quantized(d, "w", k, n, constant=True, dtype=dtype)
    if d.flag():
        w[1] = d.case.constant("ws", np.abs(d.normal(n)) * np.float32(0.02))
        w[2] = d.case.constant("wz", np.full(n, 0 if dtype == np.int8 else 128, dtype))
    inputs = [d.input("x", d.normal(d.size(), k)), *w]
    if d.flag():
        inputs.append(d.case.constant("b", d.normal(n)))
    d.case.node(op, inputs, "y")


@maker(MICROSOFT, "MatMulIntegerToFloat")
def to_float(d, op):
    k, n = d.size(2, 20), d.size()
    x, dtype = quantized(d, "x", d.size(), k)
    w, _ = quantized(d, "w", k, n, constant=True, dtype=d.one(np.int8, np.uint8) if dtype == np.uint8 else np.int8)
    inputs = [x[0], w[0], x[1], w[1], x[2], w[2]]
    if d.flag():
        inputs.append(d.case.constant("b", d.normal(n)))
    d.case.node(op, inputs, "y")


@maker(MICROSOFT, "QGemm")
def q_gemm(d, op):
    m, k, n = d.size(), d.size(2, 20), d.size()
    flags = {"transA": int(d.flag()), "transB": int(d.flag())}
    x, dtype = quantized(d, "x", *([k, m] if flags["transA"] else [m, k]))
    w, _ = quantized(d, "w", *([n, k] if flags["transB"] else [k, n]), constant=True, dtype=d.one(np.int8, np.uint8) if dtype == np.uint8 else np.int8)
    inputs = [*x, *w, d.case.constant("c", d.whole(-999, 999, n, dtype=np.int32)) if d.flag() else ""]
    if d.flag():
        inputs += result(d, dtype)
    d.case.node(op, inputs, "y", alpha=d.some(0.5, 2), **flags)


@maker(MICROSOFT, "MoE", "QMoE")
def experts(d, op):
    count, tokens, width, inner = d.size(2, 5), d.size(1, 6), d.one(16, 32), d.one(16, 32)
    kind = d.one("relu", "gelu", "silu", "identity", "swiglu")
    fused = 2 if kind == "swiglu" else 1
    x, router = d.input("x", d.normal(tokens, width)), d.input("router", d.normal(tokens, count))
    more = d.maybe(normalize_routing_weights=1) | {"activation_type": kind, "k": d.size(1, count)}
    if kind == "swiglu":
        more |= {"swiglu_fusion": 1} | d.maybe(activation_alpha=d.some(0.5, 2), activation_beta=d.some(0, 1), swiglu_limit=d.some(1, 5))
    bias = d.flag()
    biases = [d.case.constant("b1", d.normal(count, fused * inner)) if bias else "", d.case.constant("b2", d.normal(count, width)) if bias else ""]
    if op == "MoE":
        inputs = [x, router, d.case.constant("w1", d.normal(count, fused * inner, width)), biases[0], d.case.constant("w2", d.normal(count, width, inner)), biases[1]]
    else:
        bits = d.one(4, 8)
        more |= {"expert_weight_bits": bits, "weights_prepacked": 0} | ({"block_size": 16} if d.flag() and bits == 4 else {})
        blocks = lambda n: [n // 16] if "block_size" in more else []
        pack = lambda name, a, b: d.case.constant(name, d.whole(0, 256, count, a, b * bits // 8, dtype=np.uint8))
        scale = lambda name, a, b: d.case.constant(name, np.abs(d.normal(count, a, *blocks(b))) * np.float32(0.05))
        inputs = [x, router, pack("w1", fused * inner, width), scale("s1", fused * inner, width), biases[0], pack("w2", width, inner), scale("s2", width, inner), biases[1]]
    d.case.node(op, inputs, "y", **more)


@maker(MICROSOFT, "NGramRepeatBlock")
def repeats(d, op):
    batch = d.size(1, 3)
    d.case.node(op, [d.input("ids", d.whole(0, 3, batch, d.size(2, 9))), d.input("scores", d.normal(batch, 4))], "y", ngram_size=d.size(1, 3))


@maker(MICROSOFT, "BranchwiseRMSNorm")
def branchwise(d, op):
    branches, width = d.size(1, 3), d.size(1, 5)
    flat = d.flag()
    x = d.input("x", d.normal(d.size(), branches * width) if flat else d.normal(d.size(), branches, width))
    inputs = [x] + ([d.weights("s", d.normal(*d.one([branches * width], [branches, width], [width])))] if d.flag() else [])
    d.case.node(op, inputs, "y", **({"num_branches": branches} if flat else {}), **d.maybe(epsilon=d.some(0.001, 0.5)))


@maker(MICROSOFT, "GatedAdd")
def gated_add(d, op):
    shape = [d.size(), d.size(), d.size()]
    d.case.node(op, [d.input("x", d.normal(*shape)), d.input("b", d.normal(*shape)), d.input("g", d.normal(*shape[:-1], 1))], "y")


@maker(MICROSOFT, "LinearAttentionGate")
def attention_gate(d, op):
    shape = [d.size(), d.size(), d.size()]
    more = [d.input("b", d.normal(*shape))] if d.flag() else []
    d.case.node(op, [d.input("a", d.normal(*shape)), d.weights("bias", d.normal(shape[-1])), d.weights("scale", d.normal(shape[-1])), *more], "y", wanted=1 + len(more))


@maker(STANDARD, "Crop", "ImageScaler", "Scale")
def old_image(d, op):
    d.case.opset = 7
    channels = d.size(1, 3)
    x = d.input("x", d.normal(1, channels, d.size(6, 8), d.size(6, 8)))
    more = {"Crop": {"border": [d.size(0, 2) for _ in range(4)]} | d.maybe(scale=[d.size(2, 4), d.size(2, 4)]),
            "ImageScaler": {"scale": d.some(0.5, 2), "bias": [d.some() for _ in range(channels)]}, "Scale": {"scale": d.some(0.5, 2)}}[op]
    d.case.node(op, [x], "y", **more)


@maker(STANDARD, "Resize")
def resize(d, op):
    shape = [1, d.size(1, 2), d.size(2, 6), d.size(2, 6)]
    x = d.input("x", d.normal(*shape))
    mode = d.one("nearest", "linear", "cubic")
    more = {"mode": mode, "coordinate_transformation_mode": d.one("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric")}
    if mode == "nearest":
        more |= {"nearest_mode": d.one("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")}
    else:
        more |= d.maybe(antialias=1)
    if mode == "cubic":
        more |= d.maybe(exclude_outside=1, cubic_coeff_a=-0.5)
    if d.flag():
        scales = [1.0, 1.0, d.some(0.4, 2.5), d.some(0.4, 2.5)]
        d.case.node(op, [x, "", d.case.constant("scales", np.array(scales, np.float32))], "y", **more)
    else:
        d.case.node(op, [x, "", "", d.case.constant("sizes", np.array([*shape[:2], d.size(1, 9), d.size(1, 9)]))], "y", **more)


@maker(STANDARD, "GridSample")
def grid_sample(d, op):
    shape = [d.size(1, 2), d.size(1, 2), d.size(2, 5), d.size(2, 5)]
    grid = d.random.uniform(-1.4, 1.4, (shape[0], d.size(1, 4), d.size(1, 4), 2)).astype(np.float32)
    d.case.node(op, [d.input("x", d.normal(*shape)), d.input("grid", grid)], "y", mode=d.one("linear", "nearest", "cubic"), padding_mode=d.one("zeros", "border", "reflection"), **d.maybe(align_corners=1))


@maker(STANDARD, "Pad")
def pad(d, op):
    rank = d.size(1, 4)
    shape = [d.size(3, 5) for _ in range(rank)]
    mode = d.one("constant", "reflect", "edge", "wrap")
    pads = d.whole(-1 if mode == "constant" else 0, 3, 2 * rank)
    inputs = [d.input("x", d.normal(*shape)), d.case.constant("pads", pads)]
    if mode == "constant" and d.flag():
        inputs.append(d.case.constant("fill", np.float32(d.some())))
    d.case.node(op, inputs, "y", mode=mode)


@maker(STANDARD, "Slice")
def slices(d, op):
    rank = d.size(1, 4)
    shape, axes = [d.size(1, 6) for _ in range(rank)], d.size(1, rank)
    chosen = d.random.permutation(rank)[:axes]
    steps = np.array([d.one(1, 2, -1, -2) for _ in range(axes)])
    starts, ends = d.whole(-8, 9, axes), d.whole(-8, 9, axes)
    inputs = [d.input("x", d.normal(*shape))] + [d.case.constant(n, v) for n, v in (("a", starts), ("b", ends), ("c", chosen), ("d", steps))]
    d.case.node(op, inputs, "y")


@maker(STANDARD, "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")
def reduced(d, op):
    rank = d.size(1, 4)
    x = d.normal(*[d.size(1, 4) for _ in range(rank)])
    x = np.abs(x) if op == "ReduceLogSum" else x
    inputs = [d.input("x", x)]
    if d.flag():
        inputs.append(d.case.constant("axes", d.random.permutation(rank)[: d.size(0, rank)] - d.one(0, rank)))
    d.case.node(op, inputs, "y", **d.maybe(keepdims=0, noop_with_empty_axes=1))


@maker(STANDARD, "TopK", "ArgMax", "ArgMin", "CumSum", "Softmax", "LogSoftmax", "Hardmax")
def along(d, op):
    rank = d.size(1, 4)
    shape = [d.size(1, 5) for _ in range(rank)]
    axis = int(d.random.integers(-rank, rank))
    x = d.input("x", d.normal(*shape))
    if op == "TopK":
        d.case.node(op, [x, d.case.constant("k", np.array([d.size(0, shape[axis])]))], "y", wanted=2, axis=axis, **d.maybe(largest=0))
    elif op == "CumSum":
        d.case.node(op, [x, d.case.constant("axis", np.array(axis))], "y", **d.maybe(exclusive=1, reverse=1))
    elif op in ("ArgMax", "ArgMin"):
        d.case.node(op, [x], "y", axis=axis, **d.maybe(keepdims=0, select_last_index=1))
    else:
        d.case.node(op, [x], "y", axis=axis)


@maker(STANDARD, "GatherElements", "ScatterElements", "GatherND", "ScatterND", "Gather")
def places(d, op):
    shape = [d.size(2, 4) for _ in range(3)]
    axis = int(d.random.integers(-3, 3))
    x = d.input("x", d.normal(*shape))
    if op == "Gather":
        d.case.node(op, [x, d.input("i", d.whole(-shape[axis], shape[axis], *[d.size(1, 3) for _ in range(d.size(0, 2))]))], "y", axis=axis)
    elif op == "GatherElements":
        part = [d.size(1, s) for s in shape]
        part[axis] = d.size(1, 5)
        d.case.node(op, [x, d.input("i", d.whole(-shape[axis], shape[axis], *part))], "y", axis=axis)
    elif op == "ScatterElements":
        part = [d.size(1, s) for s in shape]
        fold = d.one("none", "add", "mul", "max", "min")
        places = np.stack([d.random.permutation(shape[axis])[: part[axis]] for _ in range(int(np.prod(part)) // part[axis])])
        places = np.moveaxis(places.reshape([p for i, p in enumerate(part) if i != axis % 3] + [part[axis]]), -1, axis)
        d.case.node(op, [x, d.input("i", places.astype(np.int64)), d.input("u", d.normal(*part))], "y", axis=axis, reduction=fold)
    elif op == "GatherND":
        batch = d.one(0, 1)
        depth = d.size(1, 3 - batch)
        lead = [shape[0], d.size(1, 3)] if batch else [d.size(1, 3)]
        index = np.stack([d.whole(-shape[batch + i], shape[batch + i], *lead) for i in range(depth)], -1)
        d.case.node(op, [x, d.input("i", index)], "y", batch_dims=batch)
    else:
        depth, count = d.size(1, 3), d.size(1, 2)
        every = np.stack(np.meshgrid(*[np.arange(s) for s in shape[:depth]], indexing="ij"), -1).reshape(-1, depth)
        index = every[d.random.permutation(len(every))[:count]]
        d.case.node(op, [x, d.input("i", index), d.input("u", d.normal(len(index), *shape[depth:]))], "y", reduction=d.one("none", "add", "mul", "max", "min"))


@maker(STANDARD, "QuantizeLinear", "DequantizeLinear")
def quantize(d, op):
    shape, dtype = [d.size(2, 4), d.size(2, 6), d.size(2, 4)], d.one(np.uint8, np.int8, np.int16, np.uint16)
    axis, kind, block = int(d.random.integers(-3, 3)), d.one("all", "axis", "block"), 2
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
    parts = {"all": [], "axis": [shape[axis]], "block": [-(-s // block) if i == axis % 3 else s for i, s in enumerate(shape)]}[kind]
    scale = np.abs(d.normal(*parts)) * np.float32(0.1) + np.float32(0.01)
    x = d.normal(*shape) if op == "QuantizeLinear" else d.whole(low, high, *shape, dtype=dtype)
    inputs = [d.input("x", x), d.case.constant("scale", np.asarray(scale, np.float32))]
    more = {"axis": axis} | ({"block_size": block} if kind == "block" else {})
    if d.flag() or op == "QuantizeLinear":
        inputs.append(d.case.constant("zero", np.asarray(d.whole(low, high, *parts, dtype=dtype), dtype)))
    d.case.node(op, inputs, "y", **more)


@maker(STANDARD, "Einsum")
def einsum(d, op):
    sizes = dict(zip("abcd", [d.size(1, 4) for _ in range(4)]))
    left = "".join(d.random.permutation(list("abcd"))[: d.size(1, 4)])
    right = "".join(d.random.permutation(list("abcd"))[: d.size(1, 4)])
    both = sorted(set(left + right))
    out = "".join(x for x in d.random.permutation(both) if d.flag())
    shape = lambda names: [sizes[n] for n in names]
    d.case.node(op, [d.input("x", d.normal(*shape(left))), d.input("b", d.normal(*shape(right)))], "y", equation=f"{left},{right}->{out}")


@maker(STANDARD, "Attention")
def standard_attention(d, op):
    d.case.opset = 23
    batch, queries, keys, shared, kv, each, value = d.size(1, 2), d.size(1, 4), d.size(1, 4), d.size(1, 3), d.size(1, 2), d.size(1, 4), d.size(1, 4)
    heads = shared * kv
    past = d.size(1, 3) if d.flag() else 0
    inputs = [d.input("q", d.normal(batch, heads, queries, each)), d.input("k", d.normal(batch, kv, keys, each)), d.input("v", d.normal(batch, kv, keys, value))]
    mask = d.one(None, d.normal(queries, keys + past), d.normal(batch, 1, queries, keys + past), d.whole(0, 2, queries, keys + past).astype(bool))
    inputs.append(d.input("mask", mask) if mask is not None else "")
    if past:
        inputs += [d.input("pk", d.normal(batch, kv, past, each)), d.input("pv", d.normal(batch, kv, past, value))]
    d.case.node(op, inputs, "y", wanted=3 if past else 1, **d.maybe(is_causal=1, scale=d.some(0.1, 1), softcap=d.some(0.5, 3)))


TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")


@maker(LEARNING, "TreeEnsembleRegressor", "TreeEnsembleClassifier")
def trees(d, op):
    d.case.ml = 3
    is_class = op == "TreeEnsembleClassifier"
    count = d.size(2, 4) if is_class else d.size(1, 3)
    modes = d.one(("BRANCH_LEQ",), ("BRANCH_LT",), onnx_contrib.ORDERS)
    nodes, votes = onnx_contrib.forest(d.case, "class" if is_class else "target", modes=modes)
    more = {"post_transform": d.one(*TRANSFORMS)}
    if is_class:
        more |= {"classlabels_int64s": list(range(5, 5 + count))}
    else:
        more |= {"n_targets": count, "aggregate_function": d.one("SUM", "AVERAGE", "MIN", "MAX")}
        # A single score is another thing in ONNX Runtime than it says.
        more["post_transform"] = "NONE" if count == 1 else more["post_transform"]
    x = d.input("x", onnx_contrib.rows(d.case, d.size(1, 7), 4))
    d.case.node(op, [x], "y", wanted=2 if is_class else 1, **more, **nodes, **votes(list(range(count)), 0.05))


@maker(LEARNING, "LinearClassifier", "LinearRegressor")
def linear(d, op):
    count, width = d.size(2, 4), d.size(1, 5)
    dtype = d.one(np.float32, np.int64, np.int32, np.float64)
    x = d.input("x", (3 * d.normal(d.size(), width)).astype(dtype))
    numbers = {"coefficients": d.normal(count * width).tolist(), "intercepts": d.normal(count).tolist(), "post_transform": d.one(*TRANSFORMS)}
    if op == "LinearRegressor":
        d.input("x", (3 * d.normal(d.size(), width)))
        d.case.node(op, [x], "y", targets=count, **numbers)
    else:
        d.case.node(op, [x], "y", wanted=2, classlabels_ints=list(range(count)), **numbers, **d.maybe(multi_class=1))


@maker(LEARNING, "SVMRegressor", "SVMClassifier")
def support(d, op):
    classes, width = d.size(2, 4), d.size(1, 4)
    each = [d.size(1, 3) for _ in range(classes)]
    count = sum(each)
    x = d.input("x", d.normal(d.size(), width))
    more = {"kernel_type": d.one("LINEAR", "POLY", "RBF", "SIGMOID"), "kernel_params": [d.some(0.1, 0.6), d.some(), float(d.size(1, 3))], "support_vectors": d.normal(count * width).tolist()}
    if op == "SVMRegressor":
        d.case.node(op, [x], "y", coefficients=d.normal(count).tolist(), n_supports=count, rho=[d.some()], **d.maybe(one_class=1), **more)
        return
    pairs = classes * (classes - 1) // 2
    if d.flag():
        more |= {"prob_a": (-np.abs(d.normal(pairs)) - 0.2).tolist(), "prob_b": d.normal(pairs).tolist()}
    d.case.node(op, [x], "y", wanted=2, coefficients=d.normal(count * (classes - 1)).tolist(), vectors_per_class=each, rho=d.normal(pairs).tolist(), classlabels_ints=list(range(classes)), post_transform=d.one("NONE", "LOGISTIC", "SOFTMAX"), **more)


@maker(LEARNING, "Scaler", "Normalizer", "Imputer", "Binarizer")
def features(d, op):
    width = d.size(1, 5)
    x = d.normal(d.size(), width)
    if op == "Scaler":
        n = d.one(1, width)
        d.case.node(op, [d.input("x", x)], "y", offset=d.normal(n).tolist(), scale=d.normal(n).tolist())
    elif op == "Normalizer":
        d.case.node(op, [d.input("x", x)], "y", norm=d.one("MAX", "L1", "L2"))
    elif op == "Imputer":
        x[d.whole(0, 2, *x.shape).astype(bool)] = np.nan
        d.case.node(op, [d.input("x", x)], "y", imputed_value_floats=d.normal(d.one(1, width)).tolist(), replaced_value_float=float("nan"))
    else:
        d.case.node(op, [d.input("x", x)], "y", threshold=d.some(-1, 1))


def write(name, maker_, seed, folder):
    domain, op, make = maker_
    case = Case(f"{op}_{seed}", domain)
    onnx_contrib.CASES.pop(case.name)
    # The same for each operator, however many there are.
    case.random = np.random.default_rng([seed, *name.encode()])
    make(Draw(case, case.random), op)
    onnx_contrib.ROOT = folder
    case.write()


def main():
    folder = pathlib.Path(sys.argv[1])
    count, seed = (int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((2, 10), (3, 0)))
    names = sys.argv[4:] or list(MAKERS)
    refused = {}
    for name in names:
        for at in range(seed, seed + count):
            try:
                write(name, MAKERS[name], at, folder)
            except Exception as error:  # whatever ONNX Runtime or the checker says
                refused.setdefault(name, []).append(str(error).splitlines()[0][:160])
    for name, errors in refused.items():
        print(f"{name}: {len(errors)} of {count} refused: {errors[0]}")


if __name__ == "__main__":
    main()
