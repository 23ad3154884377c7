"""Settings of a run: understood from flags, TOML and Python alike, or refused with the flag and what it takes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import SettingsError, UnknownName
from workbench.settings import DEFAULT_SECONDS, RunSettings, available_cores, parse_bytes, parse_fixed, parse_seconds

names = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), max_size=3, unique=True)
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
mappings = st.fixed_dictionaries(
    {"task": st.just("recommend")},
    optional={
        "data": st.sampled_from(["ratings.csv", Path("ratings.csv")]),
        "time": st.floats(0.1, 1e6),
        "trials": st.integers(1, 1000),
        "models": names,
        "without": names,
        "fixed": st.dictionaries(st.from_regex(r"[a-z-]{1,5}\.[a-z0-9_]{1,5}", fullmatch=True), values, max_size=3),
        "metric": st.sampled_from(["ndcg@10", "recall@5"]),
        "seed": st.integers(0, 2**32 - 1),
        "workers": st.integers(1, 256),
        "threads": st.integers(1, 256),
        "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:1"]),
        "memory": st.integers(2**26, 2**50),
        "keep": st.integers(1, 9),
        "name": st.text(max_size=9),
        "on_bad_rows": st.sampled_from(["error", "skip"]),
        "options": st.dictionaries(st.sampled_from(["user_column", "duplicates"]), st.text(max_size=5)),
    },
)


@given(mappings)
def test_settings_survive_json(mapping: dict[str, Any]) -> None:
    settings = RunSettings.from_mapping(mapping)
    document = json.loads(json.dumps(settings.to_json(), allow_nan=False))
    again = RunSettings.from_mapping(document)
    assert again.to_json() == document
    for name in mapping.keys() - {"data"}:
        assert getattr(again, name) == getattr(settings, name)
    assert again.data == (str(Path(mapping["data"]).absolute()) if "data" in mapping else None)


def test_flags_toml_and_python_say_the_same() -> None:
    flags = {"task": "t", "time": "1h30m", "models": "a, b", "memory": "4GiB", "set": ["a.l2=500", "a.way=x"]}
    toml = {"task": "t", "time": 5400, "models": ["a", "b"], "memory": 2**32, "set": {"a": {"l2": 500, "way": "x"}}}
    assert RunSettings.from_mapping(flags) == RunSettings.from_mapping(toml)
    assert RunSettings.from_mapping(flags).fixed == {"a.l2": 500, "a.way": "x"}


def test_a_table_in_memory_is_named_not_kept() -> None:
    assert RunSettings.from_mapping({"task": "t", "data": [1], "trials": 1}).to_json()["data"] == "(table)"


def test_time_is_given_unless_trials_bound_the_run() -> None:
    assert RunSettings("t").time == DEFAULT_SECONDS
    assert RunSettings("t", trials=3).time is None
    assert RunSettings("t", trials=3, time=5.0).time == 5.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1d", 86_400), (" 2M ", 120), (7, 7.0)],
)
def test_durations_are_understood(text: str | float, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GiB", 2**32), ("500MB", 5 * 10**8), ("64mib", 2**26), ("1.5k", 1500), ("2 TiB", 2**41), ("77", 77), (5, 5)],
)
def test_sizes_are_understood(text: str | int, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "m", "-5", "5x", "10 m", "1m30", "1h-5m", "inf", True, None])
def test_a_duration_that_is_none_is_refused(text: Any) -> None:
    with pytest.raises(SettingsError, match="write it as 90s, 10m or 1h30m"):
        parse_seconds(text)


@pytest.mark.parametrize("text", ["", "GiB", "4XB", "-4GiB", "64i", True, 1e300])
def test_a_size_that_is_none_is_refused(text: Any) -> None:
    with pytest.raises(SettingsError, match="write it as 4GiB or 500MB"):
        parse_bytes(text)


def test_fixed_values_keep_their_type() -> None:
    given = ["a.i=5", "a.f=5.0", "a.s=five", 'a.q="5"', "a.b=true", "a.n=null", "a.e=x=y"]
    wanted = {"a.i": 5, "a.f": 5.0, "a.s": "five", "a.q": "5", "a.b": True, "a.n": None, "a.e": "x=y"}
    found = parse_fixed(given)
    assert found == wanted
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in wanted.items()}
    assert parse_fixed("a.i=5") == {"a.i": 5}


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"workers": 0}, "--workers 0: must be from 1 to 256"),
        ({"threads": 257}, "--threads 257: must be from 1 to 256"),
        ({"time": 0}, "--time 0.0: must be more than 0 seconds"),
        ({"time": math.nan}, "--time nan: must be more than 0 seconds"),
        ({"time": math.inf}, "--time inf: must be more than 0 seconds"),
        ({"trials": 0}, "--trials 0: must be 1 or more"),
        ({"seed": -1}, "--seed -1: must be a whole number from 0 to"),
        ({"seed": 2**32}, "must be a whole number from 0 to 4294967295"),
        ({"keep": 0}, "--keep 0: must be 1 or more"),
        ({"memory": "1MiB"}, "--memory 1048576: must be 64MiB or more"),
        ({"device": "tpu"}, "--device tpu: must be auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:"}, "--device cuda:: must be"),
        ({"on_bad_rows": "drop"}, "--on-bad-rows drop: must be error, skip or skip-any"),
        ({"set": ["l2=5"]}, "--set l2=5: write it as model.field=value"),
        ({"set": ["ease.l2"]}, "--set ease.l2: write it as model.field=value"),
        ({"set": {"ease": 5}}, "--set ease: must be model.field=value"),
        ({"set": ["ease.l2=NaN"]}, "--set ease.l2=nan: must be a finite number"),
        ({"set": {"ease.l2": math.inf}}, "--set ease.l2=inf: must be a finite number"),
        ({"set": 5}, "set = 5: write it as model.field=value"),
        ({"trials": 2.5}, "trials = 2.5: must be a whole number"),
        ({"seed": True}, "seed = True: must be a whole number"),
        ({"device": 0}, "device = 0: must be text"),
        ({"metric": 10}, "metric = 10: must be text"),
        ({"task": 5}, "task = 5: must be text"),
        ({"models": 5}, "5: write names as a,b"),
        ({"without": ["a", 5]}, "write names as a,b"),
        ({"options": "k=5"}, "options = 'k=5': write them as names with texts"),
        ({"options": {"k": [5]}}, "write them as names with texts"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(mapping: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RunSettings.from_mapping({"task": "t", **mapping})
    assert said in str(caught.value)


def test_an_unknown_setting_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no setting 'trails'; did you mean 'trials'"):
        RunSettings.from_mapping({"task": "t", "trails": 5})
    with pytest.raises(
        UnknownName, match=r"no setting 'user_column' \(a setting of the task goes into options={\.\.\.}\)"
    ):
        RunSettings.from_mapping({"task": "t", "user_column": "u"})
    with pytest.raises(SettingsError, match="no task given; say --task NAME"):
        RunSettings.from_mapping({"trials": 5})


def test_numbers_among_a_tasks_options_become_text() -> None:
    assert RunSettings.from_mapping({"task": "t", "options": {"k": 5, "s": "x"}}).options == {"k": "5", "s": "x"}


def test_workers_and_threads_share_the_cores_out() -> None:
    cores = available_cores()
    settings = RunSettings("t")
    assert (settings.worker_count, settings.thread_count) == (cores, 1)
    one = RunSettings("t", workers=1)
    assert (one.worker_count, one.thread_count) == (1, cores)
    wide = RunSettings("t", threads=256)
    assert (wide.worker_count, wide.thread_count) == (1, 256)
