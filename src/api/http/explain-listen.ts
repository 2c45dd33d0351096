/** The error of a listener that could not begin, with what to do. `setting` is what names its address. */
export function explainListen(
  setting: string,
  cause: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
): Error {
  const cure = `set \`${setting}\` (BERTH_${setting.toUpperCase()})`;
  switch (cause.code) {
    case "EADDRINUSE":
      return new Error(
        `port ${port} of ${host} is taken by another program, perhaps by another Berth: stop that one, or ${cure} to another port`,
        { cause },
      );
    case "EACCES":
      return new Error(`this account may not use port ${port}: ${cure} to a port from 1024 on`, { cause });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new Error(`${host} is no address of this machine: ${cure} to one that it has, such as 127.0.0.1`, {
        cause,
      });
    default:
      return cause;
  }
}
