export type { Management } from "./call.ts";
export { handleManagement } from "./handle.ts";
