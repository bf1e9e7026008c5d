"""A request of the gateway's log, as the demo prints it."""

from collections.abc import Mapping
from typing import Any


def told(who: str, record: Mapping[str, Any]) -> tuple[str, str]:
    """One line, and its colour. `who` begins with the name of the client program."""
    where = "/".join(record[name] for name in ("bucket", "key") if name in record) or record.get("client", "")
    says = [_chunk_count(record["chunks"], signed=who.startswith("spark"))] if record.get("chunks") else []
    says += [f"{record['sse']} added"] if record.get("sse") else []
    says = [f"refused: {record['refusal']}"] if record.get("refusal") else says
    text = f"  {who} {record.get('operation', '-'):26} {where:55} {record['status']}  {', '.join(says)}"
    return text.rstrip(), "red" if record.get("refusal") else "cyan"


def _chunk_count(count: int, *, signed: bool) -> str:
    what = "verified and signed anew" if signed else "without signatures"
    return f"{count} chunk{'' if count == 1 else 's'} {what}"
