import os
from pathlib import Path

import pytest

from spoolmta.cli.check import Finding, Severity, findings, main

GOOD = """\
compatibility_level = 3.6
mail_owner = root
alias_maps =
queue_directory = {folder}/queue
"""
MASTER = "smtp inet n - n - - smtpd\nlocal unix - n n - - local\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text(GOOD.format(folder=tmp_path))
    (tmp_path / "master.cf").write_text(MASTER)
    return tmp_path


def add(folder: Path, main_text: str = "", master_text: str = "") -> None:
    with (folder / "main.cf").open("a") as file:
        file.write(main_text)
    with (folder / "master.cf").open("a") as file:
        file.write(master_text)


def one(folder: Path, main_text: str = "", master_text: str = "") -> tuple[Severity, str]:
    add(folder, main_text, master_text)
    (found,) = findings(str(folder))
    return found.severity, found.text.removeprefix(f"{folder}/")


def test_a_good_configuration_has_no_findings(folder: Path) -> None:
    assert findings(str(folder)) == []
    assert main(str(folder)) == 0


def test_a_syntax_error_is_an_error(folder: Path) -> None:
    severity, text = one(folder, "foo\n")
    assert severity is Severity.ERROR
    assert text.startswith("main.cf, line 5: missing '=' after attribute name")
    assert main(str(folder)) == 1


def test_a_broken_master_cf_is_an_error(folder: Path) -> None:
    severity, text = one(folder, master_text="x unix\n")
    assert severity is Severity.ERROR
    assert text.startswith("master.cf, line 3: bad field count")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("minimal_backoff_time = 5x", "main.cf, line 5: parameter minimal_backoff_time: bad time"),
        ("relayhost = ${x", "main.cf, line 5: relayhost: truncated macro reference"),
        ("myhostname = a b", "main.cf, line 5: myhostname: bad parameter value: a b"),
        ("inet_protocols = ipv5", 'main.cf, line 5: inet_protocols: unknown value "ipv5"'),
        ("mail_owner = no_such_user", "mail_owner = no_such_user: there is no such user"),
        ("queue_directory = q", "main.cf, line 5: queue_directory: q: expected an absolute path"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error(folder: Path, line: str, complaint: str) -> None:
    add(folder, line + "\n")
    found = findings(str(folder))
    errors = [f for f in found if f.severity is Severity.ERROR]
    assert any(f.text.removeprefix(f"{folder}/").startswith(complaint) for f in errors), found


def test_a_bad_override_is_an_error(folder: Path) -> None:
    severity, text = one(folder, master_text="a unix - - n - - smtp -o message_size_limit=x\n")
    assert severity is Severity.ERROR
    assert "-o message_size_limit=x: bad numerical configuration" in text


def test_a_slip_is_told_with_the_nearest_name(folder: Path) -> None:
    severity, text = one(folder, "relay_hosts = x\n")
    assert severity is Severity.WARNING
    assert text == "main.cf, line 5: unused parameter: relay_hosts=x (did you mean relayhost?)"


def test_a_name_that_nobody_defines_is_told(folder: Path) -> None:
    assert one(folder, "relayhost = $nobody\n") == (
        Severity.WARNING,
        "main.cf: undefined parameter: nobody",
    )


def test_a_table_that_cannot_be_opened_is_told(folder: Path) -> None:
    severity, text = one(folder, "transport_maps = hash:/no/such\n")
    assert severity is Severity.WARNING
    assert text.startswith("main.cf, line 5: transport_maps: open database /no/such.db")


def test_a_setting_of_postfix_without_effect_is_told_with_the_reason(folder: Path) -> None:
    assert one(folder, "postscreen_greet_ttl = 2d\n") == (
        Severity.WARNING,
        "main.cf, line 5: postscreen_greet_ttl has no effect: postscreen is not supported yet",
    )


def test_a_setting_that_changes_nothing_is_not_told(folder: Path) -> None:
    add(folder, "postscreen_greet_ttl = 1d\nbiff = no\n")
    assert findings(str(folder)) == []


def test_a_setting_that_has_nothing_to_do_is_a_note(folder: Path) -> None:
    severity, text = one(folder, "hash_queue_depth = 2\n")
    assert severity is Severity.NOTE
    assert text.endswith("the queue is a database, not a tree of files")


def test_an_override_without_effect_is_told(folder: Path) -> None:
    severity, text = one(folder, master_text="a inet n - n - - smtpd -o qmqpd_timeout=1s\n")
    assert severity is Severity.WARNING
    assert text.startswith("master.cf, line 3, service a/inet, -o: qmqpd_timeout has no effect")


def test_restrictions_that_a_server_cannot_read_are_an_error(folder: Path) -> None:
    add(folder, "smtpd_recipient_restrictions = reject_nothing\n")
    (found,) = findings(str(folder))
    assert found.severity is Severity.ERROR
    place = f"{folder}/master.cf, line 1, service smtp/inet: "
    assert found.text.startswith(place)
    assert "reject_nothing" in found.text


def test_an_open_relay_is_an_error(folder: Path) -> None:
    severity, text = one(folder, "smtpd_relay_restrictions =\n")
    assert severity is Severity.ERROR
    assert "specify at least one working instance of" in text


def test_a_program_that_is_not_there_is_told(folder: Path) -> None:
    assert one(folder, master_text="q inet n - n - - qmqpd\n") == (
        Severity.WARNING,
        "master.cf, line 3: service q/inet: qmqpd is not supported yet: QMQP is not supported yet",
    )


def test_a_misspelt_program_is_told_with_the_nearest_name(folder: Path) -> None:
    assert one(folder, master_text="q unix - - n - - smpt\n") == (
        Severity.WARNING,
        "master.cf, line 3: service q/unix: there is no program smpt (did you mean smtp?)",
    )


def test_an_option_of_a_service_that_is_rows_here_is_a_note(folder: Path) -> None:
    severity, text = one(folder, master_text="x unix - - n - 0 cleanup -o header_checks=\n")
    assert severity is Severity.NOTE
    assert text.startswith(
        "master.cf, line 3: x/unix/header_checks has no effect: smtpd and pickup"
    )


def test_a_domain_in_two_classes_is_told(folder: Path) -> None:
    severity, text = one(folder, "mydestination = a.example\nvirtual_alias_domains = A.example\n")
    assert severity is Severity.WARNING
    assert text.endswith(
        "do not list domain a.example in BOTH mydestination and virtual_alias_domains"
    )


def test_a_table_older_than_its_source_is_told(folder: Path) -> None:
    for suffix, when in ((".db", 1), ("", 2)):
        path = folder / f"table{suffix}"
        path.write_text("")
        os.utime(path, (when, when))
    line = f"smtpd_client_restrictions = check_client_access hash:{folder}/table\n"
    add(folder, line)
    text = f"main.cf, line 5: database {folder}/table.db is older than source file {folder}/table"
    assert any(f.text.endswith(text) for f in findings(str(folder)))


def test_a_table_in_a_restriction_list_of_a_service_is_opened(folder: Path) -> None:
    add(
        folder,
        master_text="a inet n - n - - smtpd -o { smtpd_helo_restrictions ="
        " check_helo_access cidr:/no/such }\n",
    )
    assert any(
        "master.cf, line 3, service a/inet, -o: smtpd_helo_restrictions" in f.text
        and "/no/such" in f.text
        for f in findings(str(folder))
    )


def test_a_transport_that_nobody_serves_is_told(folder: Path) -> None:
    severity, text = one(folder, "virtual_transport = dovecot\n")
    assert severity is Severity.WARNING
    assert text == "main.cf: virtual_transport: no service dovecot delivers: mail for it waits"


def test_a_parameter_that_will_be_removed_is_told_with_its_successor(folder: Path) -> None:
    add(folder, "disable_dns_lookups = yes\n")
    assert any('instead, specify "smtp_dns_support_level"' in f.text for f in findings(str(folder)))


def test_a_summary_counts_every_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder, "hash_queue_depth = 1\nsmtpd_tls_loglevel = 1\nnobody = 1\n")
    main(str(folder))
    last = capsys.readouterr().err.rstrip("\n").split("\n")[-1]
    assert last == "spoolmta: 6 in force, 1 without meaning here, 1 not yet, 1 unknown"


def test_a_service_that_waits_for_postscreen_is_told(folder: Path) -> None:
    severity, text = one(folder, master_text="smtpd pass - - n - - smtpd\n")
    assert severity is Severity.WARNING
    assert text.startswith("master.cf, line 3: service smtpd/pass waits for postscreen")


def test_chroot_is_told_once(folder: Path) -> None:
    severity, text = one(folder, master_text="a unix - - y - - smtp\nb unix - - y - - smtp\n")
    assert severity is Severity.NOTE
    assert text.endswith("it is asked for by a/unix, b/unix")


def test_errors_come_first_and_are_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder, "relay_hosts = x\nmessage_size_limit = x\n")
    assert main(str(folder), name="postfix") == 1
    first, second = capsys.readouterr().err.split("\n")[:2]
    assert first.startswith(f"postfix: error: {folder}/main.cf, line 6: bad numerical")
    assert second.startswith(f"postfix: warning: {folder}/main.cf, line 5: unused parameter")


def test_findings_are_values() -> None:
    assert Finding(Severity.NOTE, "x") == Finding(Severity.NOTE, "x")


def test_the_built_in_configuration_has_no_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if not Path("/etc/spoolmta").is_dir():
        assert findings(None) == []
