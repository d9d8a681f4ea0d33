"""Commands that root runs on the data folder of a service that has a user of its own, as the unit makes it."""

import os
from pathlib import Path

import pytest
from service import PASSWORD, USER, Service, make_service

SERVICE = 12345
"""A user id of nobody's on this machine."""


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service that belongs to another user, as systemd leaves it: without one lock file."""
    if os.geteuid() != 0:
        pytest.skip("only root can run commands on somebody else's data folder")
    made = make_service(tmp_path)
    made.put((USER, "letter.txt"), b"dear grace" * 10_000)
    with made.config.open("a") as config:
        config.write("snapshots:\n  targets: [{name: first, path: data/snapshots}]\n")
    for lock in (made.data / "run").iterdir():
        lock.unlink()
    for path in [made.data, *made.data.rglob("*")]:
        os.chown(path, SERVICE, SERVICE)
    return made


def foreign(service: Service) -> list[str]:
    """What the service's user does not own in its data folder, where its first target lies as well."""
    return sorted(
        str(path.relative_to(service.data)) for path in service.data.rglob("*") if path.lstat().st_uid != SERVICE
    )


@pytest.mark.parametrize(
    ("commands", "secrets"),
    [
        pytest.param([("user", "app-password", "add", USER, "--label", "laptop")], (PASSWORD,), id="a sign-in"),
        pytest.param([("job", "run", "checkpoint"), ("job", "run", "retention")], (), id="jobs"),
        pytest.param([("snapshot", "create"), ("snapshot", "drill")], (), id="snapshots"),
        pytest.param([("key", "rotate", "server")], (), id="a new server key"),
    ],
)
def test_whatever_root_makes_there_belongs_to_the_service(
    service: Service, commands: list[tuple[str, ...]], secrets: tuple[str, ...]
) -> None:
    """Locks, blobs, objects at targets, checkpoints, keys: the service must be able to go on with each."""
    for command in commands:
        finished = service.run(*command, secrets=secrets)
        assert finished.returncode == 0, finished.stderr
    assert foreign(service) == []


def test_a_file_that_root_restores_can_be_read_by_the_service(service: Service) -> None:
    """Its blob belongs to the service's user, too."""
    assert service.run("snapshot", "create").returncode == 0
    before = len(list((service.data / "blobs").rglob("*")))
    finished = service.run("snapshot", "restore", f"/{USER}/letter.txt", "--as", USER, "--beside", secrets=(PASSWORD,))
    assert finished.returncode == 0, finished.stderr
    assert len(list((service.data / "blobs").rglob("*"))) == before + 1
    assert foreign(service) == []
