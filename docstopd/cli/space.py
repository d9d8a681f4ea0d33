"""`docstopd space`: spaces and their members."""

from typing import Annotated

import typer

from docstopd.cli.arrivals import arrivals
from docstopd.cli.asking import Secrets
from docstopd.cli.opened import about, opened, session_as, session_of
from docstopd.cli.options import NOT_GIVEN, As, ConfigFile, Json, Label, PasswordFile, PasswordStdin, size_or_none
from docstopd.cli.output import Value, say, show_table, size, timestamp
from docstopd.cli.rollback import rollback
from docstopd.config import load
from docstopd.daemon.compose import open_vault
from docstopd.model import Custody, MemberRole, Space

app = typer.Typer(
    no_args_is_help=True, help="Spaces: add, list, members, custody, quota, arrivals.", rich_markup_mode=None
)
app.command()(arrivals)
app.command()(rollback)

Member = Annotated[str, typer.Argument(metavar="USER", help="The member.")]


@app.command()
def add(
    label: Label,
    owner: Annotated[str, typer.Option(metavar="USER", help="Its first owner.")],
    custody: Annotated[
        Custody, typer.Option(help="Who can open it: its members alone (sealed), or the server too (managed).")
    ] = Custody.SEALED,
    quota: Annotated[
        str | None, typer.Option(metavar="SIZE", help="A limit such as 10GiB, or none.", show_default="configuration's")
    ] = None,
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Make a space with one owner.

    Example: docstopd space add Accounting --owner ada --quota 10GiB
    """
    settings = load(config)
    limit = settings.quota.space if quota is None else size_or_none(quota)
    with open_vault(settings) as vault:
        space = vault.spaces.add(label, vault.accounts.find(owner), custody=custody, quota=limit)
    say(f"The space {space.label} is there, {space.custody.value}, owned by {owner}.")


@app.command("list")
def list_spaces(config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List all spaces.

    Example: docstopd space list
    """
    with opened(config) as vault:
        found = [(space, len(vault.spaces.members(space.label))) for space in vault.spaces.all()]
    rows = [_row(space, members, as_json=json) for space, members in found]
    show_table(rows, ["label", "custody", "members", "used", "quota", "created", "read-only"], as_json=json)


def _row(space: Space, members: int, *, as_json: bool) -> dict[str, Value]:
    return {
        "label": space.label,
        "custody": space.custody.value,
        "members": members,
        "used": space.used if as_json else size(space.used),
        "quota": space.quota if as_json else size(space.quota),
        "created": timestamp(space.created),
        "read-only": space.read_only if as_json else "yes" if space.read_only else "",
    }


@app.command()
def members(label: Label, config: ConfigFile = NOT_GIVEN, json: Json = False) -> None:
    """List the members of a space.

    Example: docstopd space members Accounting
    """
    with opened(config) as vault:
        found = vault.spaces.members(label)
    rows = [{"name": member.name, "role": member.role.value} for member in found]
    show_table(rows, ["name", "role"], as_json=json)


@app.command()
def grant(
    label: Label,
    user: Member,
    role: Annotated[MemberRole, typer.Option(help="What the member may do.")] = MemberRole.EDITOR,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Make a user a member, or change a member's role. A sealed space's key is handed on by an owner: --as.

    Example: docstopd space grant Accounting bob --role reader --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session, member = session_as(vault, as_user, secrets), vault.accounts.find(user)
        with about(label):
            vault.spaces.grant(session, label, member, role)
    say(f"{user} is {role.value} of {label}.")


@app.command()
def revoke(
    label: Label,
    user: Member,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Remove a member; what is stored from then on is under a key that this member never had.

    Example: docstopd space revoke Accounting bob
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session, member = session_as(vault, as_user, secrets), vault.accounts.find(user)
        with about(label):
            vault.spaces.revoke(session, label, member)
    say(f"{user} is no member of {label} any more.")


@app.command()
def custody(
    label: Label,
    kind: Annotated[Custody, typer.Argument(metavar="sealed|managed", help="Who can open the space.")],
    owner: Annotated[str, typer.Option("--as", metavar="OWNER", help="An owner; asks for the password.")],
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Let the server open a space (managed), or no more (sealed).

    Example: docstopd space custody Accounting managed --as ada
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        session = session_of(vault, owner, secrets)
        with about(label):
            vault.spaces.set_custody(session, label, kind)
    say(f"The custody of {label} is {kind.value}.")


@app.command()
def quota(
    label: Label,
    limit: Annotated[str, typer.Argument(metavar="SIZE|none", help="Such as 10GiB.")],
    config: ConfigFile = NOT_GIVEN,
) -> None:
    """Limit how much a space may hold.

    Example: docstopd space quota Accounting 10GiB
    """
    wanted = size_or_none(limit)
    with opened(config) as vault:
        vault.spaces.set_quota(label, wanted)
    say(f"The quota of {label} is {size(wanted)}.")


@app.command("read-only")
def read_only(
    label: Label,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Let nobody change the files of a space until `space writable`; what is in it can be read on.

    Example: docstopd space read-only Accounting
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        vault.spaces.set_read_only(session_as(vault, as_user, secrets), label, True)
    say(f"{label} is read-only. `docstopd space writable {label}` ends that.")


@app.command()
def writable(
    label: Label,
    as_user: As = None,
    config: ConfigFile = NOT_GIVEN,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Let its members change the files of a space again, after `space read-only` or an alarm.

    Example: docstopd space writable Accounting
    """
    secrets = Secrets(stdin=password_stdin, file=password_file)
    with opened(config) as vault:
        vault.spaces.set_read_only(session_as(vault, as_user, secrets), label, False)
    say(f"The members of {label} can change its files again.")
