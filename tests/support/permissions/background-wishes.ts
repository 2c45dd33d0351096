import { hooks } from "./cast.ts";

const owner = { needs: "server:manage-settings" } as const;
const hook = { needs: "hidden:manage-settings", places: Object.values(hooks), body: () => ({}) } as const;
const run = { needs: "hidden:manage-settings", places: Object.values(hooks) } as const;

/** What the endpoints of jobs, lifecycle runs, webhooks and maintenance take, for the table of `rows.ts`. */
export const backgroundWishes = {
  listWebhooks: { needs: "login" },
  createWebhook: {
    needs: "here:manage-settings",
    // Where no namespace is: others would be told of events.
    body: (namespace: string) => ({ namespace, url: "https://hooks.example/" }),
    places: ["mine/nil", "hers/nil", "none/nil"],
  },
  ...{ getWebhook: hook, updateWebhook: hook, rotateWebhook: hook },
  deleteWebhook: { ...hook, body: () => undefined },
  ...{ testWebhook: hook, listDeliveries: hook, redeliver: hook },
  getMaintenance: { needs: "login" },
  // Without a reason it is refused.
  setReadOnly: { needs: "server:manage-access", body: () => ({ state: "on" }) },
  startLifecycleRun: { needs: "here:manage-settings" },
  listRepositoryLifecycleRuns: { needs: "here:manage-settings" },
  listLifecycleRuns: owner,
  ...{ getLifecycleRun: run, listLifecycleRunImages: run },
  getCollection: owner,
  // What it collects, passes collect anyway.
  startCollection: { needs: "server:manage-access", body: () => ({ count: "x" }) },
  // Not a number of seconds: it is refused.
  pauseCollection: { needs: "server:manage-access", body: () => ({ for: 0 }) },
  // There is no pause that it could end.
  resumeCollection: { needs: "server:manage-access", body: () => undefined },
  ...{ listJobs: owner, getJob: owner, retryJob: owner },
} as const;
