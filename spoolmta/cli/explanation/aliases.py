"""The tree of virtual aliases: each address with the entry that replaces it, down to the last ones.

Postfix: virtual(5)
"""

from collections.abc import Iterator

from spoolmta.address.mapping import map_address
from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import expand_virtual_aliases
from spoolmta.cli.explanation.facts import Node, Step
from spoolmta.maps.keys import fold
from spoolmta.maps.recorded import Recorder, hits
from spoolmta.stages.cleanup.rules import CleanupRules


async def tree(address: str, rules: CleanupRules, routing: Routing, recorder: Recorder) -> Node:
    """Return what a recipient stands for; itself alone if it has no alias.

    Raises MapUnavailable, AliasExpansionError: the mail would wait.
    """
    if not (rules.maps_addresses and routing.virtual_alias_maps):
        return Node(address)
    # Whatever is too deep or too wide is found out before the tree is drawn.
    await expand_virtual_aliases(address, routing)
    recorder.take()
    return await _grow(address, routing, recorder, set())


def leaves(node: Node) -> Iterator[Node]:
    """Yield the addresses that mail is delivered to."""
    if not node.expands_to:
        yield node
    for child in node.expands_to:
        yield from leaves(child)


def steps_to(address: str, node: Node) -> list[Step] | None:
    """Return the steps from the top of a tree to an address, None if it is not in there."""
    if not node.expands_to:
        return [] if node.address == address else None
    for child in node.expands_to:
        below = steps_to(address, child)
        if below is not None:
            return [node.step, *below] if node.step is not None else below
    return None


async def _grow(address: str, routing: Routing, recorder: Recorder, drawn: set[str]) -> Node:
    """Return the tree below an address; what was *drawn* before is not taken apart again."""
    if fold(address) in drawn:
        return Node(address)
    drawn.add(fold(address))
    values = await map_address(
        await routing.keys(address),
        routing.virtual_alias_maps,
        routing,
        keep_extension=routing.virtual_keeps_extension,
        at_most=routing.parameters.virtual_alias_expansion_limit + 1,
    )
    found = hits(recorder.take())
    if not values or not found:
        return Node(address)
    hit = found[-1]
    step = Step(
        "virtual alias",
        ", ".join(values),
        hit.parameter,
        hit.table,
        hit.key,
        hit.value or "",
    )
    children = [await _grow(value, routing, recorder, drawn) for value in values]
    return Node(address, step, tuple(children))
