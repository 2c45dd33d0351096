export { handleSso, ssoPrefix } from "./handle.ts";
export type { SsoDoor } from "./handle.ts";
