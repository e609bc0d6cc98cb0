"""Makes tests/facade/images.txt: images in other sizes, sampled, cut and put together, as other libraries compute them on numbers that a formula gives.

    pip install numpy scipy jax onnx onnxruntime && python scripts/images.py > tests/facade/images.txt

A line is a case: what is computed, `key=value` for each of its numbers, and behind `->` the results. An operand number k of some shape has the
elements ((i * 37 + k * 11) % 23 - 11) / 4 for i = 0, 1, 2.. Resize, GridSample, AffineGrid, RoiAlign and Col2Im are ONNX' reference implementation, pools ONNX Runtime, `jax_resize` is JAX,
`median` SciPy, `pad` NumPy.
"""
import itertools

import jax
import numpy as np
import onnx
import onnxruntime
import scipy.ndimage
from onnx.reference import ReferenceEvaluator

jax.config.update("jax_enable_x64", True)


def numbers(k, shape):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((i * 37 + k * 11) % 23 - 11) / 4).reshape(shape)


def text(values):
    return ",".join(str(v) for v in np.ravel(values))


def line(what, result, **keys):
    shown = " ".join(f"{key}={value}" for key, value in keys.items())
    print(f"{what} {shown} -> {text(result.shape)}: {' '.join(f'{v:.8g}' for v in np.ravel(result))}")


TYPES = {"float64": onnx.TensorProto.DOUBLE, "float32": onnx.TensorProto.FLOAT, "int64": onnx.TensorProto.INT64}


def model(op, inputs, outputs, opset, **attributes):
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    node = onnx.helper.make_node(op, names, outputs, **attributes)
    infos = [onnx.helper.make_tensor_value_info(n, TYPES[str(x.dtype)], x.shape) for n, x in zip(names, inputs) if n]
    results = [onnx.helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = onnx.helper.make_graph([node], "case", infos, results)
    feeds = {n: x for n, x in zip(names, inputs) if n}
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=10), feeds


def reference(op, inputs, opset=22, **attributes):
    made, feeds = model(op, inputs, ["y"], opset, **attributes)
    return ReferenceEvaluator(made).run(None, feeds)[0]


def onnx_runtime(op, inputs, outputs, opset=22, **attributes):
    made, feeds = model(op, [x.astype(np.float32) for x in inputs], outputs, opset, **attributes)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, {k: v.astype(np.float32) for k, v in feeds.items()})


def resize(image, mode, coordinates="half_pixel", sizes=None, scales=None, region=None, nearest="round_prefer_floor",
           coefficient=-0.75, exclude=0, antialias=0, fill=0.0):
    keys = dict(image=text(image), mode=mode, coordinates=coordinates, nearest=nearest, coefficient=coefficient, exclude=exclude,
                antialias=antialias)
    x = numbers(1, image)
    axes = list(range(2, len(image)))
    inputs = [x, None, None, None]
    if region:
        keys.update(region=text(region), fill=fill)
        inputs[1] = np.array(region, dtype=np.float64)
    if scales:
        inputs[2] = np.array(scales, dtype=np.float32)
        keys["scales"] = text(scales)
    else:
        inputs[3] = np.array(sizes, dtype=np.int64)
    while inputs[-1] is None:
        inputs.pop()
    y = reference("Resize", inputs, mode=mode, coordinate_transformation_mode=coordinates, nearest_mode=nearest,
                  cubic_coeff_a=coefficient, exclude_outside=exclude, antialias=antialias, axes=axes, extrapolation_value=fill)
    line("resize", y, **keys)


print("# Made by scripts/images.py.")
SMALL = (1, 2, 4, 5)
for mode, coordinates in itertools.product(
        ("linear", "cubic"), ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")):
    resize(SMALL, mode, coordinates, sizes=(7, 3))
    resize((1, 1, 5, 4), mode, coordinates, scales=(0.625, 1.75))
for nearest, coordinates in itertools.product(
        ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"), ("half_pixel", "align_corners", "asymmetric")):
    resize((1, 1, 4, 5), "nearest", coordinates, sizes=(8, 3), nearest=nearest)
for mode in ("linear", "cubic"):
    resize((1, 1, 6, 7), mode, sizes=(3, 4), antialias=1)
    resize((1, 1, 6, 7), mode, sizes=(3, 4), antialias=1, exclude=1)
    resize((1, 1, 7, 5), mode, scales=(0.375, 1.5), antialias=1, exclude=1)
    resize((1, 1, 4, 4), mode, "tf_crop_and_resize", sizes=(3, 4), region=(0.4, -0.2, 0.8, 1.1), fill=9.5)
    resize((1, 1, 3, 4, 2), mode, sizes=(4, 3, 3))
    resize((2, 1, 5), mode, sizes=(1,), coordinates="pytorch_half_pixel")
resize(SMALL, "cubic", sizes=(6, 9), exclude=1, coefficient=-0.5)
resize((1, 1, 9, 9), "nearest", "half_pixel", sizes=(2, 18))
resize((1, 1, 4, 4), "nearest", "tf_crop_and_resize", sizes=(3, 4), region=(0.4, -0.2, 0.8, 1.1), fill=9.5)

for method, antialias in itertools.product(("linear", "cubic", "lanczos3", "lanczos5"), (True, False)):
    for sizes in ((3, 11), (9, 4)):
        shape = (6, 7)
        y = jax.image.resize(numbers(1, shape), sizes, method, antialias=antialias)
        line("jax_resize", y, image=text(shape), mode=method, antialias=int(antialias))

for (mode, padding, align), (image, grid) in itertools.product(
        itertools.product(("linear", "nearest", "cubic"), ("zeros", "border", "reflection"), (0, 1)),
        (((2, 2, 3, 4), (2, 2, 3, 2)),)):
    if (mode, padding) == ("cubic", "border"):
        continue  # ONNX takes a point to the border, PyTorch (and we) the elements around it.
    x, points = numbers(1, image), numbers(2, grid) / 2.1 + 0.013
    y = reference("GridSample", [x, points], mode=mode, padding_mode=padding, align_corners=align)
    line("grid_sample", y, image=text(image), grid=text(grid), mode=mode, padding=padding, align=align)
for mode, padding, align in itertools.product(("linear", "nearest"), ("zeros", "reflection"), (0, 1)):
    image, grid = (1, 2, 3, 2, 4), (1, 2, 2, 2, 3)
    x, points = numbers(1, image), numbers(2, grid) / 2.1 + 0.013
    y = reference("GridSample", [x, points], mode=mode, padding_mode=padding, align_corners=align)
    line("grid_sample", y, image=text(image), grid=text(grid), mode=mode, padding=padding, align=align)

for sizes, align in itertools.product(((2, 3), (3, 2, 4)), (0, 1)):
    k = len(sizes)
    theta = numbers(1, (2, k, k + 1))
    y = reference("AffineGrid", [theta, np.array((2, 1) + sizes, dtype=np.int64)], align_corners=align)
    line("affine_grid", y, theta=text(theta.shape), sizes=text(sizes), align=align)

for mode, coordinates, ratio in itertools.product(("avg", "max"), ("half_pixel", "output_half_pixel"), (0, 1, 2)):
    image = (2, 2, 6, 5)
    regions = np.array([[0.5, 1.0, 4.5, 5.5], [2.0, 0.0, 9.0, 3.0], [-1.0, -2.0, 3.0, 2.0], [3.0, 3.0, 3.2, 3.3]])
    images = np.array([0, 1, 1, 0], dtype=np.int64)
    y = reference("RoiAlign", [numbers(1, image), regions, images], mode=mode, coordinate_transformation_mode=coordinates,
                  output_height=2, output_width=3, sampling_ratio=ratio, spatial_scale=0.75)
    line("roi_align", y, image=text(image), regions=text(regions), images=text(images), mode=mode, coordinates=coordinates,
         samples=ratio, scale=0.75)

for image, block, strides, dilations, pads in [
        ((5, 4), (2, 2), (1, 1), (1, 1), (0, 0, 0, 0)), ((6, 5), (3, 2), (2, 1), (1, 1), (1, 0, 1, 2)),
        ((5, 5), (2, 2), (1, 2), (2, 1), (0, 1, 1, 1))]:
    count = [(image[i] + pads[i] + pads[i + 2] - dilations[i] * (block[i] - 1) - 1) // strides[i] + 1 for i in range(2)]
    shape = (1, 2 * block[0] * block[1], count[0] * count[1])
    y = reference("Col2Im", [numbers(1, shape), np.array(image, dtype=np.int64), np.array(block, dtype=np.int64)],
                  strides=strides, dilations=dilations, pads=pads)
    line("col2im", y, image=text(image), size=text(block), strides=text(strides), dilation=text(dilations), pads=text(pads),
         patches=text((1, shape[1], *count)))

for image, kernel, strides, dilations, pads, ceil in [
        ((2, 2, 5, 6), (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), 0), ((1, 2, 6, 5), (3, 2), (2, 1), (1, 2), (1, 0, 1, 1), 0),
        ((1, 1, 7, 8), (3, 3), (2, 3), (1, 1), (1, 1, 1, 1), 1), ((2, 2, 9), (3,), (2,), (1,), (1, 1), 1)]:
    keys = dict(image=text(image), size=text(kernel), strides=text(strides), dilation=text(dilations), pads=text(pads), ceil=ceil)
    # Unlike each other, so that extrema are of one element.
    x = numbers(1, image) + np.arange(np.prod(image)).reshape(image) / 512
    made = dict(kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=ceil, dilations=dilations)
    for order in (0, 1):
        greatest, places = onnx_runtime("MaxPool", [x], ["y", "places"], storage_order=order, **made)
        line("max_places", places, order=order, **keys)
    line("max_pool", greatest, **keys)
    for count in (0, 1):
        line("avg_pool", onnx_runtime("AveragePool", [x], ["y"], count_include_pad=count, **made)[0], count=count, **keys)
    if max(dilations) == 1 and not ceil:
        line("lp_pool", onnx_runtime("LpPool", [x], ["y"], p=3, **made)[0], **keys)

for mode, size in itertools.product(("reflect", "nearest", "mirror", "wrap"), ((3, 3), (2, 3), (1, 4))):
    y = scipy.ndimage.median_filter(numbers(1, (5, 4)), size, mode=mode)
    line("median", y, image="5,4", size=text(size), mode=mode)
for mode in ("edge", "reflect", "symmetric", "wrap"):
    y = np.pad(numbers(1, (3, 4)), ((2, 5), (7, 1)), mode=mode)
    line("pad", y, image="3,4", low="2,7", high="5,1", mode=mode)
