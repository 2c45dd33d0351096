import { resolve } from "node:path";

/**
 * The file that tests start as a program: what `npm test` has built, which is what is shipped and starts in half the
 * time, or the sources where a test is run by itself.
 */
export const mainFile = process.env["TEST_PROGRAM"] ?? resolve(import.meta.dirname, "../../src/main.ts");
