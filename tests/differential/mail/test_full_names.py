"""Full names of local senders in the From: header that is added."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Mail, Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

NAMES = (
    "Full  Name", "A. B.", "a\tb", " lead", "trail ", 'quo"ted', "a@b", "c, x", "x (y) z",
    "back\\slash", "<x>", "a:b;c", "", "a.b", "a\nb", "( x", "a'b", "[x]", 'a  "b  c"  d',
    "  a.b  c  ", " a,  b ", "a   b   c", "a. \tb",
)  # fmt: skip
TEXT = "To: b@far.example\nSubject: x\n\nhello\n"


def named(name: str) -> Mail:
    """Return mail of somebody with a name."""
    options = ["-F", name]
    return mail("a@src.example", "b@far.example", TEXT, by="sendmail", options=options, about=name)


SITES = [
    Site("standard", cases=[named(name) for name in NAMES]),
    Site(
        "obsolete",
        main="header_from_format = obsolete\n",
        cases=[named(name) for name in NAMES],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
