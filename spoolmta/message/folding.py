"""Long lines broken at blanks, as the lines of a report are.

Postfix: util/line_wrap.c
"""

WIDTH = 79
INDENT = "    "

# RFC 5322 2.1.1: longer lines do not pass everywhere, even if they have no blank to break at.
_LONGEST_WORD = 900


def fold(text: str, indent: str = INDENT) -> list[str]:
    """Return the lines of a long line; all but the first begin with *indent*, none ends in a blank.

    A word that is longer than a line stands alone.
    """
    lines: list[str] = []
    before = ""
    rest = text
    while len(before) + len(rest) > WIDTH:
        cut = _cut(rest, WIDTH - len(before))
        if cut >= len(rest):
            break
        lines.append((before + rest[:cut]).rstrip(" "))
        rest = rest[cut:].lstrip(" ")
        before = indent
    if rest or not lines:
        lines.append((before + rest).rstrip(" "))
    return lines


def _cut(text: str, room: int) -> int:
    at = text.rfind(" ", 1, room + 1)
    if at < 0:
        at = text.find(" ", room)
    return min(at if at > 0 else len(text), _LONGEST_WORD)
