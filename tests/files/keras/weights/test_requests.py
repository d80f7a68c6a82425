"""What is asked for and what is there: layers missing, unexpected or left out, in the error and in the receipt."""

import re
from pathlib import Path

import pytest

from convlab.errors import WeightsError
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from support.files.bad_files import refused
from support.files.keras_files import ALL, CONV, DENSE, assert_same, random_weights, write_legacy


def test_a_missing_layer_alone_is_refused(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(CONV))
    with pytest.raises(WeightsError, match=re.escape(f"{path}: missing layers: fc (strict=False reads the rest)")):
        read_keras_weights(path, [CONV, DENSE])


def test_missing_and_unexpected_layers(tmp_path: Path) -> None:
    weights = random_weights(CONV, DENSE)
    path = write_legacy(tmp_path / "w.h5", {"convolution2d_1": weights["conv1"], "fc": weights["fc"]})
    asked = (LayerWeights("conv2d_1", "Conv2D", CONV.shapes), LayerWeights("zzz", "Dense", DENSE.shapes))
    message = refused(path, layers=asked)
    assert message == (
        f"{path}: missing layers: conv2d_1 (the nearest in the file is convolution2d_1), zzz;"
        " unexpected layers: convolution2d_1, fc (strict=False reads the rest)"
    )
    found, receipt = read_keras_weights(path, [*asked, DENSE], strict=False)
    assert_same(found, {"fc": weights["fc"]})
    assert receipt.missing == ("conv2d_1", "zzz")
    assert receipt.unexpected == ("convolution2d_1",)


def test_layers_left_out_are_noted(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(CONV, DENSE))
    found, receipt = read_keras_weights(path, [CONV], also_known=["fc", "predictions"])
    assert list(found) == ["conv1"]
    assert (receipt.left_out, receipt.unexpected, receipt.missing) == (("fc",), (), ())
    with pytest.raises(WeightsError, match=re.escape(f"{path}: unexpected layers: fc (strict=False reads the rest)")):
        read_keras_weights(path, [CONV])


def test_layout_is_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="layout 'OHWI' is unknown, expected one of HWIO, OIHW, HWIO-theano, "):
        read_keras_weights(tmp_path / "w.h5", [CONV], layout="OHWI")


def test_receipt_is_a_table(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", random_weights(*ALL), keras_version="2.2.4", backend="theano")
    missing = LayerWeights("conv9", "Conv2D", CONV.shapes)
    _, receipt = read_keras_weights(path, [CONV, missing], also_known=["fc"], strict=False)
    assert receipt.values == 124
    assert repr(receipt) == str(receipt)
    assert str(receipt).splitlines() == [
        f"{path}: Keras legacy HDF5, keras_version 2.2.4, backend theano; 1 layer, 2 arrays, 124 values",
        "layer  weight  shape         path in the file      transform",
        "conv1  kernel  (3, 5, 2, 4)  conv1/conv1/kernel:0  rotated 180 degrees (Theano)",
        "conv1  bias    (4,)          conv1/conv1/bias:0    as stored",
        "missing: conv9",
        "unexpected: bn",
        "left out: fc",
    ]


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    read_keras_weights(write_legacy(tmp_path / "w.h5", random_weights(CONV)), [CONV])
    assert capfd.readouterr() == ("", "")
