"""Answers, kept small: of each array its type and shape, and some numbers of it."""

from collections import namedtuple

import numpy as np

from .numbers import SAMPLES, samples

Answer = namedtuple("Answer", ("dtype", "shape", "values"))


def write_answers(folder, name, arrays, at_most=SAMPLES):
    """Write NAME.npy, samples of all arrays one behind the other; return what an index needs to tell them apart."""
    for key, array in arrays.items():
        if not np.isfinite(array.astype(float)).all():
            raise ValueError(f"{key} answers what is no number")
    values = [samples(array, at_most).astype(np.float32) for array in arrays.values()]
    np.save(str(folder / (name + ".npy")), np.concatenate(values))
    return {key: [array.dtype.name, list(array.shape)] for key, array in arrays.items()}


def read_answers(folder, name, told, at_most=SAMPLES):
    """Return the answers by name; `told` is what was told when they were written."""
    values, answers, start = np.load(str(folder / (name + ".npy"))), {}, 0
    for key, (dtype, shape) in told.items():
        end = start + min(at_most, int(np.prod(shape)))
        answers[key] = Answer(np.dtype(dtype), tuple(shape), values[start:end])
        start = end
    return answers
