import type { Attribution } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import type { Registry } from "./registry.ts";
import { findStoredReadOnly, readOnlyScope } from "./writes/read-only.ts";
import type { ReadOnly } from "./writes/read-only.ts";

type Asked = Pick<Registry, "metadata" | "settings">;

/** What the row said is believed for this long where other processes change it, in milliseconds; else until it changes. */
const age = 500;

interface Seen {
  readonly at: number;
  readonly generation: number;
  readonly seen: Promise<ReadOnly | undefined>;
}

const lastSeen = new WeakMap<Registry["metadata"], Seen>();

/**
 * Whether nothing may be changed at the moment: this process was started so, or an owner said so, which all nodes know within
 * a second.
 * @throws MetadataError
 */
export async function findReadOnly({ metadata, settings }: Asked): Promise<ReadOnly | undefined> {
  if (settings.readOnly === true) return { reason: "it was started with --read-only", by: null, since: null };
  const last = lastSeen.get(metadata);
  const at = performance.now();
  const generation = metadata.generation(readOnlyScope);
  if (last?.generation === generation && (metadata.alone || at - last.at < age)) return last.seen;
  const seen = (async () => findStoredReadOnly(metadata.read))();
  lastSeen.set(metadata, { at, generation, seen });
  // What failed is asked for again.
  seen.catch(() => lastSeen.delete(metadata));
  return seen;
}

/** Makes the registry read-only for this reason, or with null ends it. @throws MetadataError */
export async function setReadOnly(registry: Registry, by: Attribution, reason: string | null): Promise<void> {
  await registry.metadata.write("setReadOnly", { by, reason });
}

/** Lets a change pass. @throws RegistryError READ_ONLY with the reason, MetadataError */
export async function requireWritable(registry: Asked): Promise<void> {
  const readOnly = await findReadOnly(registry);
  if (readOnly === undefined) return;
  const message = `the registry is read-only at the moment (${readOnly.reason}), nothing was changed: try again later, or ask its operator; pulls go on`;
  throw new RegistryError("READ_ONLY", message);
}
