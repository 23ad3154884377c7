"""Chinese in words, where jieba is installed, and what is said where it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from workbench.contract.context import Context
from workbench.contract.task import Source
from workbench.errors import PluginError
from workbench.space import active
from workbench_text import chinese
from workbench_text.grams import CUT_WORDS, cut_words_of, learn
from workbench_text.linear import ComplementNB
from workbench_text.task import TextClassification, Texts
from workbench_text.tfidf import BOTH, CUT, CUT_BOTH, KINDS

TASK = TextClassification()
GOOD, BAD = "今天的外卖很好吃 送餐也快", "米饭太硬了 等了两个小时 late"


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jieba is not installed."""
    monkeypatch.setattr(chinese, "find_spec", lambda name: None)
    chinese.cutter.cache_clear()


@pytest.fixture
def there() -> None:
    """Jieba is installed, or the test is skipped."""
    pytest.importorskip("jieba")
    chinese.cutter.cache_clear()


def texts(*, repeat: int = 6) -> Texts:
    table = pa.table(
        {"text": [text + str(n) for n in range(repeat) for text in (GOOD, BAD)], "label": ["+", "-"] * repeat}
    )
    return TASK.read(Source(table), {}).data


def shape(chinese: int, characters: int) -> dict[str, int]:
    return {"examples": 10, "classes": 2, "characters": characters, "chinese": chinese}


def test_chinese_characters_are_counted() -> None:
    data = texts()
    assert data.shape["chinese"] == 6 * (12 + 11)
    assert data.shape["characters"] == 6 * (14 + 18)
    assert TASK.read(TASK.example(0), {}).data.shape["chinese"] > 0
    assert texts().take(np.array([], np.int64)).shape["chinese"] == 0


def test_words_are_those_of_the_dictionary_and_the_rest_as_ever(there: None) -> None:
    assert cut_words_of("很好吃! It's 今天的外卖 5 ラーメン") == [
        "^", "很", "好吃", "it", "s", "今天", "的", "外卖", "5", "ラ", "ー", "メ", "ン", "$",
    ]  # fmt: skip
    vocabulary, counts = learn(CUT_WORDS, [GOOD, BAD, GOOD])
    assert (vocabulary.count([GOOD, BAD, GOOD]) - counts).nnz == 0
    assert vocabulary.count(["天今"]).sum() == 2, "what was a word is none the other way round, and ^ and $ are known"


def test_the_space_has_a_choice_where_there_is_chinese_and_something_to_cut_it(
    there: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ComplementNB.space_for(shape(50, 100))
    assert {*found} == {*ComplementNB.space} and all(found["grams"].contains(grams) for grams in (*KINDS, BOTH, CUT))
    assert {"words", "characters"} <= {*active(found, {"grams": CUT_BOTH})}
    for few in (shape(9, 100), shape(0, 0), shape(5_000_000, 5_000_000)):
        assert ComplementNB.space_for(few) == ComplementNB.space
    monkeypatch.setattr(chinese, "find_spec", lambda name: None)
    assert ComplementNB.space_for(shape(50, 100)) == ComplementNB.space


@pytest.mark.parametrize("grams", [CUT, CUT_BOTH])
def test_a_model_of_words_comes_back_as_it_was(there: None, tmp_path: Path, grams: str) -> None:
    data = texts()
    model = ComplementNB(grams=grams)
    model.fit(data, Context())
    model.save(tmp_path)
    again = ComplementNB(grams=grams)
    again.restore(tmp_path)
    assert np.array_equal(again.predict_proba(data), model.predict_proba(data))
    assert CUT_WORDS in model.kinds_


def test_a_stored_model_of_words_is_refused_where_they_cannot_be_cut(
    there: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for grams in (BOTH, CUT):
        model = ComplementNB(grams=grams)
        model.fit(texts(), Context())
        (tmp_path / grams).mkdir()
        model.save(tmp_path / grams)
    monkeypatch.setattr(chinese, "find_spec", lambda name: None)
    ComplementNB(grams=BOTH).restore(tmp_path / BOTH)
    with pytest.raises(PluginError, match=r"jieba, which is missing: pip install 'automl-workbench\[chinese\]'"):
        ComplementNB(grams=CUT).restore(tmp_path / CUT)


def test_nothing_is_cut_without_what_cuts_it(missing: None) -> None:
    with pytest.raises(PluginError, match="jieba, which is missing"):
        ComplementNB(grams=CUT).fit(texts(), Context())
    ComplementNB().fit(texts(), Context())


def test_cutting_leaves_no_file_and_no_word_behind(there: None, tmp_path: Path) -> None:
    code = "from workbench_text.grams import cut_words_of; print(cut_words_of('很好吃'))"
    place = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=place, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['^', '很', '好吃', '$']\n"
    assert list(tmp_path.iterdir()) == []
