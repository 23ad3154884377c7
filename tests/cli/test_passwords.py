"""No slip in writing an address shows its password."""

from __future__ import annotations

import shlex

import pytest

from workbench.cli.passwords import hidden

SECRET = "S3CR3T-canary"


@pytest.mark.parametrize(
    "given",
    [
        "--db postgresql://ada:{0}@h/x",
        "--db postgresql://a/da:{0}@h/x",
        "--db 'postgresql://ada@h/x?options=-cpassword={0}'",
        "--db 'postgresql://h/x?user=ada&password={0}&sslmode=bogus'",
        "--db host=h user=u password={0}",
        "--db 'host=h password={0} user=u'",
        "--db host=h password='{0} and more' user=u",
        "--db postgresql://ada:pa ss{0}@h/x",
        "--db postgresql:ada:{0}@h/x",
        "--db postgresql:ada:{0} and more@h/x",
        "--db=postgresql://ada:{0}@h/x",
        "--db //ada:{0}@h/x",
        "--db mysql://ada:{0}@h/x",
        "export-study 1 mysql://ada:{0}@h/x",
        "leaderboard --data postgresql://ada:{0}%40@h/x",
        "PGPASSWORD={0}",
        "pwd={0}",
    ],
)
def test_whatever_quotes_an_address_or_a_piece_of_it_is_without_the_password(given: str) -> None:
    arguments = shlex.split(given.format(SECRET))
    for text in (f"no command {arguments[-1]!r}", f"Got unexpected extra argument ({' '.join(arguments)})", *arguments):
        assert "S3CR3T" not in hidden(f"error: {text} is wrong", arguments)


def test_the_password_of_the_environment_is_hidden_where_it_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DB", f"postgresql://ada:{SECRET}@h/x")
    assert hidden(f"no database {SECRET}", []) == "no database ***"
    monkeypatch.setenv("PGPASSWORD", "other secret")
    assert hidden("user ada with 'other secret'", []) == "user ada with '***'"


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("error: no metric 'ndcg@10'", "run --db postgresql://h:5432/x --metric ndcg@10"),
        ("error: ratings.csv: row 3: no number", "run --data ratings.csv --db sqlite:///a:b@c.db"),
        ("error: no trial 'c803'", "predict c803 --db postgresql://ada@h/x"),
        ("error: /data/2026-11-29T10:30.csv, line 3", "run --data /data/2026-11-29T10:30.csv --time 1m"),
        ("error: movies:2:ratings.csv, line 3", "run --data=movies:2:ratings.csv --user-column a@b"),
    ],
)
def test_what_is_no_password_is_shown(text: str, given: str) -> None:
    assert hidden(text, shlex.split(given)) == text
