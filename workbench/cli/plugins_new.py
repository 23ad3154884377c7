"""`workbench plugins new`: an installable project with a plugin that works, to be changed into one's own."""

from __future__ import annotations

import ast
import keyword
import os
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import NamedTuple

import click

from workbench.cli.files import filling
from workbench.cli.output import print_json, printing, say
from workbench.cli.streams import excuse

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".template"
LONGEST = 40
"""Characters of a name: so that what is written fits its lines, whatever the name."""


class Names(NamedTuple):
    """What things are called in a new project.

    Args:
        name: of the distribution, its folder and its entry point.
        package: to import.
        offered: the model or task, as on the command line.
        class_name: of its class.
    """

    name: str
    package: str
    offered: str
    class_name: str


@click.command("new", short_help="Write a plugin that works, as a project to be changed.")
@click.argument("name")
@click.option("--task", "task", is_flag=False, flag_value="", metavar="[TASK]", help="A whole task, not a model alone.")
@printing
def command(name: str, task: str | None, as_json: bool) -> None:
    """Write the project of a plugin into a new folder NAME: a model for recommend, or with --task a task.

    It works as it stands, with a test of its own. The model or task is called NAME less a leading "workbench-"; a task
    may be given another name.

    \b
    workbench plugins new workbench-recent
    workbench plugins new acme-churn --task churn
    """
    kind = "model" if task is None else "task"
    names = _names(name, task or name.removeprefix("workbench-"))
    _check_untaken(kind, names)
    files = _write(TEMPLATES / kind, Path(name), names)
    excuse()
    option = "--task recommend --models" if kind == "model" else "--task"
    steps = [
        f"pip install --editable {shlex.quote(f'./{name}[test]')}",
        f"pytest {name}",
        f"workbench run {option} {names.offered} --time 1m",
    ]
    if as_json:
        print_json({"folder": name, kind: names.offered, "files": files, "next": steps})
        return
    say(f"{kind} {names.offered}: a plugin that works, to be made your own")
    for file in files:
        say(f"  {file}")
    say()
    say("Next:")
    for step in steps:
        say(f"  {step}")


def _names(name: str, offered: str) -> Names:
    """What things are called.

    Raises:
        SettingsError: a name that cannot be one.
    """
    from workbench.errors import SettingsError

    for text in (name, offered):
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text) or len(text) > LONGEST:
            raise SettingsError(
                f"{text!r} cannot be the name of a plugin; take lower-case letters, digits and single hyphens, "
                f"a letter first, at most {LONGEST} in all, such as workbench-recent"
            )
    class_name = "".join(word.capitalize() for word in offered.split("-"))
    return Names(name, name.replace("-", "_"), offered, class_name)


def _check_untaken(kind: str, names: Names) -> None:
    """Refuse what would clash with Python, with the template, or with what is installed.

    Raises:
        SettingsError: a name is taken.
    """
    from workbench.errors import SettingsError
    from workbench.registry import Registry

    if keyword.iskeyword(names.package) or find_spec(names.package) is not None:
        raise SettingsError(f"Python knows {names.package!r} already, so it cannot be a package; choose another name")
    if keyword.iskeyword(names.class_name) or names.class_name in _used_by(TEMPLATES / kind):
        raise SettingsError(
            f"{names.offered!r} cannot be the name of a {kind}: its class would be {names.class_name}, "
            "which is taken; choose another name"
        )
    registry = Registry.discovered()
    offer = registry.models("recommend").get(names.offered) if kind == "model" else registry.tasks.get(names.offered)
    if offer is not None:
        raise SettingsError(
            f"{kind} {names.offered!r} is offered by {offer.plugin.distribution} already; choose another name "
            f"(workbench {kind}s lists them)"
        )


def _used_by(template: Path) -> set[str]:
    """The names that a template's modules import or define."""
    stand_in = Names("name", "package", "offered", "class_name")
    used = set()
    for source, _ in _sources(template, stand_in):
        if source.name.endswith(f".py{SUFFIX}"):
            for node in ast.walk(ast.parse(_rendered(source, stand_in))):
                if isinstance(node, ast.ClassDef | ast.alias):
                    used.add(node.name)
    return used


def _sources(template: Path, names: Names) -> Iterator[tuple[Path, Path]]:
    """(a file of the template, where it goes in the project)."""
    for source in sorted(template.rglob(f"*{SUFFIX}")):
        target = source.relative_to(template).with_suffix("")
        yield source, Path(names.package, *target.parts[1:]) if target.parts[0] == "package" else target


def _rendered(source: Path, names: Names) -> str:
    return Template(source.read_text(encoding="utf-8")).substitute(
        name=names.name, package=names.package, offered=names.offered, class_name=names.class_name, bound=_bound()
    )


def _bound() -> str:
    """The versions that the plugin is for: from this one up to the next that may break it."""
    from packaging.version import Version

    from workbench._version import __version__

    version = Version(__version__)
    beyond = f"{version.major + 1}" if version.major else f"0.{version.minor + 1}"
    return f">={version.public},<{beyond}"


def _write(template: Path, folder: Path, names: Names) -> list[str]:
    """Write the project; returns its files.

    Raises:
        SettingsError: the folder is there already.
        DataError: it cannot be written.
    """
    from workbench.errors import SettingsError

    if os.path.lexists(folder):
        raise SettingsError(f"{folder} is there already, and nothing is overwritten; choose another name")
    with filling(folder, str(folder)) as draft:
        for source, target in _sources(template, names):
            path = draft / target
            path.parent.mkdir(exist_ok=True)
            path.write_text(_rendered(source, names), encoding="utf-8")
    return sorted(str(folder / target) for _, target in _sources(template, names))
