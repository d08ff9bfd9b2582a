"""Scenes with layout and views, closed after each test."""

import pytest


@pytest.fixture
def windows():
    """Makes windows (see ``window_sample``), and closes them after the test."""
    from window_sample import Window

    opened = []

    def openWindow():
        opened.append(Window())
        return opened[-1]

    yield openWindow
    for one in opened:
        one.close()


@pytest.fixture
def window(windows):
    return windows()
