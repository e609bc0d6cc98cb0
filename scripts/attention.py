"""Makes tests/facade/attention.txt: attention and its gradients as JAX computes them, in f64, on numbers that a formula gives.

    pip install numpy jax && python scripts/attention.py > tests/facade/attention.txt

A line is a case: what is computed, `key=value` for each of its numbers, and behind `->` the results. An operand number k of some shape has the
elements ((i * 37 + k * 11) % 23 - 11) / 4 for i = 0, 1, 2..; queries are number 1, keys 2, values 3, a bias 4, the result's cotangent 5; a mask is true where
number 6 is at least -1. Where a query sees no key the result is 0, by definition.
"""
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def numbers(k, shape):
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    return (((i * 37 + k * 11) % 23 - 11) / 4).reshape(shape)


def text(values):
    return ",".join(str(v) for v in values)


def line(what, result, keys):
    shown = " ".join(f"{key}={value}" for key, value in keys.items())
    print(f"{what} {shown} -> {text(result.shape)}: {' '.join(f'{float(v):.15g}' for v in np.ravel(result))}")


def case(q, k, e, scale, cap=0.0, left=-1, right=-1, offset=0, bias=None, mask=None, slopes=None):
    """Extents of queries [b, h, n, d] and of keys [b, g, m, d], and numbers of a value."""
    (_, heads, n, _), (_, groups, m, _) = q, k
    v = (*k[:3], e)
    keys = dict(q=text(q), k=text(k), v=text(v), scale=scale, cap=cap, left=left, right=right, offset=offset)
    keys.update({name: text(value) for name, value in (("bias", bias), ("mask", mask), ("slopes", slopes)) if value})
    distance = np.arange(m)[None, :] - np.arange(n)[:, None] - offset
    sees = np.ones((n, m), bool)
    if left >= 0:
        sees &= distance >= -left
    if right >= 0:
        sees &= distance <= right

    def attention(q, k, v, b):
        k, v = (jnp.repeat(x, heads // groups, axis=1) for x in (k, v))
        s = jnp.einsum("bhnd,bhmd->bhnm", q, k) * scale
        if cap:
            s = cap * jnp.tanh(s / cap)
        if bias:
            s = s + b
        if slopes:
            s = s - np.array(slopes)[:, None, None] * np.abs(distance)
        where = np.broadcast_to(sees, s.shape)
        if mask:
            where = where & (numbers(6, mask) >= -1)
        empty = ~where.any(-1, keepdims=True)
        # jax.nn.softmax with `where` is NaN in rows of nothing, which are replaced before and after.
        weights = jax.nn.softmax(s, axis=-1, where=where | empty)
        return jnp.einsum("bhnm,bhme->bhne", jnp.where(empty, 0.0, jnp.where(where, weights, 0.0)), v)

    operands = [numbers(1, q), numbers(2, k), numbers(3, v), numbers(4, bias or (1, 1, 1, 1))]
    y, back = jax.vjp(attention, *operands)
    line("attention", y, keys)
    found = back(numbers(5, y.shape))
    for name, result in zip(["by_q", "by_k", "by_v"] + (["by_bias"] if bias else []), found):
        line(name, result, keys)


def peer(q, e, **options):
    """As case, by JAX's own function, which has tokens before heads."""
    k, v = q, (*q[:3], e)
    assert e == q[3]
    turned = [jnp.swapaxes(numbers(i, shape), 1, 2) for i, shape in ((1, q), (2, k), (3, v))]
    y = jax.nn.dot_product_attention(*turned, **options)
    return jnp.swapaxes(y, 1, 2)


def own(q, window=None, causal=False):
    """JAX's function, which is another way to the same numbers; its softmax is computed in f32."""
    scale = 0.5
    y = peer(q, q[3], scale=scale, is_causal=causal, **({"local_window_size": window} if window else {}))
    left, right = window or (-1, -1)
    right = 0 if causal else right
    keys = dict(q=text(q), k=text(q), v=text(q), scale=scale, cap=0.0, left=left, right=right, offset=0)
    line("attention_by_f32", y, keys)


print("# Made by scripts/attention.py.")
case((1, 1, 3, 2), (1, 1, 4, 2), 3, 0.5)
case((2, 2, 3, 3), (2, 2, 5, 3), 2, 0.25)
case((1, 4, 3, 2), (1, 2, 4, 2), 2, 0.5)
case((1, 3, 2, 4), (1, 1, 3, 4), 2, 0.5, right=0, offset=1)
case((1, 2, 4, 2), (1, 2, 4, 2), 2, 0.7, right=0)
case((1, 2, 4, 2), (1, 2, 4, 2), 2, 0.7, left=1, right=1)
case((1, 1, 5, 2), (1, 1, 3, 2), 2, 0.5, left=1, right=0)
case((1, 2, 3, 2), (1, 2, 3, 2), 2, 1.0, cap=2.0)
case((1, 2, 3, 2), (1, 2, 4, 2), 2, 0.5, bias=(1, 2, 3, 4))
case((2, 2, 3, 2), (2, 2, 4, 2), 2, 0.5, bias=(1, 1, 3, 4))
case((2, 2, 3, 2), (2, 2, 4, 2), 2, 0.5, mask=(2, 1, 1, 4))
case((1, 2, 3, 2), (1, 2, 4, 2), 2, 0.5, mask=(1, 2, 3, 4), right=1)
case((1, 2, 3, 2), (1, 2, 4, 2), 2, 0.5, slopes=(0.5, 0.25), right=0)
case((1, 2, 3, 2), (1, 2, 4, 2), 2, 0.5, slopes=(0.5, 0.125), cap=3.0, bias=(1, 1, 1, 4), left=2, offset=1)
# Long enough for strips: queries and keys from 16 on.
case((1, 1, 17, 3), (1, 1, 19, 3), 2, 0.5)
case((1, 2, 16, 2), (1, 1, 20, 2), 1, 0.5, right=0, offset=3, mask=(1, 1, 16, 20))
case((1, 1, 34, 2), (1, 1, 18, 2), 2, 0.5, cap=2.0, left=3, right=2, bias=(1, 1, 34, 1))
own((1, 2, 5, 4))
own((1, 2, 20, 4), causal=True)
own((2, 1, 18, 4), window=(3, 2))
