import { RegistryError } from "../oci/index.ts";
import { findInstallation } from "../metadata/index.ts";
import type { Metadata } from "../metadata/index.ts";

/** The scope that changes of access touch; no repository has such a name. */
export const accessScope = "~access";

/** Row of the installation that holds the version. */
export const versionName = "access-version";

/** Between two looks at the version, where other processes change it (milliseconds). */
const pollEvery = 500;
/** A question without an answer for this long is put again (milliseconds). */
const patience = 1_000;
/** Questions without an answer at most. */
const questions = 5;
/** A version that was read this long ago is not relied on (milliseconds). */
const staleAfter = 5_000;

/** Tells what state of accounts, groups, grants and credentials this process has seen. */
export interface AccessVersion {
  /** @throws RegistryError UNAVAILABLE when the database has not answered for five seconds: policy fails closed */
  current(): number;
  close(): void;
}

/**
 * What this process changes itself is seen at once. Where there are others, the version is asked for twice a second, so
 * that a revoked right is gone on every node within two seconds.
 */
export async function watchAccessVersion(
  metadata: Pick<Metadata<never>, "alone" | "generation" | "read">,
): Promise<AccessVersion> {
  const changedHere = () => metadata.generation(accessScope);
  if (metadata.alone) return { current: changedHere, close: () => undefined };
  const read = async () => Number((await metadata.read.first(findInstallation, { name: versionName }))?.value ?? 0);
  let version = await read();
  let readAt = performance.now();
  /** When each question was asked that has no answer. */
  const asking = new Set<number>();
  const timer = setInterval(() => {
    const askedAt = performance.now();
    // A connection that went silent keeps its question for a minute: others are asked meanwhile, though not without end.
    if (asking.size >= questions || [...asking].some((at) => askedAt - at < patience)) return;
    asking.add(askedAt);
    read()
      .then(
        (value) => {
          if (askedAt < readAt) return;
          version = value;
          readAt = askedAt;
        },
        () => undefined,
      )
      .finally(() => asking.delete(askedAt));
  }, pollEvery);
  timer.unref();
  return {
    current() {
      if (performance.now() - readAt > staleAfter) {
        const message = "the database does not say who may do what: nothing is allowed until it answers again";
        throw new RegistryError("UNAVAILABLE", message);
      }
      // Either only grows, so that each change makes another sum.
      return version + changedHere();
    },
    close: () => clearInterval(timer),
  };
}
