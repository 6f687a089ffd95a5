from spoolmta.config.master_cf import Defaults, Service, parse_master, to_service
from spoolmta.config.program import KINDS, NOT_YET, ROWS, Kind, running, transports


def services(*lines: str) -> list[Service]:
    master = parse_master("\n".join(lines), "master.cf")
    return [to_service(c, master.file, Defaults(100, chroot=False)) for c in master.entries]


def test_a_program_runs_under_any_name() -> None:
    found = running(services("a unix - - n - - smtp", "b unix - - n - - smtp -o c=d"))
    assert found == {"a/unix": Kind.AGENT, "b/unix": Kind.AGENT}


def test_one_service_runs_each_stage_the_one_with_the_usual_name() -> None:
    found = running(
        services(
            "trace unix - - n - 0 bounce",
            "bounce unix - - n - 0 bounce",
            "other unix - - n - 0 bounce",
        )
    )
    assert found == {"trace/unix": Kind.ROW, "bounce/unix": Kind.STAGE, "other/unix": Kind.ROW}


def test_the_first_service_runs_a_stage_that_has_no_usual_name() -> None:
    found = running(services("a fifo n - n - 1 oqmgr", "b unix n - n - 1 qmgr"))
    assert found == {"a/fifo": Kind.STAGE, "b/unix": Kind.ROW}


def test_a_service_that_connections_are_passed_to_waits_for_postscreen() -> None:
    found = running(services("smtpd pass - - n - - smtpd", "smtp inet n - n - - smtpd"))
    assert found == {"smtpd/pass": Kind.ROW, "smtp/inet": Kind.LISTENER}


def test_a_program_that_does_not_exist_does_not_run() -> None:
    assert running(services("policy unix - n n - - spawn", "x unix - - n - - smpt")) == {}


def test_mail_is_routed_to_agents_alone() -> None:
    found = transports(
        services(
            "smtp inet n - n - - smtpd",
            "x unix - - n - - lmtp",
            "y unix - n n - - pipe",
            "z unix - n n - - spawn",
            "rewrite unix - - n - - trivial-rewrite",
        )
    )
    assert found == {"x", "y"}


def test_every_row_has_its_reason_and_nothing_is_both_here_and_missing() -> None:
    without_process = {name for name, kind in KINDS.items() if kind in (Kind.ROW, Kind.STAGE)}
    assert without_process == set(ROWS)
    assert not set(NOT_YET) & set(KINDS)
