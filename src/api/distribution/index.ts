export { handleDistribution } from "./handle.ts";
