"""The distributions from which a model's hyperparameters are drawn: light, printable, JSON.

A model's space is a dictionary of them:

    space = {
        "weighting": Choice("cosine", "bm25"),
        "neighbours": Int(5, 500, log=True),
        **When("weighting", "bm25", {"k1": Float(0.1, 10, log=True)}),
    }
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError

__all__ = [
    "Choice",
    "Conditional",
    "Distribution",
    "Float",
    "Int",
    "Space",
    "When",
    "active",
    "from_json",
    "to_json",
]

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Int:
    """Whole numbers from `low` to `high`, both included; `log` draws magnitudes evenly."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)
        if self.step < 1 or (self.log and self.step != 1):
            raise ModelError(f"{self}: step must be at least 1, and 1 with log=True")

    def contains(self, value: Any) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True)
class Float:
    """Real numbers from `low` to `high`, both included; `log` draws magnitudes evenly."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)

    def contains(self, value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high


@dataclass(frozen=True, init=False)
class Choice:
    """One of the named options: strings, numbers, booleans or None."""

    options: tuple[Scalar, ...]

    def __init__(self, *options: Scalar) -> None:
        if not options or not all(map(_is_scalar, options)):
            raise ModelError(f"Choice{options!r}: give one or more strings, finite numbers, booleans or None")
        object.__setattr__(self, "options", options)

    def __repr__(self) -> str:
        return f"Choice({', '.join(map(repr, self.options))})"

    def contains(self, value: Any) -> bool:
        return any(type(value) is type(option) and value == option for option in self.options)


@dataclass(frozen=True)
class Conditional:
    """A distribution that counts only while `field` has one of `values`."""

    field: str
    values: tuple[Scalar, ...]
    distribution: Distribution

    def contains(self, value: Any) -> bool:
        return self.distribution.contains(value)


Distribution = Int | Float | Choice | Conditional
Space = Mapping[str, Distribution]


class When(dict[str, Distribution]):
    """Distributions that count only while `field` equals `value`; unpack it into a space.

    Args:
        field: a field of the same space, named before this one.
        value: the value, or a tuple of values, of that field.
        space: field -> distribution.
    """

    def __init__(self, field: str, value: Scalar | tuple[Scalar, ...], space: Space) -> None:
        values = value if isinstance(value, tuple) else (value,)
        super().__init__({name: Conditional(field, values, inner) for name, inner in space.items()})


def active(space: Space, params: Mapping[str, Any]) -> dict[str, Int | Float | Choice]:
    """The fields that count under `params`, each with its bare distribution."""
    found = {}
    for name, distribution in space.items():
        counts = True
        while isinstance(distribution, Conditional):
            counts = counts and params.get(distribution.field) in distribution.values
            distribution = distribution.distribution
        if counts:
            found[name] = distribution
    return found


def to_json(space: Space) -> dict[str, Any]:
    """`{field: {"kind": "int", "low": 1, ...}}`, ready for `json.dumps`."""
    return {name: _distribution_to_json(distribution) for name, distribution in space.items()}


def from_json(document: Mapping[str, Any]) -> dict[str, Distribution]:
    """The space that `to_json` wrote."""
    return {name: _distribution_from_json(entry) for name, entry in document.items()}


def _distribution_to_json(distribution: Distribution) -> dict[str, Any]:
    match distribution:
        case Int(low, high, log, step):
            return {"kind": "int", "low": low, "high": high, "log": log, "step": step}
        case Float(low, high, log):
            return {"kind": "float", "low": low, "high": high, "log": log}
        case Choice(options=options):
            return {"kind": "choice", "options": list(options)}
        case Conditional(field, values, inner):
            return {
                "kind": "when",
                "field": field,
                "values": list(values),
                "then": _distribution_to_json(inner),
            }
    raise ModelError(f"{distribution!r} is no distribution; use Int, Float, Choice or When from workbench.space")


def _distribution_from_json(entry: Mapping[str, Any]) -> Distribution:
    match entry["kind"]:
        case "int":
            return Int(entry["low"], entry["high"], entry["log"], entry["step"])
        case "float":
            return Float(entry["low"], entry["high"], entry["log"])
        case "choice":
            return Choice(*entry["options"])
        case "when":
            return Conditional(entry["field"], tuple(entry["values"]), _distribution_from_json(entry["then"]))
    raise ModelError(f"no distribution of kind {entry['kind']!r}")


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))


def _check_range(low: float, high: float, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ModelError(f"a distribution from {low} to {high}: both ends must be finite")
    if not low <= high:
        raise ModelError(f"a distribution from {low} to {high}: low must not exceed high")
    if log and low <= 0:
        raise ModelError(f"a logarithmic distribution from {low}: low must be above 0")
