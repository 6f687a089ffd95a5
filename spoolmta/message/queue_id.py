"""Names of messages: unique for ever, sortable by time, readable by every log reader.

A message id is an integer of 58 bits: seconds since 1970 (32), a node number (12), a
sequence (14). A full sequence borrows from the next second, so that ids of one maker only grow.
The queue id is the same number in upper-case hexadecimal, 15 digits; with
enable_long_queue_ids=yes it is Postfix's vowel-free long form of the same number.

Postfix:    postconf(5) enable_long_queue_ids
Parameters: enable_long_queue_ids
"""

from spoolmta.clock import Clock

_NODE_BITS = 12
_SEQUENCE_BITS = 14
_SHIFT = _NODE_BITS + _SEQUENCE_BITS
_NODES = 1 << _NODE_BITS
_SEQUENCES = 1 << _SEQUENCE_BITS
_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_LONG_SECONDS = 6
_LONG_MICROSECONDS = 4
_INODE_BASE = 51


class MessageIds:
    """Makes message ids that no other maker makes; one per process."""

    def __init__(self, node: int, clock: Clock) -> None:
        """*node* tells this maker from others (a process number)."""
        self._node = node % _NODES
        self._clock = clock
        self._second = 0
        self._sequence = 0

    def next(self) -> int:
        """Return a new id, greater than every one that this maker made before."""
        second = int(self._clock.now())
        if second > self._second:
            self._second = second
            self._sequence = 0
        elif self._sequence >= _SEQUENCES:
            self._second += 1
            self._sequence = 0
        number = (self._second << _SHIFT) | (self._node << _SEQUENCE_BITS) | self._sequence
        self._sequence += 1
        return number


def format_queue_id(message_id: int, *, long: bool = False) -> str:
    """Return the queue id of a message id."""
    if not long:
        return f"{message_id:015X}"
    second, rest = message_id >> _SHIFT, message_id & ((1 << _SHIFT) - 1)
    microsecond, inode = rest >> _SEQUENCE_BITS, rest & (_SEQUENCES - 1)
    return (
        _digits(second, 52, _LONG_SECONDS)
        + _digits(microsecond, 52, _LONG_MICROSECONDS)
        + "z"
        + _digits(inode, _INODE_BASE, 1)
    )


def parse_queue_id(text: str) -> int | None:
    """Return the message id of a queue id in either form, or None if it is none."""
    if len(text) == 15 and all(c in "0123456789ABCDEF" for c in text):
        return int(text, 16)
    head, mark, tail = text[:10], text[10:11], text[11:]
    if mark != "z" or not tail:
        return None
    second = _number(head[:_LONG_SECONDS], 52)
    microsecond = _number(head[_LONG_SECONDS:], 52)
    inode = _number(tail, _INODE_BASE)
    if second is None or microsecond is None or inode is None:
        return None
    return (second << _SHIFT) | (microsecond << _SEQUENCE_BITS) | inode


def is_queue_id(text: str) -> bool:
    """Return whether Postfix could name a message so; a path, for one, is no queue id."""
    return bool(text) and all(c.isascii() and (c.isalnum() or c == "_") for c in text)


def _digits(number: int, base: int, width: int) -> str:
    text = ""
    while number or len(text) < width:
        number, digit = divmod(number, base)
        text = _ALPHABET[digit] + text
    return text


def _number(text: str, base: int) -> int | None:
    number = 0
    for character in text:
        digit = _ALPHABET.find(character)
        if not 0 <= digit < base:
            return None
        number = number * base + digit
    return number
