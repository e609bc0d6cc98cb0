"""Makes the fixtures of complex functions and of Fourier transforms: needs NumPy, SciPy and mpmath.

    python3 scripts/spectral.py functions > runtime/tests/suite/complex.txt
    python3 scripts/spectral.py transforms > tests/facade/spectral.txt
"""

import sys

import mpmath
import numpy as np
import scipy.fft
import scipy.signal

np.seterr(all="ignore")
INF = float("inf")

# Points off the axes, both sides of branch cuts, the cuts' ends, small and large numbers, infinities.
POINTS = [
    complex(re, im)
    for re, im in [
        (0.5, 0.25), (-1.25, 2.0), (3.0, -4.0), (-2.0, -0.5), (1e-9, 1e-9), (0.75, -1e-12), (1.0, 1e-8), (0.6, 0.8),
        (2.0, 0.0), (2.0, -0.0), (-2.0, 0.0), (-2.0, -0.0), (0.25, 0.0), (-0.25, -0.0),
        (0.0, 2.0), (-0.0, 2.0), (0.0, -2.0), (-0.0, -2.0), (0.0, 0.5), (-0.0, -0.5),
        (0.0, 0.0), (0.0, -0.0), (-0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (1.0, -0.0),
        (30.0, 1.0), (-30.0, -1.0), (1e10, 1e10), (-1e10, 1.0), (1.0, -1e10),
    ]
]  # fmt: skip
INFINITE = [complex(INF, 1.0), complex(-INF, 1.0), complex(-INF, -0.0), complex(1.0, INF), complex(INF, 0.0), complex(2.0, -INF)]



def log1p(z):
    """NumPy's loses digits near 0."""
    with mpmath.workdps(60):
        distance = abs(1 + mpmath.mpc(float(z.real), float(z.imag)))
        real = float(mpmath.log(distance)) if distance else -INF
    return np.complex128(complex(real, np.log1p(z).imag))


FUNCTIONS = {
    "exp": np.exp, "log": np.log, "expm1": np.expm1, "log1p": log1p, "exp2": np.exp2, "log2": np.log2, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "reciprocal": lambda z: np.complex128(1) / z, "square": np.square, "abs": np.abs, "angle": np.angle, "conj": np.conj,
}  # fmt: skip


def pair(z):
    return f"{float(np.real(z))!r},{float(np.imag(z))!r}"


def functions():
    print("# Made by scripts/spectral.py: a function, its operands and its value, each as real and imaginary part.")
    for name, function in FUNCTIONS.items():
        points = POINTS + (INFINITE if name in ("exp", "log", "sqrt", "abs", "angle") else [])
        for z in points:
            value = function(np.complex128(z))
            if name == "exp" and abs(z) > 700:
                continue
            # In single precision the angle `y log 2` of a large `y` is not known.
            if name == "exp2" and abs(z.imag) > 1e3:
                continue
            # 1 / 0 is what each library makes of it, and poles are where they are.
            if not np.isfinite(value) and z not in INFINITE and name != "log":
                continue
            print(name, pair(z), "=>", pair(value))
    for name, function in [("mul", np.multiply), ("div", np.divide), ("pow", np.power)]:
        for x in POINTS[:6]:
            for y in POINTS[:4] + [2 + 0j, 0.5 + 0j]:
                print(name, pair(x), pair(y), "=>", pair(function(np.complex128(x), np.complex128(y))))


def write(name, keys, operand, value):
    def words(x):
        x = np.asarray(x)
        kind = "c" if np.iscomplexobj(x) else "f"
        flat = np.stack([x.real, x.imag], -1).ravel() if kind == "c" else x.ravel()
        return f"{kind}{'x'.join(map(str, x.shape))}:" + ",".join(repr(float(v)) for v in flat)

    print(name, keys or "-", words(operand), "=>", words(value))


def transforms():
    print("# Made by scripts/spectral.py: a transform, its options, its operand and its value; complex numbers as pairs.")
    rng = np.random.default_rng(7)

    def real(*shape):
        return rng.integers(-8, 9, shape) / 4

    def cplx(*shape):
        return real(*shape) + 1j * real(*shape)

    for n in [1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 17, 30, 31]:
        write("fft", "axes=0", x := cplx(n), np.fft.fft(x))
        write("ifft", "axes=0", x := cplx(n), np.fft.ifft(x))
        write("rfft", "axes=0", x := real(n), np.fft.rfft(x))
        write("irfft", f"axes=0 n={n}", x := cplx(n // 2 + 1), np.fft.irfft(x, n))
    for norm in ["ortho", "forward"]:
        write("fft", f"axes=0 norm={norm}", x := cplx(6), np.fft.fft(x, norm=norm))
        write("ifft", f"axes=0 norm={norm}", x := cplx(6), np.fft.ifft(x, norm=norm))
        write("rfft", f"axes=1 norm={norm}", x := real(2, 5), np.fft.rfft(x, norm=norm))
        write("irfft", f"axes=1 norm={norm} n=6", x := cplx(2, 4), np.fft.irfft(x, 6, norm=norm))
        write("hfft", f"axes=0 norm={norm} n=6", x := cplx(4), np.fft.hfft(x, 6, norm=norm))
        write("ihfft", f"axes=0 norm={norm}", x := real(6), np.fft.ihfft(x, norm=norm))
    for axes in [(0,), (1,), (0, 1), (1, 0), (0, 2), (0, 1, 2)]:
        keys = "axes=" + ",".join(map(str, axes))
        write("fft", keys, x := cplx(3, 4, 5), np.fft.fftn(x, axes=axes))
        write("ifft", keys, x := cplx(3, 4, 5), np.fft.ifftn(x, axes=axes))
        write("rfft", keys, x := real(3, 4, 5), np.fft.rfftn(x, axes=axes))
        write("irfft", keys, x := cplx(3, 4, 5), np.fft.irfftn(x, axes=axes))
    for n in [3, 9]:
        write("fft", f"axes=0 n={n}", x := cplx(6), np.fft.fft(x, n))
        write("ifft", f"axes=0 n={n}", x := cplx(6), np.fft.ifft(x, n))
        write("rfft", f"axes=0 n={n}", x := real(6), np.fft.rfft(x, n))
        write("irfft", f"axes=0 n={n}", x := cplx(6), np.fft.irfft(x, n))
    write("hfft", "axes=0 n=7", x := cplx(4), np.fft.hfft(x, 7))
    write("ihfft", "axes=0", x := real(7), np.fft.ihfft(x))
    write("fftshift", "axes=0,1", x := real(4, 5), np.fft.fftshift(x))
    write("ifftshift", "axes=0,1", x := real(4, 5), np.fft.ifftshift(x))
    write("fftfreq", "n=7", 0.5, np.fft.fftfreq(7, 0.5))
    write("fftfreq", "n=8", 0.5, np.fft.fftfreq(8, 0.5))
    write("rfftfreq", "n=7", 0.5, np.fft.rfftfreq(7, 0.5))
    for kind in [1, 2, 3, 4]:
        for norm in ["backward", "ortho", "forward"]:
            for n in [2, 5, 8]:
                keys = f"axes=0 type={kind} norm={norm}"
                write("dct", keys, x := real(n), scipy.fft.dct(x, kind, norm=norm))
                write("idct", keys, x := real(n), scipy.fft.idct(x, kind, norm=norm))
    windows = ["hann", "hamming", "blackman", "bartlett", "cosine", "blackmanharris", "nuttall", "flattop", "boxcar"]
    for name in windows:
        for periodic in [True, False]:
            for n in [1, 2, 9, 10]:
                write("window", f"name={name} n={n} periodic={str(periodic).lower()}", 0.0, scipy.signal.get_window(name, n, periodic))
    for beta in [0.0, 8.6, 14.0]:
        write("window", f"name=kaiser n=9 periodic=false", beta, scipy.signal.get_window(("kaiser", beta), 9, False))
    write("window", "name=gaussian n=9 periodic=false", 1.5, scipy.signal.get_window(("gaussian", 1.5), 9, False))
    for mode in ["full", "same", "valid"]:
        x, y = real(9), real(4)
        write("convolve", f"mode={mode} other=4", np.concatenate([x, y]), scipy.signal.convolve(x, y, mode))
        x, y = real(9), real(4)
        write("correlate", f"mode={mode} other=4", np.concatenate([x, y]), scipy.signal.correlate(x, y, mode))
    # Frames of 8 every 3, with a Hann window, without padding: (frequency, time).
    x = real(29)
    window = scipy.signal.get_window("hann", 8)
    frames = np.stack([x[i : i + 8] * window for i in range(0, 29 - 8 + 1, 3)])
    write("stft", "length=8 hop=3 centre=false", x, np.fft.rfft(frames).T)
    padded = np.pad(x, 4, mode="reflect")
    frames = np.stack([padded[i : i + 8] * window for i in range(0, len(padded) - 8 + 1, 3)])
    write("stft", "length=8 hop=3 centre=true", x, np.fft.rfft(frames).T)


{"functions": functions, "transforms": transforms}[sys.argv[1]]()
