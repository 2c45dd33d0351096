import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A TCP proxy that breaks connections on demand: what a client does when its line goes dead in the middle. */
export interface CuttingProxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Resets the next connection that carries more than `bytes` one way: a push `up`, a pull `down`. Others live on. */
  cut(way: "up" | "down", bytes: number): void;
  /** Connections reset so far. */
  readonly cuts: number;
  /** Answers that brought a part of what was asked for (206). */
  readonly parts: number;
  /** From now on nothing is carried either way, as on a line that is dead without saying so; until `letGo`. */
  hold(): void;
  letGo(): void;
  close(): Promise<void>;
}

const partial = Buffer.from("HTTP/1.1 206 ");

/** Starts a proxy before `target` (`host:port`) on a free port of loopback. */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const [host, port] = target.split(":");
  const open = new Set<Socket>();
  let armed: { readonly way: "up" | "down"; readonly bytes: number } | undefined;
  let cuts = 0;
  let parts = 0;
  let held = false;
  const relay = (from: Socket, to: Socket, way: "up" | "down") => {
    let carried = 0;
    from.on("data", (chunk: Buffer) => {
      carried += chunk.length;
      if (way === "down" && chunk.subarray(0, partial.length).equals(partial)) parts++;
      if (armed?.way === way && carried > armed.bytes) {
        armed = undefined;
        cuts++;
        from.resetAndDestroy();
        to.resetAndDestroy();
      } else if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => held || from.resume());
      }
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => {
      open.delete(from);
      to.destroy();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: host!, port: Number(port), allowHalfOpen: true });
    open.add(client).add(upstream);
    relay(client, upstream, "up");
    relay(upstream, client, "down");
    if (held) for (const socket of [client, upstream]) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: (way, bytes) => {
      armed = { way, bytes };
    },
    get parts() {
      return parts;
    },
    get cuts() {
      return cuts;
    },
    hold() {
      held = true;
      for (const socket of open) socket.pause();
    },
    letGo() {
      held = false;
      for (const socket of open) socket.resume();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
