import { setTimeout as sleep } from "node:timers/promises";
import { runCrowd } from "../clients/crowd.ts";
import { openRaw } from "../clients/raw-connection.ts";
import type { RegistryName } from "../registries.ts";
import { addTags } from "../rows.ts";
import type { Case, Work } from "../work.ts";
import { seedImage } from "./seed.ts";

const starts = (registry: RegistryName): Case => ({
  name: `${registry}, empty`,
  registry,
  ...(registry === "berth" ? {} : { rounds: 3 }),
  measure: (server) => Promise.resolve({ ms: server.startMs }),
});

export const startUp: Work = {
  name: "start",
  title: "start to first answer",
  unit: "ms",
  notes: [
    "from the start of the process to the first answer to GET /v2/; a million tags are rows over 10 repositories",
  ],
  cases: [
    starts("berth"),
    {
      name: "berth, 1,000,000 tags",
      registry: "berth",
      prepare: async (lab) => {
        const server = await lab.start();
        const names = Array.from({ length: 10 }, (_none, index) => `big/app${index}`);
        for (const name of names) await seedImage(server, name, "base");
        await server.stop();
        for (const name of names) addTags(lab.folder, name, lab.quick ? 10_000 : 100_000);
      },
      measure: (server) => Promise.resolve({ ms: server.startMs }),
    },
    starts("docker-registry"),
    starts("distribution"),
    starts("olareg"),
  ],
  targets: [
    { text: "empty (ms)", value: (r) => r.median("berth, empty", "ms"), atMost: 300 },
    {
      text: "1,000,000 tags ÷ empty",
      value: (r) => r.ratio("berth, 1,000,000 tags", "berth, empty", "ms"),
      atMost: 1.15,
    },
  ],
};

const idle = (registry: RegistryName): Case => ({
  name: `${registry}, idle`,
  registry,
  rounds: 3,
  measure: async (server) => {
    const connection = await openRaw(server.port);
    await connection.send(Buffer.from("GET /v2/ HTTP/1.1\r\nHost: bench\r\n\r\n"));
    connection.close();
    await sleep(2000);
    return { MiB: server.memory("VmRSS") };
  },
});

export const memory: Work = {
  name: "memory",
  title: "resident memory",
  unit: "MiB",
  notes: [
    "idle: two seconds after the start and one request",
    "uploads: the highest resident size while 200 uploads, each of which says it has 1 GiB, send 64 MiB and break off",
  ],
  cases: [
    idle("berth"),
    idle("docker-registry"),
    idle("distribution"),
    idle("olareg"),
    {
      name: "berth, 200 uploads",
      registry: "berth",
      rounds: 2,
      measure: async (server, lab) => {
        const sent = (lab.quick ? 8 : 64) * 1024 * 1024;
        const rate = await runCrowd(server, { uploads: 200, declared: 1024 ** 3, sent });
        const MiB = server.memory("VmHWM");
        // The files of broken-off uploads are removed as the connections end; the folder goes after that.
        await sleep(1000);
        return { MiB, "MB/s": rate };
      },
    },
  ],
  targets: [
    { text: "idle (MiB)", value: (r) => r.median("berth, idle", "MiB"), atMost: 110 },
    { text: "200 uploads (MiB)", value: (r) => r.median("berth, 200 uploads", "MiB"), atMost: 400 },
  ],
};
