"""Asks, and prints the answer: for a person, or as JSON.

Must not: print anything but the answer to standard output
"""

import asyncio
import ipaddress

from spoolmta.cli.access import Access
from spoolmta.cli.explanation import standing
from spoolmta.cli.explanation.facts import Explanation, Verdict, fields
from spoolmta.cli.explanation.inquiry import Inquiry, Question, single_address, start_reader
from spoolmta.cli.explanation.story import story
from spoolmta.cli.output import print_json
from spoolmta.config.loader import Configuration
from spoolmta.errors import UsageError

_STATUSES = {Verdict.REFUSED: 1, Verdict.UNDELIVERABLE: 1, Verdict.UNDECIDED: 75}


def question(
    address: str,
    *,
    sender: str | None,
    client: str,
    sasl: str,
    helo: str,
    service: str | None,
    dns: bool,
) -> Question:
    """Return what the words of a command line ask.

    Raises UsageError: one of them is not what it should be.
    """
    if client:
        try:
            ipaddress.ip_address(client)
        except ValueError:
            raise UsageError(f'--client "{client}": expected an IP address') from None
    return Question(
        single_address(address),
        None if sender is None else single_address(sender),
        client,
        sasl,
        helo,
        service,
        dns,
    )


def show(directory: str | None, asked: Question, *, as_json: bool) -> int:
    """Print what would happen; return the exit status.

    Raises ConfigError: the mail system does not start with this configuration.
    """
    access = Access(directory)
    told = answer(access.configuration, asked)
    standing.bind(told, access, asked.client, asked.sasl)
    if as_json:
        print_json(fields(told))
    else:
        print("\n".join(story(told)))
    return _STATUSES.get(told.verdict, 0)


def answer(configuration: Configuration, asked: Question) -> Explanation:
    """Return the explanation.

    Raises ConfigError: the mail system does not start with this configuration.
    """
    reader = start_reader(configuration)
    try:
        return asyncio.run(Inquiry(configuration, asked, reader).run())
    finally:
        if reader is not None:
            reader.close()
