export { askControl } from "./ask-control.ts";
export { controlPath, serveControl } from "./serve-control.ts";
export type { Control, ControlWork } from "./serve-control.ts";
