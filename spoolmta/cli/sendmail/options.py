"""The command line of sendmail(1), as twenty years of programs write it.

Options end at the first operand or "--"; the value of an option may be glued to its letter. What
only the Sendmail program of old understood is taken and means nothing here.

Postfix: sendmail(1)
Limits:  -G is taken, but headers are completed all the same; -vv is no different from -v
"""

import os
from collections.abc import Iterable, Sequence

# -q is not among them: alone it flushes the queue, its value is always glued.
_WITH_VALUE = frozenset("ABCFLNORVXbefhopr")
_WITHOUT_VALUE = frozenset("EGITUcimntvx")
_NOTIFY = {"success": 2, "failure": 4, "delay": 8}
_NEVER = 1
_RET = {"full": "FULL", "hdrs": "HDRS"}
_ENCODINGS = {"8bitmime": "8bit", "7bit": "7bit"}
_ENVID_CHARACTERS = 100

DELIVER, SMTP, LIST, ALIASES, FLUSH, FLUSH_SITE, FLUSH_MESSAGE, DAEMON, VERIFY = (
    "deliver",
    "smtp",
    "list",
    "aliases",
    "flush",
    "flush site",
    "flush message",
    "daemon",
    "verify",
)
_MODES = {"m": DELIVER, "s": SMTP, "p": LIST, "i": ALIASES, "d": DAEMON, "v": VERIFY}


class BadUsageError(Exception):
    """The command line cannot be obeyed; the text is for the user."""


class Options:
    """What the command line asks for.

    *sender* None means the calling user; *notify* is RFC 3461's NOTIFY as Notify has it; *target*
    is the queue id or site that is to be flushed; *trace* is the report that is wanted ("verify",
    "report"). *warnings* tell of values that are not used.
    """

    def __init__(self) -> None:
        self.mode = DELIVER
        self.directory: str | None = None
        self.sender: str | None = None
        self.full_name: str | None = None
        self.recipients: list[str] = []
        self.extract = False
        self.ignores_dots = False
        self.encoding = ""
        self.envid = ""
        self.ret = ""
        self.notify = 0
        self.trace = ""
        self.target = ""
        self.warnings: list[str] = []


def parse(arguments: Sequence[str]) -> Options:
    """Return what the arguments (without the program's name) ask for.

    Raises BadUsageError: the caller prints it and ends with status 64.
    """
    options = Options()
    remaining = list(arguments)
    while remaining and remaining[0][:1] == "-" and remaining[0] != "-":
        word = remaining.pop(0)
        if word == "--":
            break
        _parse_word(options, word[1:], remaining)
    options.recipients = remaining
    _check(options)
    return options


def _parse_word(options: Options, letters: str, remaining: list[str]) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter == "q":
            _set_flush(options, letters)
            return
        if letter in _WITH_VALUE:
            if not letters and not remaining:
                raise BadUsageError(f"option requires an argument -- '{letter}'")
            _set_value(options, letter, letters or remaining.pop(0))
            return
        if letter not in _WITHOUT_VALUE:
            raise BadUsageError(f"invalid option -- '{letter}'")
        _set_flag(options, letter)


def _set_flag(options: Options, letter: str) -> None:
    if letter == "i":
        options.ignores_dots = True
    elif letter == "t":
        options.extract = True
    elif letter == "I":
        options.mode = ALIASES
    elif letter == "v":
        options.trace = options.trace or "report"


def _set_value(options: Options, letter: str, value: str) -> None:
    if letter in "fr":
        options.sender = value
    elif letter == "F":
        options.full_name = value
    elif letter == "C":
        folder, name = os.path.split(value)
        options.directory = folder if name == "main.cf" else value
    elif letter == "o":
        options.ignores_dots = options.ignores_dots or value == "i"
    elif letter == "b":
        _set_mode(options, value)
    elif letter == "B":
        encoding = _ENCODINGS.get(value.lower())
        if encoding is None:
            raise BadUsageError("-B option needs 8BITMIME or 7BIT")
        options.encoding = encoding
    elif letter in "NRV":
        _set_dsn(options, letter, value)


def _set_mode(options: Options, value: str) -> None:
    mode = _MODES.get(value[:1])
    if mode is None:
        raise BadUsageError(f"unsupported: -b{value[:1]}")
    options.mode = mode
    if mode == VERIFY:
        options.trace = "verify"


def _set_dsn(options: Options, letter: str, value: str) -> None:
    if letter == "N":
        notify = _parse_notify(value.lower().split(","))
        if notify is None:
            options.warnings.append(f'bad -N option value "{value}" -- ignored')
        else:
            options.notify = notify
    elif letter == "R":
        ret = _RET.get(value.lower())
        if ret is None:
            options.warnings.append(f'bad -R option value "{value}" -- ignored')
        else:
            options.ret = ret
    elif len(value) > _ENVID_CHARACTERS or not (value.isascii() and value.isprintable()):
        options.warnings.append(f'bad -V option value "{value[:_ENVID_CHARACTERS]}" -- ignored')
    else:
        options.envid = value


def _parse_notify(words: Iterable[str]) -> int | None:
    """Return NOTIFY as one number; None if a word is unknown, or joined with "never"."""
    words = [word.strip() for word in words]
    if words == ["never"]:
        return _NEVER
    notify = 0
    for word in words:
        if word not in _NOTIFY:
            return None
        notify |= _NOTIFY[word]
    return notify


def _set_flush(options: Options, value: str) -> None:
    """Obey -q: alone, or with the interval at which a daemon of old looked at its queue."""
    kind, target = value[:1], value[1:]
    if not value:
        options.mode = FLUSH
    elif kind in "RS":
        options.mode, options.target = FLUSH_SITE, target
    elif kind == "I":
        options.mode, options.target = FLUSH_MESSAGE, target
    elif not ("0" <= kind <= "9"):
        raise BadUsageError(f"-q{kind} is not implemented")
    if kind in tuple("RSI") and not target:
        raise BadUsageError(f"-q{kind} needs a value")


def _check(options: Options) -> None:
    if options.mode == DELIVER:
        return
    if options.extract:
        raise BadUsageError("-t can be used only in delivery mode")
    if not options.recipients or options.mode == VERIFY:
        return
    if options.mode == SMTP:
        raise BadUsageError("stand-alone SMTP server mode requires no recipient")
    if options.mode == LIST:
        raise BadUsageError("display queue mode requires no recipient")
    if options.mode == ALIASES:
        raise BadUsageError("alias initialization mode requires no recipient")
    if options.mode != DAEMON:
        raise BadUsageError("flush queue mode requires no recipient")
