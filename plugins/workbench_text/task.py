"""The task `text-classification`: the class of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench import DataError, Dataset, Option, Source, Split
from workbench.blocks.supervised import Supervised
from workbench.data.arrow_values import to_text
from workbench.data.classes import listed
from workbench.data.columns import find_columns, plain_values
from workbench.data.examples import Examples, digests
from workbench.data.labelled import Labels
from workbench.data.names import plain_name
from workbench.data.tables import RawTable
from workbench.metrics.classification import CLASSIFICATION
from workbench.wording import counted
from workbench_text.folders import read_folder
from workbench_text.reading import read_questions, read_texts

LABELS = ("label", "target", "class", "y", "category", "sentiment")
TEXTS = ("text", "review", "sentence", "content", "comment", "message", "document", "tweet", "question", "body")

NAMES = "label", "text"
"""The columns of what is no table."""

LONGEST = 100_000
"""Characters of a text; what follows is cut off."""


@dataclass(frozen=True, kw_only=True)
class Texts(Examples):
    """Examples: `texts`, string[n] without nulls; `pretrained`, the folder of an encoder, or nothing."""

    texts: pa.Array
    pretrained: str = ""

    @property
    def provides(self) -> set[str]:
        """Also `pretrained`, where there is an encoder."""
        return super().provides | ({"pretrained"} if self.pretrained else set())

    @property
    def shape(self) -> dict[str, int]:
        """Also `characters`, of all texts together, and how many of them are `chinese`."""
        characters, chinese = pc.utf8_length(self.texts), pc.count_substring_regex(self.texts, r"\p{Han}")
        return {**super().shape, "characters": pc.sum(characters).as_py() or 0, "chinese": pc.sum(chinese).as_py() or 0}

    def shown(self, rows: NDArray[np.int64]) -> list[str]:
        """The texts themselves."""
        return list(map(str, self.texts.take(pa.array(rows)).to_pylist()))

    @property
    def groups(self) -> NDArray[Any]:
        """Equal texts belong together."""
        return np.asarray(self.texts.dictionary_encode().indices)

    @property
    def contents(self) -> NDArray[np.uint64]:
        """By the texts."""
        return digests(text.encode() for text in self.texts.to_pylist())


@dataclass(frozen=True)
class TextLabels(Labels):
    """Also the name of the column with the texts."""

    text: str


class TextClassification(Supervised[Texts]):
    """Predicts the class of a text."""

    metrics = CLASSIFICATION
    baseline = "majority"
    part = Texts
    encoding = TextLabels
    targets = LABELS
    options = {
        "target": Option("the column of the classes; else the one called label, class, sentiment or the like"),
        "pretrained": Option("the folder of a BERT encoder: config.json, model.safetensors, vocab.txt", path=True),
        "columns": Option("the columns of a CSV file without a header, such as label,text"),
        "text_column": Option("the column of the texts; else the one called text, review, sentence or the like"),
    }

    def table(self, data: Any, source: Source, options: Mapping[str, str], encoding: Any = None) -> RawTable:
        """The columns of the classes and the texts; see `reading.read_texts` for what is read."""
        if encoding is not None:
            names, headers = (encoding.target, encoding.text), {*LABELS, *TEXTS, encoding.target, encoding.text}
            table = data if isinstance(data, RawTable) else self._table(data, source, options, names, headers)
            kept = list(find_columns(table, {"text": ()}, {"text": encoding.text}, ["text"]).values())
            kept += [name for name in table.columns.column_names if name == encoding.target]
            return replace(table, columns=table.columns.select(kept))
        text, target = options.get("text_column"), options.get("target")
        headers = {name for name in (*LABELS, *TEXTS, text, target) if name}
        table = data if isinstance(data, RawTable) else self._table(data, source, options, NAMES, headers)
        named = {"target": target}
        target = find_columns(table, {"target": LABELS}, named, ["target"], flag="--{}")["target"]
        others = [name for name in table.columns.column_names if name != target]
        if text is None and len(others) == 1:  # whatever it is called
            (text,) = others
        text = find_columns(table, {"text": TEXTS}, {"text": text}, ["text"])["text"]
        if text == target:
            raise DataError(f"{table.name}: column {text} cannot hold both the texts and their classes")
        unused = [name for name in others if name != text]
        notes = (*table.notes, *((f"columns not used: {listed(unused)}",) if unused else ()))
        return replace(table, columns=table.columns.select([text, target]), notes=notes)

    def _table(
        self, data: Any, source: Source, options: Mapping[str, str], names: tuple[str, str], headers: set[str]
    ) -> RawTable:
        """The table that was read; of a folder with a test part, that part, as the data of a run comes read already."""
        header = tuple(name.strip() for name in options.get("columns", "").split(",") if name.strip())
        found = read_texts(data, source, {plain_name(name) for name in headers}, names, header)
        return found.data if found.test is None else found.test

    def questions(self, source: Source, encoding: TextLabels) -> RawTable:
        """The texts to be answered; see `reading.read_questions` for what is read."""
        table = read_questions(source.data, source, encoding.text)
        (column,) = find_columns(table, {"text": ()}, {"text": encoding.text}, ["text"]).values()
        return replace(table, columns=table.columns.select([column]))

    def read(self, source: Source, options: Mapping[str, str]) -> Dataset[Texts]:
        """Read texts and their classes, and the fixed test part where there is one."""
        dataset = super().read(_in_parts(source), {**options, "kind": "classification"})
        dataset = replace(dataset, name=source.name)
        counts = np.bincount(dataset.data.target, minlength=dataset.data.n_classes)
        if counts.min() < 2:
            alone = dataset.data.labels[int(counts.argmin())]
            raise DataError(f"{source.name}: class {alone!r} has a single row; give it more, or none")
        folder = options.get("pretrained", "")
        if folder and not (Path(folder) / "config.json").is_file():
            raise DataError(f"--pretrained {folder}: no config.json in it; give the folder of a BERT encoder")
        folder = folder and str(Path(folder).resolve())
        report, texts = dataset.report, dataset.data.texts
        repeated = len(texts) - len(texts.unique())
        if repeated:
            note = f"{counted(repeated, 'text')} equal to another; equal ones stay on one side of every split"
            notes = (*report.notes, note)
            report = replace(report, notes=notes)
        return replace(dataset, data=replace(dataset.data, pretrained=folder), report=report)

    def columns_read(self, encoding: TextLabels) -> str:
        """Also the column of the texts."""
        return f"text {encoding.text}, {super().columns_read(encoding)}"

    def encode(self, table: RawTable, labels: Labels) -> tuple[TextLabels, Sequence[str]]:
        """The text column is the one beside the target."""
        (text,) = (name for name in table.columns.column_names if name != labels.target)
        return TextLabels(labels.target, labels.classes, text), ()

    def features(self, table: RawTable, encoding: TextLabels) -> tuple[Mapping[str, Any], Sequence[str]]:
        """`texts`; how many are empty, or were changed."""
        values = plain_values(table, encoding.text)
        try:
            texts = pc.fill_null(to_text(values), "")
        except pa.ArrowException as error:
            raise DataError(f"{table.name}, column {encoding.text} holds {values.type}; give text") from error
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        nul, long = pc.match_substring(texts, "\0"), pc.greater(pc.utf8_length(texts), LONGEST)
        notes = []
        if pc.any(nul).as_py():
            texts = pc.replace_substring(texts, "\0", "\u2400")
            notes.append(f"NUL stands in {counted(pc.sum(nul).as_py(), 'text')}, read as \u2400")
        if pc.any(long).as_py():
            texts = pc.utf8_slice_codeunits(texts, 0, LONGEST)
            notes.append(f"cut: {counted(pc.sum(long).as_py(), 'text')} of more than {LONGEST:,} characters")
        empty = pc.sum(pc.equal(pc.utf8_trim_whitespace(texts), "")).as_py()
        if empty:
            notes.append(f"empty: {counted(empty, 'text')}")
        return {"texts": texts}, notes

    def split(self, dataset: Dataset[Texts], strategy: str | None, seed: int) -> Split[Texts]:
        """Split by one of `splits`, equal texts on one side; those of a fixed test part that train has are counted."""
        split = super().split(dataset, strategy, seed)
        shared = pc.sum(pc.is_in(split.test.texts, value_set=split.train_valid.texts)).as_py()
        if not shared:
            return split
        return replace(split, leakage=(*split.leakage, f"{counted(shared, 'text')} of test also in train"))

    def sample(self) -> Source:
        """Made-up reviews."""
        return Source(made_up(seed=0, n=2000), made_up=True)

    def example(self, seed: int) -> Source:
        """A hundred made-up reviews."""
        return Source(made_up(seed, n=100), made_up=True)


def _in_parts(source: Source) -> Source:
    """With what was read of a folder, its test part apart.

    Raises:
        DataError: there is another test part; or as `read_folder`.
    """
    if not isinstance(source.data, str | Path) or not Path(source.data).is_dir():
        return source
    folder = read_folder(Path(source.data), source, NAMES)
    if folder.test is not None and source.test_data is not None:
        raise DataError(f"{source.name} has a test folder of its own; give that or --test-data, not both")
    return replace(source, data=folder.data, test_data=source.test_data if folder.test is None else folder.test)


def made_up(seed: int, n: int) -> pa.Table:
    """Reviews of dinners in words that say how they were and in words that say nothing; one in ten is mislabelled."""
    rng = np.random.default_rng(seed)
    words = {
        "good": ["great", "fresh", "warm", "lovely", "quick", "好吃"],
        "bad": ["cold", "stale", "late", "rude", "bland", "难吃"],
    }
    plain = ["the", "soup", "rice", "was", "and", "we", "had", "waiter", "came", "with", "very", "again", "今天"]
    labels = rng.choice(list(words), n)
    texts = [
        " ".join(rng.permutation([*rng.choice(words[label], 2), *rng.choice(plain, rng.integers(4, 12))]))
        for label in labels
    ]
    wrong = rng.random(n) < 0.1
    shown = np.where(wrong, np.where(labels == "good", "bad", "good"), labels)
    return pa.table({"text": texts, "label": shown})
