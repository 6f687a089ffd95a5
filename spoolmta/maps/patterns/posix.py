"""POSIX regular expressions, as the C library has them.

They run on the library's own regcomp and regexec, as Postfix's do: what matches, which part of the
key a group takes, and what a bad expression is told, is what Postfix on this machine says. Python's
re cannot be had to take the longest of several alternatives, nor groups as POSIX defines them.

Expressions are compiled in the C locale, the one that Postfix runs in: a character is a byte.

Postfix: regexp_table(5)
Limits:  needs the GNU C library, for the layout of its regex_t
"""

import ctypes
import functools
import os
import weakref

from spoolmta.errors import ConfigError, MapUnavailable

# regex.h
_EXTENDED, _IGNORE_CASE, _NEWLINE = 1, 2, 4
_NO_MATCH = 1
# LC_ALL_MASK of locale.h
_ALL_CATEGORIES = 0x1FBF

_OPTIONS = {"i": _IGNORE_CASE, "m": _NEWLINE, "x": _EXTENDED}
FLAGS = "".join(_OPTIONS)
_DEFAULT_OPTIONS = _EXTENDED | _IGNORE_CASE


class _Compiled(ctypes.Structure):
    """regex_t."""

    _fields_ = (
        ("buffer", ctypes.c_void_p),
        ("allocated", ctypes.c_size_t),
        ("used", ctypes.c_size_t),
        ("syntax", ctypes.c_ulong),
        ("fastmap", ctypes.c_void_p),
        ("translate", ctypes.c_void_p),
        ("re_nsub", ctypes.c_size_t),
        ("bits", ctypes.c_uint),
    )


class _Part(ctypes.Structure):
    """regmatch_t."""

    _fields_ = (("start", ctypes.c_int), ("end", ctypes.c_int))


class PosixExpression:
    """One compiled expression; *groups* is how many it has."""

    __slots__ = ("__weakref__", "_address", "_compiled", "_execute", "groups")

    def __init__(self, source: bytes, flags: str) -> None:
        """*flags*, of FLAGS, toggle: i ignores case (on), x is extended (on), m sees lines (off).

        Raises ConfigError: the expression cannot be compiled, or this is not the GNU C library.
        """
        options = _DEFAULT_OPTIONS
        for letter in flags:
            options ^= _OPTIONS[letter]
        library = _library()
        self._compiled = _Compiled()
        self._address = ctypes.addressof(self._compiled)
        self._execute = library.regexec
        error = _compile(library, self._compiled, source, options)
        if error:
            raise ConfigError(_message(library, error))
        weakref.finalize(self, library.regfree, self._compiled).atexit = False
        self.groups: int = self._compiled.re_nsub

    def matches(self, subject: bytes) -> bool:
        """Return whether the expression matches somewhere in *subject*.

        Raises MapUnavailable: the C library could not tell.
        """
        status = self._execute(self._address, subject, 0, None, 0)
        return status == 0 or self._failed(status)

    def captures(self, subject: bytes) -> list[bytes] | None:
        """Return what the whole expression and each group took, None without a match.

        A group that took no part took nothing. Raises MapUnavailable: as matches does.
        """
        parts = (_Part * (self.groups + 1))()
        status = self._execute(self._address, subject, len(parts), ctypes.addressof(parts), 0)
        if status:
            self._failed(status)
            return None
        return [b"" if part.start < 0 else subject[part.start : part.end] for part in parts]

    def _failed(self, status: int) -> bool:
        if status != _NO_MATCH:
            raise MapUnavailable(_message(_library(), status))
        return False


@functools.cache
def _library() -> ctypes.CDLL:
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        raise ConfigError("regexp tables need the GNU C library; use pcre instead")
    library = ctypes.CDLL(None)
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.regcomp.argtypes = (pointer, ctypes.c_char_p, number)
    library.regexec.argtypes = (pointer, ctypes.c_char_p, size, pointer, number)
    library.regerror.argtypes = (number, pointer, ctypes.c_char_p, size)
    library.regerror.restype = size
    library.regfree.argtypes = (ctypes.POINTER(_Compiled),)
    library.regfree.restype = None
    library.newlocale.argtypes = (number, ctypes.c_char_p, pointer)
    library.newlocale.restype = pointer
    library.uselocale.argtypes = (pointer,)
    library.uselocale.restype = pointer
    return library


@functools.cache
def _c_locale() -> int | None:
    locale: int | None = _library().newlocale(_ALL_CATEGORIES, b"C", None)
    return locale


def _compile(library: ctypes.CDLL, compiled: _Compiled, source: bytes, options: int) -> int:
    before = library.uselocale(_c_locale())
    try:
        error: int = library.regcomp(ctypes.addressof(compiled), source, options)
    finally:
        library.uselocale(before)
    return error


def _message(library: ctypes.CDLL, error: int) -> str:
    text = ctypes.create_string_buffer(200)
    library.regerror(error, None, text, len(text))
    return text.value.decode("ascii", "replace")
