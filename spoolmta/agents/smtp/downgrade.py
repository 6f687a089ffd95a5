"""8-bit content made 7-bit, for servers without 8BITMIME.

Each part that has 8-bit characters becomes quoted-printable; whatever is 7-bit stays as it is, byte
for byte. Headers are not touched but for Content-Transfer-Encoding.

Postfix:    postconf(5) disable_mime_output_conversion
RFC:        2045 6, 2046 5.1, 6152
Limits:     the whole message is in memory; signatures over 8-bit parts do not survive;
            parts nested deeper than 100 stay as they are
"""

import binascii
import email
import re
from email.message import Message

DEEPEST_NESTING = 100

_FIELD = re.compile(rb"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?:\r\n|\Z)")
_8BIT = re.compile(rb"[\x80-\xff]+")


def to_7bit(content: bytes) -> bytes:
    """Return *content* with a 7-bit body."""
    if content.isascii():
        return content
    header, body = _split(content)
    if not body.isascii() and "mime-version" not in _parsed(header):
        header += b"MIME-Version: 1.0\r\n"
    return _entity(header, body, 0)


def _entity(header: bytes, body: bytes, depth: int) -> bytes:
    """Return a message or a part of one."""
    if body.isascii() or depth > DEEPEST_NESTING:
        return header + b"\r\n" + body
    parsed = _parsed(header)
    boundary = parsed.get_boundary()
    encoding = str(parsed.get("content-transfer-encoding", "8bit")).strip().lower()
    if parsed.get_content_maintype() == "multipart" and boundary:
        new_encoding, body = b"7bit", _multipart(body, boundary.encode("latin-1"), depth)
    elif parsed.get_content_type() == "message/rfc822":
        new_encoding, body = b"7bit", _entity(*_split(body), depth + 1)
    elif encoding == "base64":
        new_encoding, body = b"base64", _8BIT.sub(b"", body)
    elif encoding == "quoted-printable":
        new_encoding, body = b"quoted-printable", _8BIT.sub(_escape, body)
    else:
        new_encoding, body = b"quoted-printable", binascii.b2a_qp(body)
    return _with_encoding(header, new_encoding) + b"\r\n" + body


def _multipart(body: bytes, boundary: bytes, depth: int) -> bytes:
    """Return the parts between the boundary's lines, each in 7 bits."""
    out: list[bytes] = []
    part: list[bytes] = []
    in_part = False
    for line in body.split(b"\r\n"):
        delimiter = line.rstrip(b" \t")
        is_end = delimiter == b"--" + boundary + b"--"
        if is_end or delimiter == b"--" + boundary:
            out += [_part(part, depth, in_part=in_part), line] if part else [line]
            part, in_part = [], not is_end
        else:
            part.append(line)
    if part:
        out.append(_part(part, depth, in_part=in_part))
    return b"\r\n".join(out)


def _part(lines: list[bytes], depth: int, *, in_part: bool) -> bytes:
    text = b"\r\n".join(lines)
    if in_part:
        return text if text.isascii() else _entity(*_split(text), depth + 1)
    return _8BIT.sub(b"?", text)  # before the first part and after the last: for nobody


def _split(entity: bytes) -> tuple[bytes, bytes]:
    """Return header (with the line end of its last field) and body."""
    if entity.startswith(b"\r\n"):
        return b"", entity[2:]
    header, found, body = entity.partition(b"\r\n\r\n")
    if found:
        return header + b"\r\n", body
    return (entity if entity.endswith(b"\r\n") else entity + b"\r\n"), b""


def _parsed(header: bytes) -> Message:
    return email.message_from_bytes(header)


def _with_encoding(header: bytes, encoding: bytes) -> bytes:
    """Return *header* with another Content-Transfer-Encoding, at its place or the end."""
    field = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    fields = [text for text in _FIELD.findall(header) if text]
    for number, text in enumerate(fields):
        if text.lower().startswith(b"content-transfer-encoding"):
            return b"".join([*fields[:number], field, *fields[number + 1 :]])
    return header + field


def _escape(match: re.Match[bytes]) -> bytes:
    return b"".join(b"=%02X" % octet for octet in match[0])
