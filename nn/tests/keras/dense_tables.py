"""Trains the models of the cases again, with the gradients of tables as whole tensors, in which rows that come several times in a batch are added up.

Keras on TensorFlow hands its optimisers such gradients as lists of rows, and Adam squares the rows one by one. `dense_tables.npz` has what comes out
otherwise: losses and weights of the models with tables that Adam improves.

    python dense_tables.py FOLDER_OF_MAKE_CASES OUT.npz      # with keras 3.15.1 and tensorflow-cpu 2.21.0
"""

import json
import os
import sys
import tempfile

import numpy as np

FAMILIES = {
    "model.functional_two-input_regression.1": "functional two-input regression",
    "model.LSTM_classifier_with_masked_embedding.0": "LSTM classifier with masked embedding",
    "model.transformer_block.0": "transformer block",
}


def main(folder, out):
    sys.path.insert(0, folder)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import make_cases
    import tensorflow as tf

    sparse = tf.GradientTape.gradient

    def dense(tape, loss, weights, **options):
        found = sparse(tape, loss, weights, **options)
        if isinstance(found, list):
            return [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in found]
        return found

    tf.GradientTape.gradient = dense
    found = {}
    for case_id, family in FAMILIES.items():
        with tempfile.TemporaryDirectory() as made:
            sys.argv = ["make_cases.py", "--seed", "1", "--set", "open", "--only", family, "--out", made]
            make_cases.main()
            arrays = np.load(os.path.join(made, "arrays.npz"))
            with open(os.path.join(made, "cases.json")) as file:
                cases = json.load(file)["cases"]
            training = next(case for case in cases if case["id"] == case_id)["training"]
            references = {"losses": training["losses"], **training["weights_after"]}
            found.update({f"{case_id}/{path}": arrays[r["tensor"]] for path, r in references.items() if r})
    np.savez_compressed(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
