"""The workloads of `benches/src/workloads.rs` in other libraries: python3 benches/peers.py tf|xla|jax|torch|inductor [WORKLOAD ...]

Prints one JSON line per workload: {peer, workload, first_ms, best_us, median_us}; first_ms is the first call of a signature: trace, compile, run. `benches/compare.py` runs it.
"""

import json
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np

R = np.random.default_rng(0)


def f32(*s):
    return R.standard_normal(s).astype(np.float32)


# Each workload: (make_args, fn(xp-like namespace ops `o`, *args))
def w_dispatch():
    return [f32(4)], lambda o, x: x * 2.0 + 1.0


def w_gelu_1k():
    return [f32(1 << 10) for _ in range(3)], lambda o, x, w, b: o.gelu(x * w + b)


def w_gelu_64k():
    return [f32(1 << 16) for _ in range(3)], lambda o, x, w, b: o.gelu(x * w + b)


def w_gelu_1m():
    return [f32(1 << 20) for _ in range(3)], lambda o, x, w, b: o.gelu(x * w + b)


def w_gelu_16m():
    return [f32(1 << 24) for _ in range(3)], lambda o, x, w, b: o.gelu(x * w + b)


def w_black_scholes_1m():
    n = 1 << 20
    S = (R.random(n) * 90 + 10).astype(np.float32)
    K = (R.random(n) * 90 + 10).astype(np.float32)
    T = (R.random(n) * 2 + 0.1).astype(np.float32)

    def f(o, S, K, T):
        r, v = 0.02, 0.3
        sq = v * o.sqrt(T)
        d1 = (o.log(S / K) + (r + v * v / 2) * T) / sq
        d2 = d1 - sq
        N = lambda x: 0.5 * (1.0 + o.erf(x * 0.70710678))
        return S * N(d1) - K * o.exp(-r * T) * N(d2)

    return [S, K, T], f


def w_softmax_1024():
    return [f32(1024, 1024)], lambda o, x: o.softmax(x)


def w_layernorm_512x768():
    return [f32(512, 768), f32(768), f32(768)], lambda o, x, g, b: o.layernorm(x, g, b)


def w_sum_rows_4096():
    return [f32(4096, 4096)], lambda o, x: o.sum(x, 1)


def w_sum_cols_4096():
    return [f32(4096, 4096)], lambda o, x: o.sum(x, 0)


def w_var_all_16m():
    return [f32(1 << 24)], lambda o, x: o.mean((x - o.mean(x, None)) * (x - o.mean(x, None)), None)


def w_transpose_add_2048():
    return [f32(2048, 2048)], lambda o, x: x + o.t(x)


def mm(n):
    return [f32(n, n), f32(n, n)], lambda o, a, b: o.mm(a, b)


def w_mm_64():
    return mm(64)


def w_mm_256():
    return mm(256)


def w_mm_1024():
    return mm(1024)


def w_mm_2048():
    return mm(2048)


def w_mm_1x768x3072():
    return [f32(1, 768), f32(768, 3072)], lambda o, a, b: o.mm(a, b)


def mlp(bs):
    a = [f32(bs, 784), f32(784, 512) * 0.05, f32(512), f32(512, 512) * 0.05, f32(512), f32(512, 10) * 0.05, f32(10)]

    def f(o, x, w1, b1, w2, b2, w3, b3):
        h = o.relu(o.mm(x, w1) + b1)
        h = o.relu(o.mm(h, w2) + b2)
        return o.softmax(o.mm(h, w3) + b3)

    return a, f


def w_mlp_b1():
    return mlp(1)


def w_mlp_b32():
    return mlp(32)


def w_mlp_b256():
    return mlp(256)


def w_mlp_train_b128():
    a = [
        f32(128, 784),
        R.integers(0, 10, 128).astype(np.int32),
        f32(784, 512) * 0.05,
        f32(512) * 0,
        f32(512, 512) * 0.05,
        f32(512) * 0,
        f32(512, 10) * 0.05,
        f32(10) * 0,
    ]

    def f(o, x, y, *p):
        def loss(*p):
            w1, b1, w2, b2, w3, b3 = p
            h = o.relu(o.mm(x, w1) + b1)
            h = o.relu(o.mm(h, w2) + b2)
            return o.xent(o.mm(h, w3) + b3, y)

        l, g = o.value_and_grad(loss, p)
        return (l, *[q - 0.01 * d for q, d in zip(p, g)])

    return a, f


def w_conv3x3_56_64():
    return [f32(1, 56, 56, 64), f32(3, 3, 64, 64) * 0.05, f32(64)], lambda o, x, w, b: o.relu(o.conv(x, w, 1) + b)


def w_conv1x1_28_256():
    return [f32(1, 28, 28, 256), f32(1, 1, 256, 128) * 0.05], lambda o, x, w: o.conv(x, w, 1)


def w_dwconv3x3_112_32():
    return [f32(1, 112, 112, 32), f32(3, 3, 32, 1)], lambda o, x, w: o.dwconv(x, w)


def w_convnet_train_b64():
    a = [
        f32(64, 28, 28, 1),
        R.integers(0, 10, 64).astype(np.int32),
        f32(3, 3, 1, 32) * 0.2,
        f32(32) * 0,
        f32(3, 3, 32, 64) * 0.05,
        f32(64) * 0,
        f32(3136, 128) * 0.02,
        f32(128) * 0,
        f32(128, 10) * 0.1,
        f32(10) * 0,
    ]

    def f(o, x, y, *p):
        def loss(*p):
            c1, d1, c2, d2, w1, b1, w2, b2 = p
            h = o.maxpool(o.relu(o.conv(x, c1, 1) + d1))
            h = o.maxpool(o.relu(o.conv(h, c2, 1) + d2))
            h = o.relu(o.mm(o.reshape(h, (64, 3136)), w1) + b1)
            return o.xent(o.mm(h, w2) + b2, y)

        l, g = o.value_and_grad(loss, p)
        return (l, *[q - 0.01 * d for q, d in zip(p, g)])

    return a, f


def w_encoder_128x768():
    D, H, S, F = 768, 12, 128, 3072
    a = [
        f32(S, D),
        f32(D, 3 * D) * 0.03,
        f32(3 * D) * 0.1,
        f32(D, D) * 0.03,
        f32(D) * 0.1,
        f32(D),
        f32(D),
        f32(D, F) * 0.03,
        f32(F) * 0.1,
        f32(F, D) * 0.03,
        f32(D) * 0.1,
        f32(D),
        f32(D),
    ]

    def f(o, x, wq, bq, wo, bo, g1, c1, w1, b1, w2, b2, g2, c2):
        qkv = o.mm(x, wq) + bq
        q, k, v = [
            o.tr(o.reshape(t, (S, H, D // H)), (1, 0, 2)) for t in (qkv[:, :D], qkv[:, D : 2 * D], qkv[:, 2 * D :])
        ]
        p = o.softmax(o.mm(q, o.tr(k, (0, 2, 1))) * 0.125)
        y = o.reshape(o.tr(o.mm(p, v), (1, 0, 2)), (S, D))
        x = o.layernorm(x + o.mm(y, wo) + bo, g1, c1)
        return o.layernorm(x + o.mm(o.gelu(o.mm(x, w1) + b1), w2) + b2, g2, c2)

    return a, f


def w_while_1m():  # scalar data-dependent loop: logistic map until i == 1e6
    return [np.float32(0.3)], lambda o, x: o.while_loop(
        lambda i, x: i < 1000000, lambda i, x: (i + 1, 3.7 * x * (1.0 - x)), x
    )


def w_mandelbrot_512():
    y, x = np.mgrid[-1.25:1.25:512j, -2:0.5:512j]

    def f(o, cr, ci):
        zr = cr * 0
        zi = cr * 0
        n = cr * 0

        def body(i, s):
            zr, zi, n = s
            r2 = zr * zr
            i2 = zi * zi
            inside = r2 + i2 < 4.0
            return (
                o.where(inside, r2 - i2 + cr, zr),
                o.where(inside, 2 * zr * zi + ci, zi),
                n + o.where(inside, 1.0, 0.0),
            )

        return o.fori(50, body, (zr, zi, n))[2]

    return [x.astype(np.float32), y.astype(np.float32)], f


def w_lstm_t64_b16_h256():
    T, B, H = 64, 16, 256
    a = [f32(T, B, H), f32(H, 4 * H) * 0.05, f32(H, 4 * H) * 0.05, f32(4 * H) * 0.1]

    def f(o, xs, wx, wh, b):
        def cell(s, x):
            h, c = s
            z = o.mm(x, wx) + o.mm(h, wh) + b
            i, g, ff, u = z[:, :H], z[:, H : 2 * H], z[:, 2 * H : 3 * H], z[:, 3 * H :]
            c = o.sigmoid(ff) * c + o.sigmoid(i) * o.tanh(g)
            return (o.sigmoid(u) * o.tanh(c), c)

        return o.scan(cell, (o.zeros((B, H)), o.zeros((B, H))), xs)

    return a, f


ALL = [k[2:] for k in list(globals()) if k.startswith("w_")]


def jax_ops():
    import jax, jax.numpy as jnp
    from jax import lax

    class O:
        pass

    o = O()
    o.gelu = lambda x: jax.nn.gelu(x, approximate=True)
    o.sqrt = jnp.sqrt
    o.log = jnp.log
    o.exp = jnp.exp
    o.erf = lax.erf
    o.tanh = jnp.tanh
    o.sigmoid = jax.nn.sigmoid
    o.softmax = lambda x: jax.nn.softmax(x, -1)

    def ln(x, g, b):
        m = jnp.mean(x, -1, keepdims=True)
        v = jnp.mean((x - m) ** 2, -1, keepdims=True)
        return (x - m) * lax.rsqrt(v + 1e-5) * g + b

    o.layernorm = ln
    o.sum = lambda x, a: jnp.sum(x, a)
    o.mean = lambda x, a: jnp.mean(x, a)
    o.t = lambda x: x.T
    o.mm = jnp.matmul
    o.relu = jax.nn.relu
    o.xent = lambda z, y: -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None].astype(jnp.int32), 1))
    o.value_and_grad = lambda f, p: jax.value_and_grad(f, argnums=tuple(range(len(p))))(*p)
    o.conv = lambda x, w, s: lax.conv_general_dilated(x, w, (s, s), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    o.dwconv = lambda x, w: lax.conv_general_dilated(
        x,
        jnp.reshape(w, (3, 3, 1, -1)),
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )
    o.maxpool = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    o.reshape = jnp.reshape
    o.tr = jnp.transpose
    o.where = jnp.where
    o.zeros = lambda s: jnp.zeros(s, jnp.float32)
    o.while_loop = lambda c, b, x: lax.while_loop(lambda s: c(*s), lambda s: b(*s), (0, x))[1]
    o.fori = lambda n, b, s: lax.fori_loop(0, n, b, s)
    o.scan = lambda cell, s, xs: lax.scan(lambda s, x: (cell(s, x), None), s, xs)[0]

    def build(f):
        return jax.jit(lambda *a: f(o, *a))

    return build, lambda a: jnp.asarray(a), lambda r: jax.block_until_ready(r)


def tf_ops(xla):
    import tensorflow as tf

    class O:
        pass

    o = O()
    o.gelu = lambda x: tf.nn.gelu(x, approximate=True)
    o.sqrt = tf.sqrt
    o.log = tf.math.log
    o.exp = tf.exp
    o.erf = tf.math.erf
    o.tanh = tf.tanh
    o.sigmoid = tf.sigmoid
    o.softmax = tf.nn.softmax

    def ln(x, g, b):
        m = tf.reduce_mean(x, -1, keepdims=True)
        v = tf.reduce_mean(tf.square(x - m), -1, keepdims=True)
        return (x - m) * tf.math.rsqrt(v + 1e-5) * g + b

    o.layernorm = ln
    o.sum = tf.reduce_sum
    o.mean = tf.reduce_mean
    o.t = tf.transpose
    o.mm = tf.matmul
    o.relu = tf.nn.relu
    o.xent = lambda z, y: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z))

    def vg(f, p):
        with tf.GradientTape() as t:
            for q in p:
                t.watch(q)
            l = f(*p)
        return l, t.gradient(l, list(p))

    o.value_and_grad = vg
    o.conv = lambda x, w, s: tf.nn.conv2d(x, w, s, "SAME")
    o.dwconv = lambda x, w: tf.nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "SAME")
    o.maxpool = lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")
    o.reshape = tf.reshape
    o.tr = tf.transpose
    o.where = tf.where
    o.zeros = tf.zeros
    o.while_loop = lambda c, b, x: tf.while_loop(c, b, (tf.constant(0), x))[1]

    def fori(n, b, s):
        return tf.while_loop(lambda i, *s: i < n, lambda i, *s: (i + 1, *b(i, s)), (tf.constant(0), *s))[1:]

    o.fori = fori

    def scan(cell, s, xs):
        T = xs.shape[0]
        return tf.while_loop(
            lambda i, h, c: i < T, lambda i, h, c: (i + 1, *cell((h, c), xs[i])), (tf.constant(0), *s)
        )[1:]

    o.scan = scan

    def build(f):
        return tf.function(lambda *a: f(o, *a), jit_compile=True if xla else None)

    return (
        build,
        lambda a: tf.constant(a),
        lambda r: [t.numpy() if False else t for t in (r if isinstance(r, (list, tuple)) else [r])],
    )


def torch_ops(comp):
    import torch, torch.nn.functional as F

    torch.set_num_threads(2)

    class O:
        pass

    o = O()
    o.gelu = lambda x: F.gelu(x, approximate="tanh")
    o.sqrt = torch.sqrt
    o.log = torch.log
    o.exp = torch.exp
    o.erf = torch.erf
    o.tanh = torch.tanh
    o.sigmoid = torch.sigmoid
    o.softmax = lambda x: torch.softmax(x, -1)
    o.layernorm = lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b)
    o.sum = lambda x, a: torch.sum(x, a)
    o.mean = lambda x, a: torch.mean(x)
    o.t = lambda x: x.t()
    o.mm = torch.matmul
    o.relu = torch.relu
    o.xent = lambda z, y: F.cross_entropy(z, y.long())

    def vg(f, p):
        p = [q.detach().requires_grad_() for q in p]
        l = f(*p)
        return l.detach(), torch.autograd.grad(l, p)

    o.value_and_grad = vg
    perm = lambda w: w.permute(3, 2, 0, 1)
    # NHWC logical layout kept: torch runs it as channels_last
    o.conv = lambda x, w, s: F.conv2d(x.permute(0, 3, 1, 2), perm(w), None, s, w.shape[0] // 2).permute(0, 2, 3, 1)
    o.dwconv = lambda x, w: F.conv2d(x.permute(0, 3, 1, 2), w.permute(2, 3, 0, 1), None, 1, 1, 1, x.shape[-1]).permute(
        0, 2, 3, 1
    )
    o.maxpool = lambda x: F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    o.reshape = lambda x, s: x.reshape(s)
    o.tr = lambda x, p: x.permute(p)
    o.where = lambda c, a, b: torch.where(c, a, b)
    o.zeros = torch.zeros

    def wl(c, b, x):
        i = 0
        while c(i, x):
            i, x = b(i, x)
        return x

    o.while_loop = wl

    def fori(n, b, s):
        for i in range(n):
            s = b(i, s)
        return s

    o.fori = fori

    def scan(cell, s, xs):
        for x in xs:
            s = cell(s, x)
        return s

    o.scan = scan

    def build(f):
        g = lambda *a: f(o, *a)
        return torch.compile(g) if comp else g

    return build, lambda a: torch.as_tensor(a), lambda r: r


def main():
    peer = sys.argv[1]
    names = sys.argv[2:] or ALL
    build, put, wait = {
        "jax": jax_ops,
        "tf": lambda: tf_ops(False),
        "xla": lambda: tf_ops(True),
        "torch": lambda: torch_ops(False),
        "inductor": lambda: torch_ops(True),
    }[peer]()
    if peer in ("torch",):
        import torch
    for n in names:
        if peer in ("torch", "inductor") and n in ("while_1m",):
            continue
        try:
            args, f = globals()["w_" + n]()
            args = [put(a) for a in args]
            g = build(f)
            t = time.perf_counter()
            wait(g(*args))
            first = time.perf_counter() - t
            for _ in range(2):
                wait(g(*args))
            ts = []
            end = time.perf_counter() + 2.0
            while (time.perf_counter() < end or len(ts) < 5) and len(ts) < 5000:
                t = time.perf_counter()
                wait(g(*args))
                ts.append(time.perf_counter() - t)
            print(
                json.dumps(
                    dict(
                        peer=peer,
                        workload=n,
                        first_ms=round(first * 1e3, 2),
                        best_us=round(min(ts) * 1e6, 2),
                        median_us=round(statistics.median(ts) * 1e6, 2),
                    )
                ),
                flush=True,
            )
        except Exception as e:
            print(json.dumps(dict(peer=peer, workload=n, error=str(e)[:200].replace("\n", " "))), flush=True)


if __name__ == "__main__":
    main()
