"""The BERT encoder (Devlin et al., NAACL 2019), read from a local folder: `config.json`, safetensors, vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workbench import DataError
from workbench_text.neural.words import PADDING

SIZES = {
    "words": "vocab_size",
    "places": "max_position_embeddings",
    "kinds": "type_vocab_size",
    "dimensions": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "between": "intermediate_size",
}
"""Ours -> as `config.json` calls it."""

NAMES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attended",
    "attention.output.LayerNorm": "attended_norm",
    "intermediate.dense": "between",
    "output.dense": "last",
    "output.LayerNorm": "last_norm",
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "places",
    "embeddings.token_type_embeddings": "kinds",
    "embeddings.LayerNorm": "norm",
    "encoder.layer": "layers",
}
"""As they are stored -> ours."""


class Bert(nn.Module):
    """int64[n, pieces] -> float[n, dimensions]: the mean of what the last layer makes of each piece."""

    def __init__(self, shape: Mapping[str, Any]) -> None:
        super().__init__()
        dimensions, epsilon = shape["dimensions"], shape["epsilon"]
        self.words = nn.Embedding(shape["words"], dimensions)
        self.places = nn.Embedding(shape["places"], dimensions)
        self.kinds = nn.Embedding(shape["kinds"], dimensions)
        self.norm = nn.LayerNorm(dimensions, epsilon)
        self.layers = nn.ModuleList(
            Layer(dimensions, shape["heads"], shape["between"], epsilon) for _ in range(shape["layers"])
        )

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        return _mean(self.states(pieces)[-1], pieces)

    def seen(self, pieces: torch.Tensor) -> torch.Tensor:
        """float[n, 4 * dimensions]: of each of the last two layers that mean, and what it makes of the first piece.

        The last layer alone is made for what the encoder was trained on; the one before knows more of words and of
        their order, and how a text begins tells what it is about.
        """
        parts = [(_mean(states, pieces), states[:, min(1, states.shape[1] - 1)]) for states in self.states(pieces)[-2:]]
        return torch.cat([each for both in parts for each in both], dim=1)

    def states(self, pieces: torch.Tensor) -> list[torch.Tensor]:
        """What is made of each piece before the first layer and after every one, each float[n, pieces, dimensions]."""
        there = pieces != PADDING
        places = torch.arange(pieces.shape[1], device=pieces.device)
        states = [self.norm(self.words(pieces) + self.places(places) + self.kinds.weight[0])]
        for layer in self.layers:
            states.append(layer(states[-1], there))
        return states


def _mean(states: torch.Tensor, pieces: torch.Tensor) -> torch.Tensor:
    there = (pieces != PADDING)[:, :, None]
    found: torch.Tensor = (states * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
    return found


class Layer(nn.Module):
    """float[n, pieces, dimensions] -> the same."""

    def __init__(self, dimensions: int, heads: int, between: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.attended = (nn.Linear(dimensions, dimensions) for _ in range(4))
        self.attended_norm = nn.LayerNorm(dimensions, epsilon)
        self.between, self.last = nn.Linear(dimensions, between), nn.Linear(between, dimensions)
        self.last_norm = nn.LayerNorm(dimensions, epsilon)

    def forward(self, states: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            made(states).unflatten(2, (self.heads, -1)).transpose(1, 2) for made in (self.query, self.key, self.value)
        )
        seen = functional.scaled_dot_product_attention(query, key, value, there[:, None, None])
        states = self.attended_norm(states + self.attended(seen.transpose(1, 2).flatten(2)))
        found: torch.Tensor = self.last_norm(states + self.last(functional.gelu(self.between(states))))
        return found


def shape_of(folder: Path) -> dict[str, Any]:
    """The sizes of an encoder, from its `config.json`.

    Raises:
        DataError: there is none, or it is of another kind.
    """
    config = _json(folder, "config.json")
    kind, activation = config.get("model_type"), config.get("hidden_act", "gelu")
    if kind != "bert" or activation != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        given = f"{folder / 'config.json'}: a {kind!r} encoder with {activation!r}"
        raise DataError(f"{given}; a 'bert' with 'gelu' and absolute positions is needed")
    missing = [name for name in SIZES.values() if not isinstance(config.get(name), int)]
    if missing:
        raise DataError(f"{folder / 'config.json'}: no whole number {missing[0]!r}")
    sizes = {ours: config[name] for ours, name in SIZES.items()}
    return {**sizes, "epsilon": float(config.get("layer_norm_eps", 1e-12))}


def pieces_of(folder: Path) -> tuple[list[str], bool]:
    """(the pieces of words in the order of their numbers, whether they are of lower case).

    Raises:
        DataError: they are not there.
    """
    path = folder / "vocab.txt"
    if not path.is_file():
        needed = "config.json, model.safetensors and vocab.txt"
        raise DataError(f"{path} is not there; the folder of an encoder needs {needed}")
    pieces = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    if pieces[PADDING] != "[PAD]" or not {"[CLS]", "[SEP]", "[UNK]"} <= set(pieces):
        raise DataError(f"{path}: the pieces of BERT are needed, [PAD] first, with [CLS], [SEP] and [UNK]")
    config = "tokenizer_config.json"
    settings = _json(folder, config) if (folder / config).is_file() else {}
    return pieces, bool(settings.get("do_lower_case", True))


def read_encoder(folder: Path) -> Bert:
    """The encoder of a local folder, in evaluation mode; nothing is downloaded and nothing unpickled.

    Raises:
        DataError: something is missing, or does not fit together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    with torch.device("meta"):  # its numbers are read, so that none need be drawn
        encoder = Bert(shape_of(folder))
    try:
        stored = {_ours(name): value for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    own = encoder.state_dict()
    for name, value in own.items():
        if name not in stored or stored[name].shape != value.shape:
            raise DataError(f"{path} does not hold what config.json says: {name} is missing or of another shape")
    encoder.load_state_dict({name: stored[name].float() for name in own}, assign=True)
    encoder.eval().requires_grad_(False)
    return encoder


def _ours(name: str) -> str:
    name = name.removeprefix("bert.")
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    return name


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{folder / name} holds no settings")
    return found
