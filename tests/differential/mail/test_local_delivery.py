"""local(8): commands, files, mailboxes, other transports; tables that give no answer."""

import pytest

from tests.differential.mail.test_local_aliases import BARE, MAIN, to
from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

SHOW_ENVIRONMENT = (
    "{ id -un; id -Gn; umask; env | grep -v -e ^PWD= -e ^OLDPWD= -e ^MAIL_CONFIG= | sort; cat; }"
)

SITES = [
    Site(
        "commands",
        main=MAIN,
        real={"local"},
        files={
            "forward.games": f'"|{SHOW_ENVIRONMENT} > {{out}}/forward-$EXTENSION"\n',
            "aliases": f"""\
show: "|{SHOW_ENVIRONMENT} > {{out}}/show-$EXTENSION-$SENDER"
owner-list: boss@far.example
list: "|{SHOW_ENVIRONMENT} > {{out}}/list"
plain: |/bin/true
ok: "|echo words nobody reads"
sorry: "|echo so sorry; echo indeed; exit 67"
usage: "|exit 64"
data: "|exit 65"
create: "|exit 73"
config: "|exit 78"
later: "|exit 75"
later2: "|echo not now; exit 75"
coded: "|echo 4.7.9 come back; exit 1"
coded5: "|echo 5.7.9 go away; exit 75"
odd: "|exit 3"
odd2: "|echo words; exit 99"
absent: "|/no/such/program; exit $?"
killed: "|kill -9 $$"
builtin: "|exit 0"
assigned: "|NAME=value exit 0"
blanks: "|printf '%s-' a b > {{out}}/blanks"
""",
        },
        cases=[
            to("show+ext", shows="file show-ext-s@src.example"),
            to("show", sender="", shows="file show--"),
            to("show+a", sender="we$ird'`x@src.example", shows="SENDER=we_ird__x@src.example"),
            to("list", shows="SENDER=owner-list@here.example"),
            to("games+ext", shows="file forward-ext"),
            to("plain", shows="delivered to command: /bin/true"),
            to("ok", shows="delivered to command: echo words nobody reads"),
            to("sorry", shows="5.1.1 bounced: user unknown. Command output: so sorry indeed"),
            to("usage", shows="5.3.0 bounced: command line usage error"),
            to("data", shows="5.6.0 bounced: data format error"),
            to("create", shows="5.2.0 bounced: can't create user output file"),
            to("config", shows="5.3.5 bounced: local configuration error"),
            to("later", shows="4.3.0 deferred: temporary failure"),
            to("later2", shows="temporary failure. Command output: not now"),
            to("coded", shows="4.7.9 deferred: come back"),
            to("coded5", shows="5.7.9 bounced: go away"),
            to("odd", shows='Command died with status 3: "exit 3"'),
            to("odd2", shows="Diagnostic-Code: x-unix; words"),
            to("absent", shows="Command died with status 127"),
            to("killed", shows="4.3.0 deferred: Command died with signal 9"),
            to("builtin", shows="delivered to command: exit 0"),
            to("assigned", shows="delivered to command: NAME=value exit 0"),
            to("blanks", shows="file blanks"),
        ],
    ),
    Site(
        "commands instead of mailboxes",
        main=MAIN
        + "mailbox_command = cat > {out}/command-$USER-$EXTENSION; echo $LOCAL $DOMAIN $SHELL\n"
        + "mailbox_command_maps = inline:{ {news = cat > {out}/of-table}, {man = /bin/false} }\n"
        + "prepend_delivered_header = forward\n"
        + "default_privs = lp\n"
        + "export_environment = TZ LANG=de\n"
        + "allow_mail_to_commands = include\n",
        real={"local"},
        files={
            "list": f'"|{SHOW_ENVIRONMENT} > {{out}}/listed"\n',
            "aliases": 'command: "|true"\nlist: :include:{etc}/list\n',
        },
        cases=[
            to("games+ext", shows="file command-games-ext"),
            to("news", shows="file of-table"),
            to("man", shows='5.3.0 bounced: Command died with status 1: "/bin/false"'),
            to("command", shows="5.7.1 bounced: mail to command is restricted"),
            to("list", shows="LANG=de"),
            to("no-such", shows='unknown user: "no-such"'),
        ],
    ),
    Site(
        "files",
        main=MAIN,
        real={"local"},
        files={
            "forward.games": "{out}/games-file, {out}/games-dir/\n",
            "aliases": """\
box: {out}/box
dir: {out}/dir/
folder: {out}
nowhere: {out}/no/such/folder/box
forbidden: /etc/passwd
program: /bin/true
device: /dev/null
wrong: ~nobody/box
""",
        },
        cases=[
            to("box", shows="delivered to file: ROOT/out/box"),
            to("box", sender="", shows="From MAILER-DAEMON  DATE"),
            to("dir", shows="delivered to maildir"),
            to("folder", shows="cannot open file: Is a directory"),
            to("nowhere", shows="cannot create file exclusively: No such file or directory"),
            to("forbidden", shows="cannot open file: Permission denied"),
            to("program", shows="cannot open file: Permission denied"),
            to("device", shows="delivered to file: /dev/null"),
            to("wrong", shows="5.3.5 bounced: mail system configuration error"),
            to("games", shows="file games-dir/new"),
        ],
    ),
    Site(
        "no mail to files, Delivered-To as it is found",
        main=MAIN.replace("{out}", "{out}/")
        + "allow_mail_to_files = forward\n"
        + "frozen_delivered_to = no\n",
        real={"local"},
        files={
            "forward.games": "{out}/games-file, x@far.example, \\games\n",
            "aliases": "box: {out}/box\none: games\n",
        },
        cases=[
            to("box", shows="5.7.1 bounced: mail to file is restricted"),
            to("games", shows="file games/new"),
            to("one", shows="Delivered-To: games@here.example"),
            to("news", shows="file news/new"),
        ],
    ),
    Site(
        "other transports",
        main=MAIN
        + "mailbox_transport_maps = inline:{ {news = slow:[news.example]}, {ghost = slow} }\n"
        + "fallback_transport_maps = inline:{ {nobody-1 = slow:[fall.example]} }\n"
        + "fallback_transport = lmtp:unix:private/box\n",
        master="slow unix - - n - - smtp\n",
        real={"local"},
        files={
            "forward.man": "news\n",
            "aliases": "one: news\nboth: games, news, nobody-2\nowner-list: games\nlist: news\n",
        },
        cases=[
            to("news", shows="delivered by slow to <news@here.example> at [[news.example]]"),
            to("news+ext", shows="delivered by slow to <news+ext@here.example>"),
            to("ghost", shows="delivered by slow to <ghost@here.example>"),
            to("one", shows="delivered by slow to <news@here.example>"),
            to(
                "nobody-1", shows="delivered by slow to <nobody-1@here.example> at [[fall.example]]"
            ),
            to("nobody-2", shows="at [unix:private/box]"),
            to("both", shows="at [unix:private/box]"),
            to("man", shows="delivered by slow"),
            to("list", shows="delivered by slow"),
            to("games", shows="file games"),
        ],
    ),
    Site(
        "every mailbox by another transport",
        main=MAIN + "mailbox_transport = lmtp:unix:private/box\nluser_relay = far@far.example\n",
        real={"local"},
        files={"aliases": "one: no-such\n"},
        cases=[
            to("games", shows="delivered by lmtp to <games@here.example>"),
            to("no-such", shows="delivered by lmtp to <no-such@here.example>"),
            to("one", shows="delivered by lmtp to <no-such@here.example>"),
        ],
    ),
    Site(
        "a relay for unknown names",
        main=MAIN + "luser_relay = lost+${user}.${extension}.${domain}@far.example\n",
        real={"local"},
        files={"aliases": "one: no-such, games\n"},
        cases=[
            to("no-such", shows="to <lost+no-such..here.example@far.example>"),
            to("No-Such+Ext", shows="to <lost+no-such.ext.here.example@far.example>"),
            to("one", shows="to <lost+no-such..here.example@far.example>"),
            to("games", shows="file games"),
        ],
    ),
    Site(
        "a relay that is a user, or nobody",
        main=MAIN.replace("_delimiter = +", "_delimiter =") + "luser_relay = ${user}-relay\n",
        real={"local"},
        files={"aliases": "no-relay: games\n"},
        cases=[
            to("no", shows="(was <no@here.example>) at local: 2.0.0 sent: delivered to mailbox"),
        ],
    ),
    Site(
        "tables that give no answer",
        main=BARE + "alias_maps = fail:aliases\n",
        real={"local"},
        cases=[to("games", shows="4.3.0 deferred: alias database unavailable")],
    ),
    Site(
        "tables of commands and transports that give no answer",
        main=MAIN + "mailbox_command_maps = fail:commands\n",
        real={"local"},
        files={"aliases": "one: games\n"},
        cases=[
            to("games", shows="4.3.0 deferred: table lookup failure"),
            to("no-such", shows='unknown user: "no-such"'),
        ],
    ),
    Site(
        "homes that are required",
        main=BARE + "require_home_directory = yes\n",
        real={"local"},
        cases=[
            to("nobody", shows="4.3.0 deferred: cannot access home directory /nonexistent"),
            to("root", shows="file root"),
        ],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
