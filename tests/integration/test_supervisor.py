"""`serve` with real processes: deaths, signals, reloads, refusals."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import docstopd

WORKER = """
    import os, sys, time
    from contextlib import contextmanager
    from pathlib import Path
    from docstopd.daemon.serving import main
    from docstopd.errors import Failed, StateUnknown

    @contextmanager
    def open_service(config):
        if (config.data / "refuse").exists():
            raise Failed("the key file is missing")
        if (config.data / "die").exists():
            os._exit(9)
        def application(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/slow":
                (config.data / "begun").touch()
                time.sleep(1.0)
            if path == "/unknown":
                raise StateUnknown("fsync failed")
            body = f"{os.getpid()} {config.http.threads}".encode()
            start_response("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        yield application

    code = main(open_service, sys.argv[1:])
    if code == 70:
        os._exit(code)
    sys.exit(code)
"""

KEEPER = """
    import os, signal, socket, sys, time
    from docstopd.daemon.child import leave, run_child
    from docstopd.daemon.process import READY
    from docstopd.daemon.signals import watched_signals
    from docstopd.errors import Failed, StateUnknown

    def keep(config, listener, line):
        assert listener == -1
        if (config.data / "keeper-dies").exists():
            os._exit(9)
        if (config.data / "keeper-refuses").exists():
            raise Failed("the ledger is missing")
        with watched_signals() as signals, open(config.data / "keepers", "a") as file:
            file.write(f"{os.getpid()} begins with {config.http.threads}\\n")
            file.flush()
            line.sendall(READY)
            while not signals.take(signal.SIGTERM):
                signals.wait([line], 0.1)
                if (config.data / "unknown").exists():
                    raise StateUnknown("fsync failed")
                line.setblocking(False)
                try:
                    if not line.recv(64):
                        break
                except BlockingIOError:
                    pass
            time.sleep(0.3)
            file.write(f"{os.getpid()} ends\\n")

    leave(run_child("keeper", keep, sys.argv[1:]))
"""

DAEMON = """
    import sys
    from pathlib import Path
    from docstopd.daemon import Commands, serve
    from docstopd.errors import DocstopdError

    try:
        serve(
            Path(sys.argv[1]),
            announce=lambda url: print(url, flush=True),
            commands=Commands(
                [sys.executable, str(Path(sys.argv[1]).with_name("worker.py"))],
                [sys.executable, str(Path(sys.argv[1]).with_name("keeper.py"))],
            ),
        )
    except DocstopdError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
"""

PROGRAMS = (("worker.py", WORKER), ("keeper.py", KEEPER), ("daemon.py", DAEMON))


@dataclass
class Daemon:
    """A running supervisor of the test's own application."""

    folder: Path
    process: subprocess.Popen[str]
    port: int = 0

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def status(self) -> dict[str, Any]:
        return json.loads((self.data / "run" / "status.json").read_text())

    def get(self, path: str = "/") -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def log(self) -> str:
        return (self.folder / "stderr.log").read_text()

    def keepers(self) -> list[str]:
        """What the keepers have said of themselves."""
        path = self.data / "keepers"
        return path.read_text().splitlines() if path.exists() else []


def configure(folder: Path, *, workers: int = 2, threads: int = 4, port: int = 0, more: str = "") -> None:
    (folder / "docstopd.yaml").write_text(
        f"data: data\nhttp:\n  port: {port}\n  workers: {workers}\n  threads: {threads}\n  keep_alive: 1s\n{more}"
    )


def launch(folder: Path, **variables: str) -> Daemon:
    (folder / "data").mkdir(exist_ok=True)
    for name, text in PROGRAMS:
        (folder / name).write_text(textwrap.dedent(text))
    with (folder / "stderr.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, str(folder / "daemon.py"), str(folder / "docstopd.yaml")],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(docstopd.__file__).parents[1]), **variables},
        )
    return Daemon(folder, process)


def opened(daemon: Daemon) -> Daemon:
    assert daemon.process.stdout is not None
    url = daemon.process.stdout.readline().strip()
    assert url, daemon.log()
    daemon.port = int(url.rstrip("/").rpartition(":")[2])
    return daemon


def end(daemon: Daemon) -> None:
    status = daemon.status() if (daemon.data / "run" / "status.json").exists() else {"workers": [], "keeper": None}
    workers = [*status["workers"], *([status["keeper"]] if status["keeper"] else [])]
    if daemon.process.poll() is None:
        daemon.process.kill()
    daemon.process.wait()
    assert daemon.process.stdout is not None
    daemon.process.stdout.close()
    until(lambda: not any(lives(pid) for pid in workers))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(done: Callable[[], bool], seconds: float = 10.0) -> float:
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - started


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of two workers, ready."""
    configure(tmp_path)
    started = launch(tmp_path)
    try:
        yield opened(started)
    finally:
        end(started)


def test_status_names_the_url_and_the_workers_that_answer(daemon: Daemon) -> None:
    """And it is gone after the stop."""
    status = daemon.status()
    assert status["pid"] == daemon.process.pid
    assert status["url"] == f"http://127.0.0.1:{daemon.port}/"
    assert int(daemon.get().split()[0]) in status["workers"]
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    assert not (daemon.data / "run" / "status.json").exists()


def test_a_killed_worker_is_replaced_while_requests_go_on(daemon: Daemon) -> None:
    """The other worker answers meanwhile; nothing fails but what the dead one held."""
    victim, survivor = daemon.status()["workers"]
    os.kill(victim, signal.SIGKILL)
    for _ in range(50):
        daemon.get()
    until(lambda: victim not in daemon.status()["workers"] and len(daemon.status()["workers"]) == 2)
    assert survivor in daemon.status()["workers"]
    assert "another one starts" in daemon.log()


def kept(daemon: Daemon) -> int:
    """The keeper's pid, once it keeps."""

    def keeps() -> bool:
        pid = daemon.status()["keeper"]
        return pid is not None and any(line.startswith(f"{pid} begins") for line in daemon.keepers())

    until(keeps)
    return int(daemon.status()["keeper"])


def test_a_killed_keeper_is_replaced(daemon: Daemon) -> None:
    """And `status` names the new one."""
    first = kept(daemon)
    os.kill(first, signal.SIGKILL)
    until(lambda: daemon.status()["keeper"] not in {None, first})
    assert kept(daemon) != first
    assert f"keeper {first} ended with code -9" in daemon.log()


def test_a_keeper_ends_with_the_daemon(daemon: Daemon) -> None:
    """Asked first, so that what it does can be left in order."""
    pid = kept(daemon)
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    assert daemon.keepers()[-1] == f"{pid} ends"


def test_a_keeper_does_not_outlive_a_killed_supervisor(daemon: Daemon) -> None:
    """It hears that the line has ended."""
    pid = kept(daemon)
    daemon.process.kill()
    assert until(lambda: not lives(pid), 2.0) < 2.0


def test_after_a_reload_one_keeper_follows_the_other(daemon: Daemon) -> None:
    """Never two at a time, and the new one has the new configuration."""
    first = kept(daemon)
    configure(daemon.folder, threads=7)
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.status()["keeper"] not in {None, first}, 15)
    second = kept(daemon)
    assert daemon.keepers() == [f"{first} begins with 4", f"{first} ends", f"{second} begins with 7"]


@pytest.mark.parametrize(
    ("file", "said"), [("keeper-dies", "with code 9"), ("keeper-refuses", "the ledger is missing")]
)
def test_a_keeper_that_cannot_start_is_tried_again_while_requests_go_on(daemon: Daemon, file: str, said: str) -> None:
    """Loudly; as soon as it can, it keeps."""
    pid = kept(daemon)
    (daemon.data / file).touch()
    os.kill(pid, signal.SIGKILL)
    until(lambda: daemon.log().count(said) >= 4, 20)
    assert daemon.get()
    assert daemon.process.poll() is None
    (daemon.data / file).unlink()
    begun = len(daemon.keepers())
    until(lambda: len(daemon.keepers()) > begun, 15)


def test_a_keeper_in_an_unknown_state_stops_the_whole_daemon(daemon: Daemon) -> None:
    """As a worker does."""
    kept(daemon)
    (daemon.data / "unknown").touch()
    assert daemon.process.wait(10) == 1
    assert "StateUnknown" in daemon.log()


def test_a_request_in_flight_finishes_after_sigterm(daemon: Daemon) -> None:
    """While new connections are refused."""
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(daemon.get("/slow")))
    slow.start()
    until((daemon.data / "begun").exists)
    daemon.process.terminate()
    until(lambda: refused(daemon.port), 0.8)
    slow.join()
    assert len(answers) == 1 and answers[0]
    assert daemon.process.wait(10) == 0


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False  # met the moment in which the listener closed
    return False


def test_an_idle_connection_does_not_hold_up_the_stop(daemon: Daemon) -> None:
    """It is closed at once."""
    with socket.create_connection(("127.0.0.1", daemon.port)) as idle:
        time.sleep(0.1)
        daemon.process.terminate()
        started = time.monotonic()
        assert daemon.process.wait(10) == 0
        assert time.monotonic() - started < 5
        assert idle.recv(1) == b""


def test_reload_brings_the_new_configuration_without_a_failed_request(daemon: Daemon) -> None:
    """New workers take over; a request that runs meanwhile and a kept connection are served to their end."""
    old = set(daemon.status()["workers"])
    configure(daemon.folder, threads=7)
    kept = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    kept.request("GET", "/slow")
    daemon.process.send_signal(signal.SIGHUP)
    answers = []
    until(lambda: answers.append(daemon.get().split()[1]) or answers[-1] == "7")  # type: ignore[func-returns-value]
    assert kept.getresponse().read().split()[1] in (b"4", b"7")
    kept.close()
    until(lambda: not any(lives(pid) for pid in old), 15)
    assert old.isdisjoint(daemon.status()["workers"])
    assert daemon.get().split()[1] == "7"


@pytest.mark.parametrize(
    ("more", "reason"), [("nonsense: 1\n", "nonsense"), ("tls: {certificate: a.pem, key: b.pem}\n", "a.pem")]
)
def test_a_broken_configuration_changes_nothing_on_reload(daemon: Daemon, more: str, reason: str) -> None:
    """The log says what is wrong with it, and the same workers serve on, also the ones started later."""
    workers = daemon.status()["workers"]
    configure(daemon.folder, threads=9, more=more)
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "stays in force" in daemon.log())
    assert reason in daemon.log()
    assert daemon.status()["workers"] == workers
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: workers[0] not in daemon.status()["workers"] and len(daemon.status()["workers"]) == 2)
    assert {daemon.get().split()[1] for _ in range(20)} == {"4"}


def test_a_reload_whose_workers_cannot_start_changes_nothing(daemon: Daemon) -> None:
    """The old ones serve on."""
    (daemon.data / "refuse").touch()
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "the key file is missing" in daemon.log())
    assert daemon.get()


def test_workers_do_not_outlive_a_killed_supervisor(daemon: Daemon) -> None:
    """Not for two seconds."""
    workers = daemon.status()["workers"]
    daemon.process.kill()
    assert until(lambda: not any(lives(pid) for pid in workers), 2.0) < 2.0


def test_a_new_daemon_takes_over_from_a_killed_one(daemon: Daemon) -> None:
    """It waits for the orphaned workers and is not refused."""
    daemon.process.kill()
    daemon.process.wait()
    again = launch(daemon.folder)
    try:
        assert opened(again).get()
    finally:
        end(again)


def test_a_second_daemon_on_the_same_data_is_refused(daemon: Daemon) -> None:
    """With one message that names the first, and nothing changed."""
    again = launch(daemon.folder)
    try:
        assert again.process.wait(10) == 1
        assert f"Busy: another docstopd is running on {daemon.data} (pid {daemon.process.pid})" in again.log()
        assert daemon.get()
    finally:
        assert again.process.stdout is not None
        again.process.stdout.close()


def test_a_port_in_use_is_one_message(tmp_path: Path) -> None:
    """Exit 1, and the message names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(tmp_path, port=port)
        daemon = launch(tmp_path)
        assert daemon.process.wait(10) == 1
        end(daemon)
        assert daemon.log().startswith(f"Busy: 127.0.0.1 port {port} is in use")


def test_a_service_that_refuses_to_start_is_one_message(tmp_path: Path) -> None:
    """It is not tried again and again."""
    configure(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "refuse").touch()
    daemon = launch(tmp_path)
    assert daemon.process.wait(10) == 1
    end(daemon)
    assert "Failed: the key file is missing" in daemon.log()


def test_workers_that_die_at_start_are_given_up_loudly(tmp_path: Path) -> None:
    """After three deaths."""
    configure(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "die").touch()
    daemon = launch(tmp_path)
    assert daemon.process.wait(20) == 1
    end(daemon)
    assert "workers die while they start" in daemon.log()


def test_a_missing_data_folder_is_refused(tmp_path: Path) -> None:
    """And not made."""
    configure(tmp_path)
    daemon = launch(tmp_path)
    (tmp_path / "data").rmdir()
    assert daemon.process.wait(10) == 1
    end(daemon)
    assert "there is no data folder" in daemon.log()
    assert not (tmp_path / "data").exists()


def test_an_unknown_state_stops_the_whole_daemon(daemon: Daemon) -> None:
    """A write that may or may not be stored: no worker serves on."""
    workers = daemon.status()["workers"]
    with pytest.raises((http.client.HTTPException, OSError)):
        daemon.get("/unknown")
    assert daemon.process.wait(10) == 1
    assert "StateUnknown" in daemon.log()
    assert not any(lives(pid) for pid in workers)


def test_systemd_is_told_of_readiness_reload_and_stop(tmp_path: Path) -> None:
    """Over the socket it names."""
    configure(tmp_path)
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(address)
        inbox.settimeout(10)
        daemon = opened(launch(tmp_path, NOTIFY_SOCKET=address))
        try:
            assert inbox.recv(4096).startswith(b"READY=1\nSTATUS=serving http://127.0.0.1:")
            daemon.process.send_signal(signal.SIGHUP)
            assert inbox.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert inbox.recv(4096).startswith(b"READY=1")
            daemon.process.terminate()
            assert inbox.recv(4096).startswith(b"STOPPING=1")
            assert daemon.process.wait(10) == 0
        finally:
            end(daemon)


def test_a_socket_handed_over_by_systemd_is_served(tmp_path: Path) -> None:
    """As descriptor 3, named by LISTEN_FDS and LISTEN_PID."""
    configure(tmp_path)
    started = None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (tmp_path / "activate.sh").write_text('export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&$HANDED\n')
        (tmp_path / "data").mkdir()
        for name, text in PROGRAMS:
            (tmp_path / name).write_text(textwrap.dedent(text))
        os.set_inheritable(listener.fileno(), True)
        command = [sys.executable, str(tmp_path / "daemon.py"), str(tmp_path / "docstopd.yaml")]
        with (tmp_path / "stderr.log").open("w") as log:
            process = subprocess.Popen(
                ["bash", str(tmp_path / "activate.sh"), *command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=[listener.fileno()],
                env={
                    **os.environ,
                    "HANDED": str(listener.fileno()),
                    "PYTHONPATH": str(Path(docstopd.__file__).parents[1]),
                },
            )
        started = Daemon(tmp_path, process)
        try:
            assert opened(started).port == listener.getsockname()[1]
            assert started.get()
            process.terminate()
            assert process.wait(10) == 0
        finally:
            end(started)


def test_arguments_and_environment_of_workers_hold_no_configuration(daemon: Daemon) -> None:
    """Anybody on the machine may read a process's arguments."""
    for pid in daemon.status()["workers"]:
        assert b"threads" not in Path(f"/proc/{pid}/cmdline").read_bytes()
