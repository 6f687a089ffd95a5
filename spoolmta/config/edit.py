"""Changes to the texts of main.cf and master.cf that leave comments and order as they are.

The functions take a text and return a text; write_file() puts it in place of the old one.

Postfix:    postconf(1) -e, -X, -#, -M, -F, -P
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from spoolmta.config.main_cf import as_text
from spoolmta.errors import ConfigError

_SPACE = " \t\r\n\v\f"
_LOCK_SUFFIX = ".tmp"

Replace = Callable[[str], "str | None"]
"""From the key of an entry (a name, or service/type) to its new text; None: leave it alone."""

REMOVED = ""


def set_parameters(text: str, settings: Mapping[str, str]) -> str:
    """Return main.cf's *text* with these values; new names come at the end."""
    lines = {name: f"{name} = {value}" for name, value in settings.items()}
    return _with_missing(_replace(text, _parameter_name, lines.get), text, lines, _parameter_name)


def remove_parameters(text: str, names: frozenset[str]) -> str:
    """Return main.cf's *text* without the definitions of *names*."""
    return _replace(text, _parameter_name, lambda name: REMOVED if name in names else None)


def comment_out_parameters(text: str, names: frozenset[str]) -> str:
    """Return main.cf's *text* with the definitions of *names* made comments."""
    return _comment_out(text, _parameter_name, names)


def set_services(text: str, services: Mapping[str, str]) -> str:
    """Return master.cf's *text* with these lines, by service/type; new ones come at the end."""
    changed = _replace(text, _service_key, services.get)
    return _with_missing(changed, text, services, _service_key)


def remove_services(text: str, keys: frozenset[str]) -> str:
    """Return master.cf's *text* without the services of *keys* (service/type)."""
    return _replace(text, _service_key, lambda key: REMOVED if key in keys else None)


def comment_out_services(text: str, keys: frozenset[str]) -> str:
    """Return master.cf's *text* with the services of *keys* made comments."""
    return _comment_out(text, _service_key, keys)


def repeated(text: str, names: frozenset[str]) -> list[str]:
    """Return those of *names* that main.cf's *text* defines more than once."""
    found = [key for key, kind, _ in _lines(text, _parameter_name) if kind == "first"]
    return [name for name in sorted(names) if found.count(name) > 1]


def change_file(path: Path | str, change: Callable[[str], str]) -> None:
    """Replace the text of *path* by what *change* makes of it, at once and durably.

    Others who change the file by this function wait; readers see the old text or the new one.
    Raises ConfigError: it cannot be read or written.
    """
    target = Path(path).resolve()
    scratch = target.with_name(target.name + _LOCK_SUFFIX)
    doing = f"open {path}{_LOCK_SUFFIX}"
    try:
        with _locked(scratch) as descriptor:
            doing = f"open {path} for reading"
            text = target.read_bytes()
            doing = f"write {path}{_LOCK_SUFFIX}"
            new = change(as_text(text, path)).encode("utf-8", "surrogateescape")
            _take_over_rights(target, descriptor)
            with open(descriptor, "wb", closefd=False) as file:
                file.truncate()
                file.write(new)
                file.flush()
                os.fsync(descriptor)
            scratch.rename(target)
            _sync_folder(target.parent)
    except OSError as error:
        raise ConfigError(f"{doing}: {error.strerror}") from error


@contextlib.contextmanager
def _locked(scratch: Path) -> Iterator[int]:
    """Give the new, locked *scratch* file; it is gone when the block fails."""
    while True:
        descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever held the lock has renamed the file away; then the lock is on the wrong one.
            if not _is_same(descriptor, scratch):
                continue
            try:
                yield descriptor
            except BaseException:
                scratch.unlink(missing_ok=True)
                raise
            return
        finally:
            os.close(descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _take_over_rights(target: Path, descriptor: int) -> None:
    status = target.stat()
    os.fchmod(descriptor, status.st_mode & 0o7777)
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lines(text: str, key_of: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    """Return each physical line as (key of its entry, "first", "more" or "none", line)."""
    key = ""
    for line in _physical_lines(text):
        stripped = line.strip(_SPACE)
        if not stripped or stripped.startswith("#"):
            yield "", "none", line
        elif line[0] in _SPACE:
            yield key, "more", line
        else:
            key = key_of(line)
            yield key, "first", line


def _physical_lines(text: str) -> list[str]:
    """Return the lines of *text* with their line ends, which the last may lack."""
    *whole, rest = text.split("\n")
    return [*(f"{line}\n" for line in whole), *filter(None, (rest,))]


def _replace(text: str, key_of: Callable[[str], str], replacement: Replace) -> str:
    result: list[str] = []
    for key, kind, line in _lines(text, key_of):
        new = None if kind == "none" or not key else replacement(key)
        if new is None:
            result.append(line)
        elif kind == "first" and new != REMOVED:
            result.append(f"{new}\n")
    return "".join(result)


def _comment_out(text: str, key_of: Callable[[str], str], keys: frozenset[str]) -> str:
    return "".join(
        f"#{line}" if kind != "none" and key in keys else line
        for key, kind, line in _lines(text, key_of)
    )


def _with_missing(
    changed: str, text: str, entries: Mapping[str, str], key_of: Callable[[str], str]
) -> str:
    """Return *changed* with those *entries* at its end that *text* has not."""
    present = {key for key, kind, _ in _lines(text, key_of) if kind == "first"}
    missing = "".join(f"{line}\n" for key, line in entries.items() if key not in present)
    ended = not missing or not changed or changed.endswith("\n")
    return changed + ("" if ended else "\n") + missing


def _parameter_name(line: str) -> str:
    return line.partition("=")[0].strip(_SPACE)


def _service_key(line: str) -> str:
    return "/".join(line.split(None, 2)[:2])
