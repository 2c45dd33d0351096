import { collectOnce } from "./open-registry.ts";

/*
 * Collects garbage in a data directory that no server uses, as a process that may be killed:
 *
 *   node collect.ts <data>
 *
 * Three passes: the first condemns, the second removes rows, the third removes objects.
 */
for (let pass = 0; pass < 3; pass++) await collectOnce({ data: process.argv[2]! });
