"""``backend.credentials``: the gateway's own key, or where it comes from."""

from typing import Any

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.client_keys import read_own_keys
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_secret, check_token, check_word
from s3gateway.config.model import Chain, DatedKeys, KeyPair
from s3gateway.config.yaml_text import read_yaml
from s3gateway.sigv4.model import Secret


def read_own_credentials(values: dict[str, Any], files: Files) -> tuple[KeyPair | Chain, tuple[DatedKeys, ...]]:
    """Read where the gateway's own key comes from; all of its keys, too, where there are several."""
    key = "backend.credentials"
    pair = {name for name in ("access_key_id", "secret_access_key", "session_token") if values.get(name)}
    keys = values.get("keys")
    sources = [bool(pair), bool(values.get("file")), bool(values.get("profile")), bool(keys)]
    if sum(sources) > 1:
        raise ConfigError(
            key, "names more than one source", "keep one of access_key_id + secret_access_key, keys, file, profile"
        )
    if keys:
        own_keys = read_own_keys(f"{key}.keys", keys, files)
        return own_keys[0].keys, own_keys
    if values.get("file"):
        return _read_file(files, f"{key}.file", values["file"]), ()
    if not pair:
        return Chain(values.get("profile")), ()
    for name in ("access_key_id", "secret_access_key"):
        if name not in pair:
            raise ConfigError(
                f"{key}.{name}", "is missing or empty", "set access_key_id and secret_access_key together"
            )
    token = values.get("session_token")
    given = KeyPair(
        check_word(f"{key}.access_key_id", values["access_key_id"]),
        Secret(check_secret(f"{key}.secret_access_key", values["secret_access_key"])),
        Secret(check_token(f"{key}.session_token", token)) if token else None,
    )
    return given, ()


def _read_file(files: Files, key: str, name: str) -> KeyPair:
    """Read AIStor-GW's format: ``static: {access_key_id: ..., secret_access_key: ...}``."""
    remedy = "write 'static: {access_key_id: ..., secret_access_key: ...}'"
    text = files.text(key, name)
    try:
        document = read_yaml(text)
    except ConfigError:
        raise ConfigError(key, f"{quoted(name)} is not valid YAML", remedy) from None
    static = document.get("static") if isinstance(document, dict) else None
    if not isinstance(static, dict):
        raise ConfigError(key, f"{quoted(name)} has no mapping 'static'", remedy)
    values = [static.get("access_key_id"), static.get("secret_access_key")]
    if not all(isinstance(value, str) and value for value in values):
        raise ConfigError(key, f"{quoted(name)} lacks access_key_id or secret_access_key, or they are not text", remedy)
    return KeyPair(check_word(key, str(values[0])), Secret(check_secret(key, str(values[1]))))
