"""Names that stay apart on every disk."""

from __future__ import annotations

import unicodedata

from markerless.core.file_names import file_part, file_parts, on_any_disk


def test_names_that_look_alike_are_numbered() -> None:
    assert file_parts(("a b", "a_b", "A/B", "a_b_2", "c")) == ("a_b", "a_b_2", "A_B_3", "a_b_2_2", "c")
    accents = [unicodedata.normalize(form, "Zoé") for form in ("NFC", "NFD")]
    assert len({on_any_disk(part) for part in file_parts(accents)}) == 2


def test_one_name_is_kept_as_far_as_a_file_may_have_it() -> None:
    assert file_part("mouse 1/left") == "mouse_1_left"


def test_disks_ignore_case_and_how_accents_are_written() -> None:
    assert on_any_disk("JÜRGEN") == on_any_disk(unicodedata.normalize("NFD", "jürgen"))
    assert on_any_disk("ann") != on_any_disk("anne")
