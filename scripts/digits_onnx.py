#!/usr/bin/env python3
"""Writes samples/digits.onnx: the network of samples/digits_mlp.npz as an ONNX file. Needs numpy and onnx (1.22)."""
import pathlib
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

DATA = pathlib.Path(__file__).resolve().parent.parent / "samples"
weights = np.load(DATA / "digits_mlp.npz")
nodes, constants, last = [], [numpy_helper.from_array(np.array(16, np.float32), "white")], "scaled"
nodes.append(helper.make_node("Div", ["pixels", "white"], ["scaled"], name="scale"))
for layer in range(1, 4):
    constants += [numpy_helper.from_array(weights[f"w{layer}"].astype(np.float32), f"w{layer}"),
                  numpy_helper.from_array(weights[f"b{layer}"].astype(np.float32), f"b{layer}")]
    nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"sum{layer}"], name=f"dense{layer}"))
    last = f"sum{layer}"
    if layer < 3:
        nodes.append(helper.make_node("Relu", [last], [f"hidden{layer}"], name=f"relu{layer}"))
        last = f"hidden{layer}"
nodes.append(helper.make_node("Softmax", [last], ["probabilities"], name="softmax", axis=1))
graph = helper.make_graph(
    nodes, "digits",
    [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 64])],
    [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])], constants)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="tensorwright", ir_version=8), DATA / "digits.onnx")
