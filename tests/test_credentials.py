"""The backend's credentials: given, from the environment, or from a profile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from s3gateway import signer
from s3gateway.config.model import Chain, KeyPair
from s3gateway.signer import CredentialsError, CredentialSource
from s3gateway.sigv4.model import Secret

SECRET = "c4n4ry-s3cr3t"


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AWS shared credentials file with one profile."""
    path = tmp_path / "credentials"
    path.write_text(f"[lake]\naws_access_key_id = PK\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return path


def parts(keys: KeyPair) -> tuple[str, bytes, bytes | None]:
    return keys.access_key_id, keys.secret.reveal(), keys.session_token.reveal() if keys.session_token else None


def test_given() -> None:
    """A key pair of the configuration is the one that is used."""
    keys = KeyPair("AK", Secret(SECRET))
    assert CredentialSource(keys).current() is keys


@pytest.mark.parametrize("token", [None, "token"])
def test_environment(shared: Path, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    """Without any, botocore's chain looks into the environment, session token included."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "EK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    expected = ("EK", SECRET.encode(), token.encode() if token else None)
    assert parts(CredentialSource(Chain(None)).current()) == expected


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_an_environment_with_a_line_end(shared: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What ``echo`` has put into a secret store ends with one; in a header it would end the head."""
    for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(each, SECRET + ("\n" if each == name else ""))
    source = CredentialSource(Chain(None))
    with pytest.raises(
        CredentialsError, match=r"^backend\.credentials from botocore, the .* holds '\\n'; take it"
    ) as raised:
        source.current()
    assert (SECRET in str(raised.value)) is (name == "AWS_ACCESS_KEY_ID")


def test_profile(shared: Path) -> None:
    """A profile is read from the shared files, which can be watched."""
    source = CredentialSource(Chain("lake"))
    assert parts(source.current()) == ("PK", SECRET.encode(), None)
    assert source.files == (shared, shared.with_name("none"))


def test_the_shared_files_are_in_ones_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unless the environment says otherwise; a key pair of the configuration stands in the configuration's files."""
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = CredentialSource(Chain(None)).files
    assert found == (tmp_path / ".aws/credentials", tmp_path / ".aws/config")
    assert CredentialSource(KeyPair("AK", Secret(SECRET))).files == ()


def test_no_such_profile(shared: Path) -> None:
    """The key is named, and the profile."""
    with pytest.raises(CredentialsError, match=r"^backend\.credentials\.profile: .*ocean.*; name a profile"):
        CredentialSource(Chain("ocean"))


def test_none_at_all(shared: Path) -> None:
    """The message names every way to give them."""
    with pytest.raises(CredentialsError, match=r"^backend\.credentials: none given and none found by botocore; set"):
        CredentialSource(Chain(None))


def test_half_a_profile(shared: Path) -> None:
    """A profile without its secret is refused, and what it holds is not told."""
    shared.write_text(f"[lake]\naws_access_key_id = {SECRET}\n")
    with pytest.raises(CredentialsError) as raised:
        CredentialSource(Chain("lake"))
    assert SECRET not in str(raised.value)


def test_a_short_session_is_not_renewed_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore renews within 15 minutes of the end by itself, so one of 15 minutes each time that it is read."""
    made: list[RefreshableCredentials] = []

    def refuse() -> dict[str, str]:
        raise AssertionError("botocore has renewed it")

    def find(chain: Chain) -> tuple[RefreshableCredentials, tuple[Path, ...]]:
        end = datetime.now(UTC) + timedelta(minutes=15)
        made.append(RefreshableCredentials(f"EK{len(made)}", SECRET, "token", end, refuse, "test"))
        return made[-1], ()

    monkeypatch.setattr(signer, "_find", find)
    source = CredentialSource(Chain(None))
    assert [source.current().access_key_id for _ in range(3)] == ["EK0"] * 3
    assert source.renew().access_key_id == "EK1"
    assert source.current().access_key_id == "EK1"
    assert len(made) == 2


def test_what_cannot_be_renewed_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then the same error is told, and nobody is asked."""
    asked = 0

    def find(chain: Chain) -> tuple[Credentials, tuple[Path, ...]]:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise CredentialsError("backend.credentials: the agent is gone")
        return Credentials("EK", SECRET), ()

    monkeypatch.setattr(signer, "_find", find)
    source = CredentialSource(Chain(None))
    source.current()
    for look in (source.renew, source.current, source.current):
        with pytest.raises(CredentialsError, match="the agent is gone"):
            look()
    assert asked == 2
