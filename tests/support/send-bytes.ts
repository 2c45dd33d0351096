import { connect } from "node:net";

/** Sends bytes as they are; resolves with what comes back until the server is silent or closes. */
export function sendBytes(host: string, text: string, silence = 300): Promise<string> {
  const [name, port] = host.split(":") as [string, string];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), name, () => socket.write(text));
    let heard = "";
    let timer = setTimeout(() => socket.destroy(), 5_000);
    socket.on("data", (part) => {
      heard += part.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), silence);
    });
    socket.on("close", () => (clearTimeout(timer), resolve(heard)));
    socket.on("error", reject);
  });
}
