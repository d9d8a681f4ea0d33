"""The limit of descriptors, which is this process's own: each test puts it back."""

import resource
from collections.abc import Iterator

import pytest

from docstopd.daemon.descriptors import ENOUGH, allow_enough


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """Put back what was."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_shells_limit_is_raised_as_far_as_it_may_be() -> None:
    """And the hard one stays."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allow_enough()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(hard, ENOUGH) if hard > 0 else ENOUGH, hard)


def test_a_higher_limit_stays() -> None:
    """It was given on purpose."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 < hard <= ENOUGH:
        pytest.skip("this machine allows no higher one")
    resource.setrlimit(resource.RLIMIT_NOFILE, (ENOUGH + 1, hard))
    allow_enough()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (ENOUGH + 1, hard)
