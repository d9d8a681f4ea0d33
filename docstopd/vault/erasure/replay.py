"""After a restore: what was erased since then leaves the stores again, before anything is served.

Blobs have ids that no other content ever has. The ids of nodes are counted, and after a restore the count begins again
where it was: so a file goes by its blobs, a folder only once nothing is left in it, and erased ids are never given out
again.
"""

from dataclasses import replace

from docstopd.catalog import erasures as store
from docstopd.catalog.erasures import Erasure
from docstopd.db import Rows
from docstopd.errors import Damaged
from docstopd.model import NodeId
from docstopd.vault import moment
from docstopd.vault.erasure.certificate import LIST, Signer
from docstopd.vault.erasure.removal import Removal
from docstopd.vault.erasure.subject import ERASING, Subject
from docstopd.vault.erasure.verification import Said
from docstopd.vault.journal import NOBODY
from docstopd.vault.stores import Stores


def replay(stores: Stores, removal: Removal, signer: Signer, text: str) -> bytes | None:
    """Take over one signed list: its rows go now. The erasure's id, None for one that these stores know already.

    Holds are not asked: what was erased once was not held then. Raises `Damaged` for what this service did not sign.
    """
    fields = signer.verify(LIST, text)
    if fields.get("service") != signer.service.hex():
        raise Damaged("an erasure list is another service's")
    said = Said.decode(fields.get("what", {}))
    head = fields.get("head")
    try:
        erasure, kind = bytes.fromhex(str(fields["erasure"])), str(fields["kind"])
        when = moment.read(str(fields["time"]))
    except (KeyError, ValueError):
        raise Damaged("an erasure list lacks what it is about") from None
    node = None if head is None else NodeId(int(head))
    subject = Subject((said.space,) if said.space is not None else said.spaces, node, said.user)
    now = stores.clock()
    wanted = Erasure(erasure, kind, subject.encode(), when, NOBODY, when, ERASING, now, None, "{}", None)

    there = stores.keyring.holds(said.blobs, said.spaces, said.user)  # a copy of the keyring may be older than the list

    def work(rows: Rows) -> bytes | None:
        known = store.get(rows, erasure)
        if known is not None and known.done is not None and not there:
            return None
        if known is None:
            store.add(rows, wanted)
        else:
            store.save(rows, replace(wanted, requested=known.requested))
        store.take_over(rows, erasure, said.space, said.nodes, said.blobs)
        removal.apply(rows, wanted, subject, now)
        return erasure

    return stores.catalog.write(work)
