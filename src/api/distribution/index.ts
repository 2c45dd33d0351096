export { bearerFace } from "./challenge.ts";
export type { Face, Need } from "./challenge.ts";
export { distributionErrors } from "./errors.ts";
export { handleDistribution } from "./handle.ts";
export type { Front } from "./handle.ts";
