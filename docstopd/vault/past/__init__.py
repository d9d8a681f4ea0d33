"""A space's past: the trash, old versions, and the tree as it was at a time.

What always holds: whatever is shown is proven by its row as everywhere; nothing of it counts for a quota until it is
restored; a removal asks the holds inside its own transaction.

Its fronts are `lookup` (what is at a path), `restore`, `purge`, and `door` for commands and jobs. They are not gathered
here: `lookup` lies under the conditions of every change, the others stand on changes.
"""
