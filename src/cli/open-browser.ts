import { spawn } from "node:child_process";

/** What opens an address in the browser that the person uses, by platform; no shell reads the address. */
const openers: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Tries to open a page in a browser. Where there is none nothing happens: the address was printed too. @param url http or https */
export function openBrowser(env: NodeJS.ProcessEnv, url: string): void {
  const [program, ...args] = openers[process.platform] ?? ["xdg-open"];
  const child = spawn(program!, [...args, url], { env, stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
