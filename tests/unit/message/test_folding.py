import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.message.folding import INDENT, WIDTH, fold


# As Postfix 3.7 breaks them.
@pytest.mark.parametrize(
    "lines",
    [
        [
            "<bad@far.example>: host 127.0.0.1[127.0.0.1] said: 550-5.1.1 no such user here,",
            "    sorry about that, this is a rather long explanation 550 5.1.1 second line",
            "    of it (in reply to RCPT TO command)",
        ],
        [
            "<bad@far.example> (expanded from <ali@v.example>): host 127.0.0.1[127.0.0.1]",
            "    said: 550-5.1.1 no such user here, sorry about that, this is a rather long",
            "    explanation 550 5.1.1 second line of it (in reply to RCPT TO command)",
        ],
        [
            "Diagnostic-Code: smtp; 550-5.1.1 no such user here, sorry about that, this is a",
            "    rather long explanation 550 5.1.1 second line of it",
        ],
        [
            '<cmd@local.example>: Command died with status 2: "/bin/cat >',
            '    /var/xx-x/mail/cmd.out; env | sort >> /var/xx-x/mail/cmd.out". Command',
            "    output: sh: 1: cannot create /var/xx-x/mail/cmd.out: Permission denied sh:",
            "    1: cannot create it",
        ],
        ["short"],
        [""],
    ],
)
def test_lines_are_broken_as_postfix_does(lines: list[str]) -> None:
    assert fold(" ".join(line.strip() for line in lines)) == lines


@given(st.text(alphabet="ab ", max_size=400))
def test_nothing_but_blanks_is_lost_and_lines_fit(text: str) -> None:
    lines = fold(text)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines:
        assert len(line) <= WIDTH or " " not in line.strip()
    assert all(line.startswith(INDENT) for line in lines[1:] if line)


def test_a_word_of_any_length_is_broken_before_it_is_too_long_for_mail() -> None:
    assert max(map(len, fold("x" * 5000))) < 998
