"""The training loop of torch models, on networks of a few weights."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.blocks import training
from workbench.blocks.training import Recipe, bucketed, shuffled
from workbench.contract.context import Context
from workbench.errors import ModelError, Pruned

torch = pytest.importorskip("torch")

XS = torch.linspace(-1, 1, 32)[:, None]


class Line:
    """Holds a network that learns 2 x + 1."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module_ = torch.nn.Linear(1, 1)

    def loss(self, rows: Any) -> torch.Tensor:
        rows = torch.as_tensor(rows)
        return ((self.module_(XS[rows]) - 2 * XS[rows] - 1) ** 2).mean()

    def train(self, recipe: Recipe, context: Context | None = None, loss: Any = None) -> None:
        context = context or Context(model=self)
        training.train(self.module_, recipe, lambda epoch: shuffled(32, 8, [0, epoch]), loss or self.loss, context)

    @property
    def numbers(self) -> list[float]:
        return [value.item() for value in (self.module_.weight, self.module_.bias)]


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
@pytest.mark.parametrize("schedule", training.SCHEDULES)
def test_it_learns_and_one_seed_gives_one_result(optimizer: str, schedule: str) -> None:
    rate = {"adamw": 0.05, "sgd": 0.001}[optimizer]
    recipe = Recipe(60, optimizer=optimizer, schedule=schedule, learning_rate=rate, weight_decay=0.0)
    first, second = Line(), Line()
    first.train(recipe)
    second.train(recipe)
    assert first.numbers == pytest.approx([2, 1], abs=0.05)
    assert first.numbers == second.numbers


def test_half_of_the_bits_will_do_where_the_recipe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "cpu_has_bfloat16", lambda: True)
    seen = []

    def loss(rows: Any) -> torch.Tensor:
        answered = line.module_(XS[torch.as_tensor(rows)])
        seen.append(answered.dtype)
        return line.loss(rows)

    for half in (False, True):
        line = Line()
        line.train(Recipe(40, learning_rate=0.05, weight_decay=0.0, half_on_cpu=half), loss=loss)
        assert line.numbers == pytest.approx([2, 1], abs=0.1)
        assert set(seen) == {torch.bfloat16 if half else torch.float32}
        seen.clear()


def test_torch_leaves_no_folder_behind(tmp_path: Path) -> None:
    code = (
        "import torch; from workbench.blocks.training import Recipe, train; from workbench import Context\n"
        "module = torch.nn.Linear(1, 1); model = type('M', (), {'module_': module})\n"
        "train(module, Recipe(1), lambda epoch: [[0]], lambda rows: module(torch.ones(1, 1)).sum(), Context())"
    )
    environment = {name: value for name, value in os.environ.items() if name != training.CACHE}
    subprocess.run([sys.executable, "-c", code], env={**environment, "TMPDIR": str(tmp_path)}, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_the_rate_rises_and_falls() -> None:
    cosine, constant = Recipe(warm_up=0.1), Recipe(warm_up=0.1, schedule="constant")
    assert [recipe.rate(0.05) for recipe in (cosine, constant)] == [5e-4, 5e-4]
    assert [recipe.rate(0.55) for recipe in (cosine, constant)] == pytest.approx([5e-4, 1e-3])
    assert [recipe.rate(1.0) for recipe in (cosine, constant)] == pytest.approx([0, 1e-3])


def searched(line: Line, scores: list[float], **changes: Any) -> tuple[Context, list[int]]:
    steps = []

    def on_report(step: int, value: float | None) -> float:
        steps.append(step)
        return scores[step - 1]

    return Context(valid="valid", model=line, on_report=on_report, **changes), steps


def test_training_stops_without_improvement_and_leaves_the_best_state() -> None:
    states = []

    class Watched(Line):
        def loss(self, rows: Any) -> torch.Tensor:
            states.append(self.numbers)
            return super().loss(rows)

    line = Watched()
    context, steps = searched(line, [0.1, 0.5, 0.4, 0.5, 0.3, 0.9])
    line.train(Recipe(6, patience=3), context)
    assert (steps, context.best_epochs) == ([1, 2, 3, 4, 5], 2)
    assert line.numbers == states[8], "as it was when the third epoch began"


def test_a_refit_trains_as_long_and_as_fast_as_the_search_did() -> None:
    found, refitted = Line(), Line()
    context, _ = searched(found, [0.1, 0.5, 0.4])
    found.train(Recipe(3), context)
    refitted.train(Recipe(3), Context(model=refitted, fixed_epochs=context.best_epochs))
    assert found.numbers == refitted.numbers


def test_pruning_passes_through() -> None:
    line = Line()

    def stop(step: int, value: float | None) -> float:
        raise Pruned("enough")

    with pytest.raises(Pruned):
        line.train(Recipe(5), Context(valid="valid", model=line, on_report=stop))


@pytest.mark.parametrize("fixed", [None, 5])
def test_an_epoch_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch, fixed: int | None) -> None:
    line, taken, left = Line(), [], iter([10.0, *range(3, 0, -1), 0, 0, 0])
    monkeypatch.setattr(Context, "seconds_left", property(lambda self: next(left)))
    context, steps = searched(line, [0.5] * 5, fixed_epochs=fixed)
    line.train(Recipe(5), context, lambda rows: taken.append(rows) or line.loss(rows))
    assert len(taken) == 3, "a tenth of ten seconds is left for the scoring"
    assert steps == ([1] if fixed is None else []), "a refit is left for good"


def test_what_is_not_finite_is_told() -> None:
    line = Line()
    with pytest.raises(ModelError, match="the loss is nan after epoch 1; a smaller learning rate may help"):
        line.train(Recipe(1), loss=lambda rows: line.loss(rows) * math.nan)


def test_a_batch_too_large_is_taken_in_pieces_to_the_same_effect() -> None:
    whole, pieces, sizes = Line(), Line(), []

    def cramped(rows: Any) -> torch.Tensor:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pieces.loss(rows)

    whole.train(Recipe(3))
    pieces.train(Recipe(3), loss=cramped)
    assert sizes[:7] == [8, 4, 2, 2, 2, 2, 2]
    assert pieces.numbers == pytest.approx(whole.numbers, rel=1e-5)


def test_nothing_fits() -> None:
    def full(rows: Any) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with pytest.raises(MemoryError, match="not even one row"):
        Line().train(Recipe(1), loss=full)
    with pytest.raises(MemoryError, match="not even one row"):
        training.answers(Line().module_, shuffled(8, 4, [0]), full)


def test_other_faults_pass() -> None:
    def wrong(rows: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Line().train(Recipe(1), loss=wrong)


def test_answers_come_in_the_order_of_rows_whatever_fits() -> None:
    module = torch.nn.Sequential(torch.nn.Dropout(0.5))

    def answer(rows: Any) -> torch.Tensor:
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return module(torch.as_tensor(rows)[:, None].float())

    found = training.answers(module, shuffled(20, 8, [1]), answer)
    assert found.dtype == np.float32
    assert found.tolist() == [[float(row)] for row in range(20)]


def test_batches_hold_each_row_once_and_buckets_rows_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 5000)
    plain, buckets = shuffled(5000, 33, [0, 1]), bucketed(lengths, 33, [0, 1])
    for found in (plain, buckets):
        assert sorted(np.concatenate(found).tolist()) == list(range(5000))
        assert {len(rows) for rows in found} <= {31, 32, 33}

    def padding(found: list[Any]) -> int:
        return sum(len(rows) * lengths[rows].max() for rows in found) - lengths.sum()

    assert padding(buckets) < 0.1 * padding(plain)
    means = [lengths[rows].mean() for rows in buckets]
    assert means != sorted(means), "not from the shortest to the longest"
    assert not np.array_equal(np.concatenate(plain), np.concatenate(shuffled(5000, 33, [0, 2])))


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
def test_weights_decay_alike_with_either_optimizer_and_biases_do_not(optimizer: str) -> None:
    line = Line()
    with torch.no_grad():
        line.module_.bias.fill_(1.0)
    before = line.numbers
    recipe = Recipe(50, optimizer=optimizer, schedule="constant", warm_up=0.0, learning_rate=0.01, weight_decay=0.1)
    line.train(recipe, loss=lambda rows: line.module_(XS).sum() * 0)
    assert line.numbers == pytest.approx([before[0] * 0.999**200, 1.0], rel=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_precision_is_mixed_and_the_result_much_the_same() -> None:
    line, seen = Line(), set()
    line.module_.to("cuda")

    def loss(rows: Any) -> torch.Tensor:
        xs = XS[torch.as_tensor(rows)].to("cuda")
        answer = line.module_(xs)
        seen.add(answer.dtype)
        return ((answer.float() - 2 * xs - 1) ** 2).mean()

    line.train(Recipe(60, learning_rate=0.05, weight_decay=0.0), loss=loss)
    assert torch.float32 not in seen
    assert line.numbers == pytest.approx([2, 1], abs=0.1)
