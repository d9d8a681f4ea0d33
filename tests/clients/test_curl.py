"""curl: plain HTTP as the most widespread client speaks it."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import programs
import pytest
from webdav import Share

Curl = Callable[..., "CompletedProcess[bytes]"]

CUT_SHORT = {18, 28, 55, 56}
"""curl's exit codes for a transfer that ended early: partial, time-out, send error, receive error."""


@pytest.fixture
def curl(share: Share, tmp_path: Path) -> Curl:
    """Runs curl in the test's folder, with the share's credentials and no settings of its own."""
    program = programs.need("curl")

    def call(*arguments: str | Path, stdin: bytes = b"") -> "CompletedProcess[bytes]":
        fixed = ["--disable", "--silent", "--show-error", "--user", f"{share.user}:{share.password}"]
        return programs.run([program, *fixed, *arguments], cwd=tmp_path, stdin=stdin)

    return call


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A local file that is longer than two encrypted segments and ends inside one."""
    path = tmp_path / "content"
    path.write_bytes(os.urandom(600_001))
    return path


def test_what_curl_puts_curl_gets(curl: Curl, share: Share, content: Path) -> None:
    """Byte for byte, with the status of a new file and then of a replaced one."""
    for status in (b"201", b"204"):
        put = curl("--upload-file", content, "--output", os.devnull, "--write-out", "%{http_code}", share.url + "f")
        assert put.stdout == status, programs.said(put)
    assert curl("--fail", share.url + "f").stdout == content.read_bytes()


def test_an_empty_file_stays_empty(curl: Curl, share: Share, tmp_path: Path) -> None:
    """No byte in, no byte out, and a length that says so."""
    (tmp_path / "empty").touch()
    curl("--fail", "--upload-file", tmp_path / "empty", share.url + "f")
    got = curl("--fail", "--write-out", "%header{content-length}", share.url + "f")
    assert got.stdout == b"0"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0-0", slice(0, 1)),
        ("100-199", slice(100, 200)),
        ("262100-262130", slice(262_100, 262_131)),
        ("599990-", slice(599_990, None)),
        ("-50", slice(-50, None)),
        ("599990-700000", slice(599_990, None)),
    ],
)
def test_a_range_is_answered_with_that_range(
    asked: str, expected: slice, curl: Curl, share: Share, content: Path
) -> None:
    """206 with just those bytes, across the segments' boundary too (RFC 9110 section 14)."""
    share.put("f", content.read_bytes())
    got = curl("--range", asked, "--write-out", "%{stderr}%{http_code}", share.url + "f")
    assert got.stderr == b"206"
    assert got.stdout == content.read_bytes()[expected]


def test_a_range_beyond_the_end_is_416_with_the_length(curl: Curl, share: Share) -> None:
    """The answer names the length that there is."""
    share.put("f", b"x" * 100)
    got = curl(
        "--range", "100-", "--output", os.devnull, "--write-out", "%{http_code} %header{content-range}", share.url + "f"
    )
    assert got.stdout == b"416 bytes */100"


def test_a_download_resumes_where_it_stopped(curl: Curl, share: Share, content: Path, tmp_path: Path) -> None:
    """The half that is there already and the half that is fetched make the file."""
    share.put("f", content.read_bytes())
    (tmp_path / "part").write_bytes(content.read_bytes()[:300_000])
    resumed = curl("--fail", "--continue-at", "-", "--output", "part", share.url + "f")
    assert resumed.returncode == 0, programs.said(resumed)
    assert (tmp_path / "part").read_bytes() == content.read_bytes()


def test_head_announces_what_get_delivers(curl: Curl, share: Share) -> None:
    """The same length and ETag, and no body."""
    share.put("f", b"x" * 1000)
    shown = "%{http_code} %header{content-length} %header{etag}"
    head = curl("--head", "--output", os.devnull, "--write-out", shown, share.url + "f")
    get = curl("--output", os.devnull, "--write-out", shown, share.url + "f")
    assert head.stdout == get.stdout
    assert head.stdout.startswith(b'200 1000 "'), programs.said(head)


def test_an_upload_that_expects_100_gets_it(curl: Curl, share: Share, content: Path) -> None:
    """`100 Continue` comes before the body is sent, and the body arrives."""
    put = curl(
        "--verbose",
        "--header",
        "Expect: 100-continue",
        "--expect100-timeout",
        "20",
        "--upload-file",
        content,
        share.url + "f",
    )
    assert b"< HTTP/1.1 100 Continue" in put.stderr, programs.said(put)
    assert share.get("f") == content.read_bytes()


def test_a_wrong_password_is_refused_before_the_body_is_asked_for(share: Share, content: Path, tmp_path: Path) -> None:
    """401 and no `100 Continue`, so that curl never sends the file."""
    program = programs.need("curl")
    arguments = ["--disable", "--silent", "--verbose", "--user", f"{share.user}:wrong", "--expect100-timeout", "20"]
    put = programs.run(
        [program, *arguments, "--header", "Expect: 100-continue", "--upload-file", content, share.url + "f"],
        cwd=tmp_path,
    )
    assert b"< HTTP/1.1 401" in put.stderr, programs.said(put)
    assert b"100 Continue" not in put.stderr
    assert not share.exists("f")


def test_a_chunked_upload_arrives_whole(curl: Curl, share: Share, content: Path) -> None:
    """A body of unknown length, from standard input."""
    put = curl("--fail", "--verbose", "--upload-file", "-", share.url + "f", stdin=content.read_bytes())
    assert b"> Transfer-Encoding: chunked" in put.stderr, programs.said(put)
    assert share.get("f") == content.read_bytes()


def test_anyauth_finds_basic_and_uploads(curl: Curl, share: Share, content: Path) -> None:
    """curl first asks which schemes there are, then sends the file with the one it found."""
    put = curl("--fail", "--anyauth", "--upload-file", content, share.url + "f")
    assert put.returncode == 0, programs.said(put)
    assert share.get("f") == content.read_bytes()


@pytest.mark.parametrize("source", ["content", "-"])
def test_a_cut_upload_leaves_the_old_content(source: str, curl: Curl, share: Share, content: Path) -> None:
    """With an announced length and chunked: a client that goes away in the middle changes nothing."""
    share.put("f", b"old content")
    slow = ["--max-time", "1", "--limit-rate", "100K", "--upload-file", source]
    put = curl(*slow, share.url + "f", stdin=content.read_bytes() if source == "-" else b"")
    assert put.returncode in CUT_SHORT, programs.said(put)
    assert share.get("f") == b"old content"


def test_a_cut_upload_of_a_new_file_leaves_nothing(curl: Curl, share: Share, content: Path) -> None:
    """No empty or torn file appears under the name."""
    put = curl("--max-time", "1", "--limit-rate", "100K", "--upload-file", content, share.url + "f")
    assert put.returncode in CUT_SHORT, programs.said(put)
    assert not share.exists("f")


def test_an_unchanged_file_is_not_sent_again(curl: Curl, share: Share) -> None:
    """304 for the ETag that curl kept, and the whole file once the content has changed at the same size."""
    share.put("f", b"one")
    compare = ["--fail", "--etag-save", "tag", "--etag-compare", "tag", "--write-out", "%{http_code}", share.url + "f"]
    assert [curl(*compare).stdout, curl(*compare).stdout] == [b"one200", b"304"]
    share.put("f", b"two")
    assert curl(*compare).stdout == b"two200"


def test_an_upload_conditional_on_another_etag_changes_nothing(curl: Curl, share: Share, content: Path) -> None:
    """412 for an `If-Match` that does not hold."""
    share.put("f", b"old content")
    put = curl(
        "--header", 'If-Match: "other"', "--upload-file", content, "--write-out", "%{http_code}", share.url + "f"
    )
    assert put.stdout.endswith(b"412"), programs.said(put)
    assert share.get("f") == b"old content"


def test_downloads_in_parallel_do_not_mix(curl: Curl, share: Share, tmp_path: Path) -> None:
    """Thirty files over several connections at once, each with its own content."""
    contents = {f"f{number}": os.urandom(50_000 + number) for number in range(30)}
    for name, body in contents.items():
        share.put(name, body)
    got = curl("--fail", "--parallel", "--remote-name-all", *(share.url + name for name in contents))
    assert got.returncode == 0, programs.said(got)
    digests = {name: hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in contents}
    assert digests == {name: hashlib.sha256(body).digest() for name, body in contents.items()}


def test_a_version_and_a_deleted_file_are_restored_by_their_urls(curl: Curl, share: Share) -> None:
    """MOVE and COPY with a Destination, as a script would do it."""
    space, folder = share.url.rstrip("/").rsplit("/", 1)
    name = f"f-{folder}"
    share.put(name, b"1")
    share.put(name, b"22")
    here = ("--header", f"Destination: {share.url}{name}")
    versions, trash = f"{space}/.versions/{folder}/{name}/", f"{space}/.trash/"

    def listed(url: str) -> str:
        return curl("--fail", "--request", "PROPFIND", "--header", "Depth: 1", url).stdout.decode()

    first = re.findall(rf"{name}/([0-9TZ.-]+)<", listed(versions))[0]
    copied = curl("--fail", "--request", "COPY", *here, versions + first)
    assert copied.returncode == 0, programs.said(copied)
    assert share.get(name) == b"1"
    curl("--fail", "--request", "DELETE", share.url + name)
    [deleted] = re.findall(rf"\.trash/({name}%20[^<]+)<", listed(trash))
    moved = curl("--fail", "--request", "MOVE", *here, trash + deleted)
    assert moved.returncode == 0, programs.said(moved)
    assert share.get(name) == b"1"
