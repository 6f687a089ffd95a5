from hypothesis import given
from hypothesis import strategies as st

from spoolmta.maps.aliases import alias_entries
from spoolmta.maps.text import logical_lines

SOURCE = """\
# comment
Root: joe,bob
postmaster: root,
   "Jane Doe" <jane@example.org>,
# in between
   "|/bin/prog arg, x"
"quoted: name" : a
list: :include:/etc/list, /var/mail/x
noval:
a@b: c
just words
"open: x
"""


def read(text: str) -> tuple[dict[str, str], list[str]]:
    warnings: list[str] = []
    entries = dict(alias_entries(logical_lines(text), "aliases", warnings.append))
    return entries, warnings


def test_names_and_values_are_read() -> None:
    entries, _ = read(SOURCE)
    assert entries == {
        "Root": "joe,bob",
        "postmaster": 'root,   "Jane Doe" <jane@example.org>,   "|/bin/prog arg, x"',
        "quoted: name": "a",
        "list": ":include:/etc/list, /var/mail/x",
    }


def test_lines_that_are_no_entry_are_told_with_their_number() -> None:
    _, warnings = read(SOURCE)
    assert warnings == [
        "aliases, line 9: no value for noval",
        "aliases, line 10: name must be local",
        "aliases, line 11: need name:value pair",
        "aliases, line 12: need name:value pair",
    ]


@given(st.text(alphabet='ab:",\\ \n\t@#('))
def test_any_text_can_be_read(text: str) -> None:
    entries, _ = read(text)
    assert all(name and value for name, value in entries.items())
