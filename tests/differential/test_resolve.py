"""Where mail goes: Postfix's trivial-rewrite and resolve() are asked for the same addresses.

A site is one main.cf; each of its addresses, with a sender where that matters, must come to the
same transport, next hop, recipient and class, or be malformed or unknown for both.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from spoolmta.address.resolve import Routing, resolve
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.errors import MapUnavailable
from spoolmta.maps.watched import keep_problems, tell_problems
from tests.support import rewrite_oracle
from tests.support.postfix_oracle import SETTINGS, PostfixOracle, is_installed
from tests.support.rewrite_oracle import MALFORMED, UNKNOWN, Answer

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

SENDER = "s@src.example"
CLASSES = {
    "mydestination": "l.example, mx.test.example",
    "relay_domains": "relay.example",
    "virtual_alias_domains": "alias.example",
    "virtual_mailbox_domains": "box.example",
    "virtual_mailbox_maps": "",
    "recipient_delimiter": "+",
}
ONE_OF_EACH = [f"x@{kind}.example" for kind in ("far", "l", "relay", "box", "alias")]
FORMS = [
    *("a@l.example", "a@L.EXAMPLE", "a@sub.l.example", "a@relay.example", "a@sub.relay.example"),
    *("a@alias.example", "a@sub.alias.example", "a@box.example", "a@Far.EXAMPLE", "a", '""', ""),
    *('""@l.example', "a@", "@", "@l.example", "a@b@l.example", "a%b@l.example", "b!a@l.example"),
    *('"a@b"@l.example', '"a%b"@l.example', '"b!a"@l.example', '"a@b"@far.example'),
    *("a%b@far.example", "b!a@far.example", "a@b@far.example", "a@[127.0.0.1]", "a@[192.0.2.9]"),
    *("a@[192.0.2.10]", "a@127.0.0.1", "a@192.0.2.10", "a@[IPv6:::1]", "a@[ipv6:2001:db8::1]"),
    *("a@2001:db8::1", "a@[foo]", "a@[]", "a@[127.0.0.1", "-a@l.example", "-a@far.example"),
    *('"-a"@far.example', "-a@b@l.example", "a@l.example.", "a@far.example.", "a@far..example"),
    *("a@.example", "a@-x.example", "a@x_y.example", f"a@{'x' * 64}.example", f"a@{'x.' * 130}y"),
    *("a@é.example", "é@far.example", '"a b"@far.example', "a b@far.example", "a(c)@far.example"),
    *('"a\\"b"@far.example', 'a"b@far.example', "a\\b@far.example", "a%b%c@l.example"),
    *("c!b!a@l.example", "a%b!c@l.example", "b!a%c@l.example", '"a%b@c"@l.example'),
    *('"a@l.example"@l.example', "a%l.example@l.example", '"\\"a@b\\"@c"@l.example'),
    *("@a,@b:c@l.example", '"@a:b@c"@l.example', "postmaster", "postmaster@l.example"),
    *("a+x@l.example", "double-bounce@l.example", "a@l.example@l.example", '"a@"@l.example'),
    *('"@"@l.example', '"!"@l.example', "!a@l.example", "a!@l.example", "%a@l.example"),
    *("a%@l.example", '"a!b@c%d"@l.example', '"a@l.example%far.example"@l.example'),
    *("a..b@far.example", ".a@far.example", "a.@far.example", "<a@far.example>", "a;b@far.example"),
    *("a@far.example,b@c", "a:b@far.example", "\x01a@far.example", "a@far .example"),
    *("a@far.example ", " a@far.example", '"a b"@l.example', '"a\\\\b"@l.example'),
    *('"a@b@c"@l.example', '"a@b"%c@l.example', 'a%"b c"@l.example', '"b c"!a@l.example'),
]
TRANSPORTS = """\
user+ext@far.example  t1:n1
user@far.example      t2:n2
User2@far.example     t22:N22
far.example           t3:
.far.example          t4:sub
sub2.far.example      :n5
colon.example         :
err.example           error:5.7.1 No Such Thing
err2.example          error:
err3.example          error
retry.example         retry:
host.example          smtp:[Mail.Host.Example]:2525
list.example          smtp:[a.example], [b.example]
nocolon.example       discard
deep.a.b.c.example    smtp:deep
.b.c.example          smtp:dotted
l.example             lmtp:unix:/some/where
relay.example         smtp:[inside]
box.example           smtp:[box]
alias.example         smtp:[alias]
user@alias.example    smtp:[ualias]
*                     star:starhop
@at.example           smtp:at
user                  smtp:bareuser
[1.2.3.4]             smtp:lit
MixedCase.example     smtp:MixedHop
spaced.example        smtp:  spaced
"q s"@far.example     smtp:quoted
q s@far.example       smtp:unquoted
text.example          error:Just text
discarded.example     discard:gone now
"""
BY_TRANSPORT = [
    *("user+ext@far.example", "user+other@far.example", "user@far.example", "USER@FAR.EXAMPLE"),
    *("user2@far.example", "user2+x@far.example", "x@far.example", "x@sub.far.example"),
    *("x@a.sub.far.example", "x@sub2.far.example", "x@z.sub2.far.example", "x@colon.example"),
    *("x@err.example", "x@err2.example", "x@err3.example", "x@retry.example", "x@host.example"),
    *("x@list.example", "x@nocolon.example", "x@deep.a.b.c.example", "x@q.deep.a.b.c.example"),
    *("x@a.b.c.example", "x@c.example", "x@l.example", "user@l.example", "x@relay.example"),
    *("x@sub.relay.example", "x@box.example", "x@alias.example", "user@alias.example"),
    *("x@at.example", "user@nowhere.example", "x@nowhere.example", "x@[1.2.3.4]", "x"),
    *("x@mixedcase.example", "x@spaced.example", "q s@far.example", '"q s"@far.example'),
    *("x@text.example", "x@discarded.example", "postmaster+x@far.example", "user+@far.example"),
    *("+user@far.example", "user+ext+more@far.example", "double-bounce+a@far.example"),
    *("x@l.example.", "x@far.example.", "user@far.example."),
]
BY_SENDER = """\
a@s.example       smtp:[sa]
a+x@s.example     smtp:[sax]
@s.example        smtp:[sdom]
@s2.example       other
<>                nulltrans:nn
dunno@d.example   DUNNO
l                 smtp:[lbare]
bare              smtp:[bare]
@null.example     smtp:
@err.example      :nope
@x.err.example    error:no way
"""
RELAYS = """\
a@s.example       [ra]:26
a+x@s.example     [rax]
@s.example        [rdom]
<>                [rnull]
dunno@d.example   dunno
l                 [rl]
bare              [rbare]
@null.example     DUNNO
"""
SENDERS = [
    *(
        ("x@far.example", sender)
        for sender in (
            *("a@s.example", "a+x@s.example", "b@s.example", "c@s2.example", "", "A@S.EXAMPLE"),
            *("dunno@d.example", "l@l.example", "bare", "nul@null.example", "e@err.example"),
            *("q s@s.example", "e@x.err.example"),
        )
    ),
    *(("x@relay.example", "a@s.example"), ("x@relay.example", "")),
    *(("x@l.example", "a@s.example"), ("x@box.example", "a@s.example")),
]
MOVED = """\
x@far.example     new@else.example
x@l.example       NEW place
u@far.example     555-1234
u+e@far.example   ext moved
@dom.example      whole domain
x@alias.example   alias moved
x@box.example     box moved
x@relay.example   relay moved
bare              bare moved
"""
BY_MOVED = [
    *("x@far.example", "x+y@far.example", "u+e@far.example", "u+f@far.example", "q@dom.example"),
    *("q@sub.dom.example", "x@alias.example", "y@alias.example", "x@box.example"),
    *("x@relay.example", "bare@l.example", "bare@far.example", "bare@mx.test.example"),
    *("X@L.EXAMPLE", "x@l.example"),
]
LIST = (
    "!no.example, {etc}/list, inline:{t.example=x}, .dot.example, UP.example pcre:{etc}/patterns"
    ' cidr:{{10.0.0.0/8 x}} [1.2.3.4], "q.example" *.star.example'
)
LISTED = [
    f"x@{domain}"
    for domain in (
        *("no.example", "sub.no.example", "file.example", "not.file.example", "sub.file.example"),
        *("t.example", "sub.t.example", "dot.example", "a.dot.example", "up.example"),
        *("pc.example", "a.pc.example", "10.1.1.1", "[10.1.1.1]", "[1.2.3.4]", "q.example"),
        *("a.star.example", "cont.example", "a.cont.example"),
    )
]
LIST_FILES = {
    "list": "file.example\n!not.file.example\n# comment\nsub/x.example\n .cont.example\n",
    "patterns": "/^pc\\.example$/ x\n",
}


@dataclass(frozen=True)
class Site:
    """A main.cf with its tables, and addresses, alone or with their senders."""

    name: str
    addresses: Sequence[str | tuple[str, str]]
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the test."""
        return self.name.replace(" ", "-")


def _sites() -> Iterator[Site]:
    yield Site("forms of addresses", FORMS, {"proxy_interfaces": "192.0.2.9"})
    yield Site(
        "forms of addresses with everything turned round",
        # Postfix makes user@[2001:db8::1] of it, without the tag that RFC 5321 asks for.
        [form for form in FORMS if form != "a@2001:db8::1"],
        {
            "relayhost": "[Relay.Host]:26",
            "append_dot_mydomain": "yes",
            "mydomain": "m.test",
            "resolve_null_domain": "yes",
            "resolve_numeric_domain": "yes",
            "swap_bangpath": "no",
            "allow_percent_hack": "no",
            "allow_min_user": "yes",
            "resolve_dequoted_address": "no",
        },
    )
    yield Site(
        "transports of their own",
        FORMS,
        {
            "default_transport": "smtp:[Over.x]",
            "relay_transport": "relay:there",
            "local_transport": "lmtp:unix:/x",
            "virtual_transport": "virtual:vv",
            "relayhost": "host:26",
            "empty_address_recipient": "nobody",
            "append_at_myorigin": "no",
            "myorigin": "or.example",
        },
    )
    yield from _transport_sites()
    yield from _sender_sites()
    yield from _list_sites()


def _transport_sites() -> Iterator[Site]:
    table = {"transport_maps": "texthash:{etc}/transport"}
    files = {"transport": TRANSPORTS}
    yield Site("transport maps", BY_TRANSPORT, table, files)
    parents = {"parent_domain_matches_subdomains": "transport_maps", "relayhost": "[rh]"}
    yield Site("transport maps of parents", BY_TRANSPORT, {**parents, **table}, files)
    yield Site(
        "transport maps over next hops of parameters",
        BY_TRANSPORT,
        {
            **table,
            "relayhost": "[rh]:25",
            "default_transport": "dt:dn",
            "relay_transport": "rt:rn",
            "local_transport": "lt",
            "virtual_transport": "vt:vn",
        },
        {"transport": TRANSPORTS.replace("*  ", "zz ")},
    )
    yield Site(
        "patterns as transport maps",
        ["a@far.example", "a@x.dom", "a+b@x.dom", "a@b.c"],
        {"transport_maps": "pcre:{etc}/transport"},
        {"transport": "/^a\\+b@/ smtp:ext\n/^(.*)@far/ smtp:$1\n/^.dom$/ smtp:up\n/^\\*$/ star:\n"},
    )
    yield Site("one transport for all", ONE_OF_EACH, {"transport_maps": "static:smtp:all"})
    for spec in ("fail:down", "hash:{etc}/nowhere", "inline:{x@l.example=:}, fail:down"):
        yield Site(f"transport maps {spec}", ONE_OF_EACH, {"transport_maps": spec})


def _sender_sites() -> Iterator[Site]:
    by_sender = {"sender_dependent_default_transport_maps": "texthash:{etc}/senders"}
    relays = {"sender_dependent_relayhost_maps": "texthash:{etc}/relays"}
    files = {"senders": BY_SENDER, "relays": RELAYS}
    relayhost = {"relayhost": "[rh]"}
    yield Site("transports by sender", SENDERS, by_sender, files)
    yield Site("transports by sender and a relayhost", SENDERS, {**by_sender, **relayhost}, files)
    yield Site("relayhosts by sender", SENDERS, {**relays, **relayhost}, files)
    yield Site(
        "transports and relayhosts by sender",
        SENDERS,
        {
            **by_sender,
            **relays,
            **relayhost,
            "empty_address_relayhost_maps_lookup_key": "l@l.example",
            "empty_address_default_transport_maps_lookup_key": "bare",
        },
        files,
    )
    some = {"transport_maps": "inline:{far.example=:, l.example=lmtp:}"}
    yield Site("tables of all kinds", SENDERS, {**by_sender, **relays, **relayhost, **some}, files)
    for parameter in (*by_sender, *relays):
        yield Site(f"{parameter} is down", SENDERS, {parameter: "fail:down"})
    moved = {"relocated_maps": "texthash:{etc}/moved"}
    yield Site("addresses that have moved", BY_MOVED, moved, {"moved": MOVED})
    everywhere = {**moved, "transport_maps": "static:smtp:all"}
    yield Site("moved, and a transport", BY_MOVED, everywhere, {"moved": MOVED})
    yield Site("relocated_maps is down", ONE_OF_EACH, {"relocated_maps": "fail:down"})


def _list_sites() -> Iterator[Site]:
    for name in list(CLASSES)[:4]:
        yield Site(f"{name} of all sorts", LISTED, {name: LIST}, LIST_FILES)
        yield Site(f"{name} is down", [*ONE_OF_EACH, "x@[127.0.0.1]"], {name: "fail:down"})
        yield Site(f"{name} is not there", ONE_OF_EACH, {name: "hash:{etc}/nowhere"})


@pytest.fixture(autouse=True)
def _as_a_service() -> Iterator[None]:
    """Open tables as a service does: what is not there is asked for later."""
    tell_problems(lambda _: None)
    yield
    keep_problems()


@pytest.mark.parametrize("site", list(_sites()), ids=str)
def test_both_resolve_alike(site: Site) -> None:
    with tempfile.TemporaryDirectory(prefix="resolve-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        for name, text in site.files.items():
            (root / name).write_text(text)
        settings = {
            name: value.replace("{etc}", folder)
            for name, value in {**CLASSES, **site.settings}.items()
        }
        questions = [q if isinstance(q, tuple) else (q, SENDER) for q in site.addresses]
        with PostfixOracle(root, settings) as oracle:
            theirs = [rewrite_oracle.ask(oracle.queue, *question) for question in questions]
        lines = "".join(f"{name} = {value}\n" for name, value in {**SETTINGS, **settings}.items())
        ours = asyncio.run(_ours(lines, questions))
    answers = zip(questions, theirs, ours, strict=True)
    differing = {question: (their, our) for question, their, our in answers if their != our}
    assert differing == {}


async def _ours(lines: str, questions: Sequence[tuple[str, str]]) -> list[Answer]:
    routing = Routing.open(from_text(lines).section(RoutingParameters))
    return [await _resolved(routing, *question) for question in questions]


async def _resolved(routing: Routing, address: str, sender: str) -> Answer:
    try:
        found = await resolve(address, sender=sender, routing=routing)
    except MapUnavailable:
        return UNKNOWN
    if found.malformed:
        return MALFORMED
    return Answer(
        found.transport, found.nexthop, found.recipient, found.address_class, routed=found.routed
    )
