"""A folder of files whose names are awkward for some client, some encoding or some quoting."""

import random
from pathlib import Path

NAMES = [
    "plain.txt", "two words.txt", " leading space", "trailing space ", "double  space", "under_score",
    "100%.txt", "50%25.txt", "%41 is not A", "%zz", "a#b.txt", "#", "what?.txt", "?q=1", "a+b.txt", "++", "a&b.txt",
    "a=b;c.txt", "it's", 'say "hello".txt', "`tick`", "$HOME", "~tilde", "~$lock.docx", ".hidden", "..double", "...",
    ".DS_Store", "._resource", "Thumbs.db", "comma,name", "semi;colon", "colon:name", "pipe|name", "back\\slash",
    "less<than", "greater>than", "star*", "[brackets]", "{braces}", "(round)", "at@home", "excl!", "caret^",
    "UPPER.TXT", "upper.txt.2", "no_extension", "many.dots.in.name.tar.gz", "ends.with.dot.", "-dash", "--double-dash",
    "ä", "Grüße.txt", "naïve café.md", "Ångström", "İstanbul", "ß", "日本語.txt", "中文 文件.pdf", "한국어", "العربية",
    "עברית", "Ελληνικά", "Кириллица.doc", "ไทย", "हिन्दी", "emoji 😀.png", "👩\u200d💻", "𐍈 astral", "non\u00a0breaking",
    "con", "NUL.txt", "aux.h", "x" * 255, "é" * 127, "語" * 85, "😀" * 63,
]  # fmt: skip
"""All in Unicode's form C, at most 255 bytes of UTF-8, without '/' and control characters; none differ in case only."""

FILES = 500


def plant(root: Path, seed: int = 20) -> None:
    """Fill `root` with 500 files in folders nested up to five deep: every odd name as a file and as a folder.

    Sizes run from nothing to a little more than one encrypted segment. The same seed makes the same tree.
    """
    dice = random.Random(seed)
    folders = [root]
    for name in NAMES:
        parent = dice.choice([folder for folder in folders if len(folder.relative_to(root).parts) < 5])
        # A path of several of the longest names would pass the limit of 4,096 bytes that systems have.
        folders.append((parent if len(str(parent)) < 800 else root) / name)
        folders[-1].mkdir(parents=True)
    for number in range(FILES):
        folder = folders[number % len(folders)]
        name = NAMES[number % len(NAMES)] if number < len(NAMES) else f"file {number}.bin"
        size = dice.choice([0, 1, 15, 16, 1000, 5000]) if number % 25 else 262_112 + number
        path = folder / name
        (path if not path.exists() else folder / f"file {number}.bin").write_bytes(dice.randbytes(size))


def files(root: Path) -> list[Path]:
    """All files below `root`."""
    return [path for path in root.rglob("*") if path.is_file()]
