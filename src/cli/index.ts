export type { Checked, Composition } from "./composition.ts";
export { describeProgram, runCommand } from "./program.ts";
