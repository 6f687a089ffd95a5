"""Settings of Postfix's parameters that have no effect here, each with the reason.

Some have nothing to do here because spoolmta is built otherwise (harmless), and some stand for
behaviour that is missing. The section that declares a parameter says so; here stands what depends
on the value.
"""

from functools import cache

from spoolmta.config import catalogue
from spoolmta.config.parameter import Gap, Section
from spoolmta.config.parameters import sections
from spoolmta.config.replaced import SUCCESSORS

# What spoolmta does anyway: setting the parameter to this value changes nothing.
_AS_IT_IS = {
    "smtp_tls_security_level": "none",
    "lmtp_tls_security_level": "none",
    "smtpd_tls_security_level": "none",
    "smtpd_tls_auth_only": "yes",
    "smtpd_delay_open_until_valid_rcpt": "yes",
}
_NOTHING_ASKED = ("", "no", "none")


def gap(name: str) -> Gap | None:
    """Return why the parameter *name* of Postfix has no effect; None if it has one.

    A former name has the effect of the name that replaced it.
    """
    if name in _sections():
        return _sections()[name].gap
    successor = SUCCESSORS.get(name)
    if successor:
        missing = gap(successor)
        return missing and missing._replace(reason=f"{missing.reason}; today it is {successor}")
    section = catalogue.section_of_suffix(name)
    return section.gap if section else None


def gap_of_value(name: str, value: str) -> Gap | None:
    """Return why a parameter of Postfix, set to *value*, does not do what it says.

    None if it does, also because it asks for nothing that spoolmta would have to do.
    """
    missing = gap(name)
    if missing is None:
        return None
    if not missing.harmless and (_is_as_it_is(name, value) or _asks_for_nothing(name, value)):
        return None
    return missing


def _is_as_it_is(name: str, value: str) -> bool:
    return _AS_IT_IS.get(name) == value.lower()


def _asks_for_nothing(name: str, value: str) -> bool:
    """Return whether a feature that is off by default is left off."""
    is_default = catalogue.default(name) == value
    return is_default and value in _NOTHING_ASKED and not name.startswith("disable_")


@cache
def _sections() -> dict[str, type[Section]]:
    """Return the section that declares each parameter."""
    return {
        name: section
        for section in sections()
        for name, parameter in section.parameters.items()
        if vars(section).get(parameter.attribute) is parameter
    }
