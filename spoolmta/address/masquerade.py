"""Masquerading: hosts of a domain hide behind the name of the domain.

Postfix:    ADDRESS_REWRITING_README, postconf(5) masquerade_domains
Parameters: masquerade_domains, masquerade_exceptions, masquerade_classes
"""

from spoolmta.address.canonical import AddressKinds, parse_kinds
from spoolmta.maps import MatchList, open_match_list


class Masquerade:
    """Domains that hide their hosts. *kinds* are those of the addresses that are changed."""

    def __init__(
        self, domains: tuple[str, ...], exceptions: MatchList, kinds: AddressKinds
    ) -> None:
        """A domain with "!" before it, and what is below it, shows; the first that matches counts.

        *exceptions* are local parts that keep their host.
        """
        self.kinds = kinds if domains else frozenset()
        self._exceptions = exceptions
        self._rules = tuple(
            (name, f".{name}", domain.startswith("!"))
            for domain in domains
            if (name := domain.lstrip("!"))
        )

    @classmethod
    def open(cls, domains: str, exceptions: str, classes: str) -> "Masquerade":
        """Return what the parameters say.

        Raises ConfigError: a class is not known, or a table cannot be opened.
        """
        return cls(
            tuple(domains.lower().replace(",", " ").split()),
            open_match_list(exceptions, exact=True),
            parse_kinds(classes, "masquerade_classes"),
        )

    async def hidden(self, address: str) -> str:
        """Return an address with the domain that its host hides behind.

        Raises MapUnavailable: a table gives no answer; the caller tries again later.
        """
        local, at, domain = address.rpartition("@")
        if not at or await self._exceptions.matches(local):
            return address
        folded = f".{domain.lower()}"
        for name, suffix, shows in self._rules:
            if folded.endswith(suffix):
                return address if shows or folded == suffix else f"{local}@{name}"
        return address
