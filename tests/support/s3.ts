import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { findFreePort, isListening } from "./free-port.ts";
import { findPeer } from "./peers.ts";

/** Keys that the servers below take. */
export const s3Credentials = { accessKeyId: "test", secretAccessKey: "testsecret" } as const;

interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Server {
  readonly name: "versitygw" | "minio";
  /** `http://127.0.0.1:40123` */
  readonly endpoint: string;
  readonly port: number;
  /** Directory of the buckets. */
  readonly folder: string;
  /** Makes an empty bucket. */
  makeBucket(name: string): Promise<void>;
  /** Multipart uploads of a bucket that were begun and not ended. */
  countUnfinished(bucket: string): Promise<number>;
  /** Ends the process and starts it again at the same port, over the same objects. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops and removes everything. */
  close(): Promise<void>;
}

/** An S3 server of its own on loopback; undefined where it is not installed, which under CI is an error. */
export async function startS3(
  name: S3Server["name"],
  credentials: S3Keys = s3Credentials,
): Promise<S3Server | undefined> {
  const program = findPeer(name);
  if (program === undefined) return undefined;
  const root = await mkdtemp(join(tmpdir(), `berth-${name}-`));
  const folder = join(root, "buckets");
  await mkdir(folder);
  const port = await findFreePort();
  const address = `127.0.0.1:${port}`;
  const { accessKeyId, secretAccessKey } = credentials;
  const starts = {
    versitygw: {
      args: ["--port", address, "--region", "us-east-1", "--keep-alive", "--quiet", "posix", folder],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    },
    minio: {
      args: ["server", "--quiet", "--address", address, "--console-address", "127.0.0.1:0", folder],
      env: { MINIO_ROOT_USER: accessKeyId, MINIO_ROOT_PASSWORD: secretAccessKey, MINIO_BROWSER: "off" },
    },
  };
  let end: () => Promise<void> = () => Promise.resolve();
  const start = async () => {
    const { args, env } = starts[name];
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "exit");
    end = async () => {
      child.kill("SIGKILL");
      await ended;
    };
    for (let attempt = 0; !(await isListening(port)); attempt++) {
      if (attempt > 1_200 || child.exitCode !== null) throw new Error(`${name} does not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await start();
  return {
    name,
    endpoint: `http://${address}`,
    port,
    folder,
    async makeBucket(bucket) {
      const client = connectS3(`http://${address}`, credentials);
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      client.destroy();
    },
    async countUnfinished(bucket) {
      const client = connectS3(`http://${address}`, credentials);
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      client.destroy();
      return Uploads.length;
    },
    start,
    stop: () => end(),
    async close() {
      await end();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function connectS3(endpoint: string, keys: S3Keys): S3Client {
  const credentials = { ...keys };
  return new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials, maxAttempts: 20 });
}

/** Settings of a server whose bytes are in a bucket of the S3 server, made for it. */
export async function s3Settings(server: S3Server, bucket = "berth", endpoint = server.endpoint) {
  await server.makeBucket(bucket);
  return {
    storage: `s3://${bucket}/registry?endpoint=${encodeURIComponent(endpoint)}&region=us-east-1`,
    storageCredentials: s3Credentials,
  };
}
