import { readLatest, readTrailPage, verifyTrail } from "./access/index.ts";
import type { OpenTrail } from "./cli/index.ts";
import type { Config } from "./config.ts";
import { openReadOnlyRows } from "./open-stores.ts";

/** The audit rows of an installation, read beside a server that may be running. @throws MetadataError */
export async function openTrail({ database }: Config): Promise<OpenTrail> {
  const metadata = await openReadOnlyRows(database);
  const { read } = metadata;
  return {
    verify: (options) => verifyTrail(read, options),
    latest: (filter) => readLatest(read, filter),
    page: (after) => readTrailPage(read, {}, { after, limit: 1000, order: "oldest" }),
    close: () => metadata.close(),
  };
}
