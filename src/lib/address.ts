import { isIP } from "node:net";

/** Where a listener is. */
export interface Address {
  /** Name or address, an IPv6 one without brackets. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** `127.0.0.1:5000`, `localhost:5000`, `[::1]:5000`. @throws RangeError */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    throw new RangeError(`${JSON.stringify(text)} is not host:port`);
  }
  return { host, port: Number(port) };
}

/** The text that {@link parseAddress} reads. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine can reach it. Other names than `localhost` count as reachable: they may resolve to anything. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
