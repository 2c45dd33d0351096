import { runWrk } from "../clients/wrk.ts";
import type { RegistryName } from "../registries.ts";
import { addRepositories } from "../rows.ts";
import type { Case, Work } from "../work.ts";
import { middleTag, prepareTags, seedImage } from "./seed.ts";

function page(registry: RegistryName, count: number): Case {
  return {
    name: `${registry}, ${count.toLocaleString("en")} tags`,
    registry,
    ...(registry === "berth" ? {} : { rounds: 2 }),
    prepare: prepareTags(registry, count, false),
    measure: async (server, lab) => {
      const path = `/v2/big/app/tags/list?n=100&last=${middleTag(registry, count)}`;
      await runWrk(server, { path, connections: 8, seconds: 1 });
      return runWrk(server, { path, connections: 8, seconds: lab.seconds });
    },
  };
}

/** A page from anywhere, so that hardly one is asked for twice. */
const anywhere = `return string.format("/v2/big/app/tags/list?n=100&last=t%07d", math.random(0, 199899))`;

export const tagsPage: Work = {
  name: "tags-page",
  title: "tags page of 100 from the middle, 8 connections",
  unit: "requests/s",
  notes: [
    "tags are rows for Berth, an edited index for olareg, pushed for the others; docker-registry ignores `n`",
    "the same page each time, which Berth has in memory from the third request on; any page: one picked at random for each request, read from rows",
  ],
  cases: [
    page("berth", 10_000),
    page("berth", 200_000),
    {
      name: "berth, 200,000 tags, any page",
      registry: "berth",
      prepare: prepareTags("berth", 200_000, false),
      measure: async (server, lab) => {
        await runWrk(server, { path: "/", luaPath: anywhere, connections: 8, seconds: 1 });
        return runWrk(server, { path: "/", luaPath: anywhere, connections: 8, seconds: lab.seconds });
      },
    },
    page("docker-registry", 10_000),
    page("distribution", 10_000),
    page("olareg", 10_000),
  ],
  targets: [10_000, 200_000].map((count) => ({
    text: `among ${count.toLocaleString("en")} (requests/s)`,
    value: (r) => r.median(`berth, ${count.toLocaleString("en")} tags`, "rate"),
    atLeast: 12_000,
  })),
};

const repositories = 20_000;

export const catalogPage: Work = {
  name: "catalog-page",
  title: "_catalog, last page at 20,000 repositories, 8 connections",
  unit: "requests/s",
  notes: ["repositories are rows; the page is the last 100; a second of the same load goes before"],
  cases: [
    {
      name: "berth",
      registry: "berth",
      prepare: async (lab) => {
        const server = await lab.start();
        await seedImage(server, "a/first", "v1");
        await server.stop();
        addRepositories(lab.folder, repositories);
      },
      measure: async (server, lab) => {
        const path = `/v2/_catalog?n=100&last=r/${String(repositories - 101).padStart(7, "0")}`;
        await runWrk(server, { path, connections: 8, seconds: 1 });
        return runWrk(server, { path, connections: 8, seconds: lab.seconds });
      },
    },
  ],
  targets: [{ text: "p99 (ms)", value: (r) => r.median("berth", "p99"), atMost: 5 }],
};
