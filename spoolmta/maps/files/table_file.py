"""The file of a built table, replaced as a whole: a reader has either the old one or the new one.

A new file is written beside the old one, made durable, and renamed over it. It has the permissions
and the owner of the file that it replaces, or else the permissions of the table's source.

Postfix:  postmap(1)
Must not: know what is in the file; print
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spoolmta.errors import ConfigError

LMDB_SUFFIX = ".lmdb"

_DEFAULT_MODE = 0o644
# A source that is newer by this is older than its table by accident of the clock, not by neglect.
_OUTDATED_AFTER_S = 100


@contextmanager
def replacement(path: Path, source: str, *, inherit_mode: bool = True) -> Iterator[Path]:
    """Lend the path of a new file, empty at first, which takes the place of *path* at the end.

    Raises ConfigError: it cannot be written; the old one is as it was.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _create(new, path, source, inherit_mode=inherit_mode)
    except PermissionError as error:
        raise ConfigError(
            f"open database {path}: {error.strerror}; a new table is made in the folder"
            f" {path.parent}, which user {os.geteuid()} may not write"
        ) from error
    except OSError as error:
        raise ConfigError(f"open database {path}: {error.strerror}") from error
    try:
        yield new
        _synchronize(new)
        new.rename(path)
        _synchronize(path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: cannot write the table: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def outdated_warning(path: Path, source: str, now: float) -> str | None:
    """Return what is to be said if the source of the table at *path* was changed after it."""
    try:
        built, changed = path.stat().st_mtime, Path(source).stat().st_mtime
    except OSError:
        return None
    if changed > built and changed < now - _OUTDATED_AFTER_S:
        return f"database {path} is older than source file {source}"
    return None


def open_error(path: Path, source: str, name: str, error: OSError) -> ConfigError:
    """Return what is to be raised when the table at *path* cannot be opened."""
    text = f"open database {path}: {error.strerror}"
    if isinstance(error, FileNotFoundError) and Path(source).exists():
        text += f'; run "postmap {name}" to make it'
    return ConfigError(text)


def _create(new: Path, path: Path, source: str, *, inherit_mode: bool) -> None:
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        mode = _DEFAULT_MODE
        try:
            old = path.stat()
        except FileNotFoundError:
            with suppress(OSError):
                if inherit_mode:
                    mode = Path(source).stat().st_mode & 0o044 | 0o600
        else:
            mode = old.st_mode & 0o777
            if os.geteuid() == 0:
                os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
