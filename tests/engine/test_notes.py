"""Warnings: to whoever listens, and to nobody else afterwards."""

import threading
import warnings

import pytest

from retrograd.engine.notes import hearing, warn


def test_what_is_heard_is_warned_of_no_further():
    """The innermost listener has it; once it is gone, the next one or the filters do."""
    with hearing() as outer:
        warn("one")
        with hearing() as inner:
            warn("two", RuntimeWarning)
        warn("three")
    with pytest.warns(UserWarning, match="four"):
        warn("four")
    assert [str(one) for one in outer] == ["one", "three"]
    assert [(type(one), str(one)) for one in inner] == [(RuntimeWarning, "two")]


def test_an_error_ends_the_listening_too():
    with pytest.raises(KeyError), hearing():
        raise KeyError
    with pytest.warns(UserWarning, match="afterwards"):
        warn("afterwards")


def test_each_thread_hears_its_own():
    """What another one warns of goes where the filters say."""
    with warnings.catch_warnings(record=True) as caught, hearing() as heard:
        warnings.simplefilter("always")
        thread = threading.Thread(target=warn, args=("from afar",))
        thread.start()
        thread.join()
        warn("from here")
    assert [str(one) for one in heard] == ["from here"]
    assert [str(one.message) for one in caught] == ["from afar"]
