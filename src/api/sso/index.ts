export { handleSso, isSsoPath, ssoRoutes } from "./handle.ts";
export type { SsoDoor } from "./door.ts";
