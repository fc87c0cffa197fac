"""A structure is valid or is not made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import InvalidValue
from engine.core.structure import LONGEST_KEY, Structure
from engine.ingest.label_table import snake_case


@pytest.mark.parametrize("key", ["", "Liver", "../liver", "left lung", "_liver", "liver__2", "a" * (LONGEST_KEY + 1)])
def test_a_key_that_could_not_name_a_file_everywhere_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue, match="lower_snake_case"):
        Structure(1, key, "Liver", None, (1, 2, 3))


@given(st.text(max_size=200))
def test_every_name_makes_a_key_or_none(name: str) -> None:
    key = snake_case(name)
    assert key == "" or Structure(1, key, name, None, (1, 2, 3)).key == key


def test_its_labels_are_its_own_and_those_it_includes() -> None:
    assert Structure(7, "body", "Body", None, (1, 2, 3), includes=(1, 2)).labels == (7, 1, 2)
