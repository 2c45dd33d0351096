import { RecentBytes } from "./recent-bytes.ts";
import type { Registry } from "./registry.ts";

/** Bytes of small blobs that are remembered. */
const limit = 2 * 1024 * 1024;
const recent = new WeakMap<Registry, RecentBytes>();

/**
 * Small blobs that were pushed here lately, by digest: a manifest comes right after its config, and is read together
 * with it. Only what bytes say is asked here; whether a repository has them is for the rows to say.
 */
export function recentBlobs(registry: Registry): RecentBytes {
  let blobs = recent.get(registry);
  if (blobs === undefined) recent.set(registry, (blobs = new RecentBytes(limit)));
  return blobs;
}
