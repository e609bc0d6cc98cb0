"""Settings of losses, metrics, optimisers and schedules that the other files leave at their defaults."""

import numpy as np

from . import functions as f
from . import training as t
from .engine import family, keras

REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight", None)


# ---------------------------------------------------------------------- losses
def shaped(p, name, kwargs, y_true, y_pred, rows):
    """Weights of fewer axes than the losses have, and masks with weights."""
    kwargs = dict(kwargs, reduction=p.pick(*REDUCTIONS))
    style = p.pick("rows", "first", "zeros", "mask", "none")
    weight = {"rows": p.uniform(0, 2, *rows), "first": p.uniform(0.1, 2, rows[0]), "zeros": np.zeros(rows, "float32")}.get(style)
    mask = None
    if style == "mask":
        mask = p.rng.random(rows) < 0.5
        if p.pick(True, False):
            mask = mask.astype("float32")
    return f.LossSpec(name, kwargs, y_true, y_pred, weight, mask)


def loss_family(name, kwargs, make):
    @family(f"loss {name} settings", 4)
    def loss(p):
        return shaped(p, name, kwargs(p), *make(p))


def nothing(p):
    return {}


def real(p):
    shape = p.pick((1, 1), (3, 2), (2, 1, 3), (2, 2, 2, 2))
    return p.normal(*shape), p.normal(*shape), shape[:-1]


def whole(p):
    shape = p.pick((3, 2), (2, 3))
    return p.ints(5, *shape), p.normal(*shape) + 2, shape[:-1]


def labels(p):
    shape = p.pick((3, 2), (2, 2, 3))
    return p.ints(2, *shape), p.uniform(0.05, 0.95, *shape), shape[:-1]


def one_hot(p):
    return p.one_hot(4, 2, 3), p.simplex(2, 3, 4), (2, 3)


def soft(p):
    return p.simplex(5, 3), p.simplex(5, 3), (5,)


for _name in ("MeanSquaredError", "MeanAbsoluteError", "LogCosh", "MeanAbsolutePercentageError"):
    loss_family(_name, nothing, real)
for _name in ("MeanSquaredError", "MeanAbsoluteError", "MeanSquaredLogarithmicError", "Poisson", "Huber"):
    loss_family(_name, nothing, whole)
loss_family("Huber", lambda p: dict(delta=p.pick(0.1, 10.0)), real)
loss_family("CosineSimilarity", lambda p: dict(axis=-1), real)
for _name in ("Hinge", "SquaredHinge", "BinaryCrossentropy", "BinaryFocalCrossentropy"):
    loss_family(_name, nothing, labels)
loss_family("CategoricalHinge", nothing, one_hot)
loss_family("CategoricalCrossentropy", lambda p: dict(label_smoothing=0.1), one_hot)
loss_family("CategoricalCrossentropy", nothing, soft)
loss_family("KLDivergence", nothing, soft)
loss_family("CategoricalFocalCrossentropy", lambda p: dict(alpha=p.pick(0.25, [0.1, 0.2, 0.3, 0.4]), label_smoothing=0.1), one_hot)
loss_family("BinaryFocalCrossentropy", lambda p: dict(from_logits=True, apply_class_balancing=True, label_smoothing=0.2, alpha=0.6),
            lambda p: (p.ints(2, 3, 2).astype("float32"), p.normal(3, 2), (3,)))
loss_family("BinaryCrossentropy", lambda p: dict(axis=p.pick(-1, 1), from_logits=True, label_smoothing=p.pick(0.0, 1.0)),
            lambda p: (p.ints(2, 3, 2).astype("float32"), p.normal(3, 2), (3,)))


@family("loss SparseCategoricalCrossentropy settings", 6)
def sparse(p):
    rows = p.pick((4,), (2, 3), (2, 2, 2))
    kwargs = dict(ignore_class=p.pick(None, 2, 255), from_logits=p.pick(True, False))
    truth = p.ints(4, *rows, dtype=p.pick("int32", "int64", "uint8"))
    if kwargs["ignore_class"] == 255:
        truth = truth.astype("uint8")
        truth.ravel()[0] = 255
    if p.pick(True, False):
        truth = truth[..., None]
    return shaped(p, "SparseCategoricalCrossentropy", kwargs, truth, p.normal(*rows, 4) if kwargs["from_logits"] else p.simplex(*rows, 4), rows)


@family("loss SparseCategoricalCrossentropy along another axis", 2)
def sparse_axis(p):
    return f.LossSpec("SparseCategoricalCrossentropy", dict(axis=1, from_logits=p.pick(True, False), reduction="none"), p.ints(3, 2, 4),
                      np.moveaxis(p.simplex(2, 4, 3), -1, 1).copy())


def overlap_family(name):
    @family(f"loss {name} settings", 4)
    def overlap(p):
        kwargs = dict(axis=p.pick(None, [-1, 1], (1, 2, 3), 0), reduction=p.pick("none", "mean"))
        if name == "Tversky":
            kwargs.update(alpha=p.pick(0.0, 1.0), beta=p.number(0.2, 0.8))
        weight = p.uniform(0.1, 2, 2) if kwargs["axis"] == (1, 2, 3) and kwargs["reduction"] == "none" else None
        return f.LossSpec(name, kwargs, p.ints(2, 2, 3, 2, 2), p.uniform(0.05, 0.95, 2, 3, 2, 2), weight)


overlap_family("Dice")
overlap_family("Tversky")


# --------------------------------------------------------------------- metrics
metric = f.metric_family
metric("Accuracy", 2, nothing, lambda p, _: (p.ints(3, 6), p.ints(3, 6), (6,)))
metric("BinaryAccuracy", 2, lambda p: dict(threshold=p.pick(0.0, 1.0)), lambda p, _: (p.ints(2, 4, 2, 2), p.uniform(0, 1, 4, 2, 2), (4, 2)))
metric("BinaryAccuracy", 2, nothing, lambda p, _: (p.ints(2, 6), p.uniform(0, 1, 6, 1), (6,)))
metric("CategoricalAccuracy", 2, nothing, lambda p, _: (p.one_hot(4, 2, 3), p.simplex(2, 3, 4), (2, 3)))
metric("SparseCategoricalAccuracy", 2, nothing, lambda p, _: (p.ints(4, 2, 3), p.simplex(2, 3, 4), (2, 3)))
metric("SparseCategoricalAccuracy", 2, nothing, lambda p, _: (p.ints(4, 5, 1).astype("float32"), p.simplex(5, 4), (5,)))
metric("TopKCategoricalAccuracy", 3, lambda p: dict(k=p.pick(1, 4, 5)), lambda p, _: (p.one_hot(4, 2, 3), p.simplex(2, 3, 4), (2, 3)))
metric("SparseTopKCategoricalAccuracy", 3, lambda p: dict(k=p.pick(1, 3, 5), from_sorted_ids=False), lambda p, _: (p.ints(4, 2, 3), p.simplex(2, 3, 4), (2, 3)))
metric("SparseTopKCategoricalAccuracy", 2, lambda p: dict(k=2, from_sorted_ids=True),
       lambda p, _: (p.ints(5, 3), np.stack([p.rng.permutation(5) for _ in range(3)]).astype("int32"), (3,)))
metric("BinaryCrossentropy", 2, lambda p: dict(label_smoothing=0.3), lambda p, _: (p.ints(2, 6, 1), p.uniform(0.1, 0.9, 6, 1), (6,)))
metric("CategoricalCrossentropy", 2, lambda p: dict(axis=1), lambda p, _: (np.moveaxis(p.one_hot(3, 2, 4), -1, 1).copy(), np.moveaxis(p.simplex(2, 4, 3), -1, 1).copy(), None))
metric("SparseCategoricalCrossentropy", 2, lambda p: dict(ignore_class=1), lambda p, _: (p.ints(4, 6), p.simplex(6, 4), None))
for _name in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "LogCoshError"):
    metric(_name, 2, nothing, lambda p, _: (p.ints(5, 4, 2, 2), p.normal(4, 2, 2), (4, 2)))
metric("MeanSquaredError", 1, nothing, lambda p, _: (p.normal(5), p.normal(5, 1), (5,)))
metric("MeanAbsolutePercentageError", 1, nothing, lambda p, _: (p.normal(5, 2), p.normal(5, 2), (5,)))
metric("R2Score", 2, lambda p: dict(class_aggregation=p.pick("uniform_average", None)), lambda p, _: (p.normal(5, 1), p.normal(5, 1), (5,)))
metric("CosineSimilarity", 2, lambda p: dict(axis=p.pick(-2, (1, 2))), lambda p, _: (p.normal(3, 2, 2), p.normal(3, 2, 2), None))
metric("PearsonCorrelation", 1, lambda p: dict(axis=(1, 2)), lambda p, _: (p.normal(3, 2, 4), p.normal(3, 2, 4), None))
for _name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
    metric(_name, 2, lambda p: dict(thresholds=p.pick(0.7, [0.0, 0.5, 1.0])), lambda p, _: (p.ints(2, 4, 3), p.uniform(0, 1, 4, 3), (4, 3)))


def counted(p):
    return p.pick(dict(thresholds=0.3), dict(class_id=2, thresholds=[0.2, 0.8]), dict(top_k=1, class_id=1), dict(top_k=2, thresholds=[0.3, 0.6]), dict(thresholds=[0.1]))


metric("Precision", 5, counted, lambda p, _: (p.ints(2, 5, 3), p.uniform(0.02, 0.98, 5, 3), (5,)))
metric("Recall", 5, counted, lambda p, _: (p.ints(2, 5, 3), p.uniform(0.02, 0.98, 5, 3), (5, 1)))
for _name, _key in (("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"), ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision")):
    metric(_name, 4, lambda p, key=_key: {key: p.pick(0.0, 0.5, 1.0, 0.9), "num_thresholds": p.pick(1, 50), "class_id": p.pick(None, 1)},
           lambda p, _: (p.ints(2, 5, 3), p.uniform(0.02, 0.98, 5, 3), (5, 3)))
metric("AUC", 3, lambda p: dict(multi_label=True, num_labels=3, from_logits=p.pick(True, False), label_weights=[0.2, 1.0, 2.0], curve=p.pick("PR", "ROC", "PRGAIN"), num_thresholds=20),
       f.logits_or_not(lambda p, _: (p.ints(2, 6, 3).astype("float32"), p.uniform(0.02, 0.98, 6, 3), None)))
metric("AUC", 4, lambda p: dict(curve=p.pick("PRGAIN", "PR", "ROC", "PR"), summation_method=p.pick("interpolation", "minoring", "majoring"), thresholds=p.pick(None, [0.0, 0.3, 1.0])),
       lambda p, _: (p.ints(2, 3, 4), p.uniform(0.02, 0.98, 3, 4), (3, 4)))
metric("FBetaScore", 4, lambda p: dict(average=p.pick(None, "micro", "macro", "weighted"), beta=2.0, threshold=p.pick(None, 0.1)),
       lambda p, _: (p.ints(2, 6, 3), p.uniform(0.02, 0.98, 6, 3), (6,)))
metric("IoU", 3, lambda p: dict(num_classes=4, target_class_ids=(0, 3), ignore_class=p.pick(None, 1, 255), sparse_y_pred=p.pick(True, False)),
       lambda p, c: (p.ints(4, 3, 2), p.ints(4, 3, 2) if c["sparse_y_pred"] else p.simplex(3, 2, 4), (3, 2)))
metric("IoU", 2, lambda p: dict(num_classes=3, target_class_ids=[1], sparse_y_true=False, axis=p.pick(-1, 1)),
       lambda p, c: (np.moveaxis(p.one_hot(3, 2, 4), -1, c["axis"]).copy(), p.ints(3, 2, 4), (2, 4)))
metric("MeanIoU", 3, lambda p: dict(num_classes=4, sparse_y_pred=False, axis=p.pick(-1, 1), ignore_class=p.pick(None, 0)),
       lambda p, c: (p.ints(4, 3, 2), np.moveaxis(p.simplex(3, 2, 4), -1, c["axis"]).copy(), (3, 2)))
metric("BinaryIoU", 3, lambda p: dict(target_class_ids=p.pick([0], [1, 0]), threshold=0.7), lambda p, _: (p.ints(2, 3, 4), p.uniform(0, 1, 3, 4), (3, 4)))
metric("OneHotIoU", 3, lambda p: dict(num_classes=4, target_class_ids=[0, 1], ignore_class=p.pick(None, 0), sparse_y_pred=p.pick(True, False)),
       lambda p, c: (p.one_hot(4, 6), p.ints(4, 6) if c["sparse_y_pred"] else p.simplex(6, 4), (6,)))
metric("OneHotMeanIoU", 2, lambda p: dict(num_classes=4, sparse_y_pred=True, axis=-1), lambda p, _: (p.one_hot(4, 6), p.ints(4, 6), (6,)))


def values_family(name):
    @family(f"metric {name} settings", 4)
    def values(p):
        shape = p.pick((), (3,), (2, 3, 2), (4, 1))
        weight = p.pick(None, shape[:1], ())
        return f.MetricSpec(name, {}, [dict(values=p.normal(*shape) if shape else np.asarray(p.number(-1, 1), "float32"),
                                            **({} if weight is None else dict(sample_weight=p.uniform(0, 2, *weight) if weight else np.asarray(0.5, "float32")))) for _ in range(2)])


values_family("Mean")
values_family("Sum")

for _kind, _name, _kwargs in (("regularizer", "L1L2", lambda p: dict(l1=0.0, l2=p.number(0.01, 0.3))), ("regularizer", "OrthogonalRegularizer", lambda p: dict(factor=0.1, mode="columns")),
                              ("constraint", "MaxNorm", lambda p: dict(max_value=1.0, axis=p.pick(-1, 1))), ("constraint", "MinMaxNorm", lambda p: dict(axis=p.pick([0, 1], -1), rate=0.3)),
                              ("constraint", "UnitNorm", lambda p: dict(axis=p.pick(-1, 1)))):
    f.weight_family(_kind, _name, _kwargs)


# ------------------------------------------------------------------- schedules
SCHEDULES = {
    "ExponentialDecay": lambda p: dict(initial_learning_rate=0.1, decay_steps=p.pick(1, 7), decay_rate=p.pick(1.0, 0.5, 1.1), staircase=p.pick(True, False)),
    "InverseTimeDecay": lambda p: dict(initial_learning_rate=0.1, decay_steps=1.0, decay_rate=p.pick(0.0, 0.5, 3.0), staircase=p.pick(True, False)),
    "PiecewiseConstantDecay": lambda p: p.pick(dict(boundaries=[5], values=[1.0, 0.5]), dict(boundaries=[0, 10], values=[1.0, 0.5, 0.1])),
    "PolynomialDecay": lambda p: dict(initial_learning_rate=0.1, decay_steps=p.pick(1, 10), end_learning_rate=p.pick(0.0001, 0.5), power=p.pick(1.0, 3.0), cycle=p.pick(True, False)),
    "CosineDecay": lambda p: dict(initial_learning_rate=p.pick(0.0, 0.1), decay_steps=p.pick(1, 12), alpha=p.pick(0.0, 1.0), warmup_target=p.pick(None, 0.5), warmup_steps=p.pick(0, 6)),
    "CosineDecayRestarts": lambda p: dict(initial_learning_rate=0.1, first_decay_steps=p.pick(1, 6), t_mul=p.pick(1.0, 2.0), m_mul=p.pick(1.0, 0.5, 2.0), alpha=p.pick(0.0, 0.5)),
}


def schedule_family(name):
    @family(f"schedule {name} settings", 4)
    def schedule(p):
        return t.ScheduleSpec(name, SCHEDULES[name](p), np.concatenate([np.arange(31), [64, 99, 5000]]))


for _name in SCHEDULES:
    schedule_family(_name)

# ------------------------------------------------------------------ optimisers
OWN = {
    "SGD": lambda p: dict(learning_rate=0.1, momentum=0.9, nesterov=p.pick(True, False)),
    "Adam": lambda p: dict(learning_rate=0.05, amsgrad=p.pick(True, False), beta_1=0.0),
    "AdamW": lambda p: dict(learning_rate=0.05, beta_1=0.5, epsilon=0.1),
    "RMSprop": lambda p: dict(learning_rate=0.05, epsilon=0.1, centered=p.pick(True, False), momentum=0.5),
    "Adagrad": lambda p: dict(learning_rate=0.3, epsilon=0.1),
    "Adadelta": lambda p: dict(epsilon=0.1),
    "Adamax": lambda p: dict(learning_rate=0.05, beta_1=0.5, epsilon=0.1),
    "Nadam": lambda p: dict(learning_rate=0.05, beta_2=0.9, epsilon=0.1),
    "Ftrl": lambda p: dict(learning_rate=0.1, learning_rate_power=p.pick(0.0, -1.0), initial_accumulator_value=0.5),
    "Lion": lambda p: dict(learning_rate=0.05, beta_1=0.0),
    "Lamb": lambda p: dict(learning_rate=0.05, beta_1=0.5, beta_2=0.9),
    "Adafactor": lambda p: dict(learning_rate=0.05, beta_2_decay=-0.5, epsilon_1=1e-6, epsilon_2=0.1, clip_threshold=0.3),
    "Muon": lambda p: dict(learning_rate=0.02, adam_lr_ratio=p.pick(1.0, 0.5), ns_steps=p.pick(3, 5), momentum=0.5, adam_weight_decay=0.01, muon_a=3.4, exclude_layers=p.pick(["filt"], None)),
    "ScheduleFreeAdamW": lambda p: dict(learning_rate=0.05, beta_1=0.5, warmup_steps=3, epsilon=0.1, weight_decay=0.1),
}
COMMON = (dict(clipnorm=0.5, weight_decay=0.1), dict(clipvalue=0.2, use_ema=True, ema_overwrite_frequency=3), dict(global_clipnorm=0.5, gradient_accumulation_steps=2),
          dict(gradient_accumulation_steps=2, use_ema=True, weight_decay=0.05), dict(loss_scale_factor=4.0, clipnorm=1.0))
SHAPES = {"kernel": (4, 2), "bias": (2,), "filters": (2, 2, 3, 2), "scalar": ()}


def optimizer_family(name):
    @family(f"optimizer {name} settings", 5)
    def optimizer(p):
        kwargs = {k: v for k, v in {**OWN[name](p), **p.pick(*COMMON)}.items() if v is not None}
        return t.OptimizerSpec(name, kwargs, SHAPES)


for _name in OWN:
    optimizer_family(_name)


@family("optimizer with a schedule settings", 4)
def scheduled(p):
    schedule = getattr(keras.optimizers.schedules, "CosineDecay")(0.1, 8, warmup_target=0.3, warmup_steps=3)
    return t.OptimizerSpec(p.pick("Adam", "Lamb", "Nadam", "Adafactor"), dict(learning_rate=schedule, **p.pick({}, dict(gradient_accumulation_steps=2))), SHAPES)
