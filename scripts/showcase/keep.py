"""`scripts/demo --keep`: the gateway stays, with what to paste, and its log as it comes."""

import time
from typing import Final

from lab.backends import REGION
from showcase.ending import Ending
from showcase.screen import Screen
from showcase.stage import ACCESS_KEY, BUCKET, KMS_PREFIX, Stage, without_recorder

_BOTO3: Final = """\
import boto3
from botocore.config import Config

s3 = boto3.client(
    "s3",
    endpoint_url="{url}",
    region_name="{region}",
    aws_access_key_id="{access_key}",
    aws_secret_access_key="{secret_key}",
    config=Config(s3={{"addressing_style": "path"}}),
)
s3.put_object(Bucket="{bucket}", Key="{prefix}hello.txt", Body=b"hello")
print(s3.get_object(Bucket="{bucket}", Key="{prefix}hello.txt")["ServerSideEncryption"])
"""
_SPARK: Final = """\
cat > demo_job.py <<'END'
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(100_000).write.mode("overwrite").parquet("s3a://{bucket}/{prefix}numbers")
print(spark.read.parquet("s3a://{bucket}/{prefix}numbers").count(), "rows read back")
END
spark-submit --master 'local[2]' --packages org.apache.hadoop:hadoop-aws:3.3.4 \\
  --conf spark.hadoop.fs.s3a.endpoint={url} \\
  --conf spark.hadoop.fs.s3a.endpoint.region={region} \\
  --conf spark.hadoop.fs.s3a.access.key={access_key} \\
  --conf spark.hadoop.fs.s3a.secret.key={secret_key} \\
  --conf spark.hadoop.fs.s3a.path.style.access=true \\
  --conf spark.hadoop.fs.s3a.connection.ssl.enabled=false \\
  demo_job.py
"""


def keep(stage: Stage, screen: Screen, ending: Ending) -> None:
    """Restart the gateway without recorders, print the snippets, and its log for ever: Ctrl-C raises `Stopped`."""
    with without_recorder(stage, ending) as gateway:
        values = {
            "url": gateway.url,
            "region": REGION,
            "access_key": ACCESS_KEY,
            "secret_key": stage.secret_key,
            "bucket": BUCKET,
            "prefix": KMS_PREFIX,
        }
        screen.title("boto3 (this checkout's .venv/bin/python has it):")
        screen.line(_BOTO3.format(**values))
        screen.title("Spark 3.5:")
        screen.line(_SPARK.format(**values))
        screen.note(f"TLS is on the same port: {gateway.tls_url}, to be trusted by {stage.certs.ca}")
        screen.note(f"keys under {KMS_PREFIX} get SSE-KMS, all others SSE-S3; the policy is in {gateway.config_path}")
        screen.title("The gateway's log (Ctrl-C ends it all):")
        shown = 0
        while True:
            text = gateway.log()
            whole = text.rfind("\n") + 1
            if whole > shown:
                screen.line(text[shown : whole - 1])
                shown = whole
            time.sleep(0.2)
