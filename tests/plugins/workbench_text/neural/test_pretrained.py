"""An encoder is read from a folder, stored with the model, and refused where it is not what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.workbench_text.encoder import CONFIG, PIECES, tiny_encoder
from tests.plugins.workbench_text.neural.conftest import Texts
from workbench import DataError
from workbench.contract.context import Context
from workbench.errors import ModelError
from workbench.execution import shared
from workbench_text.neural.wordpiece import WordPieces

torch = pytest.importorskip("torch")


@dataclass(frozen=True, kw_only=True)
class WithEncoder(Texts):
    """Also the folder of an encoder."""

    pretrained: str


def part(texts: Texts, folder: Path) -> WithEncoder:
    return WithEncoder(**vars(texts), pretrained=str(folder))


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return tiny_encoder(tmp_path / "encoder")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The soup, the RICE!", "the soup , the rice !"),
        ("Cafés", "caf ##e ##s"),
        ("今天 soup很香", "今 天 soup 很 香"),
        ("soupy caf\ufffd\u200b\x07", "[UNK] caf"),
        ("", ""),
    ],
)
def test_texts_are_cut_into_pieces(text: str, pieces: str) -> None:
    found = WordPieces(PIECES, lower=True).numbered([text], 99)
    assert [PIECES[number] for number in found.values] == ["[CLS]", *pieces.split(), "[SEP]"]


def test_letters_are_made_small_unless_the_folder_says_otherwise(encoder: Path) -> None:
    from workbench_text.neural.bert import pieces_of

    assert pieces_of(encoder) == (PIECES, True)
    (encoder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert pieces_of(encoder) == (PIECES, False)
    (encoder / "tokenizer_config.json").unlink()
    assert pieces_of(encoder) == (PIECES, True)


def test_long_texts_are_cut() -> None:
    found = WordPieces(PIECES, lower=True).numbered(["the soup " * 50, "rice"], 8)
    assert found.lengths.tolist() == [8, 3]
    assert PIECES[found.values[7]] == "[SEP]"


def test_it_learns_from_frozen_features_and_needs_the_folder_no_more(
    texts: Texts, encoder: Path, tmp_path: Path
) -> None:
    from workbench_text.neural.pretrained import Pretrained

    train = part(texts, encoder)
    model = Pretrained()
    model.fit(train, Context(device_setting="cpu", model=model))
    found = model.predict_proba(train)
    assert (found.argmax(axis=1) == texts.target).mean() > 0.8
    saved = tmp_path / "saved"
    saved.mkdir()
    model.save(saved)
    shutil.rmtree(encoder)
    again = Pretrained()
    again.restore(saved)
    np.testing.assert_allclose(again.predict_proba(train), found, atol=1e-6)
    alone = again.predict_proba(train.take(np.array([3])))
    np.testing.assert_allclose(alone[0], found[3], atol=1e-2)  # in bfloat16, maybe
    (saved / "module.safetensors").unlink()
    with pytest.raises(ModelError, match=r"module.safetensors is not there, so this is no Pretrained"):
        Pretrained().restore(saved)


def test_each_text_is_encoded_once_in_a_run(texts: Texts, encoder: Path, tmp_path: Path) -> None:
    from workbench_text.neural.pretrained import Pretrained

    read: list[int] = []

    def share(key: str, names: Any, compute: Any) -> Any:
        def counted(rows: Sequence[int]) -> Any:
            read.append(len(rows))
            return compute(rows)

        return shared.rows(tmp_path, key, names, counted)

    whole = part(texts, encoder)
    first, rest = whole.take(np.arange(60)), whole.take(np.arange(60, 90))
    for train, valid in ((first, rest), (whole, None), (rest, first)):
        model = Pretrained()
        model.fit(train, Context(device_setting="cpu", model=model, valid=valid, on_shared_rows=share))
        alone = Pretrained()
        alone.fit(train, Context(device_setting="cpu", model=alone))
        np.testing.assert_allclose(
            model.predict_proba(whole), alone.predict_proba(whole), atol=1e-2
        )  # in bfloat16, maybe
    assert sum(read) == len(set(texts.texts.to_pylist()))


def test_a_tuned_encoder_learns_and_needs_the_folder_no_more(texts: Texts, encoder: Path, tmp_path: Path) -> None:
    from workbench_text.neural.bert import read_encoder
    from workbench_text.neural.tuned import Tuned

    before = read_encoder(encoder).state_dict()
    train = part(texts, encoder)
    model = Tuned(epochs=6, learning_rate=0.01)
    model.fit(train, Context(device_setting="cpu", model=model))
    after = model.module_[0].state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed and not changed & {"words.weight", "places.weight", "kinds.weight"}
    found = model.predict_proba(train)
    assert (found.argmax(axis=1) == texts.target).mean() > 0.8
    saved = tmp_path / "saved"
    saved.mkdir()
    model.save(saved)
    shutil.rmtree(encoder)
    again = Tuned(epochs=6, learning_rate=0.01)
    again.restore(saved)
    np.testing.assert_allclose(again.predict_proba(train), found, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "config.json",
            json.dumps({**CONFIG, "model_type": "t5"}),
            "a 't5' encoder with 'gelu'; a 'bert'",
        ),
        ("config.json", "{}", "a None encoder"),
        ("config.json", json.dumps({**CONFIG, "hidden_size": "16"}), "no whole number 'hidden_size'"),
        ("config.json", json.dumps({**CONFIG, "hidden_size": 32}), "does not hold what config.json says"),
        ("config.json", "{", r"config.json cannot be read"),
        ("config.json", "[]", r"config.json holds no settings"),
        ("vocab.txt", "the\nsoup\n", r"the pieces of BERT are needed, \[PAD\] first"),
        ("vocab.txt", None, "vocab.txt is not there; the folder of an encoder needs config.json"),
        ("model.safetensors", "no tensors", "model.safetensors cannot be read"),
        ("model.safetensors", None, "model.safetensors cannot be read"),
    ],
)
def test_what_is_no_encoder_is_refused(texts: Texts, encoder: Path, name: str, text: str | None, message: str) -> None:
    from workbench_text.neural.pretrained import Pretrained

    (encoder / name).unlink()
    if text is not None:
        (encoder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        Pretrained().fit(part(texts, encoder), Context(device_setting="cpu"))


def test_the_order_of_words_counts(encoder: Path) -> None:
    from workbench_text.neural.bert import read_encoder

    pieces = WordPieces(PIECES, lower=True).numbered(["the soup", "soup the", ""], 9)
    with torch.inference_mode():
        found = read_encoder(encoder)(torch.as_tensor(pieces.padded(np.arange(3), 9)))
    assert found.shape == (3, 48)
    assert not torch.allclose(found[0], found[1], atol=1e-3)
