import { collectThrice } from "./open-registry.ts";

/*
 * Collects garbage in a data directory that no server uses, as a process that may be killed:
 *
 *   node collect.ts <data>
 */
await collectThrice({ data: process.argv[2]! });
