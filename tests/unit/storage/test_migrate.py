"""Migration files."""

from __future__ import annotations

import pytest

from storage.migrate import MigrationError, known


def test_ours_are_in_order_and_whole():
    steps = known()
    numbers = [step.number for step in steps]
    assert numbers == sorted(set(numbers))
    assert all(step.up.strip() and step.down.strip() for step in steps)


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["1_log.up.sql"], "not named like"),
        (["0001_log.up.sql"], "lacks its other half"),
        (["0001_log.up.sql", "0001_log.down.sql", "0001_x.up.sql", "0001_x.down.sql"], "two migrations"),
    ],
)
def test_misnamed_lonely_and_doubled_files_are_refused(tmp_path, names, fault):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(MigrationError, match=fault):
        known(tmp_path)
