"""What the name service says of a domain that mail claims to be from, or is for.

RFC:      5321 5.1 (MX, then address records), 7505 (null MX)
Must not: decide anything
"""

from enum import Enum

from spoolmta.net.dns import Resolver


class MailDomain(Enum):
    """Whether a domain takes mail."""

    TAKES_MAIL = "takes mail"
    NULL_MX = "says that it takes none"
    UNKNOWN = "has no record"


async def look_up_mail_domain(resolver: Resolver, domain: str) -> MailDomain:
    """Return whether a domain has MX or address records.

    Raises DnsTryAgain: the caller defers.
    """
    exchangers = (await resolver.mx(domain)).records
    if exchangers:
        is_null = len(exchangers) == 1 and not exchangers[0].host
        return MailDomain.NULL_MX if is_null else MailDomain.TAKES_MAIL
    addresses = await resolver.addresses(domain)
    return MailDomain.TAKES_MAIL if addresses else MailDomain.UNKNOWN


async def has_mail_records(resolver: Resolver, name: str) -> bool:
    """Return whether a name has address or MX records, even a null MX.

    Raises DnsTryAgain: the caller defers.
    """
    return await look_up_mail_domain(resolver, name) is not MailDomain.UNKNOWN
