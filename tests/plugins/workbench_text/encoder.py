"""A tiny encoder of random weights, named as published ones are."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = ["the", "soup", "was", "rice", "we", "had", "lovely", "stale", *"今天的饭菜很香臭,!", "caf", "##e", "##s", "a"]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "vocab_size": len(PIECES),
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "hidden_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
THEIRS = {
    "words": "embeddings.word_embeddings",
    "places": "embeddings.position_embeddings",
    "kinds": "embeddings.token_type_embeddings",
    "norm": "embeddings.LayerNorm",
    "layers.0.query": "encoder.layer.0.attention.self.query",
    "layers.0.key": "encoder.layer.0.attention.self.key",
    "layers.0.value": "encoder.layer.0.attention.self.value",
    "layers.0.attended": "encoder.layer.0.attention.output.dense",
    "layers.0.attended_norm": "encoder.layer.0.attention.output.LayerNorm",
    "layers.0.between": "encoder.layer.0.intermediate.dense",
    "layers.0.last": "encoder.layer.0.output.dense",
    "layers.0.last_norm": "encoder.layer.0.output.LayerNorm",
}


def tiny_encoder(folder: Path) -> Path:
    """The folder, newly made, with the encoder in it."""
    import torch
    from safetensors.torch import save_file

    from workbench_text.neural.bert import Bert, shape_of

    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    torch.manual_seed(0)
    state = Bert(shape_of(folder)).state_dict()
    renamed = {}
    for name, value in state.items():
        ours, _, kind = name.rpartition(".")
        renamed[f"bert.{THEIRS[ours]}.{kind}"] = value
    save_file({**renamed, "bert.pooler.dense.bias": torch.zeros(48)}, folder / "model.safetensors")
    return folder
