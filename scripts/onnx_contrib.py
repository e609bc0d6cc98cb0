#!/usr/bin/env python3
"""Writes the cases of contributed operators to formats/tests/contrib, with outputs of ONNX Runtime.

python3 scripts/onnx_contrib.py [CASE..]

It needs the packages numpy, onnx and onnxruntime; the cases were written by onnxruntime 1.32. A case is a model with one node for each mode of an
operator, whose inputs they share.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent / "formats/tests/contrib"
MICROSOFT, LEARNING = "com.microsoft", "ai.onnx.ml"
CASES = {}


class Case:
    """Inputs by name, and nodes that take them."""

    def __init__(self, name, domain=MICROSOFT, ml=5):
        self.name, self.domain, self.ml, self.opset = name, domain, ml, 21
        self.random = np.random.default_rng(len(name))
        self.inputs, self.maps, self.constants, self.nodes, self.asked, self.outputs = {}, {}, {}, [], [], []
        CASES[name] = self

    def normal(self, *shape):
        return self.random.standard_normal(shape).astype(np.float32)

    def integers(self, low, high, *shape, dtype=np.int32):
        return self.random.integers(low, high, shape).astype(dtype)

    def input(self, name, value):
        self.inputs[name] = np.asarray(value)
        return name

    def constant(self, name, value):
        self.constants[name] = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), name)
        return name

    def node(self, op, inputs, name, wanted=1, types=None, instead=None, **attributes):
        """A node; `wanted` are the outputs that are compared, a number or which. Other nodes may be asked for them: one with other inputs, or
        several, of operator, inputs, outputs, and attributes, whose outputs are numbers."""
        wanted = range(wanted) if isinstance(wanted, int) else wanted
        outputs = [f"{name}_{at}" if at in wanted else "" for at in range(max(wanted) + 1)]
        self.nodes.append(helper.make_node(op, inputs, outputs, domain=self.domain, **attributes))
        if instead is None:
            self.asked.append(self.nodes[-1])
        elif isinstance(instead, list):
            called = lambda names: [f"{name}_{x}" if isinstance(x, int) else x for x in names]
            for other, taken, given, numbers in instead:
                domain = numbers.pop("domain", "")
                self.asked.append(helper.make_node(other, called(taken), called(given), domain=domain, **numbers))
        else:
            attributes.pop("past_present_share_buffer", None)
            # With all outputs: without the caches it does not look at the past.
            more = [f"{name}_{at}" for at in range(len(outputs), 3)]
            self.asked.append(helper.make_node(instead[0], instead[1], outputs + more, domain=self.domain, **attributes))
        self.outputs += [(output, (types or {}).get(at)) for at, output in enumerate(outputs) if output]
        return outputs[0]

    def inner(self, op, inputs, output, **attributes):
        """A node of the standard whose result other nodes take."""
        node = helper.make_node(op, inputs, [output], **attributes)
        self.nodes.append(node)
        self.asked.append(node)
        return output

    def model(self, nodes):
        def info(name, value):
            dtype = TensorProto.STRING if value.dtype.kind in "UO" else helper.np_dtype_to_tensor_dtype(value.dtype)
            return helper.make_tensor_value_info(name, dtype, value.shape)

        def output(name, kind):
            if kind is None:
                return onnx.ValueInfoProto(name=name)
            return helper.make_tensor_value_info(name, kind, None) if isinstance(kind, int) else helper.make_value_info(name, kind)

        infos = [x if isinstance(x, onnx.ValueInfoProto) else info(name, x) for name, x in self.inputs.items()]
        graph = helper.make_graph(nodes, self.name, infos, [output(*pair) for pair in self.outputs])
        used = {name for node in nodes for name in node.input}
        graph.initializer.extend(value for name, value in self.constants.items() if name in used)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1), helper.make_opsetid(LEARNING, self.ml)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def write(self):
        model = self.model(self.nodes)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        # With more threads each of them quantises the rows of its own.
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.model(self.asked).SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run([name for name, _ in self.outputs], self.inputs | self.maps)
        # What ONNX Runtime finds is what the outputs are.
        for info, value in zip(model.graph.output, found):
            info.CopyFrom(self.kind(info.name, value))
        folder = ROOT / self.name / "test_data_set_0"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.pb"):
            old.unlink()
        (folder.parent / "model.onnx").write_bytes(model.SerializeToString())
        for kind, values in (("input", (self.inputs | self.maps).values()), ("output", found)):
            for at, value in enumerate(values):
                (folder / f"{kind}_{at}.pb").write_bytes(self.proto(value).SerializeToString())

    @staticmethod
    def kind(name, value):
        if isinstance(value, list):
            keys = TensorProto.STRING if isinstance(next(iter(value[0])), str) else TensorProto.INT64
            of = helper.make_map_type_proto(keys, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
            return helper.make_value_info(name, helper.make_sequence_type_proto(of))
        dtype = TensorProto.STRING if value.dtype.kind in "UO" else helper.np_dtype_to_tensor_dtype(value.dtype)
        return helper.make_tensor_value_info(name, dtype, value.shape)

    @staticmethod
    def map(entries):
        keys, values = list(entries), [numpy_helper.from_array(np.asarray(value, np.float32)) for value in entries.values()]
        found = onnx.MapProto(values=onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR, tensor_values=values))
        if isinstance(keys[0], str):
            found.key_type, found.string_keys[:] = TensorProto.STRING, [key.encode() for key in keys]
        else:
            found.key_type, found.keys[:] = TensorProto.INT64, keys
        return found

    @staticmethod
    def proto(value):
        if isinstance(value, dict):
            return Case.map(value)
        if isinstance(value, list):
            maps = [Case.map(entries) for entries in value]
            return onnx.SequenceProto(elem_type=onnx.SequenceProto.MAP, map_values=maps)
        return numpy_helper.from_array(np.asarray(value))


def case(write):
    """A function that says what is in the case of its name."""
    write(Case(write.__name__))
    return write


@case
def activations(c):
    x, bias = c.input("x", c.normal(2, 3, 4)), c.input("bias", c.normal(4))
    c.node("Gelu", [x], "gelu")
    c.node("FastGelu", [x], "fast")
    c.node("FastGelu", [x, bias], "fast_bias")
    c.node("BiasGelu", [x, bias], "bias_gelu")
    c.node("QuickGelu", [x], "quick")
    c.node("QuickGelu", [x], "quick_alpha", alpha=0.5)
    c.node("ScaledSiLU", [x], "silu", alpha=1.5)
    c.node("ScaledSiLU", [x, c.input("scale", np.float32(0.5))], "silu_scale")


@case
def fused_products(c):
    a, b = c.input("a", c.normal(2, 3, 4)), c.input("b", c.normal(2, 4, 5))
    at, bt = c.input("at", c.normal(2, 4, 3)), c.input("bt", c.normal(2, 5, 4))
    ab, atb = c.input("ab", c.normal(3, 2, 4)), c.input("atb", c.normal(4, 2, 3))
    bb, btb = c.input("bb", c.normal(4, 2, 5)), c.input("btb", c.normal(5, 2, 4))
    c.node("FusedMatMul", [a, b], "plain", alpha=0.5)
    c.node("FusedMatMul", [at, b], "left", transA=1)
    c.node("FusedMatMul", [a, bt], "right", transB=1)
    c.node("FusedMatMul", [at, bt], "both", transA=1, transB=1, alpha=2.0)
    c.node("FusedMatMul", [ab, b], "left_batch", transBatchA=1)
    c.node("FusedMatMul", [atb, b], "left_batch_both", transBatchA=1, transA=1)
    c.node("FusedMatMul", [a, bb], "right_batch", transBatchB=1)
    c.node("FusedMatMul", [ab, btb], "batches", transBatchA=1, transBatchB=1, transB=1)
    c.node("FusedMatMul", [a, c.input("vector", c.normal(4))], "vector", transA=0)
    c.node("TransposeMatMul", [at, b], "old", transA=1)
    m, n, k = c.input("m", c.normal(3, 4)), c.input("n", c.normal(4, 5)), c.input("k", c.normal(5))
    for name, numbers in (("Relu", []), ("LeakyRelu", [0.1]), ("Tanh", []), ("HardSigmoid", [0.3, 0.4]), ("Elu", [0.5]), ("Softplus", []),
                          ("ThresholdedRelu", [0.3]), ("Selu", [1.5, None, 1.1]), ("Celu", [0.7])):
        names = ("activation_alpha", "activation_beta", "activation_gamma")
        numbers = {name: number for name, number in zip(names, numbers) if number is not None}
        c.node("FusedGemm", [m, n, k], f"gemm_{name}", activation=name, alpha=0.5, beta=2.0, **numbers)


@case
def fused_convolutions(c):
    x, w, b = c.input("x", c.normal(1, 4, 5, 6)), c.constant("w", c.normal(4, 2, 3, 3)), c.constant("b", c.normal(4))
    z = c.input("z", c.normal(1, 4, 5, 6))
    for name, numbers in (("Relu", []), ("LeakyRelu", [0.1]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.3, 0.4]), ("Tanh", []), ("Sigmoid", [])):
        attributes = {"activation_params": numbers} if numbers else {}
        c.node("FusedConv", [x, w, b], name, activation=name, group=2, pads=[1, 1, 1, 1], **attributes)
    c.node("FusedConv", [x, w, b, z], "sum", activation="Relu", group=2, pads=[1, 1, 1, 1])
    c.node("FusedConv", [x, w], "none", group=2, strides=[2, 1], auto_pad="SAME_UPPER")
    c.node("ConvTransposeWithDynamicPads", [x, c.constant("v", c.normal(4, 3, 3, 3)), c.input("pads", np.array([1, 0, 0, 1]))], "transposed", strides=[2, 2])
    image = c.input("image", c.integers(0, 256, 1, 5, 6, 3, dtype=np.uint8))
    c.node("NhwcMaxPool", [image], "pool", kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 1])


@case
def layer_norms(c):
    x, skip = c.input("x", c.normal(2, 3, 4)), c.input("skip", c.normal(2, 3, 4))
    gamma, beta, bias = (c.constant(name, c.normal(4)) for name in ("gamma", "beta", "bias"))
    c.node("SkipLayerNormalization", [x, skip, gamma], "plain")
    c.node("SkipLayerNormalization", [x, skip, gamma, beta], "beta", epsilon=0.1)
    c.node("SkipLayerNormalization", [x, skip, gamma, beta, bias], "sum", wanted=[0, 3])
    c.node("SkipLayerNormalization", [x, c.input("broad", c.normal(1, 3, 4)), gamma, "", bias], "broad", wanted=[0, 3])
    c.node("SkipLayerNormalization", [x, c.input("flat", c.normal(3, 4)), gamma, beta], "flat")
    c.node("SkipSimplifiedLayerNormalization", [x, skip, gamma], "simple")
    c.node("SkipSimplifiedLayerNormalization", [x, skip, gamma, bias], "simple_sum", wanted=[0, 3])
    c.domain = ""
    c.node("SimplifiedLayerNormalization", [x, gamma], "standard", wanted=2)
    c.node("SimplifiedLayerNormalization", [x, c.constant("wide", c.normal(3, 4))], "axis", axis=1, epsilon=0.1)


@case
def embeddings(c):
    words, segments = c.input("words", c.integers(0, 7, 2, 3)), c.input("segments", c.integers(0, 2, 2, 3))
    table, places, kinds = c.constant("table", c.normal(7, 4)), c.constant("places", c.normal(5, 4)), c.constant("kinds", c.normal(2, 4))
    gamma, beta = c.constant("gamma", c.normal(4)), c.constant("beta", c.normal(4))
    mask = c.input("mask", np.array([[1, 1, 0], [1, 0, 0]], np.int32))
    c.node("EmbedLayerNormalization", [words, segments, table, places, kinds, gamma, beta], "plain", wanted=2)
    c.node("EmbedLayerNormalization", [words, "", table, places, "", gamma, beta, mask], "mask", wanted=3)
    c.node("EmbedLayerNormalization", [words, segments, table, places, kinds, gamma, beta, mask, c.input("at", c.integers(0, 5, 2, 3))], "at", wanted=3)
    whole = lambda name, *shape: c.constant(name, c.integers(0, 256, *shape, dtype=np.uint8))
    tables = [whole("qw", 7, 4), whole("qp", 5, 4), whole("qs", 2, 4), whole("qg", 4), whole("qb", 4)]
    scales = [c.constant(f"scale{i}", np.float32(0.01 * (i + 1))) for i in range(5)]
    zeros = [c.constant(f"zero{i}", np.uint8(100 + i)) for i in range(5)]
    c.node("QEmbedLayerNormalization", [words, segments, *tables, mask, *scales, *zeros], "quantized", wanted=2)


@case
def few_bits(c):
    rows, columns, block = 5, 40, 16
    blocks = -(-columns // block)
    x = c.input("x", c.normal(2, 2, columns))

    def packed(numbers, bits):
        per = 8 // bits
        numbers = np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, -numbers.shape[-1] % per)])
        return sum(numbers[..., i::per] << (bits * i) for i in range(per)).astype(np.uint8)

    scale = c.constant("scale", c.normal(rows, blocks))
    flat = c.constant("flat", c.normal(rows * blocks))
    bias = c.constant("bias", c.normal(rows))
    for bits in (2, 4, 8):
        w = c.constant(f"w{bits}", packed(c.integers(0, 2**bits, rows, blocks, block), bits))
        zeros = packed(c.integers(0, 2**bits, rows, blocks), bits)
        attributes = {"K": columns, "N": rows, "bits": bits, "block_size": block}
        c.node("MatMulNBits", [x, w, scale], f"plain{bits}", **attributes)
        c.node("MatMulNBits", [x, w, scale, c.constant(f"z{bits}", zeros), "", bias], f"zeros{bits}", **attributes)
        c.node("MatMulNBits", [x, w, flat, c.constant(f"zf{bits}", zeros.ravel())], f"flat{bits}", **attributes)
    c.node("MatMulNBits", [x, "w4", scale, c.constant("z", c.normal(rows, blocks))], "numbers", K=columns, N=rows, bits=4, block_size=block)
    c.node("MatMulNBits", [x, c.constant("none", np.zeros((0, blocks, 8), np.uint8)), scale, "", "", bias], "none", K=columns, N=rows, bits=4, block_size=block)
    codes = c.constant("codes", c.integers(0, 256, rows * columns // 2, dtype=np.uint8))
    most = c.constant("most", np.abs(c.normal(-(-rows * columns // block))))
    for kind in (0, 1):
        c.node("MatMulBnb4", [x, codes, most], f"table{kind}", K=columns, N=rows, quant_type=kind, block_size=block)
    places = c.input("places", np.array([[0, -1], [3, 2]]))
    for bits in (4, 8):
        w = c.constant(f"g{bits}", packed(c.integers(0, 2**bits, rows, columns), bits))
        z = c.constant(f"gz{bits}", packed(c.integers(0, 2**bits, rows, blocks), bits))
        attributes = {"bits": bits, "block_size": block, "quantize_axis": 1, "gather_axis": 0}
        c.node("GatherBlockQuantized", [w, places, scale], f"gather{bits}", **attributes)
        c.node("GatherBlockQuantized", [w, places, scale, z], f"gather_zeros{bits}", **attributes)
    numbers = c.integers(-8, 8, rows, columns)
    four = helper.make_tensor("i4", TensorProto.INT4, [rows, columns], numbers.ravel())
    c.node("GatherBlockQuantized", [c.constant("i4", four), places, scale], "gather_signed", block_size=block, quantize_axis=1)
    four = helper.make_tensor("u4", TensorProto.UINT4, [rows, columns], numbers.ravel() + 8)
    along = c.constant("along", c.normal(1, columns))
    c.node("GatherBlockQuantized", [c.constant("u4", four), places, along], "gather_along", block_size=16, quantize_axis=0, gather_axis=1)


@case
def attention(c):
    x, w, b = c.input("x", c.normal(2, 3, 5)), c.constant("w", c.normal(5, 24)), c.constant("b", c.normal(24))
    past = c.input("past", c.normal(2, 2, 2, 2, 4))
    masks = {
        "ends": np.array([2, 1]), "both": np.array([3, 2, 1, 0]), "rows": np.array([[1, 1, 0], [0, 1, 0]]),
        "square": np.array([[[1, 0, 0], [1, 1, 0], [0, 1, 1]], [[1, 1, 1], [0, 1, 1], [0, 0, 1]]]), "column": np.array([[1], [1]]),
        "nothing": np.zeros((2, 3)),
    }
    c.node("Attention", [x, w, b], "plain", num_heads=2, wanted=2)
    c.node("Attention", [x, w], "no_bias", num_heads=2, scale=0.3)
    c.node("Attention", [x, w, b], "causal", num_heads=2, unidirectional=1)
    for name, mask in masks.items():
        mask = c.input(name, mask.astype(np.int32))
        c.node("Attention", [x, w, b, mask], f"mask_{name}", num_heads=2)
        c.node("Attention", [x, w, b, mask], f"causal_{name}", num_heads=2, unidirectional=1, mask_filter_value=-50.0)
    c.node("Attention", [x, w, b, "", past], "past", num_heads=2, unidirectional=1, wanted=2)
    c.node("Attention", [x, w, b, c.input("long", np.array([[1, 1, 1, 0, 1], [0, 1, 1, 1, 1]], np.int32)), past], "past_mask", num_heads=2, wanted=2)
    c.node("Attention", [x, w, b, "rows", "", c.input("bias", c.normal(1, 2, 3, 3))], "bias", num_heads=2)
    c.node("Attention", [x, c.constant("v", c.normal(5, 28)), c.constant("vb", c.normal(28))], "wide", num_heads=2, qkv_hidden_sizes=[8, 8, 12])


@case
def quantized_attention(c):
    x, w, b = c.input("x", c.integers(0, 256, 2, 3, 5, dtype=np.uint8)), c.constant("w", c.integers(-128, 128, 5, 24, dtype=np.int8)), c.constant("b", c.normal(24))
    xs, ws, zero = c.constant("xs", np.float32(0.01)), c.constant("ws", np.float32(0.02)), c.constant("zero", np.uint8(128))
    wide, zeros = c.constant("wide", np.abs(c.normal(24)) * np.float32(0.02)), c.constant("zeros", np.zeros(24, np.int8))
    c.node("QAttention", [x, w, b, xs, ws, "", zero], "plain", num_heads=2)
    c.node("QAttention", [x, w, b, xs, wide, c.input("ends", np.array([2, 3], np.int32)), zero, zeros], "columns", num_heads=2)
    c.node("QAttention", [x, w, b, xs, ws, "", zero, "", c.input("past", c.normal(2, 2, 2, 2, 4))], "past", num_heads=2, unidirectional=1, wanted=2)


@case
def multi_head_attention(c):
    op = "MultiHeadAttention"
    q, k, v = c.input("q", c.normal(2, 3, 8)), c.input("k", c.normal(2, 5, 8)), c.input("v", c.normal(2, 5, 12))
    score = {3: TensorProto.FLOAT}
    c.node(op, [q, k, v], "cross", num_heads=2, wanted=4, types=score)
    c.node(op, [q, k, v, c.input("b", c.normal(28))], "bias", num_heads=2, scale=0.2)
    c.node(op, [q, c.input("k4", c.normal(2, 2, 5, 4)), c.input("v4", c.normal(2, 2, 5, 4))], "by_heads", num_heads=2)
    c.node(op, [q, "k4", "v4", c.input("b24", c.normal(24))], "by_heads_bias", num_heads=2)
    c.node(op, [q, k, v, "", c.input("ends", np.array([4, 2], np.int32))], "ends", num_heads=2, wanted=[0, 3], types=score)
    c.node(op, [q, k, v, "", c.input("rows", np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], np.int32))], "rows", num_heads=2)
    c.node(op, [q, k, v, "", c.input("square", c.integers(0, 2, 2, 3, 5)), c.input("more", c.normal(1, 1, 3, 5))], "square", num_heads=2, wanted=[0, 3], types=score)
    nk, nv, pk, pv = c.input("nk", c.normal(2, 3, 8)), c.input("nv", c.normal(2, 3, 8)), c.input("pk", c.normal(2, 2, 2, 4)), c.input("pv", c.normal(2, 2, 2, 4))
    c.node(op, [q, nk, nv, "", "", "", pk, pv], "past", num_heads=2, wanted=3)
    c.node(op, [q, nk, nv, "b24", "", "", pk, pv], "causal", num_heads=2, unidirectional=1, wanted=4, types=score)
    c.node(op, [q, nk, nv], "prompt", num_heads=2, unidirectional=1, wanted=4, types=score)
    one = [c.input(name, c.normal(2, 1, 8)) for name in ("q1", "k1", "v1")]
    room = [c.input("bk", c.normal(2, 2, 6, 4)), c.input("bv", c.normal(2, 2, 6, 4))]
    buffer = [*room, c.input("length", np.array([3], np.int32))]
    # ONNX Runtime reads a shared buffer only where it is shared, so the same is asked of it with the part that is filled.
    part = [c.constant(f"part{i}", c.inputs[name][:, :, :3]) for i, name in enumerate(room)]
    seen = c.input("seen", np.array([[1, 0, 1, 1], [1, 1, 1, 1]], np.int32))
    c.node("DecoderMaskedMultiHeadAttention", [*one, seen, "", *buffer], "decoder", num_heads=2, past_present_share_buffer=1,
           instead=(op, [*one, "", seen, "", *part]))
    c.node(op, [*one, "b24", seen, "", *buffer], "buffer", num_heads=2, instead=(op, [*one, "b24", seen, "", *part]))


@case
def group_query_attention(c):
    op, heads = "GroupQueryAttention", {"num_heads": 4, "kv_num_heads": 2}
    q, k, v = c.input("q", c.normal(1, 4, 64)), c.input("k", c.normal(1, 4, 32)), c.input("v", c.normal(1, 4, 32))
    last, total = c.input("last", np.array([3], np.int32)), c.input("total", np.int32(4))
    prompt = [q, k, v, "", "", last, total]
    cos, sin = (c.constant(name, x(c.normal(12, 8))) for name, x in (("cos", np.cos), ("sin", np.sin)))
    c.node(op, prompt, "prompt", wanted=3, **heads)
    c.node(op, prompt, "scores", wanted=4, qk_output=1, softcap=2.0, scale=0.3, types={3: TensorProto.FLOAT}, **heads)
    c.node(op, prompt, "weights", wanted=4, qk_output=2, local_window_size=2, types={3: TensorProto.FLOAT}, **heads)
    c.node(op, prompt, "both_ways", causal=0, **heads)
    c.node(op, prompt, "smooth", smooth_softmax=1, wanted=3, **heads)
    sink = c.input("sink", c.normal(4))
    c.node(op, [*prompt, "", "", "", "", sink], "sink", local_window_size=2, **heads)
    c.node(op, [*prompt, "", "", "", c.input("bias", c.normal(1, 4, 4, 4))], "bias", softcap=1.5, **heads)
    c.node(op, [c.input("packed", c.normal(1, 4, 128)), "", "", "", "", last, total, cos, sin], "packed", wanted=3, do_rotary=1, **heads)
    c.node(op, [*prompt, cos, sin], "pairs", wanted=3, do_rotary=1, rotary_interleaved=1, **heads)
    c.node(op, [*prompt, cos, sin], "partial", wanted=3, do_rotary=1, num_heads=2, kv_num_heads=1)
    c.node(op, [*prompt, cos, sin, c.input("at", np.array([[2, 3, 4, 5]]))], "at", wanted=3, do_rotary=1, **heads)
    one = [c.input(f"{name}1", c.normal(1, 1, width)) for name, width in (("q", 64), ("k", 32), ("v", 32))]
    past = [c.input("pk", c.normal(1, 2, 3, 16)), c.input("pv", c.normal(1, 2, 3, 16))]
    c.node(op, [*one, *past, last, total, cos, sin], "token", wanted=3, do_rotary=1, **heads)
    room = [c.input("rk", c.normal(1, 2, 7, 16)), c.input("rv", c.normal(1, 2, 7, 16))]
    c.node(op, [*one, *room, last, total], "room", wanted=3, **heads)
    c.node(op, [*one, *room, last, total], "room_window", wanted=3, local_window_size=2, **heads)
    c.node(op, [q, k, v, *room, c.input("last6", np.array([6], np.int32)), c.input("total7", np.int32(7)), cos, sin], "chunk", wanted=3, do_rotary=1, **heads)


@case
def ragged_attention(c):
    op, heads = "GroupQueryAttention", {"num_heads": 4, "kv_num_heads": 2}
    one = [c.input(f"{name}1", c.normal(3, 1, width)) for name, width in (("q", 64), ("k", 32), ("v", 32))]
    past = [c.input("pk", c.normal(3, 2, 5, 16)), c.input("pv", c.normal(3, 2, 5, 16))]
    last, total = c.input("last", np.array([5, 2, 0], np.int32)), c.input("total", np.int32(6))
    cos, sin = (c.constant(name, x(c.normal(12, 8))) for name, x in (("cos", np.cos), ("sin", np.sin)))
    c.node(op, [*one, *past, last, total], "token", wanted=3, **heads)
    c.node(op, [*one, *past, last, total, cos, sin], "turned", wanted=3, do_rotary=1, **heads)
    c.node(op, [*one, *past, last, total, cos, sin, c.input("at", np.array([[4], [1], [0]]))], "at", wanted=3, do_rotary=1, local_window_size=3, **heads)
    c.node(op, [*one, *past, last, total, "", "", "", c.input("bias", c.normal(3, 1, 1, 6)), c.input("sink", c.normal(4))], "bias", wanted=3, **heads)


@case
def small_caches(c):
    op, heads = "GroupQueryAttention", {"num_heads": 4, "kv_num_heads": 2}
    one = [c.input(f"{name}1", c.normal(1, 2, width)) for name, width in (("q", 64), ("k", 32), ("v", 32))]
    last, total = c.input("last", np.array([4], np.int32)), c.input("total", np.int32(5))
    past = [c.input(f"p{name}", c.integers(-128, 128, 1, 2, 3, 16, dtype=np.int8)) for name in "kv"]
    halves = [c.input(f"h{name}", c.integers(0, 256, 1, 2, 3, 8, dtype=np.uint8)) for name in "kv"]
    all_, columns = c.constant("all", np.array([0.02], np.float32)), c.constant("columns", (np.abs(c.normal(1, 2, 1, 16)) / 20 + 0.01).astype(np.float32))
    wide, wides = c.constant("wide", np.array([0.3], np.float32)), c.constant("wides", (np.abs(c.normal(1, 2, 1, 16)) / 2 + 0.1).astype(np.float32))
    for kind, scale, large in (("PER_TENSOR", all_, wide), ("PER_CHANNEL", columns, wides)):
        kinds = {"k_quant_type": kind, "v_quant_type": kind}
        c.node(op, [*one, *past, last, total, *[""] * 5, scale, scale], f"bytes_{kind.lower()}", wanted=3, kv_cache_bit_width=8, **kinds, **heads)
        c.node(op, [*one, *halves, last, total, *[""] * 5, large, large], f"halves_{kind.lower()}", wanted=3, kv_cache_bit_width=4, **kinds, **heads)


@case
def chunks(c):
    op, heads = "GroupQueryAttention", {"num_heads": 4, "kv_num_heads": 2}
    chunk = [c.input(f"{name}1", c.normal(2, 3, width)) for name, width in (("q", 64), ("k", 32), ("v", 32))]
    past = [c.input("pk", c.normal(2, 2, 8, 16)), c.input("pv", c.normal(2, 2, 8, 16))]
    last, total = c.input("last", np.array([5, 3], np.int32)), c.input("total", np.int32(8))
    cos, sin = (c.constant(name, x(c.normal(12, 8))) for name, x in (("cos", np.cos), ("sin", np.sin)))
    count = c.input("count", np.array([3, 3], np.int32))
    c.node(op, [*chunk, *past, last, total, cos, sin, *[""] * 7, count], "chunk", wanted=3, do_rotary=1, **heads)
    c.node(op, [*chunk, *past, last, total, *[""] * 9, count], "window", wanted=3, local_window_size=2, **heads)


@case
def rotary_embedding(c):
    x, x4 = c.input("x", c.normal(2, 3, 16)), c.input("x4", c.normal(2, 2, 3, 8))
    cos, sin = (c.constant(name, x(c.normal(6, 4))) for name, x in (("cos", np.cos), ("sin", np.sin)))
    narrow = [c.constant(name, x(c.normal(6, 2))) for name, x in (("cos2", np.cos), ("sin2", np.sin))]
    start, at = c.input("start", np.array([2])), c.input("at", c.integers(0, 6, 2, 3, dtype=np.int64))
    c.node("RotaryEmbedding", [x, start, cos, sin], "start")
    c.node("RotaryEmbedding", [x, at, cos, sin], "at", interleaved=1)
    c.node("RotaryEmbedding", [x4, at, cos, sin], "by_heads")
    c.node("RotaryEmbedding", [x, at, *narrow], "narrow", num_heads=2, rotary_embedding_dim=4)
    c.node("RotaryEmbedding", [x, at, *narrow], "narrow_pairs", num_heads=2, rotary_embedding_dim=4, interleaved=1)


@case
def quantized_elements(c):
    scale, zero = c.constant("s", np.float32(0.03)), c.constant("z", np.uint8(120))
    other, middle = c.constant("os", np.float32(0.02)), c.constant("oz", np.uint8(130))
    result, base = c.constant("rs", np.float32(0.043)), c.constant("rz", np.uint8(90))
    x, y = c.input("x", c.integers(0, 256, 2, 3, 4, dtype=np.uint8)), c.input("y", c.integers(0, 256, 3, 1, dtype=np.uint8))
    c.node("QLinearAdd", [x, scale, zero, y, other, middle, result, base], "add")
    c.node("QLinearMul", [x, scale, zero, y, other, middle, result, base], "mul")
    small, none = c.constant("small", np.float32(1 / 256)), c.constant("none", np.uint8(0))
    c.node("QLinearSigmoid", [x, scale, zero, small, none], "sigmoid")
    c.node("QLinearLeakyRelu", [x, scale, zero, other, base], "leaky", alpha=0.1)
    c.node("QLinearSoftmax", [x, scale, zero, small, none], "softmax", axis=-1, opset=13)
    c.node("QLinearSoftmax", [x, scale, zero, small, none], "softmax_axis", axis=1, opset=13)
    c.node("QLinearSoftmax", [x, scale, zero, small, none], "softmax_old", axis=1, opset=12)
    c.node("QLinearConcat", [result, base, x, scale, zero, c.input("x2", c.integers(0, 256, 2, 1, 4, dtype=np.uint8)), other, middle], "concat", axis=1)
    c.node("QLinearWhere", [c.input("which", np.array([[True], [False], [True]])), x, scale, zero, y, other, middle, result, base], "where")
    image, nhwc = c.input("image", c.integers(0, 256, 1, 3, 5, 6, dtype=np.uint8)), c.input("nhwc", c.integers(0, 256, 1, 5, 6, 3, dtype=np.uint8))
    sliding = {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [0, 1, 1, 1]}
    c.node("QLinearAveragePool", [image, scale, zero, result, base], "average", **sliding)
    c.node("QLinearAveragePool", [image, scale, zero, result, base], "average_padding", count_include_pad=1, **sliding)
    c.node("QLinearAveragePool", [nhwc, scale, zero, result, base], "average_last", channels_last=1, **sliding)
    c.node("QLinearGlobalAveragePool", [image, scale, zero, result, base], "global")
    c.node("QLinearGlobalAveragePool", [nhwc, scale, zero, result, base], "global_last", channels_last=1)
    signed = [c.input("i8", c.integers(-128, 128, 2, 5, dtype=np.int8)), scale, c.constant("iz", np.int8(-3))]
    c.node("QLinearAdd", [*signed, *signed, result, c.constant("irz", np.int8(4))], "add_signed")
    c.node("QLinearSigmoid", [*signed, small, c.constant("low", np.int8(-128))], "sigmoid_signed")
    c.node("QLinearSoftmax", [*signed, small, "low"], "softmax_signed", axis=-1, opset=13)
    numbers = c.input("numbers", c.normal(2, 3) * 3)
    c.node("QuantizeLinear", [numbers, scale, zero], "quantize")
    c.node("QuantizeLinear", [numbers, c.constant("sv", np.array([0.1, 0.2, 0.3], np.float32)), c.constant("zv", np.array([1, 2, 3], np.uint8))], "quantize_axis", axis=1)
    c.node("DequantizeLinear", [x, scale, zero], "dequantize")
    c.node("DequantizeLinear", [c.input("wide", c.integers(-1000, 1000, 2, 3)), scale], "dequantize_wide")


@case
def quantized_products(c):
    a, b = c.input("a", c.integers(0, 256, 2, 3, 4, dtype=np.uint8)), c.constant("b", c.integers(-128, 128, 4, 5, dtype=np.int8))
    one, two, zero = c.constant("one", np.float32(0.01)), c.constant("two", np.float32(0.02)), c.constant("zero", np.uint8(120))
    wide, zeros, bias = c.constant("wide", np.abs(c.normal(5)) / 32), c.constant("zeros", c.integers(-5, 5, 5, dtype=np.int8)), c.constant("bias", c.normal(5))
    c.node("MatMulIntegerToFloat", [a, b, one, two], "plain")
    c.node("MatMulIntegerToFloat", [a, b, one, two, zero, c.constant("bz", np.int8(3)), bias], "zero")
    c.node("MatMulIntegerToFloat", [a, b, one, wide, zero, zeros, bias], "columns")
    x = c.input("x", c.normal(2, 3, 4))
    c.node("DynamicQuantizeMatMul", [x, b, two], "dynamic")
    c.node("DynamicQuantizeMatMul", [x, b, wide, zeros, bias], "dynamic_columns")
    c.node("MatMulInteger16", [c.input("a16", c.integers(-900, 900, 3, 4, dtype=np.int16)), c.constant("b16", c.integers(-900, 900, 4, 5, dtype=np.int16))], "sixteen")
    m, mt, bt = c.input("m", c.integers(0, 256, 3, 4, dtype=np.uint8)), c.input("mt", c.integers(0, 256, 4, 3, dtype=np.uint8)), c.constant("bt", c.integers(-128, 128, 5, 4, dtype=np.int8))
    sum_, result, base = c.constant("sum", c.integers(-9000, 9000, 5)), c.constant("result", np.float32(0.3)), c.constant("base", np.uint8(100))
    c.node("QGemm", [m, one, zero, b, two, "bz"], "gemm")
    c.node("QGemm", [mt, one, zero, bt, wide, zeros, sum_, result, base], "gemm_whole", transA=1, transB=1, alpha=0.5)
    c.node("QGemm", [m, one, zero, bt, wide, zeros, sum_], "gemm_columns", transB=1)
    image, nhwc = c.input("image", c.integers(0, 256, 1, 4, 5, 6, dtype=np.uint8)), c.input("nhwc", c.integers(0, 256, 1, 5, 6, 4, dtype=np.uint8))
    kernel, filters = c.constant("kernel", c.integers(-128, 128, 6, 2, 3, 3, dtype=np.int8)), c.constant("filters", np.abs(c.normal(6)) / 32)
    rest = [kernel, filters, c.constant("fz", np.zeros(6, np.int8)), result, base, c.constant("fb", c.integers(-900, 900, 6))]
    c.node("QLinearConv", [image, one, zero, *rest], "conv", group=2, pads=[1, 1, 1, 1])
    c.node("QLinearConv", [nhwc, one, zero, *rest], "conv_last", group=2, pads=[1, 1, 1, 1], channels_last=1)


@case
def dequantized_products(c):
    """Products of the standard whose operands are dequantised, as files have them that were quantised for any runtime."""
    c.domain = ""
    a, b = c.input("a", c.integers(0, 256, 2, 3, 40, dtype=np.uint8)), c.constant("b", c.integers(-128, 128, 40, 24, dtype=np.int8))
    one, two, zero = c.constant("one", np.float32(0.01)), c.constant("two", np.float32(0.02)), c.constant("zero", np.uint8(120))
    wide, zeros = c.constant("wide", np.abs(c.normal(24)) / 32), c.constant("zeros", np.zeros(24, np.int8))
    x = c.inner("DequantizeLinear", [a, one, zero], "xa")
    whole = c.inner("DequantizeLinear", [b, two], "xb")
    columns = c.inner("DequantizeLinear", [b, wide, zeros], "xc", axis=1)
    rows = c.inner("DequantizeLinear", [b, c.constant("deep", np.abs(c.normal(40)) / 32), c.constant("none", np.zeros(40, np.int8))], "xr", axis=0)
    c.node("MatMul", [x, whole], "whole")
    c.node("MatMul", [x, columns], "columns")
    c.node("MatMul", [x, rows], "rows")
    m, t = c.input("m", c.integers(-128, 128, 17, 40, dtype=np.int8)), c.constant("t", c.integers(-128, 128, 24, 40, dtype=np.int8))
    m = c.inner("DequantizeLinear", [m, one, c.constant("low", np.int8(-7))], "xm")
    turned = c.inner("DequantizeLinear", [t, wide, zeros], "xt", axis=0)
    bias = c.constant("bias", c.normal(24))
    c.node("Gemm", [m, turned, bias], "gemm", transB=1, alpha=0.5)
    c.node("Gemm", [m, columns], "gemm_plain")
    y = c.inner("MatMul", [m, columns], "ym")
    c.node("QuantizeLinear", [y, c.constant("result", np.float32(0.3)), c.constant("base", np.uint8(100))], "quantised")


@case
def quantized_network(c):
    def weights(name, directions):
        w, r = c.integers(0, 256, directions, 3, 16, dtype=np.uint8), c.integers(0, 256, directions, 4, 16, dtype=np.uint8)
        return c.constant(f"w{name}", w), c.constant(f"r{name}", r)

    x = c.input("x", c.normal(4, 2, 3))
    w, r = weights("one", 1)
    scale, zero = c.constant("scale", np.array([0.005], np.float32)), c.constant("zero", np.array([120], np.uint8))
    c.node("DynamicQuantizeLSTM", [x, w, r, "", "", "", "", "", scale, zero, scale, zero], "plain", wanted=3, hidden_size=4)
    state = [c.input("h", c.normal(1, 2, 4)), c.input("cell", c.normal(1, 2, 4))]
    b, p = c.constant("b", c.normal(1, 32)), c.constant("p", c.normal(1, 12))
    c.node("DynamicQuantizeLSTM", [x, w, r, b, "", *state, p, scale, zero, scale, zero], "state", wanted=3, hidden_size=4, clip=1.5)
    w, r = weights("two", 2)
    signed = [c.constant(f"{name}s", c.integers(-128, 128, 2, size, 16, dtype=np.int8)) for name, size in (("w", 3), ("r", 4))]
    columns = c.constant("columns", (np.abs(c.normal(2, 16)) / 200).astype(np.float32))
    zeros = c.constant("zeros", np.zeros((2, 16), np.int8))
    c.node("DynamicQuantizeLSTM", [x, *signed, "", "", "", "", "", columns, zeros, columns, zeros], "columns", wanted=3, hidden_size=4, direction="bidirectional")


@case
def numbers(c):
    c.node("Inverse", [c.input("m", c.normal(2, 3, 3))], "inverse")
    a, b = c.input("a", c.normal(3, 4)), c.input("b", c.normal(5, 4))
    c.node("CDist", [a, b], "square", metric="sqeuclidean")
    c.node("CDist", [a, b], "distance", metric="euclidean")
    for dtype in ("int32", "uint32", "int64", "uint64", "float32", "float64"):
        x = c.input(dtype, c.normal(2, 3).astype(dtype) if dtype.startswith("f") else c.integers(0, 10**6, 2, 3, dtype=dtype))
        c.node("MurmurHash3", [x], f"hash_{dtype}", seed=7)
    c.node("MurmurHash3", ["int32"], "hash_signed", positive=0)
    words = c.input("words", np.array(["", "a", "word", "two words", "abc", "abcdefg"], dtype=object))
    c.node("MurmurHash3", [words], "hash_words", positive=0, seed=3)


@case
def elements_elsewhere(c):
    x = c.input("x", c.normal(3, 4))
    c.node("Trilu", [x], "upper")
    c.node("Trilu", [x, c.constant("k", np.array(1))], "lower", upper=0)
    c.node("ExpandDims", [x, c.constant("axis", np.array(1, np.int32))], "expanded")
    c.node("ExpandDims", [x, c.constant("last", np.array(-1, np.int32))], "expanded_last")
    pads = c.constant("pads", np.array([1, 0, 2, 1]))
    c.node("Pad", [x, pads, c.constant("value", np.array([2.5], np.float32))], "padded", mode="constant")
    c.node("Pad", [x, pads], "edges", mode="edge")
    c.node("Pad", [x, pads], "reflected", mode="reflect")
    c.node("Unique", [c.input("twice", np.array([2, 1, 1, 3, 4, 3], np.float32))], "unique", wanted=3)
    c.node("GatherND", [x, c.input("rows", np.array([[0, 1], [2, 3]]))], "gathered")
    c.node("Range", [c.constant("start", np.float32(1)), c.constant("limit", np.float32(5)), c.constant("step", np.float32(1.5))], "range")
    c.node("Range", [c.constant("first", np.int64(2)), c.constant("end", np.int64(6))], "range_whole")
    c.node("UnfoldTensor", [x], "windows", dim=1, size=2, step=1)
    c.node("UnfoldTensor", [x], "windows_down", dim=0, size=2)
    image, grid = c.input("image", c.normal(2, 2, 4, 5)), c.input("grid", c.random.uniform(-1.2, 1.2, (2, 3, 3, 2)).astype(np.float32))
    c.node("GridSample", [image, grid], "grid")
    c.node("GridSample", [image, grid], "grid_border", mode="nearest", padding_mode="border", align_corners=1)
    boxes = c.input("boxes", np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9], [-0.3, 0.5, 1.2, 0.1]], np.float32))
    which, size = c.input("which", np.array([0, 1, 1], np.int32)), c.constant("size", np.array([3, 2], np.int32))
    c.node("CropAndResize", [image, boxes, which, size], "crop", extrapolation_value=0.5)
    c.node("CropAndResize", [image, boxes, which, size], "crop_nearest", mode="nearest")
    c.node("CropAndResize", [image, boxes, which, c.constant("single", np.array([1, 1], np.int32))], "crop_one")


@case
def without_kernels(c):
    """Operators that ONNX Runtime has for other devices alone; what they stand for is asked of others. Numbers from 5 on are values between."""
    x, bias, skip = c.input("x", c.normal(2, 3, 8)), c.input("bias", c.normal(8)), c.input("skip", c.normal(2, 3, 8))
    c.node("BiasAdd", [x, bias, skip], "add", instead=[("Add", [x, bias], [5], {}), ("Add", [5, skip], [0], {})])
    c.node("BiasSplitGelu", [x, bias], "split", instead=[
        ("Add", [x, bias], [5], {}), ("Split", [5], [6, 7], {"axis": 2, "num_outputs": 2}), ("Gelu", [7], [8], {"domain": MICROSOFT}), ("Mul", [6, 8], [0], {})])
    c.node("BiasSoftmax", [x, bias], "softmax", axis=2, is_inner_broadcast=0, instead=[("Add", [x, bias], [5], {}), ("Softmax", [5], [0], {"axis": 2})])
    flat = c.constant("flat", np.array([2, 24])), c.constant("whole", np.array([2, 3, 8]))
    c.node("BiasSoftmax", [x, skip], "softmax_two", axis=1, is_inner_broadcast=0, instead=[
        ("Add", [x, skip], [5], {}), ("Reshape", [5, flat[0]], [6], {}), ("Softmax", [6], [7], {"axis": 1}), ("Reshape", [7, flat[1]], [0], {})])
    c.node("BiasDropout", [x, bias, skip], "dropout", instead=[("Add", [x, bias], [5], {}), ("Add", [5, skip], [0], {})])
    q, s, z = c.input("q", c.integers(0, 256, 2, 3, 4, dtype=np.uint8)), c.constant("s", np.float32(0.03)), c.constant("z", np.uint8(120))
    t, y = c.constant("t", np.float32(0.0217)), c.constant("y", np.uint8(90))
    axes = c.constant("axes", np.array([1]))
    for keeps in (0, 1):
        c.node("QLinearReduceMean", [q, s, z, t, y], f"mean{keeps}", axes=[1], keepdims=keeps, instead=[
            ("DequantizeLinear", [q, s, z], [5], {}), ("ReduceMean", [5, axes], [6], {"keepdims": keeps}), ("QuantizeLinear", [6, t, y], [0], {})])
    image, w, b = c.input("image", c.normal(1, 5, 6, 4)), c.constant("w", c.normal(3, 4, 3, 3)), c.constant("b", c.normal(3))
    first, last = {"perm": [0, 3, 1, 2]}, {"perm": [0, 2, 3, 1]}
    c.node("NhwcConv", [image, w, b], "nhwc", pads=[1, 1, 1, 1], instead=[
        ("Transpose", [image], [5], first), ("Conv", [5, w, b], [6], {"pads": [1, 1, 1, 1]}), ("Transpose", [6], [0], last)])
    z = c.input("more", c.normal(1, 5, 6, 3))
    c.node("NhwcFusedConv", [image, w, b, z], "nhwc_sum", activation="Relu", pads=[1, 1, 1, 1], instead=[
        ("Transpose", [image], [5], first), ("Conv", [5, w, b], [6], {"pads": [1, 1, 1, 1]}), ("Transpose", [6], [7], last), ("Add", [7, z], [8], {}), ("Relu", [8], [0], {})])
    m, n, k = c.input("m", c.normal(3, 4) / 2), c.input("n", c.normal(4, 5) / 2), c.input("k", c.normal(5) / 2)
    c.node("FusedMatMulActivation", [m, n], "activation", activation="LeakyRelu", activation_alpha=0.2, alpha=0.5, instead=[
        ("FusedMatMul", [m, n], [5], {"alpha": 0.5, "domain": MICROSOFT}), ("LeakyRelu", [5], [0], {"alpha": 0.2})])
    c.node("GemmFastGelu", [m, n, k], "gemm", instead=[("MatMul", [m, n], [5], {}), ("FastGelu", [5, k], [0], {"domain": MICROSOFT})])
    one = c.constant("one", np.array(1))
    signal, size, axis, last = c.input("signal", c.normal(2, 8)), c.constant("size", np.array(8)), c.constant("axis", np.array([1])), c.constant("last", np.array([-1]))
    c.node("Rfft", [signal], "rfft", signal_ndim=1, onesided=1, normalized=0, instead=[("Unsqueeze", [signal, last], [5], {}), ("DFT", [5, size, one], [0], {"onesided": 1})])
    # Without the bins whose imaginary part is 0 but for rounding.
    c.outputs.pop()
    c.domain = ""
    c.node("Slice", ["rfft_0", axis, c.constant("end", np.array([4])), axis], "bins")
    c.domain = MICROSOFT
    qkv = c.input("qkv", c.normal(2, 3, 2, 3, 4))
    places, joined = [c.constant(f"place{i}", np.array(i)) for i in range(3)], c.constant("joined", np.array([0, 0, -1]))
    parts = [node for i, place in enumerate(places) for node in (("Gather", [qkv, place], [5 + i], {"axis": 3}), ("Reshape", [5 + i, joined], [8 + i], {}))]
    c.node("MultiHeadAttention", [qkv], "packed", num_heads=2, instead=[*parts, ("MultiHeadAttention", [8, 9, 10], [0], {"num_heads": 2, "domain": MICROSOFT})])
    query, kv = c.input("query", c.normal(2, 5, 8)), c.input("kv", c.normal(2, 3, 2, 2, 4))
    parts = [node for i in range(2) for node in (("Gather", [kv, places[i]], [5 + i], {"axis": 3}), ("Reshape", [5 + i, joined], [8 + i], {}))]
    c.node("MultiHeadAttention", [query, kv], "packed_keys", num_heads=2, instead=[*parts, ("MultiHeadAttention", [query, 8, 9], [0], {"num_heads": 2, "domain": MICROSOFT})])


@case
def halves(c):
    half = lambda *shape: c.normal(*shape).astype(np.float16)
    x, skip, gamma = c.input("x", half(2, 3, 8)), c.input("skip", half(2, 3, 8)), c.constant("gamma", half(8))
    c.node("SkipLayerNormalization", [x, skip, gamma], "skip")
    c.node("SkipSimplifiedLayerNormalization", [x, skip, gamma], "skip_simple", wanted=[0, 3])
    c.node("RotaryEmbedding", [x, c.input("at", np.array([1])), c.constant("cos", half(8, 4)), c.constant("sin", half(8, 4))], "rotary")
    w = c.constant("w", c.integers(0, 256, 5, 1, 8, dtype=np.uint8))
    c.node("MatMulNBits", [c.input("a", half(2, 16)), w, c.constant("scale", half(5, 1))], "few_bits", K=16, N=5, bits=4, block_size=16)
    q, k, v = c.input("q", half(1, 4, 64)), c.input("k", half(1, 4, 32)), c.input("v", half(1, 4, 32))
    c.node("GroupQueryAttention", [q, k, v, "", "", c.input("last", np.array([3], np.int32)), c.input("total", np.int32(4))], "attention", wanted=3, num_heads=4, kv_num_heads=2, local_window_size=2)


@case
def states(c):
    x, w, b = c.input("x", c.normal(2, 3, 5)), c.constant("w", c.normal(3, 1, 4)), c.constant("b", c.normal(3))
    c.node("CausalConvWithState", [x, w], "conv", wanted=2)
    c.node("CausalConvWithState", [x, w, b, c.input("past", c.normal(2, 3, 3))], "conv_past", wanted=2, activation="silu")
    q, k, v = c.input("q", c.normal(2, 3, 8)), c.input("k", c.normal(2, 3, 8)), c.input("v", c.normal(2, 3, 6))
    decay, rate = c.input("decay", -np.abs(c.normal(2, 3, 2))), c.input("rate", np.abs(c.normal(2, 3, 2)))
    state, heads = c.input("state", c.normal(2, 2, 4, 3)), {"q_num_heads": 2, "kv_num_heads": 2}
    c.node("LinearAttention", [q, k, v], "linear", wanted=2, update_rule="linear", **heads)
    c.node("LinearAttention", [q, k, v, state, decay, rate], "gated_delta", wanted=2, **heads)
    y, scale, gate = c.input("y", c.normal(2, 3, 8)), c.constant("scale", c.normal(4)), c.input("gate", c.normal(2, 3, 8))
    c.node("GatedRMSNorm", [y, scale, gate], "gated")
    c.node("GatedRMSNorm", [y, scale, gate], "gated_sigmoid", activation="sigmoid", epsilon=0.1)


@case
def experts(c):
    x, wide = c.input("x", c.normal(3, 16)), c.input("wide", c.normal(2, 3, 16))
    router, router6 = c.input("router", c.normal(3, 4)), c.input("router6", c.normal(6, 4))
    one, two = c.constant("w1", c.normal(4, 32, 16)), c.constant("w2", c.normal(4, 16, 32))
    b1, b2 = c.constant("b1", c.normal(4, 32)), c.constant("b2", c.normal(4, 16))
    for kind in ("relu", "gelu", "silu", "identity"):
        c.node("MoE", [x, router, one, b1, two, b2], kind, k=2, activation_type=kind, normalize_routing_weights=1)
    c.node("MoE", [wide, router6, one, "", two], "three_axes", k=1)
    c.node("MoE", [wide, router6, one, b1, two, b2], "all", k=4)
    gate, gate_bias = c.constant("g1", c.normal(4, 64, 16)), c.constant("gb", c.normal(4, 64))
    c.node("MoE", [x, router, gate, gate_bias, two, b2], "swiglu", k=2, activation_type="swiglu", swiglu_fusion=1, activation_alpha=1.5, activation_beta=0.5, swiglu_limit=2.0)
    whole = lambda name, *shape: c.constant(name, c.integers(0, 256, *shape, dtype=np.uint8))
    scale = lambda name, *shape: c.constant(name, np.abs(c.normal(*shape)) * np.float32(0.05))
    rows = [scale("s1", 4, 32), scale("s2", 4, 16)]
    four = [whole("q1", 4, 32, 8), whole("q2", 4, 16, 16)]
    c.node("QMoE", [x, router, four[0], rows[0], b1, four[1], rows[1], b2], "four_bits", k=2, weights_prepacked=0)
    zeros = [whole("z1", 4, 16), whole("z2", 4, 8)]
    c.node("QMoE", [x, router, four[0], rows[0], b1, four[1], rows[1], b2, "", "", "", *zeros], "zeros", k=2, weights_prepacked=0)
    blocks = [scale("t1", 4, 32, 1), scale("t2", 4, 16, 2)]
    c.node("QMoE", [x, router, four[0], blocks[0], "", four[1], blocks[1]], "blocks", k=1, block_size=16, weights_prepacked=0)
    eight = [whole("e1", 4, 32, 16), whole("e2", 4, 16, 32)]
    c.node("QMoE", [x, router, eight[0], rows[0], b1, eight[1], rows[1], b2], "eight_bits", k=2, expert_weight_bits=8, weights_prepacked=0)
    c.node("QMoE", [x, router, four[0], rows[0], b1, four[1], rows[1], b2, "", "", "", "", "", "", c.input("mixing", np.abs(c.normal(3, 4)))], "mixing", k=2, weights_prepacked=0)


@case
def group_norms(c):
    x, skip = c.input("x", c.normal(2, 3, 4, 6)), c.input("skip", c.normal(2, 3, 4, 6))
    gamma, beta, bias = (c.constant(name, c.normal(6)) for name in ("gamma", "beta", "bias"))
    turned = lambda name: ("Transpose", [name], [f"{name}_first"], {"perm": [0, 3, 1, 2]})
    normed = lambda source, result: ("GroupNormalization", [source, gamma, beta], [result], {"num_groups": 3, "epsilon": 0.125})
    back = lambda source, at: ("Transpose", [source], [at], {"perm": [0, 2, 3, 1]})
    c.node("GroupNorm", [x, gamma, beta], "last", groups=3, activation=0, epsilon=0.125, instead=[turned(x), normed("x_first", "plain"), back("plain", 0)])
    silu = [("Sigmoid", ["plain_silu"], ["gate"], {}), ("Mul", ["plain_silu", "gate"], ["silu_first"], {}), back("silu_first", 0)]
    c.node("GroupNorm", [x, gamma, beta], "silu", groups=3, activation=1, epsilon=0.125, instead=[("Transpose", [x], ["x_silu"], {"perm": [0, 3, 1, 2]}), normed("x_silu", "plain_silu"), *silu])
    first = c.input("first", c.normal(2, 6, 3, 4))
    c.node("GroupNorm", [first, gamma, beta], "first", groups=3, activation=0, channels_last=0, epsilon=0.125, instead=[normed(first, 0)])
    added = [("Add", [x, skip], ["both"], {}), ("Add", ["both", bias], [1], {}), ("Add", ["both", bias], ["sum"], {}), turned("sum"), normed("sum_first", "sum_normed"), back("sum_normed", 0)]
    c.node("SkipGroupNorm", [x, gamma, beta, skip, bias], "skip", wanted=2, groups=3, activation=0, epsilon=0.125, instead=added)
    flat = c.input("flat", c.normal(2, 6))
    added = [("Unsqueeze", [flat, c.constant("axes", np.array([1, 2]))], ["rows"], {}), ("Add", [x, "rows"], ["short"], {}), turned("short"), normed("short_first", "short_normed"), back("short_normed", 0)]
    c.node("SkipGroupNorm", [x, gamma, beta, flat], "flat", groups=3, activation=0, epsilon=0.125, instead=added)
    grouped, long = c.input("grouped", c.normal(2, 3, 4)), c.input("long", c.normal(2, 12))
    c.node("BranchwiseRMSNorm", [grouped], "branches")
    c.node("BranchwiseRMSNorm", [grouped, c.constant("each", c.normal(3, 4))], "branches_scaled", epsilon=0.1)
    c.node("BranchwiseRMSNorm", [long, c.constant("shared", c.normal(4))], "branches_flat", num_branches=3)
    c.node("BranchwiseRMSNorm", [long, c.constant("all", c.normal(12))], "branches_all", num_branches=3)


@case
def small_operators(c):
    x, y, gate = c.input("x", c.normal(2, 3, 4)), c.input("y", c.normal(2, 3, 4)), c.input("gate", c.normal(2, 3, 1))
    c.node("GatedAdd", [x, y, gate], "gated")
    bias, scale = c.constant("bias", c.normal(4)), c.constant("scale", c.normal(4))
    c.node("LinearAttentionGate", [x, bias, scale, y], "decay", wanted=2)
    c.node("NGramRepeatBlock", [c.input("ids", np.array([[0, 1, 2, 0, 1], [3, 3, 3, 3, 3], [0, 1, 0, 2, 3]])), c.input("scores", c.normal(3, 4))], "repeats", ngram_size=3)
    c.node("NGramRepeatBlock", ["ids", "scores"], "words", ngram_size=1)
    a, b = c.input("a", c.integers(-128, 128, 2, 3, dtype=np.int8)), c.input("b", c.integers(-128, 128, 3, dtype=np.int8))
    az, bz = c.constant("az", np.int8(3)), c.constant("bz", np.int8(-7))
    wide = [(name, [source], [f"{source}_wide"], {"to": TensorProto.INT32}) for name, source in (("Cast", a), ("Cast", az), ("Cast", b), ("Cast", bz))]
    c.node("MulInteger", [a, az, b, bz], "product", instead=[*wide, ("Sub", ["a_wide", "az_wide"], ["ac"], {}), ("Sub", ["b_wide", "bz_wide"], ["bc"], {}), ("Mul", ["ac", "bc"], [0], {})])
    c.node("ReduceSumInteger", [a], "sum", axes=[1], keepdims=0, instead=[("Cast", [a], ["a_long"], {"to": TensorProto.INT32}), ("ReduceSum", ["a_long", c.constant("axis", np.array([1]))], [0], {"keepdims": 0})])
    cos, sin = c.constant("cos", c.normal(9, 6)), c.constant("sin", c.normal(9, 6))
    q, places = c.input("q", c.normal(2, 3, 24)), c.input("places", c.integers(0, 9, 3, 2, 3, dtype=np.int64))
    c.node("MRotaryEmbedding", [q, places, cos, sin], "sections", num_heads=2, mrope_section=[1, 3, 2])
    c.node("MRotaryEmbedding", [q, places, cos, sin], "interleaved", num_heads=2, mrope_section=[2, 2, 2], mrope_layout=1)
    c.node("MRotaryEmbedding", [c.input("q4", c.normal(2, 2, 3, 12)), places, cos, sin], "neighbours", mrope_section=[2, 2, 2], interleaved=1)
    table, rows = c.constant("table", c.normal(5, 3)), c.input("rows", np.array([[0, 4], [2, 2]]))
    c.node("TorchEmbedding", [table, rows], "embedding", instead=[("Gather", [table, rows], [0], {})])


@case
def old_images(c):
    c.domain, c.opset = "", 7
    x = c.input("x", c.normal(1, 2, 5, 6))
    c.node("Crop", [x], "borders", border=[1, 0, 2, 1])
    c.node("Crop", [x], "part", border=[1, 2, 0, 0], scale=[2, 3])
    c.node("ImageScaler", [x], "scaled", scale=0.5, bias=[0.25, -1.5])
    c.node("Scale", [x], "factor", scale=1.75)


def forest(c, prefix, trees=3, depth=3, modes=("BRANCH_LEQ",), features=4):
    """Attributes of trees, and their leaves."""
    nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    leaves = []
    for tree in range(trees):
        count = 2 ** (depth + 1) - 1
        for node in range(count):
            is_leaf = node >= 2**depth - 1 or (node == 2 and tree % 2 == 1)
            if is_leaf:
                leaves.append((tree, node))
            nodes["treeids"].append(tree)
            nodes["nodeids"].append(node)
            nodes["featureids"].append(int(c.random.integers(features)))
            nodes["values"].append(float(np.round(c.random.standard_normal(), 1)))
            nodes["modes"].append("LEAF" if is_leaf else modes[int(c.random.integers(len(modes)))])
            nodes["truenodeids"].append(0 if is_leaf else 2 * node + 1)
            nodes["falsenodeids"].append(0 if is_leaf else 2 * node + 2)
            nodes["missing_value_tracks_true"].append(int(c.random.integers(2)))
        # Below a leaf there is nothing.
        keep = [i for i, (t, n) in enumerate(zip(nodes["treeids"], nodes["nodeids"])) if t != tree or tree % 2 == 0 or n not in (5, 6, 11, 12, 13, 14)]
        nodes = {name: [values[i] for i in keep] for name, values in nodes.items()}
        leaves = [(t, n) for t, n in leaves if (t, n) in set(zip(nodes["treeids"], nodes["nodeids"]))]
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}

    def votes(targets, low=-1.0):
        found = [(t, n, k, float(c.random.uniform(low, 1))) for t, n in leaves for k in targets]
        names = ("treeids", "nodeids", "ids", "weights")
        return {f"{prefix}_{name}": list(values) for name, values in zip(names, zip(*found))}

    return attributes, votes


ORDERS = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def rows(c, *shape):
    """Features with one decimal, so that some are at thresholds."""
    x = np.round(c.random.standard_normal(shape), 1).astype(np.float32)
    x[0, 1] = np.nan
    return x


def doubles(attributes, names):
    """The same with tensors of doubles for some attributes."""
    more = {f"{name}_as_tensor": helper.make_tensor(name, TensorProto.DOUBLE, [len(attributes[name])], attributes[name]) for name in names}
    return {name: value for name, value in attributes.items() if name not in names} | more


@case
def tree_regressors(c):
    c.domain, c.ml = LEARNING, 3
    x = c.input("x", rows(c, 6, 4))
    nodes, votes = forest(c, "target")
    one, two = votes([0]), votes([0, 1])
    c.node("TreeEnsembleRegressor", [x], "plain", n_targets=1, **nodes, **one)
    c.node("TreeEnsembleRegressor", [x], "base", n_targets=2, base_values=[0.5, -0.25], **nodes, **two)
    for fold in ("AVERAGE", "MIN", "MAX"):
        c.node("TreeEnsembleRegressor", [x], fold.lower(), n_targets=2, aggregate_function=fold, **nodes, **two)
    for transform in ("LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        c.node("TreeEnsembleRegressor", [x], transform.lower(), n_targets=2, post_transform=transform, **nodes, **two)
    c.node("TreeEnsembleRegressor", [x], "probit", n_targets=2, post_transform="PROBIT", aggregate_function="AVERAGE", **nodes, **votes([0, 1], 0.1))
    mixed, votes = forest(c, "target", modes=ORDERS)
    c.node("TreeEnsembleRegressor", [x], "modes", n_targets=1, **mixed, **votes([0]))
    exact = doubles({"n_targets": 1, **mixed, **votes([0])}, ["nodes_values", "target_weights"])
    c.node("TreeEnsembleRegressor", [c.input("wide", rows(c, 6, 4).astype(np.float64))], "doubles", **exact)


@case
def tree_classifiers(c):
    c.domain, c.ml = LEARNING, 3
    x = c.input("x", rows(c, 6, 4))
    nodes, votes = forest(c, "class")
    op, pair = "TreeEnsembleClassifier", {"classlabels_int64s": [7, 8]}
    three = {"classlabels_int64s": [7, 8, 9]}
    for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        word = transform.lower()
        c.node(op, [x], f"first_{word}", wanted=2, post_transform=transform, **pair, **nodes, **votes([0]))
        c.node(op, [x], f"positive_{word}", wanted=2, post_transform=transform, **pair, **nodes, **votes([0], 0.0))
        c.node(op, [x], f"second_{word}", wanted=2, post_transform=transform, **pair, **nodes, **votes([1]))
        c.node(op, [x], f"three_{word}", wanted=2, post_transform=transform, **three, **nodes, **votes([0, 1, 2]))
    c.node(op, [x], "base", wanted=2, base_values=[0.1, 0.2, 0.3], **three, **nodes, **votes([0, 1, 2]))
    c.node(op, [x], "base_first", wanted=2, base_values=[0.3], **pair, **nodes, **votes([0]))
    c.node(op, [x], "some", wanted=2, classlabels_int64s=[4, 5, 6, 7], **nodes, **votes([1, 3]))
    c.node(op, [x], "words", wanted=2, classlabels_strings=["a", "b", "c"], **nodes, **votes([0, 1, 2]))
    exact = doubles({**three, **nodes, **votes([0, 1, 2])}, ["nodes_values", "class_weights"])
    c.node(op, [c.input("wide", rows(c, 6, 4).astype(np.float64))], "doubles", wanted=2, **exact)
    c.node(op, [c.input("whole", c.integers(-2, 2, 3, 4, dtype=np.int64))], "whole", wanted=2, **three, **nodes, **votes([0, 1, 2]))


@case
def tree_ensembles(c):
    c.domain = LEARNING
    x = c.input("x", rows(c, 6, 3))
    tensor = lambda name, values, dtype: numpy_helper.from_array(np.array(values, dtype), name)
    # Two trees: branches 0 to 2 and 3, leaves behind them.
    nodes = dict(
        tree_roots=[0, 3], nodes_featureids=[0, 1, 2, 1], nodes_truenodeids=[1, 0, 2, 4], nodes_trueleafs=[0, 1, 1, 1],
        nodes_falsenodeids=[2, 1, 3, 5], nodes_falseleafs=[0, 1, 1, 1],
    )
    splits, weights = tensor("splits", [0.1, -0.2, 0.3, 0.0], np.float32), tensor("weights", [0.2, 0.6, 0.9, 0.4, 0.7, 0.3], np.float32)
    plain = dict(nodes, nodes_modes=tensor("modes", [0, 1, 2, 3], np.uint8), nodes_splits=splits, leaf_weights=weights)
    single, double = [0] * 6, [0, 1, 0, 1, 0, 1]
    for fold in range(4):
        c.node("TreeEnsemble", [x], f"fold{fold}", n_targets=1, aggregate_function=fold, leaf_targetids=single, **plain)
    # Not 1 and 2, which ONNX Runtime has the other way round than the specification.
    for transform in (0, 3):
        c.node("TreeEnsemble", [x], f"transform{transform}", n_targets=2, post_transform=transform, leaf_targetids=double, **plain)
    c.node("TreeEnsemble", [x], "missing", n_targets=1, leaf_targetids=single, nodes_missing_value_tracks_true=[0, 1, 0, 1], **plain)
    equal = dict(plain, nodes_modes=tensor("modes", [4, 5, 0, 5], np.uint8))
    c.node("TreeEnsemble", [x], "equal", n_targets=2, leaf_targetids=double, **equal)
    member = dict(plain, nodes_modes=tensor("modes", [6, 0, 6, 1], np.uint8), membership_values=tensor("members", [1, 7, np.nan, 12, np.nan], np.float32))
    c.node("TreeEnsemble", [c.input("few", np.array([[1, 0, 12], [7, -1, 0], [5, 0.5, 12], [2, 1, 3]], np.float32))], "member", n_targets=1, leaf_targetids=single, **member)
    exact = dict(plain, nodes_splits=tensor("splits", [0.1, -0.2, 0.3, 0.0], np.float64), leaf_weights=tensor("weights", [0.2, 0.6, 0.9, 0.4, 0.7, 0.3], np.float64))
    c.node("TreeEnsemble", [c.input("wide", rows(c, 4, 3).astype(np.float64))], "doubles", n_targets=1, leaf_targetids=single, **exact)


@case
def linear_models(c):
    c.domain = LEARNING
    x = c.input("x", c.normal(3, 4))
    one, three = c.normal(4).tolist(), c.normal(12).tolist()
    transforms = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")
    for transform in transforms:
        word = transform.lower()
        c.node("LinearClassifier", [x], f"two_{word}", wanted=2, post_transform=transform, coefficients=one, intercepts=[0.1], classlabels_ints=[7, 8])
        c.node("LinearClassifier", [x], f"three_{word}", wanted=2, post_transform=transform, coefficients=three, intercepts=[0.1, 0.2, -0.3], classlabels_ints=[7, 8, 9])
        c.node("LinearRegressor", [x], f"regressor_{word}", post_transform=transform, coefficients=three, intercepts=[0.1, 0.2, -0.3], targets=3)
    c.node("LinearRegressor", [x], "single", post_transform="LOGISTIC", coefficients=one)
    c.node("LinearClassifier", [x], "words", wanted=2, coefficients=three, intercepts=[0.1, 0.2, -0.3], classlabels_strings=["a", "b", "c"])
    c.node("LinearClassifier", [c.input("whole", c.integers(-3, 3, 2, 4, dtype=np.int64))], "whole", wanted=2, coefficients=three, intercepts=[0.1, 0.2, -0.3], classlabels_ints=[0, 1, 2])


@case
def support_vectors(c):
    c.domain = LEARNING
    x = c.input("x", c.normal(4, 3))
    vectors = c.normal(6, 3).ravel().tolist()
    numbers = {"kernel_params": [0.5, 0.3, 3.0]}
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        c.node("SVMRegressor", [x], f"regressor_{kernel.lower()}", kernel_type=kernel, coefficients=c.normal(6).tolist(), support_vectors=vectors, n_supports=6, rho=[0.7], **numbers)
    c.node("SVMRegressor", [x], "one_class", kernel_type="RBF", coefficients=c.normal(6).tolist(), support_vectors=vectors, n_supports=6, rho=[0.1], one_class=1, **numbers)
    c.node("SVMRegressor", [x], "no_vectors", kernel_type="LINEAR", coefficients=c.normal(3).tolist(), n_supports=0, rho=[0.7], **numbers)
    two = dict(coefficients=c.normal(6).tolist(), support_vectors=vectors, vectors_per_class=[4, 2], rho=[0.2], kernel_type="RBF", classlabels_ints=[7, 8], **numbers)
    three = dict(coefficients=c.normal(12).tolist(), support_vectors=vectors, vectors_per_class=[1, 2, 3], rho=[0.1, -0.2, 0.3], kernel_type="RBF", classlabels_ints=[7, 8, 9], **numbers)
    for transform in ("NONE", "LOGISTIC", "SOFTMAX"):
        word = transform.lower()
        c.node("SVMClassifier", [x], f"two_{word}", wanted=2, post_transform=transform, **two)
        c.node("SVMClassifier", [x], f"two_probable_{word}", wanted=2, post_transform=transform, prob_a=[-1.2], prob_b=[0.1], **two)
        c.node("SVMClassifier", [x], f"three_{word}", wanted=2, post_transform=transform, **three)
        c.node("SVMClassifier", [x], f"three_probable_{word}", wanted=2, post_transform=transform, prob_a=[-1.2, -0.8, -1.0], prob_b=[0.1, 0.0, 0.2], **three)
    # Votes decide, also where probabilities do not follow them.
    c.node("SVMClassifier", [x], "two_improbable", wanted=2, prob_a=[1.2], prob_b=[0.4], **two)
    c.node("SVMClassifier", [x], "three_improbable", wanted=2, prob_a=[1.2, 0.8, 1.0], prob_b=[0.1, 0.0, 0.2], **three)
    c.node("SVMClassifier", [x], "flat", wanted=2, coefficients=c.normal(9).tolist(), rho=[0.7], kernel_type="LINEAR", classlabels_strings=["a", "b", "c"], **numbers)


@case
def features(c):
    c.domain = LEARNING
    x = c.input("x", c.normal(3, 4))
    c.node("Scaler", [x], "scaled", offset=[0.1, 0.2, 0.3, 0.4], scale=[1.0, 2.0, 3.0, 4.0])
    c.node("Scaler", [c.input("whole", c.integers(-5, 5, 3, 4, dtype=np.int64))], "scaled_all", offset=[0.5], scale=[2.0])
    some = c.input("some", np.array([[1, -3, 2], [0, 0, 0], [-1, -2, -4]], np.float32))
    for norm in ("MAX", "L1", "L2"):
        c.node("Normalizer", [some], norm.lower(), norm=norm)
    gaps = c.input("gaps", np.array([[1, np.nan, 3], [np.nan, -1, 2]], np.float32))
    c.node("Imputer", [gaps], "imputed", imputed_value_floats=[7.0, 8.0, 9.0], replaced_value_float=float("nan"))
    c.node("Imputer", [gaps], "imputed_all", imputed_value_floats=[5.0], replaced_value_float=-1.0)
    c.node("Imputer", ["whole"], "imputed_whole", imputed_value_int64s=[5], replaced_value_int64=-1)
    c.node("Binarizer", [x], "binary", threshold=0.25)
    numbers, words = c.input("numbers", np.array([[1, 4], [3, 9]])), c.input("words", np.array(["b", "a", "z"], dtype=object))
    c.node("OneHotEncoder", [numbers], "one_hot", cats_int64s=[1, 3, 4, 5])
    c.node("OneHotEncoder", [c.input("real", np.array([3.0, 4.0], np.float32))], "one_hot_all", cats_int64s=[3, 4], zeros=0)
    c.node("OneHotEncoder", [words], "one_hot_words", cats_strings=["a", "b"])
    c.node("ArrayFeatureExtractor", [x, c.input("places", np.array([[2, 0]]))], "extracted")
    c.node("ArrayFeatureExtractor", [c.input("vector", c.normal(4)), "places"], "extracted_vector")
    c.node("FeatureVectorizer", [x, c.input("more", c.normal(3, 2))], "vector", inputdimensions=[4, 2])


@case
def encoders(c):
    c.domain = LEARNING
    words, numbers = c.input("words", np.array([["a", "c"], ["b", "z"]], dtype=object)), c.input("numbers", np.array([[3, 1], [2, 9]]))
    real = c.input("real", np.array([1.5, np.nan, -2.0, 7.0], np.float32))
    c.node("LabelEncoder", [words], "words_numbers", keys_strings=["a", "b", "c"], values_int64s=[5, 6, 7], default_int64=-3)
    c.node("LabelEncoder", [words], "words_real", keys_strings=["a", "b", "c"], values_floats=[0.5, 0.6, 0.7])
    c.node("LabelEncoder", [words], "words_words", keys_strings=["a", "b", "c"], values_strings=["x", "y", "w"])
    c.node("LabelEncoder", [numbers], "numbers_words", keys_int64s=[1, 2, 3], values_strings=["x", "y", "w"], default_string="none")
    c.node("LabelEncoder", [numbers], "numbers_real", keys_int64s=[3, 2, 1], values_floats=[0.5, 0.6, 0.7], default_float=9.5)
    c.node("LabelEncoder", [numbers], "numbers_numbers", keys_int64s=[3, 2, 1], values_int64s=[30, 20, 10])
    c.node("LabelEncoder", [real], "real_numbers", keys_floats=[1.5, float("nan"), -2.0], values_int64s=[1, 2, 3])
    c.node("LabelEncoder", [real], "real_real", keys_floats=[7.0, 1.5, -1.5], values_floats=[0.25, 0.5, 0.75])
    tensor = lambda name, values, dtype: numpy_helper.from_array(np.array(values, dtype), name)
    c.node("LabelEncoder", [c.input("wide", np.array([1.5, 2.5]))], "tensors", keys_tensor=tensor("k", [2.5, 3.5], np.float64), values_tensor=tensor("v", [0.125, 0.25], np.float64), default_tensor=tensor("d", [-1.0], np.float64))
    c.node("LabelEncoder", [words], "shorts", keys_tensor=numpy_helper.from_array(np.array(["a", "z"], dtype=object), "k"), values_tensor=tensor("v", [50, 60], np.int16), default_tensor=tensor("d", [-1], np.int16))
    c.node("CategoryMapper", [words], "mapped", cats_strings=["a", "b", "c"], cats_int64s=[10, 20, 30], default_int64=-1)
    c.node("CategoryMapper", [numbers], "mapped_back", cats_strings=["a", "b", "c"], cats_int64s=[1, 2, 3], default_string="none")


@case
def old_encoders(c):
    c.domain, c.ml = LEARNING, 1
    words, numbers = c.input("words", np.array(["a", "c", "z"], dtype=object)), c.input("numbers", np.array([2, 0, 9]))
    c.node("LabelEncoder", [words], "places", classes_strings=["a", "b", "c"], default_int64=-7)
    c.node("LabelEncoder", [numbers], "words", classes_strings=["a", "b", "c"], default_string="none")


@case
def maps(c):
    c.domain = LEARNING
    x = c.input("x", c.normal(2, 3))
    c.node("ZipMap", [x], "numbers", classlabels_int64s=[5, 6, 7])
    c.node("ZipMap", [x], "words", classlabels_strings=["a", "b", "c"])

    def named(name, key, value, entries):
        of = helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, []))
        c.maps[name] = entries
        c.inputs[name] = helper.make_value_info(name, of)
        return name

    real = named("real", TensorProto.INT64, TensorProto.FLOAT, {4: 0.5, 1: 1.5, 2: -2.25})
    c.node("CastMap", [real], "dense")
    c.node("CastMap", [real], "sparse", map_form="SPARSE", max_map=6)
    c.node("CastMap", [real], "whole", cast_to="TO_INT64")
    counts = named("counts", TensorProto.STRING, TensorProto.FLOAT, {"a": 4.0, "c": 8.0})
    c.node("DictVectorizer", [counts], "vocabulary", string_vocabulary=["a", "c", "b", "z"])
    c.node("DictVectorizer", [real], "places", int64_vocabulary=[2, 9, 4, 1])


def main():
    names = sys.argv[1:] or list(CASES)
    for name in names:
        CASES[name].write()
    size = sum(path.stat().st_size for path in ROOT.rglob("*") if path.is_file())
    print(f"{len(names)} cases written; {size} bytes in {ROOT}")


if __name__ == "__main__":
    main()
