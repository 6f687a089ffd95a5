"""Imports go down only; the siblings stages, scheduler and agents meet in the spool alone."""

from tests.rules.sources import Module, modules

# The lowest layer first. A package may import from lower layers and from itself.
LAYERS = (
    {"errors", "clock"},
    {"config"},
    {"maillog"},
    {"net"},
    {"maps"},
    {"address"},
    {"message"},
    {"protocols"},
    {"spool"},
    {"service"},
    {"stages", "scheduler", "agents"},
    {"master"},
    {"cli"},
)
HEIGHT = {package: height for height, layer in enumerate(LAYERS) for package in layer}

# A network service answers its client out of cleanup's verdict, so it calls cleanup as a function.
CALLERS_OF_CLEANUP = ("spoolmta.stages.smtpd", "spoolmta.stages.pickup")

# protocols turns bytes into events and back: no sockets, no spool, no configuration.
FORBIDDEN_IN_PROTOCOLS = {
    *("config", "maillog", "net", "maps", "spool"),
    *("socket", "ssl", "asyncio", "uvloop", "apsw", "sqlite3", "select", "selectors"),
}


def test_every_package_has_its_layer() -> None:
    unknown = {module.package for module in modules()} - set(HEIGHT) - {"", "__main__"}
    assert not unknown, f"packages without a layer: {sorted(unknown)}"


def test_imports_go_down_only() -> None:
    wrong = [
        f"{module.path}:{line}: imports {name}"
        for module in modules()
        if module.package in HEIGHT
        for line, name in module.imports()
        if (package := _package_of(name)) and not _may_import(module, package)
    ]
    assert not wrong, "\n".join(wrong)


def test_stages_meet_in_the_spool_alone() -> None:
    wrong = [
        f"{module.path}:{line}: imports {name}"
        for module in modules()
        if module.package == "stages"
        for line, name in module.imports()
        if name.startswith("spoolmta.stages.") and not _is_own_stage_or_cleanup(module, name)
    ]
    assert not wrong, "\n".join(wrong)


def test_protocols_know_no_sockets_and_no_spool() -> None:
    wrong = [
        f"{module.path}:{line}: imports {name}"
        for module in modules()
        if module.package == "protocols"
        for line, name in module.imports()
        if (_package_of(name) or name.partition(".")[0]) in FORBIDDEN_IN_PROTOCOLS
    ]
    assert not wrong, "\n".join(wrong)


def test_the_master_never_opens_the_spool() -> None:
    wrong = [
        f"{module.path}:{line}: imports {name}"
        for module in modules()
        if module.package == "master"
        for line, name in module.imports()
        if name.startswith(("apsw", "spoolmta.spool.connection", "spoolmta.spool.committer"))
    ]
    assert not wrong, "\n".join(wrong)


def _package_of(name: str) -> str:
    """Return the package below spoolmta that an import names, "" for foreign ones and the root."""
    head, _, rest = name.partition(".")
    package = rest.partition(".")[0]
    return package if head == "spoolmta" and package in HEIGHT else ""


def _may_import(module: Module, package: str) -> bool:
    return package == module.package or HEIGHT[package] < HEIGHT[module.package]


def _is_own_stage_or_cleanup(module: Module, name: str) -> bool:
    own = ".".join(module.name.split(".")[:3])
    imported = ".".join(name.split(".")[:3])
    if imported == own:
        return True
    return imported == "spoolmta.stages.cleanup" and own.startswith(CALLERS_OF_CLEANUP)
