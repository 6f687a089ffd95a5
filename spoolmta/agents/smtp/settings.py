"""The parameters of the client under one set of names, be they smtp_... or lmtp_... in main.cf.

Postfix:    smtp(8): the two programs differ in the prefix of their parameters
Parameters: smtp_..., lmtp_..., disable_dns_lookups, relayhost, known_tcp_ports, inet_interfaces,
            proxy_interfaces, inet_protocols, myhostname, queue_directory
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spoolmta.config.parameters.smtp import ClientParameters, LmtpParameters, SmtpParameters
from spoolmta.errors import ConfigError
from spoolmta.maps.lookup import Maps
from spoolmta.maps.match_list import MatchList
from spoolmta.maps.registry import open_maps, open_match_list
from spoolmta.net.endpoint import parse_known_ports
from spoolmta.net.interfaces import enabled_families, own_addresses, proxy_addresses
from spoolmta.net.network import Address, parse_address
from spoolmta.protocols.smtp_client import Phase

FINAL = "X"  # the flag for a last hop

_BOTH = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """How the servers of a destination are found."""

    lmtp: bool = False
    default_service: str = "25"
    known_ports: Mapping[str, int] = field(default_factory=dict)
    methods: tuple[str, ...] = ("dns",)
    use_mx: bool = True
    families: tuple[int, ...] = _BOTH
    preferred_family: int | None = None
    balance: bool = True
    randomize: bool = True
    defer_without_address: bool = False
    ignore_mx_error: bool = False
    address_limit: int = 5
    own: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class DialogueSettings:
    """How a conversation goes."""

    lmtp: bool = False
    hello_name: str = "localhost.localdomain"
    own_name: str = "localhost.localdomain"
    always_ehlo: bool = True
    never_ehlo: bool = False
    skip_5xx_greeting: bool = True
    skip_quit_response: bool = True
    line_length_limit: int = 998
    convert_8bit: bool = True
    discarded_keywords: tuple[str, ...] = ()
    discarded_keyword_maps: Maps = field(default_factory=lambda: Maps(()))
    reply_filter: Maps = field(default_factory=lambda: Maps(()))
    timeouts: Mapping[Phase, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReuseSettings:
    """How long connections are kept, and for whom."""

    on_demand: bool = True
    destinations: MatchList = field(
        default_factory=lambda: MatchList([], parents=False, exact=False)
    )
    idle_limit: float = 2.0
    age_limit: float = 300.0
    count_limit: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them.

    *sources* are the own addresses to connect from, by family; *flags* those of flags.py.
    """

    lookup: LookupSettings = field(default_factory=LookupSettings)
    dialogue: DialogueSettings = field(default_factory=DialogueSettings)
    reuse: ReuseSettings = field(default_factory=ReuseSettings)
    sources: Mapping[int, str] = field(default_factory=dict)
    sources_required: bool = False
    connect_timeout: float = 30.0
    session_limit: int = 2
    fallback_relays: tuple[str, ...] = ()
    relayhost: str = ""
    best_mx_transport: str = ""
    soft_bounce: bool = False
    flags: frozenset[str] = frozenset()
    queue_directory: Path = Path()


def smtp_settings(parameters: SmtpParameters, flags: frozenset[str] = frozenset()) -> Settings:
    """Return the settings of a service with the command smtp.

    Raises ConfigError: a value cannot be used.
    """
    binding = (parameters.smtp_bind_address, parameters.smtp_bind_address6)
    return Settings(
        lookup=_smtp_lookup(parameters),
        dialogue=_smtp_dialogue(parameters),
        reuse=ReuseSettings(
            parameters.smtp_connection_cache_on_demand,
            open_match_list(parameters.smtp_connection_cache_destinations, parents=False),
            parameters.smtp_connection_cache_time_limit,
            parameters.smtp_connection_reuse_time_limit,
            parameters.smtp_connection_reuse_count_limit,
        ),
        sources=_sources(parameters, binding, ("smtp_bind_address", "smtp_bind_address6")),
        sources_required=parameters.smtp_bind_address_enforce,
        connect_timeout=parameters.smtp_connect_timeout,
        session_limit=parameters.smtp_mx_session_limit,
        fallback_relays=_words(parameters.smtp_fallback_relay),
        relayhost=parameters.relayhost,
        best_mx_transport=parameters.best_mx_transport,
        soft_bounce=parameters.soft_bounce,
        flags=flags,
        queue_directory=Path(parameters.queue_directory),
    )


def lmtp_settings(parameters: LmtpParameters, flags: frozenset[str] = frozenset()) -> Settings:
    """Return the settings of a service with the command lmtp.

    Raises ConfigError: a value cannot be used.
    """
    binding = (parameters.lmtp_bind_address, parameters.lmtp_bind_address6)
    return Settings(
        lookup=_lmtp_lookup(parameters),
        dialogue=_lmtp_dialogue(parameters),
        reuse=ReuseSettings(
            parameters.lmtp_connection_cache_on_demand,
            open_match_list(parameters.lmtp_connection_cache_destinations, parents=False),
            parameters.lmtp_connection_cache_time_limit,
            parameters.lmtp_connection_reuse_time_limit,
            parameters.lmtp_connection_reuse_count_limit,
        ),
        sources=_sources(parameters, binding, ("lmtp_bind_address", "lmtp_bind_address6")),
        sources_required=parameters.lmtp_bind_address_enforce,
        connect_timeout=parameters.lmtp_connect_timeout,
        session_limit=parameters.lmtp_mx_session_limit,
        fallback_relays=_words(parameters.lmtp_fallback_relay),
        soft_bounce=parameters.soft_bounce,
        flags=flags | ({FINAL} if parameters.lmtp_assume_final else frozenset()),
        queue_directory=Path(parameters.queue_directory),
    )


def _smtp_lookup(parameters: SmtpParameters) -> LookupSettings:
    use_dns = _uses_dns(parameters, parameters.smtp_dns_support_level)
    return LookupSettings(
        lmtp=False,
        default_service=parameters.smtp_tcp_port,
        known_ports=parse_known_ports(parameters.known_tcp_ports),
        methods=_methods(parameters.smtp_host_lookup, "smtp_host_lookup", use_dns=use_dns),
        use_mx=use_dns,
        families=enabled_families(parameters.inet_protocols),
        preferred_family=_FAMILY[parameters.smtp_address_preference],
        balance=parameters.smtp_balance_inet_protocols,
        randomize=parameters.smtp_randomize_addresses,
        defer_without_address=parameters.smtp_defer_if_no_mx_address_found,
        ignore_mx_error=parameters.ignore_mx_lookup_error,
        address_limit=parameters.smtp_mx_address_limit,
        own=_own(parameters),
    )


def _lmtp_lookup(parameters: LmtpParameters) -> LookupSettings:
    use_dns = _uses_dns(parameters, parameters.lmtp_dns_support_level)
    return LookupSettings(
        lmtp=True,
        default_service=parameters.lmtp_tcp_port,
        known_ports=parse_known_ports(parameters.known_tcp_ports),
        methods=_methods(parameters.lmtp_host_lookup, "lmtp_host_lookup", use_dns=use_dns),
        use_mx=False,
        families=enabled_families(parameters.inet_protocols),
        preferred_family=_FAMILY[parameters.lmtp_address_preference],
        balance=parameters.lmtp_balance_inet_protocols,
        randomize=parameters.lmtp_randomize_addresses,
        address_limit=parameters.lmtp_mx_address_limit,
    )


def _smtp_dialogue(parameters: SmtpParameters) -> DialogueSettings:
    return DialogueSettings(
        lmtp=False,
        hello_name=parameters.smtp_helo_name,
        own_name=parameters.myhostname,
        always_ehlo=parameters.smtp_always_send_ehlo,
        never_ehlo=parameters.smtp_never_send_ehlo,
        skip_5xx_greeting=parameters.smtp_skip_5xx_greeting,
        skip_quit_response=parameters.smtp_skip_quit_response,
        line_length_limit=parameters.smtp_line_length_limit,
        convert_8bit=not parameters.disable_mime_output_conversion,
        discarded_keywords=_words(parameters.smtp_discard_ehlo_keywords),
        discarded_keyword_maps=open_maps(parameters.smtp_discard_ehlo_keyword_address_maps),
        reply_filter=open_maps(parameters.smtp_reply_filter),
        timeouts=_timeouts(
            parameters.smtp_helo_timeout,
            (parameters.smtp_mail_timeout, parameters.smtp_rcpt_timeout),
            (
                parameters.smtp_data_init_timeout,
                parameters.smtp_data_xfer_timeout,
                parameters.smtp_data_done_timeout,
            ),
            (parameters.smtp_rset_timeout, parameters.smtp_quit_timeout),
        ),
    )


def _lmtp_dialogue(parameters: LmtpParameters) -> DialogueSettings:
    return DialogueSettings(
        lmtp=True,
        hello_name=parameters.lmtp_lhlo_name,
        own_name=parameters.myhostname,
        skip_5xx_greeting=parameters.lmtp_skip_5xx_greeting,
        skip_quit_response=parameters.lmtp_skip_quit_response,
        line_length_limit=parameters.lmtp_line_length_limit,
        convert_8bit=not parameters.disable_mime_output_conversion,
        discarded_keywords=_words(parameters.lmtp_discard_lhlo_keywords),
        discarded_keyword_maps=open_maps(parameters.lmtp_discard_lhlo_keyword_address_maps),
        reply_filter=open_maps(parameters.lmtp_reply_filter),
        timeouts=_timeouts(
            parameters.lmtp_lhlo_timeout,
            (parameters.lmtp_mail_timeout, parameters.lmtp_rcpt_timeout),
            (
                parameters.lmtp_data_init_timeout,
                parameters.lmtp_data_xfer_timeout,
                parameters.lmtp_data_done_timeout,
            ),
            (parameters.lmtp_rset_timeout, parameters.lmtp_quit_timeout),
        ),
    )


_FAMILY = {"any": None, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


def _timeouts(
    hello: float,
    envelope: tuple[float, float],
    data: tuple[float, float, float],
    rest: tuple[float, float],
) -> dict[Phase, float]:
    phases = (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.CONTENT, Phase.END_OF_DATA)
    greeting = dict.fromkeys((Phase.GREETING, Phase.EHLO, Phase.HELO, Phase.LHLO), hello)
    return greeting | dict(
        zip((*phases, Phase.RSET, Phase.QUIT), (*envelope, *data, *rest), strict=True)
    )


def _uses_dns(parameters: ClientParameters, support_level: str) -> bool:
    if support_level:
        return support_level != "disabled"
    return not parameters.disable_dns_lookups


def _methods(text: str, parameter: str, *, use_dns: bool) -> tuple[str, ...]:
    words = _words(text.lower())
    unknown = set(words) - {"dns", "native"}
    if unknown:
        raise ConfigError(f'bad {parameter} value "{unknown.pop()}": expected dns or native')
    return words if use_dns else ("native",)


def _own(parameters: ClientParameters) -> frozenset[Address]:
    families = enabled_families(parameters.inet_protocols)
    own = own_addresses(parameters.inet_interfaces, families)
    return own | proxy_addresses(parameters.proxy_interfaces)


def _sources(
    parameters: ClientParameters, binding: Sequence[str], names: Sequence[str]
) -> dict[int, str]:
    """Return the own addresses to connect from: as set, or the only one that receives mail."""
    sources: dict[int, str] = {}
    own = own_addresses(parameters.inet_interfaces, enabled_families(parameters.inet_protocols))
    for family, version, text, name in zip(_BOTH, (4, 6), binding, names, strict=True):
        if text:
            address = parse_address(text)
            if address is None or address.version != version:
                raise ConfigError(f'bad {name} value "{text}": expected an IPv{version} address')
            sources[family] = str(address)
            continue
        candidates = [address for address in own if address.version == version]
        if len(candidates) == 1 and not candidates[0].is_loopback:
            sources[family] = str(candidates[0])
    return sources


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
