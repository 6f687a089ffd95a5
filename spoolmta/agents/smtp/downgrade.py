"""8-bit content made 7-bit, for servers without 8BITMIME.

Each 8-bit part becomes quoted-printable or base64, whichever its type suits; 8-bit characters in
headers become encoded words. What is 7-bit already stays as it is, line for line.

Postfix:    postconf(5) disable_mime_output_conversion
RFC:        2045 6, 2047, 6152
Limits:     the whole message is in memory; signatures over the content do not survive
"""

import email
import email.generator
import email.policy
import io

_POLICY = email.policy.compat32.clone(linesep="\r\n", cte_type="7bit", max_line_length=0)


def to_7bit(content: bytes) -> bytes:
    """Return *content* with 7-bit characters only."""
    if content.isascii():
        return content
    message = email.message_from_bytes(content, policy=_POLICY)
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False, policy=_POLICY).flatten(message)
    converted = out.getvalue()
    return converted if converted.endswith(b"\r\n") else converted + b"\r\n"
