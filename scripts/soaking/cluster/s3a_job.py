"""What Hadoop's S3A does for a while, run by spark-submit: files written, read, renamed, listed and deleted.

    s3a_job.py BASE SECONDS

Its last line is JSON: how much was done, what S3A's own retries did not hide, and the files that must be there.
"""

import hashlib
import json
import os
import sys
import time

from pyspark.sql import SparkSession  # type: ignore[import-not-found]

_PAUSE = 0.2
_SIZES = (0, 50_000, 400_000)
_LARGE = 12_000_000  # in parts


def main(base: str, seconds: float) -> None:
    """Work below `base`, each file with bytes of its own."""
    spark = SparkSession.builder.getOrCreate()
    jvm, conf = spark._jvm, spark._jsc.hadoopConfiguration()  # noqa: SLF001 - Hadoop's FileSystem has no other door
    path, read = jvm.org.apache.hadoop.fs.Path, jvm.org.apache.commons.io.IOUtils.toByteArray
    files = path(base).getFileSystem(conf)
    there: dict[str, str] = {}
    done, failures = 0, []
    ends = time.monotonic() + seconds

    def write(name: str, size: int) -> None:
        data = os.urandom(size)
        there.pop(name, None)
        out = files.create(path(f"{base}/{name}"), True)  # noqa: FBT003 - Hadoop's overwrite
        try:
            out.write(bytearray(data))
        finally:
            out.close()
        there[name] = hashlib.sha256(data).hexdigest()

    def check(name: str) -> None:
        stream = files.open(path(f"{base}/{name}"))
        try:
            got = bytes(read(stream))
        finally:
            stream.close()
        if hashlib.sha256(got).hexdigest() != there[name]:
            failures.append(f"{name}: other bytes")

    def step(number: int) -> None:
        name = f"f{number % 12}"
        write(name, _LARGE if number % 15 == 0 else _SIZES[number % len(_SIZES)])
        check(name)
        if number % 4 == 0:
            digest = there.pop(name)
            files.delete(path(f"{base}/{name}-moved"), False)  # noqa: FBT003 - not recursive
            there.pop(f"{name}-moved", None)
            if not files.rename(path(f"{base}/{name}"), path(f"{base}/{name}-moved")):
                failures.append(f"{name}: not renamed")
            there[f"{name}-moved"] = digest
            check(f"{name}-moved")
        if number % 5 == 0:
            listed = {one.getPath().getName() for one in files.listStatus(path(base))}
            failures.extend(f"{name}: not listed" for name in there if name not in listed)

    while time.monotonic() < ends:
        done += 1
        try:
            step(done)
        except Exception as error:  # noqa: BLE001 - whatever the JVM throws is what its user would have seen
            failures.append(str(error).partition("\n\tat ")[0][-300:])
        time.sleep(_PAUSE)
    print(json.dumps({"done": done, "failures": failures, "there": there}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
