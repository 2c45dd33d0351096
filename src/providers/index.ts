export { bucketFiles } from "./distribution/bucket-files.ts";
export { directoryFiles } from "./distribution/files.ts";
export type { StoredFiles } from "./distribution/files.ts";
export { findDistribution } from "./distribution/read-distribution.ts";
