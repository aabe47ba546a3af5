"""The corpus that every client's fold is held to; the web app's is in edge/web/src/sdk/fold.corpus.spec.ts."""

from __future__ import annotations

import pytest

from tests.fixtures.folds import Json, corpus, played

CASES = corpus()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_fold_is_what_the_corpus_says(case: Json) -> None:
    assert played(case) == case["expect"]


def test_the_corpus_loses_doubles_and_reorders():
    """Else it would prove little."""
    expected = [case["expect"] for case in CASES]
    assert sum(one["duplicates"] > 0 for one in expected) > 30
    assert sum(one["gap"] is not None for one in expected) > 10
    assert sum(any("restart" in step for step in case["steps"]) for case in CASES) > 10
