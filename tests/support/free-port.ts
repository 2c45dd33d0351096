import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/** A port of loopback that nobody uses at the moment, for programs that cannot take any. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
