"""The daemon in the journal: starts, stops, and what changed in its configuration."""

from vaults import Bench

DEFAULTS = {"http.port": "8443", "log.level": "info"}


def lines(bench: Bench) -> list[tuple[str, dict[str, object]]]:
    bench.assert_journal()
    return [(line.action, dict(line.facts)) for line in bench.vault.audit.show(None, None, 100)]


def test_a_start_and_a_stop_are_journalled_once(bench: Bench) -> None:
    """Whichever and however many processes of the run say so."""
    for _ in range(3):
        bench.vault.service.started("run 1", "1.0", DEFAULTS, DEFAULTS)
    for _ in range(2):
        bench.vault.service.stopped("run 1")
    assert lines(bench) == [("start", {"version": "1.0", "clean": True}), ("stop", {"clean": True})]


def test_a_stop_that_nobody_wrote_shows_at_the_next_start(bench: Bench) -> None:
    """The process was killed, or the power failed."""
    bench.vault.service.started("run 1", "1.0", DEFAULTS, DEFAULTS)
    bench.vault.service.started("run 2", "1.1", DEFAULTS, DEFAULTS)
    bench.vault.service.stopped("run 1")  # a straggler of the run before
    assert lines(bench)[1:] == [("start", {"version": "1.1", "clean": False})]


def test_what_changed_in_the_configuration_is_journalled(bench: Bench) -> None:
    """The keys in clear, the values for those who hold the server key; first against the defaults."""
    service = bench.vault.service
    service.started("run 1", "1.0", DEFAULTS | {"http.port": "443"}, DEFAULTS)
    service.started("run 1", "1.0", DEFAULTS | {"http.port": "443"}, DEFAULTS)
    service.started("run 1", "1.0", {"http.port": "444", "new.key": "x"}, DEFAULTS)
    found = [line for line in bench.vault.audit.show(None, None, 100) if line.action == "configuration"]
    assert [line.facts for line in found] == [{"changed": "http.port"}, {"changed": "http.port log.level new.key"}]
    assert found[0].details == {"http.port": "8443 -> 443"}
    assert found[1].details == {
        "http.port": "443 -> 444",
        "log.level": "info -> nothing",
        "new.key": "nothing -> x",
    }
