"""Models, tasks and metrics that each break one promise; `Good`, `Recommend` and `length` break none."""

import datetime
import importlib
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from workbench import Answer, Model, Source
from workbench.blocks.recommend import Queries
from workbench.space import Choice, Float, Int, When
from workbench_recommend.task import Recommend, made_up_ratings

PICKLE = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s."
"""{'a': 1}, written by hand."""


class Good(Model):
    """Popularity with seeded noise; reports, and uses its random numbers and its folder well."""

    noise: float = 0.1
    kind: str = "plain"
    depth: int = 2
    space = {"noise": Float(0.0, 1.0), "kind": Choice("plain", "deep"), **When("kind", "deep", {"depth": Int(1, 4)})}
    starts = ({"kind": "deep", "depth": 3},)

    @classmethod
    def estimate(cls, shape):
        return 0.01, 8.0 * shape["items"]

    def fit(self, train, context):
        counts = np.bincount(train.items, minlength=train.n_items).astype(np.float32)
        noise = context.rng.random(train.n_items, dtype=np.float32)
        for _ in context.epochs(2):
            self.scores_ = counts + self.noise * noise

    def score_histories(self, histories):
        return np.broadcast_to(self.scores_, histories.shape)


class NoModel:
    pass


class NoDefault(Model):
    depth: int


class OddDefault(Good):
    noise: float = np.float32(0.5)


class Misspelt(Good):
    space = {"nosie": Float(0, 1)}


class MisspeltStart(Good):
    starts = ({"nosie": 0.5},)


class MisspeltCondition(Good):
    space = {"noise": Float(0, 1), **When("knid", "deep", {"depth": Int(1, 4)})}


class OutsideByDefault(Good):
    noise: float = 2.0


class OutsideInAStart(Good):
    starts = ({"kind": "deep", "depth": 9},)


class EndsBadly(Good):
    def __post_init__(self):
        if self.depth == 4:
            raise ValueError("too deep")


class Oversleeps(Good):
    def fit(self, train, context):
        time.sleep(0.2)
        super().fit(train, context)


class Mutates(Good):
    def fit(self, train, context):
        train.values[3:] = 0
        super().fit(train, context)


class Raises(Good):
    def fit(self, train, context):
        raise RuntimeError("out of order")


class Exits(Good):
    def fit(self, train, context):
        sys.exit(0)


class AnswersNaN(Good):
    def score_histories(self, histories):
        return np.full(histories.shape, np.nan, dtype=np.float32)


class AnswersTooFew(Good):
    def score_histories(self, histories):
        return np.zeros((histories.shape[0], 3), dtype=np.float32)


class Unseeded(Good):
    def fit(self, train, context):
        self.scores_ = np.random.default_rng().random(train.n_items, dtype=np.float32)


class AddsUp(Good):
    def fit(self, train, context):
        before = getattr(self, "scores_", 0)
        super().fit(train, context)
        self.scores_ = self.scores_ + before


class NeedsValid(Good):
    def fit(self, train, context):
        super().fit(train, context)
        self.n_valid_ = len(context.valid)


class Deaf(Good):
    def fit(self, train, context):
        super().fit(train, replace(context, valid=None))
        for step in range(3):
            try:
                context.report(step, 0.5)
            except Exception:  # noqa: BLE001
                continue


class KeepsAnObject(Good):
    def fit(self, train, context):
        super().fit(train, context)
        self.lock_ = object()


class Pickles(Good):
    def save(self, folder):
        super().save(folder)
        (folder / "state.bin").write_bytes(PICKLE)


class KeepsObjects(Good):
    def save(self, folder):
        super().save(folder)
        np.savez_compressed(folder / "state.npz", state=np.array([{"a": 1}], dtype=object))


class Forgets(Good):
    def fit(self, train, context):
        super().fit(train, context)
        self.shift = np.linspace(0, 100, train.n_items, dtype=np.float32)

    def score_histories(self, histories):
        return super().score_histories(histories) + getattr(self, "shift", 0)


class NeedsCompany(Good):
    def score_histories(self, histories):
        if histories.shape[0] == 1:
            raise IndexError("one row is not enough")
        return super().score_histories(histories)


class ShortOfBreath(Good):
    """Never gives more than three items."""

    def recommend(self, queries: Queries, k, exclude):
        from workbench.blocks.recommend import recommend

        plain = Good()
        plain.scores_ = self.scores_
        items, scores = recommend(plain, queries, k, exclude)
        items[:, 3:], scores[:, 3:] = -1, -np.inf
        return items, scores


class Litters(Good):
    def fit(self, train, context):
        super().fit(train, context)
        Path("notes.txt").write_text("fitted", encoding="utf-8")


class LittersElsewhere(Good):
    where: str = ""

    def save(self, folder):
        super().save(folder)
        (folder.parent / "beside.txt").write_text("saved", encoding="utf-8")


class ImportsWhatWrites(Good):
    def fit(self, train, context):
        super().fit(train, context)
        importlib.import_module("keeps_a_cache")


class LeavesAProcess(Good):
    def fit(self, train, context):
        super().fit(train, context)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


class Boasts(Good):
    @classmethod
    def estimate(cls, shape):
        return 3600.0, 0.0


class BoastsOfMemory(Good):
    @classmethod
    def estimate(cls, shape):
        return 0.0, 1e12


class Mumbles(Good):
    @classmethod
    def estimate(cls, shape):
        return (float("nan"), 0.0)


class WantsMore(Good):
    needs = {"item_features"}


class NoTask:
    pass


class NoMetrics(Recommend):
    metrics = ()


class NoBaseline(Recommend):
    baseline = "nobody"


class ForgetfulExample(Recommend):
    calls = 0

    def example(self, seed):
        type(self).calls += 1
        return Source(made_up_ratings(type(self).calls, users=20, items=15))


@dataclass(frozen=True)
class Shapeless:
    users: np.ndarray
    callback: object = None


class OddParts(Recommend):
    part = Shapeless

    def split(self, dataset, strategy, seed):
        split = super().split(dataset, strategy, seed)
        odd = {name: Shapeless(split.train.users, print) for name in ("train", "valid", "train_valid", "test")}
        return replace(split, **odd)


class ShapelessParts(OddParts):
    def split(self, dataset, strategy, seed):
        split = super().split(dataset, strategy, seed)
        return replace(
            split, **{name: Shapeless(split.train.users) for name in ("train", "valid", "train_valid", "test")}
        )


class UnseededSplit(Recommend):
    calls = 0

    def split(self, dataset, strategy, seed):
        type(self).calls += 1
        return super().split(dataset, strategy or "user-random", type(self).calls)


class Leaks(Recommend):
    def split(self, dataset, strategy, seed):
        split = super().split(dataset, strategy, seed)
        return replace(split, train=split.train_valid)


class LeaksTest(Recommend):
    def split(self, dataset, strategy, seed):
        split = super().split(dataset, strategy, seed)
        return replace(split, train_valid=dataset.data)


class NotFinite(Recommend):
    def evaluate(self, model, part, metrics):
        found = super().evaluate(model, part, metrics)
        return replace(found, metrics={**found.metrics, "recall@10": float("nan")})


class Undelivered(Recommend):
    def evaluate(self, model, part, metrics):
        found = super().evaluate(model, part, metrics)
        return replace(found, metrics={name: value for name, value in found.metrics.items() if name != "recall@10"})


class NoMean(Recommend):
    def evaluate(self, model, part, metrics):
        found = super().evaluate(model, part, metrics)
        return replace(found, metrics={**found.metrics, "recall@10": found.metrics["recall@10"] + 0.1})


class Dice(Recommend):
    def evaluate(self, model, part, metrics):
        found = super().evaluate(model, part, metrics)
        return replace(found, metrics={**found.metrics, "gini@10": float(np.random.default_rng().random())})


class AnswersDates(Recommend):
    def answer(self, model, encoding, query):
        answer = super().answer(model, encoding, query)
        dates = pa.array([datetime.date(2020, 1, 1)] * answer.table.num_rows, pa.date32())
        return Answer(answer.table.append_column("date", dates))


class AnswersLess(Recommend):
    def answer(self, model, encoding, query):
        return Answer(super().answer(model, encoding, query).table.drop_columns(["score"]))


class CountsTiesWell(Recommend):
    """Gives a tie the best of its places."""

    def evaluate(self, model, part, metrics):
        found = super().evaluate(model, part, metrics)
        scores = found.answers["scores"]
        tied = float(np.mean(scores == scores[:, :1]))
        return replace(found, metrics={**found.metrics, "ndcg@10": tied}, per_example={})


class Unkind(Recommend):
    def read(self, source, options):
        if isinstance(source.data, Path):
            source.data.read_bytes()
        return super().read(source, options)


class NoProbes(Recommend):
    def probes(self, encoding, folder):
        return ()


def length(scored):
    """How long each list is."""
    return (scored.answers["items"] >= 0).sum(axis=1)


def raises(scored):
    raise RuntimeError("out of order")


def too_few(scored):
    return np.zeros(3)


def not_finite(scored):
    return float("nan")


def changes(scored):
    scored.answers["items"][:] = 0
    return 0.0


def dice(scored):
    return float(np.random.default_rng().random())


class NoFunction:
    def __init__(self, scored):
        pass
