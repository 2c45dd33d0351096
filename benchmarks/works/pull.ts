import { runDrain } from "../clients/drain.ts";
import { pushLarge } from "../clients/large.ts";
import { runPushes } from "../clients/push.ts";
import { runWrk } from "../clients/wrk.ts";
import type { RegistryName, Server } from "../registries.ts";
import type { Case, Lab, Metrics, Work } from "../work.ts";
import { middleTag, prepareTags, seedImage, seedSmallStore } from "./seed.ts";

const all: readonly RegistryName[] = ["berth", "olareg", "distribution", "docker-registry"];
/** Peers that no target compares with run less often. */
const fewer = (registry: RegistryName) => (registry === "berth" || registry === "olareg" ? {} : { rounds: 2 });

async function getSmall(server: Server, lab: Lab): Promise<Metrics> {
  await seedSmallStore(server);
  await warm(server, "/v2/team/app/manifests/v1");
  return runWrk(server, { path: "/v2/team/app/manifests/v1", connections: 16, seconds: lab.seconds });
}

/** The same load first, so that compilers and caches have settled: what reads rows runs more code and takes longer to. */
async function warm(server: Server, path: string, luaPath?: string): Promise<void> {
  const seconds = luaPath === undefined ? 1 : 5;
  await runWrk(server, { path, connections: 16, seconds, ...(luaPath === undefined ? {} : { luaPath }) });
}

const small: readonly Case[] = all.map((registry) => ({
  name: registry,
  registry,
  ...fewer(registry),
  measure: getSmall,
}));

const among10k: readonly Case[] = all.map((registry) => ({
  name: `${registry}, 10,000 tags`,
  registry,
  ...(registry === "berth" ? {} : { rounds: 1 }),
  prepare: prepareTags(registry, 10_000, true),
  measure: async (server, lab) => {
    const path = `/v2/big/app/manifests/${middleTag(registry, 10_000)}`;
    await warm(server, path);
    return runWrk(server, { path, connections: 16, seconds: lab.seconds });
  },
}));

const uniformly = `return string.format("/v2/big/app/manifests/t%07d", math.random(0, 199999))`;

export const manifestGet: Work = {
  name: "manifest-get",
  title: "manifest GET by tag, 16 connections",
  unit: "requests/s",
  notes: [
    "Berth writes its access log and keeps its metrics, as it does out of the box; the access logs of the peers are off",
    "small store: 10 repositories, 10 tags each, pushed; one tag is asked for",
    "10,000 tags: rows for Berth (a manifest for each tag), pushed for distribution and docker-registry, an edited index for olareg",
    "200,000 tags: rows, a manifest for each tag, one of them picked at random for each request; five seconds of the same load go before",
  ],
  cases: [
    ...small,
    ...among10k,
    {
      name: "berth, 200,000 tags uniformly",
      registry: "berth",
      prepare: prepareTags("berth", 200_000, true),
      measure: async (server, lab) => {
        await warm(server, "/", uniformly);
        return runWrk(server, { path: "/", luaPath: uniformly, connections: 16, seconds: lab.seconds });
      },
    },
  ],
  targets: [
    { text: "rate ÷ olareg", value: (r) => r.ratio("berth", "olareg", "rate"), atLeast: 1.1 },
    { text: "CPU a request (µs)", value: (r) => r.median("berth", "cpu"), atMost: 25 },
    { text: "p99 (ms)", value: (r) => r.median("berth", "p99"), atMost: 3 },
    { text: "10,000 tags ÷ small store", value: (r) => r.ratio("berth, 10,000 tags", "berth", "rate"), atLeast: 0.9 },
    {
      text: "200,000 tags uniformly (requests/s)",
      value: (r) => r.median("berth, 200,000 tags uniformly", "rate"),
      atLeast: 20_000,
    },
  ],
};

export const blobGet: Work = {
  name: "blob-get",
  title: "blob GET 1 KiB, 16 connections",
  unit: "requests/s",
  notes: ["the layer of a pushed image"],
  cases: all.map((registry) => ({
    name: registry,
    registry,
    ...fewer(registry),
    measure: async (server: Server, lab: Lab) => {
      const { layer } = await seedImage(server, "team/app", "v1");
      const path = `/v2/team/app/blobs/${layer.digest}`;
      await warm(server, path);
      return runWrk(server, { path, connections: 16, seconds: lab.seconds });
    },
  })),
  targets: [{ text: "rate ÷ olareg", value: (r) => r.ratio("berth", "olareg", "rate"), atLeast: 0.9 }],
};

const largeSize = 200 * 1024 * 1024;

function download(connections: number, rounds: number): readonly Case[] {
  return all.map((registry) => ({
    name: `${registry}, ${connections} at once`,
    registry,
    measure: async (server: Server, lab: Lab) => {
      const { digest } = await pushLarge(server, { repository: "team/app", size: largeSize });
      const order = { path: `/v2/team/app/blobs/${digest}`, connections, size: largeSize };
      await runDrain(server, { ...order, rounds: 2 });
      return runDrain(server, { ...order, rounds: lab.quick ? 4 : rounds });
    },
  }));
}

const bestOf = (connections: number) =>
  all.filter((registry) => registry !== "berth").map((registry) => `${registry}, ${connections} at once`);

export const blobGetLarge: Work = {
  name: "blob-get-large",
  title: "blob GET 200 MB",
  unit: "MB/s",
  notes: ["read from the page cache by a client that reads into one buffer of 1 MiB and looks at nothing"],
  cases: [...download(1, 12), ...download(4, 5)],
  targets: [1, 4].map((connections) => ({
    text: `${connections} at once ÷ the best`,
    value: (r) => {
      const [own, best] = [r.median(`berth, ${connections} at once`, "rate"), r.best(bestOf(connections), "rate")];
      return own === undefined || best === undefined ? undefined : own / best;
    },
    atLeast: connections === 1 ? 1 : 0.8,
  })),
};

function getWhilePushing(name: string, slowSync: boolean): Case {
  return {
    name,
    registry: "berth",
    slowSync,
    measure: async (server, lab) => {
      await seedSmallStore(server);
      const path = "/v2/team/app/manifests/v1";
      await warm(server, path);
      const seconds = lab.seconds + 1;
      const repositories = Array.from({ length: 8 }, (_none, index) => `push/app${index}`);
      const pushes = runPushes(server, {
        kind: "images",
        clients: 8,
        repositories,
        layerBytes: 1024,
        count: 3000 * seconds,
        seconds: seconds + 2,
        prefix: "v",
      });
      const gets = runWrk(server, { path, connections: 16, seconds });
      const [{ rate, p50, p99, max }, pushed] = await Promise.all([gets, pushes]);
      return { rate: rate!, p50: p50!, p99: p99!, max: max!, pushes: pushed["rate"]! };
    },
  };
}

export const getWhilePush: Work = {
  name: "get-while-push",
  title: "manifest GET, 16 connections, while 8 clients push",
  unit: "requests/s",
  notes: ["pushes: images with a layer of 1 KiB, as fast as they are answered"],
  cases: [getWhilePushing("berth", false), getWhilePushing("berth, 2 ms more a sync", true)],
  targets: [
    { text: "p99 (ms)", value: (r) => r.median("berth", "p99"), atMost: 6 },
    { text: "p99 with slow syncs (ms)", value: (r) => r.median("berth, 2 ms more a sync", "p99"), atMost: 6 },
  ],
};
