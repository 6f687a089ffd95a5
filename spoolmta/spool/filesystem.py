"""On which file systems a spool may live: local ones, since the WAL is shared memory.

Must not: open the spool.
"""

from collections.abc import Iterable
from pathlib import Path

from spoolmta.errors import SpoolUnusable

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs"}
    | {
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.ceph",
        "gfs2",
        "ocfs2",
        "beegfs",
        "vboxsf",
    }
)


def require_local_filesystem(folder: Path) -> None:
    """Raise SpoolUnusable if *folder* is on a network file system."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape").split("\n")
    except OSError:
        return  # no such list on this system: nothing can be said
    kind = filesystem_of(folder, mounts)
    if kind in _NETWORK:
        raise SpoolUnusable(
            f"{folder}: the spool cannot live on a network file system ({kind}): its write-ahead"
            " log needs memory that all its processes share; set queue_directory to a local disk"
        )


def filesystem_of(folder: Path, mounts: Iterable[str]) -> str:
    """Return the type of the file system that holds *folder*, by lines of mountinfo (proc(5))."""
    target = str(folder.resolve())
    best, kind = "", ""
    for line in mounts:
        fields, _, rest = line.partition(" - ")
        columns = fields.split(" ")
        if len(columns) < 5 or not rest:
            continue
        point = columns[4].replace("\\040", " ")
        inside = point == "/" or target == point or target.startswith(point + "/")
        if inside and len(point) >= len(best):
            best, kind = point, rest.split(" ")[0]
    return kind


def read_only_uri(path: Path) -> str:
    """Return the name by which SQLite opens a database that it must not change."""
    name = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{name}?mode=ro"
