"""Watching: what changes on the disk without anybody asking the daemon.

A front like the others: it looks, calls the vault, and has no rules of its own.
"""
