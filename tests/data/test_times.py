"""Columns of times: ISO 8601, units, dates as numbers, patterns; what is guessed is said."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.columns import Checked
from workbench.data.tables import RawTable
from workbench.data.times import Times, as_times
from workbench.errors import DataError, SettingsError

NOON = 1_577_880_000  # 2020-01-01T12:00:00Z
EPOCH = datetime(1970, 1, 1)

ZONES = {"": 0, "Z": 0, "z": 0, "UTC": 0, "+05:30": 330, "-0800": -480, "+00": 0, "-03": -180, "+0100": 60}
"""Minutes east of Greenwich."""

moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))


def checked(values: Any, *, skip: bool = False, kind: pa.DataType | None = None) -> Checked:
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, kind)
    table = RawTable("r.csv", pa.table({"x": array}), lambda number: f"line {number + 2}")
    return Checked(table, "skip-any" if skip else "error")


def read(values: Any, format: str | None = None, decimal: str = ".") -> tuple[Times, list[str]]:
    rows = checked(values)
    return as_times(rows, "x", format, decimal), rows.remarks


def seconds_of(values: Any, format: str | None = None) -> list[int]:
    return read(values, format)[0].seconds.tolist()


def refusal(values: Any, format: str | None = None, kind: pa.DataType | None = None) -> str:
    with pytest.raises(DataError) as caught:
        as_times(checked(values, kind=kind), "x", format, ".")
    return str(caught.value)


@pytest.mark.parametrize(
    ("factor", "unit"), [(1, "seconds"), (10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")]
)
@pytest.mark.parametrize("text", [False, True], ids=["numbers", "text"])
def test_the_unit_of_times_is_recognised_and_said(factor: int, unit: str, text: bool) -> None:
    values = [second * factor for second in (NOON, NOON - 86_400, 1_000_000_000)]
    times, remarks = read([str(value) for value in values] if text else values)
    assert times.read_as == unit
    assert times.seconds.dtype == np.int64
    assert times.seconds.tolist() == [NOON, NOON - 86_400, 1_000_000_000]
    assert remarks == ([] if unit == "seconds" else [f"x read as {unit}"])


@given(st.lists(st.integers(3 * 10**17, 42 * 10**17), min_size=1), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_order_within_a_second_is_kept(nanoseconds: list[int], factor: int) -> None:
    times, _ = read([str(value // factor) for value in nanoseconds])
    kept = 0 if times.nanoseconds is None else times.nanoseconds
    assert (times.seconds * 10**9 + kept).tolist() == [value // factor * factor for value in nanoseconds]


def test_times_before_1970_and_fractions_are_read() -> None:
    times, _ = read(["-86400", "0", "12.9", "-0.5"])
    assert times.seconds.tolist() == [-86_400, 0, 12, -1]
    assert times.nanoseconds is not None
    assert times.nanoseconds / 1e9 == pytest.approx([0, 0, 0.9, 0.5])
    assert read(["1.5"])[0].take(np.array([False])).seconds.tolist() == []


@given(
    moments,
    st.sampled_from([*ZONES, " UTC", " +0100"]),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["auto", "hours", "minutes", "seconds", "milliseconds"]),
    st.sampled_from([".", ","]),
)
def test_iso_times_are_read_as_utc_seconds(
    moment: datetime, zone: str, between: str, precision: str, point: str
) -> None:
    text = moment.isoformat(between, precision)
    stated = datetime.fromisoformat(text)
    offset = (
        datetime.fromisoformat(f"2000-01-01T00:00{zone.strip()}").utcoffset()
        if zone.strip()[:1] in "+-" and zone
        else None
    )
    since = stated - EPOCH - (offset or timedelta())
    times, _ = read([text.replace(".", point) + zone])
    assert times.read_as == "ISO 8601"
    assert times.seconds.tolist() == [since // timedelta(seconds=1)]
    assert (0 if times.nanoseconds is None else int(times.nanoseconds[0])) == stated.microsecond * 1000


@given(moments, st.sampled_from(["%Y%m%dT%H%M%S", "%Y%m%dT%H%M", "%Y-%m"]), st.sampled_from(["", "Z", "+0530"]))
def test_the_basic_form_and_months_are_read(moment: datetime, form: str, zone: str) -> None:
    zone = zone if "T" in form else ""
    known = datetime.strptime(moment.strftime(form), form) - timedelta(hours=5, minutes=30) * (zone == "+0530")
    assert seconds_of([moment.strftime(form) + zone]) == [(known - EPOCH) // timedelta(seconds=1)]


@pytest.mark.parametrize(
    ("text", "seconds", "nanoseconds"),
    [
        ("2020-01-01T24:00", NOON + 43_200, 0),
        ("2020-01-01T11:59:60Z", NOON, 0),
        ("2020-01-01 12:00:00.1", NOON, 100_000_000),
        ("2020-01-01 12:19:32+00:19:32", NOON, 0),
        ("2020-01-01 12:00:00,123456789", NOON, 123_456_789),
        ("2020-01-01 12:00:00.123456789999", NOON, 123_456_789),
    ],
)
def test_edges_of_iso_times(text: str, seconds: int, nanoseconds: int) -> None:
    times, _ = read([text, "2020-01-01"])
    assert times.seconds.tolist() == [seconds, NOON - 43_200]
    assert (0 if times.nanoseconds is None else times.nanoseconds[0]) == nanoseconds


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_dates_and_zones_may_be_mixed_in_text_of_every_type(kind: pa.DataType) -> None:
    texts = ["2020-01-01", "2020-01-01T12:00", " 2020-01-01T13:00:00+01:00 ", "2020-01-01 12:00:00.999Z"]
    rows = checked(texts, kind=kind)
    assert as_times(rows, "x").seconds.tolist() == [NOON - 43_200, NOON, NOON, NOON]
    assert rows.remarks == ["x read as ISO 8601"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([NOON * 1000], pa.timestamp("ms")),
        pa.array([NOON * 10**9], pa.timestamp("ns", "Asia/Tokyo")),
        pa.array(pd.Series(pd.to_datetime(["2020-01-01T21:00"])).dt.tz_localize("Asia/Tokyo")),
        pl.Series([datetime(2020, 1, 1, 12)]).to_arrow(),
        pa.array([NOON * 1000], pa.timestamp("ms")).dictionary_encode(),
    ],
    ids=["naive", "zone", "pandas", "polars", "category"],
)
def test_times_of_typed_columns_are_utc(values: pa.Array) -> None:
    times, remarks = read(values)
    assert (times.seconds.tolist(), times.nanoseconds, times.read_as, remarks) == ([NOON], None, "times", [])


def test_date_columns_are_midnight_and_fractions_of_types_are_kept() -> None:
    assert seconds_of([date(2020, 1, 1)]) == [NOON - 43_200]
    assert seconds_of(pa.array([18_262 * 86_400_000], pa.date64())) == [NOON - 43_200]
    times, _ = read(pa.array([-1, NOON * 1000 + 7], pa.timestamp("ms")))
    assert times.nanoseconds is not None
    assert (times.seconds.tolist(), times.nanoseconds.tolist()) == ([-1, NOON], [999_000_000, 7_000_000])


@given(
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31)), min_size=2),
    st.sampled_from(["%Y", "%Y%m", "%Y%m%d", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S"]),
    st.sampled_from([str, int, float]),
)
def test_dates_written_as_numbers_are_read_and_that_is_said(
    days: list[datetime], form: str, kind: type[str] | type[int] | type[float]
) -> None:
    texts = [f"{day:%Y%m%d%H%M%S}"[: len(f"{day:{form}}")] for day in days]
    times, remarks = read([kind(text) for text in texts])
    wanted = [datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() for text in texts]
    assert times.seconds.tolist() == wanted
    assert times.read_as == form
    assert remarks[0].startswith("x read as " + ("years" if form == "%Y" else f"dates written as numbers, {form}"))


@given(st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2100, 12, 30)), min_size=1))
def test_days_of_excel_are_read_and_that_is_said(days: list[datetime]) -> None:
    days = [day.replace(microsecond=0) for day in days]
    numbers = [(day - datetime(1899, 12, 30)) / timedelta(days=1) for day in days]
    for values in (numbers, list(map(repr, numbers))):
        times, remarks = read(values)
        assert times.seconds.tolist() == [(day - EPOCH) // timedelta(seconds=1) for day in days]
        assert remarks == ["x read as Excel's numbers of days; else see --time-format"]
    assert read([repr(number).replace(".", ",") for number in numbers], "excel", ",")[0].seconds.tolist() == (
        times.seconds.tolist()
    )


def test_a_day_of_excel_in_january_1970_is_like_any_other() -> None:
    assert read([36_526.0, 25_570.5])[1] == ["x read as Excel's numbers of days; else see --time-format"]


def test_units_that_are_mixed_are_each_read_by_their_size() -> None:
    times, remarks = read([NOON, NOON * 1000 + 5, NOON + 1, NOON * 10**6])
    assert times.seconds.tolist() == [NOON, NOON, NOON + 1, NOON]
    assert times.nanoseconds is not None
    assert times.nanoseconds.tolist() == [0, 5_000_000, 0, 0]
    assert times.format is None
    said = "x mixes seconds (2 rows) and milliseconds (1 row) and microseconds (1 row); each is read by its size"
    assert remarks == [f"{said}, see --time-format"]


def test_what_comes_to_lie_in_january_1970_is_said() -> None:
    steps, remarks = read([1, 2, 3])
    assert steps.seconds.tolist() == [1, 2, 3]
    assert remarks[0].startswith("x read as seconds, all of them in January 1970, so that only their order means")
    _, remarks = read([NOON * 1000, 0, -1, NOON * 1000])
    assert remarks[-1] == "in January 1970: 2 times of x, the first at line 3: 0; see --time-format"
    assert read(["0", "1"], "seconds")[1] == [], "that is what was asked for"


@given(
    moments,
    st.sampled_from(
        ["%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %I:%M %p", "%d %b %Y %H:%M:%S", "%B %d, %Y", "%Y%m%d", "%Y/%m/%d %H",
         "%a, %d %b %Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S %z", "%Y%m%d %H%M%S 100%%"]
    ),
)  # fmt: skip
def test_patterns_are_read_as_python_reads_them(moment: datetime, pattern: str) -> None:
    text = moment.replace(tzinfo=UTC).strftime(pattern)
    stated = datetime.strptime(text, pattern).replace(tzinfo=None)
    assert seconds_of([text], pattern) == [(stated - EPOCH) // timedelta(seconds=1)]


def test_formats_that_are_given_hold_for_numbers_too() -> None:
    assert seconds_of([18_262, 18_263.5], "days") == [NOON - 43_200, NOON + 86_400]
    assert seconds_of([43_831.5], "excel") == [NOON]
    assert seconds_of([NOON], "milliseconds") == [NOON // 1000]
    assert seconds_of(["9.7.2024"], "%d.%m.%Y") == seconds_of(["2024-07-09"])
    assert seconds_of([20_200_101], "%Y%m%d") == [NOON - 43_200]


@pytest.mark.parametrize(
    ("format", "said"),
    [
        (
            "iso",
            "--time-format iso: must be seconds, milliseconds, microseconds, nanoseconds, days, excel, or a pattern",
        ),
        ("%d.%m", "a time needs a year such as %Y"),
        ("%d.%Y", "a day needs a month"),
        ("%Y %Q", "no directive %Q; there are"),
        ("%Y %y", "a field stands in it twice"),
        ("%Y %I", "%I and %p go together"),
    ],
)
def test_formats_that_are_none_are_refused(format: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(["1"], format)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["2020-01-01", "yesterday"], "line 3, column x: 'yesterday' is not a time (a number or ISO 8601); fix"),
        (["2020-01-01", "2020-02-30"], "line 3, column x: '2020-02-30' is not a time that exists"),
        (["2020-01-01T25:00:00Z"], "line 2, column x: '2020-01-01T25:00:00Z' is not a time that exists"),
        (["0000-00-00 00:00:00"], "line 2, column x: '0000-00-00 00:00:00' is not a time that exists"),
        (["2020-01-01", None], "line 3, column x: 'None' is not a time"),
        (["2020-01-01", ""], "line 3, column x: '' is not a time"),
        (["1", "2", "nan"], "line 4, column x: 'nan' is not a number"),
        (["1", "2", "1e30"], "line 4, column x: '1e30' is not a time in seconds before the year 10000"),
        ([1.0, math.nan], "line 3, column x: 'nan' is not a finite number"),
        (pa.array([NOON, None], pa.timestamp("s")), "line 3, column x: 'None' is not a time"),
        (["09.07.2024 07:36"], "line 2, column x: '09.07.2024 07:36' is not a time (a number or ISO 8601); it looks "
         "like --time-format '%d.%m.%Y %H:%M'"),
        (["44089,5"], "line 2, column x: '44089,5' is not a time (a number or ISO 8601); it looks like a decimal "
         "comma: pass --decimal ,"),
        (["13/02/2020"], "line 2, column x: '13/02/2020' is not a time (a number or ISO 8601); it looks like "
         "--time-format '%d/%m/%Y'"),
        (["12/02/2020"], "line 2, column x: '12/02/2020' is not a time (a number or ISO 8601); it looks like "
         "--time-format '%d/%m/%Y' or '%m/%d/%Y'"),
    ],
)  # fmt: skip
def test_bad_times_are_refused_at_their_line(values: Any, said: str) -> None:
    assert refusal(values).startswith(f"r.csv, {said}")


def test_times_that_do_not_fit_the_pattern_are_refused_at_their_line() -> None:
    assert refusal(["31.12.2020", "2020-01-01"], "%d.%m.%Y").startswith(
        "r.csv, line 3, column x: '2020-01-01' is not a time of the form %d.%m.%Y"
    )
    assert "line 2, column x: '31.02.2020' is not a time that exists" in refusal(["31.02.2020"], "%d.%m.%Y")


def test_what_is_behind_an_extension_type_is_no_time() -> None:
    days = pa.array(pd.period_range("2020-01-01", periods=2, freq="D"))
    assert refusal(days).startswith("r.csv, column x holds extension<pandas.period")


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.duration("s")], ids=str)
def test_a_time_of_day_is_no_time(kind: pa.DataType) -> None:
    assert refusal([5], kind=kind) == f"r.csv, column x holds {kind}; times need a date"


def test_bad_rows_are_gathered_when_they_are_to_be_skipped() -> None:
    rows = checked(["2020-01-01", "soon", "2020-02-30", "2020-01-02", "2021-13-01T00:00Z"], skip=True)
    times = as_times(rows, "x").seconds
    assert rows.bad.tolist() == [False, True, True, False, True]
    assert times[~rows.bad].tolist() == [NOON - 43_200, NOON + 43_200]
    assert rows.skips[0].startswith("skipped: 1 row, the first at line 3, column x: 'soon'")
