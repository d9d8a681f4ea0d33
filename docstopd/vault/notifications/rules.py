"""What is told: one table from the journal's actions to kinds of mail, and what they say.

A text may use the facts of its entry and `when`, `user` (a sign-in name) and `space` (a label).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docstopd.vault.journal import Facts

Test = Callable[[Facts], bool]


def _always(_facts: Facts) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """`system`: looked for in the stream of the system, else in those of the spaces. `when`: of which entries.

    The user concerned is the one that the fact `user` names, else who asked for an erasure, else who did it.
    """

    kind: str
    action: str
    subject: str
    text: str
    system: bool = True
    when: Test = _always


def _state(*states: str) -> Test:
    return lambda facts: facts.get("state") in states


def _shut(facts: Facts) -> bool:
    return facts.get("shut") is True


def _refused(facts: Facts) -> bool:
    return facts.get("outcome") == "refused"


def _worse(facts: Facts) -> bool:
    return bool(facts.get("damaged") or facts.get("healed"))


_NOT_YOU = "If that was not you, change your password and tell an admin."

RULES: tuple[Rule, ...] = (
    Rule(
        "job",
        "job-failed",
        "the job {job} failed",
        "The job {job} failed at {when}. `docstopd job list` says why; `docstopd job run {job}` tries it again.",
    ),
    Rule(
        "job",
        "job-refused",
        "the job {job} did not do its work",
        "The job {job} stopped at {when} before it did anything. `docstopd job list` says why, and what to do.",
    ),
    Rule(
        "storage",
        "damage",
        "something stored in {space} is damaged",
        "At {when} something in the space {space} was not what had been stored (node {node}). The log and the space's"
        " journal say more; `docstopd job run scrub` heals from a snapshot target what it can.",
        system=False,
    ),
    Rule(
        "storage",
        "damage",
        "something stored is damaged",
        "At {when} something in the data folder was not what had been stored. The log and the journal say more.",
    ),
    Rule(
        "storage",
        "storage-alarm",
        "somebody else touched what is stored ({part})",
        "At {when} another program had {what} a file of {part} (space {space}, node {node}). The log and the journal"
        " name the file, and say what became of it. If nobody of yours did that, find out who can write there.",
    ),
    Rule(
        "job",
        "configuration",
        "a new configuration was not taken",
        "At {when} the configuration file was edited, and something in it is wrong: the old one goes on. `docstopd"
        " config check` says what and where.",
        when=_refused,
    ),
    Rule(
        "storage",
        "scrub",
        "stored blobs were damaged",
        "Until {when} the scrub found damage: {healed} blobs were healed from a target, {damaged} could not be. See"
        " that the disk is sound; the journals of the spaces name the files.",
        when=_worse,
    ),
    Rule(
        "tripwire",
        "tripwire",
        "{user} changes very many files of {space} at once",
        "By {when} the user {user} had given {overwrites} files of the space {space} another content ({raised} of them"
        " look encrypted) and deleted {deletes}, within {window} seconds. If that is not meant: disconnect the machine,"
        " change the password, and see docs/tripwire.md for how the space is taken back to before.",
    ),
    Rule(
        "lockout",
        "sign-in",
        "many failed sign-ins as {user}",
        "At {when} somebody had tried wrong passwords for {user} so often that the next try has to wait. It ends by"
        " itself; programs that use a saved password go on. If it was not the user, somebody is guessing.",
        when=_shut,
    ),
    Rule(
        "credential",
        "app-password-add",
        "a new app password",
        f"At {{when}} an app password was added to the account {{user}}. {_NOT_YOU}",
    ),
    Rule(
        "credential",
        "password-change",
        "the password was changed",
        f"At {{when}} the password of the account {{user}} was changed. {_NOT_YOU}",
    ),
    Rule(
        "credential",
        "password-recovery",
        "the password was set anew",
        f"At {{when}} the password of the account {{user}} was set anew by its recovery code. {_NOT_YOU}",
    ),
    Rule(
        "recovery",
        "organisation-recovery",
        "the organisation's recovery key was used for your account",
        "At {when} the password of the account {user} was set anew by the organisation's recovery key. Whoever did it"
        " can open what the account can. If you did not ask for it, ask who did.",
    ),
    Rule(
        "erasure",
        "erasure",
        "an erasure is {state}",
        "At {when} the erasure {erasure} became {state}. `docstopd erasure list` shows it; once it is provisional or"
        " final, `docstopd erasure certificate` prints its certificate.",
        when=_state("waiting", "cancelled", "provisional", "final"),
    ),
    Rule(
        "hold",
        "hold-release",
        "a hold was released",
        "At {when} a hold was released ({hold}). What it covered can be removed again, by retention too.",
    ),
    Rule(
        "review",
        "review-open",
        "files of {space} wait for a decision",
        "The time of the class {class} is up for a file in the space {space} (node {node}). Two people decide:"
        " `docstopd retention review list`.",
        system=False,
    ),
    Rule(
        "snapshot",
        "snapshot-late",
        "there is no new snapshot",
        "The newest snapshot is {hours} hours old. `docstopd check` says how the targets stand; `docstopd snapshot"
        " create` makes one now.",
    ),
    Rule(
        "clock",
        "clock-jump",
        "the clock has jumped",
        "The server's clock has jumped; found at {when}. Nothing is removed until an admin says that it is right:"
        " `docstopd job clock`.",
    ),
    Rule(
        "clock",
        "clock-absence",
        "the machine was off for long, or its clock is wrong",
        "Found at {when}: the machine was off for long, or its clock is wrong. `docstopd job clock` says what that"
        " stops.",
    ),
)

KINDS = tuple(dict.fromkeys(rule.kind for rule in RULES))
ACTIONS = frozenset(rule.action for rule in RULES)


def rule_of(action: str, facts: Facts, *, system: bool) -> Rule | None:
    """The rule for an entry, None if nothing is told of it."""
    found = (rule for rule in RULES if (rule.action, rule.system) == (action, system) and rule.when(facts))
    return next(found, None)


def filled(text: str, words: Mapping[str, str | int | bool]) -> str:
    """A text with its words; one that is not known is a dash."""
    return text.format_map(_Words(words))


class _Words(dict[str, str | int | bool]):
    def __missing__(self, key: str) -> str:
        return "-"
