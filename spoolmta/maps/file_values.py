"""Values that are names of files, whose content is meant: postmap -F.

What reads its values itself reads the files when it is opened; a built table holds their content
as base64.

Postfix: postmap(1) -F, postconf(5) tls_server_sni_maps
"""

import base64
import binascii
from pathlib import Path

from spoolmta.errors import ConfigError
from spoolmta.maps.text import decode


def content_of_files(names: str) -> bytes:
    """Return what is in the files that blanks or commas separate, with line ends between them.

    Raises ConfigError: one of them cannot be read.
    """
    try:
        return b"\n".join(Path(name).read_bytes() for name in names.replace(",", " ").split())
    except OSError as error:
        raise ConfigError(f"open {error.filename}: {error.strerror}") from error


def value_of_files(names: str) -> str:
    """Return the content of files as a value.

    Raises ConfigError: one of them cannot be read.
    """
    return _text(content_of_files(names))


def stored_content(names: str) -> str:
    """Return the content of files as a built table holds it.

    Raises ConfigError: one of them cannot be read.
    """
    return base64.b64encode(content_of_files(names)).decode("ascii")


def value_of_stored(stored: str) -> str | None:
    """Return the value that a built table holds; None if that is no content of files."""
    try:
        return _text(base64.b64decode(stored, validate=True))
    except (binascii.Error, ValueError):
        return None


def _text(content: bytes) -> str:
    """Return content as it is printed: up to a NUL, as everything in C."""
    return decode(content.partition(b"\0")[0])
