import { request } from "node:http";

/** What a server answered. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The first error of the body, if there is one. */
  readonly error: { readonly code: string; readonly message: string };
}

/** Asks a server on this machine by another name. @param server `127.0.0.1:40123` */
export function askHost(
  server: string,
  host: string,
  method: string,
  path: string,
  { body, headers }: { readonly body?: string | undefined; readonly headers: Readonly<Record<string, string>> },
): Promise<Reply> {
  const [address, port] = server.split(":") as [string, string];
  return new Promise((done, reject) => {
    const asked = request({ host: address, port, method, path, headers: { host, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const { code, message } = (text.startsWith("{") ? JSON.parse(text).errors?.[0] : undefined) ?? {};
        done({ status: response.statusCode!, headers: response.headers, text, error: { code, message } });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
