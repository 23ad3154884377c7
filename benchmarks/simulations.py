"""Whether intervals, ties and ensembles keep what `docs/metrics.md` promises of them, on data whose truth is known.

    python benchmarks/simulations.py [--repetitions 1000] [--part intervals]

Nothing is fitted: values per example are drawn, with what an example brings along into every draw in which it is met,
with noise, and with the luck of each draw's fits, which all of its examples share. That luck is given in standard
errors of a draw. Examples overlap between draws as they do in a run: the same users in every draw (`recommend`), a
fifth of all examples at random (classes and numbers), or none in two (folds).
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.contract.metric import Evaluation
from workbench.execution.ensembles import FOLDS, LEAST_GAIN, Cell, folds_of, greedy, others, value_over
from workbench.metrics.significance import LEVEL, Mean, mean_over_draws

MODELS = 8
OWN = 0.5
"""Of the variance of a value: what an example brings along into every draw."""

OVERLAPS = ("the same users", "a fifth", "folds")


def examples_of(overlap: str, n_draws: int, n: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Of each draw, which examples are scored."""
    if overlap == "the same users":
        return [np.arange(n)] * n_draws
    if overlap == "a fifth":
        return [rng.choice(5 * n, n, replace=False) for _ in range(n_draws)]
    return [np.arange(n) + n * draw for draw in range(n_draws)]


def sample(overlap: str, n_draws: int, n: int, luck: float, rng: np.random.Generator) -> Mean:
    """The mean of values whose true mean is 0 and whose variance is 1."""
    examples = examples_of(overlap, n_draws, n, rng)
    own = rng.normal(0, OWN**0.5, 5 * n)
    noise = rng.normal(0, (1 - OWN) ** 0.5, (n_draws, n)) + luck / n**0.5 * rng.normal(size=(n_draws, 1))
    which = np.repeat(np.arange(n_draws), n)
    return mean_over_draws((own[np.stack(examples)] + noise).ravel(), np.concatenate(examples), which)


def share(hits: Sequence[bool]) -> str:
    """In percent, with its standard error."""
    mean = float(np.mean(hits))
    return f"{100 * mean:.1f} ± {100 * (mean * (1 - mean) / len(hits)) ** 0.5:.1f}"


def intervals(repetitions: int, rng: np.random.Generator) -> None:
    """How often the interval of 95 % holds the true mean."""
    print_header("examples", "draws", "a draw's", "luck 0", "0.5", "1", "2", "half-width at luck 1")
    for overlap, n_draws, n in itertools.product(OVERLAPS, (2, 3, 5), (100, 2000)):
        cells, half_widths = [], []
        for luck in (0.0, 0.5, 1.0, 2.0):
            means = [sample(overlap, n_draws, n, luck, rng) for _ in range(repetitions)]
            cells.append(share([abs(mean.value) <= mean.half_width() for mean in means]))
            half_widths.append(float(np.mean([mean.half_width() for mean in means])) * n**0.5)
        print(f"| {overlap} | {n_draws} | {n} | {' | '.join(cells)} | {half_widths[2]:.2f} |", flush=True)


def ties(repetitions: int, rng: np.random.Generator) -> None:
    """How often two models are called different that are equal, or so many standard errors apart."""
    print_header("examples", "draws", "luck", "of equal ones", "1 error apart", "2", "3", "4", "8")
    n = 300
    for overlap, n_draws, luck in itertools.product(OVERLAPS[:2], (1, 2, 3, 4, 5), (0.0, 1.0, 3.0)):
        if n_draws == 1 and luck:
            continue
        means = [sample(overlap, n_draws, n, luck, rng) for _ in range(repetitions)]
        errors = float(np.std([mean.value for mean in means]))
        found = [
            share([abs(mean.value + apart * errors) > mean.half_width(LEVEL) for mean in means])
            for apart in (0, 1, 2, 3, 4, 8)
        ]
        print(f"| {overlap} | {n_draws} | {luck:g} | {' | '.join(found)} |", flush=True)


def first_draw(repetitions: int, rng: np.random.Generator) -> None:
    """The search has chosen the best of many settings by its luck on the first draw, which is one of five."""
    print_header(
        "settings",
        "they differ by",
        "luck of fits",
        "too high with it",
        "error with it",
        "without it",
        "95 % with it",
        "without it",
    )
    n, n_draws, common = 500, 5, 0.9  # most of an example's difficulty is every setting's
    for settings, (spread, luck) in itertools.product((20, 400), ((0.3, 0.0), (0.5, 0.5), (0.5, 1.0), (0.2, 2.0))):
        with_it, without, covered, covered_without = [], [], [], []
        for _ in range(repetitions):
            true = rng.normal(0, spread, settings) / n**0.5
            own_luck = ((1 - common + luck**2) / n) ** 0.5 * rng.normal(size=settings)
            best = int(np.argmax(true + own_luck))
            luck_of = np.append(own_luck[best], ((1 - common + luck**2) / n) ** 0.5 * rng.normal(size=n_draws - 1))
            examples = np.stack(examples_of("a fifth", n_draws, n, rng))
            values = true[best] + luck_of[:, None] + rng.normal(0, common**0.5, 5 * n)[examples]
            which = np.arange(n_draws)[:, None] + np.zeros_like(examples)
            for at, errors, cover in ((0, with_it, covered), (1, without, covered_without)):
                mean = mean_over_draws(values[at:].ravel(), examples[at:].ravel(), which[at:].ravel())
                errors.append((mean.value - true[best]) * n**0.5)
                cover.append(abs(mean.value - true[best]) <= mean.half_width())
        rms = [float(np.sqrt(np.mean(np.square(errors)))) for errors in (with_it, without)]
        print(
            f"| {settings} | {spread} | {luck} | {np.mean(with_it):.2f} | {rms[0]:.2f} | {rms[1]:.2f} "
            f"| {share(covered)} | {share(covered_without)} |",
            flush=True,
        )


class World:
    """Two classes, and models that see them through noise: their own, and that of each fit.

    Args:
        noise: of a model's answers, its own and its fits' together; the signal's deviation is 1.
        n_draws: of the validation part.
        n: examples of a draw.
        rng: of everything.
    """

    def __init__(self, noise: float, n_draws: int, n: int, rng: np.random.Generator) -> None:
        self.noise, self.rng = noise, rng
        self.examples = examples_of("a fifth", n_draws, n, rng)
        signal, labels = self._drawn(5 * n)
        own = rng.normal(0, noise / 2**0.5, (MODELS, 5 * n))
        self.labels = [labels[which] for which in self.examples]
        self.answers = [self._answers(signal[which], own[:, which]) for which in self.examples]

    def right(self, weights: Sequence[int], draw: int) -> NDArray[np.bool_]:
        """Whether the models together are right, of each example of a draw."""
        return (np.asarray(weights) @ self.answers[draw] > sum(weights) / 2) == self.labels[draw]

    def truth(self, ways: Sequence[Sequence[int]], n: int = 40_000) -> NDArray[np.float64]:
        """The accuracy of several weights on other examples, by other fits."""
        signal, labels = self._drawn(n)
        answers = self._answers(signal, self.rng.normal(0, self.noise / 2**0.5, (MODELS, n)))
        return np.array([((np.asarray(way) @ answers > sum(way) / 2) == labels).mean() for way in ways])

    def _drawn(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        signal = self.rng.normal(size=n)
        return signal, self.rng.random(n) < 1 / (1 + np.exp(-2 * signal))

    def _answers(self, signal: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
        fits = self.rng.normal(0, self.noise / 2**0.5, own.shape)
        return 1 / (1 + np.exp(-2 * (signal + own + fits)))


def assembled(world: World) -> tuple[bool, float, float, float]:
    """(whether an ensemble is kept, the gain that is said, what its own examples would say, the true gain)."""
    n_draws = len(world.examples)
    fold = [folds_of(Evaluation({}), which) for which in world.examples]

    def value_of(draw: int, rows: NDArray[np.int64]) -> Callable[[tuple[int, ...]], float]:
        answers, labels = world.answers[draw][:, rows], world.labels[draw][rows]
        return functools.cache(
            lambda weights: float(((np.asarray(weights) @ answers > sum(weights) / 2) == labels).mean())
        )

    cells = [
        Cell(draw, which, float(np.mean(fold[draw] == which)), value_of(draw, np.flatnonzero(fold[draw] == which)))
        for draw, which in itertools.product(range(n_draws), range(FOLDS))
    ]
    singles = [tuple(int(at == model) for at in range(MODELS)) for model in range(MODELS)]
    together, alone = [], []
    for draw in range(n_draws):
        elsewhere = [value_over(others(cells, draw, which)) for which in range(FOLDS)]
        ways = [greedy(MODELS, value, lambda: False) for value in elsewhere]
        best = [max(singles, key=value) for value in elsewhere]
        together.append(np.choose(fold[draw], [world.right(way, draw) for way in ways]))
        alone.append(np.choose(fold[draw], [world.right(way, draw) for way in best]))
    gain = mean_over_draws(
        np.concatenate(together).astype(float) - np.concatenate(alone),
        np.concatenate(world.examples),
        np.repeat(np.arange(n_draws), [len(each) for each in world.examples]),
    )
    everywhere = value_over(cells)
    weights, leader = greedy(MODELS, everywhere, lambda: False), max(singles, key=everywhere)
    ahead = float(np.concatenate(together).mean()) > everywhere(leader)
    kept = gain.value > LEAST_GAIN * gain.error and ahead and np.count_nonzero(weights) > 1
    true = world.truth([weights, leader])
    return kept, gain.value, everywhere(weights) - everywhere(leader), float(true[0] - true[1])


def ensembles(repetitions: int, rng: np.random.Generator) -> None:
    """How often an ensemble is kept, and how its gain as said compares with the true one."""
    print_header(
        "models", "draws", "a draw's", "kept", "gain as said", "by its own examples", "true gain", "of those kept"
    )
    for noise, n_draws, n in itertools.product((0.1, 0.5), (2, 5), (100, 400)):
        found = [assembled(World(noise, n_draws, n, rng)) for _ in range(repetitions)]
        kept, *gains = (np.array(column) for column in zip(*found, strict=True))
        shown = [f"{gain.mean():.4f} ± {gain.std() / len(gain) ** 0.5:.4f}" for gain in gains]
        shown.append(f"{gains[2][kept].mean():.4f}" if kept.any() else "")
        label = "nearly equal" if noise < 0.5 else "errors of their own"
        print(f"| {label} | {n_draws} | {n} | {share(kept)} | {' | '.join(shown)} |", flush=True)


def print_header(*names: str) -> None:
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")


PARTS = {"intervals": (intervals, 1), "ties": (ties, 1), "first-draw": (first_draw, 1), "ensembles": (ensembles, 10)}
"""What is simulated, and how many times as much work a repetition is."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--part", choices=PARTS)
    given = parser.parse_args()
    for name, (simulate, work) in PARTS.items():
        if given.part in (None, name):
            print(f"\n{name}\n")
            simulate(max(1, given.repetitions // work), np.random.default_rng(0))


if __name__ == "__main__":
    main()
