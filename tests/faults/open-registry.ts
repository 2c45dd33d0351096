import { parseConfig } from "../../src/config.ts";
import type { Settings } from "../../src/config.ts";
import type { Log } from "../../src/lib/index.ts";
import { openStores } from "../../src/open-stores.ts";
import { collectGarbage, fsck } from "../../src/registry/index.ts";
import type { Registry } from "../../src/registry/index.ts";

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  line: () => undefined,
};

/** Opens the rows and bytes of a directory that no server uses, without any grace, for the time of `work`. */
async function withRegistry<T>(where: Settings, work: (registry: Registry) => Promise<T>): Promise<T> {
  const collection = { pin: "0s", objectGrace: "0s", orphanGrace: "0s", lookGap: "0s" };
  const { registry, close } = await openStores(
    parseConfig({ ...where, open: true, collection, undo: { window: "0s" } }),
    quiet,
  );
  try {
    return await work(registry);
  } finally {
    await close();
  }
}

/** Collection by a command that is alone with the directory: one pass condemns, one removes rows, one objects. */
export async function collectThrice(where: Settings): Promise<void> {
  await withRegistry(where, async (registry) => {
    for (let pass = 0; pass < 3; pass++) await collectGarbage(registry, everything());
  });
}

/**
 * Checks rows against rows, rows against objects and objects against their digests, after sweeps that take the objects of
 * unanswered pushes.
 * @returns one sentence for each thing that is wrong
 */
export async function fsckOnce(where: Settings): Promise<string[]> {
  return withRegistry(where, async (registry) => {
    // Two looks and the reaper's turn.
    for (let pass = 0; pass < 3; pass++) await collectGarbage(registry, everything());
    return findProblems(registry);
  });
}

/**
 * What a collection that was struck left: what is wrong now (objects that it did not come to are not), and what is wrong
 * once collection has come through.
 */
export async function fsckAfterCollection(where: Settings): Promise<string[]> {
  return withRegistry(where, async (registry) => {
    const now = (await findProblems(registry)).filter((problem) => !problem.startsWith("objectsWithoutRow"));
    for (let pass = 0; pass < 4; pass++) await collectGarbage(registry, everything());
    return [...now, ...(await findProblems(registry))];
  });
}

/** Checks without a sweep before. */
export async function fsckAsItIs(where: Settings): Promise<string[]> {
  return withRegistry(where, findProblems);
}

async function findProblems(registry: Registry): Promise<string[]> {
  const wrong: string[] = [];
  await fsck(registry, {
    verify: true,
    rate: 0,
    grace: 0,
    report: ({ number, message }) => void wrong.push(`${number}: ${message}`),
    progress: () => undefined,
  });
  return wrong;
}

function everything() {
  return { clock: undefined, checkMark: false, sweepEvery: 0, signal: new AbortController().signal };
}
