import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A proxy that brings every connection to one port, whatever host it is for: clients find a server by any name. */
export interface Tunnel {
  /** For `HTTPS_PROXY`. */
  readonly url: string;
  /** Hosts that were asked for, with their ports. */
  readonly hosts: Set<string>;
  close(): Promise<void>;
}

/** Opens one on loopback, to a port of this machine. TLS is spoken through it, not by it. */
export async function openTunnel(port: number): Promise<Tunnel> {
  const hosts = new Set<string>();
  const sockets = new Set<Socket>();
  const proxy = createServer((_request, answer) => void answer.writeHead(405).end());
  proxy.on("connect", (request, client: Socket, head: Buffer) => {
    hosts.add(request.url ?? "");
    const server = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) server.write(head);
      server.pipe(client).pipe(server);
    });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {
        client.destroy();
        server.destroy();
      });
    }
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    hosts,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => proxy.close(done));
    },
  };
}
