"""`scripts/keys`: a table of the keys of all clients, and warnings; from the configuration and its state file."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commandline import Parser, UsageError, duration, tell
from s3gateway.config import gateway_yaml
from s3gateway.config.check import ConfigError
from s3gateway.rules.key_report import WARNED_DAYS, KeyRow, rows, warnings
from s3gateway.rules.key_report import duration as told_duration
from s3gateway.rules.key_use import Ledger
from s3gateway.wire import state_file

_DESCRIPTION = """\
Lists the keys of each client: age, last use, requests in the last day, days left. Use is what gateways with this
configuration have written to its `state:` file, once a minute; without that key nothing is known of it.

A key's age is since its not_before, or else since its first use.
"""

_EPILOG = """\
Exit status: 0 nothing to do, 1 there are warnings (a key that ends soon and is still used or has no successor, a client
without a key that counts), 2 a configuration or state file that cannot be used.
"""

_HEADINGS = ("client", "access key", "secret", "state", "age", "last used", "last day", "left")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; give the exit status."""
    parser = Parser("keys", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("config", type=Path, metavar="gateway.yaml", help="the gateway's configuration")
    parser.add_argument(
        "--days", type=duration, default=WARNED_DAYS, help="warn so many days before a key ends (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="write one JSON document in place of the table")
    options = parser.parse_args(arguments)
    now = datetime.now(UTC)
    try:
        config = gateway_yaml.load(options.config)
        ledger = state_file.load(config.state) if config.state else None
        found = rows(config.clients.values(), ledger or Ledger(now.timestamp(), b"", {}), now)
        told = warnings(found, now, options.days)
        tell(_document(found, ledger, told) if options.json else _page(found, ledger, told, now, config.state))
    except (ConfigError, UsageError) as error:
        parser.exit(2, f"keys: {error}\n")
    return 1 if told else 0


def _page(found: list[KeyRow], ledger: Ledger | None, told: list[str], now: datetime, state: Path | None) -> str:
    lines = [_HEADINGS, *(_cells(row, now) for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    if ledger is not None:
        since = f"counted since {datetime.fromtimestamp(ledger.since, UTC):%Y-%m-%d %H:%M} UTC in {state}"
    elif state is not None:
        since = f"nothing is counted yet: {state} is not there"
    else:
        since = "nothing is counted: set `state:` to a file"
    return "\n".join([*table, "", since, *(f"warning: {line}" for line in told)]) + "\n"


def _cells(row: KeyRow, now: datetime) -> tuple[str, ...]:
    return (
        row.client,
        row.access_key_id,
        f"{row.number} of {row.secrets}",
        row.state,
        told_duration(row.age_days * 86400) if row.age_days is not None else "-",
        f"{told_duration(now.timestamp() - row.last)} ago" if row.last is not None else "-",
        str(row.last_day),
        "-" if row.days_left is None else told_duration(row.days_left * 86400) if row.days_left > 0 else "ended",
    )


def _document(found: list[KeyRow], ledger: Ledger | None, told: list[str]) -> str:
    document: dict[str, Any] = {
        "since": _iso(ledger.since) if ledger else None,
        "keys": [
            {
                "client": row.client,
                "access_key_id": row.access_key_id,
                "secret": row.number,
                "state": row.state,
                "not_before": row.term.not_before.isoformat() if row.term.not_before else None,
                "not_after": row.term.not_after.isoformat() if row.term.not_after else None,
                "first_used": _iso(row.first),
                "last_used": _iso(row.last),
                "requests_last_day": row.last_day,
                "days_left": row.days_left,
            }
            for row in found
        ],
        "warnings": told,
    }
    return json.dumps(document, indent=2) + "\n"


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
