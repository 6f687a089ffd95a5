"""A connection to an LDAP server: opened, secured and bound as a table's client says.

Postfix:    ldap_table(5) server_host, bind, LDAP SASL PARAMETERS, LDAP SSL AND STARTTLS PARAMETERS
RFC:        4511, 4513, 4516 (URLs)
Must not:   know what is searched for
"""

import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.server_pool import QueryRefused, ServerLost, ServerSilent

with warnings.catch_warnings():
    # The driver uses names of pyasn1 that are going to be others.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core import exceptions as ldap_errors

SCOPES = {"sub": ldap3.SUBTREE, "base": ldap3.BASE, "one": ldap3.LEVEL}
_SUCCESS = 0
_TIME_LIMIT_EXCEEDED = 3
_NO_SUCH_OBJECT = 32
_GONE = frozenset({51, 52})  # busy, unavailable
_BIND = {"no": "no", "none": "no", "yes": "simple", "simple": "simple", "sasl": "sasl"}
_DEREFERENCE = (
    ldap3.DEREF_NEVER,
    ldap3.DEREF_SEARCH,
    ldap3.DEREF_BASE,
    ldap3.DEREF_ALWAYS,
)
_SASL_MECHANISMS = (ldap3.EXTERNAL, ldap3.DIGEST_MD5, ldap3.KERBEROS, ldap3.PLAIN)


@dataclass(frozen=True, slots=True)
class LdapClient:
    """What a client says of its servers and of itself."""

    servers: tuple[str, ...]
    timeout: int
    version: int
    bind: str
    bind_dn: str
    bind_password: str
    sasl_mechanism: str
    sasl_realm: str
    sasl_authz_id: str
    dereference: int
    chase_referrals: bool
    start_tls: bool
    tls: tuple[tuple[str, str], ...]
    require_certificate: bool


class Search(NamedTuple):
    """One question to a server. That the base is not there is an error, or else finds nothing."""

    base: str
    filter: str
    scope: str
    attributes: Sequence[str]
    size_limit: int
    base_must_exist: bool


class Entry(NamedTuple):
    """An entry that was found: its attributes' names and values, in the server's order."""

    dn: str
    attributes: Sequence[tuple[str, Sequence[bytes]]]


def read_client(parameters: ClientParameters) -> LdapClient:
    """Return what the parameters say of servers, binding and TLS.

    Raises ConfigError: one of them cannot be understood.
    """
    bind = parameters.choice("bind", "yes", _BIND)
    version = parameters.number("version", 3)
    if version not in (2, 3):
        raise parameters.error("version", f"bad value: version = {version}", "2 or 3")
    dereference = parameters.number("dereference", 0)
    if dereference not in range(len(_DEREFERENCE)):
        raise parameters.error("dereference", f"bad value: dereference = {dereference}", "0 to 3")
    mechanism = _sasl_mechanism(parameters) if bind == "sasl" else ""
    tls = {
        "ca_certs_file": "tls_ca_cert_file",
        "ca_certs_path": "tls_ca_cert_dir",
        "ciphers": "tls_cipher_suite",
        "local_certificate_file": "tls_cert",
        "local_private_key_file": "tls_key",
    }
    return LdapClient(
        servers=_servers(parameters),
        timeout=parameters.number("timeout", 10, minimum=1),
        version=version,
        bind=bind,
        bind_dn=parameters.text("bind_dn"),
        bind_password=parameters.text("bind_pw"),
        sasl_mechanism=mechanism,
        sasl_realm=parameters.text("sasl_realm"),
        sasl_authz_id=parameters.text("sasl_authz_id"),
        dereference=dereference,
        chase_referrals=parameters.number("chase_referrals", 0) != 0,
        start_tls=parameters.yes_no("start_tls", default=False),
        tls=tuple((ours, text) for ours, name in tls.items() if (text := parameters.text(name))),
        require_certificate=parameters.yes_no("tls_require_cert", default=False),
    )


class LdapConnection:
    """One connection, bound."""

    def __init__(self, server: str, client: LdapClient) -> None:
        """Raises ServerLost: the server cannot be reached, or does not take the account."""
        self._client = client
        try:
            self._driver = self._connect(server)
        except (ldap_errors.LDAPExceptionError, OSError, ssl.SSLError) as error:
            raise ServerLost(_one_line(error)) from error

    def search(self, search: Search) -> list[Entry]:
        """Return the entries that are found.

        Raises ServerLost, QueryRefused: see server_pool.
        """
        try:
            self._driver.search(
                search.base,
                search.filter,
                search.scope,
                dereference_aliases=_DEREFERENCE[self._client.dereference],
                attributes=list(search.attributes) or [ldap3.NO_ATTRIBUTES],
                size_limit=search.size_limit,
                time_limit=self._client.timeout,
            )
        except ldap_errors.LDAPResponseTimeoutError as error:
            raise ServerSilent(_one_line(error)) from error
        except (ldap_errors.LDAPCommunicationError, OSError) as error:
            raise ServerLost(_one_line(error)) from error
        except (ldap_errors.LDAPExceptionError, UnicodeError) as error:
            raise QueryRefused(f"search failed: {_one_line(error)}") from error
        return self._entries(search)

    def close(self) -> None:
        """See Session."""
        _close(self._driver)

    def _connect(self, server: str) -> Any:
        client = self._client
        tls = ldap3.Tls(
            validate=ssl.CERT_REQUIRED if client.require_certificate else ssl.CERT_NONE,
            **dict(client.tls),
        )
        target = ldap3.Server(server, tls=tls, get_info=ldap3.NONE, connect_timeout=client.timeout)
        driver = ldap3.Connection(
            target,
            version=client.version,
            auto_referrals=client.chase_referrals,
            receive_timeout=client.timeout,
            check_names=False,
            read_only=True,
            **self._account(),
        )
        try:
            self._bind(driver)
        except (ServerLost, ldap_errors.LDAPExceptionError, OSError):
            _close(driver)
            raise
        return driver

    def _bind(self, driver: Any) -> None:
        driver.open(read_server_info=False)
        if self._client.start_tls and not driver.start_tls(read_server_info=False):
            raise ServerLost(f"STARTTLS failed: {driver.result['description']}")
        if self._client.bind != "no" and not driver.bind(read_server_info=False):
            result = driver.result
            raise ServerLost(f"bind failed: {result['description']} {result['message']}".strip())

    def _account(self) -> dict[str, Any]:
        client = self._client
        if client.bind == "sasl":
            return {
                "authentication": ldap3.SASL,
                "sasl_mechanism": client.sasl_mechanism,
                "sasl_credentials": self._sasl_credentials(),
            }
        if client.bind == "simple" and client.bind_dn:
            return {
                "authentication": ldap3.SIMPLE,
                "user": client.bind_dn,
                "password": client.bind_password,
            }
        return {"authentication": ldap3.ANONYMOUS}

    def _sasl_credentials(self) -> tuple[str | bytes | None, ...] | str:
        client = self._client
        authz_id = client.sasl_authz_id
        if client.sasl_mechanism == ldap3.DIGEST_MD5:
            realm = client.sasl_realm or None
            return realm, client.bind_dn, client.bind_password, authz_id or None
        if client.sasl_mechanism == ldap3.PLAIN:
            return authz_id, client.bind_dn, client.bind_password
        return (None, authz_id) if client.sasl_mechanism == ldap3.KERBEROS else authz_id

    def _entries(self, search: Search) -> list[Entry]:
        code = self._driver.result["result"]
        if code == _NO_SUCH_OBJECT and not search.base_must_exist:
            return []
        if code != _SUCCESS:
            problem = f"search failed: {self._driver.result['description']}"
            if code in _GONE:
                raise ServerLost(problem)
            if code == _TIME_LIMIT_EXCEEDED:
                raise ServerSilent(problem)
            raise QueryRefused(problem)
        return [
            Entry(found["dn"], list(found["raw_attributes"].items()))
            for found in self._driver.response or ()
            if found["type"] == "searchResEntry"
        ]


def _close(driver: Any) -> None:
    try:
        driver.unbind()
    except (ldap_errors.LDAPExceptionError, OSError):
        # The server is gone, and the driver leaves the socket as it is.
        if driver.socket is not None:
            driver.socket.close()


def _servers(parameters: ClientParameters) -> tuple[str, ...]:
    """Return the servers as URLs.

    Raises ConfigError: a port is no number.
    """
    port = parameters.number("server_port", 389, minimum=1)
    servers = []
    for word in parameters.text("server_host", "localhost").replace(",", " ").split():
        scheme, mark, rest = word.partition("://")
        if not mark:
            has_port = word.rpartition(":")[2].isdigit() and not word.endswith("]")
            servers.append(f"ldap://{word}" if has_port else f"ldap://{word}:{port}")
        elif scheme.lower() == "ldapi":
            servers.append("ldapi://" + unquote(rest.rstrip("/")))
        elif scheme.lower() in ("ldap", "ldaps"):
            servers.append(f"{scheme.lower()}://{rest.partition('/')[0]}")
        else:
            raise parameters.error(
                "server_host",
                f"bad server: {word}",
                "host, host:port, ldap://, ldaps:// or ldapi://",
            )
    return tuple(servers)


def _sasl_mechanism(parameters: ClientParameters) -> str:
    """Return the first of sasl_mechs that can be used.

    Raises ConfigError: none can, or a security layer is demanded.
    """
    if parameters.number("sasl_minssf", 0) > 0:
        raise parameters.error(
            "sasl_minssf", "no security layer is supported", "0, with ldaps:// or start_tls = yes"
        )
    mechanisms = parameters.text("sasl_mechs").upper().replace(",", " ").split()
    found = next((name for name in mechanisms if name in _SASL_MECHANISMS), None)
    if found is None:
        raise parameters.error(
            "sasl_mechs", "no usable SASL mechanism", "one of " + ", ".join(_SASL_MECHANISMS)
        )
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
