"""Rollback: a space is taken back to what it was at a time, from versions and trash.

What always holds: nothing is removed. What came since goes to the trash, what was changed gets its old content as a new
version, what was deleted comes out of the trash. The plan is made by a pure function from what was and what is; it is
carried out in bounded transactions, while the space is read-only for everybody else. One that dies is run again: the
new plan is what is left. Its fronts are `door` and `plan`.
"""
