"""Perl-compatible regular expressions, on the library that Postfix uses for them: PCRE2.

Like Postfix it is used without its compiler to machine code, so that an expression gives up at the
same point as there.

Postfix: pcre_table(5)
Limits:  needs the shared library libpcre2-8 (Debian: libpcre2-8-0, which every system has); an
         expression is matched by one thread at a time
"""

import ctypes
import functools
import weakref

from spoolmta.errors import ConfigError, MapUnavailable

_LIBRARY = "libpcre2-8.so.0"

# pcre2.h
_CAPTURE_COUNT = 4
_NO_MATCH = -1
_UNSET = ctypes.c_size_t(-1).value
_OPTIONS = {
    "i": 0x0000_0008,  # caseless
    "m": 0x0000_0400,  # multi-line
    "s": 0x0000_0020,  # the dot matches all
    "x": 0x0000_0080,  # extended
    "A": 0x8000_0000,  # anchored
    "E": 0x0000_0010,  # the dollar at the very end alone
    "U": 0x0004_0000,  # not greedy
}
_DEFAULT_OPTIONS = _OPTIONS["i"] | _OPTIONS["s"]
FLAGS = "".join(_OPTIONS)


class PerlExpression:
    """One compiled expression; *groups* is how many it has."""

    __slots__ = ("__weakref__", "_code", "_data", "_match", "_parts", "groups")

    def __init__(self, source: bytes, flags: str) -> None:
        """*flags*, of FLAGS, toggle; i and s are on, m, x, A, E and U are off.

        Raises ConfigError: the expression cannot be compiled, or the library is not there.
        """
        options = _DEFAULT_OPTIONS
        for letter in flags:
            options ^= _OPTIONS[letter]
        library = _library()
        self._match = library.pcre2_match_8
        self._code = _compile(library, source, options)
        weakref.finalize(self, library.pcre2_code_free_8, self._code).atexit = False
        self._data = library.pcre2_match_data_create_from_pattern_8(self._code, None)
        weakref.finalize(self, library.pcre2_match_data_free_8, self._data).atexit = False
        self._parts = library.pcre2_get_ovector_pointer_8(self._data)
        count = ctypes.c_uint32()
        library.pcre2_pattern_info_8(self._code, _CAPTURE_COUNT, ctypes.byref(count))
        self.groups: int = count.value

    def matches(self, subject: bytes) -> bool:
        """Return whether the expression matches somewhere in *subject*.

        Raises MapUnavailable: PCRE gave up, because the match limit is exceeded for one.
        """
        status: int = self._match(self._code, subject, len(subject), 0, 0, self._data, None)
        if status < _NO_MATCH:
            raise MapUnavailable(_message(_library(), status))
        return status > 0

    def captures(self, subject: bytes) -> list[bytes] | None:
        """Return what the whole expression and each group took, None without a match.

        A group that took no part took nothing. Raises MapUnavailable: as matches does.
        """
        if not self.matches(subject):
            return None
        ends = self._parts[: 2 * (self.groups + 1)]
        return [
            b"" if start == _UNSET else subject[start:end]
            for start, end in zip(ends[::2], ends[1::2], strict=True)
        ]


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise ConfigError(
            f"pcre tables need the library {_LIBRARY}; install it (Debian: libpcre2-8-0): {error}"
        ) from error
    pointer, size, option = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32
    library.pcre2_compile_8.restype = pointer
    library.pcre2_compile_8.argtypes = (
        *(ctypes.c_char_p, size, option),
        *(ctypes.POINTER(ctypes.c_int), ctypes.POINTER(size), pointer),
    )
    library.pcre2_match_8.argtypes = (
        *(pointer, ctypes.c_char_p, size, size, option, pointer, pointer),
    )
    library.pcre2_match_data_create_from_pattern_8.restype = pointer
    library.pcre2_match_data_create_from_pattern_8.argtypes = (pointer, pointer)
    library.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(size)
    library.pcre2_get_ovector_pointer_8.argtypes = (pointer,)
    library.pcre2_pattern_info_8.argtypes = (pointer, option, pointer)
    library.pcre2_get_error_message_8.argtypes = (ctypes.c_int, ctypes.c_char_p, size)
    for free in (library.pcre2_code_free_8, library.pcre2_match_data_free_8):
        free.argtypes = (pointer,)
        free.restype = None
    return library


def _compile(library: ctypes.CDLL, source: bytes, options: int) -> int:
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    code: int | None = library.pcre2_compile_8(
        source, len(source), options, ctypes.byref(error), ctypes.byref(offset), None
    )
    if code is None:
        text = _message(library, error.value)
        raise ConfigError(f"error in regex at offset {offset.value}: {text}")
    return code


def _message(library: ctypes.CDLL, error: int) -> str:
    text = ctypes.create_string_buffer(200)
    library.pcre2_get_error_message_8(error, text, len(text))
    return text.value.decode("ascii", "replace")
