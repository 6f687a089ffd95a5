import pytest

from spoolmta.config.expansion import ExpansionError
from spoolmta.config.loader import from_text
from spoolmta.config.unused import Names, unused_parameters

MASTER = (
    "smtp unix - - - - - smtp -o smtp_helo_name=$mua -o typo_in_master=1\nx unix - n n - - pipe\n"
)


def unused(main: str, master: str = MASTER) -> list[str]:
    found = unused_parameters(from_text(main, master))
    return [u.name for u in found if u.file == "main.cf"]


def test_what_postfix_knows_is_used() -> None:
    assert unused("relayhost = x\npostscreen_greet_ttl = 1d\ndns_nameservers = 127.0.0.1:53") == []


def test_a_slip_is_told_with_the_nearest_name() -> None:
    (first, second) = unused_parameters(from_text("# x\nrelay_hosts = x\n", MASTER))
    assert (first.name, first.file, first.line) == ("relay_hosts", "main.cf", 2)
    assert first.nearest == "relayhost"
    assert (second.name, second.value, second.line) == ("typo_in_master", "1", 1)
    assert second.nearest == ""


def test_a_name_that_any_value_refers_to_is_used() -> None:
    assert unused("relayhost = $a\na = ${b?$c}\nb = 1\nc = 2\nd = $e\ne = 3") == ["d"]


def test_a_name_that_an_override_needs_is_used() -> None:
    assert unused("mua = x") == []


def test_transports_bring_their_names_along() -> None:
    main = "x_destination_recipient_limit = 1\nx_time_limit = 1\ny_destination_recipient_limit = 1"
    assert unused(main) == ["y_destination_recipient_limit"]


def test_restriction_classes_and_database_clients_are_used() -> None:
    assert unused("smtpd_restriction_classes = one, two\none = reject\nthree = x") == ["three"]
    assert unused("alias_maps = ldap:people\npeople_server_host = x") == []


def test_legacy_names_that_defaults_refer_to_are_used() -> None:
    main = "fallback_relay = x\nvirtual_maps = hash:/x"
    assert unused(main) == []
    assert {"fallback_relay", "virtual_maps"} < Names(from_text(main, MASTER)).legacy


def test_names_that_nobody_defines_are_told() -> None:
    main = "relayhost = $a ${b?x} $c\nc = 1\nforward_path = $home/.forward\nunused = $d"
    names = Names(from_text(main, MASTER.replace("$mua", "$mua $b")))
    assert names.undefined == ("a", "b", "d", "mua")


def test_doubts_are_told_as_often_as_they_stand_there() -> None:
    names = Names(from_text("relayhost = $a $a\nmine = ${\n", MASTER))
    assert list(names.doubts) == [
        "main.cf: undefined parameter: a",
        "main.cf: undefined parameter: a",
        'truncated macro reference: "${"',
        "master.cf: undefined parameter: mua",
    ]


def test_a_value_in_force_that_cannot_be_expanded_is_told_with_its_place() -> None:
    Names(from_text("mine = ${\n", MASTER)).require_expandable()
    with pytest.raises(ExpansionError, match=r"^main\.cf, line 1: relayhost: truncated macro"):
        Names(from_text("relayhost = ${\n", MASTER)).require_expandable()
