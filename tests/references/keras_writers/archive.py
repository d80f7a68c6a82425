"""A writer's records as one .tar.xz: files that are much like each other take little room together."""

import io
import tarfile
from pathlib import Path

RECORDS = Path(__file__).parent / "records"


def unpack(archive, folder):
    """Unpack the records of a writer."""
    with tarfile.open(str(archive), "r:xz") as tar:
        for member in tar.getmembers():
            (Path(str(folder)) / Path(member.name).name).write_bytes(tar.extractfile(member).read())


def pack(folder, archive):
    """Pack them: the same files make the same bytes, whoever packs them and when."""
    archive.parent.mkdir(exist_ok=True)
    files = sorted(Path(str(folder)).iterdir(), key=lambda path: (path.suffix, path.name))
    with tarfile.open(str(archive), "w:xz", preset=9) as tar:
        for path in files:
            info = tarfile.TarInfo(path.name)
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
