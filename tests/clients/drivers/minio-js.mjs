// minio-js.

import https from "node:https";
import { Readable } from "node:stream";
import * as minio from "minio";
import { ca, env, fetched, large, listed, odd, part, run, same, small, tls } from "./case.mjs";

const bucket = env.S3_BUCKET;
const { hostname, port } = new URL(env.S3_ENDPOINT);
const client = new minio.Client({ ...clientOptions(), partSize: 64 << 20 });
const parts = new minio.Client({ ...clientOptions(), partSize: part });

function clientOptions() {
  return {
    endPoint: hostname,
    port: Number(port),
    useSSL: tls,
    accessKey: env.S3_KEY,
    secretKey: env.S3_SECRET,
    region: env.S3_REGION,
    ...(tls ? { transportAgent: new https.Agent({ ca }) } : {}),
  };
}

async function collect(stream) {
  const pieces = [];
  for await (const piece of await stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

const get = (key) => collect(client.getObject(bucket, key));

async function put(key, data, length = data.length, meta = {}, by = client) {
  await by.putObject(bucket, key, data, length, meta);
  same(await get(key), Buffer.isBuffer(data) ? data : large);
}

await run({
  "put-empty": () => put("empty", Buffer.alloc(0)),
  "put-small": () => put("small", small),
  "put-bytes": () => put("bytes", large),
  "put-file": async () => {
    await client.fPutObject(bucket, "file", env.S3_FILE, {});
    same(await get("file"), large);
  },
  "put-stream": () => put("stream", Readable.from([large.subarray(0, 100_000), large.subarray(100_000)]), undefined, {}, parts),
  multipart: () => put("multipart", large, large.length, {}, parts),
  get: async () => same(await get("bytes"), large),
  ranges: async () => same(await collect(client.getPartialObject(bucket, "bytes", 70000, 70000)), large.subarray(70000, 140000)),
  list: async () => {
    const keys = [];
    for await (const one of client.listObjectsV2(env.S3_LISTING, "", true)) keys.push(one.name);
    listed(keys);
  },
  copy: async () => {
    await put(odd, small);
    await client.copyObject(bucket, "copy", `/${bucket}/${odd}`); // it escapes this itself
    same(await get("copy"), small);
  },
  "delete-many": async () => {
    const keys = Array.from({ length: 10 }, (_, number) => `many/${number} é+`);
    for (const key of keys) await put(key, small);
    await client.removeObjects(bucket, keys);
    for await (const one of client.listObjectsV2(bucket, "many/", true)) throw new Error(`${one.name} is there`);
  },
  "presign-get": async () => same(await fetched(await client.presignedGetObject(bucket, odd, 600)), small),
  "presign-put": async () => {
    await fetched(await client.presignedPutObject(bucket, "signed", 600), "PUT", small);
    same(await get("signed"), small);
  },
  metadata: async () => {
    await put("metadata", small, small.length, { "X-Amz-Meta-A": "b c", "Content-Type": "text/plain" });
    const found = await client.statObject(bucket, "metadata");
    if (found.metaData.a !== "b c") throw new Error(JSON.stringify(found.metaData));
  },
});
