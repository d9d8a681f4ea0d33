"""`docstopd trash`: what was deleted, listed and restored by one of its space's members."""

from pathlib import Path

from service import PASSWORD, make_service

from docstopd.config import load
from docstopd.daemon.compose import open_vault

SECRET = (PASSWORD,)


def test_a_deleted_file_is_listed_and_restored(tmp_path: Path) -> None:
    """To where it was; by a member, with his password."""
    service = make_service(tmp_path)
    service.put(("ada", "report.txt"), b"content")
    with open_vault(load(service.config)) as vault:
        vault.files.delete(vault.sessions.sign_in("ada", PASSWORD), ("ada", "report.txt"))
    [row] = service.json("trash", "list", "ada", "--as", "ada", secrets=SECRET)
    assert (row["folder"], row["size"], row["by"]) == ("ada", 7, "ada")
    refused = service.run("trash", "restore", "ada", row["name"], "--as", "ada", secrets=("wrong",))
    assert refused.returncode == 1
    done = service.run("trash", "restore", "ada", row["name"], "--as", "ada", secrets=SECRET)
    assert done.returncode == 0
    assert "ada/report.txt" in done.stdout
    assert service.json("trash", "list", "ada", "--as", "ada", secrets=SECRET) == []
    again = service.run("trash", "restore", "ada", row["name"], "--as", "ada", secrets=SECRET)
    assert again.returncode == 1
