export { distributionErrors } from "./errors.ts";
export { handleDistribution } from "./handle.ts";
