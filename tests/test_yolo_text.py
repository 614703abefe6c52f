"""Label lines printed by NumPy are those that Python prints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats import yolo_text

ONE = np.array([1])


def printed(shares: list[float]) -> str:
    return yolo_text.lines(ONE, np.array(shares, dtype=np.float64), np.array([len(shares)]))[0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_any_number_is_printed_as_python_does(shares):
    assert printed(shares) == "1" + "".join(f" {one:.6f}" for one in shares) + "\n"


@pytest.mark.parametrize("side", [64, 128, 640, 1280, 1024, 4000])
def test_tenths_of_pixels_which_often_end_in_a_half_are_printed_as_python_does(side):
    shares = (np.arange(10 * side + 1) / 10 / side).tolist()
    assert printed(shares) == "1" + "".join(f" {one:.6f}" for one in shares) + "\n"


def test_each_box_has_its_own_line():
    lines = yolo_text.lines(np.array([0, 12]), np.arange(10) / 10, np.array([4, 6]))
    assert lines == [
        "0 0.000000 0.100000 0.200000 0.300000\n",
        "12 0.400000 0.500000 0.600000 0.700000 0.800000 0.900000\n",
    ]


def test_what_is_beyond_the_picture_by_rounding_is_printed_at_its_border():
    assert printed([-1e-9, 1 + 1e-9]) == "1 0.000000 1.000000\n"
