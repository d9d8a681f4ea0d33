"""How many descriptors a process may have open."""

import resource

ENOUGH = 65_536
"""What the systemd unit gives: enough for a thousand connections and, for each of many threads, two databases."""


def allow_enough() -> None:
    """Raise this process's own limit up to `ENOUGH`, or as far as it may: slow clients would use up the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
