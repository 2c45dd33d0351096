export { bearerFace } from "./challenge.ts";
export { ecrFace, isAccountHost, tellEcrUser } from "./ecr-face.ts";
export type { EcrFaceOptions, HostAccount } from "./ecr-face.ts";
export type { Face, Need, Told } from "./challenge.ts";
export { distributionErrors } from "./errors.ts";
export { handleDistribution } from "./handle.ts";
export type { Front } from "./handle.ts";
