"""What bad input gets from every command: one clear message, exit code 1, and nothing changed."""

import functools
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from daemon import Running, command, environment
from service import PASSWORD, USER, Service, make_service, picture, run

import docstopd


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A stopped service."""
    return make_service(tmp_path / "service")


def newer_catalog(service: Service) -> None:
    """A later version wrote the catalog."""
    database = apsw.Connection(str(service.data / "catalog.db"))
    database.pragma("user_version", 99)
    database.close()


def newer_keyring(service: Service) -> None:
    """A later version wrote the keyring."""
    database = apsw.Connection(str(service.data / "keyring.db"))
    database.pragma("user_version", 99)
    database.close()


def key_missing(service: Service) -> None:
    """The server key is not where it was."""
    (service.data / "keys" / "server.key").rename(service.folder / "server.key")


def key_of_another_kind(service: Service) -> None:
    """Somebody put the organisation's key in its place."""
    shutil.copy(service.organisation_key, service.data / "keys" / "server.key")


def key_of_another_service(service: Service) -> None:
    """A sound server key, which opens another data folder."""
    folder = service.folder / "another"
    made = run(
        *("init", "--config", folder / "c.yaml", "--data", folder, "--user", "eve", "--no-tls"),
        "--no-organisation-key",
        secrets=(PASSWORD,),
    )
    assert made.returncode == 0, made.stderr
    shutil.copy(folder / "keys" / "server.key", service.data / "keys" / "server.key")
    shutil.rmtree(folder)


def half_a_folder(service: Service) -> None:
    """The keyring was not restored."""
    (service.data / "keyring.db").rename(service.folder / "keyring.db")


def unknown_key(service: Service) -> None:
    """The configuration has a slip of the pen."""
    service.config.write_text(service.config.read_text() + "quotas: {space: 1GiB}\n")


HARM: list[tuple[Callable[[Service], None], str]] = [
    (newer_catalog, "catalog.db has schema 99"),
    (newer_keyring, "keyring.db has schema 99"),
    (key_missing, "the server key is missing"),
    (key_of_another_kind, "not a key file"),
    (key_of_another_service, "not the one that this data folder was made with"),
    (half_a_folder, "keyring.db is missing"),
    (unknown_key, "quotas"),
]


@pytest.mark.parametrize("arguments", [("serve",), ("user", "add", "bob")])
@pytest.mark.parametrize(("harm", "words"), HARM)
def test_a_data_folder_that_is_not_in_order_is_not_touched(
    service: Service, harm: Callable[[Service], None], words: str, arguments: tuple[str, ...]
) -> None:
    """Whatever the command is."""
    harm(service)
    before = picture(service.folder)
    finished = service.run(*arguments, secrets=(PASSWORD,) if "add" in arguments else ())
    assert (finished.returncode, finished.stdout) == (1, "")
    said = [line for line in finished.stderr.splitlines() if " INFO " not in line]
    assert len(said) == 1 and said[0].startswith("docstopd: ") and words in said[0]
    assert picture(service.folder) == before


def test_two_daemons_on_one_data_folder(fresh_daemon: Running) -> None:
    """The second is refused, with the first one's process id; the first goes on."""
    finished = run("serve", config=fresh_daemon.config)
    assert finished.returncode == 1
    assert f"(pid {fresh_daemon.process.pid}); stop it first" in finished.stderr
    assert run("status", config=fresh_daemon.config).returncode == 0


def test_commands_work_beside_the_running_daemon(fresh_daemon: Running) -> None:
    """They share its databases."""
    added = run("user", "add", "bob", "--json", secrets=(PASSWORD,), config=fresh_daemon.config)
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["name"] == "bob"
    assert run("audit", "verify", config=fresh_daemon.config).returncode == 0


def test_a_port_in_use(service: Service) -> None:
    """Named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service.config.write_text(f"data: data\nhttp: {{port: {port}}}\n")
        finished = service.run("serve")
    assert finished.returncode == 1
    assert f"port {port} is in use" in finished.stderr and finished.stderr.count("\n") == 1


def test_all_problems_of_a_configuration_are_said_at_once(service: Service) -> None:
    """Each with file, line and column."""
    service.config.write_text("data: data\nhttp: {prot: 1}\nlogs: {}\n")
    finished = service.run("config", "check")
    assert finished.returncode == 1
    assert f"{service.config}:2:" in finished.stderr and f"{service.config}:3:" in finished.stderr


def test_a_missing_configuration_is_wrong_usage_and_a_lost_one_a_refusal(tmp_path: Path) -> None:
    """Not said at all: 2. Said and not there: 1."""
    assert run("user", "list").returncode == 2
    finished = run("user", "list", "--config", tmp_path / "none.yaml")
    assert finished.returncode == 1 and "there is no such file" in finished.stderr


def test_the_nearest_configuration_counts(service: Service, tmp_path: Path) -> None:
    """The command's own, then the one before the command, then the environment's."""
    lost = tmp_path / "none.yaml"
    assert run("user", "list", "--config", service.config, config=lost).returncode == 0
    assert run("--config", service.config, "user", "list", config=lost).returncode == 0
    assert run("--config", lost, "user", "list", "--config", service.config).returncode == 0
    assert run("--config", lost, "user", "list", config=service.config).returncode == 1


@pytest.mark.parametrize("arguments", [("no-such-command",), ("user", "add"), ("serve", "--no-such-option")])
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    """With how to get help."""
    finished = run(*arguments)
    assert finished.returncode == 2
    assert "Usage: docstopd" in finished.stderr


def test_the_version_and_the_schema_need_no_configuration() -> None:
    """They are the program's own."""
    assert run("--version").stdout == f"docstopd {docstopd.__version__}\n"
    assert "$schema" in json.loads(run("config", "schema").stdout)
    module = [sys.executable, "-m", "docstopd", "--version"]
    assert subprocess.run(module, env=environment(), capture_output=True, check=True).stdout.startswith(b"docstopd ")


@functools.cache
def help_pages(*path: str) -> dict[tuple[str, ...], str]:
    """The help of every command at or below `path`."""
    page = run(*path, "--help").stdout
    if "\nCommands:\n" not in page:
        return {path: page}
    below = [line.split()[0] for line in page.split("\nCommands:\n")[1].splitlines() if re.match(r"  \S", line)]
    return {at: text for name in below for at, text in help_pages(*path, name).items()}


def test_every_commands_help_has_one_example() -> None:
    """From which one can start."""
    pages = help_pages()
    assert len(pages) >= 25
    assert [path for path, page in pages.items() if page.count("Example: docstopd") != 1] == []


def test_secrets_are_no_options() -> None:
    """No command takes one as an argument."""
    for path, page in help_pages().items():
        for option in ("--password ", "--recovery-code ", "--credential "):
            assert option not in page, path


# Opens its controlling terminal, as a login shell would, and becomes the command.
AT_TERMINAL = (
    "import os, sys; os.setsid(); os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execvp(sys.argv[1], sys.argv[1:])"
)


def at_terminal(arguments: tuple[str, ...], answers: tuple[str, ...], config: Path) -> tuple[int, str]:
    """Run a command at a terminal that answers each question; its exit code and all that was on the screen."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_TERMINAL, *command(), *arguments],
        env=environment() | {"DOCSTOPD_CONFIG": str(config), "TERM": "dumb"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    screen, waiting = b"", list(answers)
    while shown := read_some(master):
        screen += shown
        if waiting and shown.rstrip().endswith(b":"):
            os.write(master, waiting.pop(0).encode() + b"\n")
    code = process.wait(30)
    os.close(master)
    return code, screen.decode()


def read_some(terminal: int) -> bytes:
    """What is shown next; nothing once the command has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_at_a_terminal_a_new_password_is_typed_twice_and_never_shown(service: Service) -> None:
    """When the two differ nothing is made."""
    add = ("user", "add", "bob")
    code, screen = at_terminal(add, ("second-password", "another-password"), service.config)
    assert code == 1 and "not the same" in screen
    code, screen = at_terminal(add, ("second-password", "second-password"), service.config)
    assert code == 0, screen
    assert "second-password" not in screen and "recovery code" in screen
    assert len(service.json("user", "list")) == 2


def test_at_a_terminal_no_is_the_answer_that_changes_nothing(service: Service) -> None:
    """And yes the one that deletes."""
    assert service.run("user", "add", "bob", secrets=("second-password",)).returncode == 0
    for answer, code, left in (("n", 1, 2), ("", 1, 2), ("y", 0, 1)):
        assert at_terminal(("user", "delete", "bob"), (answer,), service.config)[0] == code
        assert len(service.json("user", "list")) == left


def test_what_others_chose_cannot_command_a_terminal(service: Service) -> None:
    """A name with an escape sequence is shown, not obeyed."""
    service.put(("ada", "\u009b2Jx\u202etxt"), b"")
    page = service.run("audit", "show", "ada", "--as", "ada", secrets=(PASSWORD,)).stdout
    assert "\u009b" not in page and "\u202e" not in page
    assert "\\x9b2Jx\\u202etxt" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trash", "list", "Nope", "--as", USER), "Nope: no such space"),
        (("trash", "restore", USER, "gone.txt", "--as", USER), f"/{USER}/.trash/gone.txt: nothing of that name"),
        (("erasure", "request", f"/{USER}/gone.txt", "--as", USER, "--yes"), f"/{USER}/gone.txt: nothing of that name"),
        (("hold", "place", f"/{USER}/gone.txt", "--as", USER), f"/{USER}/gone.txt: nothing of that name"),
        (("key", "rotate", "space", "Nope", "--as", USER), "Nope: no such space"),
        (("space", "grant", "Nope", USER, "--role", "reader", "--as", USER), "Nope: no such space"),
    ],
)
def test_what_is_not_there_is_named(service: Service, arguments: tuple[str, ...], said: str) -> None:
    """Somebody who mistyped sees what."""
    finished = service.run(*arguments, secrets=(PASSWORD,))
    assert (finished.returncode, finished.stderr) == (1, f"docstopd: {said}\n")


def test_a_folder_that_is_no_target_is_named(service: Service, tmp_path: Path) -> None:
    """Nothing is made at the place of the new data folder."""
    (tmp_path / "folder" / "things").mkdir(parents=True)
    for place in (tmp_path / "folder", tmp_path / "nowhere"):
        finished = run(
            *("snapshot", "restore", "--target", place, "--data", tmp_path / "new"),
            *("--server-key", service.data / "keys" / "server.key"),
        )
        assert finished.returncode == 1
        assert finished.stderr == (
            f"docstopd: {place} is no target: it has no service.json; name the folder that the snapshots went to\n"
        )
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_missing_is_named_once(service: Service, tmp_path: Path) -> None:
    """Without the system's own number for it."""
    finished = service.run("erasure", "verify", tmp_path / "none.json")
    assert finished.stderr == f"docstopd: {tmp_path / 'none.json'} cannot be read: No such file or directory\n"
