"""The web app in a real Chromium against real processes, as people use it (edge/web/e2e/scenarios)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.pages import Stage, files

pytestmark = pytest.mark.anyio


async def test_two_people_talk_and_see_each_other_write_read_edit_react_and_delete(stage: Stage) -> None:
    await stage.play("talk")


async def test_without_a_server_the_app_opens_shows_what_it_had_and_sends_later_what_was_written(stage: Stage) -> None:
    await stage.play("outbox")


async def test_a_new_version_waits_until_somebody_wants_it(stage: Stage) -> None:
    await stage.play("updated")


async def test_a_killed_server_costs_a_banner_and_nothing_else(stage: Stage) -> None:
    await stage.play("killed")


async def test_a_message_for_another_conversation_is_told_in_the_page_the_title_and_on_the_desktop(
    stage: Stage,
) -> None:
    await stage.play("told")


async def test_two_tabs_of_one_person_show_the_same_and_send_once(stage: Stage) -> None:
    await stage.play("tabs")


async def test_signing_out_leaves_nothing_for_the_next_person(stage: Stage) -> None:
    await stage.play("leaving")


async def test_a_phone_has_its_gestures_and_its_keyboard_covers_nothing(stage: Stage) -> None:
    await stage.play("phone")


async def test_all_of_it_can_be_done_with_the_keyboard(stage: Stage) -> None:
    await stage.play("keyboard")


async def test_no_screen_breaks_a_rule_of_accessibility_in_either_theme(stage: Stage) -> None:
    await stage.play("accessible")


async def test_hostile_texts_are_inert_and_the_policy_never_had_to_stop_one(stage: Stage) -> None:
    before = stage.violations()
    await stage.play("hostile")
    assert stage.violations() == before


async def test_what_the_policy_stops_the_edge_is_told(stage: Stage) -> None:
    before = stage.violations()
    await stage.play("reported")
    assert stage.violations() == before + 1


async def test_files_are_dropped_scanned_and_looked_at_and_malware_lies_in_quarantine(
    stage: Stage, tmp_path: Path
) -> None:
    before = stage.violations()
    await stage.play("files", files=files(tmp_path))
    assert stage.violations() == before


async def test_a_link_to_an_early_message_of_a_long_conversation_shows_that_message(stage: Stage) -> None:
    await stage.play("link")
