#!/usr/bin/env python3
"""Writes runtime/tests/suite/linalg.txt: results of linear algebra by NumPy and SciPy.

Needs numpy and scipy: python3 scripts/linalg.py > runtime/tests/suite/linalg.txt
A line is the name of a case, its operands, `=>`, and its results; a tensor is its extents joined by `x`, a colon, and its elements. That of a complex one
begins with `c`, and its elements are pairs. Directions and orders that factorisations leave open are those of tensorwright's conventions.
"""
import numpy as np
import scipy.linalg as sl

rng = np.random.default_rng(7)
normal = lambda *shape: rng.standard_normal(shape)


def tensor(x):
    x = np.asarray(x)
    shape = "x".join(map(str, x.shape)) + ":"
    if np.iscomplexobj(x):
        return "c" + shape + ",".join(f"{float(v.real)!r},{float(v.imag)!r}" for v in x.ravel())
    return shape + ",".join(repr(float(v)) for v in x.ravel())


def complex_normal(*shape):
    return normal(*shape) + 1j * normal(*shape)


def case(name, operands, results):
    print(name, *map(tensor, operands), "=>", *map(tensor, results))


def spd(n, *batch):
    a = normal(*batch, n, n)
    return a @ np.swapaxes(a, -1, -2) + 0.5 * np.eye(n)


def turns(u):
    """What makes the first component of at least 0.7 times the greatest magnitude real and positive."""
    factors = []
    for column in u.T:
        at = np.argmax(np.abs(column) >= 0.7 * np.abs(column).max())
        factors.append(np.conj(column[at]) / np.abs(column[at]))
    return np.array(factors, dtype=u.dtype)


def qr(a, mode):
    q, r = np.linalg.qr(a, mode=mode)
    k = min(a.shape)
    turn = np.ones(q.shape[1], dtype=a.dtype)
    diagonal = np.diag(r)[:k]
    turn[:k] = np.conj(diagonal) / np.abs(diagonal)
    return q * np.conj(turn), turn[:, None] * r


def eigh(a):
    w, v = np.linalg.eigh(a)
    return w, v * turns(v)


def svd(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    turn = turns(u)
    return u * turn, s, np.conj(turn)[:, None] * vh


def places_of(w):
    """Real parts ascend, imaginary parts where real ones are near."""
    by_real = np.argsort(w.real, kind="stable")
    near = 1e-4 * np.abs(w).max(initial=0.0)
    result, group = [], []
    for place in by_real:
        if group and w[place].real - w[group[-1]].real > near:
            result += sorted(group, key=lambda i: w[i].imag)
            group = []
        group.append(place)
    return np.array(result + sorted(group, key=lambda i: w[i].imag), dtype=int)


def eig(a):
    w, v = np.linalg.eig(a.astype(np.complex128))
    places = places_of(w)
    w, v = w[places], v[:, places]
    return w, v * turns(v)


def general(a):
    """Cases of eigenvalues, of each matrix of a batch."""
    batch = a.reshape(int(np.prod(a.shape[:-2])), *a.shape[-2:])
    found = [eig(x) for x in batch]
    shape = a.shape[:-2]
    w = np.array([w for w, _ in found], dtype=np.complex128).reshape(*shape, a.shape[-1])
    v = np.array([v for _, v in found], dtype=np.complex128).reshape(a.shape)
    case("eig", [a], [w, v])
    case("eigvals", [a], [w])


hilbert = sl.hilbert(6)
for n, batch in [(1, ()), (3, ()), (5, (2, 3)), (12, ())]:
    a = spd(n, *batch)
    case("cholesky", [a], [np.linalg.cholesky(a)])
case("cholesky", [hilbert], [np.linalg.cholesky(hilbert)])
bad = np.array([[1.0, 2.0], [2.0, 1.0]])
case("cholesky", [np.stack([bad, np.eye(2)])], [np.stack([np.full((2, 2), np.nan), np.eye(2)])])
for n, k in [(4, 2), (12, 5)]:
    a, b = normal(n, n) + n * np.eye(n), normal(n, k)
    case("lower", [a, b], [sl.solve_triangular(a, b, lower=True)])
    case("upper_turned", [a, b], [sl.solve_triangular(a, b, trans="T")])
    case("unit_right", [a, b.T], [sl.solve_triangular(a, b, lower=False, trans="T", unit_diagonal=True).T])
    case("solve", [a, b], [np.linalg.solve(a, b)])
    case("inverse", [a], [np.linalg.inv(a)])
for a in [normal(3, 3), normal(6, 4), normal(3, 5), normal(10, 10)]:
    p, l, u = sl.lu(a)
    case("lu", [a], [np.argmax(p, axis=0), l, u])
for a, mode in [(normal(5, 3), "reduced"), (normal(5, 3), "complete"), (normal(3, 5), "reduced"), (hilbert, "reduced"), (normal(14, 5), "reduced")]:
    case("qr_" + mode, [a], qr(a, mode))
for n in [1, 2, 5, 12]:
    a = normal(n, n)
    a = (a + a.T) / 2
    case("eigh", [a], eigh(a))
    case("eigvalsh", [a], [np.linalg.eigvalsh(a)])
for shape in [(3, 3), (6, 2), (2, 6), (11, 9)]:
    a = normal(*shape)
    case("svd", [a], svd(a))
    case("svdvals", [a], [np.linalg.svd(a, compute_uv=False)])
for n in [1, 2, 3, 4, 9]:
    a = normal(n, n)
    case("det", [a], [np.linalg.det(a)])
    case("slogdet", [a], np.linalg.slogdet(a))
singular = np.arange(16.0).reshape(4, 4)
singular[3] = singular[0]
for a in [normal(4, 3), normal(3, 4), singular]:
    case("pinv", [a], [np.linalg.pinv(a, rcond=1e-12)])
    b = normal(a.shape[0])
    case("lstsq", [a, b], [np.linalg.lstsq(a, b, rcond=1e-12)[0]])
    case("rank", [a], [np.linalg.matrix_rank(a)])
for a in [normal(3, 3), 20 * normal(4, 4), np.zeros((2, 2)), normal(2, 3, 3)]:
    case("expm", [a], [sl.expm(a)])
a = normal(3, 3)
case("power_5", [a], [np.linalg.matrix_power(a, 5)])
case("power_minus_2", [a], [np.linalg.matrix_power(a, -2)])
for name, order in [("frobenius", "fro"), ("nuclear", "nuc"), ("spectral", 2), ("one", 1), ("infinity", np.inf)]:
    a = normal(3, 5)
    case("norm_" + name, [a], [np.linalg.norm(a, order)])
    a = normal(3, 3)
    case("condition_" + name, [a], [np.linalg.cond(a, order)])
ab, b = normal(4, 6) + 6 * np.eye(4, 6, 0), normal(6, 2)
ab[2] += 5
case("band_1", [ab, b], [sl.solve_banded((1, 2), ab, b)])
a, b, c = normal(3, 3), normal(2, 2), normal(3, 2)
case("sylvester", [a, b, c], [sl.solve_sylvester(a, b, c)])

# General eigenvalues.
for n in [0, 1, 2, 3, 5, 10]:
    general(normal(n, n))
    general(complex_normal(n, n))
general(normal(20, 20))
general(normal(2, 3, 4, 4))
general(complex_normal(3, 3, 3))
angle = 0.3
general(np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]))
general(np.roll(np.eye(6), 1, axis=0) + np.diag(np.arange(6.0)))
general(np.triu(normal(6, 6)) + np.diag(np.arange(6.0)))

# Complex matrices.
for n, batch in [(0, ()), (1, ()), (3, ()), (5, (2, 3)), (12, ())]:
    a = complex_normal(*batch, n, n)
    a = a @ np.conj(np.swapaxes(a, -1, -2)) + 0.5 * np.eye(n)
    case("cholesky", [a], [np.linalg.cholesky(a)])
case("cholesky", [bad.astype(np.complex128)], [np.full((2, 2), complex(np.nan, np.nan))])
for n, k in [(4, 2), (12, 5)]:
    a, b = complex_normal(n, n) + n * np.eye(n), complex_normal(n, k)
    case("lower", [a, b], [sl.solve_triangular(a, b, lower=True)])
    case("upper_turned", [a, b], [sl.solve_triangular(a, b, trans="T")])
    case("unit_right", [a, b.T], [sl.solve_triangular(a, b, lower=False, trans="T", unit_diagonal=True).T])
    case("solve", [a, b], [np.linalg.solve(a, b)])
    case("inverse", [a], [np.linalg.inv(a)])
    h = a @ np.conj(a.T)
    case("cholesky_solve", [np.linalg.cholesky(h), b], [np.linalg.solve(h, b)])
for a in [complex_normal(3, 3), complex_normal(6, 4), complex_normal(3, 5), complex_normal(10, 10)]:
    p, l, u = sl.lu(a)
    case("lu", [a], [np.argmax(p, axis=0).astype(float), l, u])
for shape, mode in [((5, 3), "reduced"), ((3, 5), "reduced"), ((4, 4), "complete"), ((14, 5), "reduced")]:
    a = complex_normal(*shape)
    case("qr_" + mode, [a], qr(a, mode))
for n in [0, 1, 2, 5, 12]:
    a = complex_normal(n, n)
    a = (a + np.conj(a.T)) / 2
    case("eigh", [a], eigh(a) if n else [np.zeros(0), a])
    case("eigvalsh", [a], [np.linalg.eigvalsh(a)])
for shape in [(3, 3), (6, 2), (2, 6), (11, 9)]:
    a = complex_normal(*shape)
    case("svd", [a], svd(a))
    case("svdvals", [a], [np.linalg.svd(a, compute_uv=False)])
for n in [1, 2, 3, 4, 9]:
    a = complex_normal(n, n)
    case("det", [a], [np.linalg.det(a)])
    case("slogdet", [a], np.linalg.slogdet(a))
complex_singular = singular * (1 + 2j)
for a in [complex_normal(4, 3), complex_normal(3, 4), complex_singular]:
    case("pinv", [a], [np.linalg.pinv(a, rcond=1e-12)])
    b = complex_normal(a.shape[0])
    case("lstsq", [a, b], [np.linalg.lstsq(a, b, rcond=1e-12)[0]])
    case("rank", [a], [float(np.linalg.matrix_rank(a))])
for a in [complex_normal(3, 3), 20 * complex_normal(4, 4), complex_normal(2, 3, 3)]:
    case("expm", [a], [sl.expm(a)])
a = complex_normal(3, 3)
case("power_5", [a], [np.linalg.matrix_power(a, 5)])
case("power_minus_2", [a], [np.linalg.matrix_power(a, -2)])
for name, order in [("frobenius", "fro"), ("nuclear", "nuc"), ("spectral", 2), ("one", 1), ("infinity", np.inf)]:
    a = complex_normal(3, 5)
    case("norm_" + name, [a], [np.linalg.norm(a, order)])
    a = complex_normal(3, 3)
    case("condition_" + name, [a], [np.linalg.cond(a, order)])
a, b, c = complex_normal(3, 3), complex_normal(2, 2), complex_normal(3, 2)
case("sylvester", [a, b, c], [sl.solve_sylvester(a, b, c)])

# A full decomposition says of the vectors without a value only that they make a basis: what they span is compared.
for make in [normal, complex_normal]:
    for shape in [(5, 2), (2, 5), (3, 3), (4, 0)]:
        a = make(*shape)
        u, s, vh = np.linalg.svd(a, full_matrices=True)
        k = min(shape)
        rest_u, rest_v = u[:, k:], np.conj(vh[k:].T)
        case("full", [a], [s, rest_u @ np.conj(rest_u.T), rest_v @ np.conj(rest_v.T)])

# Statistics of complex numbers along the last axis.
a = complex_normal(3, 5)
for name, value in [("var", np.var(a, -1)), ("std", np.std(a, -1)), ("l1", np.abs(a).sum(-1)), ("l2", np.linalg.norm(a, axis=-1)), ("inf", np.abs(a).max(-1)), ("cbrt", a ** (1 / 3))]:
    case("statistic_" + name, [a], [value])
