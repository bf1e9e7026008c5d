// AWS SDK for JavaScript 3.

import { createReadStream } from "node:fs";
import https from "node:https";
import { Readable } from "node:stream";
import * as s3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { ca, env, fetched, large, listed, odd, part, refused, run, same, small, tls } from "./case.mjs";

const Bucket = env.S3_BUCKET;
const client = new s3.S3Client({
  endpoint: env.S3_ENDPOINT,
  region: env.S3_REGION,
  credentials: { accessKeyId: env.S3_KEY, secretAccessKey: env.S3_SECRET },
  forcePathStyle: true,
  maxAttempts: 1,
  ...(tls ? { requestHandler: new NodeHttpHandler({ httpsAgent: new https.Agent({ ca, keepAlive: true }) }) } : {}),
});

const send = (Command, input) => client.send(new Command({ Bucket, ...input }));

async function get(Key, more = {}) {
  const answer = await send(s3.GetObjectCommand, { Key, ...more });
  return Buffer.from(await answer.Body.transformToByteArray());
}

async function put(Key, Body, data, more = {}) {
  await send(s3.PutObjectCommand, { Key, Body, ...more });
  same(await get(Key), data);
}

async function upload(Key, Body) {
  await new Upload({ client, params: { Bucket, Key, Body }, partSize: part, queueSize: 2 }).done();
  same(await get(Key), large);
}

await run({
  "put-empty": () => put("empty", "", Buffer.alloc(0)),
  "put-small": () => put("small", small, small),
  "put-bytes": () => put("bytes", large, large),
  "put-file": () => put("file", createReadStream(env.S3_FILE), large, { ContentLength: large.length }),
  "put-stream": () => upload("stream", Readable.from([large.subarray(0, 100_000), large.subarray(100_000)])),
  multipart: () => upload("multipart", large),
  get: async () => same(await get("bytes"), large),
  ranges: async () => same(await get("bytes", { Range: "bytes=70000-139999" }), large.subarray(70000, 140000)),
  list: async () => {
    const keys = [];
    for await (const page of s3.paginateListObjectsV2({ client }, { Bucket: env.S3_LISTING })) {
      keys.push(...page.Contents.map((one) => one.Key));
    }
    listed(keys);
  },
  copy: async () => {
    await put(odd, small, small);
    const CopySource = `${Bucket}/${odd.split("/").map(encodeURIComponent).join("/")}`;
    await send(s3.CopyObjectCommand, { Key: "copy", CopySource });
    same(await get("copy"), small);
  },
  "delete-many": async () => {
    const keys = Array.from({ length: 10 }, (_, number) => `many/${number} é+`);
    for (const key of keys) await put(key, small, small);
    const done = await send(s3.DeleteObjectsCommand, { Delete: { Objects: keys.map((Key) => ({ Key })) } });
    if (done.Deleted.length !== 10) throw new Error(JSON.stringify(done));
  },
  "presign-get": async () =>
    same(await fetched(await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: odd }))), small),
  "presign-put": async () => {
    const url = await getSignedUrl(client, new s3.PutObjectCommand({ Bucket, Key: "signed" }));
    await fetched(url, "PUT", small);
    same(await get("signed"), small);
  },
  "if-none-match": async () => {
    const once = () => put("once", small, small, { IfNoneMatch: "*" });
    await once();
    await refused(once, "PreconditionFailed");
  },
  checksums: async () => {
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
      await put(ChecksumAlgorithm, small, small, { ChecksumAlgorithm });
    }
  },
  metadata: async () => {
    await put("metadata", small, small, { Metadata: { a: "b c" }, ContentType: "text/plain" });
    const head = await send(s3.HeadObjectCommand, { Key: "metadata" });
    if (head.Metadata.a !== "b c") throw new Error(JSON.stringify(head.Metadata));
  },
});
