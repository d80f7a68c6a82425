"""Networks of keras.applications from the files that Keras saves, against Keras in every layer.

These are a few, at a small size; `python -m benchmarks.keras` does all of them (docs/networks.md).
"""

import pytest

from benchmarks.keras.networks import SMALL, compare_network
from support.recorded import live

live("keras", instead="files/keras/test_networks_recorded.py")

NETWORKS = {  # layers and parameters of what keras.applications has without a classifier
    ("MobileNetV2", ".keras"): (153, 2_257_984),
    ("ResNet50V2", ".h5"): (189, 23_564_800),
    ("DenseNet121", ".h5"): (426, 7_037_504),
    ("EfficientNetB0", ".keras"): (236, 4_049_571),
    ("InceptionV3", ".h5"): (310, 21_802_784),
    ("NASNetMobile", ".keras"): (768, 4_269_716),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "suffix"), NETWORKS)
def test_equals_keras_in_every_layer(name, suffix):
    outcome = compare_network(name, SMALL, top=False, suffix=suffix)
    assert outcome.agrees, outcome.refusal or str(outcome.report)
    assert (len(outcome.rows), outcome.parameters) == NETWORKS[name, suffix]
