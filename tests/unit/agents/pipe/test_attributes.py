import os
import pwd

import pytest

from spoolmta.agents.pipe.attributes import Attributes, identity_of, parse_attributes
from spoolmta.agents.recipient_user import Identity
from spoolmta.errors import ConfigError

NOBODY = pwd.getpwnam("nobody")
OWNER = pwd.getpwnam("daemon")


def test_attributes_say_how_a_command_gets_its_mail() -> None:
    words = [
        *("flags=DRhu.>", "User=vmail:mail", "directory=/srv", "chroot=/jail", "size=1000"),
        *("null_sender=", "eol=\\r\\n", "argv=/bin/deliver", "-f", "${sender}", "user=x"),
    ]
    assert parse_attributes(words) == Attributes(
        user="vmail:mail",
        argv=("/bin/deliver", "-f", "${sender}", "user=x"),
        flags=frozenset("DRhu.>"),
        eol=b"\r\n",
        null_sender="",
        size=1000,
        chroot="/jail",
        directory="/srv",
    )


def test_a_command_alone_gets_the_message_as_it_is() -> None:
    assert parse_attributes(["-v", "user=x", "argv=/bin/cat"]) == Attributes("x", ("/bin/cat",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\n", b"\n"),
        (r"\r\12", b"\r\n"),
        (r"\a\b\f\t\v\0", b"\a\b\f\t\v\0"),
        (r"\\x\q", b"\\xq"),
        ("", b""),
    ],
)
def test_the_line_end_is_written_as_in_c(text: str, expected: bytes) -> None:
    assert parse_attributes(["user=x", f"eol={text}", "argv=/bin/cat"]).eol == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["argv=/bin/cat"], "missing user= command-line attribute"),
        (["user=", "argv=/bin/cat"], "missing user= command-line attribute"),
        (["user=x"], "missing argv= command-line attribute"),
        (["user=x", "argv="], "missing argv= command-line attribute"),
        (["user=x", "foo=bar", "argv=/bin/cat"], "unknown attribute name: foo=bar"),
        (["user=x", "flags", "argv=/bin/cat"], "unknown attribute name: flags"),
        (["user=x", "flags=Dz", "argv=/bin/cat"], "unknown flag: z"),
        (["user=x", "size=1k", "argv=/bin/cat"], "bad size= value: 1k"),
    ],
)
def test_what_cannot_be_understood_is_named(words: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"^{complaint}$"):
        parse_attributes(words)


def test_a_command_runs_with_the_group_of_its_user_or_another() -> None:
    daemon = pwd.getpwnam("games")
    own = identity_of("nobody", OWNER, is_privileged=True)
    other = identity_of("nobody:games", OWNER, is_privileged=True)
    assert own == Identity(NOBODY.pw_uid, NOBODY.pw_gid)
    assert other == Identity(NOBODY.pw_uid, daemon.pw_gid)


@pytest.mark.parametrize(
    ("user", "complaint"),
    [
        ("root", "root privileges"),
        ("daemon", "mail system owner daemon"),
        ("nobody:root", "privileged group id 0"),
        ("nobody:daemon", f"mail system owner daemon group id {OWNER.pw_gid}"),
        ("no-such-user", "unknown username: no-such-user"),
        ("nobody:no-such-group", "unknown group: no-such-group"),
    ],
)
def test_privileges_are_not_given_to_commands(user: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        identity_of(user, OWNER, is_privileged=True)


def test_without_root_the_mail_systems_own_user_is_the_one_there_is() -> None:
    own = pwd.getpwuid(os.geteuid())
    identity = identity_of(own.pw_name, own, is_privileged=False)
    assert identity == Identity(own.pw_uid, own.pw_gid)
