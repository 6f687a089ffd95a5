"""Where the queues lie: for each run a fresh ext4 with a journal, or a folder that was named.

On a file system that has seen many files come and go, or that keeps no journal, a queue of files is
slower than it is; so each run of either system begins on a new one. It lies in an image that is
written once and mounted through a loop device, which needs root.

Must not: leave a mount or an image behind, whatever happens in between.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

IMAGE_BYTES = 5 << 30
IMAGES = Path("/var/tmp")
PREFIX = "spoolmta-bench-"
PROGRAMS = ("mkfs.ext4", "mount", "umount")
SECTOR_BYTES = 512
UNMOUNT_SECONDS = 10.0

_PIECE = bytes(1 << 20)
_SECTORS_WRITTEN = 6


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one run; *own_device*: nobody else writes to the device that it is on."""

    root: Path
    own_device: bool

    def device_bytes(self) -> int | None:
        """Return how many bytes the device has been given to write, None if others use it too."""
        if not self.own_device:
            return None
        number = self.root.stat().st_dev
        counters = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat").read_text()
        return int(counters.split()[_SECTORS_WRITTEN]) * SECTOR_BYTES


class Disk(Protocol):
    """Gives each run its place."""

    @property
    def description(self) -> str:
        """What the report says of it."""
        ...

    def place(self) -> contextlib.AbstractContextManager[Place]:
        """Return a fresh, empty place, which is gone after the `with`."""
        ...

    def close(self) -> None:
        """Remove what was made for all runs."""
        ...


class LoopDisk:
    """A file system of its own for each run."""

    description = "a fresh ext4 with a journal for each run, on a loop device"

    def __init__(self, images: Path = IMAGES, size: int = IMAGE_BYTES) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=images))
        self._image = self._folder / "image"
        try:
            # Written through, so that no run pays for the allocation of the image's own blocks.
            with self._image.open("wb") as image:
                for _ in range(size // len(_PIECE)):
                    image.write(_PIECE)
                os.fsync(image.fileno())
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        """See Disk."""
        options = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
        _run("mkfs.ext4", "-q", "-F", "-E", options, self._image)
        mounted = self._folder / "disk"
        mounted.mkdir(exist_ok=True)
        # The services drop root and must find their way in.
        self._folder.chmod(0o755)
        _run("mount", "-o", "loop", self._image, mounted)
        try:
            mounted.chmod(0o755)
            yield Place(mounted, own_device=True)
        finally:
            _unmount(mounted)

    def close(self) -> None:
        """See Disk."""
        shutil.rmtree(self._folder, ignore_errors=True)


class FolderDisk:
    """A new folder for each run, on a disk that others may use too."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self.description = f"folders below {directory or tempfile.gettempdir()}"

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        """See Disk."""
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._directory))
        root.chmod(0o755)
        try:
            yield Place(root, own_device=False)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def close(self) -> None:
        """See Disk."""


def choose(directory: Path | None) -> Disk:
    """Return the disk: *directory* if it is named, else a loop device where one can be mounted."""
    able = os.geteuid() == 0 and all(shutil.which(program) for program in PROGRAMS)
    if directory is not None or not able:
        return FolderDisk(directory)
    disk = LoopDisk()
    try:
        with disk.place():
            return disk
    except subprocess.CalledProcessError:
        disk.close()
        return FolderDisk(None)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _unmount(folder: Path) -> None:
    """Unmount; a process that is just ending may hold it for a moment."""
    deadline = time.monotonic() + UNMOUNT_SECONDS
    while subprocess.run(["umount", folder], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            _run("umount", "--lazy", folder)
            return
        time.sleep(0.1)
