import { placeOfRepository } from "./api/ecr/index.ts";
import type { Config } from "./config.ts";
import { collectionJobs, lifecycleJobs, openJobs, openWebhooks, previewJobs, webhookUpkeep } from "./jobs/index.ts";
import type { JobKinds, Jobs, Webhooks } from "./jobs/index.ts";
import { openReceivers } from "./open-outside.ts";
import type { Stores } from "./open-stores.ts";
import type { Collection } from "./registry/index.ts";

/** What a server does beside answering requests, but for collection. */
export interface Background {
  readonly jobs: Jobs;
  readonly webhooks: Webhooks;
  /** Hands over what is under way. */
  readonly stop: () => Promise<void>;
}

/** Begins to do jobs and to tell of events. @throws MetadataError, SettingsError */
export async function openBackground(
  config: Config,
  { registry, metadata }: Stores,
  collection: Collection,
): Promise<Background> {
  const { access, alarm } = registry;
  const fetch = await openReceivers(config);
  const source = config.publicUrl ?? "urn:berth";
  const { gather: look, giveUp, keep, timeout } = config.webhooks;
  const lease = Math.max(30_000, 3 * timeout);
  const upkeep = webhookUpkeep(metadata, keep);
  const lifecycle = lifecycleJobs(registry, metadata, { keep: config.jobs.keep, ...config.lifecycle });
  const collecting = collectionJobs(registry, collection);
  const previews = previewJobs(registry);
  const parts = [upkeep, lifecycle, collecting, previews];
  const kinds: JobKinds = Object.fromEntries(parts.flatMap((part) => Object.entries(part.kinds)));
  const schedules = parts.flatMap((part) => part.schedules);
  for (const name of lifecycle.dropped) await metadata.write("dropSchedule", { name });
  const jobs = await openJobs(metadata, { kinds, schedules, many: previews.many, keep: config.jobs.keep, alarm });
  const ecrPlaceOf = (repository: string) => placeOfRepository(config.ecr, repository);
  const webhooks = await openWebhooks({ metadata, access, fetch, source, ecrPlaceOf }, { look, giveUp, lease, alarm });
  return {
    jobs,
    webhooks,
    async stop() {
      await webhooks.stop();
      await jobs.stop();
    },
  };
}
