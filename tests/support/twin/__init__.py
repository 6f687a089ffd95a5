"""The same mail through a real Postfix and through spoolmta, told as stories that must be equal.

A site is one configuration that both run; its cases are mail, handed to both side by side. In place
of every transport stands a command that records what it is given, so that a story has each delivery
with transport, next hop, envelope and content. See tests/differential/mail/ for what cases look
like:

    Site(
        "a canonical map rewrites the envelope",
        main="canonical_maps = inline:{ {joe@a.example = joseph@b.example} }",
        cases=[mail("joe@a.example", "x@far.example", shows="from <joseph@b.example>")],
    )

Limits: needs root, as Postfix does
"""

from tests.support.twin.cases import Mail, Site, mail
from tests.support.twin.run import agree

__all__ = ["Mail", "Site", "agree", "mail"]
