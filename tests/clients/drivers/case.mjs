// What drivers in JavaScript share; see case.py.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

export const env = process.env;
export const large = readFileSync(env.S3_FILE);
export const small = large.subarray(0, 1024);
export const part = 5 << 20;
export const odd = "dir x+y=1/é ~*'().txt";
export const tls = Boolean(env.S3_CA);
export const ca = tls ? readFileSync(env.S3_CA) : undefined;

export function same(found, expected) {
  if (!Buffer.from(found).equals(Buffer.from(expected))) {
    throw new Error(`read ${found.length} bytes, not the ${expected.length} written`);
  }
}

export function listed(keys) {
  const digest = createHash("sha256").update(keys.join("\n")).digest("hex");
  if (digest !== env.S3_LISTED) throw new Error(`${keys.length} other keys`);
}

export async function refused(call, word) {
  try {
    await call();
  } catch (error) {
    if (`${error.name} ${error.code} ${error.message}`.includes(word)) return;
    throw error;
  }
  throw new Error("was not refused");
}

export function fetched(url, method = "GET", body = undefined) {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-length": body.length } : {};
    const request = (tls ? https : http).request(url, { method, ca, headers }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const data = Buffer.concat(pieces);
        if (answer.statusCode === 200) resolve(data);
        else reject(new Error(`${answer.statusCode} ${data}`));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

export async function run(cases) {
  const wanted = env.S3_CASES ? env.S3_CASES.split(",") : Object.keys(cases);
  for (const [name, body] of Object.entries(cases).filter(([name]) => wanted.includes(name))) {
    const told = { case: name };
    try {
      await body();
    } catch (error) {
      told.error = `${error.name}: ${error.message}`;
      console.error(error);
    }
    console.log(JSON.stringify(told));
  }
  process.exit(0);
}
