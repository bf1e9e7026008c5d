"""aiobotocore: botocore's requests over aiohttp."""

import asyncio
import io

import case
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from case import BUCKET, FILE, LARGE, LISTING, ODD, PART, SMALL


def client():
    return get_session().create_client(
        "s3", endpoint_url=case.ENDPOINT, region_name=case.REGION, aws_access_key_id=case.KEY,
        aws_secret_access_key=case.SECRET, verify=case.CA or None,
        config=AioConfig(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )  # fmt: skip


def done(coroutine_of):
    async def call():
        async with client() as s3:
            await coroutine_of(s3)

    return lambda: asyncio.run(call())


async def get(s3, key, **more):
    answer = await s3.get_object(Bucket=BUCKET, Key=key, **more)
    async with answer["Body"] as body:
        return await body.read()


def round_trip(key, body, data):
    async def call(s3):
        await s3.put_object(Bucket=BUCKET, Key=key, Body=body())
        case.same(await get(s3, key), data)

    return done(call)


async def multipart(s3):
    upload = (await s3.create_multipart_upload(Bucket=BUCKET, Key="multipart"))["UploadId"]
    parts = []
    for number in range(1, 5):
        piece = LARGE[(number - 1) * PART : number * PART]
        answer = await s3.upload_part(Bucket=BUCKET, Key="multipart", UploadId=upload, PartNumber=number, Body=piece)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    await s3.complete_multipart_upload(
        Bucket=BUCKET, Key="multipart", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    case.same(await get(s3, "multipart"), LARGE)


async def ranges(s3):
    case.same(await get(s3, "bytes", Range="bytes=70000-139999"), LARGE[70000:140000])
    case.same(await get(s3, "bytes", Range="bytes=-5"), LARGE[-5:])


async def listing(s3):
    keys = []
    async for page in s3.get_paginator("list_objects_v2").paginate(Bucket=LISTING):
        keys += [one["Key"] for one in page["Contents"]]
    case.listed(keys)


async def copy(s3):
    await s3.put_object(Bucket=BUCKET, Key=ODD, Body=SMALL)
    await s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": ODD})
    case.same(await get(s3, "copy"), SMALL)


async def delete_many(s3):
    keys = [f"many/{number} é+" for number in range(10)]
    for key in keys:
        await s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    answer = await s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(answer["Deleted"]) == 10


async def presign_get(s3):
    url = await s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": ODD})
    case.same(case.fetch(url), SMALL)


async def presign_put(s3):
    case.fetch(await s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "signed"}), "PUT", SMALL)
    case.same(await get(s3, "signed"), SMALL)


async def conditional(s3):
    await s3.put_object(Bucket=BUCKET, Key="once", Body=b"1", IfNoneMatch="*")
    try:
        await s3.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfNoneMatch="*")
    except s3.exceptions.ClientError as error:
        if "PreconditionFailed" in str(error):
            return
        raise
    raise AssertionError("was not refused")


async def checksums(s3):
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        await s3.put_object(Bucket=BUCKET, Key=algorithm, Body=SMALL, ChecksumAlgorithm=algorithm)
        case.same(await get(s3, algorithm, ChecksumMode="ENABLED"), SMALL)


async def metadata(s3):
    await s3.put_object(Bucket=BUCKET, Key="metadata", Body=SMALL, Metadata={"a": "b c"}, ContentType="text/plain")
    head = await s3.head_object(Bucket=BUCKET, Key="metadata")
    assert (head["Metadata"], head["ContentType"]) == ({"a": "b c"}, "text/plain")


async def got(s3):
    case.same(await get(s3, "bytes"), LARGE)


case.run(
    {
        "put-empty": round_trip("empty", lambda: b"", b""),
        "put-small": round_trip("small", lambda: SMALL, SMALL),
        "put-bytes": round_trip("bytes", lambda: LARGE, LARGE),
        "put-file": round_trip("file", lambda: FILE.open("rb"), LARGE),
        "put-stream": round_trip("stream", lambda: io.BytesIO(LARGE), LARGE),
        "multipart": done(multipart),
        "get": done(got),
        "ranges": done(ranges),
        "list": done(listing),
        "copy": done(copy),
        "delete-many": done(delete_many),
        "presign-get": done(presign_get),
        "presign-put": done(presign_put),
        "if-none-match": done(conditional),
        "checksums": done(checksums),
        "metadata": done(metadata),
    }
)
