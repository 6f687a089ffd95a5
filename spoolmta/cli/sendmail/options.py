"""The command line of sendmail(1), as twenty years of programs write it.

Options end at the first operand or "--"; the value of an option may be glued to its letter. What
only the Sendmail program of old understood is taken and means nothing here. As Postfix does, the
command line is read twice: what is no option is told of before anything else.

Postfix: sendmail(1)
Limits:  -G is taken, but headers are completed all the same; -vv tells no more than nothing at all;
         -XV is taken, and told that there is no VERP yet; a message is delivered in spite of
         -qinterval, where Postfix does nothing
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_WITH_VALUE = frozenset("ABCFLNORVXbefhopqr")
_WITHOUT_VALUE = frozenset("GIUcimntvx")
_NOTIFY = {"success": 2, "failure": 4, "delay": 8, "never": 1}
_NEVER = 1
_RET = {"full": "FULL", "hdrs": "HDRS"}
_ENCODINGS = {"8BITMIME": "8bit", "7BIT": "7bit"}
_ENVID_CHARACTERS = 100
_VERP_CHARACTERS = "-=+"
_VERP_DELIMITERS = "+="
_USAGE = "usage: sendmail [options]"
_NO_OPTION = "?"
# Not letters of getopt(3): -q alone, and the options that named VERP delimiters once.
_FLUSH_ALL, _VERP, _OLD_VERP = "-q", "-XV", "-V"

DELIVER, SMTP, LIST, ALIASES, FLUSH, FLUSH_SITE, FLUSH_MESSAGE, DAEMON, IGNORE = (
    "deliver",
    "smtp",
    "list",
    "aliases",
    "flush",
    "flush site",
    "flush message",
    "daemon",
    "ignore",
)
_MODES = {
    "m": DELIVER, "s": SMTP, "p": LIST, "i": ALIASES, "d": DAEMON, "l": DAEMON, "h": IGNORE,
    "H": IGNORE,
}  # fmt: skip
_WITHOUT_RECIPIENT = {
    SMTP: "stand-alone mode",
    LIST: "display queue mode",
    ALIASES: "alias initialization mode",
    FLUSH: "flush queue mode",
    FLUSH_SITE: "flush site",
    FLUSH_MESSAGE: "flush queue_id",
    DAEMON: "daemon mode",
}

Tell = Callable[[str], None]


class BadUsageError(Exception):
    """The command line cannot be obeyed; the text is for the user."""


class Options:
    """What the command line asks for.

    *sender* None means the calling user; *notify* is RFC 3461's NOTIFY as Notify has it; *site* and
    *queue_id* are what is to be flushed; *verifies*: nothing is delivered, and the fate of the
    recipients is reported. *verp*: every recipient is to have a sender address of its own.
    """

    def __init__(self) -> None:
        self.mode = DELIVER
        self.directory: str | None = None
        self.alias_database: str | None = None
        self.sender: str | None = None
        self.full_name: str | None = None
        self.recipients: list[str] = []
        self.extract = False
        self.ignores_dots = False
        self.encoding = ""
        self.envid = ""
        self.ret = ""
        self.notify = 0
        self.verifies = False
        self.verbosity = 0
        self.verp = False
        self.site: str | None = None
        self.queue_id: str | None = None
        self.has_interval = False

    @property
    def trace(self) -> str:
        """The report that is wanted: "verify", "report", or none."""
        if self.verifies:
            return "verify"
        return "report" if self.verbosity == 1 else ""


class _Word(NamedTuple):
    """One option as it stands; for one that is none, *value* is what is wrong."""

    letter: str
    value: str = ""


def parse(arguments: Sequence[str], tell: Tell) -> Options:
    """Return what the arguments (without the program's name) ask for; *tell* of what is odd.

    Raises BadUsageError: the caller prints it and ends with status 75.
    """
    options = Options()
    remaining = list(arguments)
    words = list(_scan(remaining))
    for word in words:
        if word.letter == _NO_OPTION:
            tell(word.value)
    for word in words:
        if word.letter == _NO_OPTION:
            tell(word.value)
            raise BadUsageError(_USAGE)
        _take(options, word, tell)
    options.recipients = remaining
    _settle(options)
    return options


def _scan(remaining: list[str]) -> Iterator[_Word]:
    """Yield the options, and leave the operands in *remaining*."""
    while remaining and remaining[0][:1] == "-" and remaining[0] != "-":
        word = remaining.pop(0)
        if word == "--":
            return
        if word == "-q":
            yield _Word(_FLUSH_ALL)
        elif word == "-XV":
            yield _Word(_VERP)
        elif word[:2] == "-V" and _names_delimiters(word, remaining):
            yield _Word(_OLD_VERP, word)
        else:
            yield from _scan_letters(word[1:], remaining)


def _names_delimiters(word: str, remaining: Sequence[str]) -> bool:
    """Return whether -V, or what follows it, has the length that only VERP delimiters had."""
    value = word[2:] or "".join(remaining[:1])
    return len(value) == len(_VERP_DELIMITERS)


def _scan_letters(letters: str, remaining: list[str]) -> Iterator[_Word]:
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in _WITH_VALUE:
            if not letters and not remaining:
                text = f"option requires an argument -- '{letter}'"
                yield _Word(_NO_OPTION, text)
            else:
                yield _Word(letter, letters or remaining.pop(0))
            return
        known = letter in _WITHOUT_VALUE
        yield _Word(letter) if known else _Word(_NO_OPTION, f"invalid option -- '{letter}'")


def _take(options: Options, word: _Word, tell: Tell) -> None:
    letter, value = word
    if letter in "fr":
        options.sender = value
    elif letter == "F":
        options.full_name = value
    elif letter == "C":
        folder, name = os.path.split(value)
        options.directory = folder if name == "main.cf" else value
    elif letter == "b":
        _set_mode(options, value, tell)
    elif letter == "B":
        if value not in _ENCODINGS:
            raise BadUsageError("-B option needs 8BITMIME or 7BIT")
        options.encoding = _ENCODINGS[value]
    elif letter == "o":
        _set_old_option(options, value)
    elif letter in "NRV":
        _set_dsn(options, letter, value, tell)
    elif letter in ("q", _FLUSH_ALL):
        _set_flush(options, value, tell)
    elif letter in ("X", _VERP, _OLD_VERP):
        _set_verp(options, word, tell)
    else:
        _set_flag(options, letter)


def _set_flag(options: Options, letter: str) -> None:
    if letter == "n":
        raise BadUsageError("-n option not supported")
    if letter == "i":
        options.ignores_dots = True
    elif letter == "t":
        options.extract = True
    elif letter == "I":
        options.mode = ALIASES
    elif letter == "v":
        options.verbosity += 1


def _set_mode(options: Options, value: str, tell: Tell) -> None:
    if value[:1] == "v":
        options.verifies = True
        return
    mode = _MODES.get(value[:1])
    if mode is None:
        raise BadUsageError(f"unsupported: -b{value[:1]}")
    if mode == DAEMON and options.mode == FLUSH:
        tell("warning: ignoring -q option in daemon mode")
    options.mode = mode


def _set_old_option(options: Options, value: str) -> None:
    if value[:1] == "A":
        if value == "A":
            raise BadUsageError("-oA requires pathname")
        options.alias_database = value[1:]
    elif value == "i":
        options.ignores_dots = True


def _set_dsn(options: Options, letter: str, value: str, tell: Tell) -> None:
    if letter == "N":
        options.notify = _parse_notify(value, tell)
        if not options.notify:
            tell("warning: bad -N option value -- ignored")
    elif letter == "R":
        options.ret = _RET.get(value.lower(), "")
        if not options.ret:
            tell("warning: bad -R option value -- ignored")
    elif len(value) > _ENVID_CHARACTERS:
        tell("warning: too long -V option value -- ignored")
    elif not value or not (value.isascii() and value.isprintable()):
        tell("warning: bad syntax in -V option value -- ignored")
    else:
        options.envid = value


def _parse_notify(value: str, tell: Tell) -> int:
    """Return NOTIFY as one number; 0 if a word is unknown, or joined with "never"."""
    notify = 0
    for word in value.replace(",", " ").split():
        if word.lower() not in _NOTIFY:
            tell(f'warning: unknown DSN NOTIFY command value "{word}" in "{value}"')
            return 0
        notify |= _NOTIFY[word.lower()]
    return 0 if notify & _NEVER and notify != _NEVER else notify


def _set_verp(options: Options, word: _Word, tell: Tell) -> None:
    delimiters = ""
    if word.letter == _OLD_VERP:
        new = f"-X{word.value[1:]}"
        tell(f"warning: option {word.value} is deprecated with Postfix 2.3; specify {new} instead")
        delimiters = word.value[2:]
    elif word.letter == "X":
        if word.value[:1] != "V":
            raise BadUsageError(f"unsupported: -X{word.value[:1]}")
        delimiters = word.value[1:]
    if delimiters and not (
        len(delimiters) == len(_VERP_DELIMITERS) and set(delimiters) <= set(_VERP_CHARACTERS)
    ):
        raise BadUsageError(f"-V requires two characters from {_VERP_CHARACTERS}")
    options.verp = True


def _set_flush(options: Options, value: str, tell: Tell) -> None:
    """Obey -q: alone, or with the interval at which a daemon of old looked at its queue."""
    kind, target = value[:1], value[1:]
    if not value and options.mode == DAEMON:
        tell("warning: ignoring -q option in daemon mode")
    elif not value:
        options.mode = FLUSH
    elif kind == "R":
        if not target:
            raise BadUsageError("specify: -qRsitename")
        options.site = target
    elif kind == "I":
        if not target:
            raise BadUsageError("specify: -qIqueueid")
        options.queue_id = target
    elif "0" <= kind <= "9":
        options.has_interval = True
    else:
        raise BadUsageError(f"-q{kind} is not implemented")


def _settle(options: Options) -> None:
    """See that the options go together, and choose the mode that they mean."""
    if options.mode != DELIVER:
        asked = {"-t": options.extract, "-qR": options.site, "-qI": options.queue_id}
        for name, value in asked.items():
            if value:
                raise BadUsageError(f"{name} can be used only in delivery mode")
    if options.verifies:
        _check_probe(options)
    if options.mode == DELIVER and options.site is not None:
        options.mode = FLUSH_SITE
    elif options.mode == DELIVER and options.queue_id is not None:
        options.mode = FLUSH_MESSAGE
    elif options.has_interval and options.mode != DAEMON and not _has_message(options):
        options.mode = IGNORE
    if options.recipients and options.mode in _WITHOUT_RECIPIENT:
        raise BadUsageError(f"{_WITHOUT_RECIPIENT[options.mode]} requires no recipient")


def _has_message(options: Options) -> bool:
    return options.mode == DELIVER and bool(options.recipients or options.extract)


def _check_probe(options: Options) -> None:
    if options.extract:
        raise BadUsageError("-t option cannot be used with -bv")
    asked = {"-N": options.notify, "-R": options.ret, "-v": options.verbosity == 1}
    for name, value in asked.items():
        if value:
            raise BadUsageError(f"{name} option cannot be used with -bv")
