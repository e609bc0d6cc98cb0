"""Makes tests/facade/windows.txt: convolutions and pools as JAX computes them, in f64, on numbers that a formula gives.

    pip install numpy jax && python scripts/windows.py > tests/facade/windows.txt

A line is a case: what is computed, `key=value` for each of its numbers, and behind `->` the results. An operand number k of some shape has the
elements ((i * 37 + k * 11) % 23 - 11) / 4 for i = 0, 1, 2.., unlike each other if there are few.
"""
import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from jax import lax


def numbers(k, shape):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((i * 37 + k * 11) % 23 - 11) / 4).reshape(shape)


def text(values):
    return ",".join(str(v) for v in values)


def line(what, result, **keys):
    shown = " ".join(f"{key}={value}" for key, value in keys.items())
    print(f"{what} {shown} -> {text(result.shape)}: {' '.join(repr(float(v)) for v in np.ravel(result))}")


def convolution(image, kernel, words, strides, padding, dilation, groups):
    keys = dict(image=text(image), kernel=text(kernel), words=text(words), strides=text(strides),
                padding=";".join(text(p) for p in padding), dilation=text(dilation), groups=groups)

    def conv(x, w):
        return lax.conv_general_dilated(x, w, strides, padding, rhs_dilation=dilation,
                                        dimension_numbers=words, feature_group_count=groups)

    x, w = numbers(1, image), numbers(2, kernel)
    y, back = jax.vjp(conv, x, w)
    by_image, by_kernel = back(numbers(3, y.shape))
    line("conv", y, **keys)
    line("conv_by_image", by_image, **keys)
    line("conv_by_kernel", by_kernel, **keys)


def pool(image, words, size, strides, padding, dilation):
    axis = {letter: i for i, letter in enumerate(words)}
    spatial = [i for i, letter in enumerate(words) if letter not in "NC"]

    def each(values, other):
        found = [other] * len(image)
        for at, value in zip(spatial, values):
            found[at] = value
        return tuple(found)

    keys = dict(image=text(image), words=words, size=text(size), strides=text(strides),
                padding=";".join(text(p) for p in padding), dilation=text(dilation))
    window = (each(size, 1), each(strides, 1), each(padding, (0, 0)))
    more = dict(window_dilation=each(dilation, 1))
    # Unlike each other, so that extrema are of one element.
    x = numbers(1, image) + np.arange(np.prod(image)).reshape(image) / 512

    def fold(x, first, join):
        return lax.reduce_window(x, np.float64(first), join, *window, **more)

    greatest, back = jax.vjp(lambda x: fold(x, -np.inf, lax.max), x)
    line("max_pool", greatest, **keys)
    line("min_pool", fold(x, np.inf, lax.min), **keys)
    if all(d == 1 for d in dilation):
        line("max_pool_by_image", back(numbers(3, greatest.shape))[0], **keys)
    total = fold(x, 0.0, lax.add)
    line("sum_pool", total, **keys)
    line("avg_pool", total / fold(np.ones(image), 0.0, lax.add), **keys)
    line("avg_pool_included", total / np.prod(size), **keys)


print("# Made by scripts/windows.py.")
LAST, FIRST = ("NHWC", "HWIO", "NHWC"), ("NCHW", "OIHW", "NCHW")
convolution((1, 4, 5, 2), (3, 3, 2, 3), LAST, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
convolution((1, 2, 4, 5), (3, 2, 3, 3), FIRST, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
convolution((2, 5, 5, 1), (2, 3, 1, 2), LAST, (2, 1), ((0, 1), (2, 0)), (1, 1), 1)
convolution((1, 6, 5, 4), (3, 2, 2, 4), LAST, (2, 2), ((1, 0), (0, 1)), (1, 2), 2)
convolution((1, 4, 5, 5), (4, 1, 3, 3), FIRST, (1, 2), ((1, 1), (1, 1)), (1, 1), 4)
convolution((1, 3, 5, 5), (6, 1, 2, 2), FIRST, (2, 1), ((0, 0), (1, 0)), (1, 1), 3)
convolution((2, 4, 4, 3), (1, 1, 3, 2), LAST, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
convolution((1, 5, 5, 2), (1, 1, 2, 3), LAST, (2, 2), ((0, 0), (0, 0)), (1, 1), 1)
convolution((1, 7, 2), (3, 2, 2), ("NWC", "WIO", "NWC"), (1,), ((4, 0),), (2,), 1)
convolution((2, 2, 9), (3, 2, 4), ("NCW", "OIW", "NCW"), (3,), ((1, 2),), (1,), 1)
convolution((1, 3, 3, 4, 1), (2, 2, 2, 1, 2), ("NDHWC", "DHWIO", "NDHWC"), (1, 2, 1), ((1, 0), (0, 0), (0, 1)), (1, 1, 1), 1)
convolution((1, 4, 5, 2), (2, 2, 2, 2), ("NHWC", "OIHW", "NCHW"), (1, 1), ((-1, 1), (0, -1)), (1, 1), 1)
convolution((1, 6, 6, 1), (4, 4, 1, 1), LAST, (3, 2), ((3, 3), (2, 2)), (1, 1), 1)
for image, words in [((1, 6, 7, 2), "NHWC"), ((1, 2, 6, 7), "NCHW")]:
    pool(image, words, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    pool(image, words, (3, 3), (2, 1), ((1, 1), (1, 1)), (1, 1))
    pool(image, words, (3, 2), (1, 2), ((0, 2), (1, 0)), (1, 1))
    pool(image, words, (2, 3), (1, 1), ((1, 0), (2, 2)), (2, 2))
pool((2, 9, 1), "NWC", (3,), (2,), ((1, 1),), (1,))
pool((1, 4, 4, 3, 1), "NDHWC", (2, 2, 2), (2, 1, 1), ((0, 0), (1, 0), (0, 1)), (1, 1, 1))
