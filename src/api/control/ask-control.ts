import { connect } from "node:net";
import { readLine } from "./serve-control.ts";

/**
 * Asks the server that has the data directory to do something. Undefined when none answers there.
 * @throws Error with the server's sentence when it fails
 */
export async function askControl(
  path: string,
  name: string,
  input: object,
): Promise<{ readonly done: unknown } | undefined> {
  const socket = connect(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
  } catch {
    return undefined;
  }
  try {
    const line = readLine(socket);
    socket.write(`${JSON.stringify({ do: name, input })}\n`);
    const answer = JSON.parse(await line) as { done?: unknown; failed?: string };
    if (answer.failed !== undefined) throw new Error(answer.failed);
    return { done: answer.done };
  } finally {
    socket.destroy();
  }
}
