"""The bench's arithmetic: rates, ratios of different counts, and goals that are met, missed or not there."""

from bench import report
from bench.figures import Measure, Ratio

JOBS = Measure("jobs", "jobs", (4.0, 5.0, 6.0), count=500)
PLAIN = Measure("plain", "plain jobs", (2.0, 2.0, 2.0), count=100)
DOWN = Measure("down", "down", (2.0, 4.0, 3.5), goal=3.0)


def test_a_rate_is_of_the_median() -> None:
    assert JOBS.rate == 100
    assert DOWN.rate is None
    assert JOBS.document()["per_second"] == 100
    assert "per_second" not in DOWN.document()


def test_a_ratio_is_for_one_thing_each() -> None:
    ratio = Ratio("jobs", "jobs ÷ plain", JOBS, PLAIN, 0.4)
    assert ratio.value == 0.5, "5 s for 500 are half of 2 s for 100"
    assert ratio.pairs == (0.4, 0.5, 0.6)
    assert ratio.met is False
    assert Ratio("jobs", "jobs ÷ plain", JOBS, PLAIN, None).met is None


def test_the_table_says_what_is_met() -> None:
    ratios = [Ratio("a", "with a goal", JOBS, PLAIN, 0.5), Ratio("b", "without one", JOBS, PLAIN, None)]
    lines = report.table(3, 0.0, {"jobs": JOBS, "down": DOWN}, ratios, []).splitlines()
    [jobs, down, with_goal, without] = [line for line in lines if line.startswith(("jobs", "down", "with"))]
    assert jobs.split()[1:] == ["4.00", "5.00", "6.00", "100", "a", "second"]
    assert down.split()[1:] == ["2.00", "3.50", "4.00", "≤", "3", "MISSED"]
    assert with_goal.split()[3:7] == ["0.50", "≤", "0.5", "met"]
    assert "met" not in without and "MISSED" not in without
