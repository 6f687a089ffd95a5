"""Commands of pipe(8): their arguments, what they read, and what their end means for the mail."""

from collections.abc import Mapping, Sequence

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Mail, Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]


def site(name: str, services: Mapping[str, str], cases: Sequence[Mail], main: str = "") -> Site:
    """Return a site with commands: mail for x@NAME.example is the business of the service NAME."""
    routes = "".join(f"{service}.example {service}:NextHop.{service}\n" for service in services)
    lines = "transport_maps = texthash:$config_directory/transport\nrecipient_delimiter = +\n"
    return Site(
        name,
        main=lines + main,
        master="".join(
            f"{service} unix - n n - - pipe\n  user=nobody {attributes}\n"
            for service, attributes in services.items()
        ),
        files={"transport": routes},
        real=set(services),
        cases=cases,
    )


def writes(file: str, arguments: str = "") -> str:
    """Return argv= of a command that writes its arguments and the message to {out}/FILE."""
    script = "for a; do echo [$$a]; done; cat; echo [end]"
    return f"argv=/bin/sh -c {{ ( {script} ) >{{out}}/{file} }} sh {arguments}"


def runs(script: str) -> str:
    """Return argv= of a line of shell; macros are expanded in it."""
    return f"argv=/bin/sh -c {{ {script} }}"


TEXT = (
    "From: a@src.example\nTo: b@far.example\nSubject: x\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
    "Message-Id: <x@y>\n\n.\n..\n.dot\nFrom here\n>From there\n\nend\n"
)
WHO = "id -un; id -gn; id -G"

SITES = [
    site(
        "arguments of commands",
        {
            "twice": writes("twice", "$recipient $sender $recipient"),
            "original": writes("original", "${original_recipient} $(user)"),
            "parts": writes("parts", "${user}/${extension}!$domain,$mailbox"),
            "folded": "flags=hqu "
            + writes("folded", "$recipient $original_recipient $sender $nexthop $user,$extension"),
            "plain": writes("plain", "$recipient $original_recipient $sender $nexthop $mailbox"),
            "many": writes("many", "-d $recipient -x u=$user,$sender -- $nexthop"),
            "client": writes(
                "client",
                "${client_address} ${client_helo} ${client_hostname} ${client_protocol}"
                " <${sasl_method}${sasl_username}> $$5 {a b}",
            ),
            "null": "flags=q " + writes("null", "$sender"),
            "empty": "null_sender= " + writes("empty", "$sender"),
            "other": "flags=q null_sender=<> " + writes("other", "$sender"),
        },
        main="""\
virtual_alias_domains = orig.example
virtual_alias_maps = inline:{ {al@orig.example = bo+ext@original.example} }
many_destination_recipient_limit = 10
""",
        cases=[
            mail("a@src.example", "x@twice.example", shows="delivered via twice service"),
            mail("a@src.example", "al@orig.example", shows="[al@orig.example]"),
            mail("a@src.example", "Jo+Ex+t@parts.example", shows="[Jo/Ex+t!parts.example,Jo+Ex+t]"),
            mail(
                *('"A b"@Src.Example', '"C d+E"@Folded.Example'),
                shows=['["c d+e"@folded.example]', '["A b"@Src.Example]', "[nexthop.folded]"],
            ),
            mail('"A b"@Src.Example', '"C d+E"@Plain.Example', shows="[NextHop.plain]"),
            mail(
                "a@src.example", ["a@many.example", "b@many.example"], shows="[u=b,a@src.example]"
            ),
            mail("a@src.example", "x@client.example", shows=["[localhost]", "[$5]", "[a b]"]),
            mail("", "x@null.example", shows="[MAILER-DAEMON]"),
            mail("", "x@empty.example", shows="[]"),
            mail("", "x@other.example", shows="[<>]"),
        ],
    ),
    site(
        "flags of commands",
        {
            "all": "flags=BDFORhu.> " + writes("all"),
            "crlf": r"flags=BFR.> eol=\r\n " + writes("crlf"),
            "octal": r"flags=RB eol=\041\t " + writes("octal"),
            "dots": "flags=. " + writes("dots"),
            "quote": "flags=> " + writes("quote"),
            "none": writes("none"),
            "bare": writes("bare"),
            "loop": "flags=D argv=/bin/cat",
            "two": "flags=D argv=/bin/cat",
            "small": "size=300 argv=/bin/cat",
            "final": "flags=X argv=/bin/true",
            "relay": "argv=/bin/true",
        },
        main="two_destination_recipient_limit = 2\n",
        cases=[
            mail("a@src.example", "B+x@All.example", TEXT, shows="X-Original-To: B+x@All.example"),
            mail("", "b@crlf.example", TEXT, shows="Return-Path: <MAILER-DAEMON>\r"),
            mail("a@src.example", "b@octal.example", TEXT, shows="end!\t!\t"),
            mail("a@src.example", "b@dots.example", TEXT, shows="...\n..dot"),
            mail("a@src.example", "b@quote.example", TEXT, shows=">From here\n>From there"),
            mail("a@src.example", "b@none.example", TEXT),
            mail("a@src.example", "b@bare.example", "Subject: no end\n\nline"),
            mail(
                *("a@src.example", "b@loop.example", "Delivered-To: B@loop.example\n" + TEXT),
                shows="5.4.6 bounced: mail forwarding loop for b@loop.example",
            ),
            mail("a@src.example", ["a@two.example", "b@two.example"], shows="4.3.5 deferred: mail"),
            mail(
                "a@src.example", "b@small.example", TEXT, shows="5.2.3 bounced: message too large"
            ),
            mail(
                *("a@src.example", "b@final.example", TEXT),
                rcpt_options=["NOTIFY=SUCCESS"],
                shows="Action: delivered",
            ),
            mail(
                *("a@src.example", "b@relay.example", TEXT),
                rcpt_options=["NOTIFY=SUCCESS"],
                shows="Action: relayed",
            ),
        ],
    ),
    site(
        "ends of commands",
        {
            "exit": runs("exit $user"),
            "said": runs("echo oh no; echo again; exit $user"),
            "dsn": runs("echo $extension and more; exit $user"),
            "kill": runs("kill -$user $$$$"),
            "mute": runs("exec sleep 20"),
            "slow": runs("echo begun; exec sleep 20"),
            "odd": runs(r"printf 'a\tb\n\n  \001\303\244\377 c\n\n'; exit $user"),
            "chdir": "directory=/no/such/place argv=/bin/cat",
            "jail": "chroot=/no/such/place argv=/bin/cat",
            "macro": "argv=/bin/cat ${user?x}",
            "dollar": "argv=/bin/cat a$",
        },
        main="slow_time_limit = 4s\nmute_time_limit = 1s\n",
        cases=[
            *(
                mail("a@src.example", f"{status}@exit.example")
                for status in (0, 1, *range(64, 80), 127, 255)
            ),
            *(mail("a@src.example", f"{status}@said.example") for status in (0, 1, 67, 75)),
            mail("a@src.example", "0+5.1.1@dsn.example", shows="via dsn service (5.1.1 and more)"),
            mail("a@src.example", "1+5.7.9@dsn.example", shows="5.7.9 bounced: and more"),
            mail("a@src.example", "75+5.7.9@dsn.example", shows="5.7.9 bounced"),
            mail("a@src.example", "65+4.2.2@dsn.example", shows="4.2.2 deferred: and more"),
            mail("a@src.example", "65+5.1@dsn.example"),
            *(mail("a@src.example", f"{number}@kill.example") for number in (1, 9, 11, 13, 15)),
            mail("a@src.example", "x@mute.example"),
            mail("a@src.example", "x@slow.example", shows="5.3.0 bounced: Command time limit exc"),
            *(mail("a@src.example", f"{status}@odd.example") for status in (0, 75)),
            mail("a@src.example", "x@chdir.example", shows="4.3.0 deferred: temporary failure"),
            mail("a@src.example", "x@jail.example", shows="4.3.0 deferred: temporary failure"),
            mail("a@src.example", "x@macro.example", shows="4.3.5 deferred: mail system config"),
            mail("a@src.example", "x@dollar.example", shows="4.3.5 deferred: mail system config"),
        ],
    ),
    site(
        "surroundings of commands",
        {
            "env": runs(f"exec >{{out}}/env; umask; {WHO}; env | sort | grep -v ^PWD"),
            "group": "user=nobody:games " + runs(f"( {WHO} ) >{{out}}/group"),
            "folder": "directory=/usr " + runs("pwd >{out}/folder"),
            "signals": runs(
                "grep SigIgn /proc/self/status | tail -c 8 | tr 0 . >{out}/signals"
            ),  # of signals 1 to 28; what started the test may ignore others
            "path": "argv=sh -c {exit 3}",
        },
        main="export_environment = TZ LANG MORE=yes\n",
        cases=[
            mail("a@src.example", "x@env.example", shows=["PATH=/usr/bin:/bin", "0077"]),
            mail("a@src.example", "x@group.example", shows="games"),
            mail("a@src.example", "x@folder.example", shows="/usr"),
            mail("a@src.example", "x@signals.example", shows="1..1..."),
            mail("a@src.example", "x@path.example", shows='status 3: "sh"'),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
