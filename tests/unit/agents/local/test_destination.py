import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.agents.local.destination import Destination, Kind, parse_file, parse_value


def _short(text: str) -> list[tuple[str, str]]:
    return [(destination.kind.value, destination.text) for destination in parse_value(text)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("alice, bob", [("address", "alice"), ("address", "bob")]),
        ("a,,b,", [("address", "a"), ("address", "b")]),
        ("Joe Doe <j@x.example> (c, d), z", [("address", "j@x.example"), ("address", "z")]),
        ('"joe doe"@x.example', [("address", "joe doe@x.example")]),
        ('"joe doe"', [("address", "joe doe")]),
        ('"|/bin/x -a \\"b, c\\"", d', [("command", '/bin/x -a "b, c"'), ("address", "d")]),
        ("|/bin/x", [("command", "/bin/x")]),
        ('"| cat > x"', [("command", " cat > x")]),
        ("/var/log/mail", [("file", "/var/log/mail")]),
        ("~/Maildir/", [("file", "~/Maildir/")]),
        (":include:/etc/list", [("include", "/etc/list")]),
        ('":include:/etc/a list"', [("include", "/etc/a list")]),
        ("\\alice, bob@x", [("address", "alice"), ("address", "bob@x")]),
        ('"|x"@y.example', [("command", "x@y.example")]),
        ("a (c) b, c", [("address", "a"), ("address", "b"), ("address", "c")]),
        ('"|x y" a', [("command", "x y"), ("address", "a")]),
        (
            ":include:/etc/a, b :INCLUDE:/c",
            [("include", "/etc/a"), ("address", "b"), ("include", "/c")],
        ),
        ("~joe/x", [("file", "~joe/x")]),
        ("", []),
    ],
)
def test_a_value_is_taken_apart_as_aliases_5_says(
    value: str, expected: list[tuple[str, str]]
) -> None:
    assert _short(value) == expected


def test_a_file_has_values_in_lines_and_remarks() -> None:
    text = "# remark\n\\alice, bob\n\n|prog\n"
    assert parse_file(text) == [
        Destination(Kind.ADDRESS, "alice"),
        Destination(Kind.ADDRESS, "bob"),
        Destination(Kind.COMMAND, "prog"),
    ]


@given(st.text(alphabet=st.sampled_from('ab@,"\\|/:()<> ~'), max_size=40))
def test_no_value_is_too_strange(text: str) -> None:
    for destination in parse_value(text):
        is_path = destination.text.startswith(("/", "~"))
        assert is_path == (destination.kind is Kind.FILE) or destination.kind is not Kind.ADDRESS
