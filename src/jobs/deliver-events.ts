import type { Access } from "../access/index.ts";
import { hasEvents, listDueWebhooks, readTime } from "../metadata/index.ts";
import type { WebhookRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Delivering, DeliveryOptions } from "./delivering.ts";
import { findLostRight } from "./find-webhooks.ts";
import { lookAgain } from "./look-again.ts";
import { secretsOf } from "./open-secrets.ts";
import { sendWaiting } from "./send-waiting.ts";
import type { WebhookLease } from "./writes/deliveries.ts";

/** Events taken out by one write. */
const takeAtOnce = 500;
/** How long a webhook rests whose keeper lost the right. */
const rightPause = 60_000;
/** Rights that end by themselves are asked for again this often, in milliseconds. */
const askAgain = 10_000;

/** The background that tells of events. */
export interface Deliverer {
  wake(): void;
  /** Ends what is being sent; it is sent again by others, or at the next start. */
  stop(): Promise<void>;
}

/** Begins to take events and to deliver them: each webhook by one process at a time. */
export function deliverEvents(deps: Delivering, options: DeliveryOptions): Deliverer {
  const { metadata } = deps;
  const served = new Map<number, Promise<void>>();
  const looking = lookAgain(
    async (stopping) => {
      while (!stopping.aborted && (await metadata.read.first(hasEvents, {})) !== undefined) {
        const { taken } = await metadata.write("spreadEvents", { limit: takeAtOnce, waiting: options.waiting });
        if (taken < takeAtOnce) break;
      }
      const { now } = (await metadata.read.first(readTime, {}))!;
      for (const { id } of await metadata.read.all(listDueWebhooks, { now })) {
        if (stopping.aborted || served.size >= options.webhooksAtOnce) return;
        if (served.has(id)) continue;
        const serving = serve(deps, options, id, stopping)
          .catch((error: unknown) => {
            if (!(error instanceof RegistryError)) throw error;
          })
          .catch((error: unknown) =>
            options.alarm("a webhook could not be served", { webhook: id, reason: String(error) }),
          )
          .finally(() => served.delete(id));
        served.set(id, serving);
      }
    },
    {
      every: options.look,
      failed: (error) => options.alarm("events cannot be looked at, it is tried again", { reason: String(error) }),
    },
  );
  return {
    wake: () => looking.wake(),
    async stop() {
      await looking.stop();
      await Promise.all(served.values());
    },
  };
}

/** Delivers for a webhook until nothing is due; claims it anew where its rows or somebody's rights may have changed meanwhile. */
async function serve(
  deps: Delivering,
  options: DeliveryOptions,
  webhook: number,
  stopping: AbortSignal,
): Promise<void> {
  while (await serveOnce(deps, options, webhook, stopping)) continue;
}

/** @returns whether it is to be served again at once */
async function serveOnce(
  deps: Delivering,
  options: DeliveryOptions,
  webhook: number,
  stopping: AbortSignal,
): Promise<boolean> {
  const { metadata, access } = deps;
  const { lease } = options;
  // Read before the rights are: what changes meanwhile is another version.
  const version = versionOf(access);
  const { claimed } = await metadata.write("claimWebhook", { webhook, lease });
  if (claimed === null) return false;
  const held: WebhookLease = { webhook, fence: claimed.fence };
  const trouble = (await findLostRight(access, claimed)) ?? lostSecret(access, claimed);
  if (trouble !== undefined) {
    if (claimed.trouble !== trouble) options.alarm("a webhook stands still", { webhook, reason: trouble });
    await metadata.write("restWebhook", { ...held, trouble, pause: rightPause });
    return false;
  }
  const ending = new AbortController();
  const signal = AbortSignal.any([stopping, ending.signal]);
  const keep = () =>
    metadata.write("keepWebhook", { ...held, lease }).then(
      ({ disabled }) => disabled && ending.abort(),
      // What is on its way then is another process's to send.
      () => ending.abort(),
    );
  const beat = setInterval(() => void keep(), lease / 3);
  const end = performance.now() + askAgain;
  const isOld = () => performance.now() > end || versionOf(access) !== version;
  let more: boolean;
  try {
    more = await sendWaiting(deps, options, { webhook: claimed, held, signal, end: () => ending.abort(), isOld });
  } finally {
    clearInterval(beat);
  }
  if (ending.signal.aborted) return false;
  await metadata.write("keepWebhook", { ...held, lease: 0 });
  return more && !stopping.aborted;
}

/** Undefined while the database does not say who may do what. */
function versionOf({ version }: Access): number | undefined {
  try {
    return version.current();
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

function lostSecret(access: Access, row: WebhookRow): string | undefined {
  if (secretsOf({ access }, row).length > 0) return undefined;
  return "its secret was sealed under another key than this installation has now: give it a new one";
}
