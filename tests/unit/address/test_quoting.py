import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.quoting import quote, unquote


@pytest.mark.parametrize(
    ("external", "internal"),
    [
        ('"a b"@example.com', "a b@example.com"),
        ('"a\\"b"@c', 'a"b@c'),
        ("a\\ b@c", "a b@c"),
        ('""@c', "@c"),
        ('"a@b"@c', "a@b@c"),
        ('@a,@b:"x y"@c', "@a,@b:x y@c"),
        ('user@"dom"', 'user@"dom"'),
        ("user@example.com", "user@example.com"),
        ("user\\", "user"),
        ('"open@c', "open@c"),
    ],
)
def test_quotes_and_backslashes_of_the_local_part_are_dropped(external: str, internal: str) -> None:
    assert unquote(external) == internal


@given(st.text() | st.text(alphabet='@:"\\ .ab\r'))
def test_unquoting_undoes_quoting(address: str) -> None:
    assert unquote(quote(address)) == address
