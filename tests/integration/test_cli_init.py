"""`docstopd init`: a service made, its secrets where they belong, nothing done by halves."""

import json
from pathlib import Path

from service import PASSWORD, holds, make_service, picture, run


def test_it_makes_what_check_finds_to_be_in_order(tmp_path: Path) -> None:
    """Certificate, keys and stores; the certificate is in place, and nothing in it complains."""
    config = tmp_path / "docstopd.yaml"
    made = run(
        *("init", "--config", config, "--data", tmp_path / "data", "--user", "Ada", "--no-organisation-key"),
        *("--port", "0", "--json"),
        secrets=(PASSWORD,),
    )
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["user"] == "ada" and found["organisation_key"] is None
    assert len(found["fingerprint"]) == 64
    assert config.stat().st_mode & 0o777 == 0o644  # it holds no secret, and the service has a user of its own
    assert holds(tmp_path, PASSWORD, found["recovery_code"]) == []
    check = run("check", "--json", config=config)
    assert check.returncode == 0, check.stdout
    wanting = {finding["check"]: finding["state"] for finding in json.loads(check.stdout) if finding["state"] != "ok"}
    assert wanting == {"snapshots": "warning"}, "there is none yet, and the target shares the disk"


def test_the_organisations_key_is_written_outside_and_said_to_leave(tmp_path: Path) -> None:
    """The page says what the file is; the file is its owner's alone, and none of it is in the data folder."""
    key = tmp_path / "organisation.key"
    made = run(
        *("init", "--config", tmp_path / "c.yaml", "--data", tmp_path / "data", "--user", "ada", "--no-tls"),
        *("--organisation-key", key),
        secrets=(PASSWORD,),
    )
    assert made.returncode == 0, made.stderr
    assert "take it off this machine" in made.stdout
    assert key.stat().st_mode & 0o077 == 0
    assert holds(tmp_path / "data", key.read_text().split()[1]) == []


def test_the_organisations_key_may_not_lie_in_the_data_folder(tmp_path: Path) -> None:
    """It would travel with what it opens."""
    made = run(
        *("init", "--config", tmp_path / "c.yaml", "--data", tmp_path / "data", "--user", "ada", "--no-tls"),
        *("--organisation-key", tmp_path / "data" / "organisation.key"),
        secrets=(PASSWORD,),
    )
    assert made.returncode == 1
    assert "lies in the data folder" in made.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_must_say_whether_there_is_an_organisation_key(tmp_path: Path) -> None:
    """It is a decision, so it has no default: wrong usage."""
    arguments = ("init", "--config", tmp_path / "c.yaml", "--data", tmp_path / "data", "--user", "ada")
    for more in ((), ("--no-organisation-key", "--organisation-key", tmp_path / "k")):
        assert run(*arguments, *more, secrets=(PASSWORD,)).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_never_overwritten(tmp_path: Path) -> None:
    """Neither a data folder, nor a configuration, nor an organisation's key."""
    service = make_service(tmp_path)
    before = picture(tmp_path)
    for config, data, key in (
        (service.config, tmp_path / "new", tmp_path / "new.key"),
        (tmp_path / "new.yaml", service.data, tmp_path / "new.key"),
        (tmp_path / "new.yaml", tmp_path / "new", service.organisation_key),
    ):
        made = run(
            *("init", "--config", config, "--data", data, "--organisation-key", key, "--user", "bob", "--no-tls"),
            secrets=(PASSWORD,),
        )
        assert made.returncode == 1
        assert made.stderr.startswith("docstopd: ") and made.stderr.count("\n") == 1
        assert picture(tmp_path) == before


def test_plain_http_is_refused_where_others_could_listen(tmp_path: Path) -> None:
    """The rule of the configuration holds before anything is made."""
    made = run(
        *("init", "--config", tmp_path / "c.yaml", "--data", tmp_path / "data", "--user", "ada"),
        *("--no-organisation-key", "--no-tls", "--address", "0.0.0.0"),
        secrets=(PASSWORD,),
    )
    assert made.returncode == 1
    assert "there is no certificate" in made.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_weak_password_or_a_missing_certificate_leaves_nothing(tmp_path: Path) -> None:
    """All that can fail is tried before the first file."""
    arguments = ("init", "--config", tmp_path / "c.yaml", "--data", tmp_path / "data", "--user", "ada")
    weak = run(*arguments, "--no-organisation-key", secrets=("short",))
    assert (weak.returncode, weak.stderr) == (1, "docstopd: a password needs at least 8 characters\n")
    lost = ("--certificate", tmp_path / "no.crt", "--key", tmp_path / "no.key")
    missing = run(*arguments, "--no-organisation-key", *lost, secrets=(PASSWORD,))
    assert missing.returncode == 1 and "no.crt" in missing.stderr
    assert list(tmp_path.iterdir()) == []
