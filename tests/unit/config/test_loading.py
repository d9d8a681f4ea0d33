"""From YAML to records, and from anything else to one list of problems."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docstopd.config import Config, Duration, Minimal, default, load, parse, render_minimal
from docstopd.errors import ConfigurationError

SOURCE = Path("/etc/docstopd/docstopd.yaml")


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, SOURCE)
    return caught.value.problems


def test_the_data_folder_is_all_that_must_be_written() -> None:
    """Everything else has a default."""
    assert parse("data: /var/lib/docstopd", SOURCE) == default()


def test_an_empty_section_means_its_defaults() -> None:
    """All keys of a section may be commented out."""
    assert parse("data: /var/lib/docstopd\nhttp:\n  # port: 1\ntls:\n", SOURCE) == default()


def test_values_arrive_in_their_own_units() -> None:
    """Durations are seconds, sizes are bytes, auto is 0."""
    config = parse(
        "data: d\nhttp: {keep_alive: 2m, header_timeout: 20, max_uri: 8KiB, minimum_rate: 10, workers: auto}\n"
        "limits: {upload: 10GiB}\nthrottle: {first_delay: 500ms}\n",
        SOURCE,
    )
    assert config.http.keep_alive == Duration(120)
    assert config.http.header_timeout.seconds == 20
    assert config.http.max_uri == 8192
    assert config.http.minimum_rate == 10
    assert config.http.workers == 0
    assert config.limits.upload == 10 * 2**30
    assert config.throttle.first_delay.seconds == 0.5


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """Not from where the program was started."""
    file = tmp_path / "docstopd.yaml"
    file.write_text("data: records\ntls: {certificate: c.pem, key: k.pem}\nkeys: {server: ../server.key}\n")
    config = load(file)
    assert config.data == tmp_path / "records"
    assert config.tls.certificate is not None
    assert config.tls.certificate.locate({}) == tmp_path / "c.pem"
    assert config.keys.server.locate({}) == tmp_path / "../server.key"


@pytest.mark.parametrize("written", ["", "keys:", "keys: {}", "keys: {server: null}"])
def test_the_server_key_lies_in_the_data_folder_unless_it_is_written(written: str) -> None:
    """Whichever way it is left out."""
    config = parse(f"data: /srv/records\n{written}\n", SOURCE)
    assert config.keys.server.locate({}) == Path("/srv/records/keys/server.key")


def test_a_credential_is_located_when_it_is_read() -> None:
    """The configuration loads where there are no credentials; reading it there says what to do."""
    server = parse("data: d\nkeys: {server: 'credential:server.key'}\n", SOURCE).keys.server
    assert server.credential == "server.key"
    assert server.locate({"CREDENTIALS_DIRECTORY": "/run/c"}) == Path("/run/c/server.key")
    with pytest.raises(ConfigurationError, match=r"LoadCredential=server\.key:PATH"):
        server.locate({})


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "a b"])
def test_a_credential_is_a_plain_name(name: str) -> None:
    """It never leads out of the credentials' folder."""
    assert "names no credential" in problems_of(f"data: d\nkeys: {{server: 'credential:{name}'}}\n")[0]


def test_words_of_yaml_1_1_are_only_words() -> None:
    """`no` is a folder's name, and `1:30` not ninety seconds."""
    assert parse("data: no", SOURCE).data == SOURCE.parent / "no"
    assert "not a length of time" in problems_of("data: d\nhttp: {keep_alive: 1:30}")[0]


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    """Each with its line, its column, its key, what is wrong and what to do."""
    text = """\
htp: 5
data: [x]
port: 5
http:
  adress: 1
  keep_alive: 0s
  workers: 0
  threads: true
  threads: 5
  port: "5"
  trusted_proxies: [10.0.0.1/8, 5]
  public_names: x
  max_header: 1KiB
log: {level: loud}
sessions: {idle: 20h}
limits: 5
tls: {key: /k}
"""
    levels = "'debug', 'info', 'warning' or 'error'"
    assert problems_of(text) == tuple(
        f"{SOURCE}:{line}"
        for line in (
            "1:1: htp: is not a known key; did you mean http?",
            "2:7: data: is not a path; write it as text, such as /var/lib/docstopd",
            "3:1: port: is not a known key; did you mean http.port?",
            "5:3: http.adress: is not a known key; did you mean http.address?",
            "6:15: http.keep_alive: must be at least 1s",
            "7:12: http.workers: must be at least 1, or the word auto",
            "8:12: http.threads: must be a whole number, without quotes",
            "9:3: http.threads: is written before, in line 8; remove one",
            "10:9: http.port: must be a whole number, without quotes",
            "11:21: http.trusted_proxies[0]: names both a network and a host in it; write 10.0.0.0/8 for the network,"
            " or the address alone",
            "11:33: http.trusted_proxies[1]: is not a network; write one such as 10.0.0.0/8 or fd00::/8",
            "12:17: http.public_names: must be a list; write it as [a, b] or one `- a` a line",
            "13:15: http.max_header: must be at least 4096",
            f"14:14: log.level: must be one of {levels}",
            "15:1: sessions.absolute: is shorter than idle (20h); make it at least as long",
            "16:9: limits: must be a section; write its keys below it, indented",
            "17:12: tls.key: key is given without certificate; write both or none",
        )
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: data: is missing and has no default; write it"),
        ("- a", "1:1: the file is not a list of keys; write it as `key: value`"),
        ("data: d\nhttp: [", "2:8: the file is not YAML"),
        ("\tdata: d", "1:1: the file is not YAML"),
        ("data: d\n---\ndata: e", "2:1: the file is not YAML"),
        ("data: d\nhttp: {port: \x01}", "2:14: the file holds a character that YAML does not allow; remove it"),
        ("data: &a d", "1:7: the file has an anchor or an alias (& or *); write the value itself"),
        ("data: !!python/name:os.system d", "1:7: the file has a tag (!); write the value itself"),
        ("data: d\nhttp: {[a]: b}", "2:8: http: has a key that is not a word; write it as `key: value`"),
        ('data: d\nhttp: {"a\\nb": 1}', "2:8: http.a\N{REPLACEMENT CHARACTER}b: is not a known key; remove it"),
        ("data: ~/records", "1:7: data: starts with ~"),
        ('data: "a\\0b"', "1:7: data: is not a path"),
        ("data: 5", "1:7: data: is not a path"),
    ],
)
def test_a_broken_form_is_told_with_its_place(text: str, problem: str) -> None:
    """Syntax, and what YAML allows and a configuration does not need."""
    assert problems_of(text)[0].startswith(f"{SOURCE}:{problem}")


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    """Whatever the parser makes of it."""
    assert len(problems_of("data: " + "[" * 1200 + "]" * 1200)) == 1


def test_a_missing_file_is_told_with_what_makes_one(tmp_path: Path) -> None:
    """The commonest first mistake."""
    with pytest.raises(ConfigurationError, match="there is no such file; make one with `docstopd init`"):
        load(tmp_path / "absent.yaml")


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """Any error of reading becomes a problem."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    """Line and column of the first one."""
    file = tmp_path / "docstopd.yaml"
    file.write_bytes("data: d\n# é ".encode() + b"\xe9\n")
    with pytest.raises(ConfigurationError, match=r":2:5: the file is not UTF-8; save the file in UTF-8"):
        load(file)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_cleartext_on_the_network_is_refused_unless_written_in_so_many_words(address: str) -> None:
    """A certificate, or the words, or loopback."""
    http = f"data: d\nhttp: {{address: '{address}'}}\n"
    assert "passwords-may-cross-the-network-unencrypted" in problems_of(http)[0]
    assert problems_of(http + "tls:\n  cleartext: loopback-only\n")[0].startswith(f"{SOURCE}:3:1: tls: ")
    parse(http + "tls: {cleartext: passwords-may-cross-the-network-unencrypted}", SOURCE)
    parse(http + "tls: {certificate: c.pem, key: k.pem}", SOURCE)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_cleartext_on_loopback_needs_no_word(address: str) -> None:
    """Only this machine hears it."""
    assert parse(f"data: d\nhttp: {{address: '{address}'}}", SOURCE).http.address == address


@pytest.mark.parametrize("name", ["files.example.org", "files.example.org:8443", "https://[2001:db8::1]:443", "a"])
def test_a_public_name_is_a_host_or_an_origin(name: str) -> None:
    """With or without a port."""
    assert parse(f"data: d\nhttp: {{public_names: ['{name}']}}", SOURCE).http.public_names == (name,)


@pytest.mark.parametrize(
    "name", ["", "https://", "ftp://a", "http://a/dav", "a b", "u@a", "a:x", "a:99999", "a?", "//a"]
)
def test_what_is_no_public_name_is_refused(name: str) -> None:
    """A path, a user or another scheme would never match a Destination."""
    assert (
        "http.public_names[0]: is not a public name" in problems_of(f"data: d\nhttp: {{public_names: ['{name}']}}")[0]
    )


@pytest.mark.parametrize("size", ["1KB", "-1", "1.5MiB", "true", "9999999TiB", "' 1KiB'", "9223372036854775808", "[]"])
def test_what_is_no_size_is_refused(size: str) -> None:
    """Decimal units are not guessed at, and no store could keep the largest."""
    assert "limits.upload: is not a size" in problems_of(f"data: d\nlimits: {{upload: {size}}}")[0]


@pytest.mark.parametrize("length", ["5 m", "1w", "-5", "1.5", "true", "m", "'15'", "99999999999999999", "{}"])
def test_what_is_no_duration_is_refused(length: str) -> None:
    """Nothing is converted behind the writer's back."""
    assert "sessions.idle: is not a length of time" in problems_of(f"data: d\nsessions: {{idle: {length}}}")[0]


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_a_duration_is_written_as_it_is_read(milliseconds: int) -> None:
    """The text of a duration reads back as the same duration."""
    duration = Duration.parse(f"{milliseconds}ms")
    assert Duration.parse(str(duration)).seconds == pytest.approx(duration.seconds)


def test_a_configuration_cannot_be_changed() -> None:
    """It is shared by threads."""
    with pytest.raises(ValueError, match="frozen"):
        default().http.port = 1  # type: ignore[misc]


@given(st.text(alphabet=st.sampled_from("data:htp l{}[]\n-'\"#&*!|>?%@`0é\t\0,"), max_size=60))
def test_any_text_is_a_configuration_or_a_list_of_problems(text: str) -> None:
    """Nothing else ever comes out of the reader."""
    try:
        assert isinstance(parse(text, SOURCE), Config)
    except ConfigurationError as error:
        assert all(problem.startswith(f"{SOURCE}:") for problem in error.problems)


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2)))
def test_any_value_of_any_key_is_taken_or_told(value: object) -> None:
    """JSON is YAML: each key is tried with the wrong kinds of value."""
    for section, model in Config.model_fields.items():
        fields = getattr(model.annotation, "model_fields", None)
        for key in [f"{section}: {{{name}: {value!r}}}" for name in fields] if fields else [f"{section}: {value!r}"]:
            try:
                parse(f"data: d\n{key}" if section != "data" else key, SOURCE)
            except ConfigurationError as error:
                assert error.problems


@given(st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable()))
def test_the_written_configuration_reads_back(name: str) -> None:
    """Whatever the folder is called."""
    values = Minimal(Path("/srv") / name, "::1", 0, Path("/c") / name, Path("/k"))
    config = parse(render_minimal(values), SOURCE)
    assert (config.data, config.http.address, config.http.port) == (values.data, "::1", 0)
    assert config.tls.certificate is not None
    assert config.tls.key is not None
    assert config.tls.certificate.locate({}) == values.certificate
    assert config.tls.key.locate({}) == values.key


def test_the_written_configuration_without_a_certificate_reads_back() -> None:
    """Plain HTTP on loopback."""
    config = parse(render_minimal(Minimal(Path("/srv/records"), "127.0.0.1", 8080)), SOURCE)
    assert (config.tls.certificate, config.tls.key, config.http.port) == (None, None, 8080)


@pytest.mark.parametrize(
    ("place", "fine"),
    [("/d", False), ("/", False), ("/d/blobs", False), ("/d/keys/x", False), ("/d/run/.", False),
     ("/d/snapshots", True), ("/d2", True), ("/mnt/blobs", True)],
)  # fmt: skip
@pytest.mark.parametrize("key", ["path: {place}", "path: /mnt/t, keyring: {place}"])
def test_a_target_lies_apart_from_the_data(place: str, fine: bool, key: str) -> None:
    """In a folder of its own, which may be one in the data folder; its keyring's copy as well."""
    text = f"data: /d\nsnapshots:\n  targets: [{{name: a, {key.format(place=place)}}}]\n"
    if fine:
        assert len(parse(text, SOURCE).snapshots.targets) == 1
    else:
        assert "where the data lies; name another folder" in problems_of(text)[0]


def test_a_copy_of_the_checkpoints_lies_elsewhere() -> None:
    """Who can write to the data folder could change both."""
    assert "name a folder elsewhere" in problems_of("data: /d\naudit: {copy_to: /d/copy}\n")[0]
    assert parse("data: /d\naudit: {copy_to: /e}\n", SOURCE).audit.copy_to == Path("/e")


def test_a_list_that_must_not_be_empty_is_asked_for_in_plain_words() -> None:
    """Not in pydantic's."""
    [problem] = problems_of("data: d\nclasses: [{name: a, match: [], keep_for: 1d}]\n")
    assert problem.endswith("classes[0].match: must have at least 1 of them")
