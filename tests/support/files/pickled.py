"""What torch.save writes, put together by hand from opcodes of pickles, so that one thing at a time can be wrong."""

import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

STORAGES = {"float32": "Float", "float16": "Half", "float64": "Double", "int64": "Long"}


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def whole(value: int) -> bytes:
    if abs(value) < 1 << 31:
        return b"J" + struct.pack("<i", value)
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<I", len(digits)) + digits


def several(*parts: bytes) -> bytes:
    """Return a tuple."""
    return b"(" + b"".join(parts) + b"t"


def called(name: str, *parts: bytes) -> bytes:
    module, _, function = name.rpartition(".")
    return f"c{module}\n{function}\n".encode() + several(*parts) + b"R"


def storage(kind: str, key: str, count: int) -> bytes:
    return several(text("storage"), f"ctorch\n{kind}Storage\n".encode(), text(key), text("cpu"), whole(count)) + b"Q"


def tensor(made: bytes, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> bytes:
    hooks = called("collections.OrderedDict")
    sides, steps = (several(*map(whole, numbers)) for numbers in (shape, strides))
    return called("torch._utils._rebuild_tensor_v2", made, whole(offset), sides, steps, b"\x89", hooks)


def dictionary(entries: Mapping[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


def write(path: Path, value: bytes, numbers: Mapping[str, bytes] = {}) -> Path:
    """Write an archive of a pickle and the bytes of its storages."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02" + value + b".")
        archive.writestr("w/version", "3")
        for key, data in numbers.items():
            archive.writestr(f"w/data/{key}", data)
    return path


def write_old(path: Path, value: bytes, numbers: Mapping[str, bytes], size: int = 4) -> Path:
    """Write what torch.save wrote before version 1.6, where a number has so many bytes."""
    head = [pickle.dumps(one, protocol=2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    storages = [struct.pack("<Q", len(data) // size) + data for data in numbers.values()]
    keys = pickle.dumps(list(numbers), protocol=2)
    path.write_bytes(b"".join([*head, b"\x80\x02" + value + b".", keys, *storages]))
    return path


def state(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the pickle of a state_dict whose storages are called as its tensors are."""
    return dictionary(
        {
            name: tensor(
                storage(STORAGES[array.dtype.name], name, array.size),
                array.shape,
                [step // array.itemsize for step in array.strides],
            )
            for name, array in arrays.items()
        }
    )


def write_state(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    return write(path, state(arrays), {name: array.tobytes() for name, array in arrays.items()})
