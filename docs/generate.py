"""Writes the pages that repeat what the code says, one for each command and the reference, and where they are found.

    python docs/generate.py

A test compares the pages with what this would write.
"""

from __future__ import annotations

import ast
import html
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path

import click

import workbench
from workbench.cli import COMMANDS, cli

DOCS = Path(__file__).parent
SITE = DOCS.parent / "mkdocs.yml"
SITE_MARK = "  # What follows is written by docs/generate.py.\n"
WRITTEN = "<!-- Written by docs/generate.py from the code: change it there. -->\n\n"

PAGES = {
    "hooks": (
        "Hooks",
        "The hooks that a plugin may implement, what they announce, and what they are told.",
        ["workbench.contract.hooks", "workbench.contract.records"],
    ),
    "model": (
        "Model",
        "A model, what it is given while it is fitted, and the distributions its hyperparameters are drawn from.",
        ["workbench.contract.model", "workbench.contract.context", "workbench.space"],
    ),
    "recommenders": (
        "Recommenders",
        "What models of the task `recommend` are given, and how they answer.",
        ["workbench.data.interactions", "workbench.blocks.recommend"],
    ),
    "task": (
        "Task",
        "A task, and the values that go in and out of it.",
        ["workbench.contract.task", "workbench.contract.split", "workbench.contract.report"],
    ),
    "reading": (
        "Reading data",
        "Files and tables -> checked columns, for a task's `read`. Every fault is named with its file, row and column.",
        ["workbench.data.tables", "workbench.data.columns", "workbench.wording"],
    ),
    "supervised": (
        "Classes and numbers",
        "For tasks that predict a class or a number for each example: all but how its features are made.",
        [
            "workbench.blocks.supervised",
            "workbench.blocks.predictions",
            "workbench.blocks.estimators",
            "workbench.blocks.networks",
            "workbench.blocks.frozen",
            "workbench.blocks.training",
            "workbench.data.examples",
            "workbench.data.labelled",
            "workbench.data.features",
            "workbench.data.example_splits",
        ],
    ),
    "metric": ("Metric", "Metrics, and what an evaluation gives back.", ["workbench.contract.metric"]),
    "python": ("From Python", "What the commands do, from Python.", ["workbench.api", "workbench.result"]),
    "errors": ("Errors", "Every error that a user can meet.", ["workbench.errors"]),
    "testing": ("Testing", "The checks that a plugin's own tests run.", ["workbench.testing"]),
}
"""Page -> its title, what it is about, the modules whose public names stand on it."""

NAMES = {
    "workbench.space": ["Int", "Float", "Choice", "When"],
    "workbench.data.interactions": ["Interactions"],
    "workbench.blocks.recommend": ["Queries", "recommend"],
    "workbench.contract.report": ["DataReport"],
    "workbench.data.tables": ["read_table", "RawTable"],
    "workbench.wording": ["counted"],
    "workbench.blocks.supervised": ["Supervised"],
    "workbench.blocks.predictions": ["predicted"],
    "workbench.blocks.estimators": ["Estimator"],
    "workbench.blocks.networks": ["Network", "NetworkClassifier"],
    "workbench.blocks.frozen": ["Frozen"],
    "workbench.blocks.training": ["Recipe", "train", "answers", "shuffled", "bucketed", "mixed_precision"],
    "workbench.data.examples": ["Examples", "digests"],
    "workbench.data.labelled": ["Labels", "Labelled", "read_labelled"],
    "workbench.data.classes": ["as_classes", "known_classes"],
    "workbench.data.features": ["holds_numbers", "as_numbers_or_missing", "as_text_or_missing", "missing_words"],
    "workbench.data.example_splits": ["split_examples", "resample_examples", "fold_examples"],
    "workbench.data.columns": ["Checked", "find_columns", "as_ids", "as_numbers"],
    "workbench.data.times": ["Times", "as_times"],
}
"""What is for plugin authors of modules whose names are not in `workbench` itself; elsewhere it is `__all__`."""

KEPT_DECORATORS = ("dataclass", "property", "cached_property", "classmethod", "staticmethod")


def pages() -> dict[str, str]:
    """Path below `docs` -> text, for every page that is written from the code."""
    written = {"cli/index.md": _commands()}
    for name in COMMANDS:
        context = _top()
        command = cli.get_command(context, name)
        assert command is not None
        written[f"cli/{name}.md"] = "\n".join(_command(command, click.Context(command, context, name), "#"))
    for page, (title, about, modules) in _all_pages().items():
        blocks = [f"# {title}\n\n{about}\n"]
        for module in modules:
            blocks.append(_markdown(cleandoc(import_module(module).__doc__ or "").partition("\n\n")[2]))
            blocks += [_definition(home, name) for home, name in _public(module, page)]
        written[f"reference/{page}.md"] = "\n".join(blocks)
    return {path: WRITTEN + re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" for path, text in written.items()}


def navigation(written: Iterable[str]) -> str:
    """`mkdocs.yml` with an entry for each page that is written from the code."""
    sections = {"Commands": "cli/", "Reference": "reference/"}
    entries = [f"      - {path}\n" for path in written]
    folders = [
        f"  - {title}:\n" + "".join(each for each in entries if f" {folder}" in each)
        for title, folder in sections.items()
    ]
    return SITE.read_text(encoding="utf-8").partition(SITE_MARK)[0] + SITE_MARK + "".join(folders)


def _top() -> click.Context:
    return click.Context(cli, info_name="workbench", **cli.context_settings)


def _commands() -> str:
    rows = [f"| [`workbench {name}`]({name}.md) | {summary} |" for name, summary in COMMANDS.items()]
    table = "\n".join(["| command | what it does |", "|---|---|", *rows])
    return "\n".join(["# Commands\n", *_help(cli), table, "", "Before the command:", "", *_options(cli, _top())])


def _command(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    """A command's page, or a subcommand's part of it."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"{level} {context.command_path}\n"
    yield f"```\n{usage}\n```\n"
    yield from _help(command)
    yield from _options(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, click.Context(inner, context, name), level + "#")


def _help(command: click.Command) -> Iterator[str]:
    """Paragraphs; what click is told not to wrap is a listing."""
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        kept = paragraph.removeprefix("\b\n")
        yield f"```\n{kept}\n```\n" if kept != paragraph else f"{paragraph}\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [f"| <code>{_cell(names)}</code> | {_cell(text)} |" for names, text in filter(None, records) if text]
    yield "\n".join(["| option | meaning |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    """Text that is read alike by all that render Markdown; they differ on what a backslash does before a bar."""
    return html.escape(text, quote=False).replace("|", "&#124;")


def _all_pages() -> dict[str, tuple[str, str, list[str]]]:
    """`PAGES` that there is something for, and one for each other module that public names live in."""
    found = {
        page: (title, about, [m for m in modules if find_spec(m)]) for page, (title, about, modules) in PAGES.items()
    }
    placed = {module for _, _, modules in found.values() for module in modules}
    for module in workbench._HOMES:
        if module not in placed:
            name = module.rpartition(".")[2]
            about = (import_module(module).__doc__ or "").strip().splitlines()
            found[name] = (name.capitalize(), about[0] if about else "", [module])
    return {page: entry for page, entry in found.items() if entry[2]}


def _public(module: str, page: str) -> list[tuple[str, str]]:
    """(the module that defines it, its name) of what is for plugin authors: hooks, what the page is about, the rest."""
    loaded = import_module(module)
    names = [*workbench._HOMES.get(module, ()), *NAMES.get(module, getattr(loaded, "__all__", ()))]
    hooks = [name for name in vars(loaded) if name.startswith("workbench_")]
    homes = [(getattr(getattr(loaded, name), "__module__", module), name) for name in (*hooks, *names)]
    found = {(home, name): node.lineno for home, name in homes if (node := _find(home, name))}
    return sorted(found, key=lambda each: (each[1] not in hooks, each[1].lower() != page, each[0], found[each]))


def _find(module: str, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    """Where a module defines a name; None for what is no class or function of it."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    return None


def _definition(module: str, name: str) -> str:
    """A class or a function: its signature and its docstring, and those of all that is public in it."""
    node = _find(module, name)
    spec = find_spec(module)
    assert node is not None and spec is not None and spec.origin is not None
    lines = Path(spec.origin).read_text(encoding="utf-8").splitlines()
    parts = [f"## {name}\n", *_described(node, lines)]
    for before, inner in zip([None, *node.body], node.body, strict=False):
        if isinstance(node, ast.ClassDef) and isinstance(inner, ast.FunctionDef) and _is_public(inner):
            parts += [f"### {name}.{inner.name}\n", *_described(inner, lines)]
        elif isinstance(before, ast.AnnAssign) and (text := _text(inner)):
            parts += [f"### {name}.{ast.unparse(before.target)}\n", _listing(_source(before, lines)), _markdown(text)]
    return "\n".join(parts)


def _is_public(node: ast.FunctionDef) -> bool:
    return not node.name.startswith("_") and ast.get_docstring(node) is not None


def _described(node: ast.ClassDef | ast.FunctionDef, lines: Sequence[str]) -> Iterator[str]:
    documented = ast.get_docstring(node) or ""
    head = _head(node, lines)
    if isinstance(node, ast.ClassDef):
        makers = [inner for inner in node.body if isinstance(inner, ast.FunctionDef) and inner.name == "__init__"]
        head += [line for maker in makers for line in _head(maker, lines)] or _fields(node, documented, lines)
    yield _listing(head)
    yield _markdown(documented)


def _head(node: ast.ClassDef | ast.FunctionDef, lines: Sequence[str]) -> list[str]:
    """A signature as it stands in the code, and the decorators that change its use."""
    decorators = [" " * node.col_offset + f"@{ast.unparse(each)}" for each in node.decorator_list]
    kept = [line for line in decorators if re.match(rf"\s*@({'|'.join(KEPT_DECORATORS)})\b", line)]
    signature = [re.sub(r"\s+# .*", "", line) for line in lines[node.lineno - 1 : node.body[0].lineno - 1]]
    last = signature[-1] if isinstance(node, ast.ClassDef) else signature[-1].removesuffix(":")
    return [*kept, *signature[:-1], last]


def _fields(node: ast.ClassDef, documented: str, lines: Sequence[str]) -> list[str]:
    """The fields of a dataclass that its docstring speaks of, or all where it lists none."""
    if not any(re.match(r"dataclass\b", ast.unparse(decorator)) for decorator in node.decorator_list):
        return []
    listed = set(re.findall(r"^    (\w+):", documented, flags=re.MULTILINE))
    fields = [inner for inner in node.body if isinstance(inner, ast.AnnAssign)]
    kept = [each for each in fields if not listed or ast.unparse(each.target) in listed]
    return [line for each in kept for line in _source(each, lines)]


def _source(node: ast.stmt, lines: Sequence[str]) -> list[str]:
    """The lines of a statement, without comments."""
    return [re.sub(r"\s+# .*", "", line) for line in lines[node.lineno - 1 : node.end_lineno]]


def _text(node: ast.stmt) -> str:
    """A string that stands alone, as the docstring of the line before it."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return cleandoc(node.value.value)
    return ""


def _listing(lines: Sequence[str]) -> str:
    return "```python\n" + textwrap.dedent("\n".join(lines)) + "\n```\n"


def _markdown(docstring: str) -> str:
    """A docstring, with its sections as lists."""
    out: list[str] = []
    section = ""
    for line in docstring.splitlines():
        if line in ("Args:", "Raises:", "Returns:"):
            section = line.removesuffix(":")
            out += [f"**{section}**", ""]
        elif section and line and not line.startswith(" "):
            section = ""
            out += [line]
        elif section in ("Args", "Raises") and re.match(r"    [\w*]+: ", line):
            name, _, meaning = line.strip().partition(": ")
            out += [f"- `{name}`: {meaning}"]
        elif section:
            out += [("  " if section != "Returns" and line else "") + line.strip()]
        else:
            out += [line]
    return "\n".join(out) + "\n"


def main() -> None:
    """Write all pages, and remove those that are no longer written."""
    written = pages()
    for folder in ("cli", "reference"):
        (DOCS / folder).mkdir(exist_ok=True)
        for path in (DOCS / folder).glob("*.md"):
            if f"{folder}/{path.name}" not in written:
                path.unlink()
    for name, text in written.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    SITE.write_text(navigation(written), encoding="utf-8")


if __name__ == "__main__":
    main()
