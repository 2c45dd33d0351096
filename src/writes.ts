import { accessWrites } from "./access/index.ts";
import { jobWrites } from "./jobs/index.ts";
import { registryWrites } from "./registry/index.ts";

/** Every write by name; the writer thread and the nodes on PostgreSQL run this same table. */
export const writes = { ...registryWrites, ...accessWrites, ...jobWrites };

export type AllWrites = typeof writes;
