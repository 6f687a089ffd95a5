import os
import pwd
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoolmta.cli.checking.check import Finding, Severity, findings, main, report
from spoolmta.config import catalogue
from spoolmta.config.parameters import sections

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
        ("smtpd_milters = ${x", "main.cf, line 5: smtpd_milters: truncated macro reference"),
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
    assert severity is Severity.ERROR
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


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("smtpd_tls_auth_only = maybe", "bad boolean configuration: smtpd_tls_auth_only = maybe"),
        ("postscreen_greet_ttl = 0", "invalid postscreen_greet_ttl: 0 (min 1)"),
        ("milter_connect_timeout = soon", "parameter milter_connect_timeout: bad time value"),
    ],
)
def test_a_bad_value_of_a_setting_without_effect_is_a_warning(
    folder: Path, setting: str, text: str
) -> None:
    add(folder, setting + "\n")
    told = [finding for finding in findings(str(folder)) if text in finding.text]
    assert [finding.severity for finding in told] == [Severity.WARNING]


def test_an_old_name_is_told_with_the_one_that_replaced_it(folder: Path) -> None:
    add(folder, "postscreen_blacklist_action = enforce\n")
    found = [f.text for f in findings(str(folder)) if "has no effect" in f.text]
    place = f"{folder}/main.cf, line 5"
    reason = "postscreen is not supported yet; today it is postscreen_denylist_action"
    assert found == [f"{place}: postscreen_blacklist_action has no effect: {reason}"]


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
    assert 'unknown smtpd restriction: "reject_nothing"' in found.text


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
    assert (
        text == "main.cf, line 5: virtual_transport: no service dovecot delivers: mail for it waits"
    )


def test_a_parameter_that_will_be_removed_is_told_with_its_successor(folder: Path) -> None:
    add(folder, "disable_dns_lookups = yes\n")
    assert any('instead, specify "smtp_dns_support_level"' in f.text for f in findings(str(folder)))


def test_a_summary_counts_every_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder, "hash_queue_depth = 1\nsmtpd_tls_loglevel = 1\nnobody = 1\n")
    main(str(folder))
    last = capsys.readouterr().err.rstrip("\n").split("\n")[-1]
    assert last == "spoolmta: 6 in force, 1 without meaning here, 1 not yet, 1 unknown"


def texts(
    folder: Path, severity: Severity, main_text: str = "", master_text: str = ""
) -> list[str]:
    """Return what is found of one severity, without the folder's name."""
    add(folder, main_text, master_text)
    found = findings(str(folder))
    return [f.text.replace(f"{folder}/", "") for f in found if f.severity is severity]


def test_each_restriction_that_cannot_be_done_is_an_error_of_its_own(folder: Path) -> None:
    line = (
        "smtpd_restriction_classes = strict\n"
        "strict = reject_unknow_sender_domain, check_policy_service unix:private/x\n"
        "smtpd_client_restrictions = strict reject_rbl_client sbl.example permit\n"
        "smtpd_helo_restrictions = reject_maps_rbl\n"
    )
    place = "master.cf, line 1, service smtp/inet: "
    assert texts(folder, Severity.ERROR, line) == [
        f"{place}smtpd_client_restrictions: reject_rbl_client is not supported yet",
        (
            f"{place}smtpd_helo_restrictions: reject_maps_rbl is not supported by Postfix any"
            " more; instead, specify reject_rbl_client"
        ),
        (
            f'{place}strict: unknown smtpd restriction: "reject_unknow_sender_domain"'
            " (did you mean reject_unknown_sender_domain?)"
        ),
        f"{place}strict: check_policy_service is not supported yet",
    ]


def test_restrictions_of_a_service_that_does_not_run_are_not_told(folder: Path) -> None:
    service = "smtpd pass - - n - - smtpd -o smtpd_client_restrictions=reject_nothing\n"
    assert texts(folder, Severity.ERROR, master_text=service) == []


@pytest.mark.parametrize(
    ("main_text", "master_text", "place"),
    [
        ("virtual_alias_maps = unionmap:{{static:x, cidr:/no/such}}\n", "", "main.cf, line 5: "),
        ("mynetworks = cidr:/no/such\n", "", "main.cf, line 5: "),
        ("header_checks = cidr:/no/such\n", "", "main.cf, line 5: "),
        ("smtp_tls_policy_maps = cidr:/no/such\n", "", "main.cf, line 5: "),
        ("one = cidr:/no/such\nsmtpd_forbidden_commands = $one\n", "", "main.cf, line 6: "),
        (
            "",
            "a unix - - n - - smtp -o {{ smtp_generic_maps = cidr:/no/such }}\n",
            "master.cf, line 3, service a/unix, -o: ",
        ),
    ],
)
def test_a_table_is_opened_wherever_it_is_named(
    folder: Path, main_text: str, master_text: str, place: str
) -> None:
    add(folder, main_text.format(), master_text.format())
    found = [finding.text.removeprefix(f"{folder}/") for finding in findings(str(folder))]
    assert any(text.startswith(place) and "/no/such" in text for text in found), found


def test_a_table_that_an_agent_alone_refuses_is_a_warning(folder: Path) -> None:
    severity, text = one(folder, "virtual_mailbox_maps = tcp:127.0.0.1:9\n")
    assert severity is Severity.WARNING
    assert "not allowed for security-sensitive data" in text


def test_a_table_that_nothing_here_reads_is_a_warning(folder: Path) -> None:
    line = "smtp_tls_policy_maps = cidr:/no/such\n"
    service = "x unix - - n - 0 cleanup -o header_checks=cidr:/no/such\n"
    assert len([t for t in texts(folder, Severity.WARNING, line, service) if "/no/such" in t]) == 2
    assert texts(folder, Severity.ERROR) == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("mynetworks = 10.0.0.1/8", "non-null host address bits"),
        ("relayhost = 192.0.2.1", "expected [192.0.2.1]"),
        ("relayhost = [192.0.2.1", "expected [host] or [host]:port"),
        ("relayhost = mx.example]", "expected [mx.example]"),
        ("smtp_fallback_relay = [a.example], [b.example", "expected [host] or [host]:port"),
        (
            "bounce_queue_lifetime = 1w",
            "maximal_queue_lifetime is smaller than bounce_queue_lifetime",
        ),
        ("maximal_backoff_time = 1m", "maximal_backoff_time is smaller than minimal_backoff_time"),
        ("maximal_queue_lifetime = 60s", "smaller than minimal_backoff_time"),
        ("transport_maps = inline:{a.example=slow:}", "a.example: no service slow delivers"),
        ("sender_dependent_relayhost_maps = inline:{a@b.example=192.0.2.1}", "[192.0.2.1]"),
        ("virtual_maps =", 'instead, specify "virtual_alias_maps"'),
        ("smtpd_tls_eecdh_grade = ultra", "will be removed; instead, do not specify"),
    ],
)
def test_what_does_not_go_together_is_told(folder: Path, line: str, complaint: str) -> None:
    add(folder, line + "\n")
    found = findings(str(folder))
    assert any(complaint in finding.text for finding in found), found


@pytest.mark.parametrize(
    "line",
    [
        "relayhost = [192.0.2.1]:25",
        "relayhost = mx.example:587",
        "smtpd_tls_security_level = none",
        "smtpd_sasl_auth_enable = no",
        "smtpd_milters =",
        "notify_classes = bounce, policy, data",
        "soft_bounce = yes",
        "maximal_queue_lifetime = 7d",
    ],
)
def test_what_is_as_it_should_be_is_not_told(folder: Path, line: str) -> None:
    add(folder, line + "\n")
    assert findings(str(folder)) == []


def test_transports_and_domains_are_looked_for_in_the_sources_of_tables(folder: Path) -> None:
    (folder / "routes").write_text("one.example nobody:\ntwo.example local:\n")
    (folder / "domains").write_text("one.example x\n")
    found = texts(
        folder,
        Severity.WARNING,
        f"transport_maps = texthash:{folder}/routes\n"
        f"virtual_mailbox_domains = texthash:{folder}/domains\nmydestination = one.example\n",
    )
    assert found == [
        "main.cf: do not list domain one.example in BOTH mydestination and virtual_mailbox_domains",
        (
            "main.cf, line 5: transport_maps, one.example: no service nobody delivers: mail for"
            " it waits"
        ),
    ]


def test_next_hops_in_the_sources_of_tables_are_looked_at(folder: Path) -> None:
    (folder / "routes").write_text("one.example smtp:192.0.2.1\ntwo.example smtp:[192.0.2.1]\n")
    line = f"transport_maps = texthash:{folder}/routes\n"
    (text,) = texts(folder, Severity.WARNING, line, "smtp unix - - n - - smtp\n")
    assert text.startswith("main.cf, line 5: transport_maps, one.example: 192.0.2.1: no mail")


def test_files_that_others_may_write_are_told(folder: Path) -> None:
    (folder / "main.cf").chmod(0o666)
    (folder / "queue").mkdir(0o755)
    (folder / "queue").chmod(0o777)
    assert texts(folder, Severity.WARNING) == [
        "group or other writable: main.cf",
        "group or other writable: queue",
    ]


@pytest.mark.root
def test_files_of_the_wrong_owner_are_told(folder: Path) -> None:
    os.chown(folder / "master.cf", 65534, 65534)
    assert texts(folder, Severity.WARNING) == ["not owned by root: master.cf"]


def test_defaults_of_an_old_compatibility_level_are_a_note(folder: Path) -> None:
    (text,) = texts(folder, Severity.NOTE, "compatibility_level = 2\n")
    assert text.endswith(
        "compatibility_level is 2: using backwards-compatible default settings"
        " smtpd_relay_before_recipient_restrictions=no"
    )


@pytest.mark.parametrize(
    ("service", "complaint"),
    [
        ("smtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes", "the service does not run"),
        ("587 inet n - n - - smtpd -o smtpd_tls_security_level=encrypt", "530 5.7.0"),
        ("587 inet n - n - - smtpd -o smtpd_enforce_tls=yes", "530 5.7.0"),
        ("out unix - - n - - smtp -o smtp_tls_security_level=verify", "its mail waits"),
        ("out unix - - n - - smtp -o smtp_tls_wrappermode=yes", "its mail waits"),
        ("out unix - - n - - lmtp -o lmtp_tls_security_level=secure", "its mail waits"),
    ],
)
def test_a_service_that_must_encrypt_is_an_error(
    folder: Path, service: str, complaint: str
) -> None:
    (text,) = texts(folder, Severity.ERROR, master_text=service + "\n")
    assert text.startswith(f"master.cf, line 3: service {'/'.join(service.split()[:2])}: ")
    assert complaint in text


def test_a_report_has_findings_accounts_and_a_summary(folder: Path) -> None:
    add(folder, "hash_queue_depth = 2\nsmtpd_client_port_logging = yes\nnobody = 1\n")
    found = list(report(str(folder)))
    states = {e["subject"]: e["state"] for e in found if e["kind"] == "account"}
    assert states["mail_owner"] == "in force"
    assert states["hash_queue_depth"] == "without meaning here"
    assert states["smtpd_client_port_logging"] == "not yet"
    assert states["nobody"] == "unknown"
    assert states["smtp/inet"] == "in force"
    assert found[-1] == {
        "kind": "summary", "in force": 6, "without meaning here": 1, "not yet": 1, "unknown": 1,
    }  # fmt: skip
    assert {e["severity"] for e in found if e["kind"] == "finding"} == {"warning", "note"}


def test_a_service_that_waits_for_postscreen_is_told(folder: Path) -> None:
    severity, text = one(folder, master_text="smtpd pass - - n - - smtpd\n")
    assert severity is Severity.WARNING
    assert text.startswith("master.cf, line 3: service smtpd/pass waits for postscreen")


def test_chroot_is_told_once(folder: Path) -> None:
    severity, text = one(folder, master_text="a unix - - y - - smtp\nb unix - - y - - smtp\n")
    assert severity is Severity.NOTE
    assert text.endswith("it is asked for by a/unix, b/unix")


@pytest.mark.parametrize(
    ("line", "severity", "text"),
    [
        ("flags=R argv=/bin/cat", Severity.ERROR, "missing user= command-line attribute"),
        ("user=root flags=z argv=/bin/cat", Severity.ERROR, "unknown flag: z"),
        ("user=no-such-user argv=/bin/cat", Severity.WARNING, "unknown username: no-such-user"),
        ("user=root argv=/bin/cat ${who}", Severity.ERROR, 'unknown macro name: "who"'),
        ("user=root argv=/no/such/program", Severity.WARNING, "no program /no/such/program"),
        ("user=root flags=D argv=/bin/cat", Severity.WARNING, "flag D requires x_destination_rec"),
        ("user=daemon argv=/bin/cat", Severity.WARNING, "only, and as others if root starts it"),
    ],
)
def test_a_service_that_runs_a_command_is_looked_at(
    folder: Path, line: str, severity: Severity, text: str
) -> None:
    own = pwd.getpwuid(os.geteuid()).pw_name
    line = line.replace("user=root", f"user={own}")
    add(folder, f"mail_owner = {own}\n", f"x unix - n n - - pipe\n  {line}\n")
    (found,) = [finding for finding in findings(str(folder)) if "service x/unix" in finding.text]
    assert found.severity is severity
    assert text in found.text


def test_a_command_that_can_be_run_is_no_finding(folder: Path) -> None:
    own = pwd.getpwuid(os.geteuid()).pw_name
    add(folder, f"mail_owner = {own}\n", f"x unix - n n - - pipe user={own} argv=/bin/cat\n")
    assert [finding for finding in findings(str(folder)) if "x/unix" in finding.text] == []


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


ANY_NAME = st.sampled_from(
    sorted({*catalogue.known(), *(n for kind in sections() for n in kind.parameters), "x", "a b"})
)
ODD = st.sampled_from((
    "", "hash:/x", "inline:{a=b}", "inline:{{a=b}, {c = d:}}", "unionmap:{static:x}", "proxy:",
    "[", "[x", "x]", "$", "${", "$x", "{", "}", "yes", "10s", "1x", "-1", "unix:", "regexp:{",
    "cidr:{{1.2.3.4/8 x}}", "permit", "reject_x", "check_client_access", "sleep", "sleep 1",
    "warn_if_reject", "check_policy_service", "tcp:localhost:1", "mysql:x", "!", "!a", "/no/such",
    "[::1]/200", "1.2.3.4/33", "$mydomain", "a:b:c", "9" * 20,
))  # fmt: skip
ANY_VALUE = st.one_of(
    st.lists(ODD, max_size=3).map(" ".join),
    st.text(alphabet="{}$(),:=/!?[] \t\\ab1.\u00e9", max_size=30),
)
ANY_SETTINGS = st.lists(st.tuples(ANY_NAME, ANY_VALUE), max_size=4)


@settings(deadline=None, max_examples=150)
@given(ANY_SETTINGS, ANY_SETTINGS, st.sampled_from(("smtpd", "smtp", "cleanup", "qmgr", "foo")))
def test_check_reads_any_configuration_to_its_end(
    main_settings: list[tuple[str, str]], options: list[tuple[str, str]], program: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = "".join(f"{name} = {value}\n" for name, value in main_settings)
        (folder / "main.cf").write_text(GOOD.format(folder=folder) + lines)
        words = " ".join(f"-o {{ {name} = {value} }}" for name, value in options)
        (folder / "master.cf").write_text(f"smtp inet n - n - - {program} {words}\n")
        assert all(entry["kind"] for entry in report(name))
