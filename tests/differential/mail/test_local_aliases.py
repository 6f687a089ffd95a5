"""local(8): aliases, lists, .forward files, and what mail that goes on looks like.

Users are accounts that every Debian has: games, news, man and lp. Their homes are not ours, so
forward_path leads into {etc}.
"""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Mail, Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

BARE = """\
mydestination = here.example
myorigin = here.example
mail_spool_directory = {out}
forward_path = {etc}/forward.$user${recipient_delimiter}${extension}, {etc}/forward.$user
recipient_delimiter = +
biff = no
"""
MAIN = BARE + "alias_maps = hash:{etc}/aliases\n"
SENDER = "s@src.example"


def to(*names: str, shows: str = "", head: str = "", **more: str) -> Mail:
    """Return mail for names of here.example; the text tells which case it is."""
    text = (
        f"{head}From: {SENDER}\nTo: people@far.example\nSubject: {' '.join(names)}\n\nFrom x\n.\n"
    )
    recipients = [name if "@" in name else f"{name}@here.example" for name in names]
    return mail(more.pop("sender", SENDER), recipients, text, shows=shows, **more)


SITES = [
    Site(
        "aliases of one and of many",
        main=MAIN,
        real={"local"},
        files={
            "aliases": """\
one: games
two: games, news
far: x@far.example, y@far.example
mixed: games, x@far.example, "|cat >/dev/null", {out}/box
chain: link
link: one, two
twice: games, Games, one, GAMES@here.example
lost: nobody-here
partly: games, nobody-here
CaSe: news
"quoted name": lp
news: news, x@far.example
man: \\man, y@far.example
percent: user%far.example, host!user
bad: games@, x@far.example
tilde: ~/box
null: /dev/null
""",
        },
        cases=[
            to("games", shows="file games"),
            to("GAMES+Ext", shows="Delivered-To: GAMES+Ext@here.example"),
            to("one", shows="<games@here.example> (was <one@here.example>) at local"),
            to("two", shows="<news@here.example> (was <two@here.example>) at local"),
            to("far", shows="to <y@far.example>"),
            to("mixed", shows="forwarded as"),
            to("chain", shows="(was <chain@here.example>) at local: 2.0.0 sent"),
            to("twice", shows="Subject: twice"),
            to("lost", shows='5.1.1 bounced: unknown user: "nobody-here"'),
            to("partly", shows="Final-Recipient: rfc822; nobody-here@here.example"),
            to("case", shows="Delivered-To: case@here.example"),
            to('"quoted name"', shows='Delivered-To: "quoted name"@here.example'),
            to("news", shows="to <x@far.example>"),
            to("man", shows="to <y@far.example>"),
            to("percent", shows="<user@far.example>"),
            to("bad", shows="bad recipient address syntax: games@"),
            to("tilde", shows="5.3.5 bounced: mail system configuration error"),
            to("null", shows="delivered to file: /dev/null"),
            to("one", "two", "far", sender="", shows="Return-Path: <>"),
            to("no-such", shows='unknown user: "no-such"'),
            to("postmaster", shows="2.0.0 sent: discarded"),
            to("root", shows="file root"),
        ],
    ),
    Site(
        "values of aliases in all spellings",
        main=MAIN + "luser_relay = lost+$local@u.example\n",
        real={"local"},
        files={
            "list": "listed@x.example\n",
            "aliases": """\
v1: a@x.example b@y.example
v2: <a@x.example> b@y.example
v3: Joe Doe a@b.example
v4: "Joe" <j@x.example>, Doe <k@x.example> (comment)
v5: a@x.example;b@y.example
v6: grp: a@x.example, b@y.example;
v7: "|cat >/dev/null" a@x.example
v8: a@x.example /dev/null
v9: |true x
v10: :include:{etc}/list a@x.example
v11: ":include:{etc}/list", "a@x.example, b@y.example"
v12: "|true" (comment), (comment) /dev/null
v13: a,,b@x.example,
v14: a b c@x.example d e@x.example
v15: "| true"
v16: a@x.example#b
v17: a@x.example,
  b@y.example,
# a remark in between
  c@z.example
v18: (nothing)
v19: ,
""",
        },
        cases=[to(f"v{number}") for number in range(1, 20)],
    ),
    Site(
        "lists with owners",
        main=MAIN,
        real={"local"},
        files={
            "members": "news, z@far.example\n",
            "aliases": """\
owner-list: boss@far.example
list: games, x@far.example, inner
inner: news, "|cat >/dev/null"
owner-once: games
once: "|cat > {out}/once", {out}/once-box
owner-self: owner-self
self: self-archive, y@far.example
self-archive: {out}/archive
owner-file: games
file: :include:{etc}/members
list-request: games
around: list
""",
        },
        cases=[
            to("list", shows="from <owner-list@here.example>"),
            to("list+ext", shows="Delivered-To: list+ext@here.example"),
            to("owner-list", shows="to <boss@far.example>"),
            to("once", shows="file once-box"),
            to("self", shows="from <owner-self@here.example>"),
            to("file", shows="to <z@far.example>"),
            to("list-request", shows="list-request@here.example"),
            to("around", shows="from <owner-list@here.example>"),
            to("list", sender="", shows="from <owner-list@here.example>"),
        ],
    ),
    Site(
        "owners forgotten by inner aliases",
        main=MAIN + "reset_owner_alias = yes\nexpand_owner_alias = yes\n",
        real={"local"},
        files={
            "aliases": "owner-list: boss@far.example\nlist: inner, games\ninner: news, man\n",
        },
        cases=[
            to("list", shows="Return-Path: <boss@far.example>"),
            to("inner", shows="file news"),
        ],
    ),
    Site(
        "extensions go along",
        main=MAIN.replace("_delimiter = +", "_delimiter = +-")
        + "propagate_unmatched_extensions = canonical, virtual, alias, forward, include\n",
        real={"local"},
        files={
            "forward.man": "x@far.example, lp\n",
            "forward.man+own": "own@far.example\n",
            "list": "x@far.example, news\n",
            "aliases": """\
one: games, x@far.example
exact+ext: y@far.example
file: :include:{etc}/list
chain: one
""",
        },
        cases=[
            to("one+ext", shows="to <x+ext@far.example>"),
            to("one-ext", shows="to <x-ext@far.example>"),
            to("one+a-b", shows="to <x+a-b@far.example>"),
            to("exact+ext", shows="to <y@far.example>"),
            to("file+ext", shows="to <x+ext@far.example>"),
            to("chain+Ext", shows="to <x+ext@far.example>"),
            to("man+own", shows="to <own@far.example>"),
            to("man+other", shows="to <x+other@far.example>"),
            to("games+a/b", shows="Delivered-To: games+a/b@here.example"),
            to("+ext", shows='unknown user: "+ext"'),
            to("games+", shows="Delivered-To: games+@here.example"),
        ],
    ),
    Site(
        "lists in files",
        main=MAIN,
        real={"local"},
        files={
            "people": "# people\ngames\nx@far.example, news\n one\n\n:include:{etc}/more\n",
            "more": "y@far.example\n:include:{etc}/people\n",
            "nobody": "# nobody yet\n",
            "commands": '"|true"\n',
            "paths": "/dev/null\n",
            "aliases": """\
one: man
people: :include:{etc}/people
missing: :include:{etc}/no-such-file
folder: :include:{etc}
relative: :include:people
commands: :include:{etc}/commands
paths: :include:{etc}/paths
rest: :include:{etc}/no-such-file, z@far.example
""",
        },
        cases=[
            to("people", shows="to <y@far.example>"),
            to("missing", shows="5.3.5 bounced: mail system configuration error"),
            to("folder", shows="5.3.5 bounced: mail system configuration error"),
            to("relative", shows="5.3.5 bounced: mail system configuration error"),
            to("commands", shows="5.7.1 bounced: mail to command is restricted"),
            to("paths", shows="5.7.1 bounced: mail to file is restricted"),
            to("rest", shows="to <z@far.example>"),
        ],
    ),
    Site(
        "forward files",
        main=MAIN,
        real={"local"},
        files={
            "forward.games": '\\games, x@far.example, news, "|cat > {out}/$ORIGINAL_RECIPIENT"\n',
            "forward.news": "# nothing but a remark\n\n",
            "forward.man": "",
            "forward.lp": "games\nlp+again\n",
            "aliases": "one: games, y@far.example\nboth: games, games+ext\n",
        },
        cases=[
            to("games", shows="to <x@far.example>"),
            to("games+ext", shows="Delivered-To: games+ext@here.example"),
            to("news", shows="file news"),
            to("man", shows="file man"),
            to("lp", shows="(was <lp@here.example>)"),
            to("one", shows="to <y@far.example>"),
            to("both", shows="to <x@far.example>"),
        ],
    ),
    Site(
        "loops",
        main=MAIN,
        real={"local"},
        files={
            "forward.games": "news\n",
            "forward.news": "games\n",
            "aliases": "one: two\ntwo: one\nall: lp, man\n",
        },
        cases=[
            to("one", shows="5.4.6 bounced: alias database loop for two"),
            to("games", shows="5.4.6 bounced: mail forwarding loop for games@here.example"),
            to(
                "lp",
                head="Delivered-To: LP@here.example\n",
                shows="5.4.6 bounced: mail forwarding loop for lp@here.example",
            ),
            to(
                "all",
                head="Delivered-To: man@here.example\n",
                shows="5.4.6 bounced: mail forwarding loop for man@here.example",
            ),
            to("lp", head="Delivered-To: lp@there.example\n", shows="file lp"),
            to("man", head="X-Seen: a\n\nDelivered-To: man@here.example\n", shows="file man"),
        ],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
