"""Read .npz files: zip archives of .npy members, each looked at before it is unpacked, none ever unpickled."""

import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from convlab.storage.damage import damage
from convlab.storage.growth import check_growth
from convlab.storage.tensors import AXES, Format, Start, StateDict, Tensor, refuse
from convlab.storage.zips import opened, shown, zip_errors
from convlab_kernels.interrupts import PIECE

__all__ = ["NPZ", "open_npz", "zip_errors"]


@contextmanager
def open_npz(path: Path) -> Iterator[StateDict]:
    """Open a file and describe its arrays; they are read while it is open.

    Raises
    ------
    WeightsError
        If a member is no .npy file, holds pickled objects or another size than it declares.
    """
    with opened(path) as archive:
        tensors = [_describe(path, archive, member) for member in archive.infolist()]
        names = [tensor.name for tensor in tensors]
        yield StateDict("NumPy .npz", dict(zip(names, tensors, strict=True)), ordered=names != sorted(names))


def _describe(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Tensor:
    name = member.filename.removesuffix(".npy")
    if name == member.filename or not name.isprintable():
        refuse(path, f"holds {member.filename!r}, expected nothing but .npy members")
    with damage(path, f"{name}.npy"), archive.open(member) as stream:
        version = npy.read_magic(stream)
        if version != (1, 0):  # later ones are for names of fields, and for headers of up to 4 GiB
            refuse(path, f"{name} is in version {version} of the .npy format, expected (1, 0)")
        shape, fortran, dtype = npy.read_array_header_1_0(stream)
        start = stream.tell()
    if dtype.hasobject:
        refuse(path, f"{name} holds Python objects (pickle), which are never loaded")
    if len(shape) > AXES or any(abs(side) > sys.maxsize for side in shape):
        refuse(path, f"{name} declares shape {shape}, which no array has")
    if start + prod(shape) * dtype.itemsize != member.file_size:
        refuse(
            path,
            f"{name} declares shape {shape} of {dtype}, {prod(shape) * dtype.itemsize:,} bytes,"
            f" but holds {member.file_size - start:,}",
        )
    return Tensor(name, shape, dtype.name, partial(_fetch, path, archive, member, start, shape, dtype, fortran))


def _fetch(
    path: Path,
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    start: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fortran: bool,
) -> NDArray[Any]:
    check_growth(path, member.file_size, shown(member.filename))
    with archive.open(member) as stream:
        stream.read(start)
        data = bytearray()
        while piece := stream.read(min(PIECE, member.file_size - start - len(data))):
            data += piece  # never more than declared, and the checksum of the whole is compared
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _begins(start: Start) -> bool:
    """Tell by the first member: numpy.savez puts none but .npy there."""
    return start.member.endswith(".npy")


NPZ = Format(".npz", (".npz",), _begins, open_npz)
