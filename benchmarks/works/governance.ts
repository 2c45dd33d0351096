import { Receiver } from "../../tests/support/receiver.ts";
import type { AnswerOf, lifecyclePreviewEndpoints } from "../../src/contract/index.ts";
import { runPushes } from "../clients/push.ts";
import type { Server } from "../registries.ts";
import { addAgedImages } from "../rows.ts";
import type { Beside, Case, Lab, Metrics, Work } from "../work.ts";
import { seedImage } from "./seed.ts";

/** The management API of an open server. @throws Error when the answer is none of 2xx */
async function ask(server: Server, method: string, path: string, body?: object): Promise<unknown> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, { method, headers, ...init });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

const day = 86_400_000;
const images = 100_000;
const large = "/repositories/team/app/-/lifecycle";
const policy = {
  rules: [
    { name: "releases", action: "keep", select: { semver: ">=1.90" }, newest: { count: 500, by: "semver" } },
    { name: "rest", action: "expire", olderThan: { days: 90 }, exceptNewest: { count: 1_000 } },
  ],
  floor: { percent: 100 },
};

async function prepareImages(lab: Lab): Promise<void> {
  const server = await lab.start();
  await seedImage(server, "team/app", "first");
  await server.stop();
  addAgedImages(lab.folder, "team/app", images, 400 * day);
}

/** From the question to the answer, with the processor and the memory that it took. */
async function measured(server: Server, work: () => Promise<void>): Promise<Metrics> {
  const [cpu, began] = [server.cpu(), performance.now()];
  await work();
  const ms = performance.now() - began;
  return { ms, cpu: (server.cpu() - cpu) * 1e6, MiB: server.memory("VmHWM") };
}

type Preview = AnswerOf<typeof lifecyclePreviewEndpoints.getLifecyclePreview>;

async function previewByJob(server: Server): Promise<void> {
  const { preview } = (await ask(server, "POST", `${large}/previews`, { policy })) as Preview;
  for (;;) {
    const { state, outcome } = (await ask(server, "GET", `${large}/previews/${preview}`)) as Preview;
    if (state === "done") return;
    if (state !== "waiting" && state !== "planning") throw new Error(`the preview is ${state}: ${outcome}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const lifecyclePreview: Work = {
  name: "lifecycle-preview",
  title: "preview of 100,000 images",
  unit: "previews",
  notes: [
    "100,000 tagged images of one repository as rows, 59,000 of which go by a policy of two rules; from the question to the first page of the answer, or to the end of the job with all pages kept",
    "CPU is that of all threads for one preview; MiB is the highest resident size of the process",
  ],
  cases: [
    {
      name: "berth, within the request",
      registry: "berth",
      prepare: prepareImages,
      measure: (server) =>
        measured(server, async () => void (await ask(server, "POST", `${large}/preview`, { policy, limit: 1_000 }))),
    },
    {
      name: "berth, by a job",
      registry: "berth",
      prepare: prepareImages,
      measure: (server) => measured(server, () => previewByJob(server)),
    },
  ],
  targets: [
    { text: "within the request (ms)", value: (r) => r.median("berth, within the request", "ms"), atMost: 5_000 },
    { text: "by a job (ms)", value: (r) => r.median("berth, by a job", "ms"), atMost: 5_000 },
  ],
};

const repositories = Array.from({ length: 8 }, (_none, index) => `team/web/app${index}`);

async function besideReceiver(): Promise<Beside & { readonly receiver: Receiver }> {
  const receiver = await Receiver.open();
  const env = { BERTH_OUTGOING_ALLOW: "127.0.0.0/8" };
  return { receiver, env, stop: () => receiver.close() };
}

const nothing: Beside = {
  env: { BERTH_UNDO_WINDOW: "0s", BERTH_LIFECYCLE_SCHEDULE: "off" },
  stop: async () => undefined,
};

/** What a push may have to think of. */
interface Governance {
  readonly quotas?: true;
  readonly policy?: true;
  readonly webhook?: { readonly url: string; readonly format: string };
}

async function govern(server: Server, { quotas, policy: hasPolicy, webhook }: Governance): Promise<void> {
  for (const path of ["team", "team/web"]) {
    await ask(server, "POST", "/namespaces", { path });
    if (quotas === undefined) continue;
    const set = { quotaStorage: 100 * 1024 ** 3, quotaImages: 1_000_000, quotaRepositories: 1_000 };
    await ask(server, "PATCH", `/namespaces/${path}/-/settings`, { set });
  }
  if (hasPolicy) await ask(server, "PATCH", "/namespaces/team/-/settings", { set: { lifecycle: policy } });
  if (webhook !== undefined) await ask(server, "POST", "/webhooks", { namespace: "team", ...webhook });
}

async function push(server: Server, lab: Lab): Promise<Metrics> {
  const load = { kind: "images", clients: 8, repositories, layerBytes: 1024 } as const;
  const seconds = lab.seconds + 1;
  await runPushes(server, { ...load, count: 10_000, seconds, prefix: "warm" });
  return runPushes(server, { ...load, count: 2_500 * seconds, seconds, prefix: "v" });
}

function governed(name: string, what: "all" | "quotas" | "webhook", format = "cloudevents-batch"): Case {
  let receiver: Receiver | undefined;
  return {
    name: `berth, ${name}`,
    registry: "berth",
    beside: async () => {
      const beside = await besideReceiver();
      receiver = beside.receiver;
      const all = { BERTH_UNDO_WINDOW: "7d", BERTH_LIFECYCLE_SCHEDULE: "30 1 * * *" };
      return { ...beside, env: { ...beside.env, ...(what === "all" ? all : nothing.env) } };
    },
    measure: async (server, lab) => {
      await govern(server, {
        ...(what === "webhook" ? {} : { quotas: true }),
        ...(what === "quotas" ? {} : { webhook: { url: receiver!.url, format } }),
        ...(what === "all" ? { policy: true } : {}),
      });
      const metrics = await push(server, lab);
      const events = receiver!.got.reduce((sum, { body }) => sum + [JSON.parse(body)].flat().length, 0);
      return { ...metrics, messages: receiver!.got.length, events };
    },
  };
}

export const pushGoverned: Work = {
  name: "push-governed",
  title: "push 1 KiB images with all of governance on and off, 8 clients, 8 repositories",
  unit: "images/s",
  notes: [
    "on: a lifecycle policy with the nightly schedule, undo for 7 days, quotas of storage, images and repositories on two namespaces of which none is near, a webhook that tells a receiver on the same machine in batches; off: none of that",
    "quotas alone and a webhook alone: on but for the rest; one event a message: on, with the webhook's standard form",
    "an image is five requests, as in `push-images`; CPU is the server's, what it takes to send webhooks included; the receiver has a share of the same cores, which the rate feels and CPU does not count",
  ],
  cases: [
    { name: "berth, governance off", registry: "berth", beside: async () => nothing, measure: push },
    governed("governance on", "all"),
    governed("quotas alone", "quotas"),
    governed("a webhook alone", "webhook"),
    governed("on, one event a message", "all", "cloudevents"),
  ],
  targets: [
    { text: "on ÷ off", value: (r) => r.ratio("berth, governance on", "berth, governance off", "rate"), atLeast: 0.85 },
    {
      text: "processor time of the server alone, off ÷ on",
      value: (r) => r.ratio("berth, governance off", "berth, governance on", "cpu"),
      atLeast: 0.85,
    },
  ],
};
