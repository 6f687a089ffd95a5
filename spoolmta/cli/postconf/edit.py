"""The changes that postconf makes: what its operands mean for main.cf and master.cf.

Postfix:    postconf(1) -e, -X, -#, with -M, -F, -P
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from spoolmta.config import edit, listing
from spoolmta.config.main_cf import split_definition
from spoolmta.config.master_cf import Columns, parse_master
from spoolmta.errors import ConfigError, UsageError


@dataclass(frozen=True, slots=True)
class Edit:
    """An action (-e, -X or -#) and what it is applied to."""

    action: str
    operands: tuple[str, ...]


class _Wanted(NamedTuple):
    """The form of a target: how many slashes it has, and what is said if it does not."""

    slashes: int
    text: str


_SERVICE = _Wanted(1, "-Me, -MX or -M# requires service_name/type")
_FIELD = _Wanted(2, "-Fe or -FX requires service_name/type/field_name")
_OVERRIDE = _Wanted(2, "-Pe or -PX requires service_name/type/parameter")
_PLACE = "operand"


def edit_main(path: str, change: Edit) -> list[str]:
    """Change parameters of main.cf; return warnings.

    Raises ConfigError: an operand is no "name=value", or the file cannot be changed.
    """
    settings: dict[str, str] = {}
    if change.action == "-e":
        settings = dict(_definition(operand) for operand in change.operands)
    names = frozenset(settings or (operand.lstrip() for operand in change.operands))
    ignored = list(_overridden(change)) if settings else []
    warnings: list[str] = []

    def apply(text: str) -> str:
        warnings[:] = ignored + [
            f'{path}: multiple entries for "{n}"' for n in edit.repeated(text, names)
        ]
        if change.action == "-e":
            return edit.set_parameters(text, settings)
        if change.action == "-X":
            return edit.remove_parameters(text, names)
        return edit.comment_out_parameters(text, names)

    edit.change_file(path, apply)
    return warnings


def _overridden(change: Edit) -> Iterator[str]:
    """Return a warning for each wish that a later one for the same name replaces."""
    given: dict[str, str] = {}
    for operand in change.operands:
        name, value = _definition(operand)
        if name in given:
            yield f"ignoring earlier request: '{name} = {given[name]}'"
        given[name] = value


def edit_services(path: str, change: Edit) -> list[str]:
    """Change whole services of master.cf: "service/type=line", or service/type with -X and -#.

    Raises ConfigError: a line is no service, or the file cannot be changed.
    """
    services: dict[str, str] = {}
    for operand in change.operands:
        target, line = _definition(operand) if change.action == "-e" else (operand, "")
        _require_target(target, _SERVICE)
        services[target] = edit.REMOVED
        if change.action == "-e":
            services[target] = listing.service(_one_service(line, operand), folded=True)

    def apply(text: str) -> str:
        known = [entry.key for entry in parse_master(text, str(path)).entries]
        lines = dict(_by_key(services, known))
        if change.action == "-e":
            return edit.set_services(text, lines)
        keys = frozenset(lines).intersection(known)
        if change.action == "-X":
            return edit.remove_services(text, keys)
        return edit.comment_out_services(text, keys)

    edit.change_file(path, apply)
    return []


def _by_key(services: Mapping[str, str], known: list[str]) -> Iterator[tuple[str, str]]:
    """Return the lines of services for each key that is meant; one line takes the place of all."""
    for target, line in services.items():
        first, *others = [key for key in known if _matches(key, target)] or [target]
        yield first, line
        for key in others:
            yield key, edit.REMOVED


def edit_fields(path: str, change: Edit) -> list[str]:
    """Change fields of services: "service/type/field=value".

    Raises ConfigError: a value does not suit its field.
    """
    if change.action != "-e":
        raise UsageError(f"{change.action} does not go with -F")
    return _edit_entries(path, change, _FIELD, _require_field, _with_field)


def edit_overrides(path: str, change: Edit) -> list[str]:
    """Change -o options of services: "service/type/parameter=value", or with -X remove them.

    Raises ConfigError: an operand does not name a service and a parameter.
    """
    if change.action == "-#":
        raise UsageError("-# does not go with -P")
    return _edit_entries(path, change, _OVERRIDE, _require_parameter, _with_override)


def _edit_entries(
    path: str,
    change: Edit,
    wanted: _Wanted,
    require_value: Callable[[str, "str | None"], None],
    make: Callable[[Columns, str, "str | None"], Columns],
) -> list[str]:
    """Change single services in place; *make* gets a name, and its value or None to remove it."""
    warnings: list[str] = []
    wishes: list[tuple[str, str, str | None]] = []
    for operand in change.operands:
        target, value = _definition(operand) if change.action == "-e" else (operand, None)
        _require_target(target, wanted)
        require_value(target, value)
        wishes.append((operand, target, value))

    def apply(text: str) -> str:
        services = {entry.key: entry for entry in parse_master(text, str(path)).entries}
        changed: dict[str, Columns] = {}
        for operand, target, value in wishes:
            pattern, _, name = target.rpartition("/")
            keys = [key for key in services if _matches(key, pattern)]
            if not keys:
                warnings.append(f'unmatched service_name/type: "{operand}"')
            for key in keys:
                changed[key] = services[key] = make(services[key], name, value)
        lines = {key: listing.service(entry, folded=True) for key, entry in changed.items()}
        return edit.set_services(text, lines)

    edit.change_file(path, apply)
    return warnings


def _require_field(target: str, value: str | None) -> None:
    name = target.rpartition("/")[2]
    if name == "*":
        raise UsageError("-Fe does not accept wild-card field name")
    if name not in listing.FIELDS:
        raise UsageError(listing.unknown_field(name))
    if name != "command" and len((value or "").split()) > 1:
        raise UsageError("-Fe does not accept whitespace in non-command field")


def _require_parameter(target: str, value: str | None) -> None:
    if "*" in target.rpartition("/")[2]:
        raise UsageError("-Pe does not accept wild-card parameter name")
    if len((value or "").split()) > 1:
        raise UsageError("-Pe does not accept whitespace in parameter value")


def _with_field(entry: Columns, name: str, value: str | None) -> Columns:
    words = list(entry.fields)
    words[listing.FIELDS.index(name)] = value or ""
    line = " ".join(words)
    try:
        changed = _one_service(line, f"{entry.key}/{name}={value}")
    except ConfigError as error:
        raise ConfigError(str(error).replace(f'"{line}"', f'"{value}"')) from None
    return changed if name == "command" else changed._replace(arguments=entry.arguments)


def _with_override(entry: Columns, name: str, value: str | None) -> Columns:
    """Return *entry* with one setting changed where it stands, or added behind its options."""
    groups = list(_settings(entry.arguments))
    places = [index for index, (setting, _) in enumerate(groups) if setting == name]
    words = [group for setting, group in groups if setting != name]
    if value is not None:
        options = len(list(takewhile(lambda group: group[0].startswith("-"), words)))
        words.insert(places[0] if places else options, ["-o", f"{name}={value}"])
    return entry._replace(arguments=tuple(word for group in words for word in group))


def _settings(arguments: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Return arguments in groups: an -o option with the name it sets, else one word and ""."""
    rest = iter(arguments)
    in_options = True
    for word in rest:
        in_options = in_options and word.startswith("-")
        if not in_options or not word.startswith("-o"):
            yield "", [word]
        elif word == "-o":
            setting = next(rest, "")
            yield setting.partition("=")[0].strip(), [word, setting]
        else:
            yield word[2:].partition("=")[0].strip(" {"), [word]


def _one_service(line: str, operand: str) -> Columns:
    """Return the service that *line* describes; *operand* is what it was made of.

    Raises ConfigError: it describes none.
    """
    try:
        # An empty line is no line; a word is one that is too short.
        (entry,) = parse_master(line or "-", _PLACE).entries
    except ConfigError as error:
        fault, _, hint = str(error).removeprefix(f"{_PLACE}, line 1: ").partition(" (")
        told = fault if f'"{line}"' in fault else f'{fault}: "{operand}"'
        raise ConfigError(f"{told} ({hint}") from None
    return entry


def _definition(operand: str) -> tuple[str, str]:
    try:
        return split_definition(operand, "")
    except ConfigError as error:
        raise UsageError(str(error).removeprefix(": ")) from None


def _require_target(target: str, wanted: _Wanted) -> None:
    parts = target.split("/", wanted.slashes)
    if len(parts) <= wanted.slashes or not all(parts) or target.count("/") > wanted.slashes:
        raise UsageError(wanted.text)


def _matches(key: str, pattern: str) -> bool:
    return all(p in ("*", k) for p, k in zip(pattern.split("/"), key.split("/"), strict=True))
