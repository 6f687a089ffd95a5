import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.rewrite import RewriteRules, rewrite, rewrite_external, rewrite_tokens
from spoolmta.address.tokens import external, scan

RULES = RewriteRules(myorigin="example.com", mydomain="example.com")


# As Postfix 3.7's trivial-rewrite has it.
@pytest.mark.parametrize(
    ("address", "rewritten"),
    [
        ("", ""),
        ("user", "user@example.com"),
        ("user@host", "user@host"),
        ("a!b!c", "b!c@a"),
        ("a%b%c", "a%b@c"),
        ("a!b%c", "b%c@a"),
        ("a!b@c", "a!b@c"),
        ("a%b@c", "a%b@c"),
        ("@r1,@r2:u@d", "u@d"),
        ("@r1@r2:a", "a@example.com"),
        ("@r:a!b", "b@a"),
        ("@r1:", "@example.com"),
        ("@", "@"),
        ("@b", "@b"),
        ("a@", "a@"),
        ("a@b.", "a@b"),
        ("a@b..", "a@b.."),
        ("a@.", "a@."),
        ("a b", "a b@example.com"),
        ("a@b@c", "a@b@c"),
        ("a@[1.2.3.4].", "a@[1.2.3.4]"),
        ("a . b @ c", "a . b @c"),
        ("A@B", "A@B"),
        ("!a", "a@"),
        ("a!", "@a"),
        ("ü", "ü@example.com"),
        ("a@b c", "a@b c"),
    ],
)
def test_an_address_is_rewritten_as_postfix_does(address: str, rewritten: str) -> None:
    assert rewrite(address, RULES) == rewritten


def test_quoted_operators_are_left_alone() -> None:
    assert rewrite("a b!c", RULES) == "a b!c@example.com"
    assert rewrite("a b%c", RULES) == "a b%c@example.com"


@pytest.mark.parametrize(
    ("setting", "address", "rewritten"),
    [
        ({"swap_bangpath": False}, "a!b", "a!b@example.com"),
        ({"allow_percent_hack": False}, "a%b", "a%b@example.com"),
        ({"append_at_myorigin": False}, "user", "user"),
        ({"myorigin": ""}, "user", "user"),
        ({"append_dot_mydomain": True}, "user@host", "user@host.example.com"),
        ({"append_dot_mydomain": True}, "user@a.b", "user@a.b"),
        ({"append_dot_mydomain": True}, "user@[::1]", "user@[::1]"),
        ({"append_dot_mydomain": True, "myorigin": "host"}, "user", "user@host.example.com"),
        ({"append_dot_mydomain": True}, "a b@host", "a b@host.example.com"),
        ({"append_dot_mydomain": True, "mydomain": ""}, "user@host", "user@host"),
        ({"append_dot_mydomain": True}, "a!host", "host@a.example.com"),
    ],
)
def test_each_rule_can_be_switched(
    setting: dict[str, object], address: str, rewritten: str
) -> None:
    assert rewrite(address, dataclasses.replace(RULES, **setting)) == rewritten  # type: ignore[arg-type]


ADDRESSES = st.text() | st.text(alphabet='ab@!%.:"\\ <>(),[]')


@given(ADDRESSES, st.booleans())
def test_rewriting_an_address_in_full_changes_nothing(address: str, dot: bool) -> None:
    rules = dataclasses.replace(RULES, append_dot_mydomain=dot)
    local = address.replace("\\", "").replace("@", "") or "user"
    once = rewrite(f"{local}@host", rules)
    assert rewrite(once, rules) == once


@given(ADDRESSES)
def test_any_text_can_be_rewritten(address: str) -> None:
    assert isinstance(rewrite(address, RULES), str)


@given(
    st.text('ab .@%!:,;<>()[]\t\\"\xe4', min_size=1),
    st.sampled_from(["", "@", "@a", "@a.b", "@a.b."]),
)
def test_one_quoted_word_is_rewritten_as_any_tokens(text: str, domain: str) -> None:
    for address in (f'"{text}"{domain}', f'"x{text}"{domain}'):
        for rules in (RULES, dataclasses.replace(RULES, append_dot_mydomain=True)):
            assert rewrite_external(address, rules) == external(
                rewrite_tokens(scan(address), rules)
            )
