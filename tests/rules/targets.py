"""Read an operation, or hear why not."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.rules.operations import Operation, check_target, read_operation
from s3gateway.sigv4.model import RequestHead


def operation(
    method: str, target: str, *headers: tuple[bytes, bytes], host: bytes = b"gateway", domains: tuple[str, ...] = ()
) -> Operation:
    head = RequestHead(method.encode(), target.encode(), ((b"Host", host), *headers))
    check_target(head)
    return read_operation(head, domains)


def refused(method: str, target: str, *headers: tuple[bytes, bytes]) -> tuple[int, str]:
    with pytest.raises(S3Error) as raised:
        operation(method, target, *headers)
    return raised.value.status, raised.value.code
