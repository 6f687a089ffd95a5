"""A spool in the place of another, whatever kills the process in the middle: all of it, or nothing.

`decide` is the moment: from then on the new spool lies under its last name but one, and whoever
comes next (the restore itself, the keeper at a start) ends the work. Nobody opens the spool
meanwhile (Spool.open refuses). The old one gets another name, with what lies beside it: what is
in the log of a damaged file may be all that is left of it.

Must not: run beside a mail system (the caller holds its lock); delete what was there
"""

import os
import time
from pathlib import Path

from spoolmta.errors import SpoolUnusable

DECIDED = ".restoring"
_LOG, _INDEX = "-wal", "-shm"


def decide(ready: Path, spool: Path, now: float) -> None:
    """Make *ready*, which is whole, what will be the spool; *now* names what was there."""
    synchronize(ready)
    os.utime(ready, (now, now))
    ready.replace(_decided(spool))
    synchronize(spool.parent)


def set_aside(spool: Path) -> Path | None:
    """Give the spool that is there its other name; return it, None if there was no spool."""
    if not spool.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(_decided(spool).stat().st_mtime))
    aside = spool.with_name(f"{spool.name}.replaced-{stamp}")
    if not aside.exists():
        os.link(spool, aside)
    log = beside(spool, _LOG)
    if log.exists() and log.stat().st_size:
        log.rename(beside(aside, _LOG))
    log.unlink(missing_ok=True)
    beside(spool, _INDEX).unlink(missing_ok=True)
    synchronize(spool.parent)
    return aside


def put_in_place(spool: Path) -> None:
    """End it: what was decided for is the spool."""
    _decided(spool).replace(spool)
    synchronize(spool.parent)


def require_none(spool: Path) -> None:
    """Raise SpoolUnusable if the spool is about to be another."""
    if _decided(spool).exists():
        raise SpoolUnusable(
            f"{spool}: a backup is being put in its place, or spoolmta restore was killed while it"
            " did so; a start of the mail system ends that, and so does spoolmta restore"
        )


def finish(spool: Path) -> Path | None:
    """End what was decided and not ended; return the other name of what was there, if anything."""
    if not _decided(spool).exists():
        return None
    aside = set_aside(spool)
    put_in_place(spool)
    return aside


def beside(path: Path, suffix: str) -> Path:
    """Return the file that SQLite has beside another."""
    return path.with_name(path.name + suffix)


def remove_beside(path: Path) -> None:
    """Remove the log of a file, which must be in it already, and the log's index."""
    for suffix in (_LOG, _INDEX):
        beside(path, suffix).unlink(missing_ok=True)


def synchronize(path: Path) -> None:
    """Wait until a file or folder is on the disk. Raises SpoolUnusable: it may not be."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SpoolUnusable(f"{path}: {error}") from error
    finally:
        os.close(descriptor)


def _decided(spool: Path) -> Path:
    return spool.with_name(spool.name + DECIDED)
