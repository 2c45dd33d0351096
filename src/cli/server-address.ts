import { usageError } from "./command-error.ts";
import { isLoopback } from "../lib/index.ts";
import { speaksTls } from "./send-request.ts";

/** How a server is reached. */
export interface Reached {
  /** `https://registry.example.com`, without a path. */
  readonly url: string;
  /** More certificates to trust, in PEM. */
  readonly ca: string | undefined;
}

/**
 * The server that a user names: `registry.example.com`, `127.0.0.1:5000`, or a URL without a path. Without a scheme it is
 * HTTPS; on this machine alone, HTTP where no TLS is spoken, as docker does it.
 * @param insecureHttp the user agrees to speak without TLS
 * @throws CommandError for HTTP beyond this machine without that
 */
export async function findServer(named: string, ca: string | undefined, insecureHttp: boolean): Promise<Reached> {
  const url = parseServer(named);
  const local = isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  if (!/^https?:\/\//.test(named)) {
    if (insecureHttp) url.protocol = "http:";
    else if (local && !(await speaksTls(url.origin))) url.protocol = "http:";
  }
  const reached = { url: url.origin, ca };
  refuseClearText(reached.url, insecureHttp);
  return reached;
}

/** @throws CommandError when passwords and tokens would pass in clear, and the user has not agreed to it */
export function refuseClearText(url: string, insecureHttp: boolean): void {
  const { protocol, hostname, host } = new URL(url);
  if (protocol === "https:" || insecureHttp || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"))) return;
  throw usageError(
    `${host} would be spoken to over plain HTTP, and everybody on the way could read your password: use https://, or --insecure-http if you trust the whole way`,
  );
}

function parseServer(named: string): URL {
  const wrong = () =>
    usageError(`${JSON.stringify(named)} is no server: give a host such as registry.example.com, or its URL`);
  let url: URL;
  try {
    url = new URL(/^https?:\/\//.test(named) ? named : `https://${named}`);
  } catch {
    throw wrong();
  }
  if (url.username !== "" || url.password !== "" || !/^\/?$/.test(url.pathname) || url.search + url.hash !== "") {
    throw wrong();
  }
  return url;
}
