"""The picture in the documents shows the events that the browser's case saw."""

from __future__ import annotations

import pytest

from sse.picture import take


@pytest.mark.browser
@pytest.mark.slow
def test_the_picture_is_of_what_the_case_saw() -> None:
    result, picture = take()
    assert result.summary["passed"] == 1
    assert picture.png.startswith(b"\x89PNG")
    assert "task.created" in picture.text
    assert "token" in picture.text
