export type { Checked, Composition, OpenTrail } from "./composition.ts";
export { describeProgram, runCommand } from "./program.ts";
