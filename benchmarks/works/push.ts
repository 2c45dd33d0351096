import { pushLarge } from "../clients/large.ts";
import { runPushes } from "../clients/push.ts";
import type { RegistryName, Server } from "../registries.ts";
import type { Case, Lab, Metrics, Work } from "../work.ts";
import { besideGuarded, makePublicTeam } from "./guarded.ts";
import { prepareTags } from "./seed.ts";

const repositories = Array.from({ length: 8 }, (_none, index) => `team/app${index}`);
/** Images a second that are made beforehand; more than any registry here takes. */
const plenty = 3500;

async function pushImages(
  server: Server,
  lab: Lab,
  clients: number,
  into: readonly string[],
  authorization?: string,
): Promise<Metrics> {
  const load = { kind: "images", clients, repositories: into, layerBytes: 1024, authorization } as const;
  // One second leaves half of what a push runs to the interpreter and its first compiler.
  await runPushes(server, { ...load, count: plenty * 2, seconds: 4, prefix: "warm" });
  const seconds = lab.seconds + 1;
  return runPushes(server, { ...load, count: plenty * seconds, seconds, prefix: "v" });
}

function images(registry: RegistryName, more: Partial<Case> & { readonly clients?: number } = {}): Case {
  const { clients = 8, ...rest } = more;
  return {
    name: registry,
    registry,
    measure: (server, lab) => pushImages(server, lab, clients, repositories),
    ...rest,
  };
}

const one = ["team/one"];

function intoOne(registry: RegistryName, rounds?: number): Case {
  return {
    name: `${registry}, one repository`,
    registry,
    ...(rounds === undefined ? {} : { rounds }),
    measure: (server, lab) => pushImages(server, lab, 8, one),
  };
}

export const pushSmall: Work = {
  name: "push-images",
  title: "push 1 KiB images, 8 clients, 8 repositories",
  unit: "images/s",
  notes: [
    "an image is five requests: POST and PUT for a layer of 1 KiB and for its config, PUT of the manifest by tag; no two share a blob",
    "four seconds of the same load go before; Berth, docker-registry and distribution sync to the disk, olareg does not",
    "personal token: shown as Basic with each request to a server that asks who may push; the others ask nobody",
    "slow syncs: a preloaded library makes every fsync and fdatasync of Berth wait 2 ms more",
  ],
  cases: [
    images("berth"),
    images("berth", {
      name: "berth, personal token",
      beside: besideGuarded,
      measure: async (server, lab) => pushImages(server, lab, 8, repositories, await makePublicTeam(server)),
    }),
    images("docker-registry"),
    images("distribution", { rounds: 2 }),
    images("olareg", { rounds: 2 }),
    intoOne("berth"),
    intoOne("docker-registry", 2),
    intoOne("distribution", 1),
    intoOne("olareg", 1),
    images("berth", { name: "berth, 2 ms more a sync, 8 clients", slowSync: true }),
    images("berth", { name: "berth, 2 ms more a sync, 32 clients", slowSync: true, clients: 32 }),
  ],
  targets: [
    { text: "rate ÷ docker-registry", value: (r) => r.ratio("berth", "docker-registry", "rate"), atLeast: 8 },
    { text: "CPU an image (µs)", value: (r) => r.median("berth", "cpu"), atMost: 800 },
    { text: "p99 (ms)", value: (r) => r.median("berth", "p99"), atMost: 20 },
    {
      text: "slow syncs, 8 clients (images/s)",
      value: (r) => r.median("berth, 2 ms more a sync, 8 clients", "rate"),
      atLeast: 350,
    },
    {
      text: "slow syncs, 32 clients (images/s)",
      value: (r) => r.median("berth, 2 ms more a sync, 32 clients", "rate"),
      atLeast: 1000,
    },
    {
      text: "one repository ÷ eight",
      value: (r) => r.ratio("berth, one repository", "berth", "rate"),
      atLeast: 0.9,
    },
  ],
};

const gibibyte = 1024 * 1024 * 1024;

export const pushLargeBlob: Work = {
  name: "push-large",
  title: "push one blob of 1 GiB",
  unit: "MB/s",
  notes: ["POST and one PUT; the clock runs until the 201"],
  cases: (["berth", "docker-registry", "distribution", "olareg"] as const).map((registry) => ({
    name: registry,
    registry,
    ...(registry === "berth" || registry === "docker-registry" ? {} : { rounds: 2 }),
    measure: async (server: Server, lab: Lab) =>
      (await pushLarge(server, { repository: "team/app", size: lab.quick ? gibibyte / 4 : gibibyte })).metrics,
  })),
  targets: [
    { text: "rate ÷ docker-registry", value: (r) => r.ratio("berth", "docker-registry", "rate"), atLeast: 1.2 },
  ],
};

function tags(registry: RegistryName, rounds?: number): Case {
  return {
    name: registry,
    registry,
    ...(rounds === undefined ? {} : { rounds }),
    measure: (server, lab) =>
      runPushes(server, {
        kind: "tags",
        clients: 8,
        repositories: ["team/app"],
        layerBytes: 1024,
        count: lab.quick && registry !== "berth" ? 2000 : 10_000,
        seconds: 20,
        prefix: "v",
      }),
  };
}

export const pushTags: Work = {
  name: "push-tags",
  title: "10,000 tags of one manifest, 8 clients",
  unit: "tags/s",
  notes: ["PUT of the same manifest under each tag; stopped after 20 s"],
  cases: [tags("berth"), tags("docker-registry", 2), tags("distribution", 1), tags("olareg", 1)],
  targets: [{ text: "tags/s", value: (r) => r.median("berth", "rate"), atLeast: 3000 }],
};

/** One client, a new manifest under a new tag each time, in a repository of so many tags. */
function growth(registry: RegistryName, count: number): Case {
  let round = 0;
  return {
    name: `${registry}, ${count.toLocaleString("en")} tags`,
    registry,
    ...(registry === "berth" ? {} : { rounds: 1 }),
    prepare: prepareTags(registry, count, false),
    measure: (server, lab) =>
      runPushes(server, {
        kind: "manifests",
        clients: 1,
        repositories: ["big/app"],
        layerBytes: 1024,
        count: registry === "berth" && !lab.quick ? 1000 : 200,
        seconds: 20,
        prefix: `n${round++}-`,
      }),
  };
}

export const manifestPut: Work = {
  name: "manifest-put",
  title: "manifest PUT among 10, 10,000 and 200,000 tags, 1 client",
  unit: "manifests/s",
  notes: ["a new manifest under a new tag each time; Berth's 10, 10,000 and 200,000 tags are rows"],
  cases: [
    ...[10, 10_000, 200_000].map((count) => growth("berth", count)),
    ...(["docker-registry", "distribution", "olareg"] as const).flatMap((registry) =>
      [10, 10_000].map((count) => growth(registry, count)),
    ),
  ],
  targets: [10_000, 200_000].map((count) => ({
    text: `p50 among ${count.toLocaleString("en")} ÷ among 10`,
    value: (r) => r.ratio(`berth, ${count.toLocaleString("en")} tags`, "berth, 10 tags", "p50"),
    atMost: 1.2,
  })),
};
