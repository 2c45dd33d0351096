import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config.ts";
import type { Settings } from "../../src/config.ts";
import { openStores } from "../../src/open-stores.ts";
import { fsck } from "../../src/registry/index.ts";
import type { FsckResult } from "../../src/registry/index.ts";
import { KeptLog } from "../support/start-server.ts";
import type { SharedStores } from "./cluster.ts";

/** Compares rows with objects, and every digest with its bytes. */
export async function checkStores({ env }: SharedStores): Promise<FsckResult> {
  const data = await mkdtemp(join(tmpdir(), "berth-check-"));
  const settings: Settings = {
    data,
    open: true,
    database: env["BERTH_DATABASE"],
    storage: env["BERTH_STORAGE"],
    storageCredentials: {
      accessKeyId: env["BERTH_STORAGE_CREDENTIALS_ACCESS_KEY_ID"],
      secretAccessKey: env["BERTH_STORAGE_CREDENTIALS_SECRET_ACCESS_KEY"],
    },
  };
  const stores = await openStores(parseConfig(settings), new KeptLog());
  try {
    return await fsck(stores.registry, {
      verify: true,
      rate: 0,
      grace: 60_000,
      report: () => undefined,
      progress: () => undefined,
    });
  } finally {
    await stores.close();
    await rm(data, { recursive: true, force: true });
  }
}
