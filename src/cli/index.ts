export type {
  AdoptFlags,
  BackedUp,
  BackupOptions,
  Checked,
  Composition,
  OpenTrail,
  RecoverOptions,
  Recovered,
  RestoreOptions,
  Restored,
} from "./composition.ts";
export { nouns } from "./nouns.ts";
export type { Noun } from "./nouns.ts";
export { describeNoun, describeProgram, runCommand } from "./program.ts";
