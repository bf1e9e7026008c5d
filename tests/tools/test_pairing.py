"""Which request in front is which behind."""

from diffing.pairing import pair_up
from s3gateway.observed.capture import Exchange, Head


def exchange(name: str, key: str, *, call: str = "", attempt: int = 1, operation: str = "PutObject") -> Exchange:
    sdk = (("amz-sdk-invocation-id", call), ("amz-sdk-request", f"attempt={attempt}")) if call else ()
    head = Head("PUT", f"/b/{key}", sdk)
    return Exchange(name, "", tls=False, incoming=head, operation=operation, bucket="b" if operation else "", key=key)


def names(front: list[Exchange], behind: list[Exchange]) -> tuple[list[str], list[str], list[str]]:
    pairs, vanished, extra = pair_up(front, behind)
    return [f"{one.id}{other.id}" for one, other in pairs], [one.id for one in vanished], [one.id for one in extra]


def test_by_operation_and_key_in_order() -> None:
    """Where no SDK numbers its calls."""
    front = [exchange("a", "k"), exchange("b", "l"), exchange("c", "k"), exchange("d", "k", operation="GetObject")]
    behind = [exchange("1", "l"), exchange("2", "k"), exchange("3", "k")]
    assert names(front, behind) == (["a2", "b1", "c3"], ["d"], [])


def _part(name: str, query: str, *more: tuple[str, str]) -> Exchange:
    head = Head("PUT", f"/b/k?{query}", more)
    return Exchange(name, "", tls=False, incoming=head, operation="UploadPart", bucket="b", key="k")


def test_parts_of_one_upload_in_any_order() -> None:
    """mc sends them at once and numbers no calls, and mitmdump writes what ends first first: the query tells them."""
    front = [_part("a", "partNumber=1&uploadId=u"), _part("b", "partNumber=2&uploadId=u")]
    behind = [_part("1", "partNumber=2&uploadId=u"), _part("2", "partNumber=1&uploadId=u")]
    assert names(front, behind) == (["a2", "b1"], [], [])


def test_ranges_of_one_object_in_any_order() -> None:
    """So does the range of a read; one that a gateway wrote anew goes by order."""
    ranges = [("Range", f"bytes={first}-") for first in (0, 8, 16)]
    front = [_part(name, "", pair) for name, pair in zip("abc", ranges, strict=True)]
    behind = [_part("1", "", ("range", "bytes=16-")), _part("2", "", ranges[0]), _part("3", "", ("Range", "other"))]
    assert names(front, behind) == (["a2", "b3", "c1"], [], [])


def test_by_invocation_in_any_order() -> None:
    """The SDK's own number goes before order and key."""
    front = [exchange("a", "k", call="one"), exchange("b", "k", call="two")]
    behind = [exchange("1", "k", call="two"), exchange("2", "k", call="one")]
    assert names(front, behind) == (["a2", "b1"], [], [])


def test_retries_are_told_apart() -> None:
    """One call, three attempts, of which the first never arrived."""
    front = [exchange(name, "k", call="one", attempt=at) for at, name in enumerate("abc", 1)]
    behind = [exchange(str(at), "k", call="one", attempt=at) for at in (2, 3)]
    assert names(front, behind) == (["b2", "c3"], ["a"], [])


def test_attempts_may_be_lost_on_the_way() -> None:
    """A gateway that drops ``amz-sdk-request`` keeps the call's number."""
    behind = exchange("1", "k", call="one")
    without = Exchange("1", "", tls=False, incoming=Head("PUT", "/b/k", behind.incoming.headers[:1]))
    assert names([exchange("a", "k", call="one")], [without]) == (["a1"], [], [])


def test_other_invocations_of_one_run_are_other_requests() -> None:
    """The same key twice, and the gateway swallowed one of them."""
    front = [exchange("a", "k", call="one"), exchange("b", "k", call="two")]
    behind = [exchange("1", "k", call="two"), exchange("2", "k", call="three")]
    assert names(front, behind) == (["b1"], ["a"], ["2"])


def test_invocations_of_two_runs_say_nothing() -> None:
    """Before and after an upgrade: by what was asked for."""
    front = [exchange("a", "k", call="one"), exchange("b", "l", call="two")]
    behind = [exchange("1", "l", call="three"), exchange("2", "k", call="four")]
    assert names(front, behind) == (["a2", "b1"], [], [])


def test_what_is_no_s3_operation_goes_by_method_and_path() -> None:
    """Whatever the query is."""
    front = [exchange("a", "k?x=1", operation="")]
    assert names(front, [exchange("1", "k?x=2", operation="")]) == (["a1"], [], [])
    assert names(front, [exchange("1", "l", operation="")]) == ([], ["a"], ["1"])
