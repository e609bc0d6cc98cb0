"""Values of special functions with 40 digits, for `special/tests/accuracy.rs`: `python3 scripts/special.py > special/tests/accuracy.txt`.

A line is a function's name, its arguments, and the value. Needs `mpmath`.
"""

import math
import random

import mpmath as mp

mp.mp.dps = 40
random.seed(1)
CASES = 40


def flat(low, high):
    return lambda: random.uniform(low, high)


def wide(low, high):
    return lambda: math.exp(random.uniform(math.log(low), math.log(high)))


def mixed(*draws):
    return lambda: random.choice(draws)()


def minus(draw):
    return lambda: -draw()


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def ndtri(p):
    start = -mp.sqrt(-2 * mp.log(p)) if p < 0.3 else mp.sqrt(2) * mp.erfinv(2 * p - 1)
    return mp.findroot(lambda z: mp.log(ndtr(z)) - mp.log(p), start)


def log_gamma(x):
    return mp.log(abs(mp.gamma(x))) if abs(x) < 1000 else mp.loggamma(x)


ONE = {
    "gamma": (mixed(flat(0, 30), flat(-20, 0), flat(30, 170)), mp.gamma),
    "lgamma": (mixed(wide(1e-8, 1e8), flat(0.5, 3), flat(-30, 0)), log_gamma),
    "digamma": (mixed(wide(1e-8, 1e8), flat(0.5, 3), flat(-30, 0)), mp.digamma),
    "erfinv": (mixed(flat(-1, 1), lambda: 1 - wide(1e-15, 0.1)(), wide(1e-20, 1)), mp.erfinv),
    "erfcx": (mixed(flat(-5, 5), wide(1, 1e5)), lambda x: mp.exp(x * x) * mp.erfc(x)),
    "ndtr": (mixed(flat(-5, 5), minus(wide(1, 37))), ndtr),
    "log_ndtr": (
        mixed(flat(-5, 5), minus(wide(1, 1e5)), wide(1, 37)),
        lambda x: mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2) if x > 0 else mp.log(ndtr(x)),
    ),
    "ndtri": (mixed(flat(0, 1), wide(1e-300, 0.1), lambda: 1 - wide(1e-15, 0.1)()), ndtri),
    "i0": (mixed(flat(-10, 10), wide(1, 700)), lambda x: mp.besseli(0, x)),
    "i1": (mixed(flat(-10, 10), wide(1, 700)), lambda x: mp.besseli(1, x)),
    "i0e": (mixed(flat(-10, 10), wide(1, 1e4)), lambda x: mp.besseli(0, x) * mp.exp(-abs(x))),
    "i1e": (mixed(flat(-10, 10), wide(1, 1e4)), lambda x: mp.besseli(1, x) * mp.exp(-abs(x))),
    "j0": (mixed(flat(-30, 30), wide(1, 1e4)), lambda x: mp.besselj(0, x)),
    "j1": (mixed(flat(-30, 30), wide(1, 1e4)), lambda x: mp.besselj(1, x)),
    "y0": (mixed(flat(0, 30), wide(1e-5, 1e4)), lambda x: mp.bessely(0, x)),
    "y1": (mixed(flat(0, 30), wide(1e-5, 1e4)), lambda x: mp.bessely(1, x)),
    "exp1": (mixed(flat(0, 30), wide(1e-8, 600)), mp.e1),
    "expi": (mixed(flat(-5, 30), wide(1e-8, 700), minus(wide(1e-8, 600)), flat(0.36, 0.39)), mp.ei),
}


def near(a):
    """Arguments of the size of a shape."""
    spread = random.uniform(-3, 3) / math.sqrt(a) if a > 10 else random.uniform(-1, 1)
    return a * random.choice([random.uniform(0, 3), max(1 + spread, 1e-3)])


def between(a, b):
    """Arguments where a beta distribution is not 0."""
    mean = a / (a + b)
    deviation = math.sqrt(mean * (1 - mean) / (a + b + 1))
    return random.choice([random.uniform(0, 1), min(max(mean + random.uniform(-3, 3) * deviation, 1e-9), 1 - 1e-9)])


def shape_and_point():
    a = mixed(wide(1e-2, 1e2), wide(1, 1e4))()
    return [a, near(a)]


def shapes_and_point():
    a, b = wide(0.1, 1e3)(), wide(0.1, 1e3)()
    return [a, b, between(a, b)]


def by_first(f):
    """The derivative by the first argument, with digits enough for what is nearly 1."""

    def slope(a, *rest):
        with mp.workdps(350):
            step = mp.mpf(10) ** -20 * a
            return (f(a + step, *rest) - f(a - step, *rest)) / (2 * step)

    return slope


def zeta(s, q):
    with mp.workdps(120):
        return mp.zeta(s, q)


def lower(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def beta_cdf(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def owens_t(h, a):
    inside = lambda x: mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x)
    end = min(abs(a), 12 / abs(h))
    return mp.sign(a) * mp.quad(inside, mp.linspace(0, end, 9)) / (2 * mp.pi)


def order_and_point():
    return [float(random.randint(-3, 60)), mixed(flat(0, 30), wide(1e-6, 600))()]


def limit_and_point():
    while True:
        b = mixed(wide(0.1, 20), flat(-4, 4))()
        x = mixed(flat(-400, 400), flat(-5, 5), minus(wide(400, 1e4)), wide(400, 1e4))()
        if x < -1 and abs(b) > 10:
            continue
        value = mp.hyp0f1(b, x)
        if x > 0 or abs(value) > 0.05 * abs(mp.gamma(b)) * mp.sqrt(-x) ** (mp.mpf(0.5) - b):
            return [b, x]


def kummer_arguments():
    draw = mixed(wide(0.1, 50), flat(-5, 5), flat(0, 10))
    return [draw(), draw(), mixed(flat(-5, 5), flat(-300, 300), minus(wide(300, 5000)))()]


def gauss_point():
    return mixed(flat(-1, 1), flat(0.5, 1), lambda: 1 - wide(1e-14, 0.5)(), minus(wide(1, 1e6)), minus(wide(1, 1e200)))()


def gauss_parameters():
    kind = random.choice(["few", "signed", "to one", "far", "ends", "large", "close"])
    if kind == "few":
        return [wide(0.1, 10)() for _ in range(3)]
    if kind == "signed":
        return [flat(-5, 5)() for _ in range(3)]
    if kind == "ends":
        return [float(-random.randint(1, 20)), flat(-10, 30)(), wide(0.3, 30)()]
    if kind == "large":
        return [random.choice([-1, 1, 1]) * wide(5, 100)() for _ in range(2)] + [wide(1, 100)()]
    a, c = flat(-4, 4)(), wide(0.2, 8)()
    by = random.randint(-4, 4) + (0 if kind != "close" else random.choice([-1, 1]) * wide(1e-10, 1e-2)())
    return [a, a + by, c] if kind == "far" else [a, c - a + by, c]


def gauss_arguments():
    """Arguments whose own rounding is not a great part of the value."""
    while True:
        args = gauss_parameters() + [gauss_point()]
        value = mp.hyp2f1(*args)
        if mp.im(value) != 0 or not 1e-290 < abs(value) < 1e290:
            continue
        step = mp.mpf(10) ** -20
        moved = [[x * (1 + step) if j == i else mp.mpf(x) for j, x in enumerate(args)] for i in range(4)]
        if sum(abs(mp.hyp2f1(*at) / value - 1) for at in moved) < 200 * step:
            return args


SEVERAL = {
    "lbeta": (lambda: [wide(1e-2, 1e4)(), wide(1e-2, 1e4)()], lambda a, b: mp.log(mp.beta(a, b))),
    "zeta": (lambda: [wide(1.001, 50)(), wide(1e-2, 1e3)()], zeta),
    "zeta_grad_s": (
        lambda: [wide(1.01, 50)(), wide(1e-2, 1e3)()],
        by_first(zeta),
    ),
    "igamma": (shape_and_point, lower),
    "igammac": (shape_and_point, lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True)),
    "igamma_grad_a": (shape_and_point, by_first(lower)),
    "gamma_density": (shape_and_point, lambda a, x: mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))),
    "owens_t": (lambda: [flat(-5, 5)(), mixed(flat(-3, 3), wide(1, 100))()], owens_t),
    "betainc": (shapes_and_point, beta_cdf),
    "betainc_grad_a": (shapes_and_point, by_first(beta_cdf)),
    "beta_density": (
        shapes_and_point,
        lambda a, b, x: mp.exp((a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x) - mp.log(mp.beta(a, b))),
    ),
    "expn": (order_and_point, mp.expint),
    "hyp0f1": (limit_and_point, mp.hyp0f1),
    "hyp1f1": (kummer_arguments, mp.hyp1f1),
    "hyp2f1": (gauss_arguments, mp.hyp2f1),
}

functions = {name: (lambda draw=draw: [draw()], f) for name, (draw, f) in ONE.items()} | SEVERAL
for name, (draw, f) in functions.items():
    for _ in range(4 * CASES if name == "hyp2f1" else CASES):
        args = draw()
        value = mp.re(f(*[mp.mpf(x) for x in args]))
        print(name, *args, mp.nstr(value, 20))
