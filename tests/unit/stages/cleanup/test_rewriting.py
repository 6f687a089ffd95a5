from typing import Any

import pytest

from spoolmta.stages.cleanup.verdict import Verdict
from tests.unit.stages.cleanup.conftest import Clean

ORIGIN = {"myorigin": "example.test"}
MAPS = {
    **ORIGIN,
    "sender_canonical_maps": "inline:{s@example.test=sender@new.test}",
    "recipient_canonical_maps": "inline:{r@example.test=recipient@new.test}",
    "canonical_maps": "inline:{c@example.test=common@new.test}",
}


def headers(clean: Clean, *lines: str, settings: dict[str, str], **given: Any) -> list[str]:
    """Return what becomes of header lines."""
    content = "".join(f"{line}\r\n" for line in (*lines, "", "body")).encode()
    head = clean(content, settings=settings, **given).head
    names = tuple(line.partition(":")[0] for line in lines)
    return [line for line in head.split("\r\n") if line.startswith(names)]


def test_headers_follow_canonical_maps(clean: Clean) -> None:
    given = ["From: s", "To: r, s (x)", "Cc: C <c>", "Sender: r", "Resent-Reply-To: r"]
    assert headers(clean, *given, settings=MAPS) == [
        "From: sender@new.test",
        "To: recipient@new.test, s@example.test (x)",
        "Cc: C <common@new.test>",
        "Sender: r@example.test",
        "Resent-Reply-To: recipient@new.test",
    ]


def test_a_complete_address_is_replaced_too(clean: Clean) -> None:
    assert headers(clean, "From: S <s@example.test>", settings=MAPS) == [
        "From: S <sender@new.test>"
    ]


def test_headers_of_foreign_mail_stay(clean: Clean) -> None:
    given = ["From: s@example.test", "To: r"]
    assert headers(clean, *given, settings=MAPS, local_rewrite=False) == given


def test_headers_of_foreign_mail_follow_where_a_domain_for_them_is_set(clean: Clean) -> None:
    settings = {**MAPS, "remote_header_rewrite_domain": "domain.invalid"}
    given = ["From: s@example.test", "To: r"]
    assert headers(clean, *given, settings=settings, local_rewrite=False) == [
        "From: sender@new.test",
        "To: r@domain.invalid",
    ]


def test_classes_say_which_addresses_change(clean: Clean) -> None:
    settings = {**MAPS, "sender_canonical_classes": "envelope_sender"}
    given = ["From: s@example.test"]
    assert headers(clean, *given, settings=settings) == given
    settings["sender_canonical_classes"] = "header_sender"
    cleaned = clean(b"\r\nbody", settings=settings, sender="s@example.test")
    assert cleaned.result.sender == "s@example.test"


def test_hosts_are_hidden_after_canonical_maps(clean: Clean) -> None:
    settings = {
        **ORIGIN,
        "canonical_maps": "inline:{u@example.test=v@host.site.test}",
        "masquerade_domains": "site.test",
    }
    assert headers(clean, "From: u", "To: x@y.site.test", settings=settings) == [
        "From: v@site.test",
        "To: x@site.test",
    ]
    cleaned = clean(b"\r\nb", ["x@y.site.test"], settings=settings, sender="w@z.site.test")
    assert (cleaned.result.sender, cleaned.addresses) == ("w@site.test", ["x@y.site.test"])


def test_the_header_that_is_added_names_the_sender_as_it_has_become(clean: Clean) -> None:
    cleaned = clean(b"\r\nbody", settings=MAPS, sender="s")
    assert "\r\nFrom: sender@new.test\r\n" in cleaned.head


def test_no_address_mappings_leaves_addresses_but_completes_them(clean: Clean) -> None:
    settings = {**MAPS, "receive_override_options": "no_address_mappings"}
    assert headers(clean, "From: s", settings=settings) == ["From: s@example.test"]


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        (
            {"sender_canonical_maps": "fail:x", "sender_canonical_classes": "header_sender"},
            "sender_canonical_maps map lookup problem for s@example.test -- ",
        ),
        (
            {"masquerade_domains": "test", "masquerade_exceptions": "fail:x"},
            "masquerade_exceptions: ",
        ),
    ],
)
def test_a_table_that_fails_for_a_header_refuses_the_message_for_now(
    clean: Clean, settings: dict[str, str], warning: str
) -> None:
    cleaned = clean(b"From: s\r\n\r\nbody", settings={**ORIGIN, **settings})
    assert cleaned.result.verdict is Verdict.DEFER
    assert cleaned.result.reply == "451 4.3.0 Error: queue file write error"
    assert warning in cleaned.log


def test_a_chain_of_replacements_that_does_not_end_is_told(clean: Clean) -> None:
    settings = {**ORIGIN, "canonical_maps": "inline:{a@example.test=b, b@example.test=a}"}
    content = b"From: a\r\n\r\nbody"
    cleaned = clean(content, settings=settings)
    assert cleaned.result.verdict is Verdict.ACCEPT
    assert "unreasonable canonical_maps map nesting for a@example.test -- " in cleaned.log
