"""Parameters of debugging aids.

Postfix: DEBUG_README, postconf(5)
"""

from spoolmta.config.parameter import Section, number, text


class DebuggingParameters(Section, not_yet="there is no debugging aid of that kind"):
    """More words in the log, and faults on purpose."""

    debug_peer_level: int = number("2", min=1)  # how much more is logged of these peers
    debug_peer_list: str = text("")  # hosts and networks of which more is logged
    debugger_command: str = text("")  # command that -D runs
    fault_injection_code: int = number("0")  # fault that is made on purpose
