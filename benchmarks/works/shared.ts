import { s3Credentials, startS3 } from "../../tests/support/s3.ts";
import { startPostgres } from "../../tests/support/postgres.ts";
import { pushLarge } from "../clients/large.ts";
import { runPushes } from "../clients/push.ts";
import { runWrk } from "../clients/wrk.ts";
import type { Beside, Case, Work } from "../work.ts";
import { seedImage } from "./seed.ts";

/** PostgreSQL and versitygw on the same two cores, with their own defaults. */
async function startBackEnds(): Promise<Beside | undefined> {
  const postgres = await startPostgres({ durable: true });
  if (postgres === undefined) return undefined;
  const s3 = await startS3("versitygw");
  if (s3 === undefined) {
    await postgres.stop();
    return undefined;
  }
  await s3.makeBucket("bench");
  return {
    env: {
      BERTH_DATABASE: postgres.url,
      BERTH_STORAGE: `s3://bench/berth?endpoint=${encodeURIComponent(s3.endpoint)}&region=us-east-1&pathStyle=true`,
      AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
    },
    async stop() {
      await s3.close();
      await postgres.stop();
    },
  };
}

function on(name: string, measure: Case["measure"]): Case {
  return { name, registry: "berth", beside: startBackEnds, rounds: 3, measure };
}

const repositories = Array.from({ length: 8 }, (_none, index) => `team/app${index}`);

/** The same loads where rows and bytes are shared with other nodes. Measured and reported, without targets. */
export const sharedStores: Work = {
  name: "postgres-s3",
  title: "Berth on PostgreSQL and S3",
  unit: "a second",
  notes: [
    "PostgreSQL 15 and versitygw 1.8.0 share the cores with Berth and the client; CPU is Berth's alone",
    "requests for the GETs, images of 1 KiB for the push by 8 clients into 8 repositories, MB for the blob of 256 MiB",
  ],
  cases: [
    on("manifest GET by tag, 16 connections", async (server, lab) => {
      await seedImage(server, "team/app", "v1");
      return runWrk(server, { path: "/v2/team/app/manifests/v1", connections: 16, seconds: lab.seconds });
    }),
    on("blob GET 1 KiB, 16 connections", async (server, lab) => {
      const { layer } = await seedImage(server, "team/app", "v1");
      const path = `/v2/team/app/blobs/${layer.digest}`;
      return runWrk(server, { path, connections: 16, seconds: lab.seconds });
    }),
    on("push images", (server, lab) =>
      runPushes(server, {
        kind: "images",
        clients: 8,
        repositories,
        layerBytes: 1024,
        count: 1000 * lab.seconds,
        seconds: lab.seconds,
        prefix: "v",
      }),
    ),
    on(
      "push one blob of 256 MiB",
      async (server) => (await pushLarge(server, { repository: "team/app", size: 256 * 1024 * 1024 })).metrics,
    ),
  ],
  targets: [],
};
