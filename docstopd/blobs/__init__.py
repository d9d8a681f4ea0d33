"""The blob store: write-once ciphertext, named by random ids.

What always holds: a blob is there whole or not at all; it is never changed; the store cannot read it.
"""

from docstopd.blobs.store import BlobReader, BlobStore, BlobWriter

__all__ = ["BlobReader", "BlobStore", "BlobWriter"]
