"""The example of a model."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.examples.conftest import PLUGINS
from workbench import Context
from workbench.registry import Registry, load_class
from workbench_recommend.task import Recommend

SOURCES = sorted((PLUGINS / "workbench-recent/workbench_recent").glob("*.py"))


def code_lines(path: Path) -> int:
    """Lines that are neither blank nor part of a docstring."""
    text = path.read_text(encoding="utf-8")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    return sum(bool(line.strip()) and number not in docstrings for number, line in enumerate(text.splitlines(), 1))


def test_both_modules_together_are_at_most_25_lines() -> None:
    assert sum(map(code_lines, SOURCES)) <= 25


def test_what_was_taken_lately_counts_more(example: Callable[..., Path]) -> None:
    example("workbench-recent")
    offer = Registry.discovered().model("recommend", "recent")
    assert offer.plugin.distribution == "workbench-recent"
    task = Recommend()
    dataset = task.read(task.example(0), {})
    split = task.split(dataset, None, 0)
    scores = {}
    for days in (1.0, 3650.0):
        model = load_class(offer.spec.load)(half_life_days=days)
        model.fit(split.train, Context())
        scores[days] = model.score(np.arange(3))
        assert 0 <= task.evaluate(model, split.valid, ["ndcg@10"]).metrics["ndcg@10"] <= 1
    newest = split.train.items[np.argmax(split.train.timestamps)]
    assert scores[1.0].shape == (3, split.train.n_items)
    assert np.argmax(scores[1.0][0]) == newest
    # A half-life much longer than the data is popularity.
    popularity = np.bincount(split.train.items, minlength=split.train.n_items)
    assert np.corrcoef(scores[3650.0][0], popularity)[0, 1] > 0.999
