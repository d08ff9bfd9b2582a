"""Work side by side: all of it, errors told, and an end when nobody wants more."""

import threading
from contextlib import closing

import pytest

from dsc_superres.utils.parallel import best_part_count, parallel_map


def squares(number: int):
    yield number
    yield number**2


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_everything_is_found_once(threads: int) -> None:
    found = sorted(parallel_map(squares, iter(range(20)), threads))
    assert found == sorted([*range(20), *(n**2 for n in range(20))])


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_is_raised_and_the_rest_stops(threads: int) -> None:
    def work(number: int):
        if number == 3:
            raise ValueError("three")
        yield number

    before = threading.active_count()
    with pytest.raises(ValueError, match="three"):
        list(parallel_map(work, range(1000), threads))
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_left_early_it_stops(threads: int) -> None:
    begun = []

    def endless(number: int):
        begun.append(number)
        while True:
            yield number

    before = threading.active_count()
    with closing(parallel_map(endless, range(1000), threads)) as found:
        next(found)
    assert threading.active_count() == before
    assert len(begun) <= threads


def test_parts_keep_all_threads_busy() -> None:
    assert best_part_count(20, 59, 2) == 1
    assert best_part_count(1, 59, 2) == 2
    assert best_part_count(5, 59, 2) == 2
    assert best_part_count(1, 2, 16) == 1
    assert best_part_count(7, 59, 1) == 1
