"""The settings of a run: validated once, from flags, TOML or Python; they round-trip as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.data.pipes import is_pipe
from workbench.errors import SettingsError, UnknownName

DEFAULT_SECONDS = 60.0

IN_MEMORY = "(table)"
"""What JSON says in the place of data that was no file."""

PIPED = "(pipe)"
"""What JSON says in the place of data that came through a pipe."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
    "t": 10**12,
}


@dataclass(frozen=True)
class RunSettings:
    """What a run was asked to do. Durations are seconds, sizes bytes.

    Args:
        task: its name.
        data: a path or an Arrow-compatible table; None for the task's sample.
        test_data: the same for a fixed test part.
        time: the budget of the whole run; None when only `trials` bounds it.
        trials: at most so many trials.
        models: the only models to try; empty for all.
        without: models not to try.
        fixed: hyperparameters held at a value, `"model.field"` -> value.
        metric: what is searched; None for the task's first.
        split: the strategy; None for the one that suits the data.
        folds: how many for cross-validation; None for one valid part.
        seed: of everything random.
        workers: processes that run trials; None shares the cores out, one thread each.
        threads: for each worker; None shares the cores out among the workers.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        memory: the most private memory of a worker; None for no limit.
        keep: how many fitted models are kept, members of an ensemble not counted.
        name: the user's own words for the run.
        no_plugin: plugins that are not imported.
        encoding: the text encoding of delimited files.
        on_bad_rows: `error`, `skip` (up to 5 % of the rows) or `skip-any`.
        options: the task's own settings.
    """

    task: str
    data: Any = None
    test_data: Any = None
    time: float | None = None
    trials: int | None = None
    models: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    metric: str | None = None
    split: str | None = None
    folds: int | None = None
    seed: int = 0
    workers: int | None = None
    threads: int | None = None
    device: str = "auto"
    memory: int | None = None
    keep: int = 3
    name: str = ""
    no_plugin: tuple[str, ...] = ()
    encoding: str = "utf-8"
    on_bad_rows: str = "error"
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.time is None and self.trials is None:
            object.__setattr__(self, "time", DEFAULT_SECONDS)
        for name in ("workers", "threads"):
            given = getattr(self, name)
            self._check(name, given is None or 1 <= given <= 256, "from 1 to 256")
        self._check("time", self.time is None or 0 < self.time < math.inf, "more than 0 seconds")
        self._check("trials", self.trials is None or self.trials >= 1, "1 or more")
        self._check("folds", self.folds is None or 2 <= self.folds <= 20, "from 2 to 20")
        self._check("seed", 0 <= self.seed < 2**32, "a whole number from 0 to 4294967295")
        self._check("keep", self.keep >= 1, "1 or more")
        self._check("memory", self.memory is None or self.memory >= 2**26, "64MiB or more")
        self._check(
            "device",
            re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device) is not None,
            "auto, cpu, cuda or cuda:N",
        )
        self._check("on_bad_rows", self.on_bad_rows in ("error", "skip", "skip-any"), "error, skip or skip-any")
        for key, value in self.fixed.items():
            self._check("set", key.count(".") == 1, "model.field=value", key)
            finite = not isinstance(value, float) or math.isfinite(value)
            self._check("set", finite, "a finite number", f"{key}={value}")

    def gone(self) -> tuple[str, str] | None:
        """(which data, how it was given) where stored settings do not say where that is."""
        for key in ("data", "test_data"):
            given = getattr(self, key)
            if isinstance(given, str) and given in (IN_MEMORY, PIPED):
                return key, "as a table in memory" if given == IN_MEMORY else "through a pipe"
        return None

    @property
    def worker_count(self) -> int:
        """How many workers there will be."""
        return self.workers or max(1, available_cores() // (self.threads or 1))

    @property
    def thread_count(self) -> int:
        """How many threads each worker may use."""
        return self.threads or max(1, available_cores() // self.worker_count)

    def _check(self, name: str, holds: bool, wanted: str, given: Any = None) -> None:
        if not holds:
            given = getattr(self, name) if given is None else given
            raise SettingsError(f"--{name.replace('_', '-')} {given}: must be {wanted}")

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `from_mapping` takes them; paths hold from anywhere, tables in memory are not kept."""
        plain = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        for key in ("data", "test_data"):
            if plain[key] is not None:
                plain[key] = _lasting(plain[key])
        return json.loads(json.dumps(plain))  # type: ignore[no-any-return]

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], options: str = "options={...}") -> RunSettings:
        """Settings from TOML, JSON or keyword arguments; texts such as `"10m"` and `"a,b"` are understood.

        Args:
            mapping: name of a setting -> its value.
            options: where the task's own settings go, for the message about a name that is none of ours.

        Raises:
            SettingsError: a value that cannot be used.
            UnknownName: a key that is no setting.
        """
        fields = [item.name for item in dataclasses.fields(cls)]
        values = {key: value for key, value in mapping.items() if value is not None}
        if "set" in values:
            values["fixed"] = values.pop("set")
        for key in values:
            if key not in fields:
                raise UnknownName("setting", key, fields, remark=f"a setting of the task goes into {options}")
        if "task" not in values:
            raise SettingsError("no task given; say --task NAME (workbench tasks lists them)")
        for key, parse in _PARSERS.items():
            if key in values:
                values[key] = parse(values[key])
        for key in ("trials", "folds", "seed", "workers", "threads", "keep"):
            if key in values and (isinstance(values[key], bool) or not isinstance(values[key], int)):
                raise SettingsError(f"{key} = {values[key]!r}: must be a whole number")
        for key in ("task", "metric", "split", "device", "name", "encoding"):
            if key in values and not isinstance(values[key], str):
                raise SettingsError(f"{key} = {values[key]!r}: must be text")
        return cls(**values)


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_seconds(value: str | float) -> float:
    """`"90"`, `"90s"`, `"10m"`, `"1h30m"` or a number -> seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+", text):
        raise SettingsError(f"time {value!r}: write it as 90s, 10m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", text))


def parse_bytes(value: str | int) -> int:
    """`"4GiB"`, `"500MB"` or a number -> bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", str(value).strip().lower())
    if not match or match[2] not in _BYTES:
        raise SettingsError(f"memory {value!r}: write it as 4GiB or 500MB")
    return int(float(match[1]) * _BYTES[match[2]])


def parse_names(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """`"a,b"` or a list -> names."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise SettingsError(f"{value!r}: write names as a,b or as a list of texts")
    return tuple(part.strip() for part in parts if part.strip())


def parse_fixed(value: Mapping[str, Any] | str | list[str] | tuple[str, ...]) -> dict[str, Any]:
    """`"ease.l2=500"`, `["ease.l2=500"]`, `{"ease.l2": 500}` or `{"ease": {"l2": 500}}` -> `{"ease.l2": 500}`."""
    if isinstance(value, Mapping):
        flat: dict[str, Any] = {}
        for key, inner in value.items():
            nested = inner if isinstance(inner, Mapping) else None
            flat.update(
                {f"{key}.{name}": item for name, item in nested.items()} if nested is not None else {key: inner}
            )
        return flat
    pairs = {}
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise SettingsError(f"set = {value!r}: write it as model.field=value")
    for text in texts:
        key, equals, given = text.partition("=")
        if not equals or key.count(".") != 1:
            raise SettingsError(f"--set {text}: write it as model.field=value")
        try:
            pairs[key] = json.loads(given)
        except json.JSONDecodeError:
            pairs[key] = given
    return pairs


def parse_options(value: Mapping[str, Any]) -> dict[str, str]:
    """`{"user_column": "who", "length": 40}` -> the same with every value as text."""
    if not isinstance(value, Mapping) or not all(isinstance(item, str | int | float) for item in value.values()):
        raise SettingsError(f"options = {value!r}: write them as names with texts or numbers")
    return {name: str(item) for name, item in value.items()}


_PARSERS: dict[str, Any] = {
    "time": parse_seconds,
    "memory": parse_bytes,
    "models": parse_names,
    "without": parse_names,
    "no_plugin": parse_names,
    "fixed": parse_fixed,
    "options": parse_options,
}


def _lasting(data: Any) -> str:
    """Where data is, from whatever folder; or why that cannot be said."""
    if not isinstance(data, str | Path):
        return IN_MEMORY
    return PIPED if is_pipe(data) else str(Path(data).absolute())
