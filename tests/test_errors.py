"""Errors: one tree, one exit code each, one line that offers the nearest name."""

from __future__ import annotations

import re

import pytest

from workbench import errors


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    drawn: list[tuple[str, str]] = []
    path: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)  +\S", line)
        if match:
            depth = len(match[1])
            path[depth] = match[2]
            above = max((other for other in path if other < depth), default=None)
            drawn.append((match[2], "Exception" if above is None else path[above]))
    actual = [(name, getattr(errors, name).__base__.__name__) for name in errors.__all__]
    assert sorted(drawn) == sorted(actual)


@pytest.mark.parametrize("name", errors.__all__)
def test_the_users_mistakes_exit_with_2_and_all_else_with_1(name: str) -> None:
    kind = getattr(errors, name)
    if issubclass(kind, errors.WorkbenchError):
        assert kind.exit_code == (2 if issubclass(kind, errors.UserError) else 1)
    else:
        assert name in ("ModelError", "Pruned")


@pytest.mark.parametrize(
    ("name", "listing", "said"),
    [
        ("recommand", "workbench tasks", "no task 'recommand'; did you mean 'recommend'? (workbench tasks lists them)"),
        ("recommand", "", "no task 'recommand'; did you mean 'recommend'?"),
        ("zzz", "workbench tasks", "no task 'zzz'; workbench tasks lists them"),
        ("zzz", "", "no task 'zzz'"),
    ],
)
def test_an_unknown_name_offers_the_nearest(name: str, listing: str, said: str) -> None:
    assert str(errors.UnknownName("task", name, iter(["recommend", "rate"]), listing)) == said
