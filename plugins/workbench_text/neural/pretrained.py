"""What a pretrained encoder makes of a text, and a classifier of ours on it; the encoder lies in a local folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.blocks.networks import Network
from workbench.blocks.training import Rows, answers, bucketed, cpu_has_bfloat16, mixed_precision
from workbench.contract.context import Context
from workbench.data.examples import digests
from workbench.space import Float
from workbench_text.neural.wordpiece import WordPieces
from workbench_text.neural.words import Ragged

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from workbench_text.neural.bert import Bert

LONGEST = 256
"""Pieces of a text that are looked at."""


def pieces(texts: Any, known: str, lower: bool, places: int) -> Ragged:
    """The numbers of the pieces of string[n], at most `LONGEST` a text and no more than an encoder has places for.

    Args:
        texts: string[n].
        known: the pieces in the order of their numbers, a line each.
        lower: whether they are of lower case.
        places: of the encoder.
    """
    tokenizer = WordPieces(known.split("\n"), lower)
    return tokenizer.numbered((text or "" for text in texts.to_pylist()), min(LONGEST, places))


class Pretrained(Network):
    """Logistic regression on what a frozen encoder makes of a text, which is found once in a run for each text.

    The part has one field more, `pretrained`, the folder of the encoder, and `provides` the word `pretrained`. The
    encoder is stored with the model.
    """

    l2: float = 0.1

    space = {"l2": Float(1e-3, 100, log=True)}
    needs = {"classes", "pretrained"}

    module_: Bert

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float] | None:
        """Of reading the texts of train and valid with an encoder of 22 million weights, one thread."""
        each = 2e-5 if cpu_has_bfloat16() else 6e-5
        return 0.5 + each * shape["characters"] + 3e-4 * shape["examples"], 1e9 + 2e4 * shape["examples"]

    def module(self, shape: Mapping[str, Any]) -> Bert:
        from workbench_text.neural.bert import Bert

        return Bert(shape)

    def fit(self, train: Any, context: Context) -> None:
        """Only the classifier is fitted."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from workbench_text.neural.bert import pieces_of, read_encoder, shape_of

        folder = Path(train.pretrained)
        known, self.lower_ = pieces_of(folder)
        self.pieces_ = "\n".join(known)
        self.start(shape_of(folder), context)
        self.module_ = read_encoder(folder).to(self.device)
        self._found_: list[tuple[Any, NDArray[np.float32]]] = []
        for part in [train] if context.valid is None else [context.valid, train]:
            names = digests(text.encode("utf-8", "surrogatepass") for text in part.texts.to_pylist())
            features = context.shared_rows("features", names, partial(self.features, part))
            self._found_.append((part, features))
        head = LogisticRegression(C=1 / (self.l2 * features.shape[1]), max_iter=500)
        self.estimator_ = make_pipeline(StandardScaler(), head).fit(features, train.target)
        self.n_classes_, self.classes_ = train.n_classes, np.unique(train.target)

    def predict_proba(self, examples: Any) -> NDArray[np.float64]:
        """float64[n, n_classes]."""
        known = [features for part, features in vars(self).get("_found_", ()) if part is examples]
        features = known[0] if known else self.features(examples, range(len(examples)))
        found = np.zeros((len(examples), self.n_classes_))
        found[:, self.classes_] = self.estimator_.predict_proba(features)
        return found

    def features(self, examples: Any, chosen: Sequence[int]) -> NDArray[np.float32]:
        """float32[chosen, 4 * dimensions], found in mixed precision: the last digits depend on the machine."""
        import torch

        if not len(chosen):
            return np.empty((0, 4 * self.shape_["dimensions"]), np.float32)
        texts = examples.texts.take(np.array(chosen))
        numbered = pieces(texts, self.pieces_, self.lower_, self.shape_["places"])

        def seen(rows: Rows) -> torch.Tensor:
            with mixed_precision(self.device):
                return self.module_.seen(torch.as_tensor(numbered.padded(rows, LONGEST), device=self.device))

        return answers(self.module_, bucketed(numbered.lengths, 64, [0]), seen)
