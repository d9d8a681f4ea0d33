"""The table from errors to HTTP."""

import pytest

from docstopd import errors
from docstopd.dav.errors import error_response, status_of
from docstopd.dav.refusal import Refusal
from docstopd.dav.response import STATUS_LINES


def every_error(kind: type[errors.DocstopdError]) -> list[type[errors.DocstopdError]]:
    """Return a class and all below it."""
    return [kind] + [below for child in kind.__subclasses__() for below in every_error(child)]


@pytest.mark.parametrize("kind", [*every_error(errors.Refused), *every_error(errors.Failed)])
def test_every_error_has_a_status_that_no_client_takes_for_a_crash(kind: type[errors.DocstopdError]) -> None:
    """4xx, or 507; Finder shows any other 5xx as a vanished file."""
    if kind is Refusal:
        return
    status, _ = status_of(kind.__new__(kind))
    assert status in STATUS_LINES
    assert 400 <= status < 500 or status == 507


def test_a_lock_in_the_way_is_named_by_its_href() -> None:
    """RFC 4918 section 16 demands it."""
    response = error_response(errors.Locked([("ada", "ä b")]), None)
    assert response.status == 423
    assert b"<D:lock-token-submitted><D:href>/dav/ada/%C3%A4%20b</D:href>" in b"".join(response.body)


def test_a_full_quota_says_so() -> None:
    """RFC 4331 section 6."""
    response = error_response(errors.QuotaExceeded("full"), None)
    assert response.status == 507
    assert b"<D:quota-not-exceeded/>" in b"".join(response.body)
