import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join, relative } from "node:path";

/*
 * How commands talk to the server that has the data directory: a socket in that directory, for its owner only. A
 * connection carries one line each way.
 *
 *   > {"do":"<name of the work>","input":{…}}
 *   < {"done":<result>}     or     {"failed":"<sentence>"}
 */

/** What may be asked for, by name; plain data in and out. */
export type ControlWork = { readonly [name: string]: (input: never) => Promise<unknown> };

/** A served socket. */
export interface Control {
  /** Lets the work under way finish, and removes the socket. */
  close(): Promise<void>;
}

/** A request longer than this is not ours, in characters. */
const longest = 16 * 1024 * 1024;
/** The kernel's limit for the path of a socket, in bytes. */
const longestPath = 100;

/** Where the socket of a data directory is; the shorter of its two spellings, since the kernel takes no long ones. */
export function controlPath(data: string): string {
  const whole = join(data, "control.sock");
  const short = relative(process.cwd(), whole);
  return Buffer.byteLength(whole) > longestPath && short.length < whole.length ? short : whole;
}

/**
 * Serves the socket. The caller has the data directory for itself, so a socket that is there was left by a killed
 * process.
 * @throws Error when the path is too long for the kernel, or the directory cannot be written
 */
export async function serveControl(path: string, work: ControlWork): Promise<Control> {
  rmSync(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    void answer(socket, work);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
    // The directory is closed to others already; this is for one that was opened up.
    server.once("listening", () => chmodSync(path, 0o600));
  });
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
      await closed;
    },
  };
}

async function answer(socket: Socket, work: ControlWork): Promise<void> {
  try {
    const { do: name, input } = JSON.parse(await readLine(socket)) as { do: string; input: never };
    if (!Object.hasOwn(work, name))
      throw new Error(`this server does not know how to ${name}: is it of another version?`);
    socket.end(`${JSON.stringify({ done: (await work[name]!(input)) ?? null })}\n`);
  } catch (error) {
    socket.end(`${JSON.stringify({ failed: error instanceof Error ? error.message : String(error) })}\n`);
  }
}

/** The first line. @throws Error when the connection ends before it, or it is too long */
export function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      text += part;
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > longest) reject(new Error("the line is too long"));
    });
    socket.once("close", () => reject(new Error("the connection ended before its answer")));
    socket.once("error", reject);
  });
}
