"""Targets: where snapshots go. Named objects, each whole or not there; the store reads none of them.

What always holds: what `settle` has returned for is durable; a target never learns more than names, sizes and times.
"""

from docstopd.targets.target import Found, NamedTarget, Target, TargetReader, TargetWriter

__all__ = ["Found", "NamedTarget", "Target", "TargetReader", "TargetWriter"]
