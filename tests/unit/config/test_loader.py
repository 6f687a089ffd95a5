import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config import builtin
from spoolmta.config.loader import Configuration, from_text, load
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text("myhostname = mx.example.com\nmy_own = $mydomain\n")
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\nsmtp unix - - - - - smtp\n")
    return tmp_path


def test_a_folder_is_loaded_by_name_and_by_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(folder).value("my_own") == "example.com"
    monkeypatch.setenv("MAIL_CONFIG", str(folder))
    configuration = load()
    assert configuration.directory == folder
    assert configuration.value("config_directory") == str(folder)


def test_a_folder_without_main_cf_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"open .*main\.cf: No such file"):
        load(tmp_path)


def test_master_cf_is_read_when_it_is_asked_for(folder: Path) -> None:
    (folder / "master.cf").write_text("smtp inet\n")
    configuration = load(folder)
    with pytest.raises(ConfigError, match=r"master\.cf, line 1: bad field count"):
        assert configuration.services


def test_of_two_services_of_one_name_the_transport_is_meant(folder: Path) -> None:
    configuration = load(folder)
    assert configuration.service("smtp").command == "smtp"
    assert configuration.service("smtp", "inet").command == "smtpd"
    with pytest.raises(ConfigError, match='no service "lmtp"'):
        configuration.service("lmtp")


def test_overrides_are_seen_by_one_service_alone() -> None:
    configuration = from_text("mydestination = $myorigin\nmyorigin = one.example\n")
    plain = configuration.section(CommonParameters)
    special = configuration.section(CommonParameters, {"myorigin": "two.example"})
    assert (plain.mydestination, special.mydestination) == ("one.example", "two.example")
    assert configuration.section(CommonParameters) is plain


def test_a_name_that_nobody_defines_is_empty() -> None:
    assert from_text("").value("no_such_name") == ""


def test_a_default_of_a_section_that_is_not_loaded_is_known() -> None:
    assert from_text("").value("postscreen_greet_ttl") == "1d"


@pytest.mark.parametrize(
    ("level", "append", "style", "chroot"),
    [("0", True, "subnet", True), ("1", False, "subnet", False), ("3.6", False, "host", False)],
)
def test_defaults_depend_on_the_compatibility_level(
    level: str, append: bool, style: str, chroot: bool
) -> None:
    configuration = from_text(f"compatibility_level = {level}", "a unix - - - - - b\n")
    common = configuration.section(CommonParameters)
    assert common.append_dot_mydomain is append
    assert common.mynetworks_style == style
    assert configuration.services[0].chroot is chroot


def test_a_malformed_compatibility_level_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"main\.cf, line 1: malformed compatibility level"):
        from_text("compatibility_level = new")


def test_a_dash_in_the_process_limit_means_default_process_limit() -> None:
    configuration = from_text("default_process_limit = 7", "a unix - - - - - b\n")
    assert configuration.services[0].maxproc == 7


def test_stress_changes_what_depends_on_it() -> None:
    configuration = from_text("a = ${stress?{10}:{300}}s")
    assert configuration.value("a") == "300s"
    assert configuration.value("a", {"stress": "yes"}) == "10s"


def test_the_names_of_the_machine_complete_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="vm"))
    assert names(from_text("")) == ("vm.localdomain", "localdomain")
    assert names(from_text("mydomain = example.com")) == ("vm.example.com", "example.com")
    assert names(from_text("myhostname = mx.example.com")) == ("mx.example.com", "example.com")
    assert names(from_text("myhostname = mx")) == ("mx", "localdomain")
    assert names(from_text("myhostname = mx.$mydomain")) == ("mx.localdomain", "localdomain")
    assert names(from_text("mydomain = $myhostname"))[0] == "vm.localdomain"


def names(configuration: Configuration) -> tuple[str, str]:
    return configuration.value("myhostname"), configuration.value("mydomain")


@pytest.mark.parametrize(
    ("settings", "networks"),
    [
        ("mynetworks_style = host", {"127.0.0.1/32"}),
        ("mynetworks_style = subnet", {"127.0.0.0/8"}),
        ("mynetworks_style = class", {"127.0.0.0/8"}),
    ],
)
def test_mynetworks_follows_the_interfaces(settings: str, networks: set[str]) -> None:
    main = f"inet_interfaces = loopback-only\ninet_protocols = ipv4\n{settings}\n"
    assert set(from_text(main).section(CommonParameters).mynetworks.split()) == networks


def test_mynetworks_of_ipv6_stands_in_brackets() -> None:
    main = "inet_interfaces = 127.0.0.1, [::1]\nmynetworks_style = host\n"
    assert from_text(main).value("mynetworks") in ("127.0.0.1/32 [::1]/128", "127.0.0.1/32")


def test_myorigin_may_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "mailname").write_text("mail.example\n")
    configuration = from_text(f"myorigin = {tmp_path}/mailname\nx = $myorigin")
    assert configuration.section(CommonParameters).myorigin == "mail.example"
    with pytest.raises(ConfigError, match=r"main\.cf, line 1: /no/file: cannot open file"):
        from_text("myorigin = /no/file").section(CommonParameters)


def test_a_value_that_cannot_be_expanded_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"^main\.cf, line 2: relayhost: truncated macro"):
        from_text("# x\nrelayhost = ${foo").section(CommonParameters)


def test_a_transport_may_have_its_own_numbers() -> None:
    configuration = from_text(
        "default_destination_concurrency_limit = 9\n"
        "mlmmj_destination_recipient_limit = 1\nslow_destination_rate_delay = 2m\n"
    )
    assert configuration.transport_number("smtp", "_destination_concurrency_limit") == 9
    assert configuration.transport_number("mlmmj", "_destination_recipient_limit") == 1
    assert configuration.transport_seconds("slow", "_destination_rate_delay") == 120
    feedback = "_destination_concurrency_positive_feedback"
    assert configuration.transport_text("slow", feedback) == "1"


def test_a_transport_has_the_default_that_postfix_gives_its_name() -> None:
    assert from_text("").transport_number("local", "_destination_recipient_limit") == 1


def test_a_bad_number_of_a_transport_is_told() -> None:
    configuration = from_text("x_recipient_limit = many")
    with pytest.raises(ConfigError, match=r"main\.cf, line 1: bad numerical configuration"):
        configuration.transport_number("x", "_recipient_limit")


def test_the_built_in_default_needs_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    configuration = from_text(builtin.main_text(), builtin.master_text())
    common = configuration.section(CommonParameters)
    assert common.queue_directory == str(tmp_path / "spoolmta")
    assert common.mynetworks == "127.0.0.0/8 [::1]/128"
    assert common.virtual_mailbox_domains == "inbox.example"
    assert "alice@inbox.example" in common.virtual_mailbox_maps
    assert configuration.services[0].name == f"127.0.0.1:{builtin.PORT}"
    assert configuration.value("virtual_uid_maps") == f"static:{os.geteuid()}"


def test_the_built_in_default_survives_a_machine_with_an_odd_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(nodename="my_box"))
    configuration = from_text(builtin.main_text(), builtin.master_text())
    assert configuration.value("myhostname") == "localhost.localdomain"


_WORDS = st.sampled_from(
    ["$a", "${a", "b}", "{", "}", "?", ":", "==", "<=level", "9" * 5000, "/", "a", " "]
)
_NAMES = st.sampled_from(["a", "myorigin", "mydestination", "mynetworks"])


@given(st.lists(_WORDS).map("".join), _NAMES)
def test_any_value_is_made_or_refused_with_its_place(value: str, name: str) -> None:
    configuration = from_text(f"a = x\n{name} = {value}\n", "")
    try:
        configuration.section(CommonParameters)
        configuration.value(name)
    except ConfigError as error:
        assert "main.cf" in str(error)  # noqa: PT017 - most values are good ones
