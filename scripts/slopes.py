#!/usr/bin/env python3
"""Writes runtime/tests/suite/slopes.txt: derivatives at places from the smallest to the largest numbers, to 40 digits, rounded to f64.

Needs mpmath (any version from 1.0 on): python3 scripts/slopes.py > runtime/tests/suite/slopes.txt
A line is an op, a dtype, and for each point its operands and the derivatives by them, all joined by colons.
"""
import struct
import mpmath as mp

mp.mp.dps = 60


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


MAGNITUDES = {
    "f32": [1e-45, 1e-40, 3e-38, 1e-30, 1e-20, 1e-8, 1e-3, 0.1, 0.5, 0.9, 0.9999999, 1.0, 1.0000001, 1.5, 3.0, 5.25, 7.31, 9.0, 12.7, 17.3, 40.0,
            88.0, 100.0, 128.3, 1e3, 1e5, 1e8, 1e15, 1e20, 1e30, 1e38, 3.4e38],
    "f64": [5e-324, 1e-310, 3e-308, 1e-200, 1e-100, 1e-16, 1e-3, 0.1, 0.5, 0.9, 0.9999999999999999, 1.0, 1.0000000000000002, 1.5, 3.0,
            5.25, 7.31, 9.0, 17.3, 26.0, 33.7, 40.0, 100.0, 700.0, 1024.3, 1e4, 1e8, 1e15, 1e20, 1e100, 1e200, 1e307, 1.7e308],
}
PAIRS = {
    "f32": [1e-42, 1e-30, 1e-10, 0.75, 1.5, 20.0, 1e10, 1e30, 3e38],
    "f64": [1e-320, 1e-250, 1e-30, 0.75, 1.5, 20.0, 1e30, 1e250, 1.5e308],
}
R = mp.mpf
LOG2 = mp.log(2)
ALPHA, SCALE = R(1.6732632423543772), R(1.0507009873554805)
anywhere = lambda x: True
positive = lambda x: x > 0
sigma = lambda x: 1 / (1 + mp.exp(-x)) if x > -2000 else mp.exp(x)
hump = lambda x: mp.exp(-abs(x)) / (1 + mp.exp(-abs(x))) ** 2
bell = lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x) if abs(x) < 100 else R(0)
normal = lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi) if abs(x) < 100 else R(0)
below = lambda x, f: R(1) if x > 0 else f(max(x, R(-5000)))


def silu_slope(x):
    x = max(x, R(-5000))
    return sigma(x) * (1 + x * sigma(-x)) if x < 5000 else R(1)


def over(x, f):
    """Where an exponential is beyond all dtypes."""
    return mp.inf if x > 5000 else R(0) if x < -5000 else f(x)


UNARY = {
    "sqrt": (lambda x: 1 / (2 * mp.sqrt(x)), positive),
    "rsqrt": (lambda x: -1 / (2 * x * mp.sqrt(x)), positive),
    "cbrt": (lambda x: 1 / (3 * mp.cbrt(x * x)), lambda x: x != 0),
    "exp": (lambda x: over(x, mp.exp), anywhere),
    "expm1": (lambda x: over(x, mp.exp), anywhere),
    "exp2": (lambda x: over(x, lambda x: mp.power(2, x) * LOG2), anywhere),
    "log": (lambda x: 1 / x, positive),
    "log1p": (lambda x: 1 / (1 + x), lambda x: x > -1),
    "log2": (lambda x: 1 / (x * LOG2), positive),
    "logistic": (lambda x: hump(x) if abs(x) < 5000 else R(0), anywhere),
    "sin": (mp.cos, anywhere),
    "cos": (lambda x: -mp.sin(x), anywhere),
    "tan": (lambda x: 1 / mp.cos(x) ** 2, anywhere),
    "tanh": (lambda x: 4 * hump(2 * x) if abs(x) < 5000 else R(0), anywhere),
    "asin": (lambda x: 1 / mp.sqrt((1 - x) * (1 + x)), lambda x: abs(x) < 1),
    "acos": (lambda x: -1 / mp.sqrt((1 - x) * (1 + x)), lambda x: abs(x) < 1),
    "atan": (lambda x: 1 / (1 + x * x), anywhere),
    "sinh": (lambda x: over(abs(x), mp.cosh), anywhere),
    "cosh": (lambda x: over(abs(x), mp.sinh) * mp.sign(x), anywhere),
    "asinh": (lambda x: 1 / mp.sqrt(1 + x * x), anywhere),
    "acosh": (lambda x: 1 / mp.sqrt((x - 1) * (x + 1)), lambda x: x > 1),
    "atanh": (lambda x: 1 / ((1 - x) * (1 + x)), lambda x: abs(x) < 1),
    "erf": (bell, anywhere),
    "erfc": (lambda x: -bell(x), anywhere),
    "square": (lambda x: 2 * x, anywhere),
    "reciprocal": (lambda x: -1 / (x * x), lambda x: x != 0),
    "softplus": (lambda x: sigma(max(x, R(-5000))), anywhere),
    "log_sigmoid": (lambda x: sigma(max(-x, R(-5000))), anywhere),
    "elu": (lambda x: below(x, mp.exp), anywhere),
    "celu": (lambda x: below(x, mp.exp), anywhere),
    "selu": (lambda x: SCALE if x > 0 else SCALE * ALPHA * mp.exp(max(x, R(-5000))), anywhere),
    "silu": (lambda x: silu_slope(x), anywhere),
    "gelu": (lambda x: mp.ncdf(x) + x * normal(x) if abs(x) < 100 else R(x > 0), anywhere),
    "softsign": (lambda x: 1 / (1 + abs(x)) ** 2, anywhere),
    "neg": (lambda x: R(-1), anywhere),
    "abs": (mp.sign, anywhere),
    "log10": (lambda x: 1 / (x * mp.log(10)), positive),
    "mish": (lambda x: mish(x) if abs(x) < 1500 else R(x > 0), anywhere),
    "relu": (lambda x: R(x > 0), anywhere),
    "relu6": (lambda x: R(0 < x < 6), lambda x: x != 6),
    "leaky_relu": (lambda x: R(1) if x > 0 else R(1) / 4, anywhere),
    "hard_sigmoid": (lambda x: R(abs(x) < 3) / 6, lambda x: abs(x) != 3),
    "hard_swish": (lambda x: x / 3 + R(1) / 2 if abs(x) < 3 else R(x > 0), lambda x: abs(x) != 3),
    "hard_tanh": (lambda x: R(abs(x) < 1), lambda x: abs(x) != 1),
}


def far_or_near(low, high):
    """Not where a difference of nearly equal numbers has lost some digits in f64."""
    return lambda x: abs(x) <= low or abs(x) >= high


def scaled_bessel(order, x):
    if abs(x) > 1e6:
        return mp.sqrt(1 / (2 * mp.pi * x)) * (1 + (1 - 4 * order * order) / (8 * x) + R(9 - 24 * order) / (128 * x * x))
    return mp.exp(-x) * mp.besseli(order, x)


def i0e_slope(x):
    if abs(x) > 1e6:
        return -mp.sign(x) * mp.sqrt(1 / (2 * mp.pi * abs(x))) * (1 / (2 * abs(x)) + R(3) / (16 * x * x))
    return mp.sign(x) * (scaled_bessel(1, abs(x)) - scaled_bessel(0, abs(x)))


def i1e_slope(x):
    x = abs(x)
    if x > 1e6:
        return -mp.sqrt(1 / (2 * mp.pi * x)) * (1 / (2 * x) - R(9) / (16 * x * x))
    return scaled_bessel(0, x) - scaled_bessel(1, x) * (1 + 1 / x)


def erfcx_slope(x):
    if x > 1e6:
        return -1 / (mp.sqrt(mp.pi) * x * x)
    return 2 * x * mp.exp(x * x) * mp.erfc(x) - 2 / mp.sqrt(mp.pi) if x > -100 else -mp.inf


def log_ndtr_slope(x):
    if x < -1e4:
        return -x
    return normal(x) / mp.ncdf(x) if x > 0 else mp.sqrt(2 / mp.pi) / (mp.exp(x * x / 2) * mp.erfc(-x / mp.sqrt(2)))


def trigamma(x):
    return mp.polygamma(1, x) if abs(x) < 1e5 else 1 / x + 1 / (2 * x * x)


def digamma(x):
    return mp.digamma(x) if abs(x) < 1e5 else mp.log(x) - 1 / (2 * x)


def sinc_slope(x):
    if abs(x) < 1e-18:
        return -x * mp.pi**2 / 3
    return (mp.cospi(x) - mp.sinpi(x) / (mp.pi * x)) / x


not_a_pole = lambda x: x > 0 or abs(x) < 100 and x != mp.floor(x)
UNARY |= {
    "lgamma": (digamma, not_a_pole),
    "digamma": (trigamma, not_a_pole),
    "erfinv": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2), lambda x: abs(x) < 1),
    "erfcx": (erfcx_slope, lambda x: x <= 1.5 or x >= 20),
    "ndtr": (normal, anywhere),
    "log_ndtr": (log_ndtr_slope, anywhere),
    "i0e": (i0e_slope, far_or_near(3, 100)),
    "i1e": (i1e_slope, far_or_near(1, 100)),
    "j0": (lambda x: -mp.besselj(1, x), lambda x: abs(x) < 1e5),
    "exp1": (lambda x: -mp.exp(-x) / x if x < 5000 else R(0), positive),
    "expi": (lambda x: over(x, mp.exp) / x, lambda x: x != 0),
    "sinc": (sinc_slope, anywhere),
    "entr": (lambda x: -mp.log(x) - 1, positive),
    "logit": (lambda x: 1 / (x * (1 - x)), lambda x: 0 < x < 1),
}


def mish(x):
    n = mp.exp(x) * (mp.exp(x) + 2)
    gate = n / (n + 2)
    return gate + x * 4 * mp.exp(x) * (mp.exp(x) + 1) / (n + 2) ** 2


def share(x, y):
    return sigma(x - y) if abs(x - y) < 5000 else R(x > y)


BINARY = {
    "mul": (lambda x, y: (y, x), lambda x, y: True),
    "div": (lambda x, y: (1 / y, -x / (y * y)), lambda x, y: True),
    "pow": (lambda x, y: (y * mp.power(x, y - 1), mp.power(x, y) * mp.log(x)),
            lambda x, y: x > 0 and abs(y * mp.log(x)) < 5000),
    "atan2": (lambda y, x: (x / (x * x + y * y), -y / (x * x + y * y)), lambda x, y: True),
    "hypot": (lambda x, y: (x / mp.sqrt(x * x + y * y), y / mp.sqrt(x * x + y * y)), lambda x, y: True),
    "log_add_exp": (lambda x, y: (share(x, y), share(y, x)), lambda x, y: True),
    "xlogy": (lambda x, y: (mp.log(y), x / y), lambda x, y: y > 0),
    "squared_difference": (lambda x, y: (2 * (x - y), 2 * (y - x)), lambda x, y: True),
    "add": (lambda x, y: (R(1), R(1)), lambda x, y: True),
    "sub": (lambda x, y: (R(1), R(-1)), lambda x, y: True),
    "maximum": (lambda x, y: (R(x > y), R(x < y)), lambda x, y: x != y),
    "minimum": (lambda x, y: (R(x < y), R(x > y)), lambda x, y: x != y),
    "divide_no_nan": (lambda x, y: (1 / y, -x / (y * y)), lambda x, y: True),
    "swiglu": (lambda x, y: (y * silu_slope(x), x * sigma(max(x, R(-5000)))), lambda x, y: True),
}


def shown(x, dtype):
    x = R(x)
    if mp.isinf(x) or abs(x) > R("1.7976931348623158e308"):
        return "inf" if x > 0 else "-inf"
    return f"{float(x):.9g}" if dtype == "f32" else repr(float(x)).removesuffix(".0")


def main():
    for dtype in ["f32", "f64"]:
        rounded = f32 if dtype == "f32" else float
        signed = lambda xs: [s * rounded(x) for s in (1, -1) for x in xs]
        for name, (slope, domain) in UNARY.items():
            points = [R(x) for x in signed(MAGNITUDES[dtype]) if domain(R(x))]
            print(name, dtype, *(f"{shown(x, dtype)}:{shown(slope(x), dtype)}" for x in points))
        for name, (slopes, domain) in BINARY.items():
            values = signed(PAIRS[dtype])
            points = [(R(x), R(y)) for i, x in enumerate(values) for j, y in enumerate(values)
                      if (i + 2 * j) % 3 == 0 and domain(R(x), R(y))]
            rows = ((x, y, *slopes(x, y)) for x, y in points)
            print(name, dtype, *(":".join(shown(x, dtype) for x in row) for row in rows))


main()
