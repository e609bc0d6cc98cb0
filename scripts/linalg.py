#!/usr/bin/env python3
"""Writes runtime/tests/suite/linalg.txt: results of linear algebra by NumPy and SciPy.

Needs numpy and scipy: python3 scripts/linalg.py > runtime/tests/suite/linalg.txt
A line is the name of a case, its operands, `=>`, and its results; a tensor is its extents joined by `x`, a colon, and its elements.
Signs that factorisations leave open are those of tensorwright's conventions.
"""
import numpy as np
import scipy.linalg as sl

rng = np.random.default_rng(7)
normal = lambda *shape: rng.standard_normal(shape)


def tensor(x):
    x = np.asarray(x, dtype=np.float64)
    return "x".join(map(str, x.shape)) + ":" + ",".join(repr(float(v)) for v in x.ravel())


def case(name, operands, results):
    print(name, *map(tensor, operands), "=>", *map(tensor, results))


def spd(n, *batch):
    a = normal(*batch, n, n)
    return a @ np.swapaxes(a, -1, -2) + 0.5 * np.eye(n)


def signs(u):
    """The first component of at least 0.7 times the greatest magnitude is positive."""
    flips = []
    for column in u.T:
        at = np.argmax(np.abs(column) >= 0.7 * np.abs(column).max())
        flips.append(-1.0 if column[at] < 0 else 1.0)
    return np.array(flips)


def qr(a, mode):
    q, r = np.linalg.qr(a, mode=mode)
    k = min(a.shape)
    flip = np.ones(q.shape[1])
    flip[:k] = np.where(np.diag(r)[:k] < 0, -1.0, 1.0)
    return q * flip, flip[:, None] * r


def eigh(a):
    w, v = np.linalg.eigh(a)
    return w, v * signs(v)


def svd(a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    flip = signs(u)
    return u * flip, s, flip[:, None] * vt


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
