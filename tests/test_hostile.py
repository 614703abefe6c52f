"""Input that fights back: for each case of the corpus (tests/bad/) its exact outcome.

Each runs in a process of its own with limited memory, watched: what it read and wrote is known.
About a minute and a half in all on a quiet machine.
"""

from __future__ import annotations

import sys

import pytest
from bad.case import Case, judge
from bad.make import CASES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the corpus holds pipes and links")


def test_the_corpus_is_large_and_no_case_stands_twice():
    ids = [case.id for case in CASES]
    assert len(ids) >= 60
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input_is_told_or_taken_and_nothing_else_happens(case: Case, tmp_path):
    verdict = judge(case, tmp_path)
    assert verdict.faults == []
    assert bool(verdict.stopped) == bool(case.says), verdict.stopped
    assert case.says in verdict.stopped
    assert case.told in verdict.told
    assert verdict.left == case.left
    assert bool(verdict.named) == bool(case.says and case.left)
