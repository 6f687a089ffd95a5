"""Parameters of address rewriting and routing, beside those of common.py.

Postfix: trivial-rewrite(8), cleanup(8), postconf(5)
"""

from spoolmta.config.parameter import Section, number, text, yes_no
from spoolmta.config.parameters.common import CommonParameters


class RewritingParameters(CommonParameters):
    """How an address of any form becomes user@fully.qualified.domain."""

    remote_header_rewrite_domain: str = text("")  # the domain for headers of foreign mail


class RoutingParameters(RewritingParameters):
    """Which class a recipient's domain is in, and where its mail goes next."""

    virtual_alias_recursion_limit: int = number("1000", min=1)  # aliases of aliases
    virtual_alias_expansion_limit: int = number("1000", min=1)  # addresses that one becomes
    virtual_alias_address_length_limit: int = number("1000", min=1)  # characters of a result
    relocated_prefix_enable: bool = yes_no("yes")  # "5.1.6 User has moved to" before their results
    show_user_unknown_table_name: bool = yes_no("yes")  # "in local recipient table" and so on


class Utf8Parameters(Section, not_yet="it is not supported yet"):
    """Internationalised addresses."""

    enable_idna2003_compatibility: bool = yes_no("no")  # names of the older rules
    smtputf8_autodetect_classes: str = text(
        "sendmail, verify", empty_allowed=False
    )  # mail that is searched for UTF-8
