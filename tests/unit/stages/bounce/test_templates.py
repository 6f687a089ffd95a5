from pathlib import Path

import pytest

from spoolmta.errors import ConfigError
from spoolmta.spool.notices import Kind
from spoolmta.stages.bounce import templates

FILE = """\
# ours
failure_template = <<EOF
Charset: utf-8
From: Postbote <post@x.example>
Subject: Zurück ist ASCII nicht
Postmaster-Subject: Copy

Kosten: 5 $$, $myhostname sagt nein.
EOF

delay_template = <<END
Subject: late

after $delay_warning_time_minutes minutes, until $maximal_queue_lifetime_hours hours
END
"""
VALUES = {"myhostname": "mx.example", "delay_warning_time": "4", "maximal_queue_lifetime": "5"}


def _value(name: str) -> str:
    return VALUES.get(name, "")


def test_a_file_changes_the_templates_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "bounce.cf"
    path.write_text(FILE.replace("ü", "ue"))
    found = templates.load(str(path))
    failure = found[Kind.FAILURE]
    assert templates.words(failure, _value) == ["Kosten: 5 $, mx.example sagt nein."]
    assert templates.sender(failure) == ("Postbote", "post@x.example")
    assert failure.postmaster_subject == "Copy"
    assert found[Kind.SUCCESS] is templates.BUILT_IN[Kind.SUCCESS]


def test_times_are_said_in_the_unit_that_is_asked_for() -> None:
    found = templates.parse(FILE.replace("ü", "ue"), "x")
    assert templates.words(found[Kind.DELAY], _value) == ["after 240 minutes, until 120 hours"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mail <a@b>", ("Mail", "a@b")),
        ("a@b (Mail)", ("Mail", "a@b")),
        ("a@b", ("", "a@b")),
    ],
)
def test_the_sender_may_be_written_in_any_form(text: str, expected: tuple[str, str]) -> None:
    template = templates.Template("s", "p", "t", sender=text)
    assert templates.sender(template) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", "line 1: expected"),
        ("other_template = <<EOF\nEOF\n", "line 1: expected"),
        ("failure_template = <<EOF\nSubject: x\n", "expected a line EOF"),
        (FILE, "printable ASCII"),
    ],
)
def test_a_file_that_is_wrong_is_said_to_be(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        templates.parse(text, "bounce.cf")


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        templates.load(str(tmp_path / "no"))


def test_the_verify_template_is_that_of_reports_that_were_asked_for() -> None:
    (found,) = templates.parse("verify_template = <<E\nSubject: x\n\ny\nE\n", "x").items()
    kind, template = found
    assert kind is Kind.TRACE
    assert (template.subject, template.text) == ("x", "y\n")


def test_every_built_in_template_can_be_expanded() -> None:
    for template in templates.BUILT_IN.values():
        lines = templates.words(template, _value)
        assert lines[0] == "This is the mail system at host mx.example."
        assert all(len(line) < 80 for line in lines)
