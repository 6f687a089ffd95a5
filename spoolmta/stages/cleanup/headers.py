"""The header lines a message leaves cleanup with: what is dropped, completed and added.

What nobody changes keeps its bytes. Added headers stand at the end of the block, as Postfix has it.

Postfix:    cleanup(8), cleanup_message.c, postconf(5) always_add_missing_headers
RFC:        5322 3.6, 2047
Parameters: message_drop_headers, header_from_format, undisclosed_recipients_header,
            header_size_limit, header_address_token_limit, enable_long_queue_ids
"""

import base64
import re
from collections.abc import Iterable

import msgspec

from spoolmta.address.canonical import AddressKind
from spoolmta.address.quoting import quote
from spoolmta.config.parameters.cleanup import CleanupParameters
from spoolmta.maps.keys import quoted
from spoolmta.message.address_header import change_addresses
from spoolmta.message.dates import mail_date
from spoolmta.message.header import unfold
from spoolmta.message.trace_headers import message_id
from spoolmta.stages.cleanup import header_block
from spoolmta.stages.cleanup.header_block import HeaderBlock
from spoolmta.stages.cleanup.rewriting import Rewriting

# A list whose every address is complete already, in the plainest of forms: nothing to rewrite.
_LOCAL_PART = rb"[A-Za-z0-9_+=-]++(?:\.[A-Za-z0-9_+=-]++)*+"
_ADDRESS = rb"%s@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++" % _LOCAL_PART
_DISPLAYED = rb'(?:"[^"\\\r\n]*+"[ \t]*+<|[^"<>,;:()@\\\r\n]*+<)%s>' % _ADDRESS
_BLANK = rb"(?:[ \t]|\r\n[ \t])*+"
_ITEM = rb"%s(?:%s|%s)%s" % (_BLANK, _DISPLAYED, _ADDRESS, _BLANK)
_COMPLETE = re.compile(rb"%s(?:,%s)*+" % (_ITEM, _ITEM))

_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:[ \t]+[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ENCODED_BYTES = 42
_NULL_SENDER = "MAILER-DAEMON"
_ADDRESSES = header_block.SENDERS | header_block.RECIPIENTS
_WHOLE = header_block.MESSAGE_ID | header_block.DATE | header_block.FROM | header_block.VISIBLE


class Author(msgspec.Struct, frozen=True):
    """Who and what missing headers are made from. *sender* is rewritten; *at* is in seconds."""

    sender: str
    full_name: str
    queue_id: str
    at: float


class MessageIds(msgspec.Struct):
    """The message ids of a message, in their order; of a message sent again, also those."""

    plain: list[str]
    resent: list[str]


async def edit(block: HeaderBlock, parameters: CleanupParameters, rewriting: Rewriting) -> bytes:
    """Return the lines of a block with what message_drop_headers names dropped.

    Addresses are changed by *rewriting*.

    Raises MapUnavailable: the caller answers 451.
    """
    lines = block.block
    parts: list[bytes] = []
    at = 0
    rules = rewriting.header_rules
    for kind, start, colon in block.found:
        if kind & header_block.DROP:
            changed = b""
        elif kind & header_block.SPACED or (rules is not None and kind & _ADDRESSES):
            place = (start, colon, block.header_end(start))
            edited = await _edited(lines, kind, place, parameters, rewriting)
            if edited is None:
                continue
            changed = edited
        else:
            continue
        parts += (lines[at:start], changed)
        at = block.header_end(start)
    if not parts:
        return lines
    parts.append(lines[at:])
    return b"".join(parts)


def is_complete(seen: int) -> bool:
    """Return whether a message with these kinds of headers surely lacks none; most do not."""
    return seen & (header_block.RESENT | _WHOLE) == _WHOLE


def missing(seen: int, author: Author, parameters: CleanupParameters) -> tuple[bytes, str]:
    """Return the headers that a message must have and lacks, and the message id made for it.

    *seen* has the kinds of headers that it has. The id is "" if it has one.
    """
    made_id = ""
    resent = bool(seen & header_block.RESENT)
    prefix = "Resent-" if resent else ""
    lines = ""
    if not seen & (header_block.RESENT_MESSAGE_ID if resent else header_block.MESSAGE_ID):
        made_id = message_id(
            author.queue_id,
            author.at,
            parameters.myhostname,
            long_queue_ids=parameters.enable_long_queue_ids,
        )
        lines += f"{prefix}Message-Id: {made_id}\r\n"
    if not seen & (header_block.RESENT_DATE if resent else header_block.DATE):
        lines += f"{prefix}Date: {mail_date(author.at)}\r\n"
    if not seen & (header_block.RESENT_FROM if resent else header_block.FROM):
        lines += f"{prefix}From: {_from(author, parameters.header_from_format)}\r\n"
    if not seen & header_block.VISIBLE and parameters.undisclosed_recipients_header:
        lines += f"{parameters.undisclosed_recipients_header}\r\n"
    return lines.encode("utf-8", "surrogateescape"), made_id


def message_ids(block: HeaderBlock) -> MessageIds:
    """Return the message ids that a header block has."""
    ids = MessageIds([], [])
    for kind, start, colon in block.found:
        if kind & (header_block.MESSAGE_ID | header_block.RESENT_MESSAGE_ID):
            body = block.block[colon + 1 : block.header_end(start)]
            text = unfold(body).decode("utf-8", "surrogateescape")
            (ids.plain if kind & header_block.MESSAGE_ID else ids.resent).append(text)
    return ids


def shorten(headers: Iterable[bytes], limit: int) -> bytes:
    """Return headers as one block; of a header longer than *limit* bytes the end is dropped.

    Its first line is cut; of the others only whole ones stay. A line end counts as one byte.
    """
    return b"".join(_shortened(header, limit) for header in headers)


def _shortened(header: bytes, limit: int) -> bytes:
    if len(header) <= limit:
        return header
    first, *folded = header.removesuffix(b"\r\n").split(b"\r\n")
    kept = [first[:limit]]
    size = len(first)
    for line in folded:
        size += 1 + len(line)
        if size > limit:
            break
        kept.append(line)
    return b"\r\n".join((*kept, b""))


async def _edited(
    lines: bytes,
    kind: int,
    place: tuple[int, int, int],
    parameters: CleanupParameters,
    rewriting: Rewriting,
) -> bytes | None:
    """Return a header without blanks before its colon, its addresses changed; None if it is so."""
    start, colon, end = place
    if kind & header_block.SPACED:
        raw = lines[start:colon].rstrip(b" \t") + lines[colon:end]
    else:
        raw = lines[start:end]
    rules = rewriting.header_rules
    if rules is not None and kind & _ADDRESSES:
        sent = kind & header_block.SENDERS
        whose = AddressKind.HEADER_SENDER if sent else AddressKind.HEADER_RECIPIENT
        if rewriting.maps(whose) or not _COMPLETE.fullmatch(lines, colon + 1, end - 2):
            changed = await change_addresses(
                raw,
                rewriting.header_change(rules, whose),
                token_limit=parameters.header_address_token_limit,
                turn=rewriting.turn,
            )
            if changed is not None:
                return changed
    return raw if kind & header_block.SPACED else None


def _from(author: Author, form: str) -> str:
    if not author.sender:
        return _NULL_SENDER
    address = quote(author.sender)
    name = "".join(c if c.isprintable() or c == "\t" else " " for c in author.full_name)
    if not name.strip():
        return address
    if form == "obsolete":
        return f"{address} ({name})"
    return f"{_phrase(name)} <{address}>"


def _phrase(name: str) -> str:
    """Return a name as it may stand before an address in angle brackets, words with one blank."""
    words = " ".join(name.split())
    if not name.isascii():
        return _encoded_words(words)
    if _WORDS.fullmatch(words):
        return words
    return quoted(name)


def _encoded_words(name: str) -> str:
    words: list[bytes] = [b""]
    for character in name:
        encoded = character.encode("utf-8", "surrogateescape")
        if len(words[-1]) + len(encoded) > _ENCODED_BYTES:
            words.append(b"")
        words[-1] += encoded
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in words)
