"""Tokens: each secret stands for its actor; a forged, an expired and a removed one are refused."""

import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.service.access import ROLES, Actor, Policy, Refusal, Role, TokenFile, Tokens, new_token
from maskwright.errors import ConfigError, InputError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HASH = hashlib.sha256(b"secret").hexdigest()
ENTRY = f'[[token]]\nname = "ann"\nrole = "annotator"\nsha256 = "{HASH}"\n'


def write(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "tokens.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_a_secret_stands_for_its_actor(tmp_path: Path) -> None:
    made = [new_token(f"user-{role}", role, region) for role, region in zip(ROLES, [None, "eu", None, "us"])]
    tokens = Tokens.read(write(tmp_path, "\n".join(each.entry for each in made)))
    for each, role, region in zip(made, ROLES, [None, "eu", None, "us"]):
        assert tokens.authenticate(each.secret, NOW) == Actor(f"user-{role}", role, region)


def test_forged_and_missing_secrets_are_refused(tmp_path: Path) -> None:
    made = new_token("ann", "admin")
    tokens = Tokens.read(write(tmp_path, made.entry))
    digest = hashlib.sha256(made.secret.encode()).hexdigest()
    flipped = made.secret[:-1] + ("A" if made.secret[-1] != "A" else "B")
    long = made.secret + "x" * 5000
    for forged in (digest, flipped, made.secret + " ", made.secret.swapcase(), "ann", "\udcff", "é", long):
        assert tokens.authenticate(forged, NOW) == Refusal("unknown-token")
    for missing in (None, ""):
        assert tokens.authenticate(missing, NOW) == Refusal("no-token")


def test_a_long_secret_is_not_taken_for_its_beginning(tmp_path: Path) -> None:
    long = "x" * 1024
    digest = hashlib.sha256(long.encode()).hexdigest()
    tokens = Tokens.read(write(tmp_path, ENTRY.replace(HASH, digest)))
    assert isinstance(tokens.authenticate(long, NOW), Actor)
    assert tokens.authenticate(long + "y", NOW) == Refusal("unknown-token")


def test_a_token_is_refused_from_its_expiry_on(tmp_path: Path) -> None:
    made = new_token("ann", "viewer", expires=NOW.astimezone(timezone(timedelta(hours=5))))
    tokens = Tokens.read(write(tmp_path, made.entry))
    assert tokens.authenticate(made.secret, NOW - timedelta(microseconds=1)) == Actor("ann", "viewer")
    for late in (NOW, NOW + timedelta(days=400), NOW.astimezone(timezone(-timedelta(hours=8)))):
        assert tokens.authenticate(made.secret, late) == Refusal("expired-token", "ann")
    with pytest.raises(InputError):
        tokens.authenticate(made.secret, NOW.replace(tzinfo=None))


def test_every_refusal_has_the_same_message() -> None:
    messages = {Refusal("no-token").message, Refusal("unknown-token").message, Refusal("expired-token", "ann").message}
    assert len(messages) == 1
    assert "ann" not in messages.pop()


def test_every_token_is_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_token(f"user{number}", "viewer") for number in range(5)]
    tokens = Tokens.read(write(tmp_path, "\n".join(each.entry for each in made)))
    real, compared = hmac.compare_digest, []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(one) or real(one, other))
    for secret in (made[0].secret, made[4].secret, "forged"):
        compared.clear()
        tokens.authenticate(secret, NOW)
        assert len(compared) == 5


def test_no_secret_is_shown_in_print(tmp_path: Path) -> None:
    made = new_token("ann", "viewer")
    tokens = Tokens.read(write(tmp_path, made.entry))
    assert made.secret not in repr(made) + made.entry + repr(tokens) + repr(tokens.authenticate(made.secret, NOW))
    assert len(made.secret) >= 43
    assert new_token("ann", "viewer").secret != made.secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o620, 0o610, 0o644])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        Tokens.read(write(tmp_path, ENTRY, mode))


def test_the_file_a_link_leads_to_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write(tmp_path, ENTRY, 0o644))
    with pytest.raises(ConfigError, match="chmod 600"):
        Tokens.read(tmp_path / "link")


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path(os.devnull)):
        with pytest.raises(ConfigError):
            Tokens.read(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one"),
        ("token = []", "at least one"),
        ("token = 1", "at least one"),
        ("token = [1]", "[[token]] table"),
        (ENTRY + "[other]\nx = 1", "nothing else"),
        (ENTRY + 'secret = "SECRET"', "never the secret"),
        (ENTRY + 'SECRET = "x"', "unknown key"),
        (ENTRY.replace(HASH, "SECRET"), "sha256"),
        (ENTRY.replace(HASH, HASH.upper()), "sha256"),
        (ENTRY.replace(HASH, HASH + "\\n"), "sha256"),
        (ENTRY.replace("annotator", "SECRET"), "role"),
        (ENTRY.replace('"annotator"', "['admin']"), "role"),
        (ENTRY.replace('"ann"', '"SECRET "'), "name"),
        (ENTRY.replace('"ann"', '""'), "name"),
        (ENTRY.replace('"ann"', '"local"'), "without a token"),
        (ENTRY.replace('name = "ann"\n', ""), "name"),
        (ENTRY.replace('role = "annotator"\n', ""), "role"),
        (ENTRY + 'region = "SECRET"', "region"),
        (ENTRY + 'region = ""', "region"),
        (ENTRY + "expires = 2027-01-01", "with its zone"),
        (ENTRY + "expires = 2027-01-01T00:00:00", "with its zone"),
        (ENTRY + 'expires = "2027-01-01T00:00:00Z"', "with its zone"),
        (ENTRY + "expires = 0001-01-01T00:00:00+10:00", "a year from"),
        (ENTRY + "expires = false", "with its zone"),
        (ENTRY + ENTRY.replace('"ann"', '"bob"'), "same sha256"),
        (ENTRY + ENTRY.replace(HASH, HASH[::-1]), "same name"),
        (ENTRY + 'region = "SECRET', "not valid TOML"),
        (b"\xffSECRET", "not valid TOML"),
        ("x = " + "[" * 5000, "not valid TOML"),
        (ENTRY + "#" * (1 << 20), "larger than"),
    ],
)
def test_a_wrong_entry_is_refused_and_not_repeated(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Tokens.read(write(tmp_path, text))
    message = str(caught.value)
    assert says in message
    assert "tokens.toml" in message
    assert len(message.splitlines()) == 1
    assert "SECRET" not in message
    assert HASH not in message.lower()
    assert caught.value.__cause__ is None or "SECRET" not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 'a"\nrole = "admin'},
        {"name": "anyone"},
        {"role": "owner"},
        {"region": "EU"},
        {"expires": datetime(2027, 1, 1)},
    ],
)
def test_no_entry_is_made_of_wrong_values(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        new_token(**{"name": "ann", "role": "viewer", **wrong})  # type: ignore[arg-type]


def test_a_changed_file_counts_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ann, bob, now = new_token("ann", "viewer"), new_token("bob", "viewer"), [0.0]
    path = write(tmp_path, ann.entry + bob.entry)
    file = TokenFile(path, clock=lambda: now[0])

    def known() -> list[bool]:
        now[0] += 1
        return [isinstance(file.authenticate(made.secret, NOW), Actor) for made in (ann, bob)]

    assert known() == [True, True]
    write(tmp_path, bob.entry)
    assert isinstance(file.authenticate(ann.secret, NOW), Actor)  # not looked at again within a second
    assert known() == [False, True]
    for damage in (lambda: write(tmp_path, "[[token"), lambda: path.chmod(0o644)):
        caplog.clear()
        damage()
        assert known() == known() == [False, True]
        assert len(caplog.records) == 1
        write(tmp_path, bob.entry)
        assert known() == [False, True]
    for revoke in (path.unlink, lambda: write(tmp_path, ""), lambda: write(tmp_path, "# nobody")):
        caplog.clear()
        revoke()
        assert known() == known() == [False, False]
        assert len(caplog.records) == 1
        write(tmp_path, bob.entry)
        assert known() == [False, True]
    write(tmp_path, ann.entry)
    assert known() == [True, False]


secrets_held = st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=4, unique=True)
times = st.one_of(st.none(), st.datetimes(datetime(2026, 5, 31), datetime(2026, 6, 2), timezones=st.just(UTC)))


@given(secrets_held, st.lists(st.tuples(st.sampled_from(ROLES), times), min_size=4, max_size=4), st.text(max_size=40))
def test_only_a_valid_secret_stands_for_an_actor(
    tmp_path_factory: pytest.TempPathFactory,
    held: list[str],
    kinds: list[tuple[Role, datetime | None]],
    stray: str,
) -> None:
    entries = []
    for number, (secret, (role, expires)) in enumerate(zip(held, kinds)):
        digest = hashlib.sha256(secret.encode()).hexdigest()
        entry = f'[[token]]\nname = "user{number}"\nrole = "{role}"\nsha256 = "{digest}"\n'
        entries.append(entry if expires is None else f"{entry}expires = {expires.isoformat()}\n")
    path = write(tmp_path_factory.getbasetemp(), "".join(entries))
    tokens, policy = Tokens.read(path), Policy.read()
    for secret in [*held, stray]:
        actor = tokens.authenticate(secret, NOW)
        kind = dict(zip(held, kinds)).get(secret)
        if kind is not None and (kind[1] is None or kind[1] > NOW):
            assert isinstance(actor, Actor)
            assert (actor.role, actor.unchecked) == (kind[0], False)
            assert policy.allows(actor, "administer", None).allowed == (kind[0] == "admin")
        else:
            assert isinstance(actor, Refusal)
