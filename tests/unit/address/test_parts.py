from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.parts import domain_of, split_address


def test_the_last_at_is_before_the_domain() -> None:
    assert split_address("a@b@c") == ("a@b", "c")
    assert split_address("user") == ("user", "")
    assert split_address("user@") == ("user", "")
    assert split_address("") == ("", "")
    assert domain_of("a@b@c") == "c"
    assert domain_of("user") == ""


@given(st.text())
def test_the_parts_are_the_whole(address: str) -> None:
    local, domain = split_address(address)
    assert address in (local, f"{local}@{domain}")
