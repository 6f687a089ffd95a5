"""postconf: print and change main.cf and master.cf.

Postfix:    postconf(1)
Reads:      main.cf, master.cf, bounce templates      Writes: main.cf, master.cf
Limits:     an edited service stays where it is in master.cf; -T names one version of OpenSSL, as
            nothing is compiled here
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from spoolmta.cli.command_line import Command, write_raw
from spoolmta.cli.postconf.edit import Edit, edit_fields, edit_main, edit_overrides, edit_services
from spoolmta.cli.postconf.listing import Request, print_listing
from spoolmta.config.expansion import ExpansionError
from spoolmta.config.loader import chosen_directory, load
from spoolmta.errors import UsageError

USAGE = "postconf [-dfhHjnopqvx] [-c config_dir] [-C class,...] [parameter ...]"

_LETTERS = "aAbc:C:defFhHjlmMno:pPqtT:vxX#"
_CLASSES = frozenset(("builtin", "service", "user"))
_OF_MASTER = ("-F", "-M", "-P")
_LISTS = ("-a", "-A", "-l", "-m", "-T")
_TEMPLATES = ("-b", "-t")
_EDITS = ("-e", "-X", "-#")
# Groups and their members are in the order in which Postfix names them.
_ONE_OF = (
    ("-a", "-A", "-b", "-F", "-l", "-m", "-M", "-p", "-P", "-t", "-T"),
    ("-d", "-e", "-n", "-X", "-#"),
    ("-e", "-f", "-X", "-#"),
    ("-e", "-x", "-X", "-#"),
    ("-e", "-o", "-X", "-#"),
    ("-e", "-h", "-H", "-j", "-X", "-#"),
    ("-f", "-j"),
    ("-d", "-o"),
)
_LISTING = ("-d", "-e", "-f", "-h", "-H", "-j", "-n", "-o", "-x", "-X", "-#")
_NOT_WITH = {
    **dict.fromkeys((*_LISTS, *_TEMPLATES), _LISTING),
    "-F": ("-d", "-n", "-X", "-#"),
    "-M": ("-d", "-h", "-H", "-n"),
    "-P": ("-d", "-n", "-#"),
}
_SERVER_PLUG_INS = ("cyrus", "dovecot")
_CLIENT_PLUG_INS = ("cyrus",)
_PUBLIC_KEY_ALGORITHMS = ("dsa", "ecdsa", "rsa")
_LOCKS = ("flock", "fcntl", "dotlock")


def main() -> NoReturn:
    """Run postconf."""
    command = Command("postconf", utf8=False)
    options, operands = command.options(sys.argv[1:], _LETTERS, USAGE)
    command.run(lambda: _telling_faults(command, lambda: _postconf(command, options, operands)))


def _telling_faults(command: Command, work: Callable[[], int]) -> int:
    """Return the status of *work*; tell a fault of expansion in Postfix's words, and its place."""
    try:
        return work()
    except ExpansionError as error:
        command.warn(error.fault)
        hint = f" ({error.hint})" if error.hint else ""
        command.fatal(f"macro processing error: {error.place}{hint}")


def _postconf(command: Command, options: Sequence[tuple[str, str]], operands: list[str]) -> int:
    letters = frozenset(letter for letter, _ in options)
    classes = _CLASSES
    for letter, text in options:
        if letter == "-C":
            classes = _classes(text)
    if letters.isdisjoint((*_LISTS, *_TEMPLATES)) and "=" in "".join(operands[:1]):
        letters |= {"-e"}
    _require_compatible(letters)
    values = dict(options)
    overrides = [text for letter, text in options if letter == "-o"]
    if "-T" in letters:
        return _print_tls_feature(command, values["-T"])
    if not letters.isdisjoint(_LISTS):
        write_raw(list(_lists(letters)))
        return 0
    edit = _edit(letters, operands)
    if edit is not None:
        _change(command, values.get("-c"), letters, edit)
        return 0
    if not letters.isdisjoint(_TEMPLATES):
        from spoolmta.cli.postconf.templates import template_lines

        configuration = load(values.get("-c"))
        write_raw(list(template_lines(configuration, operands, expanded="-b" in letters)))
        return 0
    request = Request(letters, classes, tuple(operands))
    print_listing(command, values.get("-c"), overrides, request)
    return 0


def _require_compatible(letters: frozenset[str]) -> None:
    """Raise UsageError if two options do not go together."""
    for group in _ONE_OF:
        given = [letter for letter in group if letter in letters]
        if len(given) > 1:
            raise UsageError(f"specify one of {' '.join(given)}")
    for mode, others in _NOT_WITH.items():
        given = [letter for letter in others if letter in letters]
        if mode in letters and given:
            raise UsageError(f"with option {mode}, do not specify {' '.join(given)}")


def _print_tls_feature(command: Command, mode: str) -> int:
    import ssl

    match mode:
        case "compile-version" | "run-version":
            write_raw([ssl.OPENSSL_VERSION])
        case "public-key-algorithms":
            write_raw(list(_PUBLIC_KEY_ALGORITHMS))
        case _:
            command.warn(f"unknown 'postconf -T' mode: {mode}")
            return 1
    return 0


def _lists(letters: frozenset[str]) -> Iterator[str]:
    if "-m" in letters:
        from spoolmta.maps.registry import map_types

        yield from map_types()
    elif "-l" in letters:
        yield from _LOCKS
    elif "-a" in letters:
        yield from _SERVER_PLUG_INS
    else:
        yield from _CLIENT_PLUG_INS


def _classes(text: str) -> frozenset[str]:
    names = text.replace(",", " ").split()
    for name in names:
        if name.lower() not in (*_CLASSES, "all"):
            raise UsageError(f'unknown -C option value "{name}" in "{text}"')
    classes = frozenset(map(str.lower, names))
    return _CLASSES if "all" in classes else classes


def _edit(letters: frozenset[str], operands: list[str]) -> Edit | None:
    """Return what to change."""
    action = next((letter for letter in _EDITS if letter in letters), None)
    if action is None:
        return None
    if not operands:
        wanted = "-e requires name=value" if action == "-e" else "missing service"
        raise UsageError(f"{wanted} argument")
    if any("\n" in operand for operand in operands):
        raise UsageError("-e, -X, or -# accepts no multi-line input")
    if any(operand.lstrip().startswith("#") for operand in operands):
        raise UsageError("-e, -X, or -# accepts no comment input")
    if action != "-e" and any("=" in operand for operand in operands):
        of_what = "parameter names" if letters.isdisjoint(_OF_MASTER) else "names"
        raise UsageError(f"-X or -# requires {of_what} without value")
    if letters.isdisjoint(_OF_MASTER) and not all(operand.strip() for operand in operands):
        raise UsageError("-X or -# requires non-blank parameter names")
    return Edit(action, tuple(operands))


def _change(command: Command, directory: str | None, letters: frozenset[str], edit: Edit) -> None:
    """Change a file without reading all of it: what is broken can be mended."""
    chosen = chosen_directory(directory)
    if chosen is None:
        raise UsageError("the built-in configuration cannot be changed: name a folder with -c")
    folder = str(chosen).rstrip("/")
    if "-M" in letters:
        warnings = edit_services(f"{folder}/master.cf", edit)
    elif "-F" in letters:
        warnings = edit_fields(f"{folder}/master.cf", edit)
    elif "-P" in letters:
        warnings = edit_overrides(f"{folder}/master.cf", edit)
    else:
        warnings = edit_main(f"{folder}/main.cf", edit)
    for warning in warnings:
        command.warn(warning)
