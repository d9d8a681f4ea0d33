"""Watching: what changes on the disk without anybody asking the daemon.

A front like the others: it looks, calls the vault, and has no rules of its own. What always holds of stored files: a
state is judged, never an event. An event only says where to look; what is found there is right or wrong whoever has
touched it, so nobody has to tell the watcher what he is about to write.
"""
