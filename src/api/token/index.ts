export { handleToken, keysPath, tokenPath } from "./handle.ts";
export type { TokenDoor } from "./handle.ts";
