"""Sites whose mail may be asked for by ETRN or postqueue -s.

Postfix:    flush(8), ETRN_README
Parameters: fast_flush_domains, parent_domain_matches_subdomains
"""

from spoolmta.address.routing import matches_subdomains
from spoolmta.config.parameters.flush import FlushRequestParameters
from spoolmta.maps import MatchList, open_match_list


def open_flush_domains(parameters: FlushRequestParameters) -> MatchList:
    """Return the list of these sites.

    Raises ConfigError: it cannot be used.
    """
    features = parameters.parent_domain_matches_subdomains
    parents = matches_subdomains(features, "fast_flush_domains")
    return open_match_list(parameters.fast_flush_domains, parents=parents)
